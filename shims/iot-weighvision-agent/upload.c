/* SPDX-License-Identifier: Apache-2.0 */
/* One image on its way to the media store. */
#include "upload.h"

#include <stdio.h>
#include <string.h>

#define BODY_BYTES 4096
#define URL_BYTES 4096
#define SCRATCH_WORDS 1024
#define COMPLETE_PATH "/api/v1/media/images/complete"
#define IMAGE_TYPE "image/jpeg"

static int outcome(struct upload *u, const struct shim_http_send *send)
{
    int status = send->status;

    u->retry_after_ms = send->retry_after_ms;
    if (status >= 200 && status < 300)
        return FARMIQ_OK;
    if (status == 429 || status == 503)
        return FARMIQ_E_BUSY;
    if (status == 403 || status == 404 || status == 410)
        return FARMIQ_E_STATE;
    return status == 400 || status == 409 || status == 413 || status == 415 ||
                   status == 422
               ? FARMIQ_E_REFUSED
               : FARMIQ_E_UNREACHABLE;
}

static int send_request(struct upload *u, struct shim_http_send *send)
{
    int r;

    send->timeout_ms = (uint32_t)u->options->media_timeout_ms;
    r = shim_http_client_send(u->client, send, NULL);
    return r == FARMIQ_OK ? outcome(u, send) : FARMIQ_E_UNREACHABLE;
}

static int post(struct upload *u, const char *path, struct farmiq_str body,
                struct farmiq_str *reply)
{
    char url[URL_BYTES], tenant[FARMIQ_ID_MAX_BYTES + 16], token[1024];
    const char *const headers[] = { "Content-Type: application/json", tenant,
                                    *u->options->media_token ? token : NULL, NULL };
    struct shim_http_send send = {
        .method = "POST", .url = url, .body = body, .headers = headers
    };
    int r;

    snprintf(url, sizeof url, "%s%s", u->options->media_url, path);
    snprintf(tenant, sizeof tenant, "x-tenant-id: %s", u->agent->tenant_id);
    snprintf(token, sizeof token, "Authorization: Bearer %s", u->options->media_token);
    r = send_request(u, &send);
    *reply = send.reply;
    return r;
}

static void write_text(struct farmiq_json_writer *w, const char *name, const char *text)
{
    farmiq_json_key(w, name);
    farmiq_json_text(w, text);
}

/* What both requests say. */
static void write_scope(struct upload *u, struct farmiq_json_writer *w)
{
    farmiq_json_open(w, '{');
    write_text(w, "tenant_id", u->agent->tenant_id);
    write_text(w, "farm_id", u->agent->farm_id);
    write_text(w, "barn_id", u->agent->barn_id);
    write_text(w, "device_id", u->options->device_id);
    write_text(w, "station_id", u->options->station_id);
    write_text(w, "session_id", u->session_id);
    farmiq_json_key(w, "captured_at");
    farmiq_json_time(w, u->captured_unix_ms);
}

enum { URL, KEY, MEDIA, ANSWERS };

static int read_answer(struct farmiq_str reply, struct farmiq_json_member *members,
                       int64_t scratch[SCRATCH_WORDS])
{
    return farmiq_json_members(reply.ptr, reply.len, members, ANSWERS, scratch,
                               SCRATCH_WORDS * sizeof *scratch, NULL) == FARMIQ_OK
               ? FARMIQ_OK
               : FARMIQ_E_UNREACHABLE;
}

static int copy_text(char *out, size_t out_bytes, const struct farmiq_json_member *member)
{
    if (member->type != FARMIQ_JSON_STRING || member->text.len == 0 ||
        member->text.len >= out_bytes)
        return FARMIQ_E_UNREACHABLE;
    memcpy(out, member->text.ptr, member->text.len);
    out[member->text.len] = '\0';
    return FARMIQ_OK;
}

static int presign(struct upload *u, char *url)
{
    struct farmiq_json_member members[ANSWERS] = { [URL] = { .name = "upload_url" },
                                                   [KEY] = { .name = "object_key" },
                                                   [MEDIA] = { .name = "media_id" } };
    int64_t scratch[SCRATCH_WORDS];
    struct farmiq_json_writer w;
    struct farmiq_str reply;
    char body[BODY_BYTES];
    size_t len;
    int r;

    farmiq_json_begin(&w, body, sizeof body);
    write_scope(u, &w);
    write_text(&w, "content_type", IMAGE_TYPE);
    write_text(&w, "filename", "image.jpg");
    farmiq_json_key(&w, "content_length");
    farmiq_json_int(&w, (int64_t)u->jpeg.len);
    farmiq_json_close(&w, '}');
    if (farmiq_json_end(&w, &len) != FARMIQ_OK)
        return FARMIQ_E_REFUSED;
    r = post(u, u->options->presign_path, (struct farmiq_str){ body, len }, &reply);
    if (r == FARMIQ_OK)
        r = read_answer(reply, members, scratch);
    if (r == FARMIQ_OK)
        r = copy_text(url, URL_BYTES, &members[URL]);
    if (r == FARMIQ_OK)
        r = copy_text(u->place.object_key, sizeof u->place.object_key, &members[KEY]);
    return r ? r
             : copy_text(u->place.media_id, sizeof u->place.media_id, &members[MEDIA]);
}

int upload_presign_and_put(struct upload *u,
                           int (*on_place)(void *ctx, const struct upload_place *place),
                           void *ctx)
{
    static const char *const headers[] = { "Content-Type: " IMAGE_TYPE, NULL };
    char url[URL_BYTES];
    struct shim_http_send send = {
        .method = "PUT", .url = url, .body = u->jpeg, .headers = headers
    };
    int r = presign(u, url);

    if (r == FARMIQ_E_STATE) /* a presign has nothing that could have expired */
        return FARMIQ_E_UNREACHABLE;
    if (r == FARMIQ_OK)
        r = on_place(ctx, &u->place);
    return r ? r : send_request(u, &send);
}

int upload_complete(struct upload *u)
{
    struct farmiq_json_writer w;
    struct farmiq_str reply;
    char body[BODY_BYTES];
    size_t len;

    farmiq_json_begin(&w, body, sizeof body);
    write_scope(u, &w);
    write_text(&w, "object_key", u->place.object_key);
    write_text(&w, "mime_type", IMAGE_TYPE);
    farmiq_json_key(&w, "size_bytes");
    farmiq_json_int(&w, (int64_t)u->jpeg.len);
    farmiq_json_close(&w, '}');
    if (farmiq_json_end(&w, &len) != FARMIQ_OK)
        return FARMIQ_E_REFUSED;
    return post(u, COMPLETE_PATH, (struct farmiq_str){ body, len }, &reply);
}
