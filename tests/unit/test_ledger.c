/* SPDX-License-Identifier: Apache-2.0 */
/* The book of a batch: heads, weights, feed, water, eggs, and its windows. */
#include "ledger_story.h"

/* --- A whole batch -------------------------------------------------------- */

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

/* --- Windows, and books of other sizes ------------------------------------ */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_story(the_constructed_batch_comes_out),
        with_story(published_hen_days_come_out),
        with_story(thinning_is_a_sale_and_the_thinned_lived),
        with_story(transfers_are_neither_dead_nor_sold),
        with_story(a_negative_herd_is_an_error_until_the_arrival_comes),
        with_story(each_way_of_leaving_minds_the_herd),
        with_story(a_window_takes_its_end_and_leaves_its_beginning),
        with_story(windows_add_up),
        with_story(the_book_agrees_with_counting_every_hour),
        with_story(the_unweighed_dead_lie_on_the_line),
        with_story(the_dead_of_the_first_days_start_from_the_placement),
        with_story(a_new_herd_does_not_inherit_the_line),
        with_story(a_death_at_the_weighing_weighs_as_weighed),
        with_story(joiners_are_averaged_in),
        with_story(feed_is_what_left_the_silo_between_counts),
        with_story(two_counts_in_a_window_make_a_measurement),
        with_story(fasting_is_recorded_and_not_missing),
        with_story(rounding_is_not_a_negative_silo),
        with_story(water_and_eggs_are_unknown_until_recorded),
        with_story(a_tenth_ten_times_is_one),
        with_story(windows_have_limits),
        with_story(an_older_caller_has_a_shorter_book),
        with_story(a_newer_caller_has_a_longer_book),
        with_story(the_shortest_book_is_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
