/* SPDX-License-Identifier: Apache-2.0 */
/* Accumulators that merge: sums, moments, pairs. */
#include <farmiq/agg.h>

#include <string.h>

#include "number.h"

/* --- Sums ----------------------------------------------------------------- */

static int sum_is_finite(struct farmiq_sum sum) { return isfinite(sum.sum + sum.carry); }

int farmiq_sum_add(struct farmiq_sum *sum, double value)
{
    struct farmiq_sum next;

    if (!sum)
        return FARMIQ_E_ARG;
    next = *sum;
    farmiq__sum_add(&next, value);
    if (!sum_is_finite(next))
        return FARMIQ_E_RANGE;
    *sum = next;
    return FARMIQ_OK;
}

int farmiq_sum_merge(struct farmiq_sum *into, const struct farmiq_sum *other)
{
    struct farmiq_sum next;

    if (!into || !other)
        return FARMIQ_E_ARG;
    next = *into;
    farmiq__sum_add(&next, other->sum);
    next.carry += other->carry;
    if (!sum_is_finite(next))
        return FARMIQ_E_RANGE;
    *into = next;
    return FARMIQ_OK;
}

int farmiq_sum_value(const struct farmiq_sum *sum, double *value)
{
    if (!sum || !value)
        return FARMIQ_E_ARG;
    return farmiq__answer(sum->sum + sum->carry, 0, value, NULL);
}

/* --- Moments -------------------------------------------------------------- */

/* Could values have produced this? What storage returns is not taken on trust.
 * Rounding may put a mean beside its extremes, but only by their own rounding. */
static int agg_is_plausible(const struct farmiq_agg *agg)
{
    double slack = 1e-12 * (fabs(agg->min) + fabs(agg->max));

    if (agg->count == 0)
        return agg->min == 0 && agg->max == 0 && agg->mean == 0 && agg->m2 == 0;
    return agg->count <= FARMIQ__COUNT_MAX && isfinite(agg->min) && isfinite(agg->max) &&
           isfinite(agg->mean) && farmiq__not_negative(agg->m2) &&
           agg->mean >= agg->min - slack && agg->mean <= agg->max + slack;
}

/* Which of two goes first. Fixing it makes merging commutative to the last bit,
 * and measures the distance from the better known mean. */
static int agg_precedes(struct farmiq_agg a, struct farmiq_agg b)
{
    return a.count != b.count ? a.count > b.count : a.mean > b.mean;
}

/* Chan, Golub and LeVeque 1979. Adding a value is merging the aggregate of that
 * value alone, and then this is Welford's step. */
static struct farmiq_agg joined(struct farmiq_agg a, struct farmiq_agg b)
{
    double n = (double)a.count + (double)b.count, share = (double)b.count / n;
    double apart = b.mean - a.mean;

    a.m2 += b.m2 + apart * apart * share * (double)a.count;
    a.mean += apart * share;
    a.min = fmin(a.min, b.min);
    a.max = fmax(a.max, b.max);
    a.count += b.count;
    return a;
}

void farmiq_agg_init(struct farmiq_agg *agg)
{
    if (agg)
        memset(agg, 0, sizeof *agg);
}

int farmiq_agg_add(struct farmiq_agg *agg, double value)
{
    struct farmiq_agg one = { 1, value, value, value, 0 };

    return farmiq_agg_merge(agg, &one);
}

int farmiq_agg_merge(struct farmiq_agg *into, const struct farmiq_agg *other)
{
    struct farmiq_agg next;

    if (!into || !other)
        return FARMIQ_E_ARG;
    if (!agg_is_plausible(into) || !agg_is_plausible(other))
        return FARMIQ_E_RANGE;
    if (into->count == 0 || other->count == 0) {
        *into = into->count ? *into : *other;
        return FARMIQ_OK;
    }
    next = agg_precedes(*into, *other) ? joined(*into, *other) : joined(*other, *into);
    if (!agg_is_plausible(&next))
        return FARMIQ_E_RANGE;
    *into = next;
    return FARMIQ_OK;
}

int farmiq_agg_variance(const struct farmiq_agg *agg, double *variance)
{
    if (!agg || !variance)
        return FARMIQ_E_ARG;
    if (!agg_is_plausible(agg))
        return FARMIQ_E_RANGE;
    if (agg->count < 2)
        return FARMIQ_UNDEFINED;
    return farmiq__answer(agg->m2 / ((double)agg->count - 1), 0, variance, NULL);
}

int farmiq_agg_sd(const struct farmiq_agg *agg, double *sd)
{
    double variance = 0;
    int r;

    if (!sd)
        return FARMIQ_E_ARG;
    r = farmiq_agg_variance(agg, &variance);
    if (r == FARMIQ_OK)
        *sd = sqrt(variance);
    return r;
}

/* Weighing most of a herd leaves less doubt than the same number out of many. */
static double finite_population(double n, double population)
{
    return sqrt((population - n) / (population - 1));
}

int farmiq_agg_mean_se(const struct farmiq_agg *agg, uint64_t population, double *se)
{
    double sd = 0, n;
    int r;

    if (!se)
        return FARMIQ_E_ARG;
    r = farmiq_agg_sd(agg, &sd);
    if (r != FARMIQ_OK)
        return r;
    if (population && agg->count > population)
        return FARMIQ_E_RANGE;
    n = (double)agg->count;
    *se = sd / sqrt(n) * (population ? finite_population(n, (double)population) : 1);
    return FARMIQ_OK;
}

/* --- Pairs ---------------------------------------------------------------- */

static int pairs_are_plausible(const struct farmiq_pairs *p)
{
    if (p->count == 0)
        return p->mean_x == 0 && p->mean_y == 0 && p->m2_x == 0 && p->m2_y == 0 &&
               p->c_xy == 0;
    return p->count <= FARMIQ__COUNT_MAX && isfinite(p->mean_x) && isfinite(p->mean_y) &&
           farmiq__not_negative(p->m2_x) && farmiq__not_negative(p->m2_y) &&
           isfinite(p->c_xy);
}

static int pairs_precede(struct farmiq_pairs a, struct farmiq_pairs b)
{
    if (a.count != b.count)
        return a.count > b.count;
    return a.mean_x != b.mean_x ? a.mean_x > b.mean_x : a.mean_y > b.mean_y;
}

static struct farmiq_pairs joined_pairs(struct farmiq_pairs a, struct farmiq_pairs b)
{
    double n = (double)a.count + (double)b.count, share = (double)b.count / n;
    double dx = b.mean_x - a.mean_x, dy = b.mean_y - a.mean_y;
    double weight = share * (double)a.count;

    a.m2_x += b.m2_x + dx * dx * weight;
    a.m2_y += b.m2_y + dy * dy * weight;
    a.c_xy += b.c_xy + dx * dy * weight;
    a.mean_x += dx * share;
    a.mean_y += dy * share;
    a.count += b.count;
    return a;
}

void farmiq_pairs_init(struct farmiq_pairs *pairs)
{
    if (pairs)
        memset(pairs, 0, sizeof *pairs);
}

int farmiq_pairs_add(struct farmiq_pairs *pairs, double x, double y)
{
    struct farmiq_pairs one = { 1, x, y, 0, 0, 0 };

    return farmiq_pairs_merge(pairs, &one);
}

int farmiq_pairs_merge(struct farmiq_pairs *into, const struct farmiq_pairs *other)
{
    struct farmiq_pairs next;

    if (!into || !other)
        return FARMIQ_E_ARG;
    if (!pairs_are_plausible(into) || !pairs_are_plausible(other))
        return FARMIQ_E_RANGE;
    if (into->count == 0 || other->count == 0) {
        *into = into->count ? *into : *other;
        return FARMIQ_OK;
    }
    next = pairs_precede(*into, *other) ? joined_pairs(*into, *other)
                                        : joined_pairs(*other, *into);
    if (!pairs_are_plausible(&next))
        return FARMIQ_E_RANGE;
    *into = next;
    return FARMIQ_OK;
}

int farmiq_pairs_pearson(const struct farmiq_pairs *pairs, double *r)
{
    double correlation;

    if (!pairs || !r)
        return FARMIQ_E_ARG;
    if (!pairs_are_plausible(pairs))
        return FARMIQ_E_RANGE;
    if (pairs->count < 3 || pairs->m2_x == 0 || pairs->m2_y == 0)
        return FARMIQ_UNDEFINED;
    /* Roots first: the product of two large moments could overflow. */
    correlation = pairs->c_xy / sqrt(pairs->m2_x) / sqrt(pairs->m2_y);
    return farmiq__answer(fmax(-1, fmin(1, correlation)), 0, r, NULL);
}

int farmiq_pairs_line(const struct farmiq_pairs *pairs, double *slope, double *intercept)
{
    double rise;
    int r;

    if (!pairs || !slope || !intercept)
        return FARMIQ_E_ARG;
    if (!pairs_are_plausible(pairs))
        return FARMIQ_E_RANGE;
    if (pairs->count < 2 || pairs->m2_x == 0)
        return FARMIQ_UNDEFINED;
    rise = pairs->c_xy / pairs->m2_x;
    r = farmiq__answer(pairs->mean_y - rise * pairs->mean_x, 0, intercept, NULL);
    if (r == FARMIQ_OK)
        *slope = rise;
    return r;
}
