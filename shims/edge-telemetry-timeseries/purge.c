/* SPDX-License-Identifier: Apache-2.0 */
/* Readings and buckets that are old enough go (spec edge 5.8), but no reading whose event
 * the cloud may not have: that is, none whose event is still in the outbox. */
#include "timeseries.h"

#include "common/purge.h"
#include "queries.h"

static int purge_raw(struct shim_call *call, uint32_t *rows)
{
    struct timeseries_state *state = call->state;

    return purge_numbered(call, &state->purged_id, &sql_raw_chunk, &sql_raw_purge,
                          purge_before_or_pressed_unix_ms(
                              call, "TELEMETRY_RAW_RETENTION_DAYS", PURGE_READINGS),
                          rows);
}

static int purge_buckets(struct shim_call *call, uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_or_pressed_unix_ms(
            call, "TELEMETRY_AGG_RETENTION_DAYS", PURGE_AGGREGATES)),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, &sql_buckets_purge, NULL, params, 2, rows);
}

static int purge_parts(struct shim_call *call, uint32_t *rows)
{
    (void)rows;
    return purge_months(call, &sql_months_drop,
                        purge_before_unix_ms(call, "TELEMETRY_RAW_RETENTION_DAYS"));
}

int timeseries_purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_buckets, purge_raw, purge_parts, NULL };

    return purge_run(call, steps);
}
