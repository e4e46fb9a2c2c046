/* SPDX-License-Identifier: Apache-2.0 */
/* Flock arithmetic against published figures, its limits and its invariants. */
#include <farmiq/kpi.h>

#include "breeds.h"
#include "numbers.h"

#define LB 0.45359237

/* --- Every function of two or three numbers: value, limits, refusals ------ */

typedef int two_fn(double, double, double *, uint32_t *);
typedef int three_fn(double, double, double, double *, uint32_t *);

static int calls(two_fn *two, three_fn *three, const double x[3], double *value,
                 uint32_t *reasons)
{
    return two ? two(x[0], x[1], value, reasons)
               : three(x[0], x[1], x[2], value, reasons);
}

#define U FARMIQ_UNDEFINED
#define E FARMIQ_E_RANGE
#define WHY(reason) FARMIQ_KPI_##reason
#define TWO(name) #name, farmiq_kpi_##name, NULL
#define THREE(name) #name, NULL, farmiq_kpi_##name

static const struct formula_case {
    const char *name;
    two_fn *two;
    three_fn *three;
    double x[3];
    int status;
    double value;
    uint32_t reasons;
} formula_cases[] = {
    { TWO(gain), { 10, 4 }, 0, 6, 0 },
    { TWO(gain), { 4, 10 }, 0, -6, 0 },
    { TWO(gain), { -1, 0 }, E, 0, 0 },
    { TWO(gain), { 0, -1 }, E, 0, 0 },
    { THREE(gain_with_dead), { 10, 3, 4 }, 0, 9, 0 },
    { THREE(gain_with_dead), { 10, -1, 4 }, E, 0, 0 },
    { TWO(fcr_gain), { 3, 2 }, 0, 1.5, 0 },
    { TWO(fcr_gain), { 0, 2 }, 0, 0, WHY(FEED_ZERO) },
    { TWO(fcr_gain), { 3, 0 }, U, 0, WHY(GAIN_NON_POSITIVE) },
    { TWO(fcr_gain), { 3, -1 }, U, 0, WHY(GAIN_NON_POSITIVE) },
    { TWO(fcr_gain), { 0, 0 }, U, 0, WHY(GAIN_NON_POSITIVE) },
    { TWO(fcr_gain), { -1, 2 }, E, 0, 0 },
    { TWO(fcr_gain), { 1e308, 1e-308 }, E, 0, 0 },
    { TWO(fcr_live), { 3, 2 }, 0, 1.5, 0 },
    { TWO(fcr_live), { 0, 2 }, 0, 0, WHY(FEED_ZERO) },
    { TWO(fcr_live), { 3, 0 }, U, 0, WHY(NO_WEIGHT) },
    { TWO(fcr_live), { 3, -1 }, E, 0, 0 },
    { TWO(fcr_live), { -3, 1 }, E, 0, 0 },
    { THREE(fcr_mortality), { 6, 2, 1 }, 0, 2, 0 },
    { THREE(fcr_mortality), { 6, -2, 5 }, 0, 2, 0 },
    { THREE(fcr_mortality), { 6, -2, 2 }, U, 0, WHY(GAIN_NON_POSITIVE) },
    { THREE(fcr_mortality), { 6, 2, -1 }, E, 0, 0 },
    { THREE(fcr_mortality), { -6, 2, 1 }, E, 0, 0 },
    { THREE(fcr_swine), { 3, 50 * LB, 250 * LB }, 0, 3, 0 },
    { THREE(fcr_swine), { 3, 40 * LB, 250 * LB }, 0, 3.06, 0 },
    { THREE(fcr_swine), { 3, 50 * LB, 270 * LB }, 0, 2.88, 0 },
    { THREE(fcr_swine), { 1, 50 * LB, 270 * LB }, 0, 0.88, 0 },
    { THREE(fcr_swine), { 0.06, 50 * LB, 270 * LB }, U, 0, WHY(DOMAIN) },
    { THREE(fcr_swine), { -3, 50, 100 }, E, 0, 0 },
    { THREE(fcr_swine), { 3, 0, 100 }, E, 0, 0 },
    { THREE(fcr_swine), { 3, 50, 0 }, E, 0, 0 },
    { TWO(feed_efficiency), { 2, 4 }, 0, 0.5, 0 },
    { TWO(feed_efficiency), { -2, 4 }, 0, -0.5, 0 },
    { TWO(feed_efficiency), { 2, 0 }, U, 0, WHY(FEED_ZERO) },
    { TWO(feed_efficiency), { 2, -1 }, E, 0, 0 },
    { THREE(adg), { 20, 27, 7 }, 0, 1000, 0 },
    { THREE(adg), { 27, 20, 7 }, 0, -1000, 0 },
    { THREE(adg), { 20, 27, 0 }, U, 0, WHY(NO_TIME) },
    { THREE(adg), { 20, 27, -1 }, U, 0, WHY(NO_TIME) },
    { THREE(adg), { -20, 27, 7 }, E, 0, 0 },
    { THREE(adg), { 20, -27, 7 }, E, 0, 0 },
    { TWO(adg_herd), { 70, 100 }, 0, 700, 0 },
    { TWO(adg_herd), { -70, 100 }, 0, -700, 0 },
    { TWO(adg_herd), { 70, 0 }, U, 0, WHY(NO_HEAD) },
    { TWO(adg_herd), { 70, -1 }, E, 0, 0 },
    { THREE(sgr), { 50, 100, 10 }, 0, 6.931471805599453, 0 },
    { THREE(sgr), { 100, 50, 10 }, 0, -6.931471805599453, 0 },
    { THREE(sgr), { 0, 100, 10 }, U, 0, WHY(NO_WEIGHT) },
    { THREE(sgr), { 50, 0, 10 }, U, 0, WHY(NO_WEIGHT) },
    { THREE(sgr), { 50, 100, 0 }, U, 0, WHY(NO_TIME) },
    { THREE(sgr), { -50, 100, 10 }, E, 0, 0 },
    { THREE(sgr), { 50, -100, 10 }, E, 0, 0 },
    { THREE(tgc), { 8, 27, 50 }, 0, 2, 0 },
    { THREE(tgc), { 27, 8, 50 }, 0, -2, 0 },
    { THREE(tgc), { 8, 27, 0 }, U, 0, WHY(NO_TIME) },
    { THREE(tgc), { -8, 27, 50 }, E, 0, 0 },
    { THREE(tgc), { 8, -27, 50 }, E, 0, 0 },
    { TWO(deviation), { 2.2, 2 }, 0, 10, 0 },
    { TWO(deviation), { 1.8, 2 }, 0, -10, 0 },
    { TWO(deviation), { 2, 0 }, U, 0, WHY(NO_WEIGHT) },
    { TWO(deviation), { -2, 2 }, E, 0, 0 },
    { TWO(deviation), { 2, -2 }, E, 0, 0 },
    { THREE(deviation_z), { 2.2, 2, 10 }, 0, 1, 0 },
    { THREE(deviation_z), { 2.2, 0, 10 }, U, 0, WHY(NO_WEIGHT) },
    { THREE(deviation_z), { 2.2, 2, 0 }, U, 0, WHY(NO_VARIANCE) },
    { THREE(deviation_z), { -2.2, 2, 10 }, E, 0, 0 },
    { THREE(deviation_z), { 2.2, -2, 10 }, E, 0, 0 },
    { THREE(deviation_z), { 2.2, 2, -10 }, E, 0, 0 },
    { THREE(days_to_target), { 90, 110, 800 }, 0, 25, 0 },
    { THREE(days_to_target), { 90, 110, 0.5 }, 0, 40000, 0 },
    { THREE(days_to_target), { 110, 110, 800 }, U, 0, WHY(TARGET_REACHED) },
    { THREE(days_to_target), { 111, 110, 800 }, U, 0, WHY(TARGET_REACHED) },
    { THREE(days_to_target), { 90, 110, 0 }, U, 0, WHY(GAIN_NON_POSITIVE) },
    { THREE(days_to_target), { 90, 110, -1 }, U, 0, WHY(GAIN_NON_POSITIVE) },
    { THREE(days_to_target), { -90, 110, 800 }, E, 0, 0 },
    { THREE(days_to_target), { 90, -110, 800 }, E, 0, 0 },
    { TWO(adfi), { 300, 100 }, 0, 3, 0 },
    { TWO(adfi), { 0, 100 }, 0, 0, WHY(FEED_ZERO) },
    { TWO(adfi), { 300, 0 }, U, 0, WHY(NO_HEAD) },
    { TWO(adfi), { -1, 100 }, E, 0, 0 },
    { TWO(adfi), { 1, -100 }, E, 0, 0 },
    { TWO(water_per_head), { 700, 100 }, 0, 7, 0 },
    { TWO(water_per_head), { 0, 100 }, 0, 0, 0 },
    { TWO(water_per_head), { 700, 0 }, U, 0, WHY(NO_HEAD) },
    { TWO(water_per_head), { -1, 100 }, E, 0, 0 },
    { TWO(water_to_feed), { 18, 10 }, 0, 1.8, 0 },
    { TWO(water_to_feed), { 18, 0 }, U, 0, WHY(FEED_ZERO) },
    { TWO(water_to_feed), { -18, 10 }, E, 0, 0 },
    { TWO(density), { 16500, 500 }, 0, 33, 0 },
    { TWO(density), { 0, 500 }, 0, 0, 0 },
    { TWO(density), { 16500, 0 }, E, 0, 0 },
    { TWO(density), { -1, 500 }, E, 0, 0 },
    { TWO(space_allowance), { 0.0459, 8 }, 0, 0.1836, 0 },
    { TWO(space_allowance), { 0, 8 }, E, 0, 0 },
    { TWO(space_allowance), { 0.0459, 0 }, E, 0, 0 },
    { TWO(egg_mass), { 90, 60 }, 0, 54, 0 },
    { TWO(egg_mass), { 0, 60 }, 0, 0, 0 },
    { TWO(egg_mass), { -1, 60 }, E, 0, 0 },
    { TWO(egg_mass), { 90, 0 }, E, 0, 0 },
    { THREE(ghg), { 730, 1.5, 27 }, 0, 81, 0 },
    { THREE(ghg), { 0, 1.5, 27 }, 0, 0, 0 },
    { THREE(ghg), { -1, 1.5, 27 }, E, 0, 0 },
    { THREE(ghg), { 730, -1, 27 }, E, 0, 0 },
    { THREE(ghg), { 730, 1.5, 0 }, E, 0, 0 },
};

static void check_formula(const struct formula_case *c)
{
    double value = UNTOUCHED;
    uint32_t reasons = 0xdead;
    int r = calls(c->two, c->three, c->x, &value, &reasons);

    if (r != c->status)
        print_error("%s(%g, %g, %g)\n", c->name, c->x[0], c->x[1], c->x[2]);
    assert_int_equal(r, c->status);
    assert_int_equal(reasons, r < 0 ? 0xdead : c->reasons);
    if (r == FARMIQ_OK)
        assert_close(value, c->value, 1e-12 * (1 + fabs(c->value)));
    else
        assert_true(value == UNTOUCHED);
    assert_int_equal(calls(c->two, c->three, c->x, &value, NULL), c->status);
}

static void every_formula_has_its_value_and_its_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formula_cases); i++)
        check_formula(&formula_cases[i]);
}

/* base.h: NULL is FARMIQ_E_ARG; kpi.h: NaN and infinities are refused. */
static void every_formula_refuses_what_is_no_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formula_cases); i++) {
        const struct formula_case *c = &formula_cases[i];

        if (c->status != FARMIQ_OK)
            continue;
        assert_int_equal(calls(c->two, c->three, c->x, NULL, NULL), FARMIQ_E_ARG);
        for (int arg = 0; arg < (c->two ? 2 : 3); arg++)
            for (size_t k = 0; k < COUNT(not_finite); k++) {
                double x[3] = { c->x[0], c->x[1], c->x[2] }, value = UNTOUCHED;

                x[arg] = not_finite[k];
                assert_int_equal(calls(c->two, c->three, x, &value, NULL), E);
                assert_true(value == UNTOUCHED);
            }
    }
}

/* --- Functions of other shapes -------------------------------------------- */

static void biomass_of_nothing_is_zero_and_of_the_unweighed_unknown(void **state)
{
    double kg = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_biomass(3, 2.5, &kg, &why), 0);
    assert_true(kg == 7.5);
    assert_int_equal(farmiq_kpi_biomass(0, 0, &kg, &why), 0);
    assert_true(kg == 0);
    kg = UNTOUCHED;
    assert_int_equal(farmiq_kpi_biomass(1, 0, &kg, &why), U);
    assert_int_equal(why, WHY(NO_WEIGHT));
    assert_int_equal(farmiq_kpi_biomass(1, -1, &kg, NULL), E);
    assert_int_equal(farmiq_kpi_biomass(1, NAN, &kg, NULL), E);
    assert_true(kg == UNTOUCHED);
    assert_int_equal(farmiq_kpi_biomass(1, 1, NULL, NULL), FARMIQ_E_ARG);
}

static void mortality_counts_the_dead_among_the_entered(void **state)
{
    double pct = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_mortality(7, 200, &pct, &why), 0);
    assert_true(pct == 3.5 && why == 0);
    assert_int_equal(farmiq_kpi_mortality(200, 200, &pct, NULL), 0);
    assert_true(pct == 100);
    assert_int_equal(farmiq_kpi_mortality(201, 200, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_mortality(0, 0, &pct, &why), U);
    assert_int_equal(why, WHY(NO_HEAD));
    assert_true(pct == 100);
    assert_int_equal(farmiq_kpi_mortality(1, 2, NULL, NULL), FARMIQ_E_ARG);
}

static void livability_counts_the_sold_as_alive(void **state)
{
    double pct = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_livability(1000, 30, 10, 200, &pct, &why), 0);
    assert_true(pct == 95 && why == 0);
    assert_int_equal(farmiq_kpi_livability(10, 6, 4, 0, &pct, NULL), 0);
    assert_true(pct == 0);
    assert_int_equal(farmiq_kpi_livability(10, 5, 3, 3, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_livability(10, 8, 0, 5, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_livability(10, 0, 0, 11, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_livability(10, 11, 0, 0, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_livability(10, UINT64_MAX, 11, 0, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_livability(10, 0, 0, 10, &pct, &why), U);
    assert_int_equal(why, WHY(NO_HEAD));
    assert_int_equal(farmiq_kpi_livability(10, 0, 0, 0, NULL, NULL), FARMIQ_E_ARG);
}

static void epef_has_limits(void **state)
{
    double good[] = { 96, 2.4, 35, 1.4 }, epef = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_epef(100, 1, 10, 1, &epef, &why), 0);
    assert_true(epef == 1000 && why == 0);
    assert_int_equal(farmiq_kpi_epef(100, 1, 0.5, 1, &epef, NULL), 0);
    assert_true(epef == 20000);
    epef = UNTOUCHED;
    assert_int_equal(farmiq_kpi_epef(100.5, 1, 10, 1, &epef, NULL), E);
    assert_int_equal(farmiq_kpi_epef(-1, 1, 10, 1, &epef, NULL), E);
    assert_int_equal(farmiq_kpi_epef(96, -1, 10, 1, &epef, NULL), E);
    assert_int_equal(farmiq_kpi_epef(96, 1, 10, -1, &epef, NULL), E);
    assert_int_equal(farmiq_kpi_epef(96, 1, 0, 1, &epef, &why), U);
    assert_int_equal(why, WHY(NO_TIME));
    assert_int_equal(farmiq_kpi_epef(96, 1, 10, 0, &epef, &why), U);
    assert_int_equal(why, WHY(FEED_ZERO));
    for (size_t arg = 0; arg < 4; arg++) {
        double x[4];

        memcpy(x, good, sizeof x);
        x[arg] = NAN;
        assert_int_equal(farmiq_kpi_epef(x[0], x[1], x[2], x[3], &epef, NULL), E);
    }
    assert_true(epef == UNTOUCHED);
    assert_int_equal(farmiq_kpi_epef(96, 1, 10, 1, NULL, NULL), FARMIQ_E_ARG);
}

static void weight_correction_has_limits(void **state)
{
    double fcr = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_fcr_weight(1.4, 2.5, 2.5, 0.02, &fcr, &why), 0);
    assert_true(fcr == 1.4 && why == 0);
    fcr = UNTOUCHED;
    assert_int_equal(farmiq_kpi_fcr_weight(0.5, 2.5, 1.5, 0.05, &fcr, &why), U);
    assert_int_equal(why, WHY(DOMAIN));
    assert_int_equal(farmiq_kpi_fcr_weight(-1, 2, 2, 0.02, &fcr, NULL), E);
    assert_int_equal(farmiq_kpi_fcr_weight(1.4, 0, 2, 0.02, &fcr, NULL), E);
    assert_int_equal(farmiq_kpi_fcr_weight(1.4, 2, 0, 0.02, &fcr, NULL), E);
    assert_int_equal(farmiq_kpi_fcr_weight(1.4, 2, 2, -0.02, &fcr, NULL), E);
    assert_int_equal(farmiq_kpi_fcr_weight(NAN, 2, 2, 0.02, &fcr, NULL), E);
    assert_int_equal(farmiq_kpi_fcr_weight(1.4, 2, 2, NAN, &fcr, NULL), E);
    assert_int_equal(farmiq_kpi_fcr_weight(1.4, 1, 1e300, 1e10, &fcr, NULL), E);
    assert_true(fcr == UNTOUCHED);
    assert_int_equal(farmiq_kpi_fcr_weight(1.4, 2, 2, 0.02, NULL, NULL), FARMIQ_E_ARG);
}

/* The daily gain of broilers at day 35 (2296 g, CV 10 %, 100 g a day) is known to
 * +-64 % from 100 birds, +-28 % from 500, +-14 % from 2000, +-10 % from 4000. */
static void a_sampled_gain_says_whether_it_means_anything(void **state)
{
    static const struct {
        uint64_t n;
        double half_width_pct;
    } rows[] = { { 100, 64 }, { 500, 28 }, { 2000, 14 }, { 4000, 10 } };
    double gain = UNTOUCHED, se = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(farmiq_kpi_sampled_gain(2.296, 0.2296, rows[i].n, 2.396, 0.2296,
                                                 rows[i].n, &gain, &se, &why),
                         0);
        assert_close(100 * 1.96 * se / gain, rows[i].half_width_pct, 0.6);
        assert_int_equal(why, 0);
    }
    assert_int_equal(
        farmiq_kpi_sampled_gain(2.296, 0.2296, 40, 2.396, 0.2296, 40, &gain, &se, &why),
        0);
    assert_int_equal(why, WHY(GAIN_NOT_SIGNIFICANT));

    /* 95 % of a normal distribution lie within 1.96 standard errors, here of 0.1 kg. */
    assert_int_equal(farmiq_kpi_sampled_gain(2, 0, 100, 2.1959, 1, 100, &gain, &se, &why),
                     0);
    assert_int_equal(why, WHY(GAIN_NOT_SIGNIFICANT));
    assert_int_equal(farmiq_kpi_sampled_gain(2, 0, 100, 2.1961, 1, 100, &gain, &se, &why),
                     0);
    assert_int_equal(why, 0);
    assert_int_equal(farmiq_kpi_sampled_gain(2, 0, 2, 2, 0, 2, &gain, &se, &why), 0);
    assert_true(gain == 0 && se == 0 && why == 0);
    assert_int_equal(farmiq_kpi_sampled_gain(2, 3, 9, 3, 4, 4, &gain, &se, &why), 0);
    assert_close(se, sqrt(5), 1e-15);
}

static void a_sampled_gain_needs_two_animals_on_each_side(void **state)
{
    double gain = UNTOUCHED, se = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_sampled_gain(2, 1, 1, 3, 1, 9, &gain, &se, &why), U);
    assert_int_equal(why, WHY(SAMPLE_TOO_SMALL));
    assert_int_equal(farmiq_kpi_sampled_gain(2, 1, 9, 3, 1, 1, &gain, &se, NULL), U);
    assert_int_equal(farmiq_kpi_sampled_gain(-2, 1, 9, 3, 1, 9, &gain, &se, NULL), E);
    assert_int_equal(farmiq_kpi_sampled_gain(2, -1, 9, 3, 1, 9, &gain, &se, NULL), E);
    assert_int_equal(farmiq_kpi_sampled_gain(2, 1, 9, NAN, 1, 9, &gain, &se, NULL), E);
    assert_int_equal(farmiq_kpi_sampled_gain(2, 1, 9, 3, NAN, 9, &gain, &se, NULL), E);
    assert_true(gain == UNTOUCHED && se == UNTOUCHED);
    assert_int_equal(farmiq_kpi_sampled_gain(2, 1, 9, 3, 1, 9, NULL, &se, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_kpi_sampled_gain(2, 1, 9, 3, 1, 9, &gain, NULL, NULL),
                     FARMIQ_E_ARG);
}

static void cv_is_the_spread_in_percent(void **state)
{
    double cv = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_cv(2, 0.2, 2, &cv, &why), 0);
    assert_close(cv, 10, 1e-14);
    cv = UNTOUCHED;
    assert_int_equal(farmiq_kpi_cv(2, 0.2, 1, &cv, &why), U);
    assert_int_equal(why, WHY(SAMPLE_TOO_SMALL));
    assert_int_equal(farmiq_kpi_cv(0, 0.2, 2, &cv, &why), U);
    assert_int_equal(why, WHY(NO_WEIGHT));
    assert_int_equal(farmiq_kpi_cv(-2, 0.2, 2, &cv, NULL), E);
    assert_int_equal(farmiq_kpi_cv(2, -0.2, 2, &cv, NULL), E);
    assert_int_equal(farmiq_kpi_cv(NAN, 0.2, 2, &cv, NULL), E);
    assert_true(cv == UNTOUCHED);
    assert_int_equal(farmiq_kpi_cv(2, 0.2, 2, NULL, NULL), FARMIQ_E_ARG);
}

static void uniformity_includes_its_bounds(void **state)
{
    double mean_one[] = { 0.9, 1.1, 1, 1 }, outside[] = { 0.89, 1.11, 1, 1 };
    double many[100], pct = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_uniformity(mean_one, 4, 0.1, &pct, &why), 0);
    assert_true(pct == 100 && why == WHY(SAMPLE_TOO_SMALL));
    assert_int_equal(farmiq_kpi_uniformity(mean_one + 2, 2, 0.1, &pct, NULL), 0);
    assert_true(pct == 100);
    assert_int_equal(farmiq_kpi_uniformity(outside, 4, 0.1, &pct, NULL), 0);
    assert_true(pct == 50);
    for (size_t i = 0; i < 100; i++)
        many[i] = i % 2 ? 1 : 1.5;
    assert_int_equal(farmiq_kpi_uniformity(many, 100, 0.1, &pct, &why), 0);
    assert_true(pct == 0 && why == 0);
    assert_int_equal(farmiq_kpi_uniformity(many, 99, 0.1, &pct, &why), 0);
    assert_int_equal(why, WHY(SAMPLE_TOO_SMALL));
}

static void uniformity_has_limits(void **state)
{
    double two[] = { 1, 2 }, pct = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_uniformity(two, 1, 0.1, &pct, &why), U);
    assert_int_equal(why, WHY(SAMPLE_TOO_SMALL));
    assert_int_equal(farmiq_kpi_uniformity(NULL, 1, 0.1, &pct, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_kpi_uniformity(NULL, 0, 0.1, &pct, NULL), U);
    assert_int_equal(farmiq_kpi_uniformity(NULL, 2, 0.1, &pct, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_kpi_uniformity(two, 2, 0.1, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_kpi_uniformity(two, 2, 0, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_uniformity(two, 2, 1, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_uniformity(two, 2, NAN, &pct, NULL), E);
    two[1] = NAN;
    assert_int_equal(farmiq_kpi_uniformity(two, 2, 0.1, &pct, NULL), E);
    two[1] = 0;
    assert_int_equal(farmiq_kpi_uniformity(two, 2, 0.1, &pct, NULL), E);
    two[1] = 2;
    two[0] = -1;
    assert_int_equal(farmiq_kpi_uniformity(two, 2, 0.1, &pct, NULL), E);
    assert_true(pct == UNTOUCHED);
}

static void eggs_over_a_hundred_percent_are_kept_and_noted(void **state)
{
    double pct = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_hdep(100, 100, &pct, &why), 0);
    assert_true(pct == 100 && why == 0);
    assert_int_equal(farmiq_kpi_hdep(101, 100, &pct, &why), 0);
    assert_true(pct == 101 && why == WHY(OVER_100_PCT));
    assert_int_equal(farmiq_kpi_hdep(101, 100, &pct, NULL), 0);
    assert_int_equal(farmiq_kpi_hdep(101, 0, &pct, &why), U);
    assert_int_equal(why, WHY(NO_HEAD));
    assert_int_equal(farmiq_kpi_hdep(101, -1, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_hdep(101, NAN, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_hdep(1, 1, NULL, NULL), FARMIQ_E_ARG);
}

static void hens_housed_need_hens_and_time(void **state)
{
    double pct = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_hhep(90, 50, 2, &pct, &why), 0);
    assert_true(pct == 90 && why == 0);
    pct = UNTOUCHED;
    assert_int_equal(farmiq_kpi_hhep(90, 0, 2, &pct, &why), U);
    assert_int_equal(why, WHY(NO_HEAD));
    assert_int_equal(farmiq_kpi_hhep(90, 50, 0, &pct, &why), U);
    assert_int_equal(why, WHY(NO_TIME));
    assert_int_equal(farmiq_kpi_hhep(90, 50, -1, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_hhep(90, 50, NAN, &pct, NULL), E);
    assert_true(pct == UNTOUCHED);
    assert_int_equal(farmiq_kpi_hhep(90, 50, 2, NULL, NULL), FARMIQ_E_ARG);
}

static void feed_per_egg(void **state)
{
    double kg = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_feed_per_dozen(110, 1000, &kg, &why), 0);
    assert_close(kg, 1.32, 1e-15);
    assert_int_equal(farmiq_kpi_feed_per_dozen(0, 1000, &kg, &why), 0);
    assert_true(kg == 0 && why == WHY(FEED_ZERO));
    assert_int_equal(farmiq_kpi_feed_per_dozen(110, 0, &kg, &why), U);
    assert_int_equal(why, WHY(DENOMINATOR_ZERO));
    assert_int_equal(farmiq_kpi_feed_per_dozen(-1, 9, &kg, NULL), E);
    assert_int_equal(farmiq_kpi_feed_per_dozen(1, 9, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_kpi_feed_per_egg_kg(126, 1000, 60, &kg, &why), 0);
    assert_close(kg, 2.1, 1e-14);
    assert_int_equal(farmiq_kpi_feed_per_egg_kg(126, 0, 60, &kg, &why), U);
    assert_int_equal(why, WHY(DENOMINATOR_ZERO));
    assert_int_equal(farmiq_kpi_feed_per_egg_kg(126, 10, 0, &kg, NULL), E);
    assert_int_equal(farmiq_kpi_feed_per_egg_kg(NAN, 10, 60, &kg, NULL), E);
    assert_int_equal(farmiq_kpi_feed_per_egg_kg(126, 10, 60, NULL, NULL), FARMIQ_E_ARG);
}

static void money_is_an_integer(void **state)
{
    int64_t minor = -1;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_cost_per(5, 2, &minor, &why), 0);
    assert_int_equal(minor, 3);
    assert_int_equal(farmiq_kpi_cost_per(-5, 2, &minor, NULL), 0);
    assert_int_equal(minor, -3);
    assert_int_equal(farmiq_kpi_cost_per(7, 5, &minor, NULL), 0);
    assert_int_equal(minor, 1);
    assert_int_equal(farmiq_kpi_cost_per((INT64_C(1) << 53) - 1, 1, &minor, NULL), 0);
    assert_true(minor == (INT64_C(1) << 53) - 1);
    minor = -1;
    assert_int_equal(farmiq_kpi_cost_per(INT64_C(1) << 53, 2, &minor, NULL), E);
    assert_int_equal(farmiq_kpi_cost_per(INT64_C(1) << 52, 0.5, &minor, NULL), E);
    assert_int_equal(farmiq_kpi_cost_per(5, 0, &minor, &why), U);
    assert_int_equal(why, WHY(DENOMINATOR_ZERO));
    assert_int_equal(farmiq_kpi_cost_per(5, NAN, &minor, NULL), E);
    assert_int_equal(farmiq_kpi_cost_per(5, -1, &minor, NULL), E);
    assert_int_equal(minor, -1);
    assert_int_equal(farmiq_kpi_cost_per(5, 1, NULL, NULL), FARMIQ_E_ARG);
}

/* --- How good the data are ------------------------------------------------ */

static void uptime_counts_what_samples_vouch_for(void **state)
{
    static const int64_t at[] = { 0, 10, 20, 60, 60, 100 };
    double pct = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_uptime(at, 6, 0, 100, 15, &pct, &why), 0);
    assert_true(pct == 50 && why == 0); /* 10 + 10 + 15 + 0 + 15 */
    assert_int_equal(farmiq_kpi_uptime(at, 6, 0, 100, 40, &pct, NULL), 0);
    assert_true(pct == 100);
    assert_int_equal(farmiq_kpi_uptime(at, 6, 10, 50, 100, &pct, NULL), 0);
    assert_true(pct == 100);
    assert_int_equal(farmiq_kpi_uptime(at, 3, 5, 105, 15, &pct, NULL), 0);
    assert_true(pct == 25); /* the sample before the window does not count */
    assert_int_equal(farmiq_kpi_uptime(at, 6, 0, 100, 1, &pct, NULL), 0);
    assert_true(pct == 4);
    assert_int_equal(farmiq_kpi_uptime(NULL, 0, 0, 100, 15, &pct, NULL), 0);
    assert_true(pct == 0);
}

static void uptime_has_limits(void **state)
{
    static const int64_t falling[] = { 10, 9 };
    static const int64_t ends_of_time[] = { INT64_MIN, INT64_MAX };
    double pct = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_uptime(falling, 2, 0, 100, 15, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_uptime(falling, 1, 0, 100, 0, &pct, NULL), E);
    assert_int_equal(farmiq_kpi_uptime(falling, 1, 100, 100, 15, &pct, &why), U);
    assert_int_equal(why, WHY(NO_TIME));
    assert_int_equal(farmiq_kpi_uptime(NULL, 1, 0, 100, 15, &pct, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_kpi_uptime(falling, 1, 0, 9, 15, NULL, NULL), FARMIQ_E_ARG);
    assert_true(pct == UNTOUCHED);
    assert_int_equal(
        farmiq_kpi_uptime(ends_of_time, 2, INT64_MIN, INT64_MAX, INT64_MAX, &pct, NULL),
        0);
    assert_close(pct, 50, 1e-9);
}

static void coverage_and_freshness(void **state)
{
    double value = UNTOUCHED;
    uint32_t why = 0;

    (void)state;
    assert_int_equal(farmiq_kpi_coverage(720, 1440, &value, &why), 0);
    assert_true(value == 50 && why == 0);
    assert_int_equal(farmiq_kpi_coverage(3, 2, &value, &why), 0);
    assert_true(value == 150 && why == WHY(OVER_100_PCT));
    assert_int_equal(farmiq_kpi_coverage(3, 0, &value, &why), U);
    assert_int_equal(why, WHY(DENOMINATOR_ZERO));
    assert_int_equal(farmiq_kpi_coverage(3, 2, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_kpi_freshness(5000, 3500, &value, &why), 0);
    assert_true(value == 1.5 && why == 0);
    assert_int_equal(farmiq_kpi_freshness(5000, 5000, &value, &why), 0);
    assert_true(value == 0 && why == 0);
    assert_int_equal(farmiq_kpi_freshness(5000, 5001, &value, &why), 0);
    assert_true(value == 0 && why == WHY(CLOCK_SKEW));
    assert_int_equal(farmiq_kpi_freshness(INT64_MAX, INT64_MIN, &value, &why), 0);
    assert_relative(value, 0x1p64 / 1000, 1e-15);
    assert_int_equal(farmiq_kpi_freshness(1, 0, NULL, NULL), FARMIQ_E_ARG);
}

/* --- Reasons -------------------------------------------------------------- */

static void every_reason_has_a_name(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= 24; i++) {
        assert_non_null(farmiq_kpi_reason_name(UINT32_C(1) << i));
        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(farmiq_kpi_reason_name(UINT32_C(1) << i),
                                    farmiq_kpi_reason_name(UINT32_C(1) << k));
    }
    assert_string_equal(farmiq_kpi_reason_name(WHY(NO_FEED_RECORD)), "NO_FEED_RECORD");
    assert_string_equal(farmiq_kpi_reason_name(WHY(DOMAIN)), "DOMAIN");
    assert_string_equal(farmiq_kpi_reason_name(WHY(NO_EGG_RECORD)), "NO_EGG_RECORD");
    assert_null(farmiq_kpi_reason_name(UINT32_C(1) << 25));
    assert_null(farmiq_kpi_reason_name(0));
    assert_null(farmiq_kpi_reason_name(3));
}

/* --- Published worked examples -------------------------------------------- */

static double two(two_fn *fn, double a, double b)
{
    double value = UNTOUCHED;

    assert_int_equal(fn(a, b, &value, NULL), FARMIQ_OK);
    return value;
}

static double three(three_fn *fn, double a, double b, double c)
{
    double value = UNTOUCHED;

    assert_int_equal(fn(a, b, c, &value, NULL), FARMIQ_OK);
    return value;
}

static double epef(double alive_pct, double kg, double days, double fcr)
{
    double value = UNTOUCHED;

    assert_int_equal(farmiq_kpi_epef(alive_pct, kg, days, fcr, &value, NULL), FARMIQ_OK);
    return value;
}

static double fcr_at(double fcr, double kg, double reference_kg, double per_100_g)
{
    double value = UNTOUCHED;

    assert_int_equal(
        farmiq_kpi_fcr_weight(fcr, kg, reference_kg, per_100_g, &value, NULL), FARMIQ_OK);
    return value;
}

static double livability(uint64_t entered, uint64_t dead)
{
    double value = UNTOUCHED;

    assert_int_equal(farmiq_kpi_livability(entered, dead, 0, 0, &value, NULL), FARMIQ_OK);
    return value;
}

static double hdep(uint64_t eggs, double hen_days)
{
    double value = UNTOUCHED;

    assert_int_equal(farmiq_kpi_hdep(eggs, hen_days, &value, NULL), FARMIQ_OK);
    return value;
}

static double hhep(uint64_t eggs, uint64_t housed, double days)
{
    double value = UNTOUCHED;

    assert_int_equal(farmiq_kpi_hhep(eggs, housed, days, &value, NULL), FARMIQ_OK);
    return value;
}

#define CHECK(source, expression, expected, tolerance)                                   \
    {                                                                                    \
        source, #expression, expression, expected, tolerance                             \
    }

/* What other people printed, and where. The tolerance is half of the last digit
 * that they show. */
static void published_examples_come_out(void **state)
{
    const struct {
        const char *source, *expression;
        double actual, expected, tolerance;
    } rows[] = {
        CHECK("Poultry Performance Plus, EBI", epef(96, 0.061 * 37, 37, 1.62), 361.48,
              5e-3),
        CHECK("the same, as a weight", epef(96, 2.257, 37, 1.62), 361.48, 5e-3),
        CHECK("Shane, What's your PEF", epef(95, 1.85, 44, 1.88), 212.46, 5e-3),
        CHECK("Poultry Performance Plus, weight-corrected FCR",
              fcr_at(1.46, 1.7, 1.5, 0.04), 1.38, 1e-12),
        CHECK("bostanji.net, FCR", two(farmiq_kpi_fcr_live, 2.5, 1.8), 1.389, 5e-4),
        CHECK("dlaferm.pl, EPEF page", livability(20000, 800), 96, 0),
        CHECK("Virginia stockmen's key: 680-566 lb over 56 d",
              three(farmiq_kpi_adg, 566 * LB, 680 * LB, 56) / LB / 1000, 2.0357, 5e-5),
        CHECK("Colby catalog 2016, Jan 1 to Feb 1",
              three(farmiq_kpi_adg, 1000 * LB, 1100 * LB, 31) / LB / 1000, 3.2, 5e-2),
        CHECK("7search, SGR", three(farmiq_kpi_sgr, 50, 100, 10), 6.931, 5e-4),
        CHECK("aquasearch.dk, TGC", three(farmiq_kpi_tgc, 10, 350, 11 * 200), 0.222,
              5e-4),
        CHECK("softdatapublisher p. 141, HDEP", hdep(9090750, 345000.0 * 31), 85.0, 5e-2),
        CHECK("the same, hens dying and added", hdep(3852, 6270), 61.4, 5e-2),
        CHECK("thebigbookproject, HDEP", hdep(9108, 9900), 92, 1e-12),
        CHECK("thebigbookproject, HHEP", hhep(9108, 10000, 1), 91.08, 1e-12),
        CHECK("farminguk, egg mass", two(farmiq_kpi_egg_mass, 94, 64), 60.16, 1e-12),
        CHECK("FAWC turkeys, 1 kg", two(farmiq_kpi_space_allowance, 0.0459, 1), 0.0459,
              5e-5),
        CHECK("FAWC turkeys, 2 kg", two(farmiq_kpi_space_allowance, 0.0459, 2), 0.0728,
              1e-4),
        CHECK("FAWC turkeys, 5 kg", two(farmiq_kpi_space_allowance, 0.0459, 5), 0.1342,
              5e-5),
        CHECK("FAWC turkeys, 10 kg", two(farmiq_kpi_space_allowance, 0.0459, 10), 0.2130,
              5e-5),
        CHECK("FAWC turkeys, 20 kg", two(farmiq_kpi_space_allowance, 0.0459, 20), 0.3382,
              5e-5),
        CHECK("FAWC turkeys, kg/m2 at 20 kg",
              two(farmiq_kpi_density, 20, two(farmiq_kpi_space_allowance, 0.0459, 20)),
              59.1, 5e-2),
        CHECK("EFG model: 12000 on 500 m2, 5 % dead",
              two(farmiq_kpi_density, 12000 * 0.95, 500), 22.8, 1e-12),
        CHECK("farmersjoint: 8 birds of 2.5 kg", two(farmiq_kpi_density, 8 * 2.5, 1), 20,
              1e-12),
        CHECK("farmersjoint: 8000 birds on 800 m2",
              two(farmiq_kpi_density, 8000 * 2.5, 800), 25, 1e-12),
        CHECK("AASV JSHAP 8(1): 6.61 lb/d at F:G 3.58 is ADG in lb",
              6.61 * two(farmiq_kpi_feed_efficiency, 1, 3.58), 1.846, 5e-4),
        CHECK("the same, days from 64 to 262.9 lb",
              three(farmiq_kpi_days_to_target, 64, 262.9, 1846.4), 107.7, 5e-2),
        CHECK("Pesti 1985, water at 20 d", two(farmiq_kpi_water_per_head, 0.1056, 1),
              5.28e-3 * 20, 1e-12),
        CHECK("Pesti 1985, water:feed", two(farmiq_kpi_water_to_feed, 1.77, 1), 1.77,
              1e-12),
        CHECK("IPCC 2019 Tier 1, swine", three(farmiq_kpi_ghg, 365, 1.5, 27), 40.5,
              1e-12),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (fabs(rows[i].actual - rows[i].expected) > rows[i].tolerance)
            print_error("%s: %s is %.9g\n", rows[i].source, rows[i].expression,
                        rows[i].actual);
        assert_close(rows[i].actual, rows[i].expected, rows[i].tolerance + 1e-9);
    }
}

/* Alberta 4-H: $0.92 a day at 2.75 lb a day is $0.334 a lb. Virginia stockmen's
 * key: $522 over 220 d is $2.37 a day; 3.3 lb a day make 726 lb at $0.72. */
static void published_costs_come_out(void **state)
{
    int64_t minor = -1;

    (void)state;
    assert_int_equal(farmiq_kpi_cost_per(920, 2.75, &minor, NULL), 0);
    assert_int_equal(minor, 335); /* 334.54...; the source cuts it off */
    assert_int_equal(farmiq_kpi_cost_per(52200, 220, &minor, NULL), 0);
    assert_int_equal(minor, 237);
    assert_int_equal(farmiq_kpi_cost_per(52200, 3.3 * 220, &minor, NULL), 0);
    assert_int_equal(minor, 72);
}

/* IASRI: 115 weighed, mean 1050, 95 within 945..1155: 82.6 %. */
static void published_uniformity_comes_out(void **state)
{
    double g[115], pct = UNTOUCHED;

    (void)state;
    for (size_t i = 0; i < 115; i++)
        g[i] = i < 95 ? 1050 : i % 2 ? 900 : 1200;
    g[0] = 945;
    g[1] = 1155;
    assert_int_equal(farmiq_kpi_uniformity(g, 115, 0.1, &pct, NULL), 0);
    assert_close(pct, 100.0 * 95 / 115, 1e-12);
    g[0] = 944;
    g[1] = 1156;
    assert_int_equal(farmiq_kpi_uniformity(g, 115, 0.1, &pct, NULL), 0);
    assert_close(pct, 100.0 * 93 / 115, 1e-12);
}

/* What the web also says, and must not come out. */
static void published_mistakes_do_not_come_out(void **state)
{
    (void)state;
    /* 7search's second example prints 4.615 for 30 to 60 in 15 days. */
    assert_close(three(farmiq_kpi_sgr, 30, 60, 15), 4.621, 5e-4);
    assert_true(fabs(three(farmiq_kpi_sgr, 30, 60, 15) - 4.615) > 5e-3);
    /* An EEF without livability is about 4, not about 430. */
    assert_true(epef(96, 2.4, 35, 1.4) > 400);
    /* A farm magazine divides gain by feed and calls it FCR. */
    assert_true(two(farmiq_kpi_fcr_gain, 3, 2) == 1.5);
    assert_true(two(farmiq_kpi_feed_efficiency, 2, 3) < 1);
    /* FAWC's row for 17 kg prints 56.6 kg/m2. */
    assert_close(17 / two(farmiq_kpi_space_allowance, 0.0459, 17), 56.0, 0.05);
}

/* 20000 placed at 44 g, 800 dead of 640 kg, 19200 sold at 2.4 kg, 64 t of feed. */
static void mortality_correction_by_construction(void **state)
{
    double live = 19200 * 2.4, gain = two(farmiq_kpi_gain, live, 20000 * 0.044);

    (void)state;
    assert_close(two(farmiq_kpi_fcr_live, 64000, live), 1.38889, 5e-6);
    assert_close(two(farmiq_kpi_fcr_gain, 64000, gain), 1.41593, 5e-6);
    assert_close(three(farmiq_kpi_fcr_mortality, 64000, gain, 640), 1.39616, 5e-6);
    assert_close(epef(livability(20000, 800), 2.4, 35, 64000 / live), 473.97, 5e-3);
}

/* --- Breed standards ------------------------------------------------------ */

static void check_ross_week(const struct ross_week *w, const struct ross_week *before)
{
    double kg = w->bw_g / 1000, before_kg = before->bw_g / 1000, hatch_kg = 0.044;
    double feed = w->cum_intake_g / 1000, fed = before->cum_intake_g / 1000;

    assert_close(two(farmiq_kpi_fcr_live, feed, kg), w->fcr_published, 0.0026);
    assert_close(two(farmiq_kpi_fcr_live, feed, kg), w->fcr_live, 5.1e-5);
    assert_close(two(farmiq_kpi_fcr_gain, feed, kg - hatch_kg), w->fcr_gain, 5.1e-5);
    assert_close(two(farmiq_kpi_fcr_gain, feed - fed, kg - before_kg), w->fcr_week,
                 5.1e-5);
    assert_close(three(farmiq_kpi_adg, hatch_kg, kg, w->day), w->adg_g, 5.1e-5);
    assert_close(three(farmiq_kpi_sgr, before_kg, kg, 7), w->sgr_pct, 5.1e-5);
    assert_close(epef(96, kg, w->day, feed / kg), w->epef_96, 5.1e-3);
}

static void ross_308_week_by_week(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT(ross_308); i++)
        check_ross_week(&ross_308[i], &ross_308[i - 1]);
}

static void cobb_500_week_by_week(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cobb_500); i++)
        assert_close(two(farmiq_kpi_fcr_live, cobb_500[i].cum_intake_g, cobb_500[i].bw_g),
                     cobb_500[i].fcr_published, 0.0026);
    /* Proof that the published FCR is the live one: the gain FCR is far off. */
    assert_close(two(farmiq_kpi_fcr_gain, 180, 202 - 42), 1.125, 1e-12);
}

/* The publisher's own rounding: 0.0065 in the first week, 0.0026 after. */
static void check_breed_file(const char *name, double first_week_tolerance)
{
    FILE *file = open_data(name);
    char line[256];
    double day, bw, intake, fcr;
    size_t rows = 0;

    if (!file)
        skip();
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%lf,%lf,%*[^,],%*[^,],%*[^,],%lf,%lf", &day, &bw, &intake,
                   &fcr) == 4) {
            assert_close(two(farmiq_kpi_fcr_live, intake, bw), fcr,
                         day < 7 ? first_week_tolerance : 0.0026);
            rows++;
        }
    fclose(file);
    assert_true(rows > 40);
}

static void ross_308_day_by_day(void **state)
{
    (void)state;
    check_breed_file("ross308_as_hatched_2022.csv", 0.0065);
}

static void cobb_500_day_by_day(void **state)
{
    (void)state;
    check_breed_file("cobb500_as_hatched_2022.csv", 0.0065);
}

/* --- Invariants ----------------------------------------------------------- */

static void fcrs_keep_their_order(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        double placed = uniform(&seed, 1, 100), gain = uniform(&seed, 1, 5000);
        double dead = uniform(&seed, 0, 500), feed = uniform(&seed, 1, 9000);
        double by_gain = two(farmiq_kpi_fcr_gain, feed, gain);

        assert_true(two(farmiq_kpi_fcr_live, feed, placed + gain) < by_gain);
        assert_true(three(farmiq_kpi_fcr_mortality, feed, gain, dead) <= by_gain);
        assert_true(three(farmiq_kpi_fcr_mortality, feed, gain, 0) == by_gain);
    }
}

/* Kilograms or grams: a ratio does not care. Powers of two do not even round. */
static void ratios_do_not_depend_on_the_unit(void **state)
{
    uint64_t seed = 2;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        double a = uniform(&seed, 1, 300), b = a + uniform(&seed, 0.01, 300), k = 1024;

        assert_true(two(farmiq_kpi_fcr_live, a, b) ==
                    two(farmiq_kpi_fcr_live, k * a, k * b));
        assert_relative(two(farmiq_kpi_fcr_gain, 1000 * a, 1000 * b),
                        two(farmiq_kpi_fcr_gain, a, b), 1e-15);
        assert_relative(three(farmiq_kpi_sgr, 1000 * a, 1000 * b, 7),
                        three(farmiq_kpi_sgr, a, b, 7), 1e-9);
        assert_relative(two(farmiq_kpi_deviation, 1000 * b, 1000 * a),
                        two(farmiq_kpi_deviation, b, a), 1e-9);
        assert_relative(three(farmiq_kpi_tgc, 1000 * a, 1000 * b, 9),
                        10 * three(farmiq_kpi_tgc, a, b, 9), 1e-9);
    }
}

static void sgr_adds_up_over_intervals(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        double w0 = uniform(&seed, 1, 100), w1 = uniform(&seed, 1, 100);
        double w2 = uniform(&seed, 1, 100), d1 = uniform(&seed, 0.1, 9);
        double d2 = uniform(&seed, 0.1, 9);
        double parts = d1 * three(farmiq_kpi_sgr, w0, w1, d1) +
                       d2 * three(farmiq_kpi_sgr, w1, w2, d2);

        assert_close(three(farmiq_kpi_sgr, w0, w2, d1 + d2) * (d1 + d2), parts, 1e-10);
    }
}

/* Two weights that differ in the last digits: log(b/a) would have lost them. */
static void sgr_keeps_the_digits_of_a_small_gain(void **state)
{
    (void)state;
    assert_relative(three(farmiq_kpi_sgr, 100, 100.0000001, 1), 9.9999999949e-8, 1e-6);
    assert_relative(three(farmiq_kpi_sgr, 0x1p20, 0x1p20 + 0x1p-30, 1), 100 * 0x1p-50,
                    1e-12);
    assert_true(three(farmiq_kpi_sgr, 5, 5, 3) == 0);
}

/* Only the ratio of sums is right; it lies between the parts, their mean need not
 * agree with it. */
static void a_ratio_of_sums_lies_between_its_parts(void **state)
{
    uint64_t seed = 4;

    (void)state;
    for (int i = 0; i < 500; i++) {
        double feed = 0, gain = 0, low = INFINITY, high = 0;

        for (int day = 0; day < 7; day++) {
            double f = uniform(&seed, 1, 9), g = uniform(&seed, 1, 9);
            double fcr = two(farmiq_kpi_fcr_gain, f, g);

            low = fmin(low, fcr);
            high = fmax(high, fcr);
            feed += f;
            gain += g;
        }
        assert_true(two(farmiq_kpi_fcr_gain, feed, gain) >= low - 1e-12);
        assert_true(two(farmiq_kpi_fcr_gain, feed, gain) <= high + 1e-12);
    }
}

static void hens_housed_never_beat_hens_alive(void **state)
{
    uint64_t seed = 5;

    (void)state;
    for (int i = 0; i < 500; i++) {
        uint64_t housed = 1000, eggs = draw(&seed) % 20000;
        double days = 30, alive_days = uniform(&seed, 1, 30000);

        assert_true(hhep(eggs, housed, days) <= hdep(eggs, alive_days) + 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_formula_has_its_value_and_its_limits),
        cmocka_unit_test(every_formula_refuses_what_is_no_number),
        cmocka_unit_test(biomass_of_nothing_is_zero_and_of_the_unweighed_unknown),
        cmocka_unit_test(mortality_counts_the_dead_among_the_entered),
        cmocka_unit_test(livability_counts_the_sold_as_alive),
        cmocka_unit_test(epef_has_limits),
        cmocka_unit_test(weight_correction_has_limits),
        cmocka_unit_test(a_sampled_gain_says_whether_it_means_anything),
        cmocka_unit_test(a_sampled_gain_needs_two_animals_on_each_side),
        cmocka_unit_test(cv_is_the_spread_in_percent),
        cmocka_unit_test(uniformity_includes_its_bounds),
        cmocka_unit_test(uniformity_has_limits),
        cmocka_unit_test(eggs_over_a_hundred_percent_are_kept_and_noted),
        cmocka_unit_test(hens_housed_need_hens_and_time),
        cmocka_unit_test(feed_per_egg),
        cmocka_unit_test(money_is_an_integer),
        cmocka_unit_test(uptime_counts_what_samples_vouch_for),
        cmocka_unit_test(uptime_has_limits),
        cmocka_unit_test(coverage_and_freshness),
        cmocka_unit_test(every_reason_has_a_name),
        cmocka_unit_test(published_examples_come_out),
        cmocka_unit_test(published_costs_come_out),
        cmocka_unit_test(published_uniformity_comes_out),
        cmocka_unit_test(published_mistakes_do_not_come_out),
        cmocka_unit_test(mortality_correction_by_construction),
        cmocka_unit_test(ross_308_week_by_week),
        cmocka_unit_test(cobb_500_week_by_week),
        cmocka_unit_test(ross_308_day_by_day),
        cmocka_unit_test(cobb_500_day_by_day),
        cmocka_unit_test(fcrs_keep_their_order),
        cmocka_unit_test(ratios_do_not_depend_on_the_unit),
        cmocka_unit_test(sgr_adds_up_over_intervals),
        cmocka_unit_test(sgr_keeps_the_digits_of_a_small_gain),
        cmocka_unit_test(a_ratio_of_sums_lies_between_its_parts),
        cmocka_unit_test(hens_housed_never_beat_hens_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
