/* SPDX-License-Identifier: Apache-2.0 */
/* Images in an S3-compatible store (spec edge 8.3): devices PUT to it on URLs that are
 * signed here, we look at what they put, path-style throughout. */
#include "s3.h"

#include <string.h>

#include "common/image.h"
#include "common/sigv4.h"

#define OWN_LIFE_S 60 /* of the URLs that we use ourselves */
#define TIMEOUT_MS 10000

int s3_is_used(const struct shim_call *call)
{
    return strcmp(shim_text(call, "MEDIA_BACKEND"), "s3") == 0;
}

static int refuse(struct shim_call *call, const char *option, const char *fault)
{
    shim_log(call, SHIM_ERROR, "options.refused", "%s %s", option, fault);
    return FARMIQ_E_ARG;
}

int s3_check(struct shim_call *call)
{
    static const char *const needed[] = { "MEDIA_ENDPOINT", "MEDIA_ACCESS_KEY",
                                          "MEDIA_SECRET_KEY" };
    struct farmiq_str endpoint = shim_str(shim_text(call, "MEDIA_ENDPOINT"));

    if (!s3_is_used(call))
        return FARMIQ_OK;
    for (int i = 0; i < 3; i++)
        if (!*shim_text(call, needed[i]))
            return refuse(call, needed[i], "is empty: MEDIA_BACKEND=s3 needs it");
    return endpoint.ptr[endpoint.len - 1] != '/'
               ? FARMIQ_OK
               : refuse(call, "MEDIA_ENDPOINT", "must not end with a slash");
}

/* ## URLs */

static struct farmiq_str host_of(struct farmiq_str endpoint)
{
    const char *host = memmem(endpoint.ptr, endpoint.len, "://", 3);

    if (!host)
        return endpoint;
    host += 3;
    return (struct farmiq_str){ host, endpoint.len - (size_t)(host - endpoint.ptr) };
}

/* "/bucket/key?query", signed for that endpoint. */
static struct farmiq_str target(struct shim_call *call, struct farmiq_str endpoint,
                                struct sigv4 what, struct farmiq_str key)
{
    const struct farmiq_str path[] = {
        shim_str("/"),
        sigv4_escape(call, shim_str(shim_text(call, "MEDIA_BUCKET")), ""),
        shim_str("/"),
        sigv4_escape(call, key, "/"),
    };

    what.host = host_of(endpoint);
    what.path = text_join(call, path, 4);
    what.region = shim_str(shim_text(call, "MEDIA_REGION"));
    what.access_key = shim_str(shim_text(call, "MEDIA_ACCESS_KEY"));
    what.secret_key = shim_str(shim_text(call, "MEDIA_SECRET_KEY"));
    what.now_unix_ms = call->now_unix_ms;
    const struct farmiq_str parts[] = { what.path, shim_str("?"),
                                        sigv4_query(call, &what) };
    return text_join(call, parts, 3);
}

struct farmiq_str s3_put_url(struct shim_call *call, const struct media_grant *grant)
{
    const char *said = shim_text(call, "MEDIA_PRESIGN_ENDPOINT");
    struct farmiq_str endpoint =
        shim_str(*said ? said : shim_text(call, "MEDIA_ENDPOINT"));
    const struct sigv4 put = {
        .method = "PUT",
        .life_s = (grant->expires_at_unix_ms - call->now_unix_ms) / 1000,
        .content_type = grant->media.text[MEDIA_TYPE],
        .content_length = grant->media.bytes > 0
                              ? text_of_number(call, grant->media.bytes)
                              : shim_str(""),
    };
    const struct farmiq_str parts[] = {
        endpoint,
        target(call, endpoint, put, grant->media.text[MEDIA_KEY]),
    };

    return text_join(call, parts, 2);
}

/* ## Our own requests */

static int ask(struct shim_call *call, const char *method, struct farmiq_str key,
               const char *range, struct shim_request *request)
{
    const struct sigv4 what = { .method = method, .life_s = OWN_LIFE_S };
    struct farmiq_str endpoint = shim_str(shim_text(call, "MEDIA_ENDPOINT"));
    struct shim_header_line *line = shim_memory(call, sizeof *line);

    if (!line)
        return FARMIQ_E_NOMEM;
    *line = (struct shim_header_line){ "range", shim_str(range) };
    *request = (struct shim_request){
        .url_option = "MEDIA_ENDPOINT",
        .method = method,
        .path = target(call, endpoint, what, key).ptr,
        .headers = line,
        .header_count = range != NULL,
        .timeout_ms = TIMEOUT_MS,
    };
    return shim_request(call, request);
}

/* FARMIQ_OK, FARMIQ_NONE: there is no such object; or what our request met. */
static int outcome(const struct shim_request *request, int r)
{
    if (r < 0)
        return FARMIQ_E_BUSY; /* it may be back soon */
    return request->status < 300    ? FARMIQ_OK
           : request->status == 404 ? FARMIQ_NONE
           : request->status >= 500 ? FARMIQ_E_BUSY
                                    : FARMIQ_E_STORE;
}

/* Quotes are the header's, not the tag's. */
static struct farmiq_str unquoted(struct farmiq_str etag)
{
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        return (struct farmiq_str){ etag.ptr + 1, etag.len - 2 };
    return etag;
}

int s3_look(struct shim_call *call, struct farmiq_str key, struct s3_object *object)
{
    struct shim_request head, begin;
    int r = outcome(&head, ask(call, "HEAD", key, NULL, &head));

    if (r != FARMIQ_OK)
        return r;
    object->bytes = head.content_bytes;
    object->etag = unquoted(head.etag);
    object->type = "";
    if (object->bytes <= 0)
        return FARMIQ_OK;
    r = outcome(&begin, ask(call, "GET", key, "bytes=0-15", &begin));
    if (r != FARMIQ_OK)
        return r;
    object->type = image_type_of((const unsigned char *)begin.reply.ptr,
                                 begin.reply.len < 16 ? (uint32_t)begin.reply.len : 16);
    if (!text_is(head.content_type, object->type))
        object->type = "";
    return FARMIQ_OK;
}

int s3_get(struct shim_call *call, struct farmiq_str key, struct farmiq_str *bytes)
{
    struct shim_request request;
    int r = outcome(&request, ask(call, "GET", key, NULL, &request));

    *bytes = request.reply;
    return r;
}

int s3_remove(struct shim_call *call, struct farmiq_str key)
{
    struct shim_request request;
    int r = outcome(&request, ask(call, "DELETE", key, NULL, &request));

    return r == FARMIQ_NONE ? FARMIQ_OK : r;
}
