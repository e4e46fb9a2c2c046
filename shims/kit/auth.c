/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and for which tenant (spec cloud 0.6; edge 4.6 for the admin gate). */
#include <string.h>

#include "kit/crypto.h"
#include "kit/internal.h"
#include "kit/log.h"

const struct shim_option shim_auth_options[] = {
    { "API_TOKENS", SHIM_SECRET, "",
      "who may query: token:tenant pairs separated by commas; tenant * is all of them" },
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

int shim_auth_check_options(const struct shim_runtime *runtime, int has_tenant_routes)
{
    const char *list = shim_options_text(runtime->options, "API_TOKENS");
    struct farmiq_str token, tenant;

    if (!*list && has_tenant_routes &&
        !shim_options_number(runtime->options, "FARMIQ_INSECURE_DEV")) {
        shim_log_line(
            SHIM_ERROR, "options.refused",
            "API_TOKENS is empty: nobody could query; set it (token:tenant), or "
            "FARMIQ_INSECURE_DEV=true on a machine that faces no network");
        return FARMIQ_E_ARG;
    }
    while (next_pair(&list, &token, &tenant))
        if (token.len < 16 || !tenant.len) {
            shim_log_line(SHIM_ERROR, "options.refused",
                          "API_TOKENS: each entry must be token:tenant, the token at "
                          "least 16 characters");
            return FARMIQ_E_ARG;
        }
    return FARMIQ_OK;
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

int shim_auth_admit(struct shim_call *call)
{
    const struct shim_options *options = call->internal->runtime->options;
    unsigned flags = call->internal->route->flags;

    if ((flags & SHIM_ADMIN) && !shim_options_number(options, "INTERNAL_ADMIN_ENABLED"))
        return refuse(call, 403, "FORBIDDEN", "INTERNAL_ADMIN_ENABLED is not true");
    return flags & SHIM_TENANT ? admit_tenant(call) : FARMIQ_OK;
}
