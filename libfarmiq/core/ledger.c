/* SPDX-License-Identifier: Apache-2.0 */
/* The book of one animal batch, recomputed from its events. */
#include <farmiq/ledger.h>

#include "number.h"
#include "private.h"

#define DAY_MS INT64_C(86400000)
#define TIME_MAX_MS (INT64_C(1) << 53)
#define HEAD_MAX UINT64_C(1000000000)
#define AMOUNT_MAX 1e12
#define EVENTS_MAX UINT32_MAX
#define Z_95 1.96

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

/* What an amount may be. */
enum amount { ABSENT, OPTIONAL, REQUIRED };

/* At one instant arrivals come first and departures last, so that a truck which
 * brings and takes at noon never makes a negative herd. */
enum order { ARRIVALS, READINGS, DEPARTURES };

static const struct kind {
    int (*apply)(struct book *, const struct farmiq_ledger_event *);
    uint32_t order;
    uint32_t head;   /* ABSENT or REQUIRED */
    uint32_t amount; /* ABSENT: 0; OPTIONAL: not negative; REQUIRED: positive */
} kinds[] = {
    [FARMIQ_LEDGER_PLACEMENT] = { arrive, ARRIVALS, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_TRANSFER_IN] = { arrive, ARRIVALS, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_WEIGHING] = { weigh, READINGS, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_MORTALITY] = { die, DEPARTURES, REQUIRED, OPTIONAL },
    [FARMIQ_LEDGER_CULL] = { cull, DEPARTURES, REQUIRED, OPTIONAL },
    [FARMIQ_LEDGER_SALE] = { sell, DEPARTURES, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_TRANSFER_OUT] = { transfer_out, DEPARTURES, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_FEED_DELIVERY] = { deliver, ARRIVALS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_FEED_REMOVED] = { remove_feed, ARRIVALS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_FEED_STOCK] = { count_stock, READINGS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_FEED_DISPENSED] = { dispense, READINGS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_WATER] = { drink, READINGS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_EGGS] = { lay, READINGS, OPTIONAL, ABSENT },
};

/* --- Checking events ------------------------------------------------------ */

static int refuse(struct farmiq_error *error, int code, size_t index, const char *field,
                  const char *detail)
{
    return farmiq__fail(error, code, (uint32_t)index, field, detail);
}

static int time_is_sane(int64_t unix_ms)
{
    return unix_ms >= -TIME_MAX_MS && unix_ms <= TIME_MAX_MS;
}

static int head_fits(const struct farmiq_ledger_event *event, uint32_t rule)
{
    return event->head <= HEAD_MAX && (rule != ABSENT || event->head == 0) &&
           (rule != REQUIRED || event->head > 0);
}

static int amount_fits(const struct farmiq_ledger_event *event, uint32_t rule)
{
    return farmiq__not_negative(event->amount) && event->amount <= AMOUNT_MAX &&
           (rule != ABSENT || event->amount == 0) &&
           (rule != REQUIRED || event->amount > 0);
}

/* A spread belongs to a weighing of two animals or more. */
static int sd_fits(const struct farmiq_ledger_event *event)
{
    if (event->sd_kg == 0)
        return 1;
    return event->kind == FARMIQ_LEDGER_WEIGHING && event->head >= 2 &&
           farmiq__positive(event->sd_kg) && event->sd_kg <= AMOUNT_MAX;
}

static int check(const struct farmiq_ledger_event *event, size_t i,
                 struct farmiq_error *error)
{
    const struct kind *kind;

    if (event->kind >= sizeof kinds / sizeof *kinds || !kinds[event->kind].apply)
        return refuse(error, FARMIQ_E_ARG, i, "kind", "is not a kind of ledger event");
    kind = &kinds[event->kind];
    if (!event->event_id.ptr || event->event_id.len == 0)
        return refuse(error, FARMIQ_E_ARG, i, "event_id", "is empty");
    if (!time_is_sane(event->at_unix_ms))
        return refuse(error, FARMIQ_E_RANGE, i, "at_unix_ms", "is beyond 2^53 ms");
    if (!head_fits(event, kind->head))
        return refuse(error, FARMIQ_E_RANGE, i, "head", "is not allowed for this kind");
    if (!amount_fits(event, kind->amount))
        return refuse(error, FARMIQ_E_RANGE, i, "amount", "is not allowed for this kind");
    if (!sd_fits(event))
        return refuse(error, FARMIQ_E_RANGE, i, "sd_kg",
                      "needs a weighing of two or more");
    return FARMIQ_OK;
}

static int check_all(const struct farmiq_ledger_event *events, size_t count,
                     struct farmiq_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int r = check(&events[i], i, error);

        if (r != FARMIQ_OK)
            return r;
    }
    return FARMIQ_OK;
}

/* --- Order and repeats ---------------------------------------------------- */

static int compare(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int compare_ids(const struct farmiq_ledger_event *a,
                       const struct farmiq_ledger_event *b)
{
    size_t a_len = a->event_id.len, b_len = b->event_id.len;
    int r = memcmp(a->event_id.ptr, b->event_id.ptr, a_len < b_len ? a_len : b_len);

    return r ? r : compare((int64_t)a_len, (int64_t)b_len);
}

static int compare_times(const struct farmiq_ledger_event *a,
                         const struct farmiq_ledger_event *b)
{
    int r = compare(a->at_unix_ms, b->at_unix_ms);

    if (r == 0)
        r = compare(kinds[a->kind].order, kinds[b->kind].order);
    return r ? r : compare_ids(a, b);
}

typedef int compare_fn(const struct farmiq_ledger_event *,
                       const struct farmiq_ledger_event *);

static void swap(struct farmiq_ledger_event *a, struct farmiq_ledger_event *b)
{
    struct farmiq_ledger_event held = *a;

    *a = *b;
    *b = held;
}

static void sift_down(struct farmiq_ledger_event *heap, size_t root, size_t count,
                      compare_fn *by)
{
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && by(&heap[child], &heap[child + 1]) < 0)
            child++;
        if (by(&heap[root], &heap[child]) >= 0)
            return;
        swap(&heap[root], &heap[child]);
        root = child;
    }
}

/* qsort() may allocate; a heap sort needs no memory and has no bad case. */
static void sort(struct farmiq_ledger_event *events, size_t count, compare_fn *by)
{
    for (size_t i = count / 2; i > 0; i--)
        sift_down(events, i - 1, count, by);
    for (size_t end = count; end > 1; end--) {
        swap(&events[0], &events[end - 1]);
        sift_down(events, 0, end - 1, by);
    }
}

static int says_the_same(const struct farmiq_ledger_event *a,
                         const struct farmiq_ledger_event *b)
{
    return a->at_unix_ms == b->at_unix_ms && a->kind == b->kind && a->head == b->head &&
           a->amount == b->amount && a->sd_kg == b->sd_kg;
}

/* Repeats are expected, delivery being at least once; but one id must not tell
 * two stories. */
static int find_conflict(struct farmiq_ledger_event *events, size_t count,
                         struct farmiq_error *error)
{
    sort(events, count, compare_ids);
    for (size_t i = 1; i < count; i++)
        if (compare_ids(&events[i - 1], &events[i]) == 0 &&
            !says_the_same(&events[i - 1], &events[i]))
            return refuse(error, FARMIQ_CONFLICT, i, "event_id",
                          "was used before with different content");
    return FARMIQ_OK;
}

/* Repeats agree in everything, so that order has made them neighbours. */
static int is_repeat(const struct farmiq_ledger_event *events, size_t i)
{
    return i > 0 && compare_times(&events[i - 1], &events[i]) == 0;
}

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
        if (is_repeat(events, i)) {
            duplicates++;
            continue;
        }
        if (!book->is_open && events[i].at_unix_ms > book->page.from_unix_ms)
            open_page(book);
        advance(book, events[i].at_unix_ms);
        if (kinds[events[i].kind].apply(book, &events[i]) != FARMIQ_OK)
            return refuse(error, FARMIQ_E_STATE, i, "head",
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

static int is_usable(const struct farmiq_ledger *ledger)
{
    return ledger && ledger->size >= sizeof ledger->size;
}

int farmiq_ledger_replay(struct farmiq_ledger_event *events, size_t count,
                         int64_t from_unix_ms, int64_t to_unix_ms,
                         struct farmiq_ledger *ledger, struct farmiq_error *error)
{
    struct book book = { .page = { .from_unix_ms = from_unix_ms,
                                   .to_unix_ms = to_unix_ms } };
    int r;

    if (!is_usable(ledger) || (!events && count > 0) || count > EVENTS_MAX)
        return FARMIQ_E_ARG;
    if (!time_is_sane(from_unix_ms) || !time_is_sane(to_unix_ms) ||
        to_unix_ms < from_unix_ms)
        return farmiq__fail(error, FARMIQ_E_RANGE, FARMIQ_NO_OFFSET, "to_unix_ms",
                            "is before from_unix_ms or beyond 2^53 ms");
    r = check_all(events, count, error);
    if (r == FARMIQ_OK)
        r = find_conflict(events, count, error);
    if (r != FARMIQ_OK)
        return r;
    sort(events, count, compare_times);
    r = replay(&book, events, count, error);
    if (r == FARMIQ_OK)
        hand_over(ledger, &book.page);
    return r;
}

/* --- KPIs of a page ------------------------------------------------------- */

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
    if (fabs(gain_kg(page)) < Z_95 * page->gain_se_kg)
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

    if (!is_usable(ledger) || !row || !value)
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
