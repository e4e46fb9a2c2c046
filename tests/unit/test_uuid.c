/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs against RFC 9562 and spec edge 8.2, 14.2. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/error.h>
#include <farmiq/uuid.h>

#define UNIX_MS_MAX ((INT64_C(1) << 48) - 1)

static const uint8_t zeros[FARMIQ_UUID_ENTROPY_BYTES];
static const uint8_t ones[FARMIQ_UUID_ENTROPY_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff,
                                                         0xff, 0xff, 0xff, 0xff, 0xff };

static void assert_id(const uint8_t id[FARMIQ_UUID_BYTES], const char *expected)
{
    char text[FARMIQ_UUID_STRLEN + 1];

    assert_int_equal(farmiq_uuid_format(id, text), FARMIQ_OK);
    assert_string_equal(text, expected);
}

/* ---- version 7 ---- */

static void v7_composes_the_example_of_rfc_9562_a6(void **state)
{
    /* rand_a 0xcc3 and rand_b 0x18c4dc0c0c07398f, laid out as 32 bits and then 42. */
    static const uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES] = {
        0xcc, 0x36, 0x31, 0x37, 0x00, 0x0c, 0x0c, 0x07, 0x39, 0x8f,
    };
    uint8_t id[FARMIQ_UUID_BYTES];

    (void)state;
    assert_int_equal(farmiq_uuid_v7(id, NULL, 0x017f22e279b0, entropy), FARMIQ_OK);
    assert_id(id, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void v7_puts_every_entropy_bit_around_version_and_variant(void **state)
{
    uint8_t id[FARMIQ_UUID_BYTES];

    (void)state;
    assert_int_equal(farmiq_uuid_v7(id, NULL, 0, zeros), FARMIQ_OK);
    assert_id(id, "00000000-0000-7000-8000-000000000000");
    assert_int_equal(farmiq_uuid_v7(id, NULL, UNIX_MS_MAX, ones), FARMIQ_OK);
    assert_id(id, "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

static void v7_uses_all_74_random_bits(void **state)
{
    uint8_t id[FARMIQ_UUID_BYTES], none[FARMIQ_UUID_BYTES];
    unsigned used = 0;

    (void)state;
    assert_int_equal(farmiq_uuid_v7(none, NULL, 1, zeros), FARMIQ_OK);
    for (unsigned bit = 0; bit < 8 * FARMIQ_UUID_ENTROPY_BYTES; bit++) {
        uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES] = { 0 };

        entropy[bit / 8] = (uint8_t)(1u << bit % 8);
        assert_int_equal(farmiq_uuid_v7(id, NULL, 1, entropy), FARMIQ_OK);
        used += memcmp(id, none, sizeof id) != 0;
    }
    assert_int_equal(used, 74);
}

static void v7_seeds_its_counter_with_the_top_bit_clear(void **state)
{
    struct farmiq_uuid_seq seq = { 0 };
    uint8_t id[FARMIQ_UUID_BYTES];

    (void)state;
    assert_int_equal(farmiq_uuid_v7(id, &seq, 1704067200000, ones), FARMIQ_OK);
    assert_int_equal(seq.last_unix_ms, 1704067200000);
    assert_int_equal(seq.counter, 0x7fffffff);
    assert_id(id, "018cc251-f400-77ff-bfff-ffffffffffff");
}

static void v7_counts_within_a_millisecond(void **state)
{
    struct farmiq_uuid_seq seq = { 0 };
    uint8_t id[FARMIQ_UUID_BYTES];

    (void)state;
    assert_int_equal(farmiq_uuid_v7(id, &seq, 5, zeros), FARMIQ_OK);
    assert_id(id, "00000000-0005-7000-8000-000000000000");
    assert_int_equal(farmiq_uuid_v7(id, &seq, 5, zeros), FARMIQ_OK);
    assert_id(id, "00000000-0005-7000-8000-040000000000");
    assert_int_equal(farmiq_uuid_v7(id, &seq, 4, zeros), FARMIQ_OK);
    assert_id(id, "00000000-0005-7000-8000-080000000000");
    assert_int_equal(farmiq_uuid_v7(id, &seq, 6, zeros), FARMIQ_OK);
    assert_id(id, "00000000-0006-7000-8000-000000000000");
}

static void v7_counter_carries_across_version_and_variant(void **state)
{
    struct farmiq_uuid_seq seq = { 9, 0x000fffff, 0 };
    uint8_t id[FARMIQ_UUID_BYTES];

    (void)state;
    assert_int_equal(farmiq_uuid_v7(id, &seq, 9, zeros), FARMIQ_OK);
    assert_id(id, "00000000-0009-7001-8000-000000000000");
    seq.counter = 0xfffffffd;
    assert_int_equal(farmiq_uuid_v7(id, &seq, 9, ones), FARMIQ_OK);
    assert_id(id, "00000000-0009-7fff-bfff-fbffffffffff");
}

static void v7_borrows_from_the_future_when_the_counter_runs_out(void **state)
{
    struct farmiq_uuid_seq seq = { 1000, UINT32_MAX - 1, 0 };
    uint8_t last[FARMIQ_UUID_BYTES], id[FARMIQ_UUID_BYTES];

    (void)state;
    assert_int_equal(farmiq_uuid_v7(last, &seq, 1000, zeros), FARMIQ_OK);
    assert_int_equal(seq.counter, UINT32_MAX);
    assert_int_equal(farmiq_uuid_v7(id, &seq, 1000, zeros), FARMIQ_OK);
    assert_int_equal(seq.last_unix_ms, 1001);
    assert_int_equal(seq.counter, 0);
    assert_true(memcmp(last, id, sizeof id) < 0);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* RFC 9562, 6.2: a stuck, jumping or backward clock must not disturb the order. */
static void v7_is_strictly_increasing_whatever_the_clock_does(void **state)
{
    struct farmiq_uuid_seq seq = { 0 };
    uint8_t last[FARMIQ_UUID_BYTES] = { 0 }, id[FARMIQ_UUID_BYTES];
    uint32_t random = 42;
    int64_t now = 1704067200000;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES];

        for (size_t k = 0; k < sizeof entropy; k++)
            entropy[k] = (uint8_t)next_random(&random);
        now += (int64_t)(next_random(&random) % 7) - 3;
        if (next_random(&random) % 100 == 0)
            seq.counter = UINT32_MAX - next_random(&random) % 3;
        assert_int_equal(farmiq_uuid_v7(id, &seq, now, entropy), FARMIQ_OK);
        assert_true(memcmp(last, id, sizeof id) < 0);
        memcpy(last, id, sizeof id);
    }
}

static void v7_refuses_a_time_it_cannot_hold_and_touches_nothing(void **state)
{
    struct farmiq_uuid_seq seq = { UNIX_MS_MAX, UINT32_MAX, 0 };
    struct farmiq_uuid_seq ahead = { UNIX_MS_MAX + 1, 7, 0 };
    uint8_t id[FARMIQ_UUID_BYTES] = { 1 };
    static const uint8_t untouched[FARMIQ_UUID_BYTES] = { 1 };

    (void)state;
    assert_int_equal(farmiq_uuid_v7(id, NULL, -1, zeros), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_uuid_v7(id, NULL, UNIX_MS_MAX + 1, zeros), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_uuid_v7(id, &seq, 5, zeros), FARMIQ_E_RANGE);
    assert_int_equal(seq.last_unix_ms, UNIX_MS_MAX);
    assert_int_equal(seq.counter, UINT32_MAX);
    assert_int_equal(farmiq_uuid_v7(id, &ahead, 5, zeros), FARMIQ_E_RANGE);
    assert_int_equal(ahead.counter, 7);
    assert_memory_equal(id, untouched, sizeof id);
}

/* ---- time ---- */

static void time_comes_back_from_v7_only(void **state)
{
    uint8_t id[FARMIQ_UUID_BYTES];
    int64_t unix_ms = -7;

    (void)state;
    assert_int_equal(farmiq_uuid_v7(id, NULL, UNIX_MS_MAX, zeros), FARMIQ_OK);
    assert_int_equal(farmiq_uuid_time(id, &unix_ms), FARMIQ_OK);
    assert_int_equal(unix_ms, UNIX_MS_MAX);

    unix_ms = -7;
    assert_int_equal(farmiq_uuid_time(farmiq_uuid_dns_space(), &unix_ms),
                     FARMIQ_UNDEFINED);
    id[8] = 0xc0; /* version 7 of another variant is not ours */
    assert_int_equal(farmiq_uuid_time(id, &unix_ms), FARMIQ_UNDEFINED);
    id[8] = 0x7f;
    assert_int_equal(farmiq_uuid_time(id, &unix_ms), FARMIQ_UNDEFINED);
    assert_int_equal(unix_ms, -7);
}

/* ---- version 5 ---- */

static void v5_knows_the_example_of_rfc_9562_a4(void **state)
{
    uint8_t id[FARMIQ_UUID_BYTES];

    (void)state;
    assert_int_equal(farmiq_uuid_v5(id, farmiq_uuid_dns_space(), "www.example.com", 15),
                     FARMIQ_OK);
    assert_id(id, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    assert_int_equal(farmiq_uuid_v5(id, farmiq_uuid_dns_space(), NULL, 0), FARMIQ_OK);
    assert_id(id, "4ebd0208-8328-5d69-8c44-ec50939c0967");
}

static void v5_in_place(uint8_t id[FARMIQ_UUID_BYTES], const char *name)
{
    assert_int_equal(farmiq_uuid_v5(id, id, name, strlen(name)), FARMIQ_OK);
}

static void v5_knows_the_media_vectors_of_spec_edge_14_2(void **state)
{
    uint8_t space[FARMIQ_UUID_BYTES], id[FARMIQ_UUID_BYTES];

    (void)state;
    memcpy(space, farmiq_uuid_dns_space(), sizeof space);
    v5_in_place(space, "farmiq.edge.media-store");
    assert_id(space, "e7206ae5-8d3f-59cf-8318-7b77203ae786");

    memcpy(id, space, sizeof id);
    v5_in_place(id, "t-001:farmiq-media:tenants/t-001/farms/f-001/barns/b-001/devices/"
                    "wv-001/images/2025/01/02/00000000-0000-4000-8000-000000000001.jpg");
    assert_id(id, "2445db68-82bc-55a9-b80f-25258f79ca62");

    memcpy(id, space, sizeof id);
    v5_in_place(id, "2445db68-82bc-55a9-b80f-25258f79ca62:media.stored");
    assert_id(id, "9b34b19c-a113-5e7d-be00-109f276b01d8");
}

/* ---- text ---- */

static void text_round_trips_in_either_case(void **state)
{
    static const uint8_t expected[FARMIQ_UUID_BYTES] = {
        0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
        0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
    };
    static const char *const spellings[] = {
        "01234567-89ab-cdef-fedc-ba9876543210",
        "01234567-89AB-CDEF-FEDC-BA9876543210",
        "01234567-89aB-CdEf-fEdC-bA9876543210",
    };

    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        uint8_t id[FARMIQ_UUID_BYTES] = { 0 };

        assert_int_equal(farmiq_uuid_parse(id, spellings[i], FARMIQ_UUID_STRLEN),
                         FARMIQ_OK);
        assert_memory_equal(id, expected, sizeof id);
        assert_id(id, spellings[0]);
    }
}

/* Every byte at every position: only hex digits and the four hyphens will do. */
static void text_of_one_foreign_byte_is_refused(void **state)
{
    static const char good[] = "01234567-89ab-cdef-fedc-ba9876543210";
    uint8_t id[FARMIQ_UUID_BYTES] = { 7 };
    static const uint8_t untouched[FARMIQ_UUID_BYTES] = { 7 };

    (void)state;
    for (size_t at = 0; at < FARMIQ_UUID_STRLEN; at++)
        for (int byte = 0; byte < 256; byte++) {
            char text[FARMIQ_UUID_STRLEN];
            uint8_t scratch[FARMIQ_UUID_BYTES];
            int hyphen = good[at] == '-';
            int legal = hyphen ? byte == '-'
                               : byte && strchr("0123456789abcdefABCDEF", byte) != NULL;

            memcpy(text, good, sizeof text);
            text[at] = (char)byte;
            assert_int_equal(farmiq_uuid_parse(legal ? scratch : id, text, sizeof text),
                             legal ? FARMIQ_OK : FARMIQ_E_SYNTAX);
        }
    assert_memory_equal(id, untouched, sizeof id);
}

static void text_of_another_length_is_refused(void **state)
{
    static const char text[] = "01234567-89ab-cdef-fedc-ba98765432100";
    uint8_t id[FARMIQ_UUID_BYTES];

    (void)state;
    for (size_t len = 0; len < sizeof text; len++)
        assert_int_equal(farmiq_uuid_parse(id, text, len),
                         len == FARMIQ_UUID_STRLEN ? FARMIQ_OK : FARMIQ_E_SYNTAX);
    assert_int_equal(farmiq_uuid_parse(id, NULL, 0), FARMIQ_E_SYNTAX);
}

static void null_is_an_argument_error(void **state)
{
    struct farmiq_uuid_seq seq = { 0 };
    uint8_t id[FARMIQ_UUID_BYTES];
    char text[FARMIQ_UUID_STRLEN + 1];
    int64_t unix_ms;

    (void)state;
    assert_int_equal(farmiq_uuid_v7(NULL, &seq, 1, zeros), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_v7(id, &seq, 1, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_time(NULL, &unix_ms), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_time(id, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_format(NULL, text), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_format(id, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_parse(NULL, text, 36), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_parse(id, NULL, 36), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_parse(id, NULL, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_v5(NULL, id, "a", 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_v5(id, NULL, "a", 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_uuid_v5(id, id, NULL, 1), FARMIQ_E_ARG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(v7_composes_the_example_of_rfc_9562_a6),
        cmocka_unit_test(v7_puts_every_entropy_bit_around_version_and_variant),
        cmocka_unit_test(v7_uses_all_74_random_bits),
        cmocka_unit_test(v7_seeds_its_counter_with_the_top_bit_clear),
        cmocka_unit_test(v7_counts_within_a_millisecond),
        cmocka_unit_test(v7_counter_carries_across_version_and_variant),
        cmocka_unit_test(v7_borrows_from_the_future_when_the_counter_runs_out),
        cmocka_unit_test(v7_is_strictly_increasing_whatever_the_clock_does),
        cmocka_unit_test(v7_refuses_a_time_it_cannot_hold_and_touches_nothing),
        cmocka_unit_test(time_comes_back_from_v7_only),
        cmocka_unit_test(v5_knows_the_example_of_rfc_9562_a4),
        cmocka_unit_test(v5_knows_the_media_vectors_of_spec_edge_14_2),
        cmocka_unit_test(text_round_trips_in_either_case),
        cmocka_unit_test(text_of_one_foreign_byte_is_refused),
        cmocka_unit_test(text_of_another_length_is_refused),
        cmocka_unit_test(null_is_an_argument_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
