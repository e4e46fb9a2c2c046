/* SPDX-License-Identifier: Apache-2.0 */
/* The KPIs of one page of the book, each with what it stands on. */
#include "ledger_private.h"

#include "number.h"

static double in_kg(const struct farmiq_ledger *page)
{
    return page->opening_kg + page->entered_kg;
}

static double live_out_kg(const struct farmiq_ledger *page)
{
    return page->sold_kg + page->out_kg + page->closing_kg;
}

static double gain_kg(const struct farmiq_ledger *page)
{
    return live_out_kg(page) - in_kg(page);
}

static uint64_t all_head(const struct farmiq_ledger *page)
{
    return page->opening_head + page->entered_head;
}

static int biomass(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq__answer(page->closing_kg, 0, value, reasons);
}

static int gain(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq_kpi_gain(live_out_kg(page), in_kg(page), value, reasons);
}

static int gain_with_dead(const struct farmiq_ledger *page, double *value,
                          uint32_t *reasons)
{
    return farmiq_kpi_gain_with_dead(live_out_kg(page), page->dead_kg, in_kg(page), value,
                                     reasons);
}

static int feed(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq__answer(page->feed_kg, page->feed_kg > 0 ? 0 : FARMIQ_KPI_FEED_ZERO,
                          value, reasons);
}

static int fcr_gain(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq_kpi_fcr_gain(page->feed_kg, gain_kg(page), value, reasons);
}

static int fcr_live(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq_kpi_fcr_live(page->feed_kg, live_out_kg(page), value, reasons);
}

static int fcr_mortality(const struct farmiq_ledger *page, double *value,
                         uint32_t *reasons)
{
    return farmiq_kpi_fcr_mortality(page->feed_kg, gain_kg(page), page->dead_kg, value,
                                    reasons);
}

static int adg(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq_kpi_adg_herd(gain_kg(page), page->animal_days, value, reasons);
}

static int adfi(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq_kpi_adfi(page->feed_kg, page->animal_days, value, reasons);
}

static int water_per_head(const struct farmiq_ledger *page, double *value,
                          uint32_t *reasons)
{
    return farmiq_kpi_water_per_head(page->water_l, page->animal_days, value, reasons);
}

static int water_to_feed(const struct farmiq_ledger *page, double *value,
                         uint32_t *reasons)
{
    return farmiq_kpi_water_to_feed(page->water_l, page->feed_kg, value, reasons);
}

static int mortality(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq_kpi_mortality(page->dead_head, all_head(page), value, reasons);
}

static int livability(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq_kpi_livability(all_head(page), page->dead_head, page->culled_head,
                                 page->out_head, value, reasons);
}

/* Mean weight and mean age of the living, however many thinnings there were. */
static int epef(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    double live = (double)(page->sold_head + page->out_head + page->closing_head);
    double alive_pct = 0, fcr = 0;
    int r = livability(page, &alive_pct, reasons);

    if (r == FARMIQ_OK)
        r = fcr_live(page, &fcr, reasons);
    if (r != FARMIQ_OK)
        return r;
    return farmiq_kpi_epef(alive_pct, live_out_kg(page) / live, page->live_age_days, fcr,
                           value, reasons);
}

static int hdep(const struct farmiq_ledger *page, double *value, uint32_t *reasons)
{
    return farmiq_kpi_hdep(page->eggs, page->animal_days, value, reasons);
}

static int feed_per_dozen(const struct farmiq_ledger *page, double *value,
                          uint32_t *reasons)
{
    return farmiq_kpi_feed_per_dozen(page->feed_kg, page->eggs, value, reasons);
}

/* What a KPI stands on. */
#define GAIN 1u
#define DEAD 2u
#define FEED 4u
#define WATER 8u
#define EGGS 16u
#define SCALE 32u
#define WHOLE_BATCH 64u

static const struct row {
    const char *name;
    uint32_t needs;
    int (*answer)(const struct farmiq_ledger *, double *, uint32_t *);
} rows[] = {
    [FARMIQ_LEDGER_KPI_BIOMASS] = { "biomass_kg", SCALE, biomass },
    [FARMIQ_LEDGER_KPI_GAIN] = { "gain_kg", GAIN, gain },
    [FARMIQ_LEDGER_KPI_GAIN_WITH_DEAD] = { "gain_with_dead_kg", GAIN | DEAD,
                                           gain_with_dead },
    [FARMIQ_LEDGER_KPI_FEED] = { "feed_kg", FEED, feed },
    [FARMIQ_LEDGER_KPI_FCR_GAIN] = { "fcr_gain", GAIN | FEED, fcr_gain },
    [FARMIQ_LEDGER_KPI_FCR_LIVE] = { "fcr_live", GAIN | FEED | WHOLE_BATCH, fcr_live },
    [FARMIQ_LEDGER_KPI_FCR_MORTALITY] = { "fcr_mortality", GAIN | DEAD | FEED,
                                          fcr_mortality },
    [FARMIQ_LEDGER_KPI_ADG] = { "adg_g", GAIN, adg },
    [FARMIQ_LEDGER_KPI_ADFI] = { "adfi_kg", FEED, adfi },
    [FARMIQ_LEDGER_KPI_WATER_PER_HEAD] = { "water_per_head_l", WATER, water_per_head },
    [FARMIQ_LEDGER_KPI_WATER_TO_FEED] = { "water_to_feed", WATER | FEED, water_to_feed },
    [FARMIQ_LEDGER_KPI_MORTALITY] = { "mortality_pct", 0, mortality },
    [FARMIQ_LEDGER_KPI_LIVABILITY] = { "livability_pct", 0, livability },
    [FARMIQ_LEDGER_KPI_EPEF] = { "epef", GAIN | FEED | WHOLE_BATCH, epef },
    [FARMIQ_LEDGER_KPI_HDEP] = { "hdep_pct", EGGS, hdep },
    [FARMIQ_LEDGER_KPI_FEED_PER_DOZEN] = { "feed_per_dozen_kg", EGGS | FEED,
                                           feed_per_dozen },
};

/* Reasons that take the ground away; the others are notes. */
#define FATAL                                                                            \
    ((uint32_t)(FARMIQ_KPI_NO_WEIGHT | FARMIQ_KPI_NO_FEED_RECORD |                       \
                FARMIQ_KPI_LEDGER_NEGATIVE | FARMIQ_KPI_NO_WATER_RECORD |                \
                FARMIQ_KPI_NO_EGG_RECORD | FARMIQ_KPI_PARTIAL_WINDOW))

static uint32_t about_gain(const struct farmiq_ledger *page)
{
    uint32_t notes = page->weight_reasons;

    if (page->opening_head > 0 && page->opening_head != page->closing_head)
        notes |= FARMIQ_KPI_HEAD_CHANGED;
    if (fabs(gain_kg(page)) < FARMIQ__Z_95 * page->gain_se_kg)
        notes |= FARMIQ_KPI_GAIN_NOT_SIGNIFICANT;
    return notes;
}

static uint32_t reasons_for(const struct farmiq_ledger *page, uint32_t needs)
{
    uint32_t reasons = 0;

    reasons |= needs & SCALE ? page->weight_reasons & FARMIQ_KPI_WEIGHT_STALE : 0;
    reasons |= needs & GAIN ? about_gain(page) : 0;
    reasons |= needs & DEAD ? page->dead_reasons : 0;
    reasons |= needs & FEED ? page->feed_reasons : 0;
    reasons |= needs & WATER ? page->water_reasons : 0;
    reasons |= needs & EGGS ? page->egg_reasons : 0;
    if (needs & WHOLE_BATCH && page->opening_head > 0)
        reasons |= FARMIQ_KPI_PARTIAL_WINDOW;
    return reasons;
}

static const struct row *row_of(uint32_t kpi)
{
    return kpi < sizeof rows / sizeof *rows && rows[kpi].answer ? &rows[kpi] : NULL;
}

int farmiq_ledger_kpi(const struct farmiq_ledger *ledger, uint32_t kpi, double *value,
                      uint32_t *reasons)
{
    const struct row *row = row_of(kpi);
    struct farmiq_ledger page = { 0 };
    uint32_t known, own = 0;
    int r;

    if (!farmiq__ledger_is_usable(ledger) || !row || !value)
        return FARMIQ_E_ARG;
    memcpy(&page, ledger, ledger->size < sizeof page ? ledger->size : sizeof page);
    known = reasons_for(&page, row->needs);
    if (known & FATAL)
        return farmiq__undefined(known & FATAL, reasons);
    r = row->answer(&page, value, &own);
    if (r >= 0 && reasons)
        *reasons = own | (r == FARMIQ_OK ? known : 0);
    return r;
}

const char *farmiq_ledger_kpi_name(uint32_t kpi)
{
    const struct row *row = row_of(kpi);

    return row ? row->name : NULL;
}
