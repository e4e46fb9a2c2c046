/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept, whatever its age: a barn works on when the cloud is away (spec edge 4.7).
 */
#include "common/ask.h"
#include "common/members.h"
#include "common/rows.h"
#include "policy.h"
#include "queries.h"

/* One row at most, as an object; 404 when there is none. */
struct document {
    struct shim_call *call;
    int is_there;
};

static int write_config(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                        uint32_t count)
{
    struct document *document = ctx;
    struct farmiq_json_writer *json =
        shim_json(document->call, 4096 + columns[3].text.len);

    (void)row;
    (void)count;
    farmiq_json_open(json, '{');
    member_text(json, "tenant_id", columns[0].text);
    member_text(json, "farm_id", columns[1].text);
    member_text(json, "barn_id", columns[2].text);
    farmiq_json_key(json, "config_json");
    farmiq_json_raw(json, columns[3].text);
    member_text(json, "hash", columns[4].text);
    member_time(json, "fetched_at", columns[5].integer);
    farmiq_json_key(json, "source_etag");
    rows_value(json, ROWS_TEXT, &columns[6]);
    farmiq_json_close(json, '}');
    document->is_there = 1;
    return FARMIQ_OK;
}

int policy_get_effective(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(ask_required(&ask, ASK_TENANT)),
        farmiq_sql_text(ask_required(&ask, ASK_FARM)),
        farmiq_sql_text(ask_required(&ask, ASK_BARN)),
    };
    struct document document = { call, 0 };
    int r;

    if (ask.is_refused)
        return 0;
    r = farmiq_sql_run(call->store, &sql_policy_of, NULL, params, 3, write_config,
                       &document);
    if (r < 0)
        return r;
    return document.is_there ? shim_reply(call, 200)
                             : shim_reply_error(call, 404, "NOT_FOUND",
                                                "no configuration of this barn has come "
                                                "yet");
}

static int write_state(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    struct shim_call *call = ctx;
    struct farmiq_json_writer *json = shim_json(call, 2048);
    double lag_seconds = (double)(call->now_unix_ms - columns[0].integer) / 1000;

    (void)row;
    (void)count;
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "last_success_at");
    rows_value(json, ROWS_TIME, &columns[0]);
    farmiq_json_key(json, "last_error_at");
    rows_value(json, ROWS_TIME, &columns[1]);
    farmiq_json_key(json, "last_error");
    rows_value(json, ROWS_TEXT, &columns[2]);
    member_int(json, "consecutive_failures", columns[3].integer);
    member_int(json, "cache_entries", columns[4].integer);
    if (columns[0].type == FARMIQ_SQL_NULL)
        member_null(json, "lag_seconds");
    else
        member_real(json, "lag_seconds", lag_seconds);
    farmiq_json_close(json, '}');
    return FARMIQ_OK;
}

int policy_get_state(struct shim_call *call)
{
    int r =
        farmiq_sql_run(call->store, &sql_policy_state, NULL, NULL, 0, write_state, call);

    return r < 0 ? r : shim_reply(call, 200);
}
