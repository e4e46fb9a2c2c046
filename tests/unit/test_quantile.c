/* SPDX-License-Identifier: Apache-2.0 */
/* Quantiles: the one definition, the sketch's bound, merging in any order. */
#include <farmiq/quantile.h>

#include <float.h>

#include "nist.h"
#include "numbers.h"

#define ALPHA 0.01
#define GAMMA ((1 + ALPHA) / (1 - ALPHA))

/* --- Exact ---------------------------------------------------------------- */

static double sorted_quantile(const double *values, size_t n, double p)
{
    double value = UNTOUCHED;

    assert_int_equal(farmiq_quantile_sorted(values, n, p, &value), 0);
    return value;
}

static void quantiles_are_type_7(void **state)
{
    static const double ten[] = { 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 2.9 };

    (void)state;
    assert_close(sorted_quantile(ten, 10, 0.10), 2.09, 1e-14);
    assert_close(sorted_quantile(ten, 10, 0.25), 2.225, 1e-14);
    assert_close(sorted_quantile(ten, 10, 0.50), 2.45, 1e-14);
    assert_close(sorted_quantile(ten, 10, 0.75), 2.675, 1e-14);
    assert_close(sorted_quantile(ten, 10, 0.90), 2.81, 1e-14);
    assert_true(sorted_quantile(ten, 10, 0) == 2.0);
    assert_true(sorted_quantile(ten, 10, 1) == 2.9);
    assert_true(sorted_quantile(ten, 1, 0.3) == 2.0);
    /* NIST prints 95.1957; types 6 and 8 would give 95.1981 and 95.1972. */
    assert_close(sorted_quantile(nist_wafers, 12, 0.9), 95.19568, 1e-10);
}

static void exact_quantiles_have_limits(void **state)
{
    double values[] = { 1, 2, 2, 3 }, value = UNTOUCHED;

    (void)state;
    assert_int_equal(farmiq_quantile_sorted(values, 0, 0.5, &value), FARMIQ_UNDEFINED);
    assert_int_equal(farmiq_quantile_sorted(NULL, 0, 0.5, &value), FARMIQ_UNDEFINED);
    assert_int_equal(farmiq_quantile_sorted(NULL, 1, 0.5, &value), FARMIQ_E_ARG);
    assert_int_equal(farmiq_quantile_sorted(values, 4, 0.5, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_quantile_sorted(values, 4, -0.01, &value), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_quantile_sorted(values, 4, 1.01, &value), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_quantile_sorted(values, 4, NAN, &value), FARMIQ_E_RANGE);
    for (size_t at = 0; at < 4; at++)
        for (size_t k = 0; k < COUNT(not_finite); k++) {
            double bad[4];

            memcpy(bad, values, sizeof bad);
            bad[at] = not_finite[k];
            assert_int_equal(farmiq_quantile_sorted(bad, 4, 0, &value), FARMIQ_E_RANGE);
            assert_int_equal(farmiq_quantile_sorted(bad, 4, 1, &value), FARMIQ_E_RANGE);
        }
    values[0] = 2.1;
    assert_int_equal(farmiq_quantile_sorted(values, 4, 1, &value), FARMIQ_E_RANGE);
    values[0] = 1;
    values[2] = 1.9;
    assert_int_equal(farmiq_quantile_sorted(values, 4, 0, &value), FARMIQ_E_RANGE);
    values[0] = -DBL_MAX;
    values[1] = DBL_MAX;
    assert_int_equal(farmiq_quantile_sorted(values, 2, 0.5, &value), FARMIQ_E_RANGE);
    assert_true(value == UNTOUCHED);
}

/* --- A sketch and the truth beside it ------------------------------------- */

static struct farmiq_sketch *new_sketch(uint32_t bins)
{
    size_t bytes = farmiq_sketch_bytes(bins);
    struct farmiq_sketch *sketch = NULL;
    void *memory = malloc(bytes);

    assert_non_null(memory);
    memset(memory, 0xa5, bytes);
    assert_int_equal(farmiq_sketch_init(&sketch, memory, bytes, bins), 0);
    assert_ptr_equal(sketch, memory);
    return sketch;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Every quantile is within the bound that the sketch itself states; and that
 * bound is the promised one while the sign does not change. */
static void check_against_truth(const struct farmiq_sketch *sketch, double *values,
                                size_t n, int one_sign)
{
    qsort(values, n, sizeof *values, by_value);
    assert_int_equal(farmiq_sketch_count(sketch), n);
    for (int i = 0; i <= 200; i++) {
        double p = i / 200.0, truth = sorted_quantile(values, n, p);
        double estimate = UNTOUCHED, bound = UNTOUCHED;

        assert_int_equal(farmiq_sketch_quantile(sketch, p, &estimate, &bound), 0);
        assert_close(estimate, truth, bound * (1 + 1e-9) + 1e-12 * fabs(truth));
        if (one_sign)
            assert_close(estimate, truth, ALPHA * fabs(truth) * (1 + 1e-9));
        if (one_sign)
            assert_true(bound <= ALPHA * GAMMA * fabs(truth) * (1 + 1e-9));
    }
}

typedef double shape_fn(uint64_t *seed);

static double flat(uint64_t *seed) { return uniform(seed, 0.04, 300); }
static double lognormal(uint64_t *seed) { return exp(normal(seed, 0, 3)); }
static double cold(uint64_t *seed) { return -uniform(seed, 0.5, 40); }
static double two_sexes(uint64_t *seed)
{
    return draw(seed) % 2 ? normal(seed, 2.1, 0.15) : normal(seed, 2.7, 0.2);
}
static double latency(uint64_t *seed) { return exp(uniform(seed, -11.5, 4.6)); }
static double constant(uint64_t *seed) { return 0 * uniform(seed, 0, 1) + 7.25; }
static double winter(uint64_t *seed) { return round(normal(seed, 0, 8)); }

static const struct shape {
    shape_fn *draw;
    int one_sign;
} shapes[] = { { flat, 1 },    { lognormal, 1 }, { cold, 1 },  { two_sexes, 1 },
               { latency, 1 }, { constant, 1 },  { winter, 0 } };

#define N 3000

static void the_error_is_bounded_for_every_shape(void **state)
{
    static double values[N];
    uint64_t seed = 11;

    (void)state;
    for (size_t s = 0; s < COUNT(shapes); s++) {
        struct farmiq_sketch *sketch = new_sketch(2048);

        for (size_t i = 0; i < N; i++) {
            values[i] = shapes[s].draw(&seed);
            assert_int_equal(farmiq_sketch_add(sketch, values[i]), 0);
        }
        check_against_truth(sketch, values, N, shapes[s].one_sign);
        free(sketch);
    }
}

/* Deal the values to seven sketches, then merge them pairwise as chance has it. */
static struct farmiq_sketch *deal_and_merge(const double *values, size_t n, uint32_t bins,
                                            uint64_t *seed)
{
    struct farmiq_sketch *parts[7];

    for (size_t i = 0; i < 7; i++)
        parts[i] = new_sketch(bins);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(farmiq_sketch_add(parts[draw(seed) % 7], values[i]), 0);
    for (size_t left = 7; left > 1; left--) {
        size_t a = draw(seed) % left, b = (a + 1 + draw(seed) % (left - 1)) % left;
        struct farmiq_sketch *into = parts[a];

        assert_int_equal(farmiq_sketch_merge(into, parts[b]), 0);
        free(parts[b]);
        parts[b] = parts[left - 1];
        parts[a == left - 1 ? b : a] = into;
    }
    return parts[0];
}

static void check_any_split(size_t n, uint32_t bins, const struct shape *shape,
                            uint64_t *seed)
{
    static double values[N];
    struct farmiq_sketch *whole = new_sketch(bins);

    for (size_t i = 0; i < n; i++) {
        values[i] = shape->draw(seed);
        assert_int_equal(farmiq_sketch_add(whole, values[i]), 0);
    }
    for (int round = 0; round < 4; round++) {
        struct farmiq_sketch *merged = deal_and_merge(values, n, bins, seed);

        assert_true(farmiq_sketch_equal(merged, whole));
        free(merged);
    }
    check_against_truth(whole, values, n, 0);
    free(whole);
}

/* Sizes around the switch from exact to bins, and bins so few that they collapse. */
static void any_split_and_merge_order_gives_the_same_sketch(void **state)
{
    static const size_t sizes[] = { 1, 100, 255, 256, 257, 258, 1500 };
    static const uint32_t bins[] = { 2048, 64, 3, 2 };
    uint64_t seed = 12;

    (void)state;
    for (size_t s = 0; s < COUNT(shapes); s++)
        for (size_t k = 0; k < COUNT(sizes); k++)
            for (size_t b = 0; b < COUNT(bins); b++)
                check_any_split(sizes[k], bins[b], &shapes[s], &seed);
}

static void small_samples_are_exact(void **state)
{
    struct farmiq_sketch *sketch = new_sketch(64);
    double values[257], value, bound;
    uint64_t seed = 13;

    (void)state;
    for (size_t i = 0; i < 257; i++) {
        values[i] = two_sexes(&seed);
        assert_int_equal(farmiq_sketch_add(sketch, values[i]), 0);
        if (i + 1 == 256) {
            double sorted[256];

            memcpy(sorted, values, sizeof sorted);
            qsort(sorted, 256, sizeof *sorted, by_value);
            assert_int_equal(farmiq_sketch_quantile(sketch, 0.37, &value, &bound), 0);
            assert_true(value == sorted_quantile(sorted, 256, 0.37) && bound == 0);
        }
    }
    assert_int_equal(farmiq_sketch_quantile(sketch, 0.37, &value, &bound), 0);
    assert_true(bound > 0);
    qsort(values, 257, sizeof *values, by_value);
    assert_int_equal(farmiq_sketch_quantile(sketch, 0, &value, &bound), 0);
    assert_true(value == values[0] && bound == 0);
    assert_int_equal(farmiq_sketch_quantile(sketch, 1, &value, &bound), 0);
    assert_true(value == values[256] && bound == 0);
    free(sketch);
}

/* A collapsed sketch must not claim 1 % where it has forgotten more. */
static void a_collapsed_sketch_admits_it(void **state)
{
    struct farmiq_sketch *sketch = new_sketch(16);
    static double values[1000];
    double value = UNTOUCHED, bound = UNTOUCHED;

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        values[i] = 1 + (double)i;
        assert_int_equal(farmiq_sketch_add(sketch, values[i]), 0);
    }
    check_against_truth(sketch, values, 1000, 0);
    assert_int_equal(farmiq_sketch_quantile(sketch, 0.99, &value, &bound), 0);
    assert_true(bound <= 10.1);
    assert_int_equal(farmiq_sketch_quantile(sketch, 0.10, &value, &bound), 0);
    assert_true(bound > 100);
    free(sketch);
}

static void a_collapsed_negative_end_admits_it_too(void **state)
{
    struct farmiq_sketch *sketch = new_sketch(8);
    static double values[600];

    (void)state;
    for (size_t i = 0; i < 600; i++) {
        values[i] = -1 - (double)i;
        assert_int_equal(farmiq_sketch_add(sketch, values[i]), 0);
    }
    check_against_truth(sketch, values, 600, 0);
    free(sketch);
}

/* Zero has a bin of its own, the tiniest and the largest double have one too. */
static void every_double_has_a_bin(void **state)
{
    static const double edges[] = { 0.0,     -0.0,     5e-324,   -5e-324, DBL_MIN,
                                    DBL_MAX, -DBL_MAX, -DBL_MIN, 1,       -1 };
    struct farmiq_sketch *sketch = new_sketch(64);
    static double values[1000];
    double value = UNTOUCHED, bound = UNTOUCHED;

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        values[i] = edges[i / 100];
        assert_int_equal(farmiq_sketch_add(sketch, values[i]), 0);
    }
    qsort(values, 1000, sizeof *values, by_value);
    for (size_t i = 50; i < 1000; i += 100) {
        double p = (double)i / 999;

        assert_int_equal(farmiq_sketch_quantile(sketch, p, &value, &bound), 0);
        assert_close(value, values[i], ALPHA * fabs(values[i]) * (1 + 1e-9) + 5e-324);
        assert_true(isfinite(bound));
    }
    free(sketch);
}

static void sketches_have_limits(void **state)
{
    struct farmiq_sketch *sketch = new_sketch(64), *wider = new_sketch(65), *out = NULL;
    double value = UNTOUCHED;
    uint64_t memory[512];

    (void)state;
    assert_true(farmiq_sketch_bytes(2) > 0 && farmiq_sketch_bytes(2048) > 0);
    assert_true(farmiq_sketch_bytes(1) == 0 && farmiq_sketch_bytes(2049) == 0);
    assert_int_equal(farmiq_sketch_init(&out, memory, sizeof memory, 1), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sketch_init(NULL, memory, sizeof memory, 2), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sketch_init(&out, NULL, sizeof memory, 2), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sketch_init(&out, memory, farmiq_sketch_bytes(2) - 1, 2),
                     FARMIQ_E_NOSPACE);
    assert_null(out);
    assert_int_equal(farmiq_sketch_quantile(sketch, 0.5, &value, NULL), FARMIQ_UNDEFINED);
    assert_int_equal(farmiq_sketch_add(NULL, 1), FARMIQ_E_ARG);
    for (size_t i = 0; i < COUNT(not_finite); i++)
        assert_int_equal(farmiq_sketch_add(sketch, not_finite[i]), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_sketch_count(sketch), 0);
    assert_int_equal(farmiq_sketch_count(NULL), 0);
    assert_int_equal(farmiq_sketch_add(sketch, 4), 0);
    assert_int_equal(farmiq_sketch_quantile(sketch, 0.5, NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sketch_quantile(NULL, 0.5, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sketch_quantile(sketch, -0.1, &value, NULL), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_sketch_quantile(sketch, 1.1, &value, NULL), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_sketch_quantile(sketch, NAN, &value, NULL), FARMIQ_E_RANGE);
    assert_true(value == UNTOUCHED);
    assert_int_equal(farmiq_sketch_quantile(sketch, 0.5, &value, NULL), 0);
    assert_true(value == 4);
    assert_int_equal(farmiq_sketch_merge(sketch, wider), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sketch_merge(sketch, sketch), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sketch_merge(NULL, wider), FARMIQ_E_ARG);
    assert_int_equal(farmiq_sketch_merge(sketch, NULL), FARMIQ_E_ARG);
    free(sketch);
    free(wider);
}

/* Doubling a sketch 53 times reaches the last count that a double can hold. */
static void sketches_count_no_further_than_doubles_can(void **state)
{
    struct farmiq_sketch *a = new_sketch(2), *b = new_sketch(2);

    (void)state;
    assert_int_equal(farmiq_sketch_add(a, 1), 0);
    for (int i = 0; i < 53; i++) {
        memcpy(b, a, farmiq_sketch_bytes(2));
        assert_int_equal(farmiq_sketch_merge(a, b), 0);
    }
    assert_true(farmiq_sketch_count(a) == UINT64_C(1) << 53);
    assert_int_equal(farmiq_sketch_add(a, 1), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_sketch_merge(a, b), FARMIQ_E_RANGE);
    assert_int_equal(farmiq_sketch_merge(b, a), FARMIQ_E_RANGE);
    assert_true(farmiq_sketch_count(b) == UINT64_C(1) << 52);
    free(a);
    free(b);
}

static void once_is_not_twice(void **state)
{
    struct farmiq_sketch *once = new_sketch(8), *twice = new_sketch(8);

    (void)state;
    assert_int_equal(farmiq_sketch_add(once, 1), 0);
    assert_int_equal(farmiq_sketch_add(twice, 1), 0);
    assert_int_equal(farmiq_sketch_add(twice, 1), 0);
    assert_false(farmiq_sketch_equal(once, twice));
    assert_false(farmiq_sketch_equal(twice, once));
    free(once);
    free(twice);
}

static void equal_means_equal(void **state)
{
    struct farmiq_sketch *a = new_sketch(8), *b = new_sketch(8), *empty = new_sketch(8);

    (void)state;
    assert_true(farmiq_sketch_equal(a, b));
    assert_int_equal(farmiq_sketch_add(a, 1), 0);
    assert_false(farmiq_sketch_equal(a, b));
    assert_int_equal(farmiq_sketch_add(b, 2), 0);
    assert_false(farmiq_sketch_equal(a, b));
    assert_int_equal(farmiq_sketch_add(a, 2), 0);
    assert_int_equal(farmiq_sketch_add(b, 1), 0);
    assert_true(farmiq_sketch_equal(a, b));
    assert_int_equal(farmiq_sketch_add(a, 1.25), 0);
    assert_int_equal(farmiq_sketch_add(b, 1.5), 0);
    assert_false(farmiq_sketch_equal(a, b));
    assert_int_equal(farmiq_sketch_add(a, 1.5), 0);
    assert_int_equal(farmiq_sketch_add(b, 1.25), 0);
    assert_int_equal(farmiq_sketch_merge(a, empty), 0);
    assert_true(farmiq_sketch_equal(a, b));
    assert_false(farmiq_sketch_equal(NULL, b));
    assert_false(farmiq_sketch_equal(a, NULL));
    free(a);
    free(b);
    free(empty);
}

/* 298 values between a minimum and a maximum, some of them `low`. */
static struct farmiq_sketch *middling(double min, double max, int lows, double low)
{
    struct farmiq_sketch *sketch = new_sketch(64);

    assert_int_equal(farmiq_sketch_add(sketch, min), 0);
    assert_int_equal(farmiq_sketch_add(sketch, max), 0);
    for (int i = 0; i < 298; i++)
        assert_int_equal(farmiq_sketch_add(sketch, i < lows ? low : 20), 0);
    return sketch;
}

static void any_difference_shows(void **state)
{
    struct farmiq_sketch *base = middling(1, 100, 100, 10), *others[] = {
        middling(1, 100, 101, 10),   middling(1, 100, 100, 12),
        middling(1, 100, 0, 10),     middling(1.001, 100, 100, 10),
        middling(1, 100.1, 100, 10), middling(1, 100, 100, 10),
    };

    (void)state;
    assert_int_equal(farmiq_sketch_add(others[5], 20), 0);
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_false(farmiq_sketch_equal(base, others[i]));
        assert_false(farmiq_sketch_equal(others[i], base));
        free(others[i]);
    }
    others[0] = middling(1, 100, 100, 10);
    assert_true(farmiq_sketch_equal(base, others[0]));
    free(others[0]);
    free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_type_7),
        cmocka_unit_test(exact_quantiles_have_limits),
        cmocka_unit_test(the_error_is_bounded_for_every_shape),
        cmocka_unit_test(any_split_and_merge_order_gives_the_same_sketch),
        cmocka_unit_test(small_samples_are_exact),
        cmocka_unit_test(a_collapsed_sketch_admits_it),
        cmocka_unit_test(a_collapsed_negative_end_admits_it_too),
        cmocka_unit_test(every_double_has_a_bin),
        cmocka_unit_test(sketches_have_limits),
        cmocka_unit_test(sketches_count_no_further_than_doubles_can),
        cmocka_unit_test(once_is_not_twice),
        cmocka_unit_test(equal_means_equal),
        cmocka_unit_test(any_difference_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
