/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_AGG_H
#define FARMIQ_AGG_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** Accumulators that merge: a minute at the edge, an hour, a day, a barn and a
 * farm agree whatever the order of merging: exactly on count, min and max, and
 * to about 1e-12 on moments.
 *
 * All are frozen: they will never grow, and may be stored member by member. An
 * accumulator read back from storage is checked when it is merged. The empty
 * one is all zeros.
 *
 * Unless said otherwise functions return FARMIQ_OK; FARMIQ_E_RANGE, the
 * accumulator untouched, for a value that is NaN or infinite, for an accumulator
 * that no sequence of values could have produced, and for a sum beyond a double;
 * FARMIQ_E_ARG for NULL. */

/** A compensated sum (Neumaier 1974): adding 1, 1e100, 1 and -1e100 gives 2. */
struct farmiq_sum {
    double sum;
    double carry; /* the low bits that `sum` could not hold */
};

FARMIQ_API FARMIQ_MUST_USE int farmiq_sum_add(struct farmiq_sum *sum, double value);
FARMIQ_API FARMIQ_MUST_USE int farmiq_sum_merge(struct farmiq_sum *into,
                                                const struct farmiq_sum *other);
FARMIQ_API FARMIQ_MUST_USE int farmiq_sum_value(const struct farmiq_sum *sum,
                                                double *value);

/** Count, extremes and moments (Welford 1962; merge: Chan, Golub and LeVeque
 * 1979). At most 2^53 values: beyond that a double no longer counts. */
struct farmiq_agg {
    uint64_t count;
    double min;
    double max;
    double mean;
    double m2; /* sum of squared distances from the mean */
};

FARMIQ_API void farmiq_agg_init(struct farmiq_agg *agg);
FARMIQ_API FARMIQ_MUST_USE int farmiq_agg_add(struct farmiq_agg *agg, double value);
FARMIQ_API FARMIQ_MUST_USE int farmiq_agg_merge(struct farmiq_agg *into,
                                                const struct farmiq_agg *other);

/** Sample variance and standard deviation, n - 1 below.
 * FARMIQ_UNDEFINED below two values. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_agg_variance(const struct farmiq_agg *agg,
                                                   double *variance);
FARMIQ_API FARMIQ_MUST_USE int farmiq_agg_sd(const struct farmiq_agg *agg, double *sd);

/** Standard error of the mean of `count` animals weighed out of `population`,
 * sd / sqrt(n) * sqrt((N - n) / (N - 1)); population 0 means very many. It is
 * the doubt about the mean; the sd is the spread of the animals.
 * FARMIQ_UNDEFINED below two values; FARMIQ_E_RANGE if count > population. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_agg_mean_se(const struct farmiq_agg *agg,
                                                  uint64_t population, double *se);

/** Two series side by side: correlation and the straight line. */
struct farmiq_pairs {
    uint64_t count;
    double mean_x;
    double mean_y;
    double m2_x;
    double m2_y;
    double c_xy; /* sum of products of distances from the means */
};

FARMIQ_API void farmiq_pairs_init(struct farmiq_pairs *pairs);
FARMIQ_API FARMIQ_MUST_USE int farmiq_pairs_add(struct farmiq_pairs *pairs, double x,
                                                double y);
FARMIQ_API FARMIQ_MUST_USE int farmiq_pairs_merge(struct farmiq_pairs *into,
                                                  const struct farmiq_pairs *other);

/** Pearson's r, in [-1, 1]. FARMIQ_UNDEFINED below three pairs or if either
 * series is constant. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_pairs_pearson(const struct farmiq_pairs *pairs,
                                                    double *r);

/** Least squares y = intercept + slope * x. FARMIQ_UNDEFINED below two pairs or
 * if x is constant. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_pairs_line(const struct farmiq_pairs *pairs,
                                                 double *slope, double *intercept);

FARMIQ_END

#endif
