/* SPDX-License-Identifier: Apache-2.0 */
/* Request signatures: spec edge 6.7, 14.2; spec cloud 1.5. The HMAC is GnuTLS's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include <gnutls/crypto.h>

#include <farmiq/sign.h>

#define NOW_UNIX_MS INT64_C(1704067200000)
#define BATCH_SIGNATURE "c9b11b88d7f8af1125a5517169cfc3bf27342a5e0d744bbc111a93eb7b0b6ce5"
#define HANDSHAKE_SIGNATURE                                                              \
    "f71170fafab40f4fb61059e87b0022bd89ddd93ba73288fea6e438f5e9a8d510"

static const char batch[] = "{\"tenant_id\":\"t-001\",\"edge_id\":\"edge-01\","
                            "\"sent_at\":\"2025-01-01T00:00:00.000Z\",\"events\":[]}";

/* What the HMAC was asked, and what it shall answer. */
struct probe {
    int answer;
    int calls;
    size_t bytes;
};

static int hmac_sha256(void *ctx, const char *secret, size_t secret_len,
                       const struct farmiq_str *parts, uint32_t part_count,
                       uint8_t out[32])
{
    struct probe *probe = ctx;
    gnutls_hmac_hd_t hmac;

    probe->calls++;
    probe->bytes = 0;
    if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, secret, secret_len) < 0)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < part_count; i++) {
        gnutls_hmac(hmac, parts[i].ptr, parts[i].len);
        probe->bytes += parts[i].len;
    }
    gnutls_hmac_deinit(hmac, out);
    return probe->answer;
}

static struct farmiq_str str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

static struct farmiq_signed_request request(const char *method, const char *path,
                                            const char *body)
{
    struct farmiq_signed_request request;

    farmiq_signed_request_init(&request, sizeof request);
    request.method = str(method);
    request.path = str(path);
    request.body = str(body);
    request.timestamp = str("1704067200000");
    return request;
}

static struct farmiq_signed_request signed_batch(void)
{
    struct farmiq_signed_request r = request("POST", "/api/v1/edge/batch", batch);

    r.signature = str(BATCH_SIGNATURE);
    return r;
}

static void assert_signature(struct farmiq_signed_request r, size_t text_bytes,
                             const char *expected)
{
    struct probe probe = { 0 };
    char out[FARMIQ_SIGN_HEX_STRLEN + 1];

    assert_int_equal(farmiq_sign(&r, "test-secret", 11, hmac_sha256, &probe, out),
                     FARMIQ_OK);
    assert_string_equal(out, expected);
    assert_int_equal(probe.bytes, text_bytes);
}

static int verify_at(struct farmiq_signed_request r, int64_t now_unix_ms)
{
    struct farmiq_str secret = str("test-secret");
    struct probe probe = { 0 };

    return farmiq_sign_verify(&r, &secret, 1, FARMIQ_SIGN_WINDOW_MS, now_unix_ms,
                              hmac_sha256, &probe, NULL);
}

static int verify(struct farmiq_signed_request r) { return verify_at(r, NOW_UNIX_MS); }

static void signs_the_vectors_of_spec_edge_14_2(void **state)
{
    (void)state;
    assert_signature(request("POST", "/api/v1/edge/batch", batch), 128, BATCH_SIGNATURE);
    assert_signature(request("GET", "/api/v1/edge/diagnostics/handshake", ""), 53,
                     HANDSHAKE_SIGNATURE);
}

static void method_and_path_are_made_canonical(void **state)
{
    static const char *const paths[] = { "/api/v1/edge/batch", "/api/v1/edge/batch/",
                                         "/api/v1/edge/batch?x=1/",
                                         "/api/v1/edge/batch/?",
                                         "/api/v1/edge/batch?a?b" };

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_signature(request("post", paths[i], batch), 128, BATCH_SIGNATURE);
}

static void only_one_slash_is_dropped_and_never_the_only_one(void **state)
{
    static const struct {
        const char *path;
        size_t signed_bytes;
    } cases[] = { { "/", 1 }, { "//", 1 }, { "/a//", 3 }, { "?", 0 }, { "/?", 1 } };
    char out[FARMIQ_SIGN_HEX_STRLEN + 1];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct farmiq_signed_request r = request("M", cases[i].path, "");
        struct probe probe = { 0 };

        assert_int_equal(farmiq_sign(&r, "s", 1, hmac_sha256, &probe, out), FARMIQ_OK);
        assert_int_equal(probe.bytes,
                         strlen("1704067200000.M..") + cases[i].signed_bytes);
    }
}

static void letters_alone_are_raised_in_the_method(void **state)
{
    struct farmiq_signed_request mixed = request("a`z{-@[Z", "/", "");
    struct farmiq_signed_request upper = request("A`Z{-@[Z", "/", "");
    struct probe probe = { 0 };
    char a[FARMIQ_SIGN_HEX_STRLEN + 1], b[FARMIQ_SIGN_HEX_STRLEN + 1];

    (void)state;
    assert_int_equal(farmiq_sign(&mixed, "s", 1, hmac_sha256, &probe, a), FARMIQ_OK);
    assert_int_equal(farmiq_sign(&upper, "s", 1, hmac_sha256, &probe, b), FARMIQ_OK);
    assert_string_equal(a, b);
}

static void accepts_bare_hex_and_the_prefixed_form(void **state)
{
    struct farmiq_signed_request r = signed_batch();

    (void)state;
    assert_int_equal(verify(r), FARMIQ_SIGN_OK);
    r.signature = str("sha256=" BATCH_SIGNATURE);
    assert_int_equal(verify(r), FARMIQ_SIGN_OK);
    r.signature =
        (struct farmiq_str){ BATCH_SIGNATURE "and more", FARMIQ_SIGN_HEX_STRLEN };
    assert_int_equal(verify(r), FARMIQ_SIGN_OK);
}

static void refuses_other_spellings_of_a_right_signature(void **state)
{
    static const char *const spellings[] = {
        "SHA256=" BATCH_SIGNATURE,
        "sha256=sha256=" BATCH_SIGNATURE,
        "sha256=",
        "sha1",
        " " BATCH_SIGNATURE,
        BATCH_SIGNATURE " ",
        BATCH_SIGNATURE "00",
        "C9B11B88D7F8AF1125A5517169CFC3BF27342A5E0D744BBC111A93EB7B0B6CE5",
        "9b11b88d7f8af1125a5517169cfc3bf27342a5e0d744bbc111a93eb7b0b6ce5",
        HANDSHAKE_SIGNATURE,
    };
    struct farmiq_signed_request r = signed_batch();

    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        r.signature = str(spellings[i]);
        assert_int_equal(verify(r), FARMIQ_SIGN_INVALID);
    }
}

/* The comparison must look at every digit. */
static void one_wrong_digit_anywhere_is_invalid(void **state)
{
    struct farmiq_signed_request r = signed_batch();
    char signature[] = BATCH_SIGNATURE;

    (void)state;
    r.signature = (struct farmiq_str){ signature, FARMIQ_SIGN_HEX_STRLEN };
    for (size_t i = 0; i < FARMIQ_SIGN_HEX_STRLEN; i++) {
        signature[i] = (char)(signature[i] ^ 1);
        assert_int_equal(verify(r), FARMIQ_SIGN_INVALID);
        signature[i] = (char)(signature[i] ^ 1);
    }
    assert_int_equal(verify(r), FARMIQ_SIGN_OK);
}

static void anything_signed_may_not_change(void **state)
{
    struct farmiq_signed_request method = signed_batch(), path = method, body = method,
                                 time = method;

    (void)state;
    method.method = str("PUT");
    path.path = str("/api/v1/edge/batches");
    body.body.len--;
    time.timestamp = str("1704067200001");
    assert_int_equal(verify(method), FARMIQ_SIGN_INVALID);
    assert_int_equal(verify(path), FARMIQ_SIGN_INVALID);
    assert_int_equal(verify(body), FARMIQ_SIGN_INVALID);
    assert_int_equal(verify(time), FARMIQ_SIGN_INVALID);
}

static void the_window_is_closed_on_both_sides(void **state)
{
    struct farmiq_signed_request r = signed_batch();

    (void)state;
    assert_int_equal(verify_at(r, NOW_UNIX_MS + 300000), FARMIQ_SIGN_OK);
    assert_int_equal(verify_at(r, NOW_UNIX_MS + 300001), FARMIQ_SIGN_OUT_OF_WINDOW);
    assert_int_equal(verify_at(r, NOW_UNIX_MS - 300000), FARMIQ_SIGN_OK);
    assert_int_equal(verify_at(r, NOW_UNIX_MS - 300001), FARMIQ_SIGN_OUT_OF_WINDOW);
}

static void the_skew_is_told_once_it_is_known(void **state)
{
    struct farmiq_signed_request r = signed_batch();
    struct farmiq_str secret = str("test-secret");
    struct probe probe = { 0 };
    int64_t skew_ms = 77;

    (void)state;
    r.timestamp = str("17O4067200000");
    assert_int_equal(
        farmiq_sign_verify(&r, &secret, 1, 5, NOW_UNIX_MS, hmac_sha256, &probe, &skew_ms),
        FARMIQ_SIGN_TIMESTAMP_INVALID);
    assert_int_equal(skew_ms, 77);
    r.timestamp = str("1704067200000");
    assert_int_equal(farmiq_sign_verify(&r, &secret, 1, 5, NOW_UNIX_MS + 6, hmac_sha256,
                                        &probe, &skew_ms),
                     FARMIQ_SIGN_OUT_OF_WINDOW);
    assert_int_equal(skew_ms, 6);
    assert_int_equal(farmiq_sign_verify(&r, &secret, 1, 5, NOW_UNIX_MS - 5, hmac_sha256,
                                        &probe, &skew_ms),
                     FARMIQ_SIGN_OK);
    assert_int_equal(skew_ms, -5);
    assert_int_equal(
        farmiq_sign_verify(&r, &secret, 1, 0, NOW_UNIX_MS, hmac_sha256, &probe, &skew_ms),
        FARMIQ_SIGN_OK);
    assert_int_equal(skew_ms, 0);
}

static void a_timestamp_is_decimal_digits(void **state)
{
    static const char *const bad[] = { "-1704067200000", "+1704067200000",
                                       "1704067200.000", " 1704067200000",
                                       "1704067200000 ", "0x18cc251f400",
                                       "17040672/0000",  "17040672:0000" };
    static const char *const far[] = { "0", "9223372036854775807", "9223372036854775808",
                                       "99999999999999999999999999999999999999" };
    struct farmiq_signed_request r = signed_batch();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r.timestamp = str(bad[i]);
        assert_int_equal(verify(r), FARMIQ_SIGN_TIMESTAMP_INVALID);
    }
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        r.timestamp = str(far[i]);
        assert_int_equal(verify(r), FARMIQ_SIGN_OUT_OF_WINDOW);
    }
}

/* Spec edge 6.7: a request with every fault shows them one by one, in this order. */
static void faults_are_found_in_the_order_of_the_specification(void **state)
{
    struct farmiq_signed_request r = request("POST", "/", "");
    struct farmiq_str secrets[] = { str(""), str("test-secret") };
    struct probe probe = { 0 };

#define VERDICT(secret_count, now_unix_ms)                                               \
    farmiq_sign_verify(&r, secrets, secret_count, 10, now_unix_ms, hmac_sha256, &probe,  \
                       NULL)
    (void)state;
    r.timestamp = str("");
    assert_int_equal(VERDICT(0, 0), FARMIQ_SIGN_TIMESTAMP_MISSING);
    r.timestamp = str("x");
    assert_int_equal(VERDICT(0, 0), FARMIQ_SIGN_SIGNATURE_MISSING);
    r.signature = str("x");
    assert_int_equal(VERDICT(0, 0), FARMIQ_SIGN_TIMESTAMP_INVALID);
    r.timestamp = str("11");
    assert_int_equal(VERDICT(0, 0), FARMIQ_SIGN_OUT_OF_WINDOW);
    assert_int_equal(VERDICT(0, 1), FARMIQ_SIGN_NO_SECRET);
    assert_int_equal(VERDICT(1, 1), FARMIQ_SIGN_NO_SECRET); /* "" is no secret */
    assert_int_equal(probe.calls, 0);
    assert_int_equal(VERDICT(2, 1), FARMIQ_SIGN_INVALID);
    assert_int_equal(probe.calls, 1);
#undef VERDICT
}

static void an_empty_secret_never_matches(void **state)
{
    struct farmiq_signed_request r = request("GET", "/", "");
    struct farmiq_str secrets[] = { str(""), str("other") };
    struct probe probe = { 0 };
    struct farmiq_str parts[] = { str("1704067200000.GET./.") };
    char hex[65];
    uint8_t digest[32];

    (void)state;
    assert_int_equal(hmac_sha256(&probe, "", 0, parts, 1, digest), 0);
    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    r.signature = (struct farmiq_str){ hex, 64 };
    assert_int_equal(
        farmiq_sign_verify(&r, secrets, 2, 0, NOW_UNIX_MS, hmac_sha256, &probe, NULL),
        FARMIQ_SIGN_INVALID);
}

/* Rotation: any of the secrets will do, and each is tried so that time tells nothing. */
static void any_secret_may_match_and_all_are_tried(void **state)
{
    struct farmiq_str secrets[] = { str("new"), str("old"), str("older") };
    struct farmiq_signed_request r = signed_batch();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct farmiq_str tried[] = { secrets[0], secrets[1], secrets[2] };
        struct probe probe = { 0 };

        tried[i] = str("test-secret");
        assert_int_equal(
            farmiq_sign_verify(&r, tried, 3, 0, NOW_UNIX_MS, hmac_sha256, &probe, NULL),
            FARMIQ_SIGN_OK);
        assert_int_equal(probe.calls, 3);
    }
}

static void a_failing_hmac_fails_the_call(void **state)
{
    struct farmiq_signed_request r = signed_batch();
    struct farmiq_str secret = str("test-secret");
    struct probe busy = { .answer = FARMIQ_E_BUSY }, positive = { .answer = 1 };
    char out[FARMIQ_SIGN_HEX_STRLEN + 1] = "untouched";

    (void)state;
    assert_int_equal(farmiq_sign(&r, "s", 1, hmac_sha256, &busy, out), FARMIQ_E_BUSY);
    assert_int_equal(farmiq_sign(&r, "s", 1, hmac_sha256, &positive, out), FARMIQ_E_ARG);
    assert_string_equal(out, "untouched");
    assert_int_equal(
        farmiq_sign_verify(&r, &secret, 1, 0, NOW_UNIX_MS, hmac_sha256, &busy, NULL),
        FARMIQ_E_BUSY);
    assert_int_equal(
        farmiq_sign_verify(&r, &secret, 1, 0, NOW_UNIX_MS, hmac_sha256, &positive, NULL),
        FARMIQ_E_ARG);
}

static void what_is_signed_verifies(void **state)
{
    static const char *const methods[] = { "GET", "delete", "PROPFIND" };
    struct probe probe = { 0 };
    char hex[FARMIQ_SIGN_HEX_STRLEN + 1];

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct farmiq_signed_request r = request(methods[i], "/x/?y", "body");

        assert_int_equal(farmiq_sign(&r, "test-secret", 11, hmac_sha256, &probe, hex),
                         FARMIQ_OK);
        r.signature = str(hex);
        assert_int_equal(verify(r), FARMIQ_SIGN_OK);
    }
}

static void verdicts_have_the_names_of_the_specification(void **state)
{
    static const struct {
        int verdict;
        const char *name;
        int32_t http_status;
    } names[] = {
        { FARMIQ_SIGN_TIMESTAMP_MISSING, "HMAC_TIMESTAMP_MISSING", 401 },
        { FARMIQ_SIGN_SIGNATURE_MISSING, "HMAC_SIGNATURE_MISSING", 401 },
        { FARMIQ_SIGN_TIMESTAMP_INVALID, "HMAC_TIMESTAMP_INVALID", 401 },
        { FARMIQ_SIGN_OUT_OF_WINDOW, "HMAC_TIMESTAMP_OUT_OF_WINDOW", 401 },
        { FARMIQ_SIGN_NO_SECRET, "AUTH_CONFIG_ERROR", 500 },
        { FARMIQ_SIGN_INVALID, "HMAC_SIGNATURE_INVALID", 401 },
        { FARMIQ_SIGN_REPLAYED, "HMAC_REPLAY_DETECTED", 401 },
    };
    int32_t http_status;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_string_equal(farmiq_sign_verdict_name(names[i].verdict, &http_status),
                            names[i].name);
        assert_int_equal(http_status, names[i].http_status);
        assert_string_equal(farmiq_sign_verdict_name(names[i].verdict, NULL),
                            names[i].name);
    }
    http_status = 77;
    assert_null(farmiq_sign_verdict_name(FARMIQ_SIGN_OK, &http_status));
    assert_null(farmiq_sign_verdict_name(FARMIQ_SIGN_REPLAYED + 1, &http_status));
    assert_null(farmiq_sign_verdict_name(-1, &http_status));
    assert_int_equal(http_status, 77);
}

static int sign(struct farmiq_signed_request r)
{
    struct probe probe = { 0 };
    char out[FARMIQ_SIGN_HEX_STRLEN + 1];

    return farmiq_sign(&r, "s", 1, hmac_sha256, &probe, out);
}

static void unsound_requests_are_argument_errors(void **state)
{
    static const char method[33] = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF";
    struct farmiq_signed_request r, good = signed_batch();

    (void)state;
#define SPOILED(member, ...) (r = good, r.member = (struct farmiq_str)__VA_ARGS__, r)
    assert_int_equal(sign(good), FARMIQ_OK);
    assert_int_equal(sign(SPOILED(method, { "", 0 })), FARMIQ_E_ARG);
    assert_int_equal(sign(SPOILED(method, { NULL, 1 })), FARMIQ_E_ARG);
    assert_int_equal(sign(SPOILED(method, { method, 32 })), FARMIQ_OK);
    assert_int_equal(sign(SPOILED(method, { method, 33 })), FARMIQ_E_ARG);
    assert_int_equal(sign(SPOILED(path, { "", 0 })), FARMIQ_E_ARG);
    assert_int_equal(sign(SPOILED(path, { NULL, 1 })), FARMIQ_E_ARG);
    assert_int_equal(sign(SPOILED(body, { NULL, 1 })), FARMIQ_E_ARG);
    assert_int_equal(sign(SPOILED(body, { NULL, 0 })), FARMIQ_OK);
    assert_int_equal(sign(SPOILED(timestamp, { NULL, 1 })), FARMIQ_E_ARG);
    assert_int_equal(sign(SPOILED(timestamp, { "", 0 })), FARMIQ_E_ARG);
    assert_int_equal(sign(SPOILED(timestamp, { "x", 1 })), FARMIQ_E_ARG);
    assert_int_equal(verify(SPOILED(signature, { NULL, 1 })), FARMIQ_E_ARG);
#undef SPOILED
    good.size--;
    assert_int_equal(sign(good), FARMIQ_E_ARG);
    assert_int_equal(verify(good), FARMIQ_E_ARG);
}

static void null_is_an_argument_error(void **state)
{
    struct farmiq_signed_request r = signed_batch();
    struct farmiq_str secret = str("s");
    struct probe probe = { 0 };
    char out[FARMIQ_SIGN_HEX_STRLEN + 1];

    (void)state;
    assert_int_equal(farmiq_sign(NULL, "s", 1, hmac_sha256, &probe, out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sign(&r, NULL, 1, hmac_sha256, &probe, out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sign(&r, "s", 0, hmac_sha256, &probe, out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sign(&r, "s", 1, NULL, &probe, out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sign(&r, "s", 1, hmac_sha256, &probe, NULL), FARMIQ_E_ARG);
#define VERIFY(secrets, window_ms, now_unix_ms, hmac)                                    \
    farmiq_sign_verify(&r, secrets, 1, window_ms, now_unix_ms, hmac, &probe, NULL)
    assert_int_equal(VERIFY(NULL, 0, 0, hmac_sha256), FARMIQ_E_ARG);
    assert_int_equal(VERIFY(&secret, -1, 0, hmac_sha256), FARMIQ_E_ARG);
    assert_int_equal(VERIFY(&secret, 0, -1, hmac_sha256), FARMIQ_E_ARG);
    assert_int_equal(VERIFY(&secret, 0, 0, NULL), FARMIQ_E_ARG);
#undef VERIFY
    assert_int_equal(
        farmiq_sign_verify(&r, NULL, 0, 0, NOW_UNIX_MS, hmac_sha256, &probe, NULL),
        FARMIQ_SIGN_NO_SECRET);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_the_vectors_of_spec_edge_14_2),
        cmocka_unit_test(method_and_path_are_made_canonical),
        cmocka_unit_test(only_one_slash_is_dropped_and_never_the_only_one),
        cmocka_unit_test(letters_alone_are_raised_in_the_method),
        cmocka_unit_test(accepts_bare_hex_and_the_prefixed_form),
        cmocka_unit_test(refuses_other_spellings_of_a_right_signature),
        cmocka_unit_test(one_wrong_digit_anywhere_is_invalid),
        cmocka_unit_test(anything_signed_may_not_change),
        cmocka_unit_test(the_window_is_closed_on_both_sides),
        cmocka_unit_test(the_skew_is_told_once_it_is_known),
        cmocka_unit_test(a_timestamp_is_decimal_digits),
        cmocka_unit_test(faults_are_found_in_the_order_of_the_specification),
        cmocka_unit_test(an_empty_secret_never_matches),
        cmocka_unit_test(any_secret_may_match_and_all_are_tried),
        cmocka_unit_test(a_failing_hmac_fails_the_call),
        cmocka_unit_test(what_is_signed_verifies),
        cmocka_unit_test(verdicts_have_the_names_of_the_specification),
        cmocka_unit_test(unsound_requests_are_argument_errors),
        cmocka_unit_test(null_is_an_argument_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
