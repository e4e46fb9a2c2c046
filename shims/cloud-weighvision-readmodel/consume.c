/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from the bus: facts into their sessions in one transaction, in whatever order
 * they come (spec cloud 2.5, 3.4). */
#include "readmodel.h"

#include "common/consume.h"
#include "common/text.h"
#include "queries.h"

struct delivery {
    struct weigh_fact fact;
    struct shim_message *message;
    /* Of an inference. */
    struct farmiq_sql_value model_version, predicted_weight_kg, confidence;
};

struct intake {
    struct shim_call *call;
    struct scratch scratch;
    struct delivery *deliveries;
    struct images images;
    uint32_t count;
};

static void take_identity(struct weigh_fact *fact, const struct farmiq_event *event)
{
    fact->kind = weigh_kind(event->event_type);
    fact->tenant_id = event->tenant_id;
    fact->session_id = event->session_id;
    fact->event_id = event->event_id;
    fact->trace_id = event->trace_id;
    fact->farm_id = event->farm_id;
    fact->barn_id = event->barn_id;
    fact->device_id = event->device_id;
    fact->station_id = event->station_id;
    fact->batch_id = event->batch_id;
    fact->occurred_at_unix_ms = event->occurred_at_unix_ms;
}

static struct farmiq_sql_value number_or_null(const struct farmiq_json_member *member)
{
    return member->type == FARMIQ_JSON_NUMBER ? farmiq_sql_real(member->number)
                                              : farmiq_sql_null();
}

static int read_prediction(struct intake *intake, struct delivery *delivery)
{
    struct farmiq_json_member m[] = { { .name = "model_version" },
                                      { .name = "predicted_weight_kg" },
                                      { .name = "confidence" } };
    int r = scratch_members(&intake->scratch, intake->call,
                            delivery->message->event->payload, m, 3);

    delivery->model_version = m[0].type == FARMIQ_JSON_STRING
                                  ? farmiq_sql_text_or_null(m[0].text)
                                  : farmiq_sql_null();
    delivery->predicted_weight_kg = number_or_null(&m[1]);
    delivery->confidence = number_or_null(&m[2]);
    return r;
}

/* What an event of this kind says beside what the fold wants. */
static int read_more(struct intake *intake, struct delivery *delivery)
{
    if (delivery->fact.kind == FARMIQ_SESSION_EV_INFERENCE)
        return read_prediction(intake, delivery);
    if (delivery->fact.kind == FARMIQ_SESSION_EV_IMAGE)
        return images_read(&intake->images, &intake->scratch, intake->call,
                           &delivery->fact, delivery->message->event->payload);
    return FARMIQ_OK;
}

/* Sets the message's verdict, and takes it if it is about a session; negative only when
 * memory is out. A result without a session is nobody's here; of an image without one it
 * is remembered where it lies. */
static int read_message(void *ctx, struct shim_message *message)
{
    struct intake *intake = ctx;
    struct delivery *delivery = &intake->deliveries[intake->count];
    const char *fault;
    int r;

    *delivery = (struct delivery){ .message = message };
    take_identity(&delivery->fact, message->event);
    r = weigh_read(&delivery->fact, &intake->scratch, intake->call,
                   message->event->payload, &fault);
    if (r == FARMIQ_OK && message->event->event_id.len)
        r = read_more(intake, delivery);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r < 0 || !message->event->event_id.len)
        consume_refuse(message, "INVALID_EVENT");
    else if (!delivery->fact.session_id.len)
        shim_count("farmiq_readmodel_facts_total", "ignored", 1);
    else
        intake->count++;
    return FARMIQ_OK;
}

static int read_messages(struct intake *intake)
{
    int r;

    intake->deliveries = consume_room(intake->call, sizeof *intake->deliveries);
    r = intake->deliveries ? images_open(&intake->images, intake->call) : FARMIQ_E_NOMEM;
    if (r == FARMIQ_OK)
        r = consume_each(intake->call, read_message, intake);
    for (uint32_t i = 1; i < intake->count; i++)
        intake->deliveries[i - 1].fact.next = &intake->deliveries[i].fact;
    return r;
}

#define INFERENCE_COLUMNS 9

static void put_inference(struct farmiq_sql_value *to, const struct delivery *delivery,
                          int64_t now_unix_ms)
{
    const struct weigh_fact *fact = &delivery->fact;

    to[0] = farmiq_sql_text(fact->tenant_id);
    to[1] = farmiq_sql_text(fact->event_id);
    to[2] = farmiq_sql_text(fact->session_id);
    to[3] = delivery->model_version;
    to[4] = delivery->predicted_weight_kg;
    to[5] = delivery->confidence;
    to[6] = farmiq_sql_text(delivery->message->event->payload);
    to[7] = farmiq_sql_integer(fact->occurred_at_unix_ms);
    to[8] = farmiq_sql_integer(now_unix_ms);
}

/* A result counts towards its day although the fold does not know it. */
static int store_inferences(struct intake *intake)
{
    struct shim_call *call = intake->call;
    struct farmiq_sql_value *params = shim_memory(
        call, (size_t)(intake->count + 1) * INFERENCE_COLUMNS * sizeof *params);
    uint32_t rows = 0;

    if (!params)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < intake->count; i++) {
        struct delivery *delivery = &intake->deliveries[i];

        if (delivery->fact.kind != FARMIQ_SESSION_EV_INFERENCE || delivery->fact.refusal)
            continue;
        put_inference(params + (size_t)rows++ * INFERENCE_COLUMNS, delivery,
                      call->now_unix_ms);
        delivery->fact.session->is_changed = 1;
    }
    return rows ? farmiq_sql_run_many(call->store, &sql_inference_add, NULL, params,
                                      INFERENCE_COLUMNS, rows, NULL, NULL)
                : FARMIQ_OK;
}

static void settle(const struct intake *intake)
{
    uint64_t stored = 0, duplicate = 0;

    for (uint32_t i = 0; i < intake->count; i++) {
        const struct weigh_fact *fact = &intake->deliveries[i].fact;

        if (fact->refusal)
            consume_refuse(intake->deliveries[i].message, fact->refusal);
        stored += !fact->refusal && fact->is_new;
        duplicate += !fact->refusal && !fact->is_new;
    }
    shim_count("farmiq_readmodel_facts_total", "stored", stored);
    shim_count("farmiq_readmodel_facts_total", "duplicate", duplicate);
}

int readmodel_consume(struct shim_call *call)
{
    struct intake intake = { .call = call };
    struct sessions sessions;
    int r = read_messages(&intake);

    if (r == FARMIQ_OK)
        r = sessions_open(&sessions, call, intake.count);
    if (r == FARMIQ_OK)
        r = sessions_take(&sessions, intake.count ? &intake.deliveries->fact : NULL);
    if (r == FARMIQ_OK)
        r = store_inferences(&intake);
    if (r == FARMIQ_OK)
        r = images_store(&intake.images, call);
    if (r == FARMIQ_OK)
        r = readmodel_mark_days(&sessions);
    if (r == FARMIQ_OK)
        r = sessions_save(&sessions);
    if (r == FARMIQ_OK)
        settle(&intake);
    return r;
}
