/* SPDX-License-Identifier: Apache-2.0 */
/* The book of a batch: any order, repeats, windows, and what it refuses. */
#include <farmiq/ledger.h>

#include "numbers.h"

#define U FARMIQ_UNDEFINED
#define WHY(reason) FARMIQ_KPI_##reason
#define DAY INT64_C(86400000)
#define START (20000 * DAY)

/* --- Telling a batch's story ---------------------------------------------- */

#define MAX_EVENTS 64

static struct story {
    struct farmiq_ledger_event events[MAX_EVENTS];
    char ids[MAX_EVENTS][8];
    size_t count;
} story;

static int new_story(void **state)
{
    (void)state;
    memset(&story, 0, sizeof story);
    return 0;
}

/* Something happened `day` days into the batch. */
static struct farmiq_ledger_event *on(double day, uint32_t kind, uint64_t head,
                                      double amount)
{
    struct farmiq_ledger_event *event = &story.events[story.count];
    char *id = story.ids[story.count];

    assert_true(story.count < MAX_EVENTS);
    snprintf(id, sizeof story.ids[0], "e%zu", story.count++);
    event->at_unix_ms = START + (int64_t)(day * (double)DAY);
    event->event_id = (struct farmiq_str){ id, strlen(id) };
    event->kind = kind;
    event->head = head;
    event->amount = amount;
    return event;
}

static void placed(double day, uint64_t head, double kg)
{
    on(day, FARMIQ_LEDGER_PLACEMENT, head, kg);
}

static void died(double day, uint64_t head) { on(day, FARMIQ_LEDGER_MORTALITY, head, 0); }

static void weighed(double day, uint64_t sampled, double mean_kg)
{
    on(day, FARMIQ_LEDGER_WEIGHING, sampled, mean_kg);
}

static void sold(double day, uint64_t head, double kg)
{
    on(day, FARMIQ_LEDGER_SALE, head, kg);
}

static void delivered(double day, double kg)
{
    on(day, FARMIQ_LEDGER_FEED_DELIVERY, 0, kg);
}

static void counted(double day, double kg) { on(day, FARMIQ_LEDGER_FEED_STOCK, 0, kg); }

static int try_book(double from, double to, struct farmiq_ledger *book,
                    struct farmiq_error *error)
{
    farmiq_ledger_init(book, sizeof *book);
    if (error)
        farmiq_error_init(error, sizeof *error);
    return farmiq_ledger_replay(story.events, story.count,
                                START + (int64_t)(from * (double)DAY),
                                START + (int64_t)(to * (double)DAY), book, error);
}

static struct farmiq_ledger book(double from, double to)
{
    struct farmiq_ledger ledger;

    assert_int_equal(try_book(from, to, &ledger, NULL), FARMIQ_OK);
    assert_int_equal(ledger.size, sizeof ledger);
    return ledger;
}

#define assert_kpi(ledger, kpi, expected, tolerance, notes)                              \
    check_kpi(ledger, FARMIQ_LEDGER_KPI_##kpi, FARMIQ_OK, expected, tolerance, notes,    \
              __LINE__)
#define assert_no_kpi(ledger, kpi, why)                                                  \
    check_kpi(ledger, FARMIQ_LEDGER_KPI_##kpi, FARMIQ_UNDEFINED, 0, 0, why, __LINE__)

static void check_kpi(const struct farmiq_ledger *ledger, uint32_t kpi, int status,
                      double expected, double tolerance, uint32_t reasons, int line)
{
    double value = UNTOUCHED, again = UNTOUCHED;
    uint32_t why = 0xdead;
    int r = farmiq_ledger_kpi(ledger, kpi, &value, &why);

    if (r != status || why != reasons)
        print_error("line %d: %s: status %d, reasons %#x\n", line,
                    farmiq_ledger_kpi_name(kpi), r, why);
    assert_int_equal(r, status);
    assert_int_equal(why, reasons);
    if (status == FARMIQ_OK)
        assert_near_at(value, expected, tolerance, __FILE__, line);
    else
        assert_true(value == UNTOUCHED);
    assert_int_equal(farmiq_ledger_kpi(ledger, kpi, &again, NULL), status);
    assert_true(value == again);
}

/* --- A whole batch -------------------------------------------------------- */

/* The constructed example: 20000 placed at 44 g, 800 dead weighing 640 kg, 19200
 * sold at 2.4 kg after 35 days, 64 t of feed. */
static void tell_the_constructed_batch(void)
{
    placed(0, 20000, 880);
    delivered(-1, 40000);
    delivered(20, 30000);
    on(18, FARMIQ_LEDGER_MORTALITY, 800, 640);
    sold(35, 19200, 19200 * 2.4);
    counted(35, 6000);
}

#define WHOLE WHY(INTERVAL_OVER_1D)

static void the_constructed_batch_comes_out(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    tell_the_constructed_batch();
    b = book(0 - 1, 35);
    assert_kpi(&b, FEED, 64000, 1e-9, 0);
    assert_kpi(&b, GAIN, 45200, 1e-9, WHOLE);
    assert_kpi(&b, GAIN_WITH_DEAD, 45840, 1e-9, WHOLE);
    assert_kpi(&b, FCR_LIVE, 1.38889, 5e-6, WHOLE);
    assert_kpi(&b, FCR_GAIN, 1.41593, 5e-6, WHOLE);
    assert_kpi(&b, FCR_MORTALITY, 1.39616, 5e-6, WHOLE);
    assert_kpi(&b, MORTALITY, 4, 1e-12, 0);
    assert_kpi(&b, LIVABILITY, 96, 1e-12, 0);
    assert_kpi(&b, EPEF, 473.97, 5e-3, WHOLE);
    assert_kpi(&b, BIOMASS, 0, 0, 0);
    assert_true(b.animal_days == 20000.0 * 35 - 800.0 * 17);
    assert_kpi(&b, ADG, 1000 * 45200 / b.animal_days, 1e-9, WHOLE);
    assert_kpi(&b, ADFI, 64000 / b.animal_days, 1e-12, 0);
    assert_true(b.placed_unix_ms == START && b.closing_head == 0 && b.opening_head == 0);
    assert_true(b.live_age_days == 35 && b.dead_reasons == 0 && b.dead_kg == 640);
    assert_true(b.entered_head == 20000 && b.dead_head == 800 && b.sold_head == 19200);
}

/* 200 hens on the 1st; 4 die on the 12th; 10 come after the 16th; 3852 eggs in
 * March: 6270 hen-days, 61.4 % (softdatapublisher, p. 141). */
static void published_hen_days_come_out(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 200, 300);
    died(11, 4);
    on(16, FARMIQ_LEDGER_TRANSFER_IN, 10, 15);
    on(30.5, FARMIQ_LEDGER_EGGS, 3852, 0);
    b = book(-1, 31);
    assert_true(b.animal_days == 6270);
    assert_kpi(&b, HDEP, 61.4, 0.05, 0);
    assert_true(b.eggs == 3852 && b.closing_head == 206);
}

/* Thinned at 30 days, the rest sold at 40: the index takes mean age and weight. */
static void thinning_is_a_sale_and_the_thinned_lived(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 1000, 40);
    delivered(0, 3300);
    sold(30, 250, 250 * 1.8);
    sold(40, 750, 750 * 2.8);
    counted(40, 0);
    b = book(-0.5, 40);
    assert_kpi(&b, LIVABILITY, 100, 0, 0);
    assert_true(b.live_age_days == 37.5);
    assert_true(b.animal_days == 250.0 * 30 + 750.0 * 40);
    assert_kpi(&b, EPEF, 100 * 2.55 * 100 / (37.5 * 3300 / 2550), 1e-9, WHOLE);
}

static void transfers_are_neither_dead_nor_sold(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    on(10, FARMIQ_LEDGER_TRANSFER_OUT, 50, 100);
    on(12, FARMIQ_LEDGER_CULL, 5, 9);
    died(14, 5);
    weighed(20, 40, 3);
    b = book(-1, 20);
    assert_kpi(&b, LIVABILITY, 80, 1e-12, 0);
    assert_kpi(&b, MORTALITY, 5, 1e-12, 0);
    assert_kpi(&b, GAIN, 100 + 40 * 3 - 100, 1e-9, WHOLE);
    assert_true(b.out_head == 50 && b.out_kg == 100 && b.culled_head == 5);
    assert_kpi(&b, BIOMASS, 120, 1e-12, 0);
    assert_true(b.live_age_days == (50.0 * 10 + 40.0 * 20) / 90);
}

/* --- Any order, any repeats ----------------------------------------------- */

static void tell_a_long_story(void)
{
    tell_the_constructed_batch();
    died(3, 17);
    died(3, 5);
    on(0, FARMIQ_LEDGER_TRANSFER_IN, 30, 2);
    weighed(7, 100, 0.2);
    weighed(14, 100, 0.5);
    on(20, FARMIQ_LEDGER_CULL, 8, 0);
    on(9, FARMIQ_LEDGER_WATER, 0, 812.5);
    on(9, FARMIQ_LEDGER_FEED_DISPENSED, 0, 333.1);
    on(9, FARMIQ_LEDGER_FEED_REMOVED, 0, 20.7);
    counted(16, 21000);
}

static void shuffle(uint64_t *seed)
{
    for (size_t i = story.count; i > 1; i--) {
        size_t k = draw(seed) % i;
        struct farmiq_ledger_event held = story.events[i - 1];

        story.events[i - 1] = story.events[k];
        story.events[k] = held;
    }
}

/* Late events and events told twice give the same book, bit for bit. */
static void the_order_of_telling_does_not_matter(void **state)
{
    static const double windows[][2] = { { -1, 40 }, { 7, 14 }, { 3, 20 }, { 16, 16 } };
    uint64_t seed = 31;

    (void)state;
    tell_a_long_story();
    for (size_t w = 0; w < COUNT(windows); w++) {
        struct farmiq_ledger first = book(windows[w][0], windows[w][1]);

        for (int i = 0; i < 100; i++) {
            struct farmiq_ledger again;

            shuffle(&seed);
            again = book(windows[w][0], windows[w][1]);
            assert_memory_equal(&again, &first, sizeof first);
        }
    }
}

static void a_repeat_counts_once(void **state)
{
    struct farmiq_ledger first, again;
    uint64_t seed = 32;
    size_t n;

    (void)state;
    tell_a_long_story();
    first = book(-1, 40);
    n = story.count;
    for (size_t i = 0; i < n; i++)
        story.events[story.count++] = story.events[i];
    story.events[story.count++] = story.events[0];
    shuffle(&seed);
    again = book(-1, 40);
    assert_int_equal(first.duplicates, 0);
    assert_int_equal(again.duplicates, n + 1);
    again.duplicates = 0;
    assert_memory_equal(&again, &first, sizeof first);
}

static void one_id_must_not_tell_two_stories(void **state)
{
    static const size_t fields = 5;

    for (size_t field = 0; field < fields; field++) {
        struct farmiq_ledger_event *twin;
        struct farmiq_ledger b;
        struct farmiq_error error;

        new_story(state);
        placed(0, 100, 50);
        weighed(1, 10, 0.6);
        twin = &story.events[story.count++];
        *twin = story.events[1];
        twin->at_unix_ms += field == 0;
        twin->head += field == 1;
        twin->amount += field == 2;
        twin->sd_kg += field == 3;
        if (field == 4)
            twin->kind = FARMIQ_LEDGER_CULL;
        assert_int_equal(try_book(-1, 9, &b, &error), FARMIQ_CONFLICT);
        assert_string_equal(error.field, "event_id");
        assert_int_equal(error.offset, 2);
    }
}

static void two_stories_are_enough_for_a_conflict(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 50);
    story.events[story.count++] = story.events[0];
    story.events[1].head++;
    assert_int_equal(try_book(-1, 9, &b, NULL), FARMIQ_CONFLICT);
}

/* An id that merely begins like another is another. */
static void ids_are_compared_whole(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 10, 10);
    placed(0, 20, 20);
    story.events[1].event_id = (struct farmiq_str){ "e00", 3 };
    assert_int_equal(book(-1, 1).entered_head, 30);
    story.events[0].event_id = (struct farmiq_str){ "e00", 2 };
    story.events[1].event_id = (struct farmiq_str){ "e00", 3 };
    b = book(-1, 1);
    assert_true(b.entered_head == 30 && b.duplicates == 0);
}

/* --- Heads ---------------------------------------------------------------- */

static void a_negative_herd_is_an_error_until_the_arrival_comes(void **state)
{
    struct farmiq_ledger b, before;
    struct farmiq_error error;

    (void)state;
    placed(0, 100, 50);
    died(5, 101);
    farmiq_ledger_init(&before, sizeof before);
    assert_int_equal(try_book(-1, 9, &b, &error), FARMIQ_E_STATE);
    assert_memory_equal(&b, &before, sizeof b);
    assert_string_equal(error.field, "head");
    assert_int_equal(error.offset, 1);
    assert_int_equal(try_book(-1, 4, &b, NULL), FARMIQ_OK); /* not yet happened */
    on(4, FARMIQ_LEDGER_TRANSFER_IN, 1, 0.5);
    b = book(-1, 9);
    assert_true(b.closing_head == 0 && b.dead_head == 101 && b.live_age_days == 0);
}

static void each_way_of_leaving_minds_the_herd(void **state)
{
    static const uint32_t leaving[] = { FARMIQ_LEDGER_MORTALITY, FARMIQ_LEDGER_CULL,
                                        FARMIQ_LEDGER_SALE, FARMIQ_LEDGER_TRANSFER_OUT };
    struct farmiq_ledger b;

    for (size_t i = 0; i < COUNT(leaving); i++) {
        new_story(state);
        placed(0, 10, 5);
        on(1, leaving[i], 10, 5);
        assert_int_equal(book(-1, 2).closing_head, 0);
        story.events[1].head = 11;
        assert_int_equal(try_book(-1, 2, &b, NULL), FARMIQ_E_STATE);
    }
}

/* A truck that brings and takes at one instant makes no negative herd. */
static void arrivals_come_before_departures(void **state)
{
    (void)state;
    sold(1, 50, 100);
    placed(1, 50, 90);
    assert_int_equal(book(0, 2).closing_head, 0);
}

static void a_window_takes_its_end_and_leaves_its_beginning(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    died(5, 1);
    died(10, 2);
    died(15, 4);
    b = book(5, 10);
    assert_true(b.opening_head == 99 && b.dead_head == 2 && b.closing_head == 97);
    assert_true(b.animal_days == 99 * 5);
    b = book(10, 15);
    assert_true(b.opening_head == 97 && b.dead_head == 4 && b.closing_head == 93);
    b = book(10, 10);
    assert_true(b.opening_head == 97 && b.dead_head == 0 && b.animal_days == 0);
    assert_no_kpi(&b, ADG, WHY(NO_WEIGHT));
    b = book(-2, -1);
    assert_true(b.placed_unix_ms == 0 && b.closing_head == 0);
    assert_no_kpi(&b, MORTALITY, WHY(NO_HEAD));
    assert_no_kpi(&b, LIVABILITY, WHY(NO_HEAD));
}

/* Consecutive windows add up to the whole, the estimated dead included. */
static void windows_add_up(void **state)
{
    struct farmiq_ledger whole, part;
    double days = 0, dead_kg = 0, entered_kg = 0, sold_kg = 0, gain = 0;
    uint64_t dead = 0;

    (void)state;
    tell_a_long_story();
    whole = book(-2, 36);
    for (int day = -2; day < 36; day++) {
        part = book(day, day + 1);
        days += part.animal_days;
        dead_kg += part.dead_kg;
        dead += part.dead_head;
        entered_kg += part.entered_kg;
        sold_kg += part.sold_kg;
        gain += part.closing_kg - part.opening_kg;
    }
    assert_close(days, whole.animal_days, 1e-6);
    assert_close(dead_kg, whole.dead_kg, 1e-9);
    assert_true(dead == whole.dead_head);
    assert_close(entered_kg, whole.entered_kg, 1e-9);
    assert_close(sold_kg, whole.sold_kg, 1e-9);
    assert_close(gain, whole.closing_kg, 1e-9);
}

/* A history as chance has it, told out of order; and beside it the head count of
 * every hour, kept the simple way. */
enum { HOURS = 240 };

struct diary {
    double head_at[HOURS];
    uint64_t came[HOURS];
    uint64_t died[HOURS];
};

static void live_by_chance(struct diary *diary, uint64_t *seed)
{
    double head = 0;

    memset(diary, 0, sizeof *diary);
    for (int hour = 0; hour < HOURS; hour++) {
        uint64_t n = 1 + draw(seed) % 50;
        int has_room = story.count < MAX_EVENTS - 2;

        if (has_room && draw(seed) % 12 == 0) {
            placed(hour / 24.0, n, (double)n);
            diary->came[hour] = n;
            head += (double)n;
        }
        if (has_room && draw(seed) % 12 == 0 && (double)n <= head) {
            died(hour / 24.0, n);
            diary->died[hour] = n;
            head -= (double)n;
        }
        diary->head_at[hour] = head;
    }
}

static void compare_with_diary(const struct diary *diary, int from, int to)
{
    struct farmiq_ledger b = book(from / 24.0, to / 24.0);
    uint64_t came = 0, dead = 0;
    double days = 0;

    for (int hour = from + 1; hour <= to; hour++) {
        days += diary->head_at[hour - 1] / 24;
        came += diary->came[hour];
        dead += diary->died[hour];
    }
    assert_close(b.animal_days, days, 1e-9 * (1 + days));
    assert_true((double)b.opening_head == diary->head_at[from]);
    assert_true((double)b.closing_head == diary->head_at[to]);
    assert_true(b.entered_head == came && b.dead_head == dead);
    assert_close(b.dead_kg, (double)dead, 1e-9);
}

static void the_book_agrees_with_counting_every_hour(void **state)
{
    uint64_t seed = 33;

    for (int round = 0; round < 300; round++) {
        struct diary diary;
        int from = (int)(draw(&seed) % HOURS);

        new_story(state);
        live_by_chance(&diary, &seed);
        shuffle(&seed);
        compare_with_diary(&diary, from,
                           from + (int)(draw(&seed) % (HOURS - (unsigned)from)));
    }
}

/* --- Weights -------------------------------------------------------------- */

static void the_unweighed_dead_lie_on_the_line(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    weighed(10, 50, 2);
    died(12, 3);
    on(15, FARMIQ_LEDGER_CULL, 1, 0);
    on(16, FARMIQ_LEDGER_MORTALITY, 1, 7);
    weighed(20, 50, 4);
    died(21, 2);
    b = book(-1, 20);
    assert_close(b.dead_kg, 3 * 2.4 + 3 + 7, 1e-12);
    assert_int_equal(b.dead_reasons, WHY(DEAD_WEIGHT_ESTIMATED));
    assert_kpi(&b, GAIN_WITH_DEAD, 95 * 4 + 17.2 - 100, 1e-9,
               WHOLE | WHY(DEAD_WEIGHT_ESTIMATED));
    b = book(-1, 15); /* the weighing after the window is known, and used */
    assert_close(b.dead_kg, 3 * 2.4 + 3, 1e-12);
    b = book(-1, 22); /* after the last weighing: at its mean */
    assert_close(b.dead_kg, 3 * 2.4 + 3 + 7 + 2 * 4, 1e-12);
    b = book(15, 20);
    assert_true(b.dead_kg == 7 && b.dead_reasons == 0);
}

static void the_dead_of_the_first_days_start_from_the_placement(void **state)
{
    (void)state;
    placed(0, 100, 5);
    died(2, 10);
    weighed(8, 20, 0.25);
    assert_close(book(-1, 8).dead_kg, 10 * 0.1, 1e-12);
}

/* The line starts again with each herd: no bridge from the old one to the new. */
static void a_new_herd_does_not_inherit_the_line(void **state)
{
    (void)state;
    placed(0, 10, 10);
    died(1, 1);
    sold(2, 9, 20);
    placed(4, 10, 50);
    weighed(5, 10, 6);
    assert_close(book(-1, 6).dead_kg, 1, 1e-12);
}

static void a_death_at_the_weighing_weighs_as_weighed(void **state)
{
    (void)state;
    placed(0, 10, 10);
    weighed(5, 5, 2);
    died(5, 1);
    weighed(5, 5, 2);
    weighed(10, 5, 3);
    assert_close(book(-1, 10).dead_kg, 2, 1e-12);
}

static void joiners_are_averaged_in(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 200);
    on(0.5, FARMIQ_LEDGER_TRANSFER_IN, 300, 1200);
    b = book(-1, 0.75);
    assert_kpi(&b, BIOMASS, 1400, 1e-9, 0);
    assert_no_kpi(&b, GAIN, WHY(NO_WEIGHT));
    assert_no_kpi(&b, FCR_GAIN, WHY(NO_WEIGHT) | WHY(NO_FEED_RECORD));
}

static void a_gain_needs_a_weighing_and_says_how_old(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    weighed(10, 50, 2);
    weighed(12, 50, 2.5);
    b = book(10, 11);
    assert_no_kpi(&b, GAIN, WHY(NO_WEIGHT));
    assert_kpi(&b, BIOMASS, 200, 1e-9, 0);
    b = book(10, 12);
    assert_kpi(&b, GAIN, 50, 1e-9, WHY(INTERVAL_OVER_1D));
    assert_kpi(&b, ADG, 250, 1e-9, WHY(INTERVAL_OVER_1D));
    b = book(11.5, 12.5);
    assert_kpi(&b, GAIN, 50, 1e-9, WHY(WEIGHT_STALE));
    b = book(11, 12);
    assert_kpi(&b, GAIN, 50, 1e-9, 0);
    b = book(11, 13.5);
    assert_kpi(&b, GAIN, 50, 1e-9, WHY(WEIGHT_STALE) | WHY(INTERVAL_OVER_1D));
    assert_kpi(&b, BIOMASS, 250, 1e-9, WHY(WEIGHT_STALE));
    assert_no_kpi(&b, FCR_LIVE, WHY(NO_FEED_RECORD) | WHY(PARTIAL_WINDOW));
    assert_no_kpi(&b, EPEF, WHY(NO_FEED_RECORD) | WHY(PARTIAL_WINDOW));
}

static void a_gain_within_its_error_says_so(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 1000, 1000);
    weighed(10, 100, 2);
    story.events[1].sd_kg = 0.3;
    weighed(11, 64, 2.1);
    story.events[2].sd_kg = 0.4;
    b = book(10, 11);
    assert_close(b.gain_se_kg, 1000 * hypot(0.03, 0.05), 1e-9);
    assert_kpi(&b, GAIN, 100, 1e-9, WHY(GAIN_NOT_SIGNIFICANT));
    story.events[2].amount = 2.2;
    b = book(10, 11);
    assert_kpi(&b, GAIN, 200, 1e-9, 0);
    story.events[2].sd_kg = 0;
    assert_true(book(10, 11).gain_se_kg == 0);
    story.events[1].sd_kg = 0;
    story.events[2].sd_kg = 0.4;
    assert_true(book(10, 11).gain_se_kg == 0);
    assert_close(book(-1, 11).gain_se_kg, 1000 * 0.05, 1e-9);
    /* Placed animals were all on the scale: their weight has no error. */
    assert_close(book(0, 11).gain_se_kg, 1000 * 0.05, 1e-9);
    sold(11.5, 1000, 2200);
    story.events[1].sd_kg = 0.3;
    assert_close(book(10, 12).gain_se_kg, 1000 * 0.03, 1e-9);
    story.events[2].sd_kg = 0; /* nobody is left to be in doubt about */
    assert_close(book(10, 12).gain_se_kg, 1000 * 0.03, 1e-9);
}

static void a_change_of_heads_is_noted_on_the_gain(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    weighed(10, 50, 2);
    died(10.5, 1);
    weighed(11, 50, 2.1);
    b = book(10, 11);
    assert_kpi(&b, GAIN, 99 * 2.1 - 200, 1e-9, WHY(HEAD_CHANGED));
}

/* One animal is a herd: every rule holds for it. */
static void a_single_sow_is_a_herd(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 1, 200);
    delivered(0, 30);
    counted(5, 15);
    b = book(-1, 5);
    assert_kpi(&b, BIOMASS, 200, 0, WHY(WEIGHT_STALE));
    assert_no_kpi(&b, GAIN, WHY(NO_WEIGHT));
    assert_true(b.live_age_days == 5 && b.animal_days == 5);
    weighed(5, 1, 203);
    b = book(0, 5);
    assert_kpi(&b, GAIN, 3, 1e-12, WHY(INTERVAL_OVER_1D));
    assert_kpi(&b, FCR_GAIN, 5, 1e-12, WHY(INTERVAL_OVER_1D));
    assert_no_kpi(&b, FCR_LIVE, WHY(PARTIAL_WINDOW));
    sold(5, 1, 203);
    b = book(0, 5);
    assert_kpi(&b, GAIN, 3, 1e-12, WHY(INTERVAL_OVER_1D) | WHY(HEAD_CHANGED));
}

/* Notes add to each other. */
static void a_note_does_not_silence_another(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 1000, 1000);
    weighed(10, 100, 2);
    story.events[1].sd_kg = 0.3;
    died(11, 1);
    weighed(12, 64, 2.05);
    story.events[3].sd_kg = 0.4;
    b = book(10, 14);
    assert_kpi(&b, GAIN, 999 * 2.05 - 2000, 1e-9,
               WHY(INTERVAL_OVER_1D) | WHY(WEIGHT_STALE) | WHY(HEAD_CHANGED) |
                   WHY(GAIN_NOT_SIGNIFICANT));
}

/* Sold, transferred and still there: the index counts all of the living. */
static void the_index_counts_all_of_the_living(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 4);
    delivered(0, 200);
    sold(20, 30, 30);
    on(30, FARMIQ_LEDGER_TRANSFER_OUT, 20, 40);
    died(35, 5);
    weighed(40, 45, 3);
    counted(40, 0);
    b = book(-1, 40);
    assert_close(b.live_age_days, (30 * 20 + 20 * 30 + 45 * 40) / 95.0, 1e-12);
    assert_kpi(&b, LIVABILITY, 100 * 75 / 80.0, 1e-12, 0);
    assert_kpi(&b, EPEF, 93.75 * (205 / 95.0) * 100 / (b.live_age_days * (200 / 205.0)),
               1e-9, WHOLE);
}

static void a_loss_is_a_gain_but_no_ratio(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 10, 100);
    counted(0, 50);
    weighed(0.5, 10, 9.9);
    counted(0.5, 40);
    b = book(0, 0.5);
    assert_kpi(&b, GAIN, -1, 1e-9, 0);
    assert_no_kpi(&b, FCR_GAIN, WHY(GAIN_NON_POSITIVE));
    assert_kpi(&b, ADG, -200, 1e-9, 0);
}

/* --- Feed, water, eggs ---------------------------------------------------- */

static void feed_is_what_left_the_silo_between_counts(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    delivered(-2, 500);
    counted(5, 400);
    delivered(6, 1000);
    on(7, FARMIQ_LEDGER_FEED_REMOVED, 0, 50);
    on(8, FARMIQ_LEDGER_FEED_DISPENSED, 0, 12345);
    counted(10, 600);
    delivered(11, 70);
    b = book(5, 10);
    assert_kpi(&b, FEED, 750, 1e-9, 0);
    assert_kpi(&b, ADFI, 1.5, 1e-12, 0);
    b = book(4, 10); /* nobody knows what was there on day 4: from day 5 on */
    assert_kpi(&b, FEED, 750, 1e-9, WHY(FEED_EDGE));
    b = book(5, 12);
    assert_kpi(&b, FEED, 750, 1e-9, WHY(FEED_EDGE));
    b = book(6, 10);
    assert_kpi(&b, FEED, 750, 1e-9, WHY(FEED_EDGE));
    b = book(-1, 10); /* an empty silo before the first delivery */
    assert_kpi(&b, FEED, 850, 1e-9, 0);
    b = book(0, 10); /* the animals came no earlier than that */
    assert_kpi(&b, FEED, 850, 1e-9, 0);
    b = book(10, 12);
    assert_no_kpi(&b, FEED, WHY(NO_FEED_RECORD));
    b = book(5, 9);
    assert_kpi(&b, FEED, 12345, 1e-9, WHY(FEED_DISPENSED));
}

static void two_counts_in_a_window_make_a_measurement(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    counted(3, 100);
    b = book(1, 4);
    assert_no_kpi(&b, FEED, WHY(NO_FEED_RECORD));
    counted(4, 80);
    b = book(1, 4);
    assert_kpi(&b, FEED, 20, 1e-9, WHY(FEED_EDGE));
    counted(5, 50);
    b = book(3, 5);
    assert_kpi(&b, FEED, 50, 1e-9, 0);
}

static void fasting_is_recorded_and_not_missing(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    counted(1, 30);
    counted(2, 30);
    weighed(1, 50, 2);
    weighed(2, 50, 2.1);
    b = book(1, 2);
    assert_kpi(&b, FEED, 0, 0, WHY(FEED_ZERO));
    assert_kpi(&b, FCR_GAIN, 0, 0, WHY(FEED_ZERO));
    assert_no_kpi(&b, WATER_TO_FEED, WHY(NO_WATER_RECORD));
    on(1.5, FARMIQ_LEDGER_WATER, 0, 10);
    b = book(1, 2);
    assert_no_kpi(&b, WATER_TO_FEED, WHY(FEED_ZERO));
    b = book(-1, 2); /* the animals ate before the count: an impossible silo */
    assert_no_kpi(&b, FEED, WHY(LEDGER_NEGATIVE));
    assert_no_kpi(&b, EPEF, WHY(LEDGER_NEGATIVE));
    assert_true(b.feed_kg == 0);
}

/* 0.1 + 0.2 - 0.3 is not zero in binary, and not a negative silo either. */
static void rounding_is_not_a_negative_silo(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 100);
    counted(1, 0.1);
    delivered(1.2, 0.7);
    counted(2, 0.8 + 1e-15);
    b = book(1, 2);
    assert_kpi(&b, FEED, 0, 0, WHY(FEED_ZERO));
    story.events[3].amount = 0.8 + 1e-6;
    b = book(1, 2);
    assert_no_kpi(&b, FEED, WHY(LEDGER_NEGATIVE));
    story.events[3].amount = 0.8 - 1e-6;
    b = book(1, 2);
    assert_kpi(&b, FEED, 1e-6, 1e-12, 0);
}

static void water_and_eggs_are_unknown_until_recorded(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 150);
    b = book(0, 10);
    assert_no_kpi(&b, WATER_PER_HEAD, WHY(NO_WATER_RECORD));
    assert_no_kpi(&b, HDEP, WHY(NO_EGG_RECORD));
    assert_no_kpi(&b, FEED_PER_DOZEN, WHY(NO_EGG_RECORD) | WHY(NO_FEED_RECORD));
    on(5, FARMIQ_LEDGER_WATER, 0, 200);
    on(6, FARMIQ_LEDGER_WATER, 0, 50);
    on(5, FARMIQ_LEDGER_EGGS, 0, 0);
    on(7, FARMIQ_LEDGER_FEED_DISPENSED, 0, 100);
    b = book(0, 10);
    assert_kpi(&b, WATER_PER_HEAD, 0.25, 1e-12, 0);
    assert_kpi(&b, WATER_TO_FEED, 2.5, 1e-12, WHY(FEED_DISPENSED));
    assert_kpi(&b, HDEP, 0, 0, 0);
    assert_no_kpi(&b, FEED_PER_DOZEN, WHY(DENOMINATOR_ZERO));
    on(8, FARMIQ_LEDGER_EGGS, 600, 0);
    b = book(0, 10);
    assert_kpi(&b, HDEP, 60, 1e-12, 0);
    assert_kpi(&b, FEED_PER_DOZEN, 2, 1e-12, WHY(FEED_DISPENSED));
    b = book(8, 10);
    assert_no_kpi(&b, HDEP, WHY(NO_EGG_RECORD));
    assert_no_kpi(&b, WATER_PER_HEAD, WHY(NO_WATER_RECORD));
}

/* Ten tenths are one: sums in the book are compensated. */
static void a_tenth_ten_times_is_one(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 10, 10);
    for (int i = 1; i <= 10; i++) {
        on(i, FARMIQ_LEDGER_WATER, 0, 0.1);
        on(i, FARMIQ_LEDGER_EGGS, 3, 0);
    }
    b = book(0, 10);
    assert_true(b.water_l == 1 && b.eggs == 30);
}

/* --- Refusals ------------------------------------------------------------- */

static void refuses(struct farmiq_ledger_event event, int code, const char *field)
{
    struct farmiq_ledger b;
    struct farmiq_error error;

    story.events[1] = event;
    story.count = 2;
    assert_int_equal(try_book(-1, 9, &b, &error), code);
    assert_string_equal(error.field, field);
    assert_int_equal(error.offset, 1);
    assert_int_equal(b.entered_head, 0);
}

static void every_kind_refuses_a_head_or_amount_it_cannot_have(void **state)
{
    static const struct {
        uint32_t kind;
        uint64_t bad_head;
        double bad_amount;
    } rows[] = {
        { FARMIQ_LEDGER_PLACEMENT, 0, 0 },       { FARMIQ_LEDGER_TRANSFER_IN, 0, 0 },
        { FARMIQ_LEDGER_WEIGHING, 0, 0 },        { FARMIQ_LEDGER_MORTALITY, 0, -1 },
        { FARMIQ_LEDGER_CULL, 0, -1 },           { FARMIQ_LEDGER_SALE, 0, 0 },
        { FARMIQ_LEDGER_TRANSFER_OUT, 0, 0 },    { FARMIQ_LEDGER_FEED_DELIVERY, 1, -1 },
        { FARMIQ_LEDGER_FEED_REMOVED, 1, -1 },   { FARMIQ_LEDGER_FEED_STOCK, 1, -1 },
        { FARMIQ_LEDGER_FEED_DISPENSED, 1, -1 }, { FARMIQ_LEDGER_WATER, 1, -1 },
        { FARMIQ_LEDGER_EGGS, 1000000001, 1 },
    };

    (void)state;
    placed(0, 10, 10);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct farmiq_ledger_event event = { .at_unix_ms = START,
                                             .event_id = { "x", 1 },
                                             .kind = rows[i].kind };

        event.head = rows[i].bad_head;
        event.amount = rows[i].kind == FARMIQ_LEDGER_EGGS ? 0 : 1;
        refuses(event, FARMIQ_E_RANGE, "head");
        event.head = rows[i].kind >= FARMIQ_LEDGER_FEED_DELIVERY ? 0 : 1;
        event.amount = rows[i].bad_amount;
        refuses(event, FARMIQ_E_RANGE, "amount");
        for (size_t k = 0; k < COUNT(not_finite); k++) {
            event.amount = not_finite[k];
            refuses(event, FARMIQ_E_RANGE, "amount");
        }
    }
}

static void events_have_limits(void **state)
{
    const struct farmiq_ledger_event good = { .at_unix_ms = START,
                                              .event_id = { "x", 1 },
                                              .head = 5,
                                              .amount = 1,
                                              .sd_kg = 0.1,
                                              .kind = FARMIQ_LEDGER_WEIGHING };
    const int64_t last_ms = INT64_C(1) << 53;
    struct farmiq_ledger_event event;

    (void)state;
    placed(0, 10, 10);
#define REFUSES(member, bad, code, field)                                                \
    (event = good, event.member = (bad), refuses(event, code, field))
    REFUSES(kind, 0, FARMIQ_E_ARG, "kind");
    REFUSES(kind, 14, FARMIQ_E_ARG, "kind");
    REFUSES(kind, UINT32_MAX, FARMIQ_E_ARG, "kind");
    REFUSES(event_id.ptr, NULL, FARMIQ_E_ARG, "event_id");
    REFUSES(event_id.len, 0, FARMIQ_E_ARG, "event_id");
    REFUSES(at_unix_ms, last_ms + 1, FARMIQ_E_RANGE, "at_unix_ms");
    REFUSES(at_unix_ms, -last_ms - 1, FARMIQ_E_RANGE, "at_unix_ms");
    REFUSES(head, 1000000001, FARMIQ_E_RANGE, "head");
    REFUSES(amount, 1.1e12, FARMIQ_E_RANGE, "amount");
    REFUSES(sd_kg, NAN, FARMIQ_E_RANGE, "sd_kg");
    REFUSES(sd_kg, -0.1, FARMIQ_E_RANGE, "sd_kg");
    REFUSES(sd_kg, 1.1e12, FARMIQ_E_RANGE, "sd_kg");
    REFUSES(head, 1, FARMIQ_E_RANGE, "sd_kg");
    REFUSES(kind, FARMIQ_LEDGER_SALE, FARMIQ_E_RANGE, "sd_kg");
    story.events[0].kind = 0; /* the first event is looked at, too */
    assert_int_equal(try_book(-1, 9, &(struct farmiq_ledger){ 0 }, NULL), FARMIQ_E_ARG);
    story.events[0].kind = FARMIQ_LEDGER_PLACEMENT;
    story.events[1] = good;
    story.events[1].at_unix_ms = last_ms;
    story.events[1].head = 1000000000;
    story.events[1].amount = 1e12;
    story.events[1].sd_kg = 1e12;
    (void)book(-1, 9);
    story.events[1].head = 2;
    story.events[1].at_unix_ms = -last_ms;
    (void)book(-1, 9);
}

static void windows_have_limits(void **state)
{
    const int64_t last_ms = INT64_C(1) << 53;
    struct farmiq_ledger b;
    struct farmiq_error error;

    (void)state;
    placed(0, 10, 10);
    assert_int_equal(try_book(2, 1, &b, &error), FARMIQ_E_RANGE);
    assert_string_equal(error.field, "to_unix_ms");
    farmiq_ledger_init(&b, sizeof b);
    assert_int_equal(farmiq_ledger_replay(story.events, 1, -last_ms, last_ms, &b, NULL),
                     0);
    assert_int_equal(b.entered_head, 10);
    assert_int_equal(
        farmiq_ledger_replay(story.events, 1, -last_ms - 1, last_ms, &b, NULL),
        FARMIQ_E_RANGE);
    assert_int_equal(
        farmiq_ledger_replay(story.events, 1, -last_ms, last_ms + 1, &b, NULL),
        FARMIQ_E_RANGE);
    assert_int_equal(farmiq_ledger_replay(NULL, 1, 0, 1, &b, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_ledger_replay(story.events, 1, 0, 1, NULL, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(
        farmiq_ledger_replay(story.events, (size_t)UINT32_MAX + 1, 0, 1, &b, NULL),
        FARMIQ_E_ARG);
    assert_int_equal(farmiq_ledger_replay(NULL, 0, 0, DAY, &b, NULL), 0);
    assert_true(b.animal_days == 0 && b.opening_head == 0);
    b.size = 3;
    assert_int_equal(farmiq_ledger_replay(NULL, 0, 0, DAY, &b, NULL), FARMIQ_E_ARG);
}

/* base.h: the library reads and writes no byte beyond `size`. */
static void an_older_caller_has_a_shorter_book(void **state)
{
    struct farmiq_ledger shorter;
    const size_t size = offsetof(struct farmiq_ledger, dead_kg);
    double value = UNTOUCHED;

    (void)state;
    tell_the_constructed_batch();
    memset(&shorter, 0x5a, sizeof shorter);
    farmiq_ledger_init(&shorter, size);
    assert_int_equal(farmiq_ledger_replay(story.events, story.count, START - 1,
                                          START + 35 * DAY, &shorter, NULL),
                     0);
    assert_int_equal(shorter.size, size);
    assert_true(shorter.sold_kg == 19200 * 2.4);
    for (size_t i = size; i < sizeof shorter; i++)
        assert_int_equal(((unsigned char *)&shorter)[i], 0x5a);
    assert_int_equal(
        farmiq_ledger_kpi(&shorter, FARMIQ_LEDGER_KPI_LIVABILITY, &value, NULL), 0);
    assert_close(value, 96, 1e-12);
}

static void a_newer_caller_has_a_longer_book(void **state)
{
    struct {
        struct farmiq_ledger known;
        unsigned char later[64];
    } longer;
    double value = UNTOUCHED;

    (void)state;
    tell_the_constructed_batch();
    memset(&longer, 0x5a, sizeof longer);
    farmiq_ledger_init(&longer.known, sizeof longer);
    for (size_t i = 0; i < sizeof longer.later; i++)
        assert_int_equal(longer.later[i], 0);
    assert_int_equal(farmiq_ledger_replay(story.events, story.count, START - 1,
                                          START + 35 * DAY, &longer.known, NULL),
                     0);
    assert_int_equal(longer.known.size, sizeof longer);
    assert_int_equal(
        farmiq_ledger_kpi(&longer.known, FARMIQ_LEDGER_KPI_FEED, &value, NULL), 0);
    assert_close(value, 64000, 1e-9);
}

static void the_shortest_book_is_its_size(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 1, 1);
    farmiq_ledger_init(&b, sizeof b.size);
    assert_int_equal(farmiq_ledger_replay(story.events, 1, 0, DAY, &b, NULL), 0);
    assert_int_equal(b.size, 4);
}

static void kpis_have_names_and_limits(void **state)
{
    struct farmiq_ledger b;
    double value = UNTOUCHED;

    (void)state;
    farmiq_ledger_init(&b, sizeof b);
    for (uint32_t kpi = 1; kpi <= FARMIQ_LEDGER_KPI_FEED_PER_DOZEN; kpi++) {
        assert_non_null(farmiq_ledger_kpi_name(kpi));
        for (uint32_t other = 1; other < kpi; other++)
            assert_string_not_equal(farmiq_ledger_kpi_name(kpi),
                                    farmiq_ledger_kpi_name(other));
    }
    assert_string_equal(farmiq_ledger_kpi_name(FARMIQ_LEDGER_KPI_FCR_LIVE), "fcr_live");
    assert_null(farmiq_ledger_kpi_name(0));
    assert_null(farmiq_ledger_kpi_name(17));
    assert_null(farmiq_ledger_kpi_name(UINT32_MAX));
    assert_int_equal(farmiq_ledger_kpi(&b, 0, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_ledger_kpi(&b, 17, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_ledger_kpi(NULL, 1, &value, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_ledger_kpi(&b, 1, NULL, NULL), FARMIQ_E_ARG);
    b.closing_kg = NAN;
    assert_int_equal(farmiq_ledger_kpi(&b, FARMIQ_LEDGER_KPI_BIOMASS, &value, NULL),
                     FARMIQ_E_RANGE);
    assert_true(value == UNTOUCHED);
}

#define with_story(test) cmocka_unit_test_setup(test, new_story)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_story(the_constructed_batch_comes_out),
        with_story(published_hen_days_come_out),
        with_story(thinning_is_a_sale_and_the_thinned_lived),
        with_story(transfers_are_neither_dead_nor_sold),
        with_story(the_order_of_telling_does_not_matter),
        with_story(a_repeat_counts_once),
        with_story(one_id_must_not_tell_two_stories),
        with_story(two_stories_are_enough_for_a_conflict),
        with_story(ids_are_compared_whole),
        with_story(a_negative_herd_is_an_error_until_the_arrival_comes),
        with_story(each_way_of_leaving_minds_the_herd),
        with_story(arrivals_come_before_departures),
        with_story(a_window_takes_its_end_and_leaves_its_beginning),
        with_story(windows_add_up),
        with_story(the_book_agrees_with_counting_every_hour),
        with_story(the_unweighed_dead_lie_on_the_line),
        with_story(the_dead_of_the_first_days_start_from_the_placement),
        with_story(a_new_herd_does_not_inherit_the_line),
        with_story(a_death_at_the_weighing_weighs_as_weighed),
        with_story(joiners_are_averaged_in),
        with_story(a_gain_needs_a_weighing_and_says_how_old),
        with_story(a_gain_within_its_error_says_so),
        with_story(a_change_of_heads_is_noted_on_the_gain),
        with_story(a_single_sow_is_a_herd),
        with_story(a_note_does_not_silence_another),
        with_story(the_index_counts_all_of_the_living),
        with_story(a_loss_is_a_gain_but_no_ratio),
        with_story(feed_is_what_left_the_silo_between_counts),
        with_story(two_counts_in_a_window_make_a_measurement),
        with_story(fasting_is_recorded_and_not_missing),
        with_story(rounding_is_not_a_negative_silo),
        with_story(water_and_eggs_are_unknown_until_recorded),
        with_story(a_tenth_ten_times_is_one),
        with_story(every_kind_refuses_a_head_or_amount_it_cannot_have),
        with_story(events_have_limits),
        with_story(windows_have_limits),
        with_story(an_older_caller_has_a_shorter_book),
        with_story(a_newer_caller_has_a_longer_book),
        with_story(the_shortest_book_is_its_size),
        with_story(kpis_have_names_and_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
