/* SPDX-License-Identifier: Apache-2.0 */
/* How a pass went: a row for whoever asks, gauges for whoever is to be woken. */
#include "policy.h"
#include "queries.h"

static int take_state(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    const struct shim_call *call = ctx;
    const struct policy_state *state = call->state;
    int64_t since_unix_ms = columns[0].type == FARMIQ_SQL_NULL
                                ? state->asked_since_unix_ms
                                : columns[0].integer;

    (void)row;
    (void)count;
    shim_gauge("edge_policy_sync_lag_seconds", NULL,
               (double)(call->now_unix_ms - since_unix_ms) / 1000);
    shim_gauge("edge_policy_cache_entries", NULL, (double)columns[4].integer);
    return FARMIQ_OK;
}

/* Gauges move with each pass: an alarm must not wait for somebody who asks. */
static int note(struct shim_call *call, void *arg)
{
    const char *fault = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(call->now_unix_ms),
        farmiq_sql_text_or_null(shim_str(fault ? fault : "")),
    };
    int r =
        farmiq_sql_run(call->store, fault ? &sql_policy_failed : &sql_policy_succeeded,
                       NULL, params, fault ? 2 : 1, NULL, NULL);

    return r < 0 ? r
                 : farmiq_sql_run(call->store, &sql_policy_state, NULL, NULL, 0,
                                  take_state, call);
}

int policy_note(struct shim_call *call, const char *fault)
{
    return shim_write(call, note, (void *)fault);
}
