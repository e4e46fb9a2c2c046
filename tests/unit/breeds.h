/* SPDX-License-Identifier: Apache-2.0 */
/* Breed standards as test facts: the published weekly figures of two broilers. */
#ifndef FARMIQ_TESTS_BREEDS_H
#define FARMIQ_TESTS_BREEDS_H

/* Ross 308 as hatched, Aviagen Performance Objectives 2022: weight, cumulative
 * intake and FCR are printed there; the rest follows from those by R 4.2. */
static const struct ross_week {
    double day, bw_g, cum_intake_g, fcr_published;
    double adg_g, sgr_pct, fcr_live, fcr_gain, fcr_week, epef_96;
} ross_308[] = {
    { 0, 44, 0, 0, 0, 0, 0, 0, 0, 0 },
    { 7, 213, 166, 0.780, 24.1429, 22.5300, 0.7793, 0.9822, 0.9822, 374.82 },
    { 14, 533, 535, 1.005, 34.9286, 13.1033, 1.0038, 1.0941, 1.1531, 364.12 },
    { 21, 1012, 1155, 1.142, 46.0952, 9.1595, 1.1413, 1.1932, 1.2944, 405.35 },
    { 28, 1616, 2051, 1.269, 56.1429, 6.6861, 1.2692, 1.3047, 1.4834, 436.55 },
    { 35, 2296, 3211, 1.399, 64.3429, 5.0174, 1.3985, 1.4258, 1.7059, 450.30 },
    { 42, 2998, 4586, 1.531, 70.3333, 3.8111, 1.5297, 1.5525, 1.9587, 447.97 },
    { 49, 3681, 6115, 1.663, 74.2245, 2.9320, 1.6612, 1.6813, 2.2387, 434.12 },
    { 56, 4318, 7733, 1.793, 76.3214, 2.2801, 1.7909, 1.8093, 2.5400, 413.33 },
};

/* Cobb 500 as hatched, Cobb Performance and Nutrition 2022. */
static const struct cobb_week {
    double day, bw_g, cum_intake_g, fcr_published;
} cobb_500[] = {
    { 7, 202, 180, 0.891 },    { 14, 570, 588, 1.029 },   { 21, 1116, 1320, 1.182 },
    { 28, 1783, 2359, 1.322 }, { 35, 2521, 3635, 1.441 }, { 42, 3278, 5100, 1.555 },
    { 49, 4001, 6749, 1.686 }, { 56, 4641, 8549, 1.842 },
};

#endif
