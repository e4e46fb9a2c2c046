/* SPDX-License-Identifier: Apache-2.0 */
/* The weigh station's parts, without processes and without a scale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "record.h"
#include "scale.h"
#include "weighing.h"

/* ## Lines of indicators */

static const struct {
    const char *line;
    int result;
    double weight_kg;
    int is_stable, is_net;
} lines[] = {
    { "ST,GS,+  12.34kg", FARMIQ_OK, 12.34, 1, 0 },
    { "US,NT,-   0.05kg\r\n", FARMIQ_OK, -0.05, 0, 1 },
    { "ST,GS,+0012.340 kg", FARMIQ_OK, 12.34, 1, 0 },
    { "st,gs, 12.34KG", FARMIQ_OK, 12.34, 1, 0 },
    { " ST GS 120 kg ", FARMIQ_OK, 120, 1, 0 },
    { "ST,+ 1500 g", FARMIQ_OK, 1.5, 1, 0 },
    { "+2.5t", FARMIQ_OK, 2500, 1, 0 },
    { "US,GS,+ 10 lb", FARMIQ_OK, 4.5359237, 0, 0 },
    { "ST,GS,.5kg", FARMIQ_OK, 0.5, 1, 0 },
    { "OL,GS,+999.99kg", FARMIQ_E_RANGE, 0, 0, 0 },
    { "OL", FARMIQ_E_RANGE, 0, 0, 0 },
    { "", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+ kg", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+.kg", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+1.2.3kg", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+12.34", FARMIQ_E_SYNTAX, 0, 0, 0 }, /* of what? */
    { "ST,GS,+12.34stone", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+12.34kg 5", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+nan kg", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+1e3kg", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "STGS12kg", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+--5kg", FARMIQ_E_SYNTAX, 0, 0, 0 },
    { "ST,GS,+000000000000000000000000012kg", FARMIQ_E_SYNTAX, 0, 0, 0 },
};

static void test_lines_of_indicators(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct scale_sample sample = { .weight_kg = -7, .at_ms = 99 };

        assert_int_equal(scale_line_parse(&sample, lines[i].line), lines[i].result);
        assert_int_equal(sample.at_ms, 99);
        if (lines[i].result != FARMIQ_OK) {
            assert_true(sample.weight_kg == -7); /* outputs untouched */
            continue;
        }
        assert_true(fabs(sample.weight_kg - lines[i].weight_kg) < 1e-9);
        assert_int_equal(sample.is_stable, lines[i].is_stable);
        assert_int_equal(sample.is_net, lines[i].is_net);
    }
}

/* ## The stable-weight rule (spec edge 2.13) */

static const struct weighing_rules rules = { .start_kg = 0.5,
                                             .threshold_kg = 0.1,
                                             .readings = 5,
                                             .reading_ms = 100,
                                             .longest_ms = 60000 };

static int feed(struct weighing *w, int64_t at_ms, double weight_kg, int is_stable)
{
    const struct scale_sample sample = { .weight_kg = weight_kg,
                                         .at_ms = at_ms,
                                         .is_stable = is_stable };

    return weighing_feed(w, &sample);
}

static struct weighing begun(void)
{
    struct weighing w;

    weighing_init(&w, &rules);
    assert_int_equal(feed(&w, 0, 0, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 0, 0.49, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 0, 30, 0), WEIGHING_BEGAN);
    return w;
}

static void test_five_readings_that_agree_are_a_weight_and_their_mean_counts(void **state)
{
    static const double kg[] = { 30.00, 30.02, 30.10, 30.04, 30.04 };
    struct weighing w = begun();

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(feed(&w, 100 + 100 * i, kg[i], 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 500, kg[4], 1), WEIGHING_STABLE);
    assert_true(fabs(w.weight_kg - 30.04) < 1e-9);
    for (int i = 0; i < 9; i++) /* once is enough */
        assert_int_equal(feed(&w, 600 + 100 * i, 30.04, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 2000, 0.3, 1), WEIGHING_NOTHING); /* not yet below half */
    assert_int_equal(feed(&w, 2100, 0.2, 1), WEIGHING_ENDED);
    assert_int_equal(feed(&w, 2200, 0.5, 1), WEIGHING_BEGAN);
}

static void test_readings_too_close_together_count_once(void **state)
{
    struct weighing w = begun();

    (void)state;
    for (int i = 0; i < 40; i++)
        assert_int_equal(feed(&w, 100 + 10 * i, 30, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 500, 30, 1), WEIGHING_STABLE);
}

static void
test_one_reading_apart_delays_the_weight_until_it_is_out_of_the_five(void **state)
{
    struct weighing w = begun();

    (void)state;
    assert_int_equal(feed(&w, 100, 30.11, 1), WEIGHING_NOTHING);
    for (int i = 0; i < 4; i++)
        assert_int_equal(feed(&w, 200 + 100 * i, 30, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 600, 30, 1), WEIGHING_STABLE);
    assert_true(w.weight_kg == 30);
}

static void test_what_the_indicator_calls_unstable_starts_again(void **state)
{
    struct weighing w = begun();

    (void)state;
    for (int i = 0; i < 4; i++)
        feed(&w, 100 + 100 * i, 30, 1);
    assert_int_equal(feed(&w, 500, 30, 0), WEIGHING_NOTHING);
    for (int i = 0; i < 4; i++)
        assert_int_equal(feed(&w, 600 + 100 * i, 30, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 1000, 30, 1), WEIGHING_STABLE);
}

/* An animal that lies down on the scale is one session, not many. */
static void test_who_stays_too_long_must_leave_before_the_next_begins(void **state)
{
    struct weighing w = begun();

    (void)state;
    assert_int_equal(feed(&w, 60000, 30, 1), WEIGHING_ENDED);
    assert_int_equal(feed(&w, 60100, 30, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 60200, 0, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 60300, 30, 1), WEIGHING_BEGAN);
}

static void test_a_resumed_weighing_goes_on(void **state)
{
    struct weighing w;

    (void)state;
    weighing_init(&w, &rules);
    weighing_resume(&w, 1);
    for (int i = 0; i < 9; i++) /* it has its weight */
        assert_int_equal(feed(&w, 70000 + 100 * i, 30, 1), WEIGHING_NOTHING);
    assert_int_equal(feed(&w, 71000, 0, 1), WEIGHING_ENDED);
    weighing_resume(&w, 0);
    assert_int_equal(feed(&w, 72000, 0, 1), WEIGHING_ENDED); /* it left meanwhile */
}

/* ## The simulated scale */

static void test_the_simulator_shows_the_same_animals_for_the_same_seed(void **state)
{
    struct station_options o = { .scale = "simulator",
                                 .reading_ms = 100,
                                 .interval_ms = 60000,
                                 .speed = 60,
                                 .seed = 3,
                                 .count = 2 };
    struct moment now = { 0, 1000 };
    struct scale_sample a[20], b[20];
    struct scale *scale;

    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        now.steady_ms = 1000;
        assert_int_equal(scale_open(&scale, &o, now), FARMIQ_OK);
        assert_int_equal(scale->kind->read(scale, now, &a[0]), FARMIQ_OK);
        assert_int_equal(scale->kind->read(scale, now, &a[1]), FARMIQ_NONE);
        assert_int_equal(scale->due_steady_ms, 1002); /* 100 ms, sixty times faster */
        now.steady_ms = 1000 + 1500;
        for (int i = 1; i < 20; i++)
            assert_int_equal(scale->kind->read(scale, now, &a[i]), FARMIQ_OK);
        assert_int_equal(scale->kind->read(scale, now, &a[0]), FARMIQ_EXHAUSTED);
        scale_close(scale);
        if (turn)
            assert_memory_equal(a + 1, b + 1, 19 * sizeof *a);
        memcpy(b, a, sizeof a);
    }
    assert_true(a[9].weight_kg == 0 && a[19].weight_kg == 0);
    assert_true(a[8].weight_kg >= 20 && a[8].weight_kg < 121);
    assert_true(a[8].weight_kg != a[18].weight_kg);
}

/* ## The session in progress */

static void test_a_record_is_read_as_it_was_written(void **state)
{
    char dir[] = "/tmp/farmiq-record-XXXXXX";
    struct record r = { .began_unix_ms = 1772500000000,
                        .weighed_unix_ms = 1772500001000,
                        .weight_kg = 30.04,
                        .image_count = 2 };
    struct record read;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(record_read(&read, dir), FARMIQ_NONE);
    for (int i = 0; i < RECORD_IDS; i++)
        snprintf(r.ids[i], sizeof r.ids[i], "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e020%d", i);
    assert_int_equal(record_write(&r, dir), FARMIQ_OK);
    assert_int_equal(record_read(&read, dir), FARMIQ_OK);
    assert_memory_equal(read.ids, r.ids, sizeof r.ids);
    assert_int_equal(read.began_unix_ms, r.began_unix_ms);
    assert_int_equal(read.weighed_unix_ms, r.weighed_unix_ms);
    assert_int_equal(read.ended_unix_ms, 0);
    assert_true(read.weight_kg == r.weight_kg);
    assert_int_equal(read.image_count, 2);
    for (const char *const *bad = (const char *const[]){ "", "{}", "[1]", NULL }; *bad;
         bad++) {
        assert_int_equal(
            folder_write(dir, "session.json", (struct farmiq_str){ *bad, strlen(*bad) }),
            FARMIQ_OK);
        assert_int_equal(record_read(&read, dir), FARMIQ_E_SYNTAX);
    }
    record_remove(dir);
    assert_int_equal(record_read(&read, dir), FARMIQ_NONE);
    assert_int_equal(rmdir(dir), 0); /* nothing else was left */
    assert_int_equal(record_write(&r, dir), FARMIQ_E_STORE);
}

static void test_the_device_s_states_of_a_session(void **state)
{
    struct record r = { .began_unix_ms = 1 };

    (void)state;
    assert_string_equal(record_state_name(record_state(&r)), "created");
    r.image_count = 1;
    assert_string_equal(record_state_name(record_state(&r)), "capturing");
    r.ended_unix_ms = 3;
    assert_string_equal(record_state_name(record_state(&r)), "failed");
    r.weighed_unix_ms = 2;
    assert_string_equal(record_state_name(record_state(&r)), "finalized");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_indicators),
        cmocka_unit_test(
            test_five_readings_that_agree_are_a_weight_and_their_mean_counts),
        cmocka_unit_test(test_readings_too_close_together_count_once),
        cmocka_unit_test(
            test_one_reading_apart_delays_the_weight_until_it_is_out_of_the_five),
        cmocka_unit_test(test_what_the_indicator_calls_unstable_starts_again),
        cmocka_unit_test(test_who_stays_too_long_must_leave_before_the_next_begins),
        cmocka_unit_test(test_a_resumed_weighing_goes_on),
        cmocka_unit_test(test_the_simulator_shows_the_same_animals_for_the_same_seed),
        cmocka_unit_test(test_a_record_is_read_as_it_was_written),
        cmocka_unit_test(test_the_device_s_states_of_a_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
