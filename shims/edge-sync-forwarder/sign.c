/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to the cloud (spec edge 6.7). */
#include "forwarder.h"

#include <string.h>

#include "common/text.h"

struct farmiq_str forwarder_edge_id(const struct shim_call *call)
{
    struct farmiq_str id = shim_str(shim_text(call, "EDGE_ID"));

    return id.len ? id : shim_str(shim_text(call, "INSTANCE_ID"));
}

static int is_mode(const struct shim_call *call, const char *mode)
{
    return text_is(shim_str(shim_text(call, "CLOUD_AUTH_MODE")), mode);
}

static int signs(const struct shim_call *call)
{
    return is_mode(call, "hmac") || is_mode(call, "mtls_hmac");
}

static int shows_certificate(const struct shim_call *call)
{
    return is_mode(call, "mtls") || is_mode(call, "mtls_hmac");
}

static int refuse_options(struct shim_call *call, const char *why)
{
    shim_log(call, SHIM_ERROR, "options.refused", "%s", why);
    return FARMIQ_E_ARG;
}

/* A request may take so long that a lease which did not have to be renewed before it
 * still holds after it. */
static int check_lease(struct shim_call *call)
{
    int64_t lease_ms = shim_number(call, "OUTBOX_LEASE_SECONDS");

    if (shim_number(call, "CLOUD_TIMEOUT_MS") * 100 >= lease_ms * (100 - RENEW_PCT))
        return refuse_options(call, "CLOUD_TIMEOUT_MS must be less than 40 % of "
                                    "OUTBOX_LEASE_SECONDS");
    return FARMIQ_OK;
}

int forwarder_auth_check_options(struct shim_call *call)
{
    struct shim_header_line extra[EXTRA_HEADERS];
    uint32_t count;

    if (forwarder_extra_headers(call, extra, EXTRA_HEADERS, &count) < 0)
        return refuse_options(call,
                              "CLOUD_INGESTION_HEADERS_JSON must be an object of at "
                              "most 8 texts without escapes");
    if (!*shim_text(call, "CLOUD_INGESTION_URL"))
        return FARMIQ_OK;
    if (is_mode(call, "none") && !shim_number(call, "FARMIQ_INSECURE_DEV"))
        return refuse_options(call, "CLOUD_AUTH_MODE=none sends events without proof of "
                                    "who we are: set hmac, mtls or api_key, or "
                                    "FARMIQ_INSECURE_DEV=true");
    if (signs(call) && !*shim_text(call, "CLOUD_HMAC_SECRET"))
        return refuse_options(call, "CLOUD_AUTH_MODE=hmac needs CLOUD_HMAC_SECRET");
    if (shows_certificate(call) &&
        (!*shim_text(call, "HTTP_CERT_FILE") || !*shim_text(call, "HTTP_KEY_FILE")))
        return refuse_options(call, "CLOUD_AUTH_MODE=mtls needs HTTP_CERT_FILE and "
                                    "HTTP_KEY_FILE");
    if (is_mode(call, "api_key") && !*shim_text(call, "CLOUD_API_KEY"))
        return refuse_options(call, "CLOUD_AUTH_MODE=api_key needs CLOUD_API_KEY");
    return check_lease(call);
}

struct farmiq_str forwarder_auth_url_path(const struct shim_call *call)
{
    const char *url = shim_text(call, "CLOUD_INGESTION_URL");
    const char *host = strstr(url, "://");
    const char *path = strchr(host ? host + 3 : url, '/');

    return shim_str(path ? path : "/");
}

/* "sha256=" and the hex; NULL: it could not be made. */
static const char *sign(struct shim_call *call, const char *method,
                        struct farmiq_str path, struct farmiq_str body,
                        struct farmiq_str timestamp)
{
    static const char prefix[] = "sha256=";
    struct farmiq_signed_request request;
    struct farmiq_str secret = shim_str(shim_text(call, "CLOUD_HMAC_SECRET"));
    char *text = shim_memory(call, sizeof prefix + FARMIQ_SIGN_HEX_STRLEN);

    farmiq_signed_request_init(&request, sizeof request);
    request.method = shim_str(method);
    request.path = path;
    request.body = body;
    request.timestamp = timestamp;
    if (!text)
        return NULL;
    memcpy(text, prefix, sizeof prefix);
    return farmiq_sign(&request, secret.ptr, secret.len, shim_hmac_sha256, NULL,
                       text + sizeof prefix - 1) == FARMIQ_OK
               ? text
               : NULL;
}

uint32_t forwarder_auth_headers(struct shim_call *call, const char *method,
                                struct farmiq_str path, struct farmiq_str body,
                                struct shim_header_line out[AUTH_HEADERS])
{
    struct farmiq_str authorization =
        shim_str(shim_text(call, "CLOUD_INGESTION_AUTHORIZATION"));
    uint32_t count = 0;

    if (authorization.len)
        out[count++] = (struct shim_header_line){ "authorization", authorization };
    if (is_mode(call, "api_key"))
        out[count++] =
            (struct shim_header_line){ "x-api-key",
                                       shim_str(shim_text(call, "CLOUD_API_KEY")) };
    if (signs(call)) {
        struct farmiq_str timestamp = text_of_number(call, call->now_unix_ms);
        const char *signature = sign(call, method, path, body, timestamp);

        out[count++] = (struct shim_header_line){ "x-edge-timestamp", timestamp };
        out[count++] = (struct shim_header_line){ "x-edge-signature",
                                                  shim_str(signature ? signature : "") };
    }
    return count;
}
