/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that can fail: every store that a simulated process opens is the real one,
 * wrapped. Each verb is a step at which the process can die, before it or after it. */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include <farmiq/farmiq.h>

#include "sim.h"

/* Rules that are wrong on purpose, so that a test can show the harness finding them. */
enum sim_bug {
    SIM_NO_BUG,
    SIM_BUG_EDGE_DEDUPE_FIRST,  /* the ingress' dedupe commits before the outbox row */
    SIM_BUG_CLOUD_DEDUPE_FIRST, /* the same in the cloud, before the bus */
    SIM_BUG_LYING_COMMIT,       /* answered when it is not durable yet */
    SIM_BUG_FULL_DISK_IGNORED,  /* an append that found no room counts as done */
    SIM_BUG_TENANT_BLIND,       /* dedupe by event id alone */
    SIM_BUG_NO_FENCE,           /* a settlement passes whoever holds the lease */
    SIM_BUG_LEASE_FOR_EVER,     /* what a dead forwarder held is never claimed again */
    SIM_BUG_PUBACK_FIRST,       /* PUBACK before the commit */
    SIM_BUG_FORGET_AT_PUBACK,   /* devices do not wait for the edge's own word */
    SIM_BUG_ANY_200,            /* a bare 200 is taken for an acknowledgement */
    SIM_BUG_OUTAGES_COUNT       /* seed 002, 7.4, literally: an outage is an attempt */
};
void sim_bug_plant(enum sim_bug bug);
int sim_bug_is(enum sim_bug bug);

/* What became durable. Told after the outermost commit, never before. */
struct sim_settled {
    int depth; /* of the savepoint that it was written in */
    char queue[24];
    int64_t seq;
    int32_t status;
    int64_t occurred_at_unix_ms;
    char tenant_id[FARMIQ_ID_MAX_BYTES + 1];
    char event_id[FARMIQ_ID_MAX_BYTES + 1];
};
struct sim_store_watcher {
    void (*on_claimed)(const char *queue, const struct farmiq_outbox_row *first);
    void (*on_settled)(const struct sim_settled *row);
};
void sim_store_watch(const struct sim_store_watcher *watcher); /* NULL: nobody */

/* A look, or a write, by somebody who is no process of the farm. The edge's schema is
 * there already. FARMIQ_OK, or what the store's open returned. */
int sim_store_open_beside(struct farmiq_store *out, const char *url, int reads_only);

#endif
