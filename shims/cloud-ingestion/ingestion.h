/* SPDX-License-Identifier: Apache-2.0 */
/* What the ingestion's files share. */
#ifndef INGESTION_H
#define INGESTION_H

#include "kit/shim.h"

/* Who sent the request, and for whom it may speak. */
struct credential {
    struct farmiq_str edge_id; /* empty: a plain secret, bound to nobody */
    struct farmiq_str secret;
    struct farmiq_str tenants; /* "t1+t2"; empty: any */
};

/* A step that has answered the request itself, with a refusal. */
#define REPLIED 1

/* admit.c. Returns FARMIQ_OK, REPLIED, or FARMIQ_E_*. */
int ingestion_admit(struct shim_call *call, struct credential *credential);
/* After a signature was accepted: has it been before? Same results. */
int ingestion_admit_once(struct shim_call *call, const struct credential *credential);
int ingestion_speaks_for(const struct credential *credential,
                         struct farmiq_str tenant_id);
int ingestion_check_options(struct shim_call *call); /* at start */

/* One batch in hand. */
struct intake {
    struct shim_call *call;
    struct credential credential;
    struct farmiq_batch batch;
    struct farmiq_event **events;      /* in the order they came */
    struct farmiq_sighting *sightings; /* of events[i] */
    uint32_t accepted, duplicated, rejected;
};

int ingestion_post_batch(struct shim_call *call); /* batch.c */
int ingestion_reply(struct intake *intake);       /* answer.c: 0 or FARMIQ_E_* */

/* sort.c: a chain by event id; of equal ones the first stays first. */
struct farmiq_sighting *ingestion_sort(struct farmiq_sighting *first);

/* strict.c: the reference's "Missing <field>", or NULL (spec cloud 1.4). */
const char *ingestion_strict_fault(const struct farmiq_event *event);

#endif
