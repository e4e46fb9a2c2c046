/* SPDX-License-Identifier: Apache-2.0 */
/* Images and what is known of them, for the tenant that x-tenant-id names. */
#include "far.h"

#include "common/ask.h"
#include "common/image.h"
#include "common/rows.h"
#include "queries.h"

struct object {
    struct shim_call *call;
    struct farmiq_str key, type, etag;
    int is_found;
};

static int note(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                uint32_t count)
{
    struct object *object = ctx;

    (void)row;
    (void)count;
    object->key = text_copy(object->call, columns[0].text);
    object->type = text_copy(object->call, columns[1].text);
    object->etag = text_copy(object->call, columns[2].text);
    object->is_found = 1;
    return 0;
}

/* 1 after replying that there is none. */
static int find_tenant(struct shim_call *call, struct farmiq_str *tenant_id)
{
    *tenant_id = shim_header(call, "x-tenant-id");
    if (tenant_id->len)
        return 0;
    shim_reply_error(call, 400, "MISSING_TENANT", "the header x-tenant-id is required");
    return 1;
}

static int reply_none(struct shim_call *call)
{
    return shim_reply_error(call, 404, "NOT_FOUND", "this tenant has no such image");
}

/* Ranges may be answered with everything. */
static int reply_far(struct shim_call *call, const struct object *object)
{
    struct farmiq_str bytes;
    int r = s3_get(call, object->key, &bytes);

    return r == FARMIQ_OK ? shim_reply_text(call, 200, object->type.ptr, bytes)
                          : image_reply_lost(call);
}

static int reply_object(struct shim_call *call, const struct farmiq_sql_query *query,
                        struct farmiq_str name)
{
    struct object object = { .call = call };
    struct farmiq_sql_value params[2];
    struct farmiq_str tenant_id;
    int r;

    if (find_tenant(call, &tenant_id))
        return 0;
    params[0] = farmiq_sql_text(tenant_id);
    params[1] = farmiq_sql_text(name);
    r = farmiq_sql_run(call->store, query, NULL, params, 2, note, &object);
    if (r < 0)
        return r;
    if (!object.is_found)
        return reply_none(call);
    return s3_is_used(call)
               ? reply_far(call, &object)
               : image_reply(call, MEDIA_FOLDER, object.key, object.type, object.etag);
}

int media_get_object(struct shim_call *call)
{
    return reply_object(call, &sql_media_by_id, shim_path_part(call, "mediaId"));
}

int media_get_by_key(struct shim_call *call)
{
    struct farmiq_str key = shim_query(call, "object_key|objectKey");

    if (!key.len)
        return shim_reply_error(call, 400, "VALIDATION_ERROR", "object_key is required");
    return reply_object(call, &sql_media_by_key, key);
}

static const struct rows_column meta_columns[] = {
    { "id", ROWS_TEXT },
    { "tenant_id", ROWS_TEXT },
    { "farm_id", ROWS_TEXT },
    { "barn_id", ROWS_TEXT },
    { "device_id", ROWS_TEXT },
    { "session_id", ROWS_TEXT },
    { "bucket", ROWS_TEXT },
    { "object_key", ROWS_TEXT },
    { "etag", ROWS_TEXT },
    { "mime_type", ROWS_TEXT },
    { "size_bytes", ROWS_INTEGER },
    { "captured_at", ROWS_TIME },
    { "created_at", ROWS_TIME },
    { 0 },
};

int media_get_meta(struct shim_call *call)
{
    struct rows rows = { shim_json(call, 2 * ROWS_BYTES), meta_columns, 0 };
    struct farmiq_sql_value params[2];
    struct farmiq_str tenant_id;
    int r;

    if (find_tenant(call, &tenant_id))
        return 0;
    params[0] = farmiq_sql_text(tenant_id);
    params[1] = farmiq_sql_text(shim_path_part(call, "mediaId"));
    farmiq_json_open(rows.json, '{');
    farmiq_json_key(rows.json, "media");
    r = farmiq_sql_run(call->store, &sql_media_meta, NULL, params, 2, rows_write, &rows);
    if (r < 0)
        return r;
    if (!rows.count)
        return reply_none(call);
    farmiq_json_close(rows.json, '}');
    return shim_reply(call, 200);
}

int media_get_stats(struct shim_call *call)
{
    static const struct rows_column columns[] = {
        { "total_objects", ROWS_INTEGER },
        { "total_size_mb", ROWS_REAL },
        { "last_created_at", ROWS_TIME },
        { "tenant_id", ROWS_TEXT },
        { 0 },
    };
    struct farmiq_str tenant_id = shim_header(call, "x-tenant-id");
    struct farmiq_sql_value param = farmiq_sql_text(tenant_id);
    struct rows rows = { shim_json(call, ROWS_BYTES), columns, 0 };
    int r;

    if (!tenant_id.len)
        return shim_reply_error(call, 400, "VALIDATION_ERROR",
                                "the header x-tenant-id is required");
    r = farmiq_sql_run(call->store, &sql_media_totals, NULL, &param, 1, rows_write,
                       &rows);
    return r < 0 ? r : shim_reply(call, 200);
}
