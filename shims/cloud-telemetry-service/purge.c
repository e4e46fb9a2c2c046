/* SPDX-License-Identifier: Apache-2.0 */
/* Readings, buckets and silent devices that are old enough go (seed 003, section 9). */
#include "telemetry.h"

#include "common/purge.h"
#include "queries.h"

static int purge_raw(struct shim_call *call, uint32_t *rows)
{
    struct telemetry_state *state = call->state;

    return purge_numbered(call, &state->purged_id, &sql_raw_chunk, &sql_raw_purge,
                          purge_before_unix_ms(call, "TELEMETRY_RAW_RETENTION_DAYS"),
                          rows);
}

static int purge_aggregates(struct shim_call *call, const struct farmiq_sql_query *query,
                            uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_unix_ms(call, "TELEMETRY_AGG_RETENTION_DAYS")),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, query, NULL, params, 2, rows);
}

static int purge_buckets(struct shim_call *call, uint32_t *rows)
{
    return purge_aggregates(call, &sql_buckets_purge, rows);
}

static int purge_edge_buckets(struct shim_call *call, uint32_t *rows)
{
    return purge_aggregates(call, &sql_edge_aggregates_purge, rows);
}

static int purge_parts(struct shim_call *call, uint32_t *rows)
{
    (void)rows;
    return purge_months(call, &sql_months_drop,
                        purge_before_unix_ms(call, "TELEMETRY_RAW_RETENTION_DAYS"));
}

int telemetry_purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_buckets, purge_edge_buckets, purge_raw,
                                         purge_parts, NULL };

    return purge_run(call, steps);
}

static int purge_latest(struct shim_call *call, uint32_t *rows)
{
    struct telemetry_state *state = call->state;

    return purge_silent(call, &state->latest, &sql_latest_end, &sql_latest_purge, rows);
}

static int purge_last_seen(struct shim_call *call, uint32_t *rows)
{
    struct telemetry_state *state = call->state;

    return purge_devices(call, &state->devices, rows);
}

int telemetry_purge_silent(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_latest, purge_last_seen, NULL };

    return purge_run(call, steps);
}
