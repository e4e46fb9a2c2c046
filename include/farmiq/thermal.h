/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_THERMAL_H
#define FARMIQ_THERMAL_H

#include <farmiq/agg.h>
#include <farmiq/base.h>

FARMIQ_BEGIN

/** Heat and humidity. Temperatures are degrees Celsius, -60..80; relative
 * humidity is percent, 0..100 (a fraction such as 0.61 is a very dry barn, not
 * 61 %). Functions return FARMIQ_OK; FARMIQ_UNDEFINED with `reasons` (kpi.h;
 * may be NULL) outside the formula's validity; FARMIQ_E_RANGE for anything not
 * finite or outside these limits; FARMIQ_E_ARG. */

/** Wet bulb at sea level by Stull (2011), off by up to a degree.
 * UNDEFINED DOMAIN outside 5..99 % and -20..50 degrees. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_thermal_wet_bulb_stull(double air_c, double rh_pct,
                                                             double *wet_bulb_c,
                                                             uint32_t *reasons);

/** Wet bulb from the psychrometric balance (ASHRAE Fundamentals, chapter 1) to a
 * millionth of a degree, at 50..120 kPa. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_thermal_wet_bulb(double air_c, double rh_pct,
                                                       double pressure_kpa,
                                                       double *wet_bulb_c,
                                                       uint32_t *reasons);

/** Dew (or frost) point from the same saturation curve.
 * UNDEFINED DOMAIN where it would lie below -100 degrees; so at 0 %. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_thermal_dew_point(double air_c, double rh_pct,
                                                        double *dew_point_c,
                                                        uint32_t *reasons);

/** Temperature-humidity indices. They share a name and little else: always say
 * which. The first three are on a Fahrenheit-like scale, the others are degrees
 * Celsius. docs/kpi.md has the formulas. */
enum farmiq_thi {
    FARMIQ_THI_NRC1971 = 1,
    FARMIQ_THI_MADER2006 = 2,
    FARMIQ_THI_THOM1959 = 3,
    FARMIQ_THI_BROILER = 4,
    FARMIQ_THI_TURKEY = 5,
    FARMIQ_THI_LAYER = 6,
    FARMIQ_THI_PIG = 7,
    FARMIQ_THI_PIG_WET_BULB = 8,
    FARMIQ_THI_SHEEP = 9
};

/** An index by kind; wet bulbs are psychrometric at 101.325 kPa. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_thermal_thi(uint32_t kind, double air_c,
                                                  double rh_pct, double *thi,
                                                  uint32_t *reasons);

/** Broiler temperature-humidity-velocity index: THI_BROILER * v^-0.058. Air
 * slower than 0.2 m/s counts as 0.2. Notes EXTRAPOLATED above 1.2 m/s. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_thermal_thvi(double air_c, double rh_pct,
                                                   double air_m_s, double *thvi,
                                                   uint32_t *reasons);

/** How long, and how far, an index stood above a base.
 *
 * The index runs straight between samples, so a crossing has an exact time. Two
 * samples further apart than max_gap_ms say nothing about the time between: it
 * is excluded and counted as uncovered. Compute the index per sample first: the
 * index of mean temperature and mean humidity is biased low.
 * Frozen: this struct will never grow. Times are milliseconds. */
struct farmiq_heat {
    double base;
    int64_t max_gap_ms;
    uint64_t samples;
    int64_t first_unix_ms;
    int64_t last_unix_ms;
    double first_index;
    double last_index;
    double peak_index;
    int64_t covered_ms;
    int64_t uncovered_ms;
    struct farmiq_sum above_ms;       /* time at or above the base */
    struct farmiq_sum above_index_ms; /* integral of the excess over the base */
};

/** Returns FARMIQ_OK; FARMIQ_E_RANGE unless base is finite and max_gap_ms > 0;
 * FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_heat_init(struct farmiq_heat *heat, double base,
                                                int64_t max_gap_ms);

/** Add the next sample. Returns FARMIQ_OK; FARMIQ_UNCHANGED for the last sample
 * again; FARMIQ_CONFLICT for another index at the last time; FARMIQ_E_STATE for
 * an earlier time; FARMIQ_E_RANGE; FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_heat_add(struct farmiq_heat *heat,
                                               int64_t at_unix_ms, double index);

/** Join two windows, either one first; the stretch between them is judged as
 * farmiq_heat_add() would, so that the parts give the whole.
 * Returns FARMIQ_OK; FARMIQ_E_STATE if they overlap; FARMIQ_E_ARG for NULL or a
 * different base or gap; FARMIQ_E_RANGE. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_heat_merge(struct farmiq_heat *into,
                                                 const struct farmiq_heat *other);

/** Hours at or above the base, and index-hours above it.
 * FARMIQ_UNDEFINED while nothing is covered. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_heat_hours(const struct farmiq_heat *heat,
                                                 double *hours, double *index_hours);

FARMIQ_END

#endif
