/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_QUANTILE_H
#define FARMIQ_QUANTILE_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** One definition of a quantile everywhere: linear interpolation at rank
 * (n - 1) * p, counted from 0. R calls it type 7, PostgreSQL percentile_cont. */

/** The p-quantile, 0 <= p <= 1, of ascending values.
 * Returns FARMIQ_OK; FARMIQ_UNDEFINED for n = 0; FARMIQ_E_RANGE if a value is
 * not finite, the values do not ascend, or p is not in 0..1; FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_quantile_sorted(const double *ascending, size_t n,
                                                      double p, double *value);

/** Quantiles of a stream too long to keep: a DDSketch (Masson, Rim and Lee, PVLDB
 * 12(12), 2019) with 1 % relative error, in fixed memory.
 *
 * The first 256 values are kept as they are and answer exactly. Then values
 * fall into bins whose bounds grow by (1 + 0.01) / (1 - 0.01), one set for each
 * sign and one bin for zero. When `bins` are in use the lowest ones are merged,
 * which costs accuracy at the low end only; every answer states its bound.
 *
 * It holds no pointers, so its memory may be copied as it is.
 *
 * Any split of the values over sketches of equal `bins`, merged in any order,
 * gives the same sketch. */
struct farmiq_sketch;

#define FARMIQ_SKETCH_EXACT 256
#define FARMIQ_SKETCH_MAX_BINS 2048

/** Bytes of memory for a sketch; 0 unless 2 <= bins <= 2048. 2048 bins are
 * 34 KiB and span 17 orders of magnitude; 512 bins are 10 KiB and span four. */
FARMIQ_API size_t farmiq_sketch_bytes(uint32_t bins);

/** Build an empty sketch inside the caller's memory (aligned for int64_t), which
 * must outlive it; there is nothing to free.
 * Returns FARMIQ_OK; FARMIQ_E_NOSPACE if bytes < farmiq_sketch_bytes(bins);
 * FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_sketch_init(struct farmiq_sketch **out, void *memory, size_t bytes, uint32_t bins);

/** Returns FARMIQ_OK; FARMIQ_E_RANGE for NaN, infinity, or past 2^53 values;
 * FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_sketch_add(struct farmiq_sketch *sketch,
                                                 double value);

/** Add everything `other` holds. Returns FARMIQ_OK; FARMIQ_E_ARG for NULL, itself,
 * or unequal bins; FARMIQ_E_RANGE past 2^53 values. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_sketch_merge(struct farmiq_sketch *into,
                                                   const struct farmiq_sketch *other);

/** How many values it holds; 0 for NULL. */
FARMIQ_API uint64_t farmiq_sketch_count(const struct farmiq_sketch *sketch);

/** The p-quantile, and the most it can be wrong by (0: exact). `error_bound` may
 * be NULL. p = 0 and p = 1 are always exact.
 * Returns FARMIQ_OK; FARMIQ_UNDEFINED when empty; FARMIQ_E_RANGE if p is not in
 * 0..1; FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_sketch_quantile(const struct farmiq_sketch *sketch,
                                                      double p, double *value,
                                                      double *error_bound);

/** 1 if both hold the same values or the same bins, bit for bit. */
FARMIQ_API int farmiq_sketch_equal(const struct farmiq_sketch *a,
                                   const struct farmiq_sketch *b);

FARMIQ_END

#endif
