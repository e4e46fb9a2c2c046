/* SPDX-License-Identifier: Apache-2.0 */
/* media.stored from the bus: a row for each image, once (spec cloud 2.5, 6.9). */
#include "cloud_media.h"

#include "common/consume.h"
#include "common/scratch.h"
#include "queries.h"

#define COLUMNS 15

struct intake {
    struct shim_call *call;
    struct scratch scratch;
    struct farmiq_sql_value *params;
    uint32_t count, new_count;
};

/* Of several spellings the first that is there counts. */
enum {
    ID = 0,
    KEY = 4,
    BUCKET = 7,
    ETAG = 8,
    TYPE = 9,
    SESSION = 11,
    SIZE = 13,
    TIME = 15,
    END = 17
};

static const char *const names[END] = {
    "media_id",  "mediaId",    "object_id", "objectId",    "object_key", "objectKey",
    "path",      "bucket",     "etag",      "mime_type",   "mimeType",   "session_id",
    "sessionId", "size_bytes", "sizeBytes", "captured_at", "capturedAt",
};

static const struct farmiq_json_member *first_of(const struct farmiq_json_member m[END],
                                                 int from, int to)
{
    for (int i = from; i < to - 1; i++)
        if (m[i].type != FARMIQ_JSON_ABSENT && m[i].type != FARMIQ_JSON_NULL)
            return &m[i];
    return &m[to - 1];
}

/* Empty for what is no text, or too long for what it should be. */
static struct farmiq_str text_in(const struct farmiq_json_member m[END], int from, int to,
                                 size_t most)
{
    const struct farmiq_json_member *member = first_of(m, from, to);

    return member->type == FARMIQ_JSON_STRING && member->text.len <= most ? member->text
                                                                          : shim_str("");
}

static struct farmiq_sql_value size_in(const struct farmiq_json_member m[END])
{
    const struct farmiq_json_member *size = first_of(m, SIZE, TIME);

    return size->type == FARMIQ_JSON_NUMBER && size->number >= 0 && size->number < 1e15
               ? farmiq_sql_integer((int64_t)size->number)
               : farmiq_sql_null();
}

static struct farmiq_sql_value time_in(const struct farmiq_json_member m[END])
{
    struct farmiq_str text = text_in(m, TIME, END, FARMIQ_ID_MAX_BYTES);
    int64_t unix_ms;

    return text.len && farmiq_time_parse(text.ptr, text.len, &unix_ms) == FARMIQ_OK
               ? farmiq_sql_integer(unix_ms)
               : farmiq_sql_null();
}

static void put(struct farmiq_sql_value to[COLUMNS], const struct farmiq_event *event,
                const struct farmiq_json_member m[END], int64_t now_unix_ms)
{
    to[0] = farmiq_sql_text(event->tenant_id);
    to[1] = farmiq_sql_text(text_in(m, ID, KEY, FARMIQ_ID_MAX_BYTES));
    to[2] = farmiq_sql_text(event->event_id);
    to[3] = farmiq_sql_text_or_null(event->farm_id);
    to[4] = farmiq_sql_text_or_null(event->barn_id);
    to[5] = farmiq_sql_text_or_null(event->device_id);
    to[6] = farmiq_sql_text_or_null(event->session_id.len
                                        ? event->session_id
                                        : text_in(m, SESSION, SIZE, FARMIQ_ID_MAX_BYTES));
    to[7] = farmiq_sql_text_or_null(text_in(m, BUCKET, ETAG, FARMIQ_ID_MAX_BYTES));
    to[8] = farmiq_sql_text(text_in(m, KEY, BUCKET, SHIM_FILE_NAME_MAX_BYTES));
    to[9] = farmiq_sql_text_or_null(text_in(m, ETAG, TYPE, FARMIQ_ID_MAX_BYTES));
    to[10] = farmiq_sql_text_or_null(text_in(m, TYPE, SESSION, FARMIQ_ID_MAX_BYTES));
    to[11] = size_in(m);
    to[12] = time_in(m);
    to[13] = farmiq_sql_integer(event->occurred_at_unix_ms);
    to[14] = farmiq_sql_integer(now_unix_ms);
}

/* What it must say is which image, and where it lies. */
static int read_message(void *ctx, struct shim_message *message)
{
    struct intake *intake = ctx;
    struct farmiq_sql_value *to = intake->params + (size_t)intake->count * COLUMNS;
    struct farmiq_json_member m[END];
    int r;

    for (int i = 0; i < END; i++)
        m[i] = (struct farmiq_json_member){ .name = names[i] };
    r = scratch_members(&intake->scratch, intake->call, message->event->payload, m, END);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r == FARMIQ_OK)
        put(to, message->event, m, intake->call->now_unix_ms);
    if (r < 0 || !message->event->event_id.len || !to[1].text.len || !to[8].text.len)
        consume_refuse(message, "INVALID_MEDIA");
    else
        intake->count++;
    return FARMIQ_OK;
}

static int note_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    ++*(uint32_t *)ctx;
    return 0;
}

int cloud_media_consume(struct shim_call *call)
{
    struct intake intake = { .call = call };
    int r;

    intake.params = consume_room(call, COLUMNS * sizeof *intake.params);
    r = intake.params ? consume_each(call, read_message, &intake) : FARMIQ_E_NOMEM;
    if (r == FARMIQ_OK && intake.count)
        r = farmiq_sql_run_many(call->store, &sql_object_add, NULL, intake.params,
                                COLUMNS, intake.count, note_new, &intake.new_count);
    if (r < 0)
        return r;
    shim_count("farmiq_cloud_media_events_total", "stored", intake.new_count);
    shim_count("farmiq_cloud_media_events_total", "duplicate",
               intake.count - intake.new_count);
    return FARMIQ_OK;
}
