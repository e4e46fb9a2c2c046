/* SPDX-License-Identifier: Apache-2.0 */
/* An event of a session for the cloud (spec edge 6.1). */
#include "news.h"

#include "common/members.h"

static struct farmiq_str text_of(const struct news *news, enum session_text which)
{
    return news->session->text[which];
}

static void write_place(struct farmiq_json_writer *json, const struct news *news)
{
    member_text(json, "session_id", session_name(news->session));
    member_text(json, "tenant_id", session_tenant(news->session));
    member_text_or_null(json, "farm_id", text_of(news, SESSION_FARM));
    member_text_or_null(json, "barn_id", text_of(news, SESSION_BARN));
    member_text_or_null(json, "device_id", text_of(news, SESSION_DEVICE));
    member_text_or_null(json, "station_id", text_of(news, SESSION_STATION));
    member_text_or_null(json, "batch_id", text_of(news, SESSION_BATCH));
    member_text(json, "source_event_id", news->event_id);
}

void news_write_created(struct farmiq_json_writer *json, const void *ctx)
{
    const struct news *news = ctx;

    farmiq_json_open(json, '{');
    write_place(json, news);
    member_time(json, "start_at", news->occurred_at_unix_ms);
    farmiq_json_close(json, '}');
}

void news_write_weight(struct farmiq_json_writer *json, const void *ctx)
{
    const struct news *news = ctx;

    farmiq_json_open(json, '{');
    write_place(json, news);
    member_real(json, "weight_kg", news->weight_kg);
    member_time(json, "occurred_at", news->occurred_at_unix_ms);
    farmiq_json_close(json, '}');
}

void news_write_image(struct farmiq_json_writer *json, const void *ctx)
{
    const struct news *news = ctx;

    farmiq_json_open(json, '{');
    write_place(json, news);
    member_text(json, "media_id", news->media_id);
    member_time(json, "occurred_at", news->occurred_at_unix_ms);
    farmiq_json_close(json, '}');
}

void news_write_finalized(struct farmiq_json_writer *json, const void *ctx)
{
    const struct news *news = ctx;
    const struct farmiq_session *fold = &news->session->fold;

    farmiq_json_open(json, '{');
    write_place(json, news);
    if (fold->weight_count)
        member_real(json, "final_weight_kg", fold->final_weight_kg);
    else
        member_null(json, "final_weight_kg");
    member_int(json, "image_count", fold->image_count);
    member_time(json, "end_at", fold->end_at_unix_ms);
    member_text(json, "status", shim_str("finalized"));
    member_text_or_null(json, "inference_result_id", text_of(news, SESSION_RESULT));
    farmiq_json_close(json, '}');
}

/* Under the id that it travels with (13-A5). */
static int name_event(struct shim_call *call, const struct news *news,
                      struct farmiq_event *event)
{
    char *id = shim_memory(call, FARMIQ_UUID_STRLEN + 1);
    int r;

    if (!id)
        return FARMIQ_E_NOMEM;
    event->event_id = (struct farmiq_str){ id, FARMIQ_UUID_STRLEN };
    r = farmiq_event_id_normalize(event->tenant_id.ptr, event->tenant_id.len,
                                  news->event_id.ptr, news->event_id.len, id);
    event->trace_id = news->trace_id.len ? news->trace_id : event->event_id;
    return r < 0 ? r : FARMIQ_OK;
}

int news_tell(struct telling *telling, const struct news *news)
{
    struct farmiq_outbox_row *row = shim_memory(telling->call, sizeof *row);
    struct farmiq_event *event = shim_memory(telling->call, sizeof *event);
    int r;

    if (!row || !event)
        return FARMIQ_E_NOMEM;
    farmiq_outbox_row_init(row, sizeof *row);
    farmiq_event_init(event, sizeof *event);
    row->event = event;
    event->event_type = shim_str(news->event_type);
    event->tenant_id = session_tenant(news->session);
    event->session_id = session_name(news->session);
    event->farm_id = text_of(news, SESSION_FARM);
    event->barn_id = text_of(news, SESSION_BARN);
    event->device_id = text_of(news, SESSION_DEVICE);
    event->station_id = text_of(news, SESSION_STATION);
    event->batch_id = text_of(news, SESSION_BATCH);
    event->occurred_at_unix_ms = news->occurred_at_unix_ms;
    r = name_event(telling->call, news, event);
    if (r == FARMIQ_OK)
        r = scratch_build(telling->call, 1024, news->write, news, &event->payload);
    *telling->end = row;
    telling->end = &row->next;
    return r;
}
