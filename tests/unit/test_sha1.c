/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 against the examples of FIPS 180 and at every padding boundary. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/private.h"

static void assert_digest(const struct farmiq_str *parts, uint32_t count,
                          const char *expected)
{
    uint8_t digest[FARMIQ__SHA1_BYTES];
    char hex[2 * FARMIQ__SHA1_BYTES + 1];

    farmiq__sha1(parts, count, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, expected);
}

static void assert_text(const char *text, const char *expected)
{
    struct farmiq_str part = { text, strlen(text) };

    assert_digest(&part, 1, expected);
}

static void knows_the_examples_of_fips_180(void **state)
{
    (void)state;
    assert_text("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_text("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

static void pads_at_every_boundary(void **state)
{
    static const struct {
        size_t len;
        const char *digest; /* of so many letters a */
    } cases[] = {
        { 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" },
        { 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
        { 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5" },
        { 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
        { 65, "11655326c708d70319be2610e8a57d9a5b959d3b" },
        { 1000, "291e9a6c66994949b57ba5e650361e98fc36b1ba" },
    };
    char text[1000];

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct farmiq_str part = { text, cases[i].len };

        assert_digest(&part, 1, cases[i].digest);
    }
}

static void joins_parts_wherever_they_are_cut(void **state)
{
    static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    size_t len = sizeof text - 1;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        struct farmiq_str parts[] = { { text, cut },
                                      { NULL, 0 },
                                      { text + cut, len - cut } };

        assert_digest(parts, 3, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_examples_of_fips_180),
        cmocka_unit_test(pads_at_every_boundary),
        cmocka_unit_test(joins_parts_wherever_they_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
