/* SPDX-License-Identifier: Apache-2.0 */
/* A complete image is shown to the model (spec edge 9): the inference service is asked
 * after the image is safe, and again while it gives no answer; it knows a repeat. */
#include "media.h"

#include "common/scratch.h"
#include "queries.h"

#define ORDERS_AT_ONCE 20
#define PAUSE_MS 5000                           /* after no answer */
#define PATIENCE_MS ((int64_t)24 * 3600 * 1000) /* then the image stays unseen */

struct order {
    struct farmiq_str media_id;
    struct media media;
    int64_t created_at_unix_ms;
    struct farmiq_str job_id; /* answered */
    int is_done;
};

struct orders {
    struct shim_call *call; /* the job's: what is read outlives the transaction */
    struct order list[ORDERS_AT_ONCE];
    uint32_t count;
};

static int note_order(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    static const enum media_text places[] = { MEDIA_TENANT, MEDIA_FARM,    MEDIA_BARN,
                                              MEDIA_DEVICE, MEDIA_SESSION, MEDIA_KEY };
    struct orders *orders = ctx;
    struct order *order = &orders->list[row];

    (void)count;
    *order = (struct order){ .media_id = text_copy(orders->call, columns[0].text),
                             .created_at_unix_ms = columns[7].integer };
    for (uint32_t i = 0; i < sizeof places / sizeof *places; i++)
        order->media.text[places[i]] = text_copy(orders->call, columns[1 + i].text);
    orders->count = row + 1;
    return 0;
}

static int read_orders(struct shim_call *call, void *arg)
{
    struct orders *orders = arg;
    const struct farmiq_sql_value params[] = { farmiq_sql_integer(call->now_unix_ms),
                                               farmiq_sql_integer(ORDERS_AT_ONCE) };

    orders->count = 0;
    return farmiq_sql_run(call->store, &sql_media_unseen, NULL, params, 2, note_order,
                          orders);
}

static void write_order(struct farmiq_json_writer *json, const void *ctx)
{
    const struct order *order = ctx;
    const struct farmiq_str *text = order->media.text;

    farmiq_json_open(json, '{');
    member_text(json, "tenant_id", text[MEDIA_TENANT]);
    member_text(json, "farm_id", text[MEDIA_FARM]);
    member_text(json, "barn_id", text[MEDIA_BARN]);
    member_text(json, "device_id", text[MEDIA_DEVICE]);
    if (text[MEDIA_SESSION].len)
        member_text(json, "session_id", text[MEDIA_SESSION]);
    member_text(json, "media_id", order->media_id);
    member_text(json, "object_key", text[MEDIA_KEY]);
    farmiq_json_close(json, '}');
}

/* Nobody there, or in trouble of its own: that passes. Anything else is for good. */
static int is_passing(const struct shim_request *request, int r)
{
    return r < 0 || request->status >= 500 || request->status == 429;
}

static void conclude(struct shim_call *call, struct order *order,
                     const struct shim_request *request, int r)
{
    struct farmiq_json_member job = { .name = "job_id" };
    struct scratch scratch = { 0 };
    int64_t age_ms = call->now_unix_ms - order->created_at_unix_ms;

    order->is_done = !is_passing(request, r) || age_ms > PATIENCE_MS;
    if (r == FARMIQ_OK && request->status < 300 &&
        scratch_members(&scratch, call, request->reply, &job, 1) == FARMIQ_OK)
        order->job_id = job.text;
    else
        shim_log(call, SHIM_WARN, "media.unseen",
                 "media_id=%.*s: inference answered %d%s", (int)order->media_id.len,
                 order->media_id.ptr, request->status,
                 order->is_done ? "" : "; it is asked again");
}

static int ask(struct shim_call *call, struct order *order)
{
    const struct shim_header_line tenant = { "x-tenant-id",
                                             order->media.text[MEDIA_TENANT] };
    struct shim_request request = { .service = "edge-vision-inference",
                                    .url_option = "EDGE_VISION_INFERENCE_URL",
                                    .method = "POST",
                                    .path = "/api/v1/inference/jobs",
                                    .headers = &tenant,
                                    .header_count = 1,
                                    .timeout_ms = 5000 };
    int r = scratch_build(call, 4096, write_order, order, &request.body);

    if (r < 0)
        return r;
    conclude(call, order, &request, shim_request(call, &request));
    return FARMIQ_OK;
}

static int note_answers(struct shim_call *call, void *arg)
{
    const struct orders *orders = arg;
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < orders->count && r >= 0; i++) {
        const struct order *order = &orders->list[i];
        const struct farmiq_sql_value params[] = {
            farmiq_sql_text(order->media_id),
            farmiq_sql_text_or_null(order->job_id),
            order->is_done ? farmiq_sql_null()
                           : farmiq_sql_integer(call->now_unix_ms + PAUSE_MS),
        };

        r = farmiq_sql_run(call->store, &sql_media_seen, NULL, params, 3, NULL, NULL);
    }
    return r;
}

int media_infer(struct shim_call *call)
{
    struct orders *orders = shim_memory(call, sizeof *orders);
    int r;

    if (!orders)
        return FARMIQ_E_NOMEM;
    orders->call = call;
    r = shim_write(call, read_orders, orders);
    for (uint32_t i = 0; i < orders->count && r >= 0; i++)
        r = ask(call, &orders->list[i]);
    if (r >= 0 && orders->count)
        r = shim_write(call, note_answers, orders);
    return r < 0 ? r : orders->count == ORDERS_AT_ONCE ? SHIM_AGAIN : FARMIQ_OK;
}
