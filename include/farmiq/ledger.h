/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_LEDGER_H
#define FARMIQ_LEDGER_H

#include <farmiq/base.h>
#include <farmiq/error.h>

FARMIQ_BEGIN

/** The book of one animal batch: every KPI of it, recomputed from its events.
 *
 * There is no state to corrupt: give all events of the batch in any order, late
 * and repeated ones included, and the same set gives the same book, bit for
 * bit. Quantities are per animal-day, so deaths, thinning and transfers inside
 * a window come out right. */

/** What happened. `head` and `amount` mean, by kind:
 *
 *     kind                       head      amount
 *     PLACEMENT, TRANSFER_IN     animals   their total kg, > 0
 *     SALE, TRANSFER_OUT         animals   their total kg, > 0 (thinning is a sale)
 *     MORTALITY, CULL            animals   their total kg, or 0: not weighed
 *     WEIGHING                   sampled   mean kg, > 0; `sd_kg`, or 0: unknown
 *     FEED_DELIVERY, _REMOVED    0         kg into and out of the silo
 *     FEED_STOCK                 0         kg found in the silo, 0 if empty
 *     FEED_DISPENSED             0         kg
 *     WATER                      0         litres
 *     EGGS                       eggs, 0 too  0
 *
 * At most 10^9 animals and 10^12 kg or litres an event; times within 2^53 ms. */
enum farmiq_ledger_kind {
    FARMIQ_LEDGER_PLACEMENT = 1,
    FARMIQ_LEDGER_TRANSFER_IN = 2,
    FARMIQ_LEDGER_WEIGHING = 3,
    FARMIQ_LEDGER_MORTALITY = 4,
    FARMIQ_LEDGER_CULL = 5,
    FARMIQ_LEDGER_SALE = 6,
    FARMIQ_LEDGER_TRANSFER_OUT = 7,
    FARMIQ_LEDGER_FEED_DELIVERY = 8,
    FARMIQ_LEDGER_FEED_REMOVED = 9,
    FARMIQ_LEDGER_FEED_STOCK = 10,
    FARMIQ_LEDGER_FEED_DISPENSED = 11,
    FARMIQ_LEDGER_WATER = 12,
    FARMIQ_LEDGER_EGGS = 13
};

/** Frozen: this struct will never grow. */
struct farmiq_ledger_event {
    int64_t at_unix_ms;
    struct farmiq_str event_id;
    uint64_t head;
    double amount;
    double sd_kg;
    uint32_t kind;
    uint32_t reserved;
};

/** The window (from, to] of a batch: an event at `from` belongs to the opening
 * state, one at `to` to the window. Where reasons say that a quantity is missing
 * its member is 0 and means nothing; farmiq_ledger_kpi() minds that for you. */
struct farmiq_ledger {
    uint32_t size;
    uint32_t duplicates; /* events that were repeats of another */
    int64_t from_unix_ms;
    int64_t to_unix_ms;
    int64_t placed_unix_ms; /* when animals first came; 0 if none did */
    uint64_t opening_head;
    uint64_t closing_head;
    uint64_t entered_head; /* from here on: inside the window */
    uint64_t dead_head;
    uint64_t culled_head;
    uint64_t sold_head;
    uint64_t out_head;
    uint64_t eggs;
    double animal_days;
    double live_age_days; /* mean age at which the living were sold, left or remain */
    double opening_kg;
    double closing_kg;
    double entered_kg;
    double sold_kg;
    double out_kg;
    double dead_kg;    /* dead and culled */
    double gain_se_kg; /* standard error of closing_kg - opening_kg; 0: not known */
    double feed_kg;
    double water_l;
    uint32_t weight_reasons; /* FARMIQ_KPI_*: about the gain */
    uint32_t dead_reasons;   /* about dead_kg */
    uint32_t feed_reasons;   /* about feed_kg */
    uint32_t water_reasons;  /* about water_l */
    uint32_t egg_reasons;    /* about eggs */
    uint32_t reserved;
};

FARMIQ_API void farmiq_ledger_init(struct farmiq_ledger *ledger, size_t size);

/** Write the book of a window. `events` are put into order of time in place (a
 * heap sort: no memory, n log n); nothing else in them changes. The library
 * keeps no pointer to them.
 *
 * The rules that are not obvious:
 * - Of events at one instant, arrivals come first, then readings, departures
 *   last.
 * - The mean weight is the last weighing; animals that join are averaged in.
 *   A gain needs a weighing in the window unless every animal left over a
 *   scale; a weighing more than a day off the window's edge is noted.
 * - The dead and culled who were not weighed are valued on the straight line
 *   between the weighings around them, the next one after `to` included; after
 *   the last weighing, at its mean.
 * - Feed used is opening stock + deliveries - removed - closing stock, from the
 *   last stock count at or before `from` to the last one in the window. If the
 *   animals came no earlier than `from`, the silo was empty before its first
 *   event. Without a count in the window it is the sum dispensed; without that,
 *   unknown.
 * - Days are real: 86,400 seconds each.
 *
 * Returns FARMIQ_OK; FARMIQ_CONFLICT (two events with one id and different
 * content); FARMIQ_E_STATE (more animals leave than are there: never clamped, the
 * missing arrival may be late); FARMIQ_E_RANGE (an amount the table above does
 * not allow, to < from, a sum beyond its type); FARMIQ_E_ARG (NULL, unknown
 * kind, empty event id). `error` names the member; its offset is the index of
 * the event in the reordered array. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_ledger_replay(struct farmiq_ledger_event *events,
                                                    size_t count, int64_t from_unix_ms,
                                                    int64_t to_unix_ms,
                                                    struct farmiq_ledger *ledger,
                                                    struct farmiq_error *error);

/** What a book can answer. */
enum farmiq_ledger_kpi {
    FARMIQ_LEDGER_KPI_BIOMASS = 1,
    FARMIQ_LEDGER_KPI_GAIN = 2,
    FARMIQ_LEDGER_KPI_GAIN_WITH_DEAD = 3,
    FARMIQ_LEDGER_KPI_FEED = 4,
    FARMIQ_LEDGER_KPI_FCR_GAIN = 5,
    FARMIQ_LEDGER_KPI_FCR_LIVE = 6,
    FARMIQ_LEDGER_KPI_FCR_MORTALITY = 7,
    FARMIQ_LEDGER_KPI_ADG = 8,
    FARMIQ_LEDGER_KPI_ADFI = 9,
    FARMIQ_LEDGER_KPI_WATER_PER_HEAD = 10,
    FARMIQ_LEDGER_KPI_WATER_TO_FEED = 11,
    FARMIQ_LEDGER_KPI_MORTALITY = 12,
    FARMIQ_LEDGER_KPI_LIVABILITY = 13,
    FARMIQ_LEDGER_KPI_EPEF = 14,
    FARMIQ_LEDGER_KPI_HDEP = 15,
    FARMIQ_LEDGER_KPI_FEED_PER_DOZEN = 16
};

/** One KPI of the book, in the unit of its name below.
 * Returns FARMIQ_OK; FARMIQ_UNDEFINED; FARMIQ_E_RANGE; FARMIQ_E_ARG (unknown kpi).
 * `reasons` are FARMIQ_KPI_* bits and may be NULL. FCR_LIVE and EPEF are UNDEFINED
 * PARTIAL_WINDOW unless the window begins before the placement. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_ledger_kpi(const struct farmiq_ledger *ledger,
                                                 uint32_t kpi, double *value,
                                                 uint32_t *reasons);

/** "fcr_gain", "adg_g": the name with its unit last. NULL if unknown. Static. */
FARMIQ_API const char *farmiq_ledger_kpi_name(uint32_t kpi);

FARMIQ_END

#endif
