/* SPDX-License-Identifier: Apache-2.0 */
/* Images in an S3-compatible store (spec edge 8.3): requests to it, path-style
 * throughout.
 */
#include "common/s3.h"

#include <string.h>

#include "common/text.h"

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
struct farmiq_str s3_target(struct shim_call *call, struct farmiq_str endpoint,
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

/* ## Our own requests */

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

int s3_ask(struct shim_call *call, const char *method, struct farmiq_str key,
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
        .path = s3_target(call, endpoint, what, key).ptr,
        .headers = line,
        .header_count = range != NULL,
        .timeout_ms = TIMEOUT_MS,
    };
    return outcome(request, shim_request(call, request));
}

int s3_get(struct shim_call *call, struct farmiq_str key, struct farmiq_str *bytes)
{
    struct shim_request request;
    int r = s3_ask(call, "GET", key, NULL, &request);

    *bytes = request.reply;
    return r;
}

int s3_remove(struct shim_call *call, struct farmiq_str key)
{
    struct shim_request request;
    int r = s3_ask(call, "DELETE", key, NULL, &request);

    return r == FARMIQ_NONE ? FARMIQ_OK : r;
}

int s3_reach(struct shim_call *call)
{
    struct shim_request request;
    int r = s3_ask(call, "HEAD", shim_str("ready"), NULL, &request);

    return r == FARMIQ_E_BUSY ? r : FARMIQ_OK;
}
