/* SPDX-License-Identifier: Apache-2.0 */
/* What the arithmetic tests share: closeness, chance, and numbers to refuse. */
#ifndef FARMIQ_TESTS_NUMBERS_H
#define FARMIQ_TESTS_NUMBERS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <farmiq/error.h>
#include <farmiq/kpi.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* An output that a function must not touch still holds this afterwards. */
#define UNTOUCHED (-12345.0)

static const double not_finite[] = { NAN, INFINITY, -INFINITY };

#define assert_close(actual, expected, tolerance)                                        \
    assert_near_at(actual, expected, tolerance, __FILE__, __LINE__)
#define assert_relative(actual, expected, tolerance)                                     \
    assert_near_at(actual, expected, (tolerance)*fabs(expected), __FILE__, __LINE__)

static inline void assert_near_at(double actual, double expected, double tolerance,
                                  const char *file, int line)
{
    if (fabs(actual - expected) <= tolerance)
        return;
    print_error("%s:%d: %.17g is not %.17g within %g\n", file, line, actual, expected,
                tolerance);
    fail();
}

/* Chance that repeats: SplitMix64. */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline double uniform(uint64_t *state, double low, double high)
{
    return low + (high - low) * ((double)(draw(state) >> 11) * 0x1p-53);
}

static inline double normal(uint64_t *state, double mean, double sd)
{
    double u = uniform(state, 1e-12, 1), v = uniform(state, 0, 1);

    return mean + sd * sqrt(-2 * log(u)) * cos(2 * acos(-1) * v);
}

/* A path below FARMIQ_DATA_DIR, or NULL: the test skips itself. */
static inline FILE *open_data(const char *name)
{
    const char *dir = getenv("FARMIQ_DATA_DIR");
    char path[4096];

    if (!dir || snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return NULL;
    return fopen(path, "r");
}

#endif
