/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator can see (spec edge 4.6). */
#include "forwarder.h"

#include "common/ask.h"
#include "common/rows.h"
#include "common/text.h"
#include "queries.h"

static const struct rows_column outbox_columns[] = {
    { "id", ROWS_TEXT },
    { "tenant_id", ROWS_TEXT },
    { "event_type", ROWS_TEXT },
    { "status", ROWS_TEXT },
    { "attempt_count", ROWS_INTEGER },
    { "next_attempt_at", ROWS_TIME },
    { "claimed_by", ROWS_TEXT },
    { "lease_expires_at", ROWS_TIME },
    { "last_error_code", ROWS_TEXT },
    { "last_error_message", ROWS_TEXT },
    { "created_at", ROWS_TIME },
    { 0 },
};

static const struct rows_column dlq_columns[] = {
    { "id", ROWS_TEXT },
    { "tenant_id", ROWS_TEXT },
    { "event_type", ROWS_TEXT },
    { "attempt_count", ROWS_INTEGER },
    { "last_error_code", ROWS_TEXT },
    { "last_error_message", ROWS_TEXT },
    { "dlq_reason", ROWS_TEXT },
    { "failed_at", ROWS_TIME },
    { "created_at", ROWS_TIME },
    { 0 },
};

static const struct rows_column state_columns[] = {
    { "last_success_at", ROWS_TIME },
    { "last_error_at", ROWS_TIME },
    { "consecutive_failures", ROWS_INTEGER },
    { "paused_until", ROWS_TIME },
    { 0 },
};

static int write_state_members(void *ctx, uint32_t row,
                               const struct farmiq_sql_value *values, uint32_t count)
{
    struct farmiq_json_writer *json = ctx;

    (void)row;
    for (uint32_t i = 0; i < count; i++) {
        farmiq_json_key(json, state_columns[i].name);
        rows_value(json, state_columns[i].kind, &values[i]);
    }
    return 0;
}

static void write_count(struct farmiq_json_writer *json, const char *name, uint64_t count)
{
    farmiq_json_key(json, name);
    farmiq_json_int(json, (int64_t)count);
}

int forwarder_get_state(struct shim_call *call)
{
    struct farmiq_json_writer *json = shim_json(call, 1024);
    struct farmiq_outbox_stats stats;
    int r;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    r = farmiq_store_outbox_stats(call->store, "sync", &stats);
    if (r < 0)
        return r;
    farmiq_json_open(json, '{');
    write_count(json, "pending_count", stats.pending);
    write_count(json, "claimed_count", stats.claimed);
    write_count(json, "dlq_count", stats.dlq);
    write_count(json, "acked_count", stats.acked);
    farmiq_json_key(json, "oldest_pending_age_seconds");
    if (stats.oldest_pending_unix_ms)
        farmiq_json_double(
            json, (double)(call->now_unix_ms - stats.oldest_pending_unix_ms) / 1000);
    else
        farmiq_json_null(json);
    r = farmiq_sql_run(call->store, &sql_sync_state, NULL, NULL, 0, write_state_members,
                       json);
    farmiq_json_close(json, '}');
    return r < 0 ? r : shim_reply(call, 200);
}

static const char *const statuses[] = { "pending", "claimed", "acked",
                                        "dlq",     "failed",  NULL };

int forwarder_get_outbox(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct farmiq_str status = ask_text(&ask, "status");
    int64_t limit = ask_limit(&ask, 100, 1000);
    int known = 0;

    if (!status.len)
        status = shim_str("pending");
    for (int i = 0; statuses[i]; i++)
        known |= text_is(status, statuses[i]);
    if (!known)
        ask_refuse(&ask, "status must be pending, claimed, acked, dlq or failed");
    if (ask.is_refused)
        return 0;
    const struct farmiq_sql_value params[] = { farmiq_sql_text(status),
                                               farmiq_sql_integer(limit) };
    return rows_reply(call, limit, "entries", outbox_columns, &sql_outbox, NULL, params,
                      2);
}

int forwarder_get_dlq(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    int64_t limit = ask_limit(&ask, 100, 1000);
    const struct farmiq_sql_value param = farmiq_sql_integer(limit);

    if (ask.is_refused)
        return 0;
    return rows_reply(call, limit, "entries", dlq_columns, &sql_dlq, NULL, &param, 1);
}

/* ## Is the cloud there, and does it know us? */

/* The neighbour of the batch path, as a relative reference (RFC 3986, 5.2). */
#define HANDSHAKE "diagnostics/handshake"

static struct farmiq_str handshake_path(struct shim_call *call)
{
    struct farmiq_str parts[] = { forwarder_auth_url_path(call), shim_str(HANDSHAKE) };

    while (parts[0].len && parts[0].ptr[parts[0].len - 1] != '/')
        parts[0].len--;
    return text_join(call, parts, 2);
}

int forwarder_get_cloud_diagnostics(struct shim_call *call)
{
    struct shim_header_line headers[AUTH_HEADERS];
    struct farmiq_json_writer *json;
    struct shim_request request = {
        .url_option = "CLOUD_INGESTION_URL",
        .method = "GET",
        .path = "/../" HANDSHAKE,
        .headers = headers,
        .timeout_ms = (uint32_t)shim_number(call, "CLOUD_TIMEOUT_MS"),
    };
    int r = FARMIQ_E_UNREACHABLE, ok;

    request.header_count =
        forwarder_auth_headers(call, "GET", handshake_path(call), shim_str(""), headers);
    if (*shim_text(call, "CLOUD_INGESTION_URL"))
        r = shim_request(call, &request);
    ok = r == FARMIQ_OK && request.status == 200;
    json = shim_json(call, 512);
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "ok");
    farmiq_json_bool(json, ok);
    farmiq_json_key(json, "status");
    farmiq_json_int(json, r == FARMIQ_OK ? request.status : 0);
    farmiq_json_key(json, "message");
    farmiq_json_text(json, ok               ? "the cloud answers and knows us"
                           : r == FARMIQ_OK ? "the cloud answers but refuses us"
                                            : "the cloud does not answer");
    farmiq_json_close(json, '}');
    return shim_reply(call, ok ? 200 : 502);
}
