/* SPDX-License-Identifier: Apache-2.0 */
/* What was found, how much of it, and by which model (spec edge 4.5). */
#include "inference.h"

#include "common/ask.h"
#include "common/members.h"
#include "common/rows.h"
#include "common/text.h"
#include "queries.h"

#include <string.h>

#define RESULT_BYTES 8192 /* the metadata once more escaped */
#define STUB_VERSION "stub-1"

static const struct rows_column columns[] = {
    { "id", ROWS_TEXT },
    { "event_id", ROWS_TEXT },
    { "tenant_id", ROWS_TEXT },
    { "farm_id", ROWS_TEXT },
    { "barn_id", ROWS_TEXT },
    { "device_id", ROWS_TEXT },
    { "session_id", ROWS_TEXT },
    { "media_id", ROWS_TEXT },
    { "predicted_weight_kg", ROWS_REAL },
    { "predicted_size", ROWS_TEXT },
    { "confidence", ROWS_REAL },
    { "model_version", ROWS_TEXT },
    { "occurred_at", ROWS_TIME },
    { "created_at", ROWS_TIME },
    { "metadata", ROWS_TEXT },
    { 0 },
};

/* Who asks: by the header, or in the query. Empty: refused. */
static struct farmiq_str ask_tenant(struct ask *ask)
{
    struct farmiq_str tenant_id = shim_header(ask->call, "x-tenant-id");

    if (!tenant_id.len)
        tenant_id = ask_text(ask, ASK_TENANT);
    if (!tenant_id.len && !ask->is_refused) {
        shim_reply_error(ask->call, 400, "MISSING_TENANT", "say whose, as x-tenant-id");
        ask->is_refused = 1;
    }
    return tenant_id;
}

static int write_results(struct shim_call *call, struct farmiq_str session_id,
                         const struct farmiq_sql_value params[3])
{
    struct farmiq_json_writer *json =
        shim_json(call, (size_t)(params[2].integer + 1) * RESULT_BYTES);
    uint32_t written = 0;
    int r;

    farmiq_json_open(json, '{');
    member_text(json, "session_id", session_id);
    r = rows_array(call, json, "results", columns, &sql_results, NULL, params, 3,
                   &written);
    member_int(json, "count", written);
    farmiq_json_close(json, '}');
    return r < 0 ? r : shim_reply(call, 200);
}

int inference_get_results(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct farmiq_str tenant_id = ask_tenant(&ask);
    struct farmiq_str session_id =
        ask.is_refused ? tenant_id : ask_required(&ask, "sessionId|session_id");
    int64_t limit = ask.is_refused ? 1 : ask_limit(&ask, 100, 500);
    const struct farmiq_sql_value params[] = { farmiq_sql_text(tenant_id),
                                               farmiq_sql_text(session_id),
                                               farmiq_sql_integer(limit) };

    return ask.is_refused ? FARMIQ_OK : write_results(call, session_id, params);
}

/* ## Figures */

struct figures {
    int64_t count, last_at_unix_ms;
};

static int take_figures(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
                        uint32_t count)
{
    struct figures *figures = ctx;

    (void)row;
    (void)count;
    figures->count = values[0].integer;
    figures->last_at_unix_ms = values[1].integer;
    return FARMIQ_OK;
}

/* Nobody's are none. */
int inference_get_stats(struct shim_call *call)
{
    struct farmiq_str tenant_id = shim_header(call, "x-tenant-id");
    const struct farmiq_sql_value param = farmiq_sql_text(tenant_id);
    struct farmiq_json_writer *json;
    struct figures figures = { 0 };
    int r =
        farmiq_sql_run(call->store, &sql_stats, NULL, &param, 1, take_figures, &figures);

    if (r < 0)
        return r;
    json = shim_json(call, 1024);
    farmiq_json_open(json, '{');
    member_int(json, "total_results", figures.count);
    member_time_or_null(json, "last_result_at", figures.last_at_unix_ms);
    member_text_or_null(json, "tenant_id", tenant_id);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

/* Nothing is filtered by its confidence: that is for whoever uses a result. */
int inference_get_models(struct shim_call *call)
{
    const struct inference_state *state = call->state;
    const char *version = state->version;
    struct farmiq_json_writer *json = shim_json(call, 4096);
    const char *status = !*version                            ? "no_model"
                         : strcmp(version, STUB_VERSION) == 0 ? "stub_mode"
                                                              : "ready";

    farmiq_json_open(json, '{');
    member_text_or_null(json, "model_version", shim_str(version));
    member_text_or_null(json, "model_path",
                        shim_str(shim_text(call, "INFERENCE_MODEL_MANIFEST")));
    member_real(json, "confidence_threshold", 0);
    member_null(json, "nms_threshold");
    member_text(json, "status", shim_str(status));
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}
