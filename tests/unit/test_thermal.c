/* SPDX-License-Identifier: Apache-2.0 */
/* Heat and humidity against published figures; heat-stress hours. */
#include <farmiq/thermal.h>

#include "numbers.h"

#define U FARMIQ_UNDEFINED
#define E FARMIQ_E_RANGE
#define WHY(reason) FARMIQ_KPI_##reason

/* --- Wet bulb and dew point ----------------------------------------------- */

static double wet_bulb(double air_c, double rh_pct, double kpa)
{
    double value = UNTOUCHED;
    uint32_t why = 7;

    assert_int_equal(farmiq_thermal_wet_bulb(air_c, rh_pct, kpa, &value, &why), 0);
    assert_int_equal(why, 0);
    return value;
}

static double stull(double air_c, double rh_pct)
{
    double value = UNTOUCHED;
    uint32_t why = 7;

    assert_int_equal(farmiq_thermal_wet_bulb_stull(air_c, rh_pct, &value, &why), 0);
    assert_int_equal(why, 0);
    return value;
}

static double dew_point(double air_c, double rh_pct)
{
    double value = UNTOUCHED;
    uint32_t why = 7;

    assert_int_equal(farmiq_thermal_dew_point(air_c, rh_pct, &value, &why), 0);
    assert_int_equal(why, 0);
    return value;
}

static void published_wet_bulbs_come_out(void **state)
{
    (void)state;
    /* The tests of pythermalcomfort. */
    assert_close(stull(25, 50), 18.0, 0.1);
    assert_close(stull(27.1, 66.4), 22.4, 0.1);
    /* Stull 2011, his own example; psychrolib, to its tolerance of 0.001. */
    assert_close(stull(20, 50), 13.6993, 5e-5);
    assert_close(wet_bulb(7, 61, 100), 3.92667433781955, 1e-3);
    /* One calculator's page prints 21.92. */
    assert_close(stull(30, 50), 22.297, 5e-4);
    assert_true(fabs(stull(30, 50) - 21.92) > 0.3);
}

/* psychrolib's tests, which its authors worked out in Excel: at 95.461 kPa, air of
 * 30 degrees and 0.0192281274241096 kg/kg has a wet bulb of 25 degrees, air of -1
 * degree and 0.00120399819933844 kg/kg an ice bulb of -5. Saturation pressures
 * (4.2467 and 0.56267 kPa) are those of ASHRAE's table 3. */
static void published_balances_come_out_above_and_below_freezing(void **state)
{
    double warm_kpa = 95.461 * 0.0192281274241096 / (0.621945 + 0.0192281274241096);
    double cold_kpa = 95.461 * 0.00120399819933844 / (0.621945 + 0.00120399819933844);

    (void)state;
    assert_close(wet_bulb(30, 100 * warm_kpa / 4.2467, 95.461), 25, 2e-3);
    assert_close(wet_bulb(-1, 100 * cold_kpa / 0.56267, 95.461), -5, 2e-3);
}

/* Stull states errors of -1.0 to +0.65 degrees, true minus formula. */
static void stull_agrees_with_the_balance(void **state)
{
    (void)state;
    for (double t = 0; t <= 45; t += 2.5)
        for (double rh = 20; rh <= 99; rh += 4) {
            double error = wet_bulb(t, rh, 101.325) - stull(t, rh);

            assert_true(error > -1.05 && error < 0.7);
        }
}

static void wet_bulb_lies_between_dew_point_and_air(void **state)
{
    (void)state;
    for (double t = -50; t <= 70; t += 3.7)
        for (double rh = 1; rh < 100; rh += 5.5) {
            double wet = wet_bulb(t, rh, 101.325), dew = dew_point(t, rh);

            assert_true(dew <= wet + 0.15 && wet <= t);
            assert_true(wet_bulb(t, rh, 101.325) <= wet_bulb(t, 100, 101.325));
        }
    assert_true(wet_bulb(21.5, 100, 101.325) == 21.5);
    assert_close(dew_point(21.5, 100), 21.5, 2e-6);
    assert_close(dew_point(-12, 100), -12, 2e-6);
}

/* Water boils at 100 degrees at 101.325 kPa, ice and water meet at 0.01. Seen
 * from outside: at 50 % the dew point has half the pressure. */
static void published_dew_points_come_out(void **state)
{
    (void)state;
    assert_close(dew_point(31.6, 59.6), 22.778, 0.1);
    assert_close(dew_point(29.3, 75.4), 24.497, 0.1);
    assert_close(dew_point(27.1, 66.4), 20.302, 0.1);
    /* ASHRAE 2017, table 3: 25 degrees 3.1697 kPa, 10 degrees 1.2280 kPa,
     * -10 degrees (over ice) 0.25987 kPa, -20 degrees 0.10324 kPa. */
    assert_close(dew_point(25, 100 * 1.2280 / 3.1697), 10, 5e-3);
    assert_close(dew_point(10, 100 * 0.25987 / 1.2280), -10, 5e-3);
    assert_close(dew_point(10, 100 * 0.10324 / 1.2280), -20, 5e-3);
}

static void air_has_limits(void **state)
{
    double value = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_thermal_wet_bulb_stull(20, 4.99, &value, &why), U);
    assert_int_equal(why, WHY(DOMAIN));
    assert_int_equal(farmiq_thermal_wet_bulb_stull(20, 99.01, &value, NULL), U);
    assert_int_equal(farmiq_thermal_wet_bulb_stull(-20.1, 50, &value, NULL), U);
    assert_int_equal(farmiq_thermal_wet_bulb_stull(50.1, 50, &value, NULL), U);
    why = 0;
    assert_int_equal(farmiq_thermal_dew_point(20, 0, &value, &why), U);
    assert_int_equal(why, WHY(DOMAIN));
    assert_int_equal(farmiq_thermal_wet_bulb(20, 50, 49.9, &value, NULL), E);
    assert_int_equal(farmiq_thermal_wet_bulb(20, 50, 120.1, &value, NULL), E);
    assert_int_equal(farmiq_thermal_wet_bulb(20, 50, NAN, &value, NULL), E);
    assert_true(value == UNTOUCHED);
    assert_int_equal(farmiq_thermal_wet_bulb_stull(20, 5, &value, NULL), 0);
    assert_int_equal(farmiq_thermal_wet_bulb_stull(20, 99, &value, NULL), 0);
    assert_int_equal(farmiq_thermal_wet_bulb_stull(-20, 50, &value, NULL), 0);
    assert_int_equal(farmiq_thermal_wet_bulb_stull(50, 50, &value, NULL), 0);
    assert_int_equal(farmiq_thermal_wet_bulb(80, 100, 50, &value, NULL), 0);
    assert_int_equal(farmiq_thermal_wet_bulb(80, 0, 50, &value, NULL), 0);
    assert_int_equal(farmiq_thermal_wet_bulb(-60, 0, 120, &value, NULL), 0);
    assert_int_equal(farmiq_thermal_wet_bulb(20, 50, 101, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_thermal_wet_bulb_stull(20, 50, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_thermal_dew_point(20, 50, NULL, NULL), FARMIQ_E_ARG);
}

/* Every function refuses the same weather. */
static void no_weather_is_refused(void **state)
{
    static const double bad[][2] = {
        { -60.1, 50 }, { 80.1, 50 },     { 20, -0.1 },     { 20, 100.1 },    { NAN, 50 },
        { 20, NAN },   { INFINITY, 50 }, { 20, INFINITY }, { -INFINITY, 50 }
    };
    double value = UNTOUCHED;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        double t = bad[i][0], rh = bad[i][1];

        assert_int_equal(farmiq_thermal_wet_bulb(t, rh, 101, &value, NULL), E);
        assert_int_equal(farmiq_thermal_wet_bulb_stull(t, rh, &value, NULL), E);
        assert_int_equal(farmiq_thermal_dew_point(t, rh, &value, NULL), E);
        assert_int_equal(farmiq_thermal_thvi(t, rh, 1, &value, NULL), E);
        for (uint32_t kind = 1; kind <= FARMIQ_THI_SHEEP; kind++)
            assert_int_equal(farmiq_thermal_thi(kind, t, rh, &value, NULL), E);
    }
    assert_true(value == UNTOUCHED);
}

/* --- Indices -------------------------------------------------------------- */

static double thi(uint32_t kind, double air_c, double rh_pct)
{
    double value = UNTOUCHED;
    uint32_t why = 7;

    assert_int_equal(farmiq_thermal_thi(kind, air_c, rh_pct, &value, &why), 0);
    assert_int_equal(why, 0);
    return value;
}

static double celsius(double fahrenheit) { return (fahrenheit - 32) / 1.8; }

static void published_indices_come_out(void **state)
{
    (void)state;
    /* The tests of pythermalcomfort. */
    assert_close(thi(FARMIQ_THI_NRC1971, 30, 70), 81.4, 0.05);
    assert_close(thi(FARMIQ_THI_NRC1971, 20, 50), 65.2, 0.05);
    /* De Vries: 72 at 72 F and 100 %, 77 F and 50 %, 82 F and 20 %. */
    assert_close(thi(FARMIQ_THI_NRC1971, celsius(72), 100), 72, 0.05);
    assert_close(thi(FARMIQ_THI_NRC1971, celsius(77), 50), 72, 0.7);
    assert_close(thi(FARMIQ_THI_NRC1971, celsius(82), 20), 72, 0.7);
    /* A note on conception: 78 at 31 C and 40 %, or 27 C and 80 %. */
    assert_close(thi(FARMIQ_THI_NRC1971, 31, 40), 78, 0.2);
    assert_close(thi(FARMIQ_THI_NRC1971, 27, 80), 78, 0.2);
    /* Eagle Direct, after Mader. */
    assert_close(thi(FARMIQ_THI_MADER2006, 32, 22), 75.872, 5e-4);
}

/* In saturated air wet bulb equals dry bulb, so these can be done by hand. */
static void indices_of_saturated_air(void **state)
{
    (void)state;
    for (double t = 0; t <= 40; t += 10) {
        double f = 1.8 * t + 32;

        assert_close(thi(FARMIQ_THI_THOM1959, t, 100), 0.8 * f + 15, 1e-12);
        assert_close(thi(FARMIQ_THI_BROILER, t, 100), t, 1e-12);
        assert_close(thi(FARMIQ_THI_TURKEY, t, 100), t, 1e-12);
        assert_close(thi(FARMIQ_THI_LAYER, t, 100), t, 1e-12);
        assert_close(thi(FARMIQ_THI_PIG_WET_BULB, t, 100), t, 1e-12);
        assert_close(thi(FARMIQ_THI_PIG, t, 100), t, 1e-12);
        assert_close(thi(FARMIQ_THI_SHEEP, t, 100), t, 1e-12);
        assert_close(thi(FARMIQ_THI_NRC1971, t, 100), f, 1e-12);
    }
}

static void indices_of_drier_air(void **state)
{
    double wet = wet_bulb(30, 50, 101.325);

    (void)state;
    assert_close(thi(FARMIQ_THI_THOM1959, 30, 50), 0.4 * (86 + 1.8 * wet + 32) + 15,
                 1e-9);
    assert_close(thi(FARMIQ_THI_BROILER, 30, 50), 0.85 * 30 + 0.15 * wet, 1e-9);
    assert_close(thi(FARMIQ_THI_TURKEY, 30, 50), 0.74 * 30 + 0.26 * wet, 1e-9);
    assert_close(thi(FARMIQ_THI_LAYER, 30, 50), 0.6 * 30 + 0.4 * wet, 1e-9);
    assert_close(thi(FARMIQ_THI_PIG_WET_BULB, 30, 50), 0.75 * 30 + 0.25 * wet, 1e-9);
    assert_close(thi(FARMIQ_THI_PIG, 30, 50), 30 - 0.275 * 15.5, 1e-12);
    assert_close(thi(FARMIQ_THI_SHEEP, 30, 50), 30 - 0.155 * 15.6, 1e-12);
}

/* The index of mean weather is lower than the mean of the indices. */
static void an_index_of_means_is_biased_low(void **state)
{
    double of_mean = thi(FARMIQ_THI_MADER2006, 30, 60);
    double mean =
        (thi(FARMIQ_THI_MADER2006, 25, 40) + thi(FARMIQ_THI_MADER2006, 35, 80)) / 2;

    (void)state;
    assert_true(of_mean < mean - 0.5);
}

static void an_unknown_index_is_the_callers_bug(void **state)
{
    double value = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_thermal_thi(0, 20, 50, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_thermal_thi(10, 20, 50, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_thermal_thi(UINT32_MAX, 20, 50, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_thermal_thi(1, 20, 50, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_thermal_thvi(20, 50, 1, NULL, NULL), FARMIQ_E_ARG);
    assert_true(value == UNTOUCHED);
}

static void moving_air_cools_within_the_tested_range(void **state)
{
    double still = thi(FARMIQ_THI_BROILER, 32, 60), value = UNTOUCHED;
    uint32_t why = 7;

    (void)state;
    assert_int_equal(farmiq_thermal_thvi(32, 60, 1, &value, &why), 0);
    assert_true(why == 0);
    assert_close(value, still, 1e-12);
    assert_int_equal(farmiq_thermal_thvi(32, 60, 1.2, &value, &why), 0);
    assert_close(value, still * pow(1.2, -0.058), 1e-12);
    assert_true(why == 0);
    assert_int_equal(farmiq_thermal_thvi(32, 60, 1.3, &value, &why), 0);
    assert_int_equal(why, WHY(EXTRAPOLATED));
    assert_int_equal(farmiq_thermal_thvi(32, 60, 0, &value, NULL), 0);
    assert_close(value, still * pow(0.2, -0.058), 1e-12);
    value = UNTOUCHED;
    assert_int_equal(farmiq_thermal_thvi(32, 60, -0.1, &value, NULL), E);
    assert_int_equal(farmiq_thermal_thvi(32, 60, NAN, &value, NULL), E);
    assert_true(value == UNTOUCHED);
}

/* --- Heat-stress hours ---------------------------------------------------- */

#define HOUR INT64_C(3600000)

struct sample {
    int64_t at_unix_ms;
    double index;
};

static struct farmiq_heat heat_of(const struct sample *samples, size_t n, double base)
{
    struct farmiq_heat heat;

    assert_int_equal(farmiq_heat_init(&heat, base, 2 * HOUR), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(farmiq_heat_add(&heat, samples[i].at_unix_ms, samples[i].index),
                         0);
    return heat;
}

static void assert_hours(const struct farmiq_heat *heat, double hours, double index_hours)
{
    double above = UNTOUCHED, excess = UNTOUCHED;

    assert_int_equal(farmiq_heat_hours(heat, &above, &excess), 0);
    assert_close(above, hours, 1e-9 * (1 + hours));
    assert_close(excess, index_hours, 1e-9 * (1 + index_hours));
}

static void a_crossing_has_an_exact_time(void **state)
{
    static const struct {
        double from, to, hours, index_hours;
    } rows[] = {
        { 70, 80, 0.6, 0.6 * 6 / 2 },
        { 80, 70, 0.6, 0.6 * 6 / 2 },
        { 74, 80, 1, 3 },
        { 80, 74, 1, 3 },
        { 73, 74, 0, 0 },
        { 74, 73, 0, 0 },
        { 74, 74, 1, 0 },
        { 60, 73.9, 0, 0 },
        { 76, 78, 1, 3 },
        { 64, 84, 0.5, 2.5 },
        { 74.5, 76, 1, 1.25 },
        { 76, 74.5, 1, 1.25 },
        { 73, 74.5, 1 / 3.0, 1 / 12.0 },
        { 74.5, 73, 1 / 3.0, 1 / 12.0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sample two[] = { { 0, rows[i].from }, { HOUR, rows[i].to } };
        struct farmiq_heat heat = heat_of(two, 2, 74);

        assert_hours(&heat, rows[i].hours, rows[i].index_hours);
        assert_true(heat.covered_ms == HOUR && heat.uncovered_ms == 0);
        assert_true(heat.peak_index == fmax(rows[i].from, rows[i].to));
    }
}

/* A gap says nothing; the longest stretch that is not yet a gap says all. */
static void gaps_are_left_out_and_told(void **state)
{
    static const struct sample day[] = {
        { 0, 80 }, { 2 * HOUR, 80 }, { 4 * HOUR + 1, 90 }, { 5 * HOUR, 90 }
    };
    struct farmiq_heat heat = heat_of(day, 4, 74);

    (void)state;
    assert_true(heat.samples == 4 && heat.peak_index == 90);
    assert_true(heat.uncovered_ms == 2 * HOUR + 1);
    assert_true(heat.covered_ms == 3 * HOUR - 1);
    assert_hours(&heat, 3 - 1.0 / HOUR, 12 + 16 - 16.0 / HOUR);
}

static void merged_windows_equal_the_whole(void **state)
{
    struct sample day[200];
    struct farmiq_heat whole;
    uint64_t seed = 21;

    (void)state;
    day[0] = (struct sample){ -5 * HOUR, 70 };
    for (size_t i = 1; i < 200; i++) {
        day[i].at_unix_ms = day[i - 1].at_unix_ms + 1 + (int64_t)(draw(&seed) % 9000000);
        day[i].index = uniform(&seed, 65, 85);
    }
    whole = heat_of(day, 200, 74);
    assert_true(whole.uncovered_ms > 0);
    for (size_t cut = 0; cut <= 200; cut++) {
        struct farmiq_heat a = heat_of(day, cut, 74);
        struct farmiq_heat b = heat_of(day + cut, 200 - cut, 74), ba = b;
        double hours = UNTOUCHED, index_hours = UNTOUCHED;

        assert_int_equal(farmiq_heat_merge(&ba, &a), 0);
        assert_int_equal(farmiq_heat_merge(&a, &b), 0);
        assert_memory_equal(&a, &ba, sizeof a);
        assert_int_equal(farmiq_heat_hours(&whole, &hours, &index_hours), 0);
        assert_hours(&a, hours, index_hours);
        assert_true(a.samples == 200 && a.peak_index == whole.peak_index);
        assert_true(a.covered_ms == whole.covered_ms);
        assert_true(a.uncovered_ms == whole.uncovered_ms);
        assert_true(a.last_unix_ms == whole.last_unix_ms);
        assert_true(a.first_unix_ms == whole.first_unix_ms);
    }
}

static void samples_must_go_forward(void **state)
{
    static const struct sample one[] = { { 1000, 70 } };
    struct farmiq_heat heat = heat_of(one, 1, 74), copy = heat;
    double hours = UNTOUCHED, index_hours = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_heat_hours(&heat, &hours, &index_hours), U);
    assert_int_equal(farmiq_heat_add(&heat, 1000, 70), FARMIQ_UNCHANGED);
    assert_int_equal(farmiq_heat_add(&heat, 1000, 71), FARMIQ_CONFLICT);
    assert_int_equal(farmiq_heat_add(&heat, 999, 70), FARMIQ_E_STATE);
    for (size_t i = 0; i < COUNT(not_finite); i++)
        assert_int_equal(farmiq_heat_add(&heat, 2000, not_finite[i]), E);
    assert_int_equal(farmiq_heat_add(NULL, 2000, 70), FARMIQ_E_ARG);
    assert_memory_equal(&heat, &copy, sizeof heat);
    assert_int_equal(farmiq_heat_add(&heat, 1001, 70), 0);
    assert_int_equal(farmiq_heat_hours(&heat, NULL, &index_hours), FARMIQ_E_ARG);
    assert_int_equal(farmiq_heat_hours(&heat, &hours, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_heat_hours(NULL, &hours, &index_hours), FARMIQ_E_ARG);
    assert_true(hours == UNTOUCHED && index_hours == UNTOUCHED);
}

static void windows_must_ask_the_same_and_not_overlap(void **state)
{
    static const struct sample early[] = { { 0, 70 }, { 1000, 80 } };
    static const struct sample late[] = { { 1000, 80 }, { 2000, 80 } };
    struct farmiq_heat a = heat_of(early, 2, 74), b = heat_of(late, 2, 74), copy = a;
    struct farmiq_heat hotter = heat_of(late + 1, 1, 75),
                       slower = heat_of(late + 1, 1, 74);

    (void)state;
    slower.max_gap_ms++;
    assert_int_equal(farmiq_heat_merge(&a, &b), FARMIQ_E_STATE);
    assert_int_equal(farmiq_heat_merge(&b, &a), FARMIQ_E_STATE);
    assert_int_equal(farmiq_heat_merge(&a, &hotter), FARMIQ_E_ARG);
    assert_int_equal(farmiq_heat_merge(&a, &slower), FARMIQ_E_ARG);
    assert_int_equal(farmiq_heat_merge(NULL, &b), FARMIQ_E_ARG);
    assert_int_equal(farmiq_heat_merge(&a, NULL), FARMIQ_E_ARG);
    assert_memory_equal(&a, &copy, sizeof a);
    assert_int_equal(farmiq_heat_init(NULL, 74, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_heat_init(&a, NAN, 1), E);
    assert_int_equal(farmiq_heat_init(&a, 74, 0), E);
    assert_int_equal(farmiq_heat_init(&a, 74, -1), E);
    assert_memory_equal(&a, &copy, sizeof a);
    assert_int_equal(farmiq_heat_init(&a, 74, 1), 0);
}

/* What comes back from storage is checked, not trusted. */
static void impossible_windows_are_refused(void **state)
{
    static const struct sample two[] = { { 0, 70 }, { 1000, 80 } }, next = { 5000, 70 };
    struct farmiq_heat good = heat_of(two, 2, 74), bad[10], empty = heat_of(two, 0, 74);
    struct farmiq_heat later = heat_of(&next, 1, 74);

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        bad[i] = i < 7 ? good : empty;
    bad[9] = heat_of(two, 1, 74);
    bad[0].covered_ms++;
    bad[1].first_index = NAN;
    bad[2].last_index = INFINITY;
    bad[3].covered_ms = -1, bad[3].uncovered_ms = 1001;
    bad[4].covered_ms = 1001, bad[4].uncovered_ms = -1;
    bad[5].first_unix_ms = INT64_MIN;
    bad[6].covered_ms = bad[6].uncovered_ms = INT64_MAX;
    bad[7].covered_ms = 1;
    bad[8].uncovered_ms = 1;
    bad[9].first_index = NAN;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct farmiq_heat copy = bad[i];

        assert_int_equal(farmiq_heat_merge(&bad[i], &later), E);
        assert_int_equal(farmiq_heat_merge(&later, &bad[i]), E);
        assert_memory_equal(&bad[i], &copy, sizeof copy);
    }
    good.above_ms.sum = NAN;
    assert_int_equal(farmiq_heat_merge(&good, &later), E);
}

static void no_span_and_no_sum_overflows(void **state)
{
    static const struct sample ends[] = { { INT64_MIN, 70 }, { INT64_MAX, 70 } };
    struct farmiq_heat a = heat_of(ends, 1, 74), b = heat_of(ends + 1, 1, 74), copy = a;
    struct farmiq_heat deep;

    (void)state;
    assert_int_equal(farmiq_heat_merge(&a, &b), E);
    assert_int_equal(farmiq_heat_add(&a, INT64_MAX, 70), E);
    assert_memory_equal(&a, &copy, sizeof a);
    assert_int_equal(farmiq_heat_init(&deep, -1e308, HOUR), 0);
    assert_int_equal(farmiq_heat_add(&deep, 0, 1e308), 0);
    assert_int_equal(farmiq_heat_add(&deep, 1000, 1e308), E);
    assert_int_equal(farmiq_heat_add(&deep, 1000, -1e308), E);
    assert_int_equal(deep.samples, 1);
    deep.covered_ms = 1;
    deep.above_index_ms.sum = INFINITY;
    double hours = UNTOUCHED, index_hours = UNTOUCHED;
    assert_int_equal(farmiq_heat_hours(&deep, &hours, &index_hours), E);
    deep.above_ms.sum = NAN;
    assert_int_equal(farmiq_heat_hours(&deep, &hours, &index_hours), E);
    assert_true(hours == UNTOUCHED && index_hours == UNTOUCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_wet_bulbs_come_out),
        cmocka_unit_test(published_balances_come_out_above_and_below_freezing),
        cmocka_unit_test(stull_agrees_with_the_balance),
        cmocka_unit_test(wet_bulb_lies_between_dew_point_and_air),
        cmocka_unit_test(published_dew_points_come_out),
        cmocka_unit_test(air_has_limits),
        cmocka_unit_test(no_weather_is_refused),
        cmocka_unit_test(published_indices_come_out),
        cmocka_unit_test(indices_of_saturated_air),
        cmocka_unit_test(indices_of_drier_air),
        cmocka_unit_test(an_index_of_means_is_biased_low),
        cmocka_unit_test(an_unknown_index_is_the_callers_bug),
        cmocka_unit_test(moving_air_cools_within_the_tested_range),
        cmocka_unit_test(a_crossing_has_an_exact_time),
        cmocka_unit_test(gaps_are_left_out_and_told),
        cmocka_unit_test(merged_windows_equal_the_whole),
        cmocka_unit_test(samples_must_go_forward),
        cmocka_unit_test(windows_must_ask_the_same_and_not_overlap),
        cmocka_unit_test(impossible_windows_are_refused),
        cmocka_unit_test(no_span_and_no_sum_overflows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
