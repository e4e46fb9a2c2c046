/* SPDX-License-Identifier: Apache-2.0 */
/* How the arithmetic files answer: a finite value, or a reason, never a NaN. */
#ifndef FARMIQ_CORE_NUMBER_H
#define FARMIQ_CORE_NUMBER_H

#include <math.h>
#include <stdint.h>

#include <farmiq/agg.h>
#include <farmiq/error.h>
#include <farmiq/kpi.h>

/* Two-sided 95 % of the normal distribution. */
#define FARMIQ__Z_95 1.96

/* The international pound of 1959. */
#define FARMIQ__POUND_KG 0.45359237

/* Counts travel through doubles, which hold every integer up to here. */
#define FARMIQ__COUNT_MAX (UINT64_C(1) << 53)

static inline int farmiq__not_negative(double value)
{
    return isfinite(value) && value >= 0;
}

static inline int farmiq__positive(double value) { return isfinite(value) && value > 0; }

static inline int farmiq__undefined(uint32_t why, uint32_t *reasons)
{
    if (reasons)
        *reasons = why;
    return FARMIQ_UNDEFINED;
}

/* Neumaier: whichever of the two operands is larger keeps its digits, and the
 * lost ones of the other go to the carry. */
static inline void farmiq__sum_add(struct farmiq_sum *sum, double value)
{
    double next = sum->sum + value;

    if (fabs(sum->sum) >= fabs(value))
        sum->carry += (sum->sum - next) + value;
    else
        sum->carry += (value - next) + sum->sum;
    sum->sum = next;
}

/* The one place where a value leaves: an overflow is refused here. */
static inline int farmiq__answer(double value, uint32_t notes, double *out,
                                 uint32_t *reasons)
{
    if (!isfinite(value))
        return FARMIQ_E_RANGE;
    if (reasons)
        *reasons = notes;
    *out = value;
    return FARMIQ_OK;
}

#endif
