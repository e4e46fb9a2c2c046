/* SPDX-License-Identifier: Apache-2.0 */
/* Who sent a request (spec cloud 1.5, edge 6.7): by certificate, signature or key. */
#include "ingestion.h"

#include "common/text.h"

static int refuse(struct shim_call *call, int status, const char *code, const char *why)
{
    shim_count("farmiq_auth_failures_total", code, 1);
    shim_reply_error(call, status, code, "%s", why);
    return REPLIED;
}

static const char *message_of(int verdict)
{
    switch (verdict) {
    case FARMIQ_SIGN_OUT_OF_WINDOW:
        return "the request's time is too far from ours";
    case FARMIQ_SIGN_REPLAYED:
        return "the request was here before; each is signed anew";
    default:
        return "the request's signature was not accepted";
    }
}

static void write_clocks(const struct shim_call *call, struct farmiq_json_writer *json,
                         int64_t skew_ms)
{
    farmiq_json_key(json, "clientTimestamp");
    farmiq_json_int(json, call->now_unix_ms - skew_ms);
    farmiq_json_key(json, "serverTime");
    farmiq_json_int(json, call->now_unix_ms);
    farmiq_json_key(json, "skewMs");
    farmiq_json_int(json, skew_ms < 0 ? -skew_ms : skew_ms);
    farmiq_json_key(json, "maxSkewMs");
    farmiq_json_int(json, shim_number(call, "HMAC_MAX_SKEW_MS"));
}

/* The one error body, with the members that spec edge 6.7 adds for some verdicts. */
static void write_verdict(const struct shim_call *call, struct farmiq_json_writer *json,
                          int verdict, int64_t skew_ms)
{
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "error");
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "code");
    farmiq_json_text(json, farmiq_sign_verdict_name(verdict, NULL));
    farmiq_json_key(json, "message");
    farmiq_json_text(json, message_of(verdict));
    farmiq_json_key(json, "traceId");
    farmiq_json_str(json, call->trace_id);
    if (verdict == FARMIQ_SIGN_OUT_OF_WINDOW)
        write_clocks(call, json, skew_ms);
    if (verdict == FARMIQ_SIGN_REPLAYED) {
        farmiq_json_key(json, "timestamp");
        farmiq_json_str(json, shim_header(call, "x-edge-timestamp"));
    }
    farmiq_json_close(json, '}');
    farmiq_json_close(json, '}');
}

int ingestion_reply_verdict(struct shim_call *call, int verdict, int64_t skew_ms)
{
    int32_t status = 401;
    const char *code = farmiq_sign_verdict_name(verdict, &status);

    shim_count("farmiq_auth_failures_total", code, 1);
    shim_count("farmiq_http_errors_total", code, 1);
    shim_log(call, SHIM_INFO, "http.refused", "%d %s: %s", (int)status, code,
             message_of(verdict));
    write_verdict(call, shim_json(call, 1024), verdict, skew_ms);
    return shim_reply(call, status) < 0 ? FARMIQ_E_NOSPACE : REPLIED;
}

/* An edge that names itself, or has shown who it is, is compared with its own secrets
 * only; a body of 10 MiB is not hashed once per edge. */
static int is_candidate(const struct credential *credential, struct farmiq_str edge_id)
{
    return !edge_id.len || !credential->edge_id.len ||
           text_equal(credential->edge_id, edge_id);
}

/* What a request that names no edge may cost, hashed with one secret after another. */
#define HASHED_MAX_BYTES ((uint64_t)16 * 1024 * 1024)

/* FARMIQ_SIGN_OK: `out` is the credential that signed. */
static int find_signer(const struct shim_call *call,
                       const struct farmiq_signed_request *request,
                       struct farmiq_str edge_id, struct credential *out)
{
    struct keyring ring = ingestion_proofs(call);
    uint64_t hashed_bytes = 0;
    int verdict = FARMIQ_SIGN_INVALID;

    while (verdict == FARMIQ_SIGN_INVALID && hashed_bytes <= HASHED_MAX_BYTES &&
           ingestion_next(&ring, out))
        if (is_candidate(out, edge_id)) {
            verdict = farmiq_sign_verify(request, &out->proof, 1,
                                         shim_number(call, "HMAC_MAX_SKEW_MS"),
                                         call->now_unix_ms, shim_hmac_sha256, NULL, NULL);
            hashed_bytes += request->body.len;
            if (verdict == FARMIQ_SIGN_NO_SECRET)
                verdict = FARMIQ_SIGN_INVALID; /* "a,,b" in a plain list */
        }
    return verdict;
}

static int admit_signed(struct shim_call *call, struct credential *credential)
{
    struct farmiq_str edge_id = credential->edge_id;
    struct farmiq_signed_request request;
    struct credential signer;
    int64_t skew_ms = 0;
    int verdict;

    farmiq_signed_request_init(&request, sizeof request);
    request.method = call->method;
    request.path = call->path;
    request.body = call->body;
    request.timestamp = shim_header(call, "x-edge-timestamp");
    request.signature = shim_header(call, "x-edge-signature");
    if (!edge_id.len)
        edge_id = shim_header(call, "x-edge-id");
    verdict = farmiq_sign_verify(&request, NULL, 0, shim_number(call, "HMAC_MAX_SKEW_MS"),
                                 call->now_unix_ms, shim_hmac_sha256, NULL, &skew_ms);
    if (verdict == FARMIQ_SIGN_NO_SECRET) /* all is well but for that */
        verdict = find_signer(call, &request, edge_id, &signer);
    if (verdict < 0)
        return verdict;
    if (verdict != FARMIQ_SIGN_OK)
        return ingestion_reply_verdict(call, verdict, skew_ms);
    signer.certified_tenants = credential->tenants;
    *credential = signer;
    return FARMIQ_OK;
}

static int admit_keyed(struct shim_call *call, struct credential *credential)
{
    struct keyring ring = ingestion_proofs(call);
    struct farmiq_str key = shim_header(call, "x-api-key");
    struct credential one;
    int found = 0;

    while (ingestion_next(&ring, &one)) /* all of them: time must not tell which */
        if (one.proof.len && text_equal_secret(one.proof, key)) {
            *credential = one;
            found = 1;
        }
    return found ? FARMIQ_OK
                 : refuse(call, 401, "UNAUTHORIZED", "x-api-key is missing or unknown");
}

/* A name that looks like an URI is only ever compared with URIs: an authority that lets
 * holders choose their common name must not let them choose whom they are. */
static int is_named(const struct shim_peer *peer, struct farmiq_str name)
{
    for (size_t i = 0; i + 3 <= name.len; i++)
        if (name.ptr[i] == ':' && name.ptr[i + 1] == '/' && name.ptr[i + 2] == '/')
            return text_is(name, peer->uri);
    return text_is(name, peer->common_name);
}

/* The kit has verified it already; here it is only asked whose it is. */
static int admit_certified(struct shim_call *call, struct credential *credential)
{
    const struct shim_peer *peer = shim_peer(call);
    struct farmiq_str edge_id = shim_header(call, "x-edge-id");
    struct keyring ring = ingestion_certificates(call);

    if (!peer)
        return refuse(call, 401, "UNAUTHORIZED", "a client certificate is required");
    while (ingestion_next(&ring, credential))
        if (is_named(peer, credential->proof) && is_candidate(credential, edge_id))
            return FARMIQ_OK;
    return refuse(call, 403, "FORBIDDEN", "the certificate is not this edge's");
}

int ingestion_identify(struct shim_call *call, struct credential *credential)
{
    const struct mode *mode = ingestion_mode(call);
    int r = FARMIQ_OK;

    *credential = (struct credential){ 0 };
    if (mode->asks_certificate)
        r = admit_certified(call, credential);
    if (r == FARMIQ_OK && mode->proof == PROOF_SIGNATURE)
        r = admit_signed(call, credential);
    if (r == FARMIQ_OK && mode->proof == PROOF_KEY)
        r = admit_keyed(call, credential);
    return r;
}

int ingestion_admit(struct shim_call *call)
{
    struct credential *credential = shim_memory(call, sizeof *credential);
    int r = credential ? ingestion_identify(call, credential) : FARMIQ_E_NOMEM;

    if (r == FARMIQ_OK)
        call->finding = credential;
    return r < 0 ? r : FARMIQ_OK;
}
