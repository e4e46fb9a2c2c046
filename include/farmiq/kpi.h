/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_KPI_H
#define FARMIQ_KPI_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** Flock and herd arithmetic: one formula per function; docs/kpi.md names the
 * sources.
 *
 * Every function here returns
 *
 *     FARMIQ_OK         the value is written; `reasons` holds notes, often 0
 *     FARMIQ_UNDEFINED  the quantity does not exist; `reasons` says why, and
 *                       the value is untouched
 *     FARMIQ_E_RANGE    an input is NaN, infinite or outside what the function
 *                       documents, or the result exceeds a double
 *     FARMIQ_E_ARG      an output pointer is NULL
 *
 * so no caller ever sees a NaN, an infinity, or a zero that means "unknown".
 * `reasons` may be NULL everywhere. Weights, masses and counts are never
 * negative; differences (gain) may be. */
enum farmiq_kpi_reason {
    FARMIQ_KPI_NO_FEED_RECORD = 1 << 0,        /* nobody recorded feed */
    FARMIQ_KPI_FEED_ZERO = 1 << 1,             /* a recorded zero: fasting, or a fault */
    FARMIQ_KPI_NO_WEIGHT = 1 << 2,             /* no weighing to stand on */
    FARMIQ_KPI_WEIGHT_STALE = 1 << 3,          /* the weighing is older than a day */
    FARMIQ_KPI_GAIN_NON_POSITIVE = 1 << 4,     /* a ratio to gain needs a gain */
    FARMIQ_KPI_GAIN_NOT_SIGNIFICANT = 1 << 5,  /* |gain| < 1.96 standard errors */
    FARMIQ_KPI_PARTIAL_WINDOW = 1 << 6,        /* needs the batch from its placement */
    FARMIQ_KPI_HEAD_CHANGED = 1 << 7,          /* animals came or went meanwhile */
    FARMIQ_KPI_DEAD_WEIGHT_ESTIMATED = 1 << 8, /* the dead were not weighed */
    FARMIQ_KPI_EXTRAPOLATED = 1 << 9,          /* outside the range the source tested */
    FARMIQ_KPI_SAMPLE_TOO_SMALL = 1 << 10,     /* too few measurements */
    FARMIQ_KPI_LEDGER_NEGATIVE = 1 << 11,      /* more feed counted than ever came */
    FARMIQ_KPI_DOMAIN = 1 << 12,               /* outside the formula's validity */
    FARMIQ_KPI_INTERVAL_OVER_1D = 1 << 13,     /* a mean over several days */
    FARMIQ_KPI_NO_HEAD = 1 << 14,              /* no animals, no animal-days */
    FARMIQ_KPI_NO_TIME = 1 << 15,              /* the interval is not positive */
    FARMIQ_KPI_CLOCK_SKEW = 1 << 16,           /* a timestamp lies in the future */
    FARMIQ_KPI_OVER_100_PCT = 1 << 17,         /* kept, not clamped: look at the counts */
    FARMIQ_KPI_NO_VARIANCE = 1 << 18,      /* a constant series correlates with nothing */
    FARMIQ_KPI_TARGET_REACHED = 1 << 19,   /* nothing left to wait for */
    FARMIQ_KPI_FEED_EDGE = 1 << 20,        /* stock counted beside the window's edges */
    FARMIQ_KPI_FEED_DISPENSED = 1 << 21,   /* dispenser sum, no stock counts */
    FARMIQ_KPI_DENOMINATOR_ZERO = 1 << 22, /* nothing to divide by */
    FARMIQ_KPI_NO_WATER_RECORD = 1 << 23,  /* nobody read the water meter */
    FARMIQ_KPI_NO_EGG_RECORD = 1 << 24     /* nobody counted eggs */
};

/** The name of one reason bit, "NO_WEIGHT"; NULL for anything else. Static. */
FARMIQ_API const char *farmiq_kpi_reason_name(uint32_t bit);

/* --- Units ---------------------------------------------------------------- */

/** Inside the library: kg, L, m2, degrees Celsius. Factors are exact by law
 * (international pound, US gallon, international foot). */
enum farmiq_unit {
    FARMIQ_UNIT_KG = 1,
    FARMIQ_UNIT_G = 2,
    FARMIQ_UNIT_TONNE = 3,
    FARMIQ_UNIT_LB = 4,
    FARMIQ_UNIT_OZ = 5,
    FARMIQ_UNIT_L = 6,
    FARMIQ_UNIT_ML = 7,
    FARMIQ_UNIT_US_GAL = 8,
    FARMIQ_UNIT_M2 = 9,
    FARMIQ_UNIT_FT2 = 10,
    FARMIQ_UNIT_CELSIUS = 11,
    FARMIQ_UNIT_FAHRENHEIT = 12
};

/** Convert between units of one dimension.
 * Returns FARMIQ_OK; FARMIQ_E_ARG (unknown unit, kg to litres, NULL);
 * FARMIQ_E_RANGE (not finite). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_unit_convert(double value, uint32_t from,
                                                   uint32_t to, double *out);

/* --- Mass and gain -------------------------------------------------------- */

/** head * mean_kg. 0 for no animals. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_biomass(uint64_t head, double mean_kg,
                                                  double *biomass_kg, uint32_t *reasons);

/** live_out_kg - in_kg: what the living gained. Any sign. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_gain(double live_out_kg, double in_kg,
                                               double *gain_kg, uint32_t *reasons);

/** live_out_kg + dead_kg - in_kg: what was grown, whoever died of it. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_gain_with_dead(double live_out_kg,
                                                         double dead_kg, double in_kg,
                                                         double *gain_kg,
                                                         uint32_t *reasons);

/** Mean gain between two sampled weighings and its standard error,
 * sqrt(sd0^2/n0 + sd1^2/n1). Notes GAIN_NOT_SIGNIFICANT.
 * UNDEFINED SAMPLE_TOO_SMALL below two animals on a side. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_kpi_sampled_gain(double start_kg, double start_sd_kg, uint64_t start_n,
                        double end_kg, double end_sd_kg, uint64_t end_n, double *gain_kg,
                        double *se_kg, uint32_t *reasons);

/* --- Feed conversion: say which ------------------------------------------- */

/** feed / gain. UNDEFINED GAIN_NON_POSITIVE. Notes FEED_ZERO. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_fcr_gain(double feed_kg, double gain_kg,
                                                   double *fcr, uint32_t *reasons);

/** Cumulative feed / live weight, placement weight included: what breed tables
 * and EPEF mean by FCR; smaller than fcr_gain. UNDEFINED NO_WEIGHT at 0 kg. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_fcr_live(double feed_kg, double live_out_kg,
                                                   double *fcr, uint32_t *reasons);

/** feed / (gain + dead): never above fcr_gain. UNDEFINED GAIN_NON_POSITIVE. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_fcr_mortality(double feed_kg, double gain_kg,
                                                        double dead_kg, double *fcr,
                                                        uint32_t *reasons);

/** fcr - per_100_g * (mean_kg - reference_kg) / 0.1: flocks of unequal weight
 * made comparable. The correction is the caller's; there is no default.
 * UNDEFINED DOMAIN if the correction leaves nothing. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_fcr_weight(double fcr, double mean_kg,
                                                     double reference_kg,
                                                     double per_100_g, double *corrected,
                                                     uint32_t *reasons);

/** Pig feed:gain adjusted to 50 lb in and 250 lb out, 0.006 a pound.
 * UNDEFINED DOMAIN if the adjustment leaves nothing. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_fcr_swine(double fcr, double entry_kg,
                                                    double exit_kg, double *adjusted,
                                                    uint32_t *reasons);

/** gain / feed (G:F), the reciprocal; not an FCR. UNDEFINED FEED_ZERO. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_feed_efficiency(double gain_kg, double feed_kg,
                                                          double *efficiency,
                                                          uint32_t *reasons);

/* --- Growth --------------------------------------------------------------- */

/** (end - start) / days in grams. UNDEFINED NO_TIME. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_adg(double start_kg, double end_kg, double days,
                                              double *adg_g, uint32_t *reasons);

/** gain / animal-days in grams: ADG of a herd some of which died or left.
 * UNDEFINED NO_HEAD. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_adg_herd(double gain_kg, double animal_days,
                                                   double *adg_g, uint32_t *reasons);

/** 100 * ln(end / start) / days in percent a day.
 * UNDEFINED NO_WEIGHT, NO_TIME. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_sgr(double start_kg, double end_kg, double days,
                                              double *sgr_pct, uint32_t *reasons);

/** Thermal growth coefficient of fish, 100 * (end^1/3 - start^1/3) / degree
 * days. In grams, by convention: kilograms give a tenth. UNDEFINED NO_TIME. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_tgc(double start_g, double end_g,
                                              double degree_days, double *tgc,
                                              uint32_t *reasons);

/** Percent above (+) or below (-) the standard weight of that age.
 * UNDEFINED NO_WEIGHT for a standard of 0. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_deviation(double weight_kg, double standard_kg,
                                                    double *deviation_pct,
                                                    uint32_t *reasons);

/** The same in standard deviations of the standard, cv_pct of its weight.
 * UNDEFINED NO_WEIGHT, NO_VARIANCE. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_deviation_z(double weight_kg,
                                                      double standard_kg, double cv_pct,
                                                      double *z, uint32_t *reasons);

/** (target - weight) / adg: the straight line, for want of a growth curve.
 * UNDEFINED TARGET_REACHED, GAIN_NON_POSITIVE. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_days_to_target(double weight_kg,
                                                         double target_kg, double adg_g,
                                                         double *days, uint32_t *reasons);

/* --- Intake --------------------------------------------------------------- */

/** Feed per head and day in kg. UNDEFINED NO_HEAD. Notes FEED_ZERO. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_adfi(double feed_kg, double animal_days,
                                               double *adfi_kg, uint32_t *reasons);

/** Water per head and day in litres. UNDEFINED NO_HEAD. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_water_per_head(double water_l,
                                                         double animal_days,
                                                         double *per_head_l,
                                                         uint32_t *reasons);

/** Litres per kg of feed. UNDEFINED FEED_ZERO. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_water_to_feed(double water_l, double feed_kg,
                                                        double *ratio, uint32_t *reasons);

/* --- Survival and the production index ------------------------------------ */

/** 100 * dead / entered; culls are not deaths. UNDEFINED NO_HEAD; E_RANGE if
 * more died than entered. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_mortality(uint64_t dead, uint64_t entered,
                                                    double *mortality_pct,
                                                    uint32_t *reasons);

/** 100 * (entered - dead - culled - out) / (entered - out), where `out` were
 * transferred to another batch. Animals sold or thinned lived: do not subtract
 * them. UNDEFINED NO_HEAD; E_RANGE if more left than entered. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_livability(uint64_t entered, uint64_t dead,
                                                     uint64_t culled, uint64_t out,
                                                     double *livability_pct,
                                                     uint32_t *reasons);

/** European production efficiency factor (EEF, EBI):
 * livability_pct * mean_kg * 100 / (age_days * fcr_live). The FCR is the live
 * one. UNDEFINED NO_TIME, FEED_ZERO; E_RANGE over 100 % alive. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_epef(double livability_pct, double mean_kg,
                                               double age_days, double fcr_live,
                                               double *epef, uint32_t *reasons);

/* --- The spread of a sample ----------------------------------------------- */

/** Share of animals within mean * (1 +- band), bounds included; band 0.10 is
 * the usual one. Every weight must be positive, 0 < band < 1.
 * UNDEFINED SAMPLE_TOO_SMALL below 2; notes it below 100. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_uniformity(const double *weights_kg, size_t n,
                                                     double band, double *uniformity_pct,
                                                     uint32_t *reasons);

/** 100 * sd / mean, where sd has n - 1 below it.
 * UNDEFINED SAMPLE_TOO_SMALL below 2, NO_WEIGHT at mean 0. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_cv(double mean, double sd, uint64_t n,
                                             double *cv_pct, uint32_t *reasons);

/* --- Space ---------------------------------------------------------------- */

/** kg (or head) per square metre. E_RANGE unless area_m2 > 0. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_density(double kg_or_head, double area_m2,
                                                  double *per_m2, uint32_t *reasons);

/** k * weight^(2/3) in square metres a head; k 0.0459 is the FAWC turkey. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_space_allowance(double k, double weight_kg,
                                                          double *space_m2,
                                                          uint32_t *reasons);

/* --- Eggs ----------------------------------------------------------------- */

/** Hen-day egg production. UNDEFINED NO_HEAD. Notes OVER_100_PCT. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_hdep(uint64_t eggs, double hen_days,
                                               double *hdep_pct, uint32_t *reasons);

/** Hen-housed egg production. UNDEFINED NO_HEAD, NO_TIME. Notes OVER_100_PCT. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_hhep(uint64_t eggs, uint64_t hens_housed,
                                               double days, double *hhep_pct,
                                               uint32_t *reasons);

/** Grams of egg per hen and day: hdep_pct / 100 * egg_g. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_egg_mass(double hdep_pct, double egg_g,
                                                   double *egg_mass_g, uint32_t *reasons);

/** kg of feed per dozen eggs. UNDEFINED DENOMINATOR_ZERO. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_feed_per_dozen(double feed_kg, uint64_t eggs,
                                                         double *per_dozen_kg,
                                                         uint32_t *reasons);

/** kg of feed per kg of egg. UNDEFINED DENOMINATOR_ZERO. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_feed_per_egg_kg(double feed_kg, uint64_t eggs,
                                                          double egg_g, double *ratio,
                                                          uint32_t *reasons);

/* --- Money and carbon ----------------------------------------------------- */

/** cost / quantity, to the nearest minor unit, halves away from zero. Money is
 * an integer: the caller chooses what it counts (cents, tenths of a cent).
 * UNDEFINED DENOMINATOR_ZERO. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_cost_per(int64_t cost_minor, double quantity,
                                                   int64_t *minor_per_unit,
                                                   uint32_t *reasons);

/** head_days / 365 * factor * gwp: an IPCC Tier 1 estimate, kg CO2e. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_ghg(double head_days,
                                              double factor_kg_per_head_year, double gwp,
                                              double *co2e_kg, uint32_t *reasons);

/* --- How good the data are ------------------------------------------------ */

/** Percent of the window [from, to) that samples vouch for, each until the next
 * one but at most for max_gap_ms. Times ascend; those outside the window do not
 * count. `at_unix_ms` may be NULL for n = 0, which is 0 %: nothing was heard.
 * UNDEFINED NO_TIME for an empty window; E_RANGE if times descend or
 * max_gap_ms <= 0. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_uptime(const int64_t *at_unix_ms, size_t n,
                                                 int64_t from_unix_ms, int64_t to_unix_ms,
                                                 int64_t max_gap_ms, double *uptime_pct,
                                                 uint32_t *reasons);

/** 100 * received / expected. UNDEFINED DENOMINATOR_ZERO. Notes OVER_100_PCT. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_coverage(uint64_t received, uint64_t expected,
                                                   double *coverage_pct,
                                                   uint32_t *reasons);

/** Seconds since the newest event; 0 with the note CLOCK_SKEW if it lies in the
 * future. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_kpi_freshness(int64_t now_unix_ms,
                                                    int64_t newest_unix_ms,
                                                    double *freshness_s,
                                                    uint32_t *reasons);

FARMIQ_END

#endif
