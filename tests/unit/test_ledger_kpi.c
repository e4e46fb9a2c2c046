/* SPDX-License-Identifier: Apache-2.0 */
/* What a page of the book says in KPIs, and what each stands on. */
#include "ledger_story.h"

static void a_gain_needs_a_weighing_and_says_how_old(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    weighed(10, 50, 2);
    weighed(12, 50, 2.5);
    b = book(10, 11);
    assert_no_kpi(&b, GAIN, WHY(NO_WEIGHT));
    assert_kpi(&b, BIOMASS, 200, 1e-9, 0);
    b = book(10, 12);
    assert_kpi(&b, GAIN, 50, 1e-9, WHY(INTERVAL_OVER_1D));
    assert_kpi(&b, ADG, 250, 1e-9, WHY(INTERVAL_OVER_1D));
    b = book(11.5, 12.5);
    assert_kpi(&b, GAIN, 50, 1e-9, WHY(WEIGHT_STALE));
    b = book(11, 12);
    assert_kpi(&b, GAIN, 50, 1e-9, 0);
    b = book(11, 13.5);
    assert_kpi(&b, GAIN, 50, 1e-9, WHY(WEIGHT_STALE) | WHY(INTERVAL_OVER_1D));
    assert_kpi(&b, BIOMASS, 250, 1e-9, WHY(WEIGHT_STALE));
    assert_no_kpi(&b, FCR_LIVE, WHY(NO_FEED_RECORD) | WHY(PARTIAL_WINDOW));
    assert_no_kpi(&b, EPEF, WHY(NO_FEED_RECORD) | WHY(PARTIAL_WINDOW));
}

static void a_gain_within_its_error_says_so(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 1000, 1000);
    weighed(10, 100, 2);
    story.events[1].sd_kg = 0.3;
    weighed(11, 64, 2.1);
    story.events[2].sd_kg = 0.4;
    b = book(10, 11);
    assert_close(b.gain_se_kg, 1000 * hypot(0.03, 0.05), 1e-9);
    assert_kpi(&b, GAIN, 100, 1e-9, WHY(GAIN_NOT_SIGNIFICANT));
    story.events[2].amount = 2.2;
    b = book(10, 11);
    assert_kpi(&b, GAIN, 200, 1e-9, 0);
    story.events[2].sd_kg = 0;
    assert_true(book(10, 11).gain_se_kg == 0);
    story.events[1].sd_kg = 0;
    story.events[2].sd_kg = 0.4;
    assert_true(book(10, 11).gain_se_kg == 0);
    assert_close(book(-1, 11).gain_se_kg, 1000 * 0.05, 1e-9);
    /* Placed animals were all on the scale: their weight has no error. */
    assert_close(book(0, 11).gain_se_kg, 1000 * 0.05, 1e-9);
    sold(11.5, 1000, 2200);
    story.events[1].sd_kg = 0.3;
    assert_close(book(10, 12).gain_se_kg, 1000 * 0.03, 1e-9);
    story.events[2].sd_kg = 0; /* nobody is left to be in doubt about */
    assert_close(book(10, 12).gain_se_kg, 1000 * 0.03, 1e-9);
}

static void a_change_of_heads_is_noted_on_the_gain(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    weighed(10, 50, 2);
    died(10.5, 1);
    weighed(11, 50, 2.1);
    b = book(10, 11);
    assert_kpi(&b, GAIN, 99 * 2.1 - 200, 1e-9, WHY(HEAD_CHANGED));
}

/* One animal is a herd: every rule holds for it. */
static void a_single_sow_is_a_herd(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 1, 200);
    delivered(0, 30);
    counted(5, 15);
    b = book(-1, 5);
    assert_kpi(&b, BIOMASS, 200, 0, WHY(WEIGHT_STALE));
    assert_no_kpi(&b, GAIN, WHY(NO_WEIGHT));
    assert_true(b.live_age_days == 5 && b.animal_days == 5);
    weighed(5, 1, 203);
    b = book(0, 5);
    assert_kpi(&b, GAIN, 3, 1e-12, WHY(INTERVAL_OVER_1D));
    assert_kpi(&b, FCR_GAIN, 5, 1e-12, WHY(INTERVAL_OVER_1D));
    assert_no_kpi(&b, FCR_LIVE, WHY(PARTIAL_WINDOW));
    sold(5, 1, 203);
    b = book(0, 5);
    assert_kpi(&b, GAIN, 3, 1e-12, WHY(INTERVAL_OVER_1D) | WHY(HEAD_CHANGED));
}

/* Notes add to each other. */
static void a_note_does_not_silence_another(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 1000, 1000);
    weighed(10, 100, 2);
    story.events[1].sd_kg = 0.3;
    died(11, 1);
    weighed(12, 64, 2.05);
    story.events[3].sd_kg = 0.4;
    b = book(10, 14);
    assert_kpi(&b, GAIN, 999 * 2.05 - 2000, 1e-9,
               WHY(INTERVAL_OVER_1D) | WHY(WEIGHT_STALE) | WHY(HEAD_CHANGED) |
                   WHY(GAIN_NOT_SIGNIFICANT));
}

/* Sold, transferred and still there: the index counts all of the living. */
static void the_index_counts_all_of_the_living(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 4);
    delivered(0, 200);
    sold(20, 30, 30);
    on(30, FARMIQ_LEDGER_TRANSFER_OUT, 20, 40);
    died(35, 5);
    weighed(40, 45, 3);
    counted(40, 0);
    b = book(-1, 40);
    assert_close(b.live_age_days, (30 * 20 + 20 * 30 + 45 * 40) / 95.0, 1e-12);
    assert_kpi(&b, LIVABILITY, 100 * 75 / 80.0, 1e-12, 0);
    assert_kpi(&b, EPEF, 93.75 * (205 / 95.0) * 100 / (b.live_age_days * (200 / 205.0)),
               1e-9, WHOLE);
}

static void a_loss_is_a_gain_but_no_ratio(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 10, 100);
    counted(0, 50);
    weighed(0.5, 10, 9.9);
    counted(0.5, 40);
    b = book(0, 0.5);
    assert_kpi(&b, GAIN, -1, 1e-9, 0);
    assert_no_kpi(&b, FCR_GAIN, WHY(GAIN_NON_POSITIVE));
    assert_kpi(&b, ADG, -200, 1e-9, 0);
}

static void kpis_have_names_and_limits(void **state)
{
    struct farmiq_ledger b;
    double value = UNTOUCHED;

    (void)state;
    farmiq_ledger_init(&b, sizeof b);
    for (uint32_t kpi = 1; kpi <= FARMIQ_LEDGER_KPI_FEED_PER_DOZEN; kpi++) {
        assert_non_null(farmiq_ledger_kpi_name(kpi));
        for (uint32_t other = 1; other < kpi; other++)
            assert_string_not_equal(farmiq_ledger_kpi_name(kpi),
                                    farmiq_ledger_kpi_name(other));
    }
    assert_string_equal(farmiq_ledger_kpi_name(FARMIQ_LEDGER_KPI_FCR_LIVE), "fcr_live");
    assert_null(farmiq_ledger_kpi_name(0));
    assert_null(farmiq_ledger_kpi_name(17));
    assert_null(farmiq_ledger_kpi_name(UINT32_MAX));
    assert_int_equal(farmiq_ledger_kpi(&b, 0, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_ledger_kpi(&b, 17, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_ledger_kpi(NULL, 1, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_ledger_kpi(&b, 1, NULL, NULL), FARMIQ_E_ARG);
    b.closing_kg = NAN;
    assert_int_equal(farmiq_ledger_kpi(&b, FARMIQ_LEDGER_KPI_BIOMASS, &value, NULL),
                     FARMIQ_E_RANGE);
    assert_true(value == UNTOUCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_story(a_gain_needs_a_weighing_and_says_how_old),
        with_story(a_gain_within_its_error_says_so),
        with_story(a_change_of_heads_is_noted_on_the_gain),
        with_story(a_single_sow_is_a_herd),
        with_story(a_note_does_not_silence_another),
        with_story(the_index_counts_all_of_the_living),
        with_story(a_loss_is_a_gain_but_no_ratio),
        with_story(kpis_have_names_and_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
