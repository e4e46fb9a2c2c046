/* SPDX-License-Identifier: Apache-2.0 */
/* Heat and humidity: wet bulb, dew point, THI, heat-stress hours. */
#include <farmiq/thermal.h>

#include <string.h>

#include "number.h"

#define ZERO_CELSIUS_K 273.15
#define TRIPLE_POINT_C 0.01
#define SEA_LEVEL_KPA 101.325
#define COLDEST_C (-100.0)
#define HOUR_MS 3600000.0

/* Air and what the balance needs to know about it. */
struct air {
    double dry_c;
    double rh_pct;
    double pressure_kpa;
    double vapour_kpa;
};

static int is_weather(double air_c, double rh_pct)
{
    return air_c >= -60 && air_c <= 80 && rh_pct >= 0 && rh_pct <= 100;
}

static double fahrenheit(double celsius) { return 1.8 * celsius + 32; }

/* --- Psychrometrics ------------------------------------------------------- */

/* Saturation pressure of water vapour over ice or water: Hyland and Wexler 1983,
 * as in ASHRAE Fundamentals 2017, chapter 1, equations 5 and 6. */
static double saturation_kpa(double celsius)
{
    double t = celsius + ZERO_CELSIUS_K;
    double ln_pa;

    if (celsius <= TRIPLE_POINT_C)
        ln_pa = -5.6745359e3 / t + 6.3925247 - 9.677843e-3 * t + 6.2215701e-7 * t * t +
                2.0747825e-9 * t * t * t - 9.484024e-13 * t * t * t * t +
                4.1635019 * log(t);
    else
        ln_pa = -5.8002206e3 / t + 1.3914993 - 4.8640239e-2 * t + 4.1764768e-5 * t * t -
                1.4452093e-8 * t * t * t + 6.5459673 * log(t);
    return exp(ln_pa) / 1000;
}

/* kg of water per kg of dry air; the number is the ratio of molar masses. */
static double humidity_ratio(double vapour_kpa, double pressure_kpa)
{
    return 0.621945 * vapour_kpa / (pressure_kpa - vapour_kpa);
}

/* The humidity ratio that air would have if this were its wet bulb, minus the
 * one it has: ASHRAE equations 33 (water) and 35 (ice). Rises with wet_c. */
static double wet_bulb_excess(double wet_c, const struct air *air)
{
    double saturated = humidity_ratio(saturation_kpa(wet_c), air->pressure_kpa);
    double implied, t = air->dry_c;

    if (wet_c >= 0)
        implied = ((2501 - 2.326 * wet_c) * saturated - 1.006 * (t - wet_c)) /
                  (2501 + 1.86 * t - 4.186 * wet_c);
    else
        implied = ((2830 - 0.24 * wet_c) * saturated - 1.006 * (t - wet_c)) /
                  (2830 + 1.86 * t - 2.1 * wet_c);
    return implied - humidity_ratio(air->vapour_kpa, air->pressure_kpa);
}

static double dew_point_excess(double dew_c, const struct air *air)
{
    return saturation_kpa(dew_c) - air->vapour_kpa;
}

/* Halve [low, high] until it is a millionth of a degree wide. */
static double bisect(double (*excess)(double, const struct air *), const struct air *air,
                     double low, double high)
{
    while (high - low > 1e-6) {
        double middle = low + (high - low) / 2;

        if (excess(middle, air) > 0)
            high = middle;
        else
            low = middle;
    }
    return low + (high - low) / 2;
}

static struct air air_of(double air_c, double rh_pct, double pressure_kpa)
{
    struct air air = { air_c, rh_pct, pressure_kpa,
                       rh_pct / 100 * saturation_kpa(air_c) };

    return air;
}

/* The wet bulb is never above the dry one, nor below -100 in any barn's air. */
static double wet_bulb(double air_c, double rh_pct, double pressure_kpa)
{
    struct air air = air_of(air_c, rh_pct, pressure_kpa);

    if (rh_pct == 100)
        return air_c;
    return bisect(wet_bulb_excess, &air, COLDEST_C, air_c);
}

int farmiq_thermal_wet_bulb(double air_c, double rh_pct, double pressure_kpa,
                            double *wet_bulb_c, uint32_t *reasons)
{
    if (!wet_bulb_c)
        return FARMIQ_E_ARG;
    if (!is_weather(air_c, rh_pct) || !(pressure_kpa >= 50 && pressure_kpa <= 120))
        return FARMIQ_E_RANGE;
    return farmiq__answer(wet_bulb(air_c, rh_pct, pressure_kpa), 0, wet_bulb_c, reasons);
}

static int stull_holds(double air_c, double rh_pct)
{
    return rh_pct >= 5 && rh_pct <= 99 && air_c >= -20 && air_c <= 50;
}

int farmiq_thermal_wet_bulb_stull(double air_c, double rh_pct, double *wet_bulb_c,
                                  uint32_t *reasons)
{
    if (!wet_bulb_c)
        return FARMIQ_E_ARG;
    if (!is_weather(air_c, rh_pct))
        return FARMIQ_E_RANGE;
    if (!stull_holds(air_c, rh_pct))
        return farmiq__undefined(FARMIQ_KPI_DOMAIN, reasons);
    return farmiq__answer(
        air_c * atan(0.151977 * sqrt(rh_pct + 8.313659)) + atan(air_c + rh_pct) -
            atan(rh_pct - 1.676331) +
            0.00391838 * rh_pct * sqrt(rh_pct) * atan(0.023101 * rh_pct) - 4.686035,
        0, wet_bulb_c, reasons);
}

int farmiq_thermal_dew_point(double air_c, double rh_pct, double *dew_point_c,
                             uint32_t *reasons)
{
    struct air air;

    if (!dew_point_c)
        return FARMIQ_E_ARG;
    if (!is_weather(air_c, rh_pct))
        return FARMIQ_E_RANGE;
    air = air_of(air_c, rh_pct, SEA_LEVEL_KPA);
    if (air.vapour_kpa < saturation_kpa(COLDEST_C))
        return farmiq__undefined(FARMIQ_KPI_DOMAIN, reasons);
    return farmiq__answer(bisect(dew_point_excess, &air, COLDEST_C, air_c), 0,
                          dew_point_c, reasons);
}

/* --- Indices -------------------------------------------------------------- */

/* What an index is a function of; `wet` is the wet bulb, for those that ask. */
struct weather {
    double dry;
    double wet;
    double rh;
};

static double nrc1971(struct weather w)
{
    return fahrenheit(w.dry) - (0.55 - 0.0055 * w.rh) * (1.8 * w.dry - 26);
}

static double mader2006(struct weather w)
{
    return 0.8 * w.dry + w.rh / 100 * (w.dry - 14.4) + 46.4;
}

static double thom1959(struct weather w)
{
    return 0.4 * (fahrenheit(w.dry) + fahrenheit(w.wet)) + 15;
}

static double broiler(struct weather w) { return 0.85 * w.dry + 0.15 * w.wet; }
static double turkey(struct weather w) { return 0.74 * w.dry + 0.26 * w.wet; }
static double layer(struct weather w) { return 0.60 * w.dry + 0.40 * w.wet; }
static double pig_wet_bulb(struct weather w) { return 0.75 * w.dry + 0.25 * w.wet; }

static double pig(struct weather w)
{
    return w.dry - (0.55 - 0.0055 * w.rh) * (w.dry - 14.5);
}

static double sheep(struct weather w)
{
    return w.dry - (0.31 - 0.0031 * w.rh) * (w.dry - 14.4);
}

static const struct index {
    double (*formula)(struct weather);
    int needs_wet_bulb; /* which is the expensive part */
} indices[] = {
    [FARMIQ_THI_NRC1971] = { nrc1971, 0 },
    [FARMIQ_THI_MADER2006] = { mader2006, 0 },
    [FARMIQ_THI_THOM1959] = { thom1959, 1 },
    [FARMIQ_THI_BROILER] = { broiler, 1 },
    [FARMIQ_THI_TURKEY] = { turkey, 1 },
    [FARMIQ_THI_LAYER] = { layer, 1 },
    [FARMIQ_THI_PIG] = { pig, 0 },
    [FARMIQ_THI_PIG_WET_BULB] = { pig_wet_bulb, 1 },
    [FARMIQ_THI_SHEEP] = { sheep, 0 },
};

int farmiq_thermal_thi(uint32_t kind, double air_c, double rh_pct, double *thi,
                       uint32_t *reasons)
{
    struct weather w = { air_c, 0, rh_pct };

    if (!thi || kind >= sizeof indices / sizeof *indices || !indices[kind].formula)
        return FARMIQ_E_ARG;
    if (!is_weather(air_c, rh_pct))
        return FARMIQ_E_RANGE;
    if (indices[kind].needs_wet_bulb)
        w.wet = wet_bulb(air_c, rh_pct, SEA_LEVEL_KPA);
    return farmiq__answer(indices[kind].formula(w), 0, thi, reasons);
}

int farmiq_thermal_thvi(double air_c, double rh_pct, double air_m_s, double *thvi,
                        uint32_t *reasons)
{
    uint32_t notes = air_m_s > 1.2 ? FARMIQ_KPI_EXTRAPOLATED : 0;
    double still = 0;
    int r;

    if (!thvi)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(air_m_s))
        return FARMIQ_E_RANGE;
    r = farmiq_thermal_thi(FARMIQ_THI_BROILER, air_c, rh_pct, &still, NULL);
    if (r != FARMIQ_OK)
        return r;
    return farmiq__answer(still * pow(fmax(air_m_s, 0.2), -0.058), notes, thvi, reasons);
}

/* --- Heat-stress hours ---------------------------------------------------- */

int farmiq_heat_init(struct farmiq_heat *heat, double base, int64_t max_gap_ms)
{
    if (!heat)
        return FARMIQ_E_ARG;
    if (!isfinite(base) || max_gap_ms <= 0)
        return FARMIQ_E_RANGE;
    memset(heat, 0, sizeof *heat);
    heat->base = base;
    heat->max_gap_ms = max_gap_ms;
    return FARMIQ_OK;
}

/* The share of a straight stretch that lies at or above zero. */
static double share_above(double from, double to)
{
    if (from >= 0 && to >= 0)
        return 1;
    if (from < 0 && to < 0)
        return 0;
    return fmax(from, to) / fabs(to - from);
}

/* Its mean height above zero, over the whole stretch: a trapezium if it never
 * dips, else the triangle that sticks out. */
static double mean_above(double from, double to)
{
    if (from >= 0 && to >= 0)
        return from / 2 + to / 2;
    return share_above(from, to) * fmax(from, to) / 2;
}

/* Judge the stretch from the last sample to the next one. */
static int add_stretch(struct farmiq_heat *heat, int64_t to_unix_ms, double to)
{
    int64_t length_ms = to_unix_ms - heat->last_unix_ms;
    double above = heat->last_index - heat->base, next_above = to - heat->base;
    int r;

    if (length_ms > heat->max_gap_ms) {
        heat->uncovered_ms += length_ms;
        return FARMIQ_OK;
    }
    heat->covered_ms += length_ms;
    r = farmiq_sum_add(&heat->above_ms,
                       share_above(above, next_above) * (double)length_ms);
    if (r != FARMIQ_OK)
        return r;
    return farmiq_sum_add(&heat->above_index_ms,
                          mean_above(above, next_above) * (double)length_ms);
}

int farmiq_heat_add(struct farmiq_heat *heat, int64_t at_unix_ms, double index)
{
    struct farmiq_heat one;

    if (!heat)
        return FARMIQ_E_ARG;
    if (!isfinite(index))
        return FARMIQ_E_RANGE;
    if (heat->samples && at_unix_ms == heat->last_unix_ms)
        return index == heat->last_index ? FARMIQ_UNCHANGED : FARMIQ_CONFLICT;
    if (heat->samples && at_unix_ms < heat->last_unix_ms)
        return FARMIQ_E_STATE;
    one = (struct farmiq_heat){ .base = heat->base,
                                .max_gap_ms = heat->max_gap_ms,
                                .samples = 1,
                                .first_unix_ms = at_unix_ms,
                                .last_unix_ms = at_unix_ms,
                                .first_index = index,
                                .last_index = index,
                                .peak_index = index };
    return farmiq_heat_merge(heat, &one);
}

static int same_question(const struct farmiq_heat *a, const struct farmiq_heat *b)
{
    return a->base == b->base && a->max_gap_ms == b->max_gap_ms;
}

/* Could samples have produced this? Each millisecond from first to last is
 * either covered or not, so the books must balance exactly. */
static int heat_is_plausible(const struct farmiq_heat *heat)
{
    int64_t span_ms, told_ms;

    if (heat->samples == 0)
        return heat->covered_ms == 0 && heat->uncovered_ms == 0;
    return !__builtin_sub_overflow(heat->last_unix_ms, heat->first_unix_ms, &span_ms) &&
           !__builtin_add_overflow(heat->covered_ms, heat->uncovered_ms, &told_ms) &&
           heat->covered_ms >= 0 && heat->uncovered_ms >= 0 && told_ms == span_ms &&
           isfinite(heat->first_index) && isfinite(heat->last_index);
}

/* Both are plausible; from the first to the last there must be a duration. */
static int spans_overflow(const struct farmiq_heat *first, const struct farmiq_heat *last)
{
    int64_t span_ms;

    return __builtin_sub_overflow(last->last_unix_ms, first->first_unix_ms, &span_ms);
}

/* Append `later` and the stretch that leads to it. */
static int join(struct farmiq_heat *heat, const struct farmiq_heat *later)
{
    int r = add_stretch(heat, later->first_unix_ms, later->first_index);

    if (r == FARMIQ_OK)
        r = farmiq_sum_merge(&heat->above_ms, &later->above_ms);
    if (r == FARMIQ_OK)
        r = farmiq_sum_merge(&heat->above_index_ms, &later->above_index_ms);
    heat->samples += later->samples;
    heat->last_unix_ms = later->last_unix_ms;
    heat->last_index = later->last_index;
    heat->peak_index = fmax(heat->peak_index, later->peak_index);
    heat->covered_ms += later->covered_ms;
    heat->uncovered_ms += later->uncovered_ms;
    return r;
}

int farmiq_heat_merge(struct farmiq_heat *into, const struct farmiq_heat *other)
{
    const struct farmiq_heat *first = into, *second = other;
    struct farmiq_heat whole;
    int r;

    if (!into || !other || !same_question(into, other))
        return FARMIQ_E_ARG;
    if (!heat_is_plausible(into) || !heat_is_plausible(other))
        return FARMIQ_E_RANGE;
    if (into->samples == 0 || other->samples == 0) {
        *into = into->samples ? *into : *other;
        return FARMIQ_OK;
    }
    if (other->first_unix_ms < into->first_unix_ms) {
        first = other;
        second = into;
    }
    if (first->last_unix_ms >= second->first_unix_ms)
        return FARMIQ_E_STATE;
    if (spans_overflow(first, second))
        return FARMIQ_E_RANGE;
    whole = *first;
    r = join(&whole, second);
    if (r == FARMIQ_OK)
        *into = whole;
    return r;
}

int farmiq_heat_hours(const struct farmiq_heat *heat, double *hours, double *index_hours)
{
    double above_ms = 0;
    int r;

    if (!heat || !hours || !index_hours)
        return FARMIQ_E_ARG;
    if (heat->covered_ms == 0)
        return FARMIQ_UNDEFINED;
    r = farmiq_sum_value(&heat->above_ms, &above_ms);
    if (r == FARMIQ_OK)
        r = farmiq_sum_value(&heat->above_index_ms, index_hours);
    if (r != FARMIQ_OK)
        return r;
    *hours = above_ms / HOUR_MS;
    *index_hours /= HOUR_MS;
    return FARMIQ_OK;
}
