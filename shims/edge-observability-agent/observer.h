/* SPDX-License-Identifier: Apache-2.0 */
/* What the observer's files share. */
#ifndef OBSERVER_H
#define OBSERVER_H

#include "kit/shim.h"

#define OBSERVER_TARGETS_MAX 24

/* A process that is asked. */
struct target {
    char name[FARMIQ_ID_MAX_BYTES + 1];
    char url[256];
};

/* What it said. */
struct finding {
    int is_healthy, is_ready;
    int64_t latency_ms; /* of both questions together */
    int64_t at_unix_ms;
};

struct round {
    struct finding findings[OBSERVER_TARGETS_MAX];
    struct shim_machine machine;
    int64_t at_unix_ms;
};

/* A poll writes into the round after the current one and then makes it current: who reads
 * a round has the time of three polls. */
#define OBSERVER_ROUNDS 4

struct observer_state {
    struct target targets[OBSERVER_TARGETS_MAX];
    uint32_t target_count;
    struct round rounds[OBSERVER_ROUNDS];
    _Atomic uint32_t polls; /* done; the current round is the last one's */
};

int observer_check(struct shim_call *call); /* poll.c: are the options sound? */
int observer_start(struct shim_call *call);
int observer_poll(struct shim_call *call);       /* a job */
int observer_get_status(struct shim_call *call); /* status.c */
int observer_post_redrive(struct shim_call *call);

#endif
