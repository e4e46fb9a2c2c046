/* SPDX-License-Identifier: Apache-2.0 */
/* Accumulators: NIST figures, merging in any order, refusals. */
#include <farmiq/agg.h>

#include <float.h>

#include "nist.h"
#include "numbers.h"

/* --- Sums ----------------------------------------------------------------- */

static double sum_of(const double *values, size_t n)
{
    struct farmiq_sum sum = { 0, 0 };
    double total = UNTOUCHED;

    for (size_t i = 0; i < n; i++)
        assert_int_equal(farmiq_sum_add(&sum, values[i]), 0);
    assert_int_equal(farmiq_sum_value(&sum, &total), 0);
    return total;
}

static void a_sum_keeps_the_small_parts(void **state)
{
    double peters[] = { 1, 1e100, 1, -1e100 }, tenths[10];

    (void)state;
    for (size_t i = 0; i < 10; i++)
        tenths[i] = 0.1;
    assert_true(sum_of(peters, 4) == 2);
    assert_true(sum_of(tenths, 10) == 1);
    assert_true(sum_of(NULL, 0) == 0);
}

static void sums_merge_like_one_sum(void **state)
{
    struct farmiq_sum whole = { 0, 0 }, parts[2] = { { 0, 0 }, { 0, 0 } };
    double one = UNTOUCHED, two = UNTOUCHED;
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        double value = uniform(&seed, -1, 1) * exp(uniform(&seed, -30, 30));

        assert_int_equal(farmiq_sum_add(&whole, value), 0);
        assert_int_equal(farmiq_sum_add(&parts[draw(&seed) % 2], value), 0);
    }
    assert_int_equal(farmiq_sum_merge(&parts[0], &parts[1]), 0);
    assert_int_equal(farmiq_sum_value(&whole, &one), 0);
    assert_int_equal(farmiq_sum_value(&parts[0], &two), 0);
    assert_relative(two, one, 1e-15);
    parts[0] = (struct farmiq_sum){ 1e16, 1 };
    parts[1] = (struct farmiq_sum){ -1e16, 2 };
    assert_int_equal(farmiq_sum_merge(&parts[0], &parts[1]), 0);
    assert_int_equal(farmiq_sum_value(&parts[0], &two), 0);
    assert_true(two == 3);
}

static void sums_refuse_what_is_no_number(void **state)
{
    struct farmiq_sum sum = { 7, 0 }, bad = { NAN, 0 }, worse = { 0, INFINITY };
    double value = UNTOUCHED;

    (void)state;
    for (size_t i = 0; i < COUNT(not_finite); i++)
        assert_int_equal(farmiq_sum_add(&sum, not_finite[i]), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_sum_merge(&sum, &bad), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_sum_merge(&sum, &worse), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_sum_value(&bad, &value), FARMIQ_E_RANGE);
    assert_true(sum.sum == 7 && sum.carry == 0 && value == UNTOUCHED);
    sum.sum = DBL_MAX;
    assert_int_equal(farmiq_sum_add(&sum, DBL_MAX), FARMIQ_E_RANGE);
    assert_true(sum.sum == DBL_MAX);
    assert_int_equal(farmiq_sum_add(NULL, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sum_merge(NULL, &sum), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sum_merge(&sum, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sum_value(NULL, &value), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sum_value(&sum, NULL), FARMIQ_E_ARG);
}

/* --- Moments -------------------------------------------------------------- */

static struct farmiq_agg agg_of(const double *values, size_t n)
{
    struct farmiq_agg agg;

    farmiq_agg_init(&agg);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(farmiq_agg_add(&agg, values[i]), 0);
    return agg;
}

static double sd_of(const struct farmiq_agg *agg)
{
    double sd = UNTOUCHED;

    assert_int_equal(farmiq_agg_sd(agg, &sd), 0);
    return sd;
}

/* Correct digits: -log10 of the relative error. */
static double digits(double actual, double certified)
{
    double error = fabs(actual - certified) / fabs(certified);

    return error == 0 ? 15 : -log10(error);
}

/* first, then pairs of low and high: how NIST builds NumAcc2..4. */
static struct farmiq_agg alternating(double first, double low, double high, int pairs)
{
    struct farmiq_agg agg = agg_of(&first, 1);

    for (int i = 0; i < pairs; i++) {
        assert_int_equal(farmiq_agg_add(&agg, low), 0);
        assert_int_equal(farmiq_agg_add(&agg, high), 0);
    }
    return agg;
}

static void nist_univariate_figures_come_out(void **state)
{
    static const double numacc1[] = { 10000001, 10000003, 10000002 };
    struct farmiq_agg lew = agg_of(nist_lew, COUNT(nist_lew)), one = agg_of(numacc1, 3);
    struct farmiq_agg two = alternating(1.2, 1.1, 1.3, 500);
    struct farmiq_agg three = alternating(1000000.2, 1000000.1, 1000000.3, 500);
    struct farmiq_agg four = alternating(10000000.2, 10000000.1, 10000000.3, 500);

    (void)state;
    assert_int_equal(lew.count, 200);
    assert_true(digits(lew.mean, -177.435) >= 13);
    assert_true(digits(sd_of(&lew), 277.332168044316) >= 13);
    assert_true(lew.min == -579 && lew.max == 300);
    assert_true(one.mean == 10000002 && sd_of(&one) == 1);
    assert_true(digits(two.mean, 1.2) >= 13);
    assert_true(digits(sd_of(&two), 0.1) >= 13);
    /* Here the limit is how well binary can hold .1 beside a million. */
    assert_true(digits(three.mean, 1000000.2) >= 13);
    assert_true(digits(sd_of(&three), 0.1) >= 9);
    assert_true(digits(four.mean, 10000000.2) >= 13);
    assert_true(digits(sd_of(&four), 0.1) >= 8);
}

/* The textbook one-pass variance of NumAcc4 is negative. */
static void the_textbook_formula_would_have_failed(void **state)
{
    struct farmiq_agg four = alternating(10000000.2, 10000000.1, 10000000.3, 500);
    double variance = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_agg_variance(&four, &variance), 0);
    assert_close(variance, 0.01, 1e-9);
}

static void assert_same_agg(const struct farmiq_agg *a, const struct farmiq_agg *b)
{
    assert_true(a->count == b->count && a->min == b->min && a->max == b->max);
    assert_close(a->mean, b->mean, 1e-12 * (fabs(b->min) + fabs(b->max)));
    assert_relative(a->m2, b->m2, 1e-11);
}

static void merging_any_split_in_any_order_gives_the_whole(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct farmiq_agg whole, parts[7];
        double offset = uniform(&seed, -1000, 1000);

        farmiq_agg_init(&whole);
        for (size_t i = 0; i < 7; i++)
            farmiq_agg_init(&parts[i]);
        for (int i = 0; i < 300; i++) {
            double value = offset + uniform(&seed, 0, 50);

            assert_int_equal(farmiq_agg_add(&whole, value), 0);
            assert_int_equal(farmiq_agg_add(&parts[draw(&seed) % 7], value), 0);
        }
        for (size_t left = 7; left > 1; left--) { /* join two at random */
            size_t a = draw(&seed) % left, b = draw(&seed) % left;

            if (a == b)
                b = (a + 1) % left;
            assert_int_equal(farmiq_agg_merge(&parts[a], &parts[b]), 0);
            parts[b] = parts[left - 1];
            if (a == left - 1)
                parts[b] = parts[a];
        }
        assert_same_agg(&parts[0], &whole);
    }
}

static void merging_commutes_to_the_last_bit(void **state)
{
    uint64_t seed = 8;

    (void)state;
    for (int round = 0; round < 500; round++) {
        double values[20];
        size_t n = 1 + draw(&seed) % 18;
        struct farmiq_agg a, b, ab, ba;

        for (size_t i = 0; i < 20; i++)
            values[i] = uniform(&seed, -5, 9);
        a = ab = agg_of(values, n);
        b = ba = agg_of(values + n, 20 - n);
        assert_int_equal(farmiq_agg_merge(&ab, &b), 0);
        assert_int_equal(farmiq_agg_merge(&ba, &a), 0);
        assert_memory_equal(&ab, &ba, sizeof ab);
    }
}

static void the_empty_one_changes_nothing(void **state)
{
    double values[] = { 3, 5 };
    struct farmiq_agg some = agg_of(values, 2), copy = some, empty;

    (void)state;
    farmiq_agg_init(&empty);
    farmiq_agg_init(NULL);
    assert_int_equal(farmiq_agg_merge(&some, &empty), 0);
    assert_memory_equal(&some, &copy, sizeof some);
    assert_int_equal(farmiq_agg_merge(&empty, &some), 0);
    assert_memory_equal(&empty, &copy, sizeof some);
    assert_true(some.mean == 4 && some.m2 == 2);
    assert_int_equal(farmiq_agg_merge(&some, &some), 0);
    assert_true(some.count == 4 && some.mean == 4 && some.m2 == 4);
}

static void spread_needs_two_values(void **state)
{
    double values[] = { 3, 5 }, out = UNTOUCHED;
    struct farmiq_agg one = agg_of(values, 1), two = agg_of(values, 2);

    (void)state;
    assert_int_equal(farmiq_agg_variance(&one, &out), FARMIQ_UNDEFINED);
    assert_int_equal(farmiq_agg_sd(&one, &out), FARMIQ_UNDEFINED);
    assert_int_equal(farmiq_agg_mean_se(&one, 0, &out), FARMIQ_UNDEFINED);
    assert_true(out == UNTOUCHED);
    assert_int_equal(farmiq_agg_variance(&two, &out), 0);
    assert_true(out == 2);
    assert_int_equal(farmiq_agg_variance(NULL, &out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_agg_variance(&two, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_agg_sd(NULL, &out), FARMIQ_E_ARG);
    assert_int_equal(farmiq_agg_sd(&two, NULL), FARMIQ_E_ARG);
}

static void the_doubt_about_a_mean_ends_when_all_are_weighed(void **state)
{
    double values[] = { 3, 5 }, se = UNTOUCHED;
    struct farmiq_agg two = agg_of(values, 2);

    (void)state;
    assert_int_equal(farmiq_agg_mean_se(&two, 0, &se), 0);
    assert_close(se, 1, 1e-15);
    assert_int_equal(farmiq_agg_mean_se(&two, 3, &se), 0);
    assert_close(se, sqrt(0.5), 1e-15);
    assert_int_equal(farmiq_agg_mean_se(&two, 2, &se), 0);
    assert_true(se == 0);
    assert_int_equal(farmiq_agg_mean_se(&two, 1, &se), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_agg_mean_se(&two, 0, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_agg_mean_se(NULL, 0, &se), FARMIQ_E_ARG);
}

/* What comes back from storage is checked, not trusted. */
static void impossible_aggregates_are_refused(void **state)
{
    const uint64_t full = UINT64_C(1) << 53;
    const struct farmiq_agg impossible[] = {
        { 0, 1, 0, 0, 0 },          { 0, 0, 1, 0, 0 },     { 0, 0, 0, 1, 0 },
        { 0, 0, 0, 0, 1 },          { 2, NAN, 1, 0, 0 },   { 2, 0, INFINITY, 0, 0 },
        { 2, 0, 1, NAN, 0 },        { 2, 0, 1, 0.5, NAN }, { 2, 0, 1, 0.5, -1 },
        { 2, 0, 1, 1.1, 0 },        { 2, 0, 1, -0.1, 0 },  { full + 1, 0, 1, 0.5, 1 },
        { 2, 0, 1, 0.5, INFINITY },
    };
    double values[] = { 3, 5 }, out = UNTOUCHED;
    struct farmiq_agg agg = agg_of(values, 2), copy = agg, vast = { full, 0, 1, 0.5, 1 };

    (void)state;
    for (size_t i = 0; i < COUNT(impossible); i++) {
        struct farmiq_agg bad = impossible[i];

        assert_int_equal(farmiq_agg_merge(&agg, &bad), FARMIQ_E_RANGE);
        assert_int_equal(farmiq_agg_merge(&bad, &agg), FARMIQ_E_RANGE);
        assert_int_equal(farmiq_agg_variance(&bad, &out), FARMIQ_E_RANGE);
        assert_memory_equal(&bad, &impossible[i], sizeof bad);
    }
    assert_int_equal(farmiq_agg_merge(&agg, &vast), FARMIQ_E_RANGE);
    assert_memory_equal(&agg, &copy, sizeof agg);
    vast.count -= 2;
    assert_int_equal(farmiq_agg_merge(&agg, &vast), 0);
    assert_true(agg.count == full && out == UNTOUCHED);
}

static void aggregates_refuse_what_is_no_number(void **state)
{
    double values[] = { 3, 5 };
    struct farmiq_agg agg = agg_of(values, 2), copy = agg, huge = agg_of(values, 0);

    (void)state;
    for (size_t i = 0; i < COUNT(not_finite); i++)
        assert_int_equal(farmiq_agg_add(&agg, not_finite[i]), FARMIQ_E_RANGE);
    assert_memory_equal(&agg, &copy, sizeof agg);
    assert_int_equal(farmiq_agg_add(&huge, 1e300), 0);
    assert_int_equal(farmiq_agg_add(&huge, -1e300), FARMIQ_E_RANGE);
    assert_true(huge.count == 1 && huge.min == 1e300);
    assert_int_equal(farmiq_agg_add(NULL, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_agg_merge(&agg, NULL), FARMIQ_E_ARG);
}

/* --- Pairs ---------------------------------------------------------------- */

static struct farmiq_pairs norris(size_t from, size_t to)
{
    struct farmiq_pairs pairs;

    farmiq_pairs_init(&pairs);
    for (size_t i = from; i < to; i++)
        assert_int_equal(farmiq_pairs_add(&pairs, nist_norris[i].x, nist_norris[i].y), 0);
    return pairs;
}

static void nist_line_comes_out(void **state)
{
    struct farmiq_pairs whole = norris(0, COUNT(nist_norris));
    double slope = UNTOUCHED, intercept = UNTOUCHED, r = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_pairs_line(&whole, &slope, &intercept), 0);
    assert_true(digits(slope, 1.00211681802045) >= 12);
    assert_true(digits(intercept, -0.262323073774029) >= 11);
    assert_int_equal(farmiq_pairs_pearson(&whole, &r), 0);
    assert_true(digits(r * r, 0.999993745883712) >= 14);
    assert_close(sqrt((whole.m2_y - slope * whole.c_xy) / 34), 0.884796396144373, 1e-8);
}

static void pairs_merge_like_the_whole(void **state)
{
    struct farmiq_pairs whole = norris(0, COUNT(nist_norris)), copy, empty;

    (void)state;
    farmiq_pairs_init(&empty);
    farmiq_pairs_init(NULL);
    for (size_t cut = 0; cut <= COUNT(nist_norris); cut++) {
        struct farmiq_pairs a = norris(0, cut), b = norris(cut, COUNT(nist_norris));
        struct farmiq_pairs ab = a, ba = b;

        assert_int_equal(farmiq_pairs_merge(&ab, &b), 0);
        assert_int_equal(farmiq_pairs_merge(&ba, &a), 0);
        assert_memory_equal(&ab, &ba, sizeof ab);
        assert_int_equal(ab.count, whole.count);
        assert_relative(ab.c_xy, whole.c_xy, 1e-12);
        assert_relative(ab.m2_x, whole.m2_x, 1e-12);
        assert_relative(ab.m2_y, whole.m2_y, 1e-12);
        assert_relative(ab.mean_x, whole.mean_x, 1e-13);
        assert_relative(ab.mean_y, whole.mean_y, 1e-13);
    }
    copy = whole;
    assert_int_equal(farmiq_pairs_merge(&whole, &empty), 0);
    assert_memory_equal(&whole, &copy, sizeof copy);
}

static void pairs_of_equal_size_commute_too(void **state)
{
    struct farmiq_pairs a, b, ab, ba;

    (void)state;
    farmiq_pairs_init(&a);
    farmiq_pairs_init(&b);
    assert_int_equal(farmiq_pairs_add(&a, 0.1, 0.3), 0);
    assert_int_equal(farmiq_pairs_add(&b, 0.1, 0.7), 0);
    ab = a;
    ba = b;
    assert_int_equal(farmiq_pairs_merge(&ab, &b), 0);
    assert_int_equal(farmiq_pairs_merge(&ba, &a), 0);
    assert_memory_equal(&ab, &ba, sizeof ab);
    ab = a;
    b.mean_x = ba.mean_x = 0.9;
    ba = b;
    assert_int_equal(farmiq_pairs_merge(&ab, &b), 0);
    assert_int_equal(farmiq_pairs_merge(&ba, &a), 0);
    assert_memory_equal(&ab, &ba, sizeof ab);
}

static void correlation_has_limits(void **state)
{
    struct farmiq_pairs pairs, flat;
    double r = UNTOUCHED, slope = UNTOUCHED, intercept = UNTOUCHED;

    (void)state;
    farmiq_pairs_init(&pairs);
    farmiq_pairs_init(&flat);
    assert_int_equal(farmiq_pairs_add(&pairs, 1, 10), 0);
    assert_int_equal(farmiq_pairs_line(&pairs, &slope, &intercept), FARMIQ_UNDEFINED);
    assert_int_equal(farmiq_pairs_add(&pairs, 2, 8), 0);
    assert_int_equal(farmiq_pairs_pearson(&pairs, &r), FARMIQ_UNDEFINED);
    assert_int_equal(farmiq_pairs_line(&pairs, &slope, &intercept), 0);
    assert_close(slope, -2, 1e-15);
    assert_close(intercept, 12, 1e-14);
    assert_int_equal(farmiq_pairs_add(&pairs, 3, 6), 0);
    assert_int_equal(farmiq_pairs_pearson(&pairs, &r), 0);
    assert_close(r, -1, 1e-15);
    for (int i = 0; i < 3; i++)
        assert_int_equal(farmiq_pairs_add(&flat, i, 0.1), 0);
    r = UNTOUCHED;
    assert_int_equal(farmiq_pairs_pearson(&flat, &r), FARMIQ_UNDEFINED);
    flat.m2_y = flat.m2_x;
    flat.m2_x = 0;
    assert_int_equal(farmiq_pairs_pearson(&flat, &r), FARMIQ_UNDEFINED);
    slope = UNTOUCHED;
    assert_int_equal(farmiq_pairs_line(&flat, &slope, &intercept), FARMIQ_UNDEFINED);
    assert_true(r == UNTOUCHED && slope == UNTOUCHED);
}

/* Cauchy and Schwarz say |r| <= 1; rounding may say otherwise. */
static void correlation_never_leaves_its_range(void **state)
{
    struct farmiq_pairs over = { 3, 0, 0, 1, 1, 1.0000001 };
    double r = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_pairs_pearson(&over, &r), 0);
    assert_true(r == 1);
    over.c_xy = -over.c_xy;
    assert_int_equal(farmiq_pairs_pearson(&over, &r), 0);
    assert_true(r == -1);
    over = (struct farmiq_pairs){ 3, 0, 0, 1e300, 1e300, 0.5e300 };
    assert_int_equal(farmiq_pairs_pearson(&over, &r), 0);
    assert_close(r, 0.5, 1e-14);
}

static void impossible_pairs_are_refused(void **state)
{
    const uint64_t full = UINT64_C(1) << 53;
    const struct farmiq_pairs impossible[] = {
        { 0, 1, 0, 0, 0, 0 },   { 0, 0, 1, 0, 0, 0 },        { 0, 0, 0, 1, 0, 0 },
        { 0, 0, 0, 0, 1, 0 },   { 0, 0, 0, 0, 0, 1 },        { 2, NAN, 0, 1, 1, 0 },
        { 2, 0, NAN, 1, 1, 0 }, { 2, 0, 0, -1, 1, 0 },       { 2, 0, 0, 1, -1, 0 },
        { 2, 0, 0, 1, 1, NAN }, { full + 1, 0, 0, 1, 1, 0 },
    };
    struct farmiq_pairs good = norris(0, 5), huge = norris(0, 0), copy = good;
    double a = UNTOUCHED, b = UNTOUCHED;

    (void)state;
    for (size_t i = 0; i < COUNT(impossible); i++) {
        struct farmiq_pairs bad = impossible[i];

        assert_int_equal(farmiq_pairs_merge(&good, &bad), FARMIQ_E_RANGE);
        assert_int_equal(farmiq_pairs_merge(&bad, &good), FARMIQ_E_RANGE);
        assert_int_equal(farmiq_pairs_pearson(&bad, &a), FARMIQ_E_RANGE);
        assert_int_equal(farmiq_pairs_line(&bad, &a, &b), FARMIQ_E_RANGE);
    }
    for (size_t i = 0; i < COUNT(not_finite); i++) {
        assert_int_equal(farmiq_pairs_add(&good, not_finite[i], 1), FARMIQ_E_RANGE);
        assert_int_equal(farmiq_pairs_add(&good, 1, not_finite[i]), FARMIQ_E_RANGE);
    }
    assert_memory_equal(&good, &copy, sizeof good);
    assert_int_equal(farmiq_pairs_add(&huge, 1e300, 0), 0);
    assert_int_equal(farmiq_pairs_add(&huge, -1e300, 0), FARMIQ_E_RANGE);
    assert_true(a == UNTOUCHED && b == UNTOUCHED);
}

static void pairs_count_no_further_than_doubles_can(void **state)
{
    struct farmiq_pairs vast = { (UINT64_C(1) << 53) - 1, 1, 1, 1, 1, 1 };

    (void)state;
    assert_int_equal(farmiq_pairs_add(&vast, 1, 1), 0);
    assert_true(vast.count == UINT64_C(1) << 53);
    assert_int_equal(farmiq_pairs_add(&vast, 1, 1), FARMIQ_E_RANGE);
}

static void pairs_refuse_null_and_overflow(void **state)
{
    struct farmiq_pairs pairs = norris(0, 5), steep = { 3, 1e300, 0, 1e-300, 1, 1e300 };
    double a = UNTOUCHED, b = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_pairs_add(NULL, 1, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_pairs_merge(&pairs, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_pairs_pearson(NULL, &a), FARMIQ_E_ARG);
    assert_int_equal(farmiq_pairs_pearson(&pairs, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_pairs_line(NULL, &a, &b), FARMIQ_E_ARG);
    assert_int_equal(farmiq_pairs_line(&pairs, NULL, &b), FARMIQ_E_ARG);
    assert_int_equal(farmiq_pairs_line(&pairs, &a, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_pairs_line(&steep, &a, &b), FARMIQ_E_RANGE);
    assert_true(a == UNTOUCHED && b == UNTOUCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_keeps_the_small_parts),
        cmocka_unit_test(sums_merge_like_one_sum),
        cmocka_unit_test(sums_refuse_what_is_no_number),
        cmocka_unit_test(nist_univariate_figures_come_out),
        cmocka_unit_test(the_textbook_formula_would_have_failed),
        cmocka_unit_test(merging_any_split_in_any_order_gives_the_whole),
        cmocka_unit_test(merging_commutes_to_the_last_bit),
        cmocka_unit_test(the_empty_one_changes_nothing),
        cmocka_unit_test(spread_needs_two_values),
        cmocka_unit_test(the_doubt_about_a_mean_ends_when_all_are_weighed),
        cmocka_unit_test(impossible_aggregates_are_refused),
        cmocka_unit_test(aggregates_refuse_what_is_no_number),
        cmocka_unit_test(nist_line_comes_out),
        cmocka_unit_test(pairs_merge_like_the_whole),
        cmocka_unit_test(pairs_of_equal_size_commute_too),
        cmocka_unit_test(correlation_has_limits),
        cmocka_unit_test(correlation_never_leaves_its_range),
        cmocka_unit_test(impossible_pairs_are_refused),
        cmocka_unit_test(pairs_count_no_further_than_doubles_can),
        cmocka_unit_test(pairs_refuse_null_and_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
