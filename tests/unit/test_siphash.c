/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4-128 against the designers' vectors: key 00..0f, message 00..len-1. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/private.h"

static uint8_t key[16], message[64];

static void assert_hash(const struct farmiq_str *parts, uint32_t count,
                        const char *expected)
{
    uint8_t hash[FARMIQ__SIPHASH_BYTES];
    char hex[2 * FARMIQ__SIPHASH_BYTES + 1];

    farmiq__siphash(key, parts, count, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(hex + 2 * i, 3, "%02X", hash[i]);
    assert_string_equal(hex, expected);
}

static void knows_the_vectors(void **state)
{
    static const struct {
        size_t len;
        const char *hash;
    } vectors[] = {
        { 0, "A3817F04BA25A8E66DF67214C7550293" },
        { 1, "DA87C1D86B99AF44347659119B22FC45" },
        { 7, "A1F1EBBED8DBC153C0B84AA61FF08239" },
        { 8, "3B62A9BA6258F5610F83E264F31497B4" },
        { 9, "264499060AD9BAABC47F8B02BB6D71ED" },
        { 15, "5493E99933B0A8117E08EC0F97CFC3D9" },
        { 16, "6EE2A4CA67B054BBFD3315BF85230577" },
        { 31, "2939B0183223FAFC1723DE4F52C43D35" },
        { 63, "5150D1772F50834A503E069A973FBD7C" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct farmiq_str part = { (const char *)message, vectors[i].len };

        assert_hash(&part, 1, vectors[i].hash);
    }
}

static void joins_parts_wherever_they_are_cut(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= 63; cut++) {
        struct farmiq_str parts[] = { { (const char *)message, cut },
                                      { NULL, 0 },
                                      { (const char *)message + cut, 63 - cut } };

        assert_hash(parts, 3, "5150D1772F50834A503E069A973FBD7C");
    }
}

static void every_key_bit_counts(void **state)
{
    struct farmiq_str part = { (const char *)message, 5 };
    uint8_t plain[FARMIQ__SIPHASH_BYTES], other[FARMIQ__SIPHASH_BYTES];

    (void)state;
    farmiq__siphash(key, &part, 1, plain);
    for (unsigned bit = 0; bit < 128; bit++) {
        uint8_t changed[16];

        memcpy(changed, key, sizeof key);
        changed[bit / 8] = (uint8_t)(changed[bit / 8] ^ 1u << bit % 8);
        farmiq__siphash(changed, &part, 1, other);
        assert_memory_not_equal(plain, other, sizeof plain);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_vectors),
        cmocka_unit_test(joins_parts_wherever_they_are_cut),
        cmocka_unit_test(every_key_bit_counts),
    };

    for (uint8_t i = 0; i < sizeof message; i++)
        message[i] = i;
    memcpy(key, message, sizeof key);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
