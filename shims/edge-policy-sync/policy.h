/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy service's files share. */
#ifndef POLICY_H
#define POLICY_H

#include "common/scratch.h"
#include "kit/shim.h"

/* Whose configuration: a barn's. */
struct context {
    struct context *next;
    struct farmiq_str tenant_id, farm_id, barn_id;
};

struct policy_state {
    int64_t asked_since_unix_ms; /* the first pass; 0: there was none */
};

/* contexts.c: EDGE_CONTEXTS, in the call's memory. FARMIQ_OK; FARMIQ_E_ARG: it is no list
 * of contexts; FARMIQ_E_NOMEM. */
int policy_contexts(struct shim_call *call, struct context **first);
int policy_check(struct shim_call *call);

/* note.c: a pass has ended, well or (`fault`) not. FARMIQ_OK, or the writer's failure. */
int policy_note(struct shim_call *call, const char *fault);

int policy_sync(struct shim_call *call);          /* sync.c: a job */
int policy_get_effective(struct shim_call *call); /* answer.c */
int policy_get_state(struct shim_call *call);

#endif
