/* SPDX-License-Identifier: Apache-2.0 */
/* The row of an image and the event that tells the cloud of it, in one transaction
 * (13-A10). Their ids follow from the key, so that a repeat is known for one (8.2). */
#include "media.h"

#include "common/scratch.h"
#include "queries.h"

/* ## Ids */

static struct farmiq_str id_of(struct shim_call *call, struct farmiq_str name)
{
    static const char space_name[] = "farmiq.edge.media-store";
    uint8_t space[FARMIQ_UUID_BYTES], id[FARMIQ_UUID_BYTES];
    char *text = shim_memory(call, FARMIQ_UUID_STRLEN + 1);

    if (!text || !name.len ||
        farmiq_uuid_v5(space, farmiq_uuid_dns_space(), space_name,
                       sizeof space_name - 1) != FARMIQ_OK ||
        farmiq_uuid_v5(id, space, name.ptr, name.len) != FARMIQ_OK)
        return shim_str("");
    farmiq_uuid_format(id, text);
    return (struct farmiq_str){ text, FARMIQ_UUID_STRLEN };
}

static struct farmiq_str bucket(const struct shim_call *call)
{
    return shim_str(shim_text(call, "MEDIA_BUCKET"));
}

struct farmiq_str media_id(struct shim_call *call, const struct media *media)
{
    struct farmiq_str colon = shim_str(":");

    return id_of(call, text_join(call,
                                 (struct farmiq_str[]){ media->text[MEDIA_TENANT], colon,
                                                        bucket(call), colon,
                                                        media->text[MEDIA_KEY] },
                                 5));
}

static struct farmiq_str event_id(struct shim_call *call, struct farmiq_str id)
{
    return id_of(
        call, text_join(call, (struct farmiq_str[]){ id, shim_str(":media.stored") }, 2));
}

/* ## The event */

struct telling {
    struct shim_call *call;
    const struct media *media;
    struct farmiq_str id, event_id;
};

static void write_payload(struct farmiq_json_writer *json, const void *ctx)
{
    const struct telling *telling = ctx;
    const struct media *media = telling->media;

    farmiq_json_open(json, '{');
    member_text(json, "media_id", telling->id);
    member_text(json, "object_id", telling->id); /* the cloud's names (12, D-62) */
    member_text(json, "object_key", media->text[MEDIA_KEY]);
    member_text(json, "path", media->text[MEDIA_KEY]);
    member_text(json, "bucket", bucket(telling->call));
    member_text_or_null(json, "etag", media->etag);
    member_text(json, "mime_type", media->text[MEDIA_TYPE]);
    member_int(json, "size_bytes", media->bytes);
    member_time_or_null(json, "captured_at", media->captured_at_unix_ms);
    member_text(json, "tenant_id", media->text[MEDIA_TENANT]);
    member_text(json, "farm_id", media->text[MEDIA_FARM]);
    member_text(json, "barn_id", media->text[MEDIA_BARN]);
    member_text(json, "device_id", media->text[MEDIA_DEVICE]);
    member_text_or_null(json, "session_id", media->text[MEDIA_SESSION]);
    farmiq_json_close(json, '}');
}

static int tell(struct telling *telling)
{
    struct shim_call *call = telling->call;
    const struct media *media = telling->media;
    struct farmiq_outbox_row row;
    struct farmiq_event event;
    int r;

    farmiq_outbox_row_init(&row, sizeof row);
    farmiq_event_init(&event, sizeof event);
    row.event = &event;
    event.event_id = telling->event_id;
    event.event_type = shim_str("media.stored");
    event.tenant_id = media->text[MEDIA_TENANT];
    event.farm_id = media->text[MEDIA_FARM];
    event.barn_id = media->text[MEDIA_BARN];
    event.device_id = media->text[MEDIA_DEVICE];
    event.session_id = media->text[MEDIA_SESSION];
    event.trace_id = call->trace_id;
    event.occurred_at_unix_ms =
        media->captured_at_unix_ms ? media->captured_at_unix_ms : call->now_unix_ms;
    r = scratch_build(call, 2048, write_payload, telling, &event.payload);
    if (r == FARMIQ_OK)
        r = farmiq_store_outbox_append(call->store, "sync", &row, call->now_unix_ms);
    shim_wake(call, "sync_once");
    shim_wake(call, "media_infer");
    return r;
}

/* ## The row */

static int note_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    *(int *)ctx = 1;
    return 0;
}

int media_keep(struct shim_call *call, const struct media *media)
{
    struct farmiq_str id = media_id(call, media);
    struct telling telling = { call, media, id, event_id(call, id) };
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(telling.id),
        farmiq_sql_text(media->text[MEDIA_TENANT]),
        farmiq_sql_text(media->text[MEDIA_FARM]),
        farmiq_sql_text(media->text[MEDIA_BARN]),
        farmiq_sql_text(media->text[MEDIA_DEVICE]),
        farmiq_sql_text_or_null(media->text[MEDIA_SESSION]),
        farmiq_sql_text(bucket(call)),
        farmiq_sql_text(media->text[MEDIA_KEY]),
        farmiq_sql_text_or_null(media->etag),
        farmiq_sql_text(media->text[MEDIA_TYPE]),
        farmiq_sql_integer(media->bytes),
        media->captured_at_unix_ms ? farmiq_sql_integer(media->captured_at_unix_ms)
                                   : farmiq_sql_null(),
        farmiq_sql_integer(call->now_unix_ms),
        farmiq_sql_text(telling.event_id),
        shim_number(call, "TRIGGER_INFERENCE_ON_COMPLETE")
            ? farmiq_sql_integer(call->now_unix_ms)
            : farmiq_sql_null(),
    };
    int is_new = 0, r;

    if (!telling.event_id.len)
        return FARMIQ_E_NOMEM;
    r = farmiq_sql_run(call->store, &sql_media_add, NULL, params,
                       sizeof params / sizeof *params, note_new, &is_new);
    return r < 0 || !is_new ? r : tell(&telling);
}

/* ## The answer of complete */

static int write_kept(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    struct shim_call *call = ctx;
    struct farmiq_json_writer *json = shim_json(call, 4096);

    (void)row;
    (void)count;
    farmiq_json_open(json, '{');
    member_text(json, "media_id", columns[0].text);
    member_text(json, "event_id", columns[6].text);
    member_text(json, "object_key", columns[1].text);
    member_text(json, "bucket", columns[2].text);
    member_text_or_null(json, "etag", columns[3].text);
    member_int(json, "size_bytes", columns[4].integer);
    member_text_or_null(json, "inference_job_id", columns[5].text);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200) < 0 ? FARMIQ_E_NOMEM : 1;
}

int media_reply_kept(struct shim_call *call, const struct media *media)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(media->text[MEDIA_TENANT]),
        farmiq_sql_text(media->text[MEDIA_KEY]),
    };
    int r =
        farmiq_sql_run(call->store, &sql_media_kept, NULL, params, 2, write_kept, call);

    return r < 0 ? r : r == 1 ? FARMIQ_OK : FARMIQ_NONE;
}
