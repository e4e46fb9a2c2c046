/* SPDX-License-Identifier: Apache-2.0 */
/* GET weight-aggregates: the days as they were summed up, in both spellings. */
#include "readmodel.h"

#include "common/rows.h"
#include "queries.h"

static const struct rows_column columns[] = {
    { "tenantId", ROWS_TEXT },
    { "farmId", ROWS_TEXT },
    { "barnId", ROWS_TEXT },
    { "batchId", ROWS_TEXT },
    { "recordDate", ROWS_TEXT },
    { "avgWeightKg", ROWS_REAL },
    { "p10WeightKg", ROWS_REAL },
    { "p50WeightKg", ROWS_REAL },
    { "p90WeightKg", ROWS_REAL },
    { "sampleCount", ROWS_INTEGER },
    { "qualityPassRate", ROWS_REAL },
    { "createdAt", ROWS_TIME },
    { "updatedAt", ROWS_TIME },
    { "date", ROWS_TEXT },
    { "avg_weight_kg", ROWS_REAL },
    { "p10", ROWS_REAL },
    { "p50", ROWS_REAL },
    { "p90", ROWS_REAL },
    { "sample_count", ROWS_INTEGER },
    { "quality_pass_rate", ROWS_REAL },
    { 0 },
};

#define MOST_ROWS 10000

int readmodel_get_aggregates(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct range range;
    struct farmiq_str farm_id = ask_text(&ask, ASK_FARM);
    struct farmiq_str barn_id = ask_text(&ask, ASK_BARN);
    struct farmiq_str batch_id = ask_text(&ask, ASK_BATCH);
    int64_t limit = ask_limit(&ask, 1000, MOST_ROWS);

    readmodel_ask_range(&ask, &range);
    if (ask.is_refused)
        return 0;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        farmiq_sql_text(shim_str(range.first.date)),
        farmiq_sql_text(shim_str(range.last.date)),
        farmiq_sql_text(farm_id),
        farmiq_sql_text(barn_id),
        farmiq_sql_text(batch_id),
        farmiq_sql_integer(limit),
    };
    return rows_reply(call, limit, "items", columns, &sql_aggregates, NULL, params, 7);
}
