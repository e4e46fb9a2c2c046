/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and for which tenant (spec cloud 0.6; edge 4.6 for the admin gate, 13-E1 for
 * the services of one site). */
#include <string.h>

#include "kit/crypto.h"
#include "kit/internal.h"
#include "kit/log.h"

#define TOKEN_MIN_BYTES 16

const struct shim_option shim_auth_options[] = {
    { "API_TOKENS", SHIM_SECRET, "",
      "who may query: token:tenant pairs separated by commas; tenant * is all of them" },
    { "INTERNAL_TOKEN", SHIM_SECRET, "",
      "what the services of one site say to each other; the same for all of them" },
    { "INTERNAL_ADMIN_ENABLED", SHIM_FLAG, "false",
      "open the operator's endpoints (redrive, unclaim, trigger)" },
    { "FARMIQ_INSECURE_DEV", SHIM_FLAG, "false",
      "allow what must never face a network: no tokens, no edge authentication" },
    { 0 },
};

/* The next "token:tenant" of the list; advances `*at`. */
static int next_pair(const char **at, struct farmiq_str *token, struct farmiq_str *tenant)
{
    size_t len = strcspn(*at, ","), colon;

    if (!**at)
        return 0;
    colon = strcspn(*at, ":,");
    token->ptr = *at;
    token->len = colon < len ? colon : len;
    tenant->ptr = *at + (colon < len ? colon + 1 : len);
    tenant->len = len - (size_t)(tenant->ptr - *at);
    *at += len + ((*at)[len] == ',');
    return 1;
}

static int refuse_options(const char *why)
{
    shim_log_line(SHIM_ERROR, "options.refused", "%s", why);
    return FARMIQ_E_ARG;
}

static int check_tenant_tokens(const struct shim_options *options)
{
    const char *list = shim_options_text(options, "API_TOKENS");
    struct farmiq_str token, tenant;

    if (!*list && !shim_options_number(options, "FARMIQ_INSECURE_DEV"))
        return refuse_options(
            "API_TOKENS is empty: nobody could query; set it (token:tenant), or "
            "FARMIQ_INSECURE_DEV=true on a machine that faces no network");
    while (next_pair(&list, &token, &tenant))
        if (token.len < TOKEN_MIN_BYTES || !tenant.len)
            return refuse_options(
                "API_TOKENS: each entry must be token:tenant, the token "
                "at least 16 characters");
    return FARMIQ_OK;
}

/* Who can reach the port belongs to the site already, or shows a certificate of it. */
static int is_sheltered(const struct shim_options *options)
{
    const char *address = shim_options_text(options, "APP_BIND");

    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           *shim_options_text(options, "TLS_CLIENT_CA_FILE") ||
           shim_options_number(options, "FARMIQ_INSECURE_DEV");
}

static int check_internal_token(const struct shim_options *options)
{
    size_t len = strlen(shim_options_text(options, "INTERNAL_TOKEN"));

    if (!len && !is_sheltered(options))
        return refuse_options(
            "INTERNAL_TOKEN is empty and APP_BIND is no loopback address: whoever "
            "reaches "
            "the port could put readings in; set it, or TLS_CLIENT_CA_FILE, or "
            "FARMIQ_INSECURE_DEV=true on a machine that faces no network");
    if (len && len < TOKEN_MIN_BYTES)
        return refuse_options("INTERNAL_TOKEN: must be at least 16 characters");
    return FARMIQ_OK;
}

int shim_auth_check_options(const struct shim_runtime *runtime)
{
    unsigned flags = 0;
    int r = FARMIQ_OK;

    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        for (const struct shim_route *route = h->service->routes; route && route->method;
             route++)
            flags |= route->flags;
    if (flags & SHIM_TENANT)
        r = check_tenant_tokens(runtime->options);
    if (r >= 0 && (flags & SHIM_INTERNAL))
        r = check_internal_token(runtime->options);
    return r;
}

/* "Authorization: Bearer T"; for event streams, which browsers open without headers,
 * also ?access_token=T. */
static struct farmiq_str bearer_of(struct shim_call *call)
{
    struct farmiq_str header = shim_header(call, "authorization");

    if (header.len > 7 && memcmp(header.ptr, "Bearer ", 7) == 0) {
        header.ptr += 7;
        header.len -= 7;
        return header;
    }
    if (call->internal->route->flags & SHIM_STREAM)
        return shim_query(call, "access_token");
    header.len = 0;
    return header;
}

/* Every entry is compared, so that time does not tell which one was close. */
static struct farmiq_str tenant_of_token(const char *list, struct farmiq_str bearer)
{
    struct farmiq_str token, tenant, found = { "", 0 };

    while (next_pair(&list, &token, &tenant))
        if (shim_crypto_equal(token, bearer))
            found = tenant;
    return found;
}

static int refuse(struct shim_call *call, int status, const char *code, const char *text)
{
    if (status == 401)
        shim_reply_header(call, "WWW-Authenticate", "Bearer"); /* RFC 9110, 11.6.1 */
    shim_reply_error(call, status, code, "%s", text);
    return FARMIQ_E_REFUSED;
}

static int admit_tenant(struct shim_call *call)
{
    const struct shim_options *options = call->internal->runtime->options;
    struct farmiq_str wanted = shim_query(call, "tenantId|tenant_id"), granted;

    if (!wanted.len)
        wanted = shim_header(call, "x-tenant-id");
    granted = tenant_of_token(shim_options_text(options, "API_TOKENS"), bearer_of(call));
    if (!granted.len && shim_options_number(options, "FARMIQ_INSECURE_DEV"))
        granted = shim_str("*");
    if (!granted.len)
        return refuse(call, 401, "UNAUTHORIZED", "a bearer token is required");
    if (granted.len == 1 && granted.ptr[0] == '*')
        granted = wanted;
    else if (wanted.len &&
             (wanted.len != granted.len || memcmp(wanted.ptr, granted.ptr, wanted.len)))
        return refuse(call, 403, "FORBIDDEN", "the token is for another tenant");
    if (!farmiq_id_is_valid(granted.ptr, granted.len))
        return refuse(call, 400, "VALIDATION_ERROR", "tenantId is required");
    call->tenant_id = granted;
    return FARMIQ_OK;
}

static int admit_neighbour(struct shim_call *call)
{
    struct farmiq_str token = shim_str(shim_text(call, "INTERNAL_TOKEN"));

    if (!token.len || shim_crypto_equal(token, bearer_of(call)))
        return FARMIQ_OK;
    return refuse(call, 401, "UNAUTHORIZED", "the site's INTERNAL_TOKEN is required");
}

int shim_auth_admit(struct shim_call *call)
{
    const struct shim_options *options = call->internal->runtime->options;
    unsigned flags = call->internal->route->flags;

    if ((flags & SHIM_ADMIN) && !shim_options_number(options, "INTERNAL_ADMIN_ENABLED"))
        return refuse(call, 403, "FORBIDDEN", "INTERNAL_ADMIN_ENABLED is not true");
    if ((flags & SHIM_INTERNAL) && admit_neighbour(call) != FARMIQ_OK)
        return FARMIQ_E_REFUSED;
    return flags & SHIM_TENANT ? admit_tenant(call) : FARMIQ_OK;
}
