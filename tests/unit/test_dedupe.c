/* SPDX-License-Identifier: Apache-2.0 */
/* The window forgets, but never accuses: dedupe.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/dedupe.h>
#include <farmiq/error.h>

#define TTL_MS 1000

static const uint8_t key[16] = { 0x46, 0x61, 0x72, 0x6d, 0x49, 0x51 };

/* Exactly the memory it asked for, so that sanitizers see one byte more. */
static struct farmiq_dedupe *open_window(uint32_t capacity)
{
    size_t bytes = farmiq_dedupe_bytes(capacity);
    struct farmiq_dedupe *window = NULL;
    void *memory = malloc(bytes);

    assert_int_equal(farmiq_dedupe_init(&window, memory, bytes, capacity, TTL_MS, key),
                     FARMIQ_OK);
    assert_ptr_equal(window, memory);
    return window;
}

static int see(struct farmiq_dedupe *window, const char *tenant, const char *event,
               int64_t now_unix_ms)
{
    return farmiq_dedupe_check(window, tenant, strlen(tenant), event, strlen(event),
                               now_unix_ms);
}

static int see_number(struct farmiq_dedupe *window, uint32_t number, int64_t now_unix_ms)
{
    char event[16];

    snprintf(event, sizeof event, "e-%u", number);
    return see(window, "t", event, now_unix_ms);
}

static void a_repeat_is_a_duplicate_within_the_ttl(void **state)
{
    struct farmiq_dedupe *window = open_window(4);

    (void)state;
    assert_int_equal(see(window, "t", "e", 5000), FARMIQ_OK);
    assert_int_equal(see(window, "t", "e", 5000), FARMIQ_DUPLICATE);
    assert_int_equal(see(window, "t", "e", 5000 + TTL_MS - 1), FARMIQ_DUPLICATE);
    assert_int_equal(see(window, "t", "e", 5000 + TTL_MS), FARMIQ_OK);
    assert_int_equal(see(window, "t", "e", 5000 + TTL_MS), FARMIQ_DUPLICATE);
    free(window);
}

static void a_repeat_does_not_prolong_the_ttl(void **state)
{
    struct farmiq_dedupe *window = open_window(4);

    (void)state;
    assert_int_equal(see(window, "t", "e", 0), FARMIQ_OK);
    for (int64_t now = 100; now < TTL_MS; now += 100)
        assert_int_equal(see(window, "t", "e", now), FARMIQ_DUPLICATE);
    assert_int_equal(see(window, "t", "e", TTL_MS), FARMIQ_OK);
    free(window);
}

static void a_clock_that_steps_back_forgets_nothing(void **state)
{
    struct farmiq_dedupe *window = open_window(4);

    (void)state;
    assert_int_equal(see(window, "t", "e", INT64_MAX), FARMIQ_OK);
    assert_int_equal(see(window, "t", "e", 0), FARMIQ_DUPLICATE);
    assert_int_equal(see(window, "t", "e", INT64_MIN), FARMIQ_DUPLICATE);
    assert_int_equal(see(window, "t", "f", INT64_MIN), FARMIQ_OK);
    assert_int_equal(see(window, "t", "f", INT64_MAX), FARMIQ_OK);
    free(window);
}

static void tenant_and_event_are_told_apart(void **state)
{
    static const char *const keys[][2] = {
        { "a", "bc" }, { "ab", "c" }, { "abc", "" },
        { "", "abc" }, { "b", "bc" }, { "", "" },
    };
    struct farmiq_dedupe *window = open_window(16);

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(see(window, keys[i][0], keys[i][1], 1), FARMIQ_OK);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(see(window, keys[i][0], keys[i][1], 1), FARMIQ_DUPLICATE);
    free(window);
}

static void a_full_window_forgets_the_oldest_first(void **state)
{
    static const uint32_t capacities[] = { 1, 2, 3, 7, 64, 100 };

    (void)state;
    for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++) {
        uint32_t capacity = capacities[c];
        struct farmiq_dedupe *window = open_window(capacity);

        for (uint32_t i = 0; i < 3 * capacity; i++)
            assert_int_equal(see_number(window, i, 1), FARMIQ_OK);
        for (uint32_t i = 2 * capacity; i < 3 * capacity; i++)
            assert_int_equal(see_number(window, i, 1), FARMIQ_DUPLICATE);
        assert_int_equal(see_number(window, 2 * capacity - 1, 1), FARMIQ_OK);
        assert_int_equal(see_number(window, 2 * capacity, 1), FARMIQ_OK);
        free(window);
    }
}

/* Against a plain list of what was seen and when, over a random life. */
static void agrees_with_a_list(void **state)
{
    enum { CAPACITY = 37, NAMES = 80, STEPS = 30000 };
    struct farmiq_dedupe *window = open_window(CAPACITY);
    struct {
        uint32_t name;
        int64_t at;
    } list[CAPACITY] = { 0 };
    uint32_t used = 0, next = 0, random = 7;
    int64_t now = 1000000;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        uint32_t name;
        int expected = FARMIQ_OK;

        random = random * 1664525 + 1013904223;
        name = (random >> 16) % NAMES;
        now += (int64_t)((random >> 8) % 60) - 10;
        for (uint32_t i = 0; i < used; i++)
            if (list[i].name == name && now - list[i].at < TTL_MS)
                expected = FARMIQ_DUPLICATE;
        if (see_number(window, name, now) != expected)
            fail_msg("step %d: event %u should have been %s", step, name,
                     farmiq_errname(expected));
        if (expected == FARMIQ_DUPLICATE)
            continue;
        list[next].name = name;
        list[next].at = now;
        next = (next + 1) % CAPACITY;
        used += used < CAPACITY;
    }
    free(window);
}

/* Whoever knows one device's key cannot make another forget: the key is in use. */
static void each_key_has_its_own_fingerprints(void **state)
{
    enum { HEADER_BYTES = 40, FINGERPRINT_BYTES = 16 };
    static const uint8_t other_key[16] = { 1 };
    struct farmiq_dedupe *a = open_window(1), *b = open_window(1);

    (void)state;
    assert_int_equal(
        farmiq_dedupe_init(&b, b, farmiq_dedupe_bytes(1), 1, TTL_MS, other_key),
        FARMIQ_OK);
    assert_int_equal(see(a, "t", "e", 1), FARMIQ_OK);
    assert_int_equal(see(b, "t", "e", 1), FARMIQ_OK);
    assert_memory_not_equal((char *)a + HEADER_BYTES, (char *)b + HEADER_BYTES,
                            FINGERPRINT_BYTES);
    free(a);
    free(b);
}

static void never_calls_a_first_sighting_a_duplicate(void **state)
{
    struct farmiq_dedupe *window = open_window(1000);

    (void)state;
    for (uint32_t i = 0; i < 50000; i++)
        assert_true(see_number(window, i, 1) == FARMIQ_OK);
    free(window);
}

static void memory_is_32_bytes_an_entry(void **state)
{
    (void)state;
    assert_int_equal(farmiq_dedupe_bytes(0), 0);
    assert_int_equal(farmiq_dedupe_bytes(1), 40 + 32);
    assert_int_equal(farmiq_dedupe_bytes(1024), 40 + 32 * 1024);
    assert_int_equal(farmiq_dedupe_bytes(UINT32_MAX),
                     sizeof(size_t) > 4 ? 40 + 32 * (uint64_t)UINT32_MAX : 0);
}

static void init_checks_its_memory(void **state)
{
    int64_t memory[64];
    struct farmiq_dedupe *window = NULL;
    size_t bytes = farmiq_dedupe_bytes(4);

    (void)state;
    assert_int_equal(farmiq_dedupe_init(&window, memory, bytes - 1, 4, 1, key),
                     FARMIQ_E_NOSPACE);
    assert_int_equal(farmiq_dedupe_init(NULL, memory, bytes, 4, 1, key), FARMIQ_E_ARG);
    assert_int_equal(farmiq_dedupe_init(&window, NULL, bytes, 4, 1, key), FARMIQ_E_ARG);
    assert_int_equal(farmiq_dedupe_init(&window, memory, bytes, 4, 1, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_dedupe_init(&window, memory, bytes, 0, 1, key), FARMIQ_E_ARG);
    assert_int_equal(farmiq_dedupe_init(&window, memory, bytes, 4, 0, key), FARMIQ_E_ARG);
    assert_int_equal(farmiq_dedupe_init(&window, (char *)memory + 4, bytes, 4, 1, key),
                     FARMIQ_E_ARG);
    assert_null(window);
    memset(memory, 0xa5, sizeof memory);
    assert_int_equal(farmiq_dedupe_init(&window, memory, bytes, 4, 1, key), FARMIQ_OK);
    assert_int_equal(see(window, "t", "e", 1), FARMIQ_OK);
    assert_int_equal(see(window, "t", "e", 1), FARMIQ_DUPLICATE);
    assert_int_equal(see(window, "t", "e", 2), FARMIQ_OK);
}

static void null_is_an_argument_error(void **state)
{
    struct farmiq_dedupe *window = open_window(1);

    (void)state;
    assert_int_equal(farmiq_dedupe_check(NULL, "t", 1, "e", 1, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_dedupe_check(window, NULL, 1, "e", 1, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_dedupe_check(window, "t", 1, NULL, 1, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_dedupe_check(window, NULL, 0, NULL, 0, 1), FARMIQ_OK);
    free(window);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_is_a_duplicate_within_the_ttl),
        cmocka_unit_test(a_repeat_does_not_prolong_the_ttl),
        cmocka_unit_test(a_clock_that_steps_back_forgets_nothing),
        cmocka_unit_test(tenant_and_event_are_told_apart),
        cmocka_unit_test(a_full_window_forgets_the_oldest_first),
        cmocka_unit_test(agrees_with_a_list),
        cmocka_unit_test(each_key_has_its_own_fingerprints),
        cmocka_unit_test(never_calls_a_first_sighting_a_duplicate),
        cmocka_unit_test(memory_is_32_bytes_an_entry),
        cmocka_unit_test(init_checks_its_memory),
        cmocka_unit_test(null_is_an_argument_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
