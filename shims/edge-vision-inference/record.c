/* SPDX-License-Identifier: Apache-2.0 */
/* A result, written in one transaction with its event for the cloud, its session's, and
 * the end of its job: all of it once, or none. */
#include "inference.h"

#include "common/members.h"
#include "common/scratch.h"
#include "common/text.h"
#include "queries.h"

#define SESSIONS "edge-weighvision-session"

/* ## The session */

static void write_attachment(struct farmiq_json_writer *json, const void *ctx)
{
    const struct work *work = ctx;

    farmiq_json_open(json, '{');
    member_text(json, "media_id", work->order.media_id);
    member_text(json, "inference_result_id", work->result_id);
    farmiq_json_close(json, '}');
}

/* 202: until created comes. A session that is cancelled, or not known where nothing is
 * remembered, keeps nothing from being a result. */
static int judge_attached(struct shim_call *call, const struct order *order, int status)
{
    if (status == 200 || status == 202)
        return FARMIQ_OK;
    if (status == 500) /* it may be this session that cannot be read */
        return FARMIQ_E_STATE;
    if (status != 400 && status != 403 && status != 404 && status != 409)
        return FARMIQ_E_UNREACHABLE;
    shim_count("farmiq_inference_unattached_total", NULL, 1);
    shim_log(call, SHIM_WARN, "inference.unattached",
             "session_id=%.*s did not take result of job %.*s: %d",
             (int)order->session_id.len, order->session_id.ptr, (int)order->job_id.len,
             order->job_id.ptr, status);
    return FARMIQ_OK;
}

static int attach(struct shim_call *call, struct work *work)
{
    const struct farmiq_str parts[] = { shim_str("/api/v1/weighvision/sessions/"),
                                        work->order.session_id, shim_str("/attach") };
    const struct shim_header_line headers[] = {
        { "x-tenant-id", work->order.tenant_id },
        { "content-type", shim_str("application/json") },
    };
    struct shim_request request = {
        .service = SESSIONS,
        .url_option = "EDGE_WEIGHVISION_SESSION_URL",
        .method = "POST",
        .path = text_join(call, parts, 3).ptr,
        .body = work->attachment,
        .headers = headers,
        .header_count = 2,
        .timeout_ms = (uint32_t)shim_number(call, "DOWNSTREAM_TIMEOUT_MS"),
    };
    int r = shim_request(call, &request);

    return r < 0 ? r : judge_attached(call, &work->order, request.status);
}

static int prepare(struct work *work)
{
    work->result_id =
        order_result_id(work->call, &work->order, work->finding.model_version);
    if (!work->result_id.len)
        return FARMIQ_E_NOMEM;
    return scratch_build(work->call, 512, write_attachment, work, &work->attachment);
}

int record_attach_afar(struct work *work)
{
    int r = prepare(work);

    if (r < 0 || !work->order.session_id.len || shim_is_hosted(work->call, SESSIONS))
        return r;
    return attach(work->call, work);
}

/* ## The result */

static int note_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    *(int *)ctx = 1;
    return FARMIQ_OK;
}

static int insert(struct shim_call *call, const struct work *work, int *is_new)
{
    const struct order *order = &work->order;
    const struct finding *finding = &work->finding;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(work->result_id),
        farmiq_sql_text(order->job_id),
        farmiq_sql_text(order->tenant_id),
        farmiq_sql_text(order->farm_id),
        farmiq_sql_text(order->barn_id),
        farmiq_sql_text(order->device_id),
        farmiq_sql_text_or_null(order->session_id),
        farmiq_sql_text(order->media_id),
        farmiq_sql_real(finding->weight_kg),
        farmiq_sql_real(finding->confidence),
        farmiq_sql_text(finding->model_version),
        farmiq_sql_integer(call->now_unix_ms),
        farmiq_sql_text(finding->metadata),
    };

    *is_new = 0;
    return farmiq_sql_run(call->store, &sql_result_insert, NULL, params, 13, note_new,
                          is_new);
}

/* ## The event */

struct news {
    const struct work *work;
    int64_t occurred_at_unix_ms;
};

static void write_news(struct farmiq_json_writer *json, const void *ctx)
{
    const struct news *news = ctx;
    const struct order *order = &news->work->order;
    const struct finding *finding = &news->work->finding;

    farmiq_json_open(json, '{');
    member_text(json, "inference_result_id", news->work->result_id);
    member_text(json, "media_id", order->media_id);
    member_text_or_null(json, "session_id", order->session_id);
    member_real(json, "predicted_weight_kg", finding->weight_kg);
    member_real(json, "confidence", finding->confidence);
    member_text(json, "model_version", finding->model_version);
    member_time(json, "occurred_at", news->occurred_at_unix_ms);
    member_text(json, "tenant_id", order->tenant_id);
    member_text(json, "farm_id", order->farm_id);
    member_text(json, "barn_id", order->barn_id);
    member_text(json, "device_id", order->device_id);
    farmiq_json_close(json, '}');
}

static int tell(struct shim_call *call, const struct work *work)
{
    const struct news news = { work, call->now_unix_ms };
    struct farmiq_outbox_row row;
    struct farmiq_event event;
    int r = order_event(call, &work->order, &event);

    if (r == FARMIQ_OK)
        r = scratch_build(call, 1024, write_news, &news, &event.payload);
    if (r < 0)
        return r;
    event.event_type = shim_str("inference.completed");
    event.event_id = work->result_id;
    farmiq_outbox_row_init(&row, sizeof row);
    row.event = &event;
    shim_wake(call, "sync_once");
    return farmiq_store_outbox_append(call->store, "sync", &row, call->now_unix_ms);
}

/* The job's end comes first: who lost it to another writes nothing. */
int record_result(struct shim_call *call, void *arg)
{
    struct work *work = arg;
    int is_new = 0;
    int r = farmiq_store_outbox_settle(call->store, QUEUE, work->row, call->now_unix_ms);

    if (r != FARMIQ_OK)
        return r;
    r = insert(call, work, &is_new);
    if (r == FARMIQ_OK && is_new)
        r = tell(call, work);
    if (r == FARMIQ_OK && work->order.session_id.len && shim_is_hosted(call, SESSIONS))
        r = attach(call, work);
    return r;
}
