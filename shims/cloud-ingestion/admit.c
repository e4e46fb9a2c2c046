/* SPDX-License-Identifier: Apache-2.0 */
/* Who may send (spec cloud 1.5, 10-A1, A2): a secret belongs to an edge and its tenants.
 * EDGE_KEYS is a list of edge:secret:tenant+tenant; a plain list of secrets, bound to
 * nobody, is for development. */
#include "ingestion.h"

#include "common/text.h"
#include "queries.h"

/* Where the credentials of a mode are; ended by NULL. The first list is bound. */
static const struct mode {
    const char *name;
    const char *lists[4];
} modes[] = {
    { "none", { NULL } },
    { "api_key", { "EDGE_KEYS", "CLOUD_API_KEYS", "CLOUD_API_KEY" } },
    { "hmac", { "EDGE_KEYS", "CLOUD_HMAC_SECRETS", "CLOUD_HMAC_SECRET" } },
};

static const struct mode *mode_of(const struct shim_call *call)
{
    struct farmiq_str name = shim_str(shim_text(call, "CLOUD_AUTH_MODE"));
    const struct mode *mode = modes;

    while (!text_is(name, mode->name)) /* the option allows no other */
        mode++;
    return mode;
}

/* Walks all credentials of a mode. */
struct keyring {
    const struct shim_call *call;
    const struct mode *mode;
    int list; /* the one in hand, counted from 1 */
    struct farmiq_str rest;
};

static int next_credential(struct keyring *ring, struct credential *out)
{
    struct farmiq_str entry;

    while (!ring->rest.len) {
        const char *option = ring->mode->lists[ring->list];

        if (!option)
            return 0;
        ring->list++;
        ring->rest = shim_str(shim_text(ring->call, option));
    }
    entry = text_next(&ring->rest, ',');
    *out = (struct credential){ 0 };
    if (ring->list > 1) {
        out->secret = entry;
        return 1;
    }
    out->edge_id = text_next(&entry, ':');
    out->secret = text_next(&entry, ':');
    out->tenants = entry;
    return 1;
}

static int is_in_list(struct farmiq_str list, struct farmiq_str member)
{
    while (list.len)
        if (text_equal(text_next(&list, '+'), member))
            return 1;
    return 0;
}

int ingestion_speaks_for(const struct credential *credential, struct farmiq_str tenant_id)
{
    return !credential->tenants.len || text_is(credential->tenants, "*") ||
           is_in_list(credential->tenants, tenant_id);
}

static int refuse_options(struct shim_call *call, const char *why)
{
    shim_log(call, SHIM_ERROR, "options.refused", "%s", why);
    return FARMIQ_E_ARG;
}

int ingestion_check_options(struct shim_call *call)
{
    struct keyring ring = { .call = call, .mode = mode_of(call) };
    int is_insecure = shim_number(call, "FARMIQ_INSECURE_DEV") != 0, count = 0;
    struct credential one;

    if (!ring.mode->lists[0])
        return is_insecure
                   ? FARMIQ_OK
                   : refuse_options(call, "CLOUD_AUTH_MODE=none lets anybody write "
                                          "into any tenant: set hmac or api_key, or "
                                          "FARMIQ_INSECURE_DEV=true");
    while (next_credential(&ring, &one)) {
        count++;
        if (ring.list == 1 && (!one.edge_id.len || !one.secret.len || !one.tenants.len))
            return refuse_options(call, "EDGE_KEYS: each entry must be "
                                        "edge:secret:tenant+tenant");
        if (ring.list > 1 && !is_insecure)
            return refuse_options(call, "plain keys and secrets are bound to no edge and "
                                        "no tenant: use EDGE_KEYS, or "
                                        "FARMIQ_INSECURE_DEV=true");
    }
    return count ? FARMIQ_OK
                 : refuse_options(call, "EDGE_KEYS is empty: no edge could send");
}

/* The body's extra members are the ones spec cloud 1.5 lists for the clock. */
static int reply_verdict(struct shim_call *call, int verdict, int64_t skew_ms)
{
    int32_t status = 401;
    const char *code = farmiq_sign_verdict_name(verdict, &status);
    struct farmiq_json_writer *json;

    shim_count("farmiq_auth_failures_total", code, 1);
    if (verdict != FARMIQ_SIGN_OUT_OF_WINDOW) {
        shim_reply_error(call, status, code, "the request's signature was not accepted");
        return REPLIED;
    }
    json = shim_json(call, 1024);
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "error");
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "code");
    farmiq_json_text(json, code);
    farmiq_json_key(json, "message");
    farmiq_json_text(json, "the request's time is too far from ours");
    farmiq_json_key(json, "traceId");
    farmiq_json_str(json, call->trace_id);
    farmiq_json_key(json, "clientTimestamp");
    farmiq_json_int(json, call->now_unix_ms - skew_ms);
    farmiq_json_key(json, "serverTime");
    farmiq_json_int(json, call->now_unix_ms);
    farmiq_json_key(json, "skewMs");
    farmiq_json_int(json, skew_ms < 0 ? -skew_ms : skew_ms);
    farmiq_json_key(json, "maxSkewMs");
    farmiq_json_int(json, shim_number(call, "HMAC_MAX_SKEW_MS"));
    farmiq_json_close(json, '}');
    farmiq_json_close(json, '}');
    return shim_reply(call, status) < 0 ? FARMIQ_E_NOSPACE : REPLIED;
}

/* An edge that names itself is compared with its own secrets only; a body of 10 MiB is
 * not hashed once per edge. */
static int is_candidate(const struct credential *credential, struct farmiq_str edge_id)
{
    return !edge_id.len || !credential->edge_id.len ||
           text_equal(credential->edge_id, edge_id);
}

static int admit_signed(struct shim_call *call, struct keyring *ring,
                        struct credential *out)
{
    struct farmiq_str edge_id = shim_header(call, "x-edge-id");
    int64_t window_ms = shim_number(call, "HMAC_MAX_SKEW_MS"), skew_ms = 0;
    struct farmiq_signed_request request;
    int verdict;

    farmiq_signed_request_init(&request, sizeof request);
    request.method = call->method;
    request.path = call->path;
    request.body = call->body;
    request.timestamp = shim_header(call, "x-edge-timestamp");
    request.signature = shim_header(call, "x-edge-signature");
    verdict = farmiq_sign_verify(&request, NULL, 0, window_ms, call->now_unix_ms,
                                 shim_hmac_sha256, NULL, &skew_ms);
    if (verdict == FARMIQ_SIGN_NO_SECRET)
        verdict = FARMIQ_SIGN_INVALID; /* the start made sure that there are some */
    else if (verdict >= 0)
        return reply_verdict(call, verdict, skew_ms);
    while (verdict == FARMIQ_SIGN_INVALID && next_credential(ring, out))
        if (is_candidate(out, edge_id))
            verdict = farmiq_sign_verify(&request, &out->secret, 1, window_ms,
                                         call->now_unix_ms, shim_hmac_sha256, NULL, NULL);
    if (verdict < 0)
        return verdict;
    return verdict == FARMIQ_SIGN_OK ? FARMIQ_OK : reply_verdict(call, verdict, 0);
}

static int admit_keyed(struct shim_call *call, struct keyring *ring,
                       struct credential *out)
{
    struct farmiq_str key = shim_header(call, "x-api-key");
    struct credential one;
    int found = 0;

    while (next_credential(ring, &one)) /* all of them: time must not tell which */
        if (one.secret.len && text_equal_secret(one.secret, key)) {
            *out = one;
            found = 1;
        }
    if (found)
        return FARMIQ_OK;
    shim_count("farmiq_auth_failures_total", "UNAUTHORIZED", 1);
    shim_reply_error(call, 401, "UNAUTHORIZED", "x-api-key is missing or unknown");
    return REPLIED;
}

int ingestion_admit(struct shim_call *call, struct credential *credential)
{
    struct keyring ring = { .call = call, .mode = mode_of(call) };

    *credential = (struct credential){ 0 };
    if (text_is(shim_str(ring.mode->name), "hmac"))
        return admit_signed(call, &ring, credential);
    if (text_is(shim_str(ring.mode->name), "api_key"))
        return admit_keyed(call, &ring, credential);
    return FARMIQ_OK;
}

static int note_row(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    *(int *)ctx = 1;
    return 0;
}

/* The row is written with the batch's effects: a batch that failed may come again. Its
 * key is what was proved and nothing the sender could vary: neither the header's
 * tenant nor the optional "sha256=". */
int ingestion_admit_once(struct shim_call *call, const struct credential *credential)
{
    struct farmiq_str signature = shim_header(call, "x-edge-signature");
    struct farmiq_sql_value params[3];
    int is_new = 0, r;

    if (!text_is(shim_str(mode_of(call)->name), "hmac"))
        return FARMIQ_OK;
    if (signature.len > FARMIQ_SIGN_HEX_STRLEN) {
        signature.ptr += signature.len - FARMIQ_SIGN_HEX_STRLEN;
        signature.len = FARMIQ_SIGN_HEX_STRLEN;
    }
    params[0] = farmiq_sql_text(credential->edge_id);
    params[1] = farmiq_sql_text(signature);
    params[2] = farmiq_sql_integer(call->now_unix_ms);
    r = farmiq_sql_run(call->store, &sql_replay_add, NULL, params, 3, note_row, &is_new);
    if (r < 0)
        return r;
    return is_new ? FARMIQ_OK : reply_verdict(call, FARMIQ_SIGN_REPLAYED, 0);
}
