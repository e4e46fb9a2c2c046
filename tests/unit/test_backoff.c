/* SPDX-License-Identifier: Apache-2.0 */
/* Retry delays: seed 002, 7.4; spec edge 6.4, 13-C11, 14.2. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <farmiq/backoff.h>
#include <farmiq/error.h>

static struct farmiq_backoff defaults(void)
{
    struct farmiq_backoff policy;

    farmiq_backoff_init(&policy, sizeof policy);
    return policy;
}

static uint32_t delay(const struct farmiq_backoff *policy, uint32_t attempt,
                      uint32_t random)
{
    uint32_t delay_ms = 0;

    assert_int_equal(farmiq_backoff_delay(policy, attempt, random, &delay_ms), FARMIQ_OK);
    return delay_ms;
}

static void defaults_are_those_of_seed_002(void **state)
{
    struct farmiq_backoff policy = defaults();

    (void)state;
    assert_int_equal(policy.size, sizeof policy);
    assert_int_equal(policy.base_ms, 1000);
    assert_int_equal(policy.max_ms, 300000);
    assert_int_equal(policy.jitter_ms, 1000);
    assert_int_equal(policy.max_attempts, 10);
    assert_int_equal(policy.reserved, 0);
}

static void delays_follow_the_vector_of_spec_edge_14_2(void **state)
{
    static const uint32_t expected_s[] = { 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
    struct farmiq_backoff policy = defaults();

    (void)state;
    policy.max_attempts = 11;
    for (uint32_t attempt = 1; attempt <= 10; attempt++)
        assert_int_equal(delay(&policy, attempt, 0), expected_s[attempt - 1] * 1000);
}

static void jitter_is_uniform_below_its_bound(void **state)
{
    struct farmiq_backoff policy = defaults();

    (void)state;
    assert_int_equal(delay(&policy, 1, 0), 2000);
    assert_int_equal(delay(&policy, 1, UINT32_C(1) << 31), 2500);
    assert_int_equal(delay(&policy, 1, UINT32_MAX), 2999);
    policy.jitter_ms = 0;
    assert_int_equal(delay(&policy, 1, UINT32_MAX), 2000);
    policy.jitter_ms = 1;
    assert_int_equal(delay(&policy, 1, UINT32_MAX), 2000);
    policy.jitter_ms = UINT32_MAX;
    assert_int_equal(delay(&policy, 1, UINT32_MAX), UINT32_MAX);
}

/* 13-C11: a herd that waits at the cap must not wake at one moment. */
static void jitter_comes_after_the_cap(void **state)
{
    (void)state;
    assert_int_equal(delay(NULL, 9, 0), 300000);
    assert_int_equal(delay(NULL, 9, UINT32_MAX), 300999);
}

static void null_policy_means_the_defaults(void **state)
{
    struct farmiq_backoff policy = defaults();

    (void)state;
    for (uint32_t attempt = 1; attempt < 10; attempt++)
        assert_int_equal(delay(NULL, attempt, 123456789),
                         delay(&policy, attempt, 123456789));
}

static void attempts_run_out(void **state)
{
    struct farmiq_backoff policy = defaults();
    uint32_t delay_ms = 77;

    (void)state;
    assert_int_equal(farmiq_backoff_delay(NULL, 10, 0, &delay_ms), FARMIQ_EXHAUSTED);
    assert_int_equal(farmiq_backoff_delay(NULL, UINT32_MAX, 0, &delay_ms),
                     FARMIQ_EXHAUSTED);
    assert_int_equal(farmiq_backoff_delay(NULL, 0, 0, &delay_ms), FARMIQ_E_RANGE);
    policy.max_attempts = 0;
    assert_int_equal(farmiq_backoff_delay(&policy, 1, 0, &delay_ms), FARMIQ_EXHAUSTED);
    assert_int_equal(farmiq_backoff_delay(&policy, 0, 0, &delay_ms), FARMIQ_E_RANGE);
    assert_int_equal(delay_ms, 77);
}

static void no_input_overflows(void **state)
{
    struct farmiq_backoff policy = { sizeof policy, 1, UINT32_MAX, 0, UINT32_MAX, 0 };

    (void)state;
    assert_int_equal(delay(&policy, 31, 0), UINT32_C(1) << 31);
    assert_int_equal(delay(&policy, 32, 0), UINT32_MAX);
    assert_int_equal(delay(&policy, 33, 0), UINT32_MAX);
    assert_int_equal(delay(&policy, 64, 0), UINT32_MAX);
    assert_int_equal(delay(&policy, UINT32_MAX - 1, 0), UINT32_MAX);
    policy.base_ms = UINT32_MAX;
    assert_int_equal(delay(&policy, UINT32_MAX - 1, 0), UINT32_MAX);
    policy.base_ms = UINT32_C(1) << 31; /* 33 places further it would be 0 */
    assert_int_equal(delay(&policy, 33, 0), UINT32_MAX);
    policy.jitter_ms = UINT32_MAX;
    assert_int_equal(delay(&policy, UINT32_MAX - 1, UINT32_MAX), UINT32_MAX);
    policy.max_ms = 5;
    policy.jitter_ms = 0;
    assert_int_equal(delay(&policy, 1, 0), 5);
    policy.base_ms = 0;
    assert_int_equal(delay(&policy, 40, 0), 0);
}

/* More attempts never wait less, whatever the policy. */
static void delays_never_shrink(void **state)
{
    static const uint32_t bases[] = { 0, 1, 999, 1000, 65536, UINT32_MAX };

    (void)state;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        struct farmiq_backoff policy = { sizeof policy, bases[i], 600000, 0, 100, 0 };

        for (uint32_t attempt = 2; attempt < 100; attempt++)
            assert_true(delay(&policy, attempt, 0) >= delay(&policy, attempt - 1, 0));
    }
}

static void null_and_a_short_struct_are_argument_errors(void **state)
{
    struct farmiq_backoff policy = defaults();
    uint32_t delay_ms = 77;

    (void)state;
    assert_int_equal(farmiq_backoff_delay(&policy, 1, 0, NULL), FARMIQ_E_ARG);
    policy.size = sizeof policy - 1;
    assert_int_equal(farmiq_backoff_delay(&policy, 1, 0, &delay_ms), FARMIQ_E_ARG);
    policy.size = sizeof policy + 8; /* a caller newer than the library */
    assert_int_equal(farmiq_backoff_delay(&policy, 1, 0, &delay_ms), FARMIQ_OK);
}

static void init_keeps_to_the_size_it_was_given(void **state)
{
    struct farmiq_backoff policy;

    (void)state;
    memset(&policy, 0xa5, sizeof policy);
    farmiq_backoff_init(&policy, 8);
    assert_int_equal(policy.size, 8);
    assert_int_equal(policy.base_ms, 1000);
    assert_int_equal(policy.max_ms, 0xa5a5a5a5);
    farmiq_backoff_init(NULL, sizeof policy);
    farmiq_backoff_init(&policy, 3);
    assert_int_equal(policy.size, 8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_seed_002),
        cmocka_unit_test(delays_follow_the_vector_of_spec_edge_14_2),
        cmocka_unit_test(jitter_is_uniform_below_its_bound),
        cmocka_unit_test(jitter_comes_after_the_cap),
        cmocka_unit_test(null_policy_means_the_defaults),
        cmocka_unit_test(attempts_run_out),
        cmocka_unit_test(no_input_overflows),
        cmocka_unit_test(delays_never_shrink),
        cmocka_unit_test(null_and_a_short_struct_are_argument_errors),
        cmocka_unit_test(init_keeps_to_the_size_it_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
