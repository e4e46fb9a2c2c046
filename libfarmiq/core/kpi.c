/* SPDX-License-Identifier: Apache-2.0 */
/* Flock and herd arithmetic: one formula per function. */
#include <farmiq/kpi.h>

#include <float.h>

#include "number.h"

#define GRAMS_PER_KG 1000.0
#define SECONDS_MS 1000.0
#define DAYS_PER_YEAR 365.0

#define REASON(name) FARMIQ_KPI_##name, #name

static const struct {
    uint32_t bit;
    const char *name;
} reason_names[] = {
    { REASON(NO_FEED_RECORD) },
    { REASON(FEED_ZERO) },
    { REASON(NO_WEIGHT) },
    { REASON(WEIGHT_STALE) },
    { REASON(GAIN_NON_POSITIVE) },
    { REASON(GAIN_NOT_SIGNIFICANT) },
    { REASON(PARTIAL_WINDOW) },
    { REASON(HEAD_CHANGED) },
    { REASON(DEAD_WEIGHT_ESTIMATED) },
    { REASON(EXTRAPOLATED) },
    { REASON(SAMPLE_TOO_SMALL) },
    { REASON(LEDGER_NEGATIVE) },
    { REASON(DOMAIN) },
    { REASON(INTERVAL_OVER_1D) },
    { REASON(NO_HEAD) },
    { REASON(NO_TIME) },
    { REASON(CLOCK_SKEW) },
    { REASON(OVER_100_PCT) },
    { REASON(NO_VARIANCE) },
    { REASON(TARGET_REACHED) },
    { REASON(FEED_EDGE) },
    { REASON(FEED_DISPENSED) },
    { REASON(DENOMINATOR_ZERO) },
    { REASON(NO_WATER_RECORD) },
    { REASON(NO_EGG_RECORD) },
};

const char *farmiq_kpi_reason_name(uint32_t bit)
{
    for (size_t i = 0; i < sizeof reason_names / sizeof *reason_names; i++)
        if (reason_names[i].bit == bit)
            return reason_names[i].name;
    return NULL;
}

/* --- The shapes most formulas have ---------------------------------------- */

struct answer {
    double *value;
    uint32_t *reasons;
};

/* scale * top / bottom, where a bottom of zero has a reason of its own. */
static int ratio(double scale, double top, double bottom, uint32_t if_zero,
                 struct answer to)
{
    if (!to.value)
        return FARMIQ_E_ARG;
    if (!isfinite(top) || !farmiq__not_negative(bottom))
        return FARMIQ_E_RANGE;
    if (bottom == 0)
        return farmiq__undefined(if_zero, to.reasons);
    return farmiq__answer(scale * top / bottom, 0, to.value, to.reasons);
}

/* A ratio of two things that cannot be negative. */
static int share(double scale, double top, double bottom, uint32_t if_zero,
                 struct answer to)
{
    if (to.value && !farmiq__not_negative(top))
        return FARMIQ_E_RANGE;
    return ratio(scale, top, bottom, if_zero, to);
}

/* A percentage that bad counts can push over 100: kept, and noted. */
static int percentage(double part, double whole, uint32_t if_zero, struct answer to)
{
    int r = share(100, part, whole, if_zero, to);

    if (r == FARMIQ_OK && *to.value > 100 && to.reasons)
        *to.reasons |= FARMIQ_KPI_OVER_100_PCT;
    return r;
}

/* Feed over something: a recorded zero is an answer, and worth a look. */
static int feed_over(double scale, double feed_kg, double bottom, uint32_t if_zero,
                     struct answer to)
{
    int r = share(scale, feed_kg, bottom, if_zero, to);

    if (r == FARMIQ_OK && feed_kg == 0 && to.reasons)
        *to.reasons |= FARMIQ_KPI_FEED_ZERO;
    return r;
}

/* --- Mass and gain -------------------------------------------------------- */

int farmiq_kpi_biomass(uint64_t head, double mean_kg, double *biomass_kg,
                       uint32_t *reasons)
{
    if (!biomass_kg)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(mean_kg))
        return FARMIQ_E_RANGE;
    if (head > 0 && mean_kg == 0)
        return farmiq__undefined(FARMIQ_KPI_NO_WEIGHT, reasons);
    return farmiq__answer((double)head * mean_kg, 0, biomass_kg, reasons);
}

int farmiq_kpi_gain(double live_out_kg, double in_kg, double *gain_kg, uint32_t *reasons)
{
    return farmiq_kpi_gain_with_dead(live_out_kg, 0, in_kg, gain_kg, reasons);
}

int farmiq_kpi_gain_with_dead(double live_out_kg, double dead_kg, double in_kg,
                              double *gain_kg, uint32_t *reasons)
{
    if (!gain_kg)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(live_out_kg) || !farmiq__not_negative(dead_kg) ||
        !farmiq__not_negative(in_kg))
        return FARMIQ_E_RANGE;
    return farmiq__answer(live_out_kg - in_kg + dead_kg, 0, gain_kg, reasons);
}

int farmiq_kpi_sampled_gain(double start_kg, double start_sd_kg, uint64_t start_n,
                            double end_kg, double end_sd_kg, uint64_t end_n,
                            double *gain_kg, double *se_kg, uint32_t *reasons)
{
    double gain = end_kg - start_kg, se;
    int r;

    if (!gain_kg || !se_kg)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(start_kg) || !farmiq__not_negative(end_kg) ||
        !farmiq__not_negative(start_sd_kg) || !farmiq__not_negative(end_sd_kg))
        return FARMIQ_E_RANGE;
    if (start_n < 2 || end_n < 2)
        return farmiq__undefined(FARMIQ_KPI_SAMPLE_TOO_SMALL, reasons);
    se = hypot(start_sd_kg / sqrt((double)start_n), end_sd_kg / sqrt((double)end_n));
    r = farmiq__answer(
        se, fabs(gain) < FARMIQ__Z_95 * se ? FARMIQ_KPI_GAIN_NOT_SIGNIFICANT : 0, se_kg,
        reasons);
    if (r == FARMIQ_OK)
        *gain_kg = gain;
    return r;
}

/* --- Feed conversion ------------------------------------------------------ */

int farmiq_kpi_fcr_gain(double feed_kg, double gain_kg, double *fcr, uint32_t *reasons)
{
    return farmiq_kpi_fcr_mortality(feed_kg, gain_kg, 0, fcr, reasons);
}

int farmiq_kpi_fcr_live(double feed_kg, double live_out_kg, double *fcr,
                        uint32_t *reasons)
{
    struct answer to = { fcr, reasons };

    return feed_over(1, feed_kg, live_out_kg, FARMIQ_KPI_NO_WEIGHT, to);
}

int farmiq_kpi_fcr_mortality(double feed_kg, double gain_kg, double dead_kg, double *fcr,
                             uint32_t *reasons)
{
    struct answer to = { fcr, reasons };
    double grown_kg = gain_kg + dead_kg;

    if (!fcr)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(feed_kg) || !farmiq__not_negative(dead_kg) ||
        !isfinite(gain_kg))
        return FARMIQ_E_RANGE;
    if (grown_kg <= 0)
        return farmiq__undefined(FARMIQ_KPI_GAIN_NON_POSITIVE, reasons);
    return feed_over(1, feed_kg, grown_kg, FARMIQ_KPI_GAIN_NON_POSITIVE, to);
}

/* A correction is linear and knows no zero: one that eats the whole FCR was made
 * far outside the range it was fitted on. */
static int corrected_fcr(double fcr, double correction, struct answer to)
{
    if (!farmiq__not_negative(fcr) || !isfinite(correction))
        return FARMIQ_E_RANGE;
    if (fcr + correction <= 0)
        return farmiq__undefined(FARMIQ_KPI_DOMAIN, to.reasons);
    return farmiq__answer(fcr + correction, 0, to.value, to.reasons);
}

int farmiq_kpi_fcr_weight(double fcr, double mean_kg, double reference_kg,
                          double per_100_g, double *corrected, uint32_t *reasons)
{
    struct answer to = { corrected, reasons };

    if (!corrected)
        return FARMIQ_E_ARG;
    if (!farmiq__positive(mean_kg) || !farmiq__positive(reference_kg) ||
        !farmiq__not_negative(per_100_g))
        return FARMIQ_E_RANGE;
    return corrected_fcr(fcr, per_100_g * (reference_kg - mean_kg) / 0.1, to);
}

int farmiq_kpi_fcr_swine(double fcr, double entry_kg, double exit_kg, double *adjusted,
                         uint32_t *reasons)
{
    struct answer to = { adjusted, reasons };
    double entry_lb = entry_kg / FARMIQ__POUND_KG, exit_lb = exit_kg / FARMIQ__POUND_KG;

    if (!adjusted)
        return FARMIQ_E_ARG;
    if (!farmiq__positive(entry_kg) || !farmiq__positive(exit_kg))
        return FARMIQ_E_RANGE;
    return corrected_fcr(fcr, 0.006 * (50 - entry_lb) + 0.006 * (250 - exit_lb), to);
}

int farmiq_kpi_feed_efficiency(double gain_kg, double feed_kg, double *efficiency,
                               uint32_t *reasons)
{
    struct answer to = { efficiency, reasons };

    return ratio(1, gain_kg, feed_kg, FARMIQ_KPI_FEED_ZERO, to);
}

/* --- Growth --------------------------------------------------------------- */

/* An interval that is not positive makes a rate undefined; a NaN is refused. */
static int rate(double change, double interval, struct answer to)
{
    if (!isfinite(interval))
        return FARMIQ_E_RANGE;
    if (interval <= 0)
        return farmiq__undefined(FARMIQ_KPI_NO_TIME, to.reasons);
    return farmiq__answer(change / interval, 0, to.value, to.reasons);
}

int farmiq_kpi_adg(double start_kg, double end_kg, double days, double *adg_g,
                   uint32_t *reasons)
{
    struct answer to = { adg_g, reasons };

    if (!adg_g)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(start_kg) || !farmiq__not_negative(end_kg))
        return FARMIQ_E_RANGE;
    return rate(GRAMS_PER_KG * (end_kg - start_kg), days, to);
}

int farmiq_kpi_adg_herd(double gain_kg, double animal_days, double *adg_g,
                        uint32_t *reasons)
{
    struct answer to = { adg_g, reasons };

    return ratio(GRAMS_PER_KG, gain_kg, animal_days, FARMIQ_KPI_NO_HEAD, to);
}

/* The logarithm of a ratio near 1 loses digits that the difference still has. */
static double log_ratio(double from, double to)
{
    double change = to - from;

    return fabs(change) < 0.1 * from ? log1p(change / from) : log(to) - log(from);
}

int farmiq_kpi_sgr(double start_kg, double end_kg, double days, double *sgr_pct,
                   uint32_t *reasons)
{
    struct answer to = { sgr_pct, reasons };

    if (!sgr_pct)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(start_kg) || !farmiq__not_negative(end_kg))
        return FARMIQ_E_RANGE;
    if (start_kg == 0 || end_kg == 0)
        return farmiq__undefined(FARMIQ_KPI_NO_WEIGHT, reasons);
    return rate(100 * log_ratio(start_kg, end_kg), days, to);
}

int farmiq_kpi_tgc(double start_g, double end_g, double degree_days, double *tgc,
                   uint32_t *reasons)
{
    struct answer to = { tgc, reasons };

    if (!tgc)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(start_g) || !farmiq__not_negative(end_g))
        return FARMIQ_E_RANGE;
    return rate(100 * (cbrt(end_g) - cbrt(start_g)), degree_days, to);
}

int farmiq_kpi_deviation(double weight_kg, double standard_kg, double *deviation_pct,
                         uint32_t *reasons)
{
    struct answer to = { deviation_pct, reasons };

    if (deviation_pct && !farmiq__not_negative(weight_kg))
        return FARMIQ_E_RANGE;
    return ratio(100, weight_kg - standard_kg, standard_kg, FARMIQ_KPI_NO_WEIGHT, to);
}

int farmiq_kpi_deviation_z(double weight_kg, double standard_kg, double cv_pct, double *z,
                           uint32_t *reasons)
{
    struct answer to = { z, reasons };

    if (!z)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(weight_kg) || !farmiq__not_negative(standard_kg) ||
        !farmiq__not_negative(cv_pct))
        return FARMIQ_E_RANGE;
    if (standard_kg == 0)
        return farmiq__undefined(FARMIQ_KPI_NO_WEIGHT, reasons);
    return ratio(1, weight_kg - standard_kg, cv_pct / 100 * standard_kg,
                 FARMIQ_KPI_NO_VARIANCE, to);
}

int farmiq_kpi_days_to_target(double weight_kg, double target_kg, double adg_g,
                              double *days, uint32_t *reasons)
{
    if (!days)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(weight_kg) || !farmiq__not_negative(target_kg) ||
        !isfinite(adg_g))
        return FARMIQ_E_RANGE;
    if (target_kg <= weight_kg)
        return farmiq__undefined(FARMIQ_KPI_TARGET_REACHED, reasons);
    if (adg_g <= 0)
        return farmiq__undefined(FARMIQ_KPI_GAIN_NON_POSITIVE, reasons);
    return farmiq__answer(GRAMS_PER_KG * (target_kg - weight_kg) / adg_g, 0, days,
                          reasons);
}

/* --- Intake --------------------------------------------------------------- */

int farmiq_kpi_adfi(double feed_kg, double animal_days, double *adfi_kg,
                    uint32_t *reasons)
{
    struct answer to = { adfi_kg, reasons };

    return feed_over(1, feed_kg, animal_days, FARMIQ_KPI_NO_HEAD, to);
}

int farmiq_kpi_water_per_head(double water_l, double animal_days, double *per_head_l,
                              uint32_t *reasons)
{
    struct answer to = { per_head_l, reasons };

    return share(1, water_l, animal_days, FARMIQ_KPI_NO_HEAD, to);
}

int farmiq_kpi_water_to_feed(double water_l, double feed_kg, double *per_kg,
                             uint32_t *reasons)
{
    struct answer to = { per_kg, reasons };

    return share(1, water_l, feed_kg, FARMIQ_KPI_FEED_ZERO, to);
}

/* --- Survival ------------------------------------------------------------- */

int farmiq_kpi_mortality(uint64_t dead, uint64_t entered, double *mortality_pct,
                         uint32_t *reasons)
{
    struct answer to = { mortality_pct, reasons };

    if (mortality_pct && dead > entered)
        return FARMIQ_E_RANGE;
    return share(100, (double)dead, (double)entered, FARMIQ_KPI_NO_HEAD, to);
}

int farmiq_kpi_livability(uint64_t entered, uint64_t dead, uint64_t culled, uint64_t out,
                          double *livability_pct, uint32_t *reasons)
{
    struct answer to = { livability_pct, reasons };

    /* Subtracted one by one, because their sum could wrap around. */
    if (livability_pct &&
        (out > entered || dead > entered - out || culled > entered - out - dead))
        return FARMIQ_E_RANGE;
    return share(100, (double)(entered - out - dead - culled), (double)(entered - out),
                 FARMIQ_KPI_NO_HEAD, to);
}

int farmiq_kpi_epef(double livability_pct, double mean_kg, double age_days,
                    double fcr_live, double *epef, uint32_t *reasons)
{
    if (!epef)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(livability_pct) || livability_pct > 100 ||
        !farmiq__not_negative(mean_kg) || !farmiq__not_negative(fcr_live) ||
        !isfinite(age_days))
        return FARMIQ_E_RANGE;
    if (age_days <= 0)
        return farmiq__undefined(FARMIQ_KPI_NO_TIME, reasons);
    if (fcr_live == 0)
        return farmiq__undefined(FARMIQ_KPI_FEED_ZERO, reasons);
    return farmiq__answer(livability_pct * mean_kg * 100 / (age_days * fcr_live), 0, epef,
                          reasons);
}

/* --- The spread of a sample ----------------------------------------------- */

static int all_positive(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!farmiq__positive(values[i]))
            return 0;
    return 1;
}

/* Welford's mean: a plain sum could overflow where the mean does not. */
static double mean_of(const double *values, size_t n)
{
    double mean = 0;

    for (size_t i = 0; i < n; i++)
        mean += (values[i] - mean) / (double)(i + 1);
    return mean;
}

/* The bounds belong to the band, so rounding must not push an animal that is
 * exactly on one out of it: hence one unit in the last place of slack. */
static size_t count_within(const double *values, size_t n, double mean, double band)
{
    double reach = band * mean + DBL_EPSILON * mean;
    size_t within = 0;

    for (size_t i = 0; i < n; i++)
        within += fabs(values[i] - mean) <= reach;
    return within;
}

int farmiq_kpi_uniformity(const double *weights_kg, size_t n, double band,
                          double *uniformity_pct, uint32_t *reasons)
{
    uint32_t notes = n < 100 ? FARMIQ_KPI_SAMPLE_TOO_SMALL : 0;
    size_t within;

    if (!uniformity_pct || (!weights_kg && n > 0))
        return FARMIQ_E_ARG;
    if (!farmiq__positive(band) || band >= 1 || !all_positive(weights_kg, n))
        return FARMIQ_E_RANGE;
    if (n < 2)
        return farmiq__undefined(FARMIQ_KPI_SAMPLE_TOO_SMALL, reasons);
    within = count_within(weights_kg, n, mean_of(weights_kg, n), band);
    return farmiq__answer(100 * (double)within / (double)n, notes, uniformity_pct,
                          reasons);
}

int farmiq_kpi_cv(double mean, double sd, uint64_t n, double *cv_pct, uint32_t *reasons)
{
    struct answer to = { cv_pct, reasons };

    if (!cv_pct)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(mean) || !farmiq__not_negative(sd))
        return FARMIQ_E_RANGE;
    if (n < 2)
        return farmiq__undefined(FARMIQ_KPI_SAMPLE_TOO_SMALL, reasons);
    return share(100, sd, mean, FARMIQ_KPI_NO_WEIGHT, to);
}

/* --- Space ---------------------------------------------------------------- */

int farmiq_kpi_density(double kg_or_head, double area_m2, double *per_m2,
                       uint32_t *reasons)
{
    if (!per_m2)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(kg_or_head) || !farmiq__positive(area_m2))
        return FARMIQ_E_RANGE;
    return farmiq__answer(kg_or_head / area_m2, 0, per_m2, reasons);
}

int farmiq_kpi_space_allowance(double k, double weight_kg, double *space_m2,
                               uint32_t *reasons)
{
    if (!space_m2)
        return FARMIQ_E_ARG;
    if (!farmiq__positive(k) || !farmiq__positive(weight_kg))
        return FARMIQ_E_RANGE;
    return farmiq__answer(k * cbrt(weight_kg) * cbrt(weight_kg), 0, space_m2, reasons);
}

/* --- Eggs ----------------------------------------------------------------- */

int farmiq_kpi_hdep(uint64_t eggs, double hen_days, double *hdep_pct, uint32_t *reasons)
{
    struct answer to = { hdep_pct, reasons };

    return percentage((double)eggs, hen_days, FARMIQ_KPI_NO_HEAD, to);
}

int farmiq_kpi_hhep(uint64_t eggs, uint64_t hens_housed, double days, double *hhep_pct,
                    uint32_t *reasons)
{
    struct answer to = { hhep_pct, reasons };

    if (!hhep_pct)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(days))
        return FARMIQ_E_RANGE;
    return percentage((double)eggs, (double)hens_housed * days,
                      days == 0 ? FARMIQ_KPI_NO_TIME : FARMIQ_KPI_NO_HEAD, to);
}

int farmiq_kpi_egg_mass(double hdep_pct, double egg_g, double *egg_mass_g,
                        uint32_t *reasons)
{
    if (!egg_mass_g)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(hdep_pct) || !farmiq__positive(egg_g))
        return FARMIQ_E_RANGE;
    return farmiq__answer(hdep_pct / 100 * egg_g, 0, egg_mass_g, reasons);
}

int farmiq_kpi_feed_per_dozen(double feed_kg, uint64_t eggs, double *per_dozen_kg,
                              uint32_t *reasons)
{
    struct answer to = { per_dozen_kg, reasons };

    return feed_over(12, feed_kg, (double)eggs, FARMIQ_KPI_DENOMINATOR_ZERO, to);
}

int farmiq_kpi_feed_per_egg_kg(double feed_kg, uint64_t eggs, double egg_g,
                               double *per_kg, uint32_t *reasons)
{
    struct answer to = { per_kg, reasons };

    if (!per_kg)
        return FARMIQ_E_ARG;
    if (!farmiq__positive(egg_g))
        return FARMIQ_E_RANGE;
    return feed_over(GRAMS_PER_KG, feed_kg, (double)eggs * egg_g,
                     FARMIQ_KPI_DENOMINATOR_ZERO, to);
}

/* --- Money and carbon ----------------------------------------------------- */

/* A double holds every cent up to here, and skips some beyond. */
static int is_exact(double money_minor)
{
    return fabs(money_minor) < (double)FARMIQ__COUNT_MAX;
}

int farmiq_kpi_cost_per(int64_t cost_minor, double quantity, int64_t *minor_per_unit,
                        uint32_t *reasons)
{
    struct answer to = { NULL, reasons };
    double exact = 0;
    int r;

    if (!minor_per_unit)
        return FARMIQ_E_ARG;
    if (!is_exact((double)cost_minor))
        return FARMIQ_E_RANGE;
    to.value = &exact;
    r = ratio(1, (double)cost_minor, quantity, FARMIQ_KPI_DENOMINATOR_ZERO, to);
    if (r == FARMIQ_OK && !is_exact(exact))
        return FARMIQ_E_RANGE;
    if (r == FARMIQ_OK)
        *minor_per_unit = llround(exact);
    return r;
}

int farmiq_kpi_ghg(double head_days, double factor_kg_per_head_year, double gwp,
                   double *co2e_kg, uint32_t *reasons)
{
    if (!co2e_kg)
        return FARMIQ_E_ARG;
    if (!farmiq__not_negative(head_days) ||
        !farmiq__not_negative(factor_kg_per_head_year) || !farmiq__positive(gwp))
        return FARMIQ_E_RANGE;
    return farmiq__answer(head_days / DAYS_PER_YEAR * factor_kg_per_head_year * gwp, 0,
                          co2e_kg, reasons);
}

/* --- How good the data are ------------------------------------------------ */

/* Later minus earlier without overflow: the difference always fits unsigned. */
static double elapsed_ms(int64_t earlier, int64_t later)
{
    return (double)((uint64_t)later - (uint64_t)earlier);
}

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

/* What one sample vouches for, up to the next sample or the window's end. */
static double vouched_ms(int64_t at, int64_t until, int64_t from, int64_t max_gap_ms)
{
    if (at < from || at >= until)
        return 0;
    return fmin(elapsed_ms(at, until), (double)max_gap_ms);
}

static int descends(const int64_t *at_unix_ms, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (at_unix_ms[i] < at_unix_ms[i - 1])
            return 1;
    return 0;
}

int farmiq_kpi_uptime(const int64_t *at_unix_ms, size_t n, int64_t from_unix_ms,
                      int64_t to_unix_ms, int64_t max_gap_ms, double *uptime_pct,
                      uint32_t *reasons)
{
    double covered_ms = 0;

    if (!uptime_pct || (!at_unix_ms && n > 0))
        return FARMIQ_E_ARG;
    if (max_gap_ms <= 0 || descends(at_unix_ms, n))
        return FARMIQ_E_RANGE;
    if (to_unix_ms <= from_unix_ms)
        return farmiq__undefined(FARMIQ_KPI_NO_TIME, reasons);
    for (size_t i = 0; i < n; i++) {
        int64_t until = i + 1 < n ? at_most(at_unix_ms[i + 1], to_unix_ms) : to_unix_ms;

        covered_ms += vouched_ms(at_unix_ms[i], until, from_unix_ms, max_gap_ms);
    }
    return farmiq__answer(100 * covered_ms / elapsed_ms(from_unix_ms, to_unix_ms), 0,
                          uptime_pct, reasons);
}

int farmiq_kpi_coverage(uint64_t received, uint64_t expected, double *coverage_pct,
                        uint32_t *reasons)
{
    struct answer to = { coverage_pct, reasons };

    return percentage((double)received, (double)expected, FARMIQ_KPI_DENOMINATOR_ZERO,
                      to);
}

int farmiq_kpi_freshness(int64_t now_unix_ms, int64_t newest_unix_ms, double *freshness_s,
                         uint32_t *reasons)
{
    if (!freshness_s)
        return FARMIQ_E_ARG;
    if (newest_unix_ms > now_unix_ms)
        return farmiq__answer(0, FARMIQ_KPI_CLOCK_SKEW, freshness_s, reasons);
    return farmiq__answer(elapsed_ms(newest_unix_ms, now_unix_ms) / SECONDS_MS, 0,
                          freshness_s, reasons);
}
