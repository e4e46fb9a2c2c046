/* SPDX-License-Identifier: Apache-2.0 */
/* The cloud is asked for each barn's configuration; what it says is kept (spec
 * edge 10.2). The first question that fails ends the pass, and the next pass comes after
 * a pause that grows: the jobs' own backoff. */
#include <string.h>

#include "common/members.h"
#include "common/text.h"
#include "policy.h"
#include "queries.h"

#define ETAG_BYTES 256

/* One question and its answer. */
struct errand {
    const struct context *context;
    char etag[ETAG_BYTES]; /* of what is kept */
    struct farmiq_str config, new_etag;
    char hash[65];
    const char *fault;
};

static int take_etag(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct errand *errand = ctx;

    (void)row;
    (void)count;
    if (columns[0].type == FARMIQ_SQL_TEXT && columns[0].text.len < ETAG_BYTES)
        memcpy(errand->etag, columns[0].text.ptr, columns[0].text.len);
    return FARMIQ_OK;
}

static int look_up(struct shim_call *call, void *arg)
{
    struct errand *errand = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(errand->context->tenant_id),
        farmiq_sql_text(errand->context->farm_id),
        farmiq_sql_text(errand->context->barn_id),
    };

    memset(errand->etag, 0, sizeof errand->etag);
    return farmiq_sql_run(call->store, &sql_policy_etag, NULL, params, 3, take_etag,
                          errand);
}

static int keep(struct shim_call *call, void *arg)
{
    const struct errand *errand = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(errand->context->tenant_id),
        farmiq_sql_text(errand->context->farm_id),
        farmiq_sql_text(errand->context->barn_id),
        farmiq_sql_integer(call->now_unix_ms),
        farmiq_sql_text(errand->config),
        farmiq_sql_text(shim_str(errand->hash)),
        farmiq_sql_text_or_null(errand->new_etag),
    };

    return errand->config.len
               ? farmiq_sql_run(call->store, &sql_policy_put, NULL, params, 7, NULL, NULL)
               : farmiq_sql_run(call->store, &sql_policy_confirm, NULL, params, 4, NULL,
                                NULL);
}

/* ## Asking */

/* An id has no character that a query would have to escape, but for '%' and its kind. */
static struct farmiq_str escape(struct shim_call *call, struct farmiq_str id)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = shim_memory(call, id.len * 3 + 1);
    size_t len = 0;

    for (size_t i = 0; text && i < id.len; i++) {
        unsigned char c = (unsigned char)id.ptr[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            c == '-' || c == '_' || c == '.') {
            text[len++] = (char)c;
        } else {
            text[len++] = '%';
            text[len++] = digits[c >> 4];
            text[len++] = digits[c & 15];
        }
    }
    return (struct farmiq_str){ text ? text : "", len };
}

static struct farmiq_str path_of(struct shim_call *call, const struct context *context)
{
    const struct farmiq_str parts[] = {
        shim_str("/api/v1/config/context?tenantId="),
        escape(call, context->tenant_id),
        shim_str("&farmId="),
        escape(call, context->farm_id),
        shim_str("&barnId="),
        escape(call, context->barn_id),
    };

    return text_join(call, parts, 6);
}

/* The cloud is a stranger to this site: it gets these lines alone. */
static uint32_t write_headers(struct shim_call *call, const struct errand *errand,
                              struct shim_header_line headers[3])
{
    const struct farmiq_str bearer[] = { shim_str("Bearer "),
                                         shim_str(shim_text(call, "EDGE_CLOUD_TOKEN")) };
    uint32_t count = 0;

    headers[count++] = (struct shim_header_line){ "x-request-id", shim_uuid(call) };
    if (bearer[1].len)
        headers[count++] =
            (struct shim_header_line){ "authorization", text_join(call, bearer, 2) };
    if (*errand->etag)
        headers[count++] =
            (struct shim_header_line){ "if-none-match", shim_str(errand->etag) };
    return count;
}

/* What is no JSON object is no configuration. */
static int is_object(struct shim_call *call, struct farmiq_str json)
{
    struct farmiq_json_member none = { .name = "-" };
    struct scratch scratch = { 0 };

    return scratch_members(&scratch, call, json, &none, 1) == FARMIQ_OK;
}

static int write_hash(struct farmiq_str bytes, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[32];
    int r = shim_sha256(bytes, hash);

    for (int i = 0; r == FARMIQ_OK && i < 32; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    return r;
}

static int refuse(struct errand *errand, const char *fault)
{
    errand->fault = fault;
    return FARMIQ_E_UNREACHABLE;
}

static int ask(struct shim_call *call, struct errand *errand)
{
    struct shim_header_line headers[3];
    struct shim_request request = {
        .url_option = "BFF_BASE_URL",
        .method = "GET",
        .path = path_of(call, errand->context).ptr,
        .headers = headers,
        .header_count = write_headers(call, errand, headers),
        .timeout_ms = (uint32_t)shim_number(call, "POLICY_SYNC_TIMEOUT_SECONDS"),
    };
    int r = shim_request(call, &request);

    errand->config = errand->new_etag = shim_str("");
    if (r < 0)
        return r == FARMIQ_E_NOMEM ? r : refuse(errand, "the cloud does not answer");
    if (request.status == 304 && *errand->etag)
        return FARMIQ_OK;
    if (request.status < 200 || request.status > 299)
        return refuse(errand, "the cloud refuses to say");
    if (!is_object(call, request.reply))
        return refuse(errand, "the cloud's answer is no JSON object");
    errand->config = request.reply;
    errand->new_etag = request.etag;
    return write_hash(errand->config, errand->hash);
}

static int fetch(struct shim_call *call, struct errand *errand)
{
    int r = shim_write(call, look_up, errand);

    if (r == FARMIQ_OK)
        r = ask(call, errand);
    return r < 0 ? r : shim_write(call, keep, errand);
}

/* ## A pass */

/* Barns that are no longer ours; the rows of those that are begin after `arg`'s pass. */
static int forget(struct shim_call *call, void *arg)
{
    const struct farmiq_sql_value before = farmiq_sql_integer(*(const int64_t *)arg);

    return farmiq_sql_run(call->store, &sql_policy_forget, NULL, &before, 1, NULL, NULL);
}

int policy_sync(struct shim_call *call)
{
    int64_t began_unix_ms = call->now_unix_ms;
    struct policy_state *state = call->state;
    struct errand errand = { .fault = NULL };
    struct context *context;
    int r, noted;

    if (!*shim_text(call, "BFF_BASE_URL"))
        return FARMIQ_OK;
    if (!state->asked_since_unix_ms)
        state->asked_since_unix_ms = began_unix_ms;
    r = policy_contexts(call, &context);
    for (; context && r == FARMIQ_OK; context = context->next) {
        errand.context = context;
        r = fetch(call, &errand);
    }
    if (r == FARMIQ_OK)
        r = shim_write(call, forget, &began_unix_ms);
    if (r < 0 && !errand.fault)
        errand.fault = "the edge could not keep it";
    shim_count(r < 0 ? "edge_policy_sync_failure_total"
                     : "edge_policy_sync_success_total",
               NULL, 1);
    noted = policy_note(call, errand.fault);
    return r < 0 ? r : noted;
}
