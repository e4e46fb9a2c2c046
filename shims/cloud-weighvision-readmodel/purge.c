/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions go with all that hangs on them, days, and where images lie, when they are old
 * enough. */
#include "readmodel.h"

#include "common/purge.h"
#include "queries.h"

#define SESSIONS_AT_ONCE 200

static int purge_sessions(struct shim_call *call, uint32_t *rows)
{
    static const struct farmiq_sql_query *const queries[] = { &sql_weights_purge,
                                                              &sql_media_purge,
                                                              &sql_inferences_purge,
                                                              &sql_sessions_purge, NULL };

    return purge_together(call, queries, "SESSION_RETENTION_DAYS", SESSIONS_AT_ONCE,
                          rows);
}

static int purge_old(struct shim_call *call, const struct farmiq_sql_query *query,
                     uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_unix_ms(call, "SESSION_RETENTION_DAYS")),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, query, NULL, params, 2, rows);
}

static int purge_days(struct shim_call *call, uint32_t *rows)
{
    return purge_old(call, &sql_aggregates_purge, rows);
}

static int purge_images(struct shim_call *call, uint32_t *rows)
{
    return purge_old(call, &sql_images_purge, rows);
}

int readmodel_purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_sessions, purge_days, purge_images, NULL };

    return purge_run(call, steps);
}
