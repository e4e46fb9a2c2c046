/* SPDX-License-Identifier: Apache-2.0 */
/* kit/crypto.h against published vectors. */
#include "rig.h"

#include <farmiq/sign.h>

#include "kit/crypto.h"

static void to_hex(const uint8_t bytes[32], char out[65])
{
    for (size_t i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static struct farmiq_str str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

/* RFC 4231, test cases 1, 2, 3 and 6; each also cut into pieces at every byte. */
static void hmac_of_rfc_4231(void **state)
{
    char key_0b[20], key_aa_20[20], key_aa_131[131], data_dd[50];
    memset(key_0b, 0x0b, sizeof key_0b);
    memset(key_aa_20, 0xaa, sizeof key_aa_20);
    memset(key_aa_131, 0xaa, sizeof key_aa_131);
    memset(data_dd, 0xdd, sizeof data_dd);
    const struct {
        struct farmiq_str key, data;
        const char *hmac;
    } cases[] = {
        { { key_0b, 20 },
          str("Hi There"),
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { str("Jefe"), str("what do ya want for nothing?"),
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { { key_aa_20, 20 },
          { data_dd, 50 },
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
        { { key_aa_131, 131 },
          str("Test Using Larger Than Block-Size Key - Hash Key First"),
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t at = 0; at <= cases[i].data.len; at++) {
            struct farmiq_str parts[] = {
                { cases[i].data.ptr, at },
                { cases[i].data.ptr + at, cases[i].data.len - at },
            };
            uint8_t out[32];
            char hex[65];
            assert_int_equal(shim_crypto_hmac_sha256(NULL, cases[i].key.ptr,
                                                     cases[i].key.len, parts, 2, out),
                             FARMIQ_OK);
            to_hex(out, hex);
            assert_string_equal(hex, cases[i].hmac);
        }
}

/* Spec edge 14.2: the text to sign, written out. */
static void hmac_of_the_specification(void **state)
{
    static const char body[] =
        "{\"tenant_id\":\"t-001\",\"edge_id\":\"edge-01\",\"sent_at\":"
        "\"2025-01-01T00:00:00.000Z\",\"events\":[]}";
    struct farmiq_str post[] = {
        str("1704067200000"),      str("."), str("POST"), str("."),
        str("/api/v1/edge/batch"), str("."), str(body)
    };
    struct farmiq_str get[] = { str("1704067200000.GET."),
                                str("/api/v1/edge/diagnostics/handshake"), str(".") };
    uint8_t out[32];
    char hex[65];

    (void)state;
    assert_int_equal(shim_crypto_hmac_sha256(NULL, "test-secret", 11, post, 7, out), 0);
    to_hex(out, hex);
    assert_string_equal(
        hex, "c9b11b88d7f8af1125a5517169cfc3bf27342a5e0d744bbc111a93eb7b0b6ce5");
    assert_int_equal(shim_crypto_hmac_sha256(NULL, "test-secret", 11, get, 3, out), 0);
    to_hex(out, hex);
    assert_string_equal(
        hex, "f71170fafab40f4fb61059e87b0022bd89ddd93ba73288fea6e438f5e9a8d510");
}

/* Spec edge 14.2 through the library: the kit's HMAC fits farmiq_sign(). */
static void signature_of_the_specification(void **state)
{
    struct farmiq_signed_request request;
    char hex[FARMIQ_SIGN_HEX_STRLEN + 1];

    (void)state;
    farmiq_signed_request_init(&request, sizeof request);
    request.method = str("get");
    request.path = str("/api/v1/edge/diagnostics/handshake/?verbose=1");
    request.timestamp = str("1704067200000");
    assert_int_equal(
        farmiq_sign(&request, "test-secret", 11, shim_crypto_hmac_sha256, NULL, hex),
        FARMIQ_OK);
    assert_string_equal(
        hex, "f71170fafab40f4fb61059e87b0022bd89ddd93ba73288fea6e438f5e9a8d510");
}

/* FIPS 180-4 examples: "abc", the empty message, and 56 bytes (two blocks). */
static void sha256_of_fips_180(void **state)
{
    static const char *const cases[][2] = {
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[32];
        char hex[65];
        assert_int_equal(shim_crypto_sha256(str(cases[i][0]), out), FARMIQ_OK);
        to_hex(out, hex);
        assert_string_equal(hex, cases[i][1]);
    }
}

static void equal_means_every_byte(void **state)
{
    (void)state;
    assert_int_equal(shim_crypto_equal(str("secret"), str("secret")), 1);
    assert_int_equal(shim_crypto_equal(str("secret"), str("secreu")), 0);
    assert_int_equal(shim_crypto_equal(str("secret"), str("Tecret")), 0);
    assert_int_equal(shim_crypto_equal(str("secret"), str("secre")), 0);
    assert_int_equal(shim_crypto_equal(str(""), str("")), 1);
    assert_int_equal(shim_crypto_equal((struct farmiq_str){ NULL, 0 }, str("")), 1);
    assert_int_equal(shim_crypto_equal((struct farmiq_str){ NULL, 3 }, str("abc")), 0);
}

/* 4096 random bytes: none of the 256 values is missing more often than chance allows
 * (the expected count is 16; all below 64 and at least 240 values seen). */
static void random_bytes_spread(void **state)
{
    unsigned char bytes[4096];
    unsigned count[256] = { 0 }, seen = 0;

    (void)state;
    assert_int_equal(shim_crypto_random(bytes, sizeof bytes), FARMIQ_OK);
    for (size_t i = 0; i < sizeof bytes; i++)
        count[bytes[i]]++;
    for (size_t i = 0; i < 256; i++) {
        seen += count[i] > 0;
        assert_true(count[i] < 64);
    }
    assert_true(seen >= 240);
    assert_int_equal(shim_crypto_random(NULL, 0), FARMIQ_OK);
}

/* base.h: NULL is FARMIQ_E_ARG, never a crash. */
static void null_arguments(void **state)
{
    struct farmiq_str broken = { NULL, 1 };
    uint8_t out[32];

    (void)state;
    assert_int_equal(shim_crypto_hmac_sha256(NULL, NULL, 1, NULL, 0, out), FARMIQ_E_ARG);
    assert_int_equal(shim_crypto_hmac_sha256(NULL, "k", 1, NULL, 1, out), FARMIQ_E_ARG);
    assert_int_equal(shim_crypto_hmac_sha256(NULL, "k", 1, &broken, 1, out),
                     FARMIQ_E_ARG);
    assert_int_equal(shim_crypto_hmac_sha256(NULL, "k", 1, &broken, 0, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(shim_crypto_sha256(broken, out), FARMIQ_E_ARG);
    assert_int_equal(shim_crypto_random(NULL, 1), FARMIQ_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_of_rfc_4231),
        cmocka_unit_test(hmac_of_the_specification),
        cmocka_unit_test(signature_of_the_specification),
        cmocka_unit_test(sha256_of_fips_180),
        cmocka_unit_test(equal_means_every_byte),
        cmocka_unit_test(random_bytes_spread),
        cmocka_unit_test(null_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
