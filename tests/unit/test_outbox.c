/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox rules: every state, outcome and attempt, and the edges of the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <farmiq/outbox.h>

#define NOW INT64_C(1750000000000)

static const int32_t states[] = { FARMIQ_OUTBOX_PENDING, FARMIQ_OUTBOX_CLAIMED,
                                  FARMIQ_OUTBOX_SENDING, FARMIQ_OUTBOX_SENT,
                                  FARMIQ_OUTBOX_ACKED,   FARMIQ_OUTBOX_DLQ,
                                  FARMIQ_OUTBOX_FAILED };
#define STATES (sizeof states / sizeof *states)

static int is_in_flight(int32_t status)
{
    return status >= FARMIQ_OUTBOX_CLAIMED && status <= FARMIQ_OUTBOX_SENT;
}

static struct farmiq_outbox_row row_in(int32_t status, uint32_t attempt_count)
{
    struct farmiq_outbox_row row;

    farmiq_outbox_row_init(&row, sizeof row);
    row.status = status;
    row.seq = 42;
    row.attempt_count = attempt_count;
    row.claim_count = 3;
    row.next_attempt_at_unix_ms = 7;
    row.token[0] = 0xfeed;
    row.last_error_code.ptr = "CLOUD_EVENT_REJECTED";
    row.last_error_code.len = 20;
    return row;
}

static void a_new_row_is_pending(void **state)
{
    struct farmiq_outbox_row row;

    (void)state;
    memset(&row, 0xff, sizeof row);
    farmiq_outbox_row_init(&row, sizeof row);
    assert_int_equal(row.size, sizeof row);
    assert_int_equal(row.status, FARMIQ_OUTBOX_PENDING);
    assert_int_equal(row.attempt_count, 0);
    assert_null(row.next);
    farmiq_outbox_row_init(NULL, sizeof row);
}

static void the_policy_has_the_seeds_defaults(void **state)
{
    struct farmiq_outbox_policy policy;

    (void)state;
    farmiq_outbox_policy_init(&policy, sizeof policy);
    assert_int_equal(policy.lease_ms, 120000);
    assert_int_equal(policy.renew_pct, 60);
    assert_int_equal(policy.max_claims, 50);
    assert_int_equal(policy.count_outages, 0);
    assert_null(policy.backoff);
}

/* Spec edge 6.3: next_attempt_at gates PENDING, and nothing else (13-C1). */
static void a_pending_row_is_claimable_when_due(void **state)
{
    (void)state;
    for (int64_t claimed = 0; claimed <= 2 * NOW; claimed += NOW)
        for (int64_t lease = 0; lease <= 2 * NOW; lease += NOW) {
            assert_true(farmiq_outbox_is_claimable(FARMIQ_OUTBOX_PENDING, NOW - 1,
                                                   claimed, lease, NOW));
            assert_true(farmiq_outbox_is_claimable(FARMIQ_OUTBOX_PENDING, NOW, claimed,
                                                   lease, NOW));
            assert_false(farmiq_outbox_is_claimable(FARMIQ_OUTBOX_PENDING, NOW + 1,
                                                    claimed, lease, NOW));
        }
}

/* 13-C1: sending and sent rows come back like claimed ones, whatever next_attempt_at
 * says; a lease that is missing strands nothing. */
static void an_in_flight_row_is_claimable_when_its_lease_is_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++) {
        int32_t s = states[i];

        if (!is_in_flight(s))
            continue;
        for (int64_t next = 0; next <= 2 * NOW; next += NOW) {
            assert_true(farmiq_outbox_is_claimable(s, next, NOW - 10, NOW - 1, NOW));
            assert_false(farmiq_outbox_is_claimable(s, next, NOW - 10, NOW, NOW));
            assert_false(farmiq_outbox_is_claimable(s, next, NOW - 10, NOW + 1, NOW));
            assert_true(farmiq_outbox_is_claimable(s, next, NOW - 10, 0, NOW));
        }
    }
}

/* A clock that jumped back an hour must not hold the farm for an hour; one that is a
 * moment behind must not steal a live lease. */
static void a_lease_from_far_in_the_future_is_void(void **state)
{
    const int64_t lease_ms = 120000, hour_ms = 3600000;

    (void)state;
    assert_true(farmiq_outbox_is_claimable(FARMIQ_OUTBOX_CLAIMED, 0, NOW + hour_ms,
                                           NOW + hour_ms + lease_ms, NOW));
    assert_false(farmiq_outbox_is_claimable(FARMIQ_OUTBOX_CLAIMED, 0, NOW + 5,
                                            NOW + 5 + lease_ms, NOW));
    assert_false(farmiq_outbox_is_claimable(FARMIQ_OUTBOX_CLAIMED, 0, NOW + lease_ms,
                                            NOW + 2 * lease_ms, NOW));
    assert_true(farmiq_outbox_is_claimable(FARMIQ_OUTBOX_CLAIMED, 0, NOW + lease_ms + 1,
                                           NOW + 2 * lease_ms + 1, NOW));
}

static void final_rows_are_never_claimable(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++)
        if (states[i] >= FARMIQ_OUTBOX_ACKED)
            assert_false(farmiq_outbox_is_claimable(states[i], 0, 0, 0, NOW));
    assert_false(farmiq_outbox_is_claimable(0, 0, 0, 0, NOW));
    assert_false(farmiq_outbox_is_claimable(8, 0, 0, 0, NOW));
}

/* 13-C3: renew after 60 % of the lease. */
static void a_lease_is_renewed_past_its_share(void **state)
{
    struct farmiq_outbox_policy policy;

    (void)state;
    assert_false(farmiq_outbox_must_renew(NULL, NOW + 120000, NOW));
    assert_false(farmiq_outbox_must_renew(NULL, NOW + 48001, NOW));
    assert_true(farmiq_outbox_must_renew(NULL, NOW + 48000, NOW));
    assert_true(farmiq_outbox_must_renew(NULL, NOW, NOW));
    assert_true(farmiq_outbox_must_renew(NULL, NOW - 1, NOW));
    farmiq_outbox_policy_init(&policy, sizeof policy);
    policy.lease_ms = UINT32_MAX;
    policy.renew_pct = 0;
    assert_true(farmiq_outbox_must_renew(&policy, NOW + UINT32_MAX, NOW));
    policy.renew_pct = 100;
    assert_false(farmiq_outbox_must_renew(&policy, NOW + 1, NOW));
    assert_true(farmiq_outbox_must_renew(&policy, NOW, NOW));
}

/* What settle must do, told in one place and another way than the code tells it. */
static int expected_status(int32_t outcome, uint32_t attempts_before, int count_outages)
{
    int costs = outcome == FARMIQ_OUTCOME_RETRY ||
                (outcome == FARMIQ_OUTCOME_UNREACHED && count_outages);

    if (outcome == FARMIQ_OUTCOME_ACKED)
        return FARMIQ_OUTBOX_ACKED;
    if (outcome == FARMIQ_OUTCOME_REFUSED)
        return FARMIQ_OUTBOX_FAILED;
    return costs && attempts_before + 1 >= 10 ? FARMIQ_OUTBOX_DLQ : FARMIQ_OUTBOX_PENDING;
}

static uint32_t expected_attempts(int32_t outcome, uint32_t before, int count_outages)
{
    return before + (outcome == FARMIQ_OUTCOME_RETRY ||
                     outcome == FARMIQ_OUTCOME_REFUSED ||
                     (outcome == FARMIQ_OUTCOME_UNREACHED && count_outages));
}

static void check_settled(const struct farmiq_outbox_row *row, int32_t outcome,
                          uint32_t before, int count_outages)
{
    int costs = outcome == FARMIQ_OUTCOME_RETRY || count_outages;

    assert_int_equal(row->status, expected_status(outcome, before, count_outages));
    assert_int_equal(row->attempt_count,
                     expected_attempts(outcome, before, count_outages));
    assert_int_equal(row->token[0], 0xfeed);
    assert_int_equal(row->seq, 42);
    if (row->status != FARMIQ_OUTBOX_PENDING)
        return;
    assert_int_equal(row->claim_count, 0);
    if (costs)
        assert_true(row->next_attempt_at_unix_ms > NOW);
    else
        assert_int_equal(row->next_attempt_at_unix_ms, NOW);
}

/* Every state x outcome x attempts used x reading of outages. */
static void settling_follows_the_table(void **state)
{
    struct farmiq_outbox_policy policy;

    (void)state;
    farmiq_outbox_policy_init(&policy, sizeof policy);
    for (size_t i = 0; i < STATES; i++)
        for (int32_t outcome = 1; outcome <= 4; outcome++)
            for (uint32_t attempts = 0; attempts <= 12; attempts++)
                for (uint32_t count_outages = 0; count_outages <= 1; count_outages++) {
                    struct farmiq_outbox_row row = row_in(states[i], attempts), was = row;
                    int r;

                    policy.count_outages = count_outages;
                    r = farmiq_outbox_settle(&row, &policy, outcome, NOW, 5);
                    if (is_in_flight(states[i])) {
                        assert_int_equal(r, FARMIQ_OK);
                        check_settled(&row, outcome, attempts, (int)count_outages);
                        continue;
                    }
                    assert_int_equal(r, states[i] == FARMIQ_OUTBOX_PENDING
                                            ? FARMIQ_E_STATE
                                            : FARMIQ_UNCHANGED);
                    assert_memory_equal(&row, &was, sizeof row);
                }
}

/* Reliability, finding 2: a week without a cloud must not fill the dead letters. */
static void an_outage_costs_nothing_however_long(void **state)
{
    struct farmiq_outbox_row row = row_in(FARMIQ_OUTBOX_CLAIMED, 9);

    (void)state;
    for (int i = 0; i < 3000; i++) {
        row.status = FARMIQ_OUTBOX_CLAIMED;
        row.claim_count++;
        assert_int_equal(
            farmiq_outbox_settle(&row, NULL, FARMIQ_OUTCOME_UNREACHED, NOW, 1), 0);
        assert_int_equal(row.status, FARMIQ_OUTBOX_PENDING);
        assert_int_equal(row.claim_count, 0);
    }
    assert_int_equal(row.attempt_count, 9);
}

/* Seed 002, 7.4: the tenth failure is the last. */
static void the_tenth_retry_is_the_dead_letter(void **state)
{
    struct farmiq_outbox_row row = row_in(FARMIQ_OUTBOX_CLAIMED, 0);

    (void)state;
    for (int i = 1; i <= 10; i++) {
        row.status = FARMIQ_OUTBOX_CLAIMED;
        assert_int_equal(farmiq_outbox_settle(&row, NULL, FARMIQ_OUTCOME_RETRY, NOW, 0),
                         0);
        assert_int_equal(row.status, i < 10 ? FARMIQ_OUTBOX_PENDING : FARMIQ_OUTBOX_DLQ);
        assert_int_equal(row.attempt_count, i);
    }
}

static void the_delay_is_the_backoffs(void **state)
{
    struct farmiq_outbox_row row = row_in(FARMIQ_OUTBOX_SENT, 0);
    struct farmiq_outbox_policy policy;
    struct farmiq_backoff backoff;

    (void)state;
    farmiq_outbox_policy_init(&policy, sizeof policy);
    farmiq_backoff_init(&backoff, sizeof backoff);
    backoff.base_ms = 100;
    backoff.jitter_ms = 0;
    policy.backoff = &backoff;
    assert_int_equal(farmiq_outbox_settle(&row, &policy, FARMIQ_OUTCOME_RETRY, NOW, 9),
                     0);
    assert_int_equal(row.next_attempt_at_unix_ms, NOW + 200);
}

static void counters_and_clocks_saturate(void **state)
{
    struct farmiq_outbox_row row = row_in(FARMIQ_OUTBOX_CLAIMED, UINT32_MAX);

    (void)state;
    assert_int_equal(farmiq_outbox_settle(&row, NULL, FARMIQ_OUTCOME_REFUSED, NOW, 0), 0);
    assert_int_equal(row.attempt_count, UINT32_MAX);
    row = row_in(FARMIQ_OUTBOX_CLAIMED, 0);
    assert_int_equal(farmiq_outbox_settle(&row, NULL, FARMIQ_OUTCOME_RETRY, INT64_MAX, 0),
                     0);
    assert_int_equal(row.next_attempt_at_unix_ms, INT64_MAX);
}

static void wrong_arguments_change_nothing(void **state)
{
    struct farmiq_outbox_row row = row_in(FARMIQ_OUTBOX_CLAIMED, 0), was = row;

    (void)state;
    assert_int_equal(farmiq_outbox_settle(NULL, NULL, FARMIQ_OUTCOME_ACKED, NOW, 0),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_outbox_settle(&row, NULL, 0, NOW, 0), FARMIQ_E_ARG);
    assert_int_equal(farmiq_outbox_settle(&row, NULL, 5, NOW, 0), FARMIQ_E_ARG);
    assert_int_equal(farmiq_outbox_redrive(NULL, NOW), FARMIQ_E_ARG);
    assert_memory_equal(&row, &was, sizeof row);
}

/* The policy's backoff never saw its init function: it has no size. */
static void a_policy_without_a_backoff_changes_nothing(void **state)
{
    static const int32_t outcomes[] = { FARMIQ_OUTCOME_RETRY, FARMIQ_OUTCOME_UNREACHED };
    struct farmiq_backoff backoff = { 0 };
    struct farmiq_outbox_policy policy;

    (void)state;
    farmiq_outbox_policy_init(&policy, sizeof policy);
    policy.backoff = &backoff;
    policy.count_outages = 1;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        struct farmiq_outbox_row row = row_in(FARMIQ_OUTBOX_CLAIMED, 3), was = row;

        assert_int_equal(farmiq_outbox_settle(&row, &policy, outcomes[i], NOW, 0),
                         FARMIQ_E_ARG);
        assert_memory_equal(&row, &was, sizeof row);
    }
}

/* Spec edge 6.4: redrive gives a clean count, and only to the dead. */
static void only_the_dead_are_redriven(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++) {
        struct farmiq_outbox_row row = row_in(states[i], 10), was = row;
        int r = farmiq_outbox_redrive(&row, NOW);

        if (states[i] != FARMIQ_OUTBOX_DLQ && states[i] != FARMIQ_OUTBOX_FAILED) {
            assert_int_equal(r, FARMIQ_E_STATE);
            assert_memory_equal(&row, &was, sizeof row);
            continue;
        }
        assert_int_equal(r, FARMIQ_OK);
        assert_int_equal(row.status, FARMIQ_OUTBOX_PENDING);
        assert_int_equal(row.attempt_count, 0);
        assert_int_equal(row.claim_count, 0);
        assert_int_equal(row.next_attempt_at_unix_ms, NOW);
        assert_int_equal(row.last_error_code.len, 0);
    }
}

/* Architecture, section 6, for every status there is and some there are not. */
static void http_answers_become_outcomes(void **state)
{
    (void)state;
    for (int32_t status = -1; status <= 1000; status++) {
        int32_t expected = status >= 200 && status < 300 ? FARMIQ_OUTCOME_ACKED
                           : status == 400 || status == 413 || status == 422
                               ? FARMIQ_OUTCOME_REFUSED
                               : FARMIQ_OUTCOME_UNREACHED;

        assert_int_equal(farmiq_outbox_outcome_of_http(status), expected);
    }
}

static void every_status_has_the_views_name(void **state)
{
    static const char *const names[] = { "pending", "claimed", "sending", "sent",
                                         "acked",   "dlq",     "failed" };

    (void)state;
    for (size_t i = 0; i < STATES; i++)
        assert_string_equal(farmiq_outbox_status_name(states[i]), names[i]);
    assert_null(farmiq_outbox_status_name(0));
    assert_null(farmiq_outbox_status_name(8));
    assert_null(farmiq_outbox_status_name(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_row_is_pending),
        cmocka_unit_test(the_policy_has_the_seeds_defaults),
        cmocka_unit_test(a_pending_row_is_claimable_when_due),
        cmocka_unit_test(an_in_flight_row_is_claimable_when_its_lease_is_over),
        cmocka_unit_test(a_lease_from_far_in_the_future_is_void),
        cmocka_unit_test(final_rows_are_never_claimable),
        cmocka_unit_test(a_lease_is_renewed_past_its_share),
        cmocka_unit_test(settling_follows_the_table),
        cmocka_unit_test(an_outage_costs_nothing_however_long),
        cmocka_unit_test(the_tenth_retry_is_the_dead_letter),
        cmocka_unit_test(the_delay_is_the_backoffs),
        cmocka_unit_test(counters_and_clocks_saturate),
        cmocka_unit_test(wrong_arguments_change_nothing),
        cmocka_unit_test(a_policy_without_a_backoff_changes_nothing),
        cmocka_unit_test(only_the_dead_are_redriven),
        cmocka_unit_test(http_answers_become_outcomes),
        cmocka_unit_test(every_status_has_the_views_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
