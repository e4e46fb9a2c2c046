/* SPDX-License-Identifier: Apache-2.0 */
/* The book of one animal batch, recomputed from its events. */
#include "ledger_private.h"

#include "number.h"

#define DAY_MS INT64_C(86400000)
#define EVENTS_MAX UINT32_MAX

/* --- The replay ----------------------------------------------------------- */

/* What the scale said last. Deaths are valued on a line that starts at
 * `line_kg`; animals that join move `mean_kg` but not the line. */
struct weight {
    int64_t at_unix_ms;
    double mean_kg;
    double line_kg;
    double se_kg;
    int se_is_known;
    int was_weighed; /* in the window */
};

/* The dead who wait for the next weighing. The line is straight, so their number
 * and the sum of their times say all that is needed. */
struct unweighed {
    double head;
    double head_ms; /* since the weighing */
};

struct silo {
    int base_is_known;
    int was_counted; /* ever */
    int is_closed;   /* counted in the window, base known */
    int64_t base_unix_ms;
    int64_t closed_unix_ms;
    double closed_kg;
    struct farmiq_sum should_be_kg; /* base + deliveries - removed */
    struct farmiq_sum throughput_kg;
};

/* Sums of the window. */
struct tally {
    struct farmiq_sum animal_ms;
    struct farmiq_sum live_age_ms;
    struct farmiq_sum entered_kg;
    struct farmiq_sum sold_kg;
    struct farmiq_sum out_kg;
    struct farmiq_sum dead_kg;
    struct farmiq_sum dispensed_kg;
    struct farmiq_sum water_l;
    int has_dispensed;
    int has_water;
    int has_eggs;
};

struct book {
    struct farmiq_ledger page;
    struct tally tally;
    struct weight weight;
    struct unweighed unweighed;
    struct silo silo;
    double opening_se_kg;
    int64_t clock_unix_ms;
    uint64_t head;
    int opening_se_is_known;
    int is_open; /* the clock has passed `from` */
    int has_placed;
};

static double value_of(struct farmiq_sum sum) { return sum.sum + sum.carry; }

/* --- What each kind of event does ----------------------------------------- */

static void value_unweighed_at(struct book *book, double mean_kg)
{
    farmiq__sum_add(&book->tally.dead_kg, book->unweighed.head * mean_kg);
    memset(&book->unweighed, 0, sizeof book->unweighed);
}

/* The next weighing is known: everyone who died since the last one weighed what
 * the line between the two says. */
static void value_unweighed_on_line(struct book *book, int64_t at_unix_ms, double mean_kg)
{
    double interval_ms = (double)(at_unix_ms - book->weight.at_unix_ms);
    double slope = mean_kg - book->weight.line_kg;

    if (interval_ms > 0)
        farmiq__sum_add(&book->tally.dead_kg,
                        slope * (book->unweighed.head_ms / interval_ms));
    value_unweighed_at(book, book->weight.line_kg);
}

static void start_herd(struct book *book, const struct farmiq_ledger_event *event)
{
    double mean_kg = event->amount / (double)event->head;

    value_unweighed_at(book, book->weight.line_kg);
    book->weight.at_unix_ms = event->at_unix_ms;
    book->weight.mean_kg = book->weight.line_kg = mean_kg;
    book->weight.se_kg = 0; /* every animal was on the scale */
    book->weight.se_is_known = 1;
    if (!book->has_placed)
        book->page.placed_unix_ms = event->at_unix_ms;
    book->has_placed = 1;
}

static int arrive(struct book *book, const struct farmiq_ledger_event *event)
{
    double head = (double)event->head, present = (double)book->head;

    if (book->head == 0)
        start_herd(book, event);
    else
        book->weight.mean_kg =
            (book->weight.mean_kg * present + event->amount) / (present + head);
    book->head += event->head;
    book->page.entered_head += event->head;
    farmiq__sum_add(&book->tally.entered_kg, event->amount);
    return FARMIQ_OK;
}

static int weigh(struct book *book, const struct farmiq_ledger_event *event)
{
    value_unweighed_on_line(book, event->at_unix_ms, event->amount);
    book->weight.at_unix_ms = event->at_unix_ms;
    book->weight.mean_kg = book->weight.line_kg = event->amount;
    book->weight.se_kg = event->sd_kg / sqrt((double)event->head);
    book->weight.se_is_known = event->sd_kg > 0;
    book->weight.was_weighed = 1;
    return FARMIQ_OK;
}

/* A head below zero is an error and never clamped: the arrival that explains it
 * may come late, and then the replay succeeds. */
static int take_out(struct book *book, uint64_t head)
{
    if (head > book->head)
        return FARMIQ_E_STATE;
    book->head -= head;
    return FARMIQ_OK;
}

static int lose(struct book *book, const struct farmiq_ledger_event *event,
                uint64_t *lost)
{
    double head = (double)event->head;
    int64_t since_ms = event->at_unix_ms - book->weight.at_unix_ms;
    int r = take_out(book, event->head);

    if (r != FARMIQ_OK)
        return r;
    *lost += event->head;
    farmiq__sum_add(&book->tally.dead_kg, event->amount);
    if (event->amount == 0) {
        book->unweighed.head += head;
        book->unweighed.head_ms += head * (double)since_ms;
        book->page.dead_reasons |= FARMIQ_KPI_DEAD_WEIGHT_ESTIMATED;
    }
    return FARMIQ_OK;
}

static int die(struct book *book, const struct farmiq_ledger_event *event)
{
    return lose(book, event, &book->page.dead_head);
}

static int cull(struct book *book, const struct farmiq_ledger_event *event)
{
    return lose(book, event, &book->page.culled_head);
}

static void count_live_age(struct book *book, uint64_t head, int64_t at_unix_ms)
{
    farmiq__sum_add(&book->tally.live_age_ms,
                    (double)head * (double)(at_unix_ms - book->page.placed_unix_ms));
}

static int leave(struct book *book, const struct farmiq_ledger_event *event,
                 uint64_t *left, struct farmiq_sum *left_kg)
{
    int r = take_out(book, event->head);

    if (r != FARMIQ_OK)
        return r;
    *left += event->head;
    farmiq__sum_add(left_kg, event->amount);
    count_live_age(book, event->head, event->at_unix_ms);
    return FARMIQ_OK;
}

static int sell(struct book *book, const struct farmiq_ledger_event *event)
{
    return leave(book, event, &book->page.sold_head, &book->tally.sold_kg);
}

static int transfer_out(struct book *book, const struct farmiq_ledger_event *event)
{
    return leave(book, event, &book->page.out_head, &book->tally.out_kg);
}

static int deliver(struct book *book, const struct farmiq_ledger_event *event)
{
    farmiq__sum_add(&book->silo.should_be_kg, event->amount);
    farmiq__sum_add(&book->silo.throughput_kg, event->amount);
    return FARMIQ_OK;
}

static int remove_feed(struct book *book, const struct farmiq_ledger_event *event)
{
    farmiq__sum_add(&book->silo.should_be_kg, -event->amount);
    return FARMIQ_OK;
}

/* A count up to `from`, or the first one of a silo whose stock nobody knew,
 * starts the measurement; a later one ends it (until the next). */
static int count_stock(struct book *book, const struct farmiq_ledger_event *event)
{
    struct silo *silo = &book->silo;

    silo->was_counted = 1;
    if (book->is_open && silo->base_is_known) {
        silo->is_closed = 1;
        silo->closed_unix_ms = event->at_unix_ms;
        silo->closed_kg = value_of(silo->should_be_kg) - event->amount;
        return FARMIQ_OK;
    }
    silo->base_is_known = 1;
    silo->base_unix_ms = event->at_unix_ms;
    silo->should_be_kg = silo->throughput_kg = (struct farmiq_sum){ event->amount, 0 };
    return FARMIQ_OK;
}

static int dispense(struct book *book, const struct farmiq_ledger_event *event)
{
    farmiq__sum_add(&book->tally.dispensed_kg, event->amount);
    book->tally.has_dispensed = 1;
    return FARMIQ_OK;
}

static int drink(struct book *book, const struct farmiq_ledger_event *event)
{
    farmiq__sum_add(&book->tally.water_l, event->amount);
    book->tally.has_water = 1;
    return FARMIQ_OK;
}

static int lay(struct book *book, const struct farmiq_ledger_event *event)
{
    book->page.eggs += event->head;
    book->tally.has_eggs = 1;
    return FARMIQ_OK;
}

static int (*const effects[])(struct book *, const struct farmiq_ledger_event *) = {
    [FARMIQ_LEDGER_PLACEMENT] = arrive,
    [FARMIQ_LEDGER_TRANSFER_IN] = arrive,
    [FARMIQ_LEDGER_WEIGHING] = weigh,
    [FARMIQ_LEDGER_MORTALITY] = die,
    [FARMIQ_LEDGER_CULL] = cull,
    [FARMIQ_LEDGER_SALE] = sell,
    [FARMIQ_LEDGER_TRANSFER_OUT] = transfer_out,
    [FARMIQ_LEDGER_FEED_DELIVERY] = deliver,
    [FARMIQ_LEDGER_FEED_REMOVED] = remove_feed,
    [FARMIQ_LEDGER_FEED_STOCK] = count_stock,
    [FARMIQ_LEDGER_FEED_DISPENSED] = dispense,
    [FARMIQ_LEDGER_WATER] = drink,
    [FARMIQ_LEDGER_EGGS] = lay,
};

/* --- Turning pages -------------------------------------------------------- */

static void advance(struct book *book, int64_t to_unix_ms)
{
    farmiq__sum_add(&book->tally.animal_ms,
                    (double)book->head * (double)(to_unix_ms - book->clock_unix_ms));
    book->clock_unix_ms = to_unix_ms;
}

static uint32_t stale_if_older(const struct book *book, int64_t at_unix_ms)
{
    return book->head > 0 && at_unix_ms - book->weight.at_unix_ms > DAY_MS
               ? FARMIQ_KPI_WEIGHT_STALE
               : 0;
}

/* Everything so far becomes the opening state, and the sums start again. */
static void open_page(struct book *book)
{
    struct farmiq_ledger fresh = { .from_unix_ms = book->page.from_unix_ms,
                                   .to_unix_ms = book->page.to_unix_ms,
                                   .placed_unix_ms = book->page.placed_unix_ms,
                                   .opening_head = book->head };

    advance(book, fresh.from_unix_ms);
    memset(&book->tally, 0, sizeof book->tally);
    memset(&book->unweighed, 0, sizeof book->unweighed);
    fresh.opening_kg = (double)book->head * book->weight.mean_kg;
    fresh.weight_reasons = stale_if_older(book, fresh.from_unix_ms);
    book->opening_se_kg = (double)book->head * book->weight.se_kg;
    book->opening_se_is_known = book->head == 0 || book->weight.se_is_known;
    book->weight.was_weighed = 0;
    if (!book->silo.was_counted) {
        book->silo.base_unix_ms = fresh.from_unix_ms;
        book->silo.base_is_known =
            !book->has_placed || fresh.placed_unix_ms >= fresh.from_unix_ms;
    }
    book->page = fresh;
    book->is_open = 1;
}

static void close_weights(struct book *book)
{
    struct farmiq_ledger *page = &book->page;
    double se_kg = (double)book->head * book->weight.se_kg;

    page->closing_head = book->head;
    page->closing_kg = (double)book->head * book->weight.mean_kg;
    page->weight_reasons |= stale_if_older(book, page->to_unix_ms);
    if (book->head > 0 && !book->weight.was_weighed)
        page->weight_reasons |= FARMIQ_KPI_NO_WEIGHT;
    if (page->to_unix_ms - page->from_unix_ms > DAY_MS)
        page->weight_reasons |= FARMIQ_KPI_INTERVAL_OVER_1D;
    if (book->opening_se_is_known && (book->head == 0 || book->weight.se_is_known))
        page->gain_se_kg = hypot(book->opening_se_kg, se_kg);
}

/* Less than a billionth of what went through the silo is rounding. */
static void close_silo(struct book *book)
{
    struct farmiq_ledger *page = &book->page;
    const struct silo *silo = &book->silo;
    double noise_kg = 1e-9 * value_of(silo->throughput_kg);

    page->feed_kg = fabs(silo->closed_kg) <= noise_kg ? 0 : silo->closed_kg;
    if (page->feed_kg < 0) {
        page->feed_kg = 0;
        page->feed_reasons |= FARMIQ_KPI_LEDGER_NEGATIVE;
    }
    if (silo->base_unix_ms != page->from_unix_ms ||
        silo->closed_unix_ms != page->to_unix_ms)
        page->feed_reasons |= FARMIQ_KPI_FEED_EDGE;
}

static void close_feed(struct book *book)
{
    if (book->silo.is_closed) {
        close_silo(book);
        return;
    }
    book->page.feed_kg = value_of(book->tally.dispensed_kg);
    book->page.feed_reasons |=
        book->tally.has_dispensed ? FARMIQ_KPI_FEED_DISPENSED : FARMIQ_KPI_NO_FEED_RECORD;
}

static void close_page(struct book *book)
{
    struct farmiq_ledger *page = &book->page;
    uint64_t live;

    advance(book, page->to_unix_ms);
    count_live_age(book, book->head, page->to_unix_ms);
    close_weights(book);
    close_feed(book);
    live = page->sold_head + page->out_head + page->closing_head;
    page->animal_days = value_of(book->tally.animal_ms) / (double)DAY_MS;
    if (live > 0)
        page->live_age_days =
            value_of(book->tally.live_age_ms) / (double)live / (double)DAY_MS;
    page->entered_kg = value_of(book->tally.entered_kg);
    page->sold_kg = value_of(book->tally.sold_kg);
    page->out_kg = value_of(book->tally.out_kg);
    page->water_l = value_of(book->tally.water_l);
    page->water_reasons = book->tally.has_water ? 0 : FARMIQ_KPI_NO_WATER_RECORD;
    page->egg_reasons = book->tally.has_eggs ? 0 : FARMIQ_KPI_NO_EGG_RECORD;
}

/* The window is closed; only the dead still wait for the weighing after it. */
static void value_last_dead(struct book *book, const struct farmiq_ledger_event *later,
                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (later[i].kind == FARMIQ_LEDGER_WEIGHING) {
            value_unweighed_on_line(book, later[i].at_unix_ms, later[i].amount);
            break;
        }
    value_unweighed_at(book, book->weight.line_kg);
    book->page.dead_kg = value_of(book->tally.dead_kg);
}

static int replay(struct book *book, const struct farmiq_ledger_event *events,
                  size_t count, struct farmiq_error *error)
{
    uint32_t duplicates = 0;
    size_t i;

    for (i = 0; i < count && events[i].at_unix_ms <= book->page.to_unix_ms; i++) {
        if (farmiq__ledger_is_repeat(events, i)) {
            duplicates++;
            continue;
        }
        if (!book->is_open && events[i].at_unix_ms > book->page.from_unix_ms)
            open_page(book);
        advance(book, events[i].at_unix_ms);
        if (effects[events[i].kind](book, &events[i]) != FARMIQ_OK)
            return farmiq__fail(error, FARMIQ_E_STATE, (uint32_t)i, "head",
                                "is more than are there to leave");
    }
    if (!book->is_open)
        open_page(book);
    close_page(book);
    value_last_dead(book, events + i, count - i);
    book->page.duplicates = duplicates;
    return FARMIQ_OK;
}

/* --- The public face ------------------------------------------------------ */

void farmiq_ledger_init(struct farmiq_ledger *ledger, size_t size)
{
    static const struct farmiq_ledger defaults = { 0 };

    farmiq__init(ledger, size, &defaults, sizeof defaults);
}

/* The caller's struct may be older and shorter than ours, or newer. */
static void hand_over(struct farmiq_ledger *out, const struct farmiq_ledger *page)
{
    uint32_t size = out->size;

    memcpy(out, page, size < sizeof *page ? size : sizeof *page);
    out->size = size;
}

int farmiq_ledger_replay(struct farmiq_ledger_event *events, size_t count,
                         int64_t from_unix_ms, int64_t to_unix_ms,
                         struct farmiq_ledger *ledger, struct farmiq_error *error)
{
    struct book book = { .page = { .from_unix_ms = from_unix_ms,
                                   .to_unix_ms = to_unix_ms } };
    int r;

    if (!farmiq__ledger_is_usable(ledger) || (!events && count > 0) || count > EVENTS_MAX)
        return FARMIQ_E_ARG;
    if (!farmiq__ledger_time_is_sane(from_unix_ms) ||
        !farmiq__ledger_time_is_sane(to_unix_ms) || to_unix_ms < from_unix_ms)
        return farmiq__fail(error, FARMIQ_E_RANGE, FARMIQ_NO_OFFSET, "to_unix_ms",
                            "is before from_unix_ms or beyond 2^53 ms");
    r = farmiq__ledger_check(events, count, error);
    if (r == FARMIQ_OK)
        r = farmiq__ledger_find_conflict(events, count, error);
    if (r != FARMIQ_OK)
        return r;
    farmiq__ledger_sort(events, count);
    r = replay(&book, events, count, error);
    if (r == FARMIQ_OK)
        hand_over(ledger, &book.page);
    return r;
}
