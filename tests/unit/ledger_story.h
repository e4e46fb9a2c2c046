/* SPDX-License-Identifier: Apache-2.0 */
/* Telling a batch's story to the ledger, and asking its book. */
#ifndef FARMIQ_TESTS_LEDGER_STORY_H
#define FARMIQ_TESTS_LEDGER_STORY_H

#include <farmiq/ledger.h>

#include "numbers.h"

#define U FARMIQ_UNDEFINED
#define WHY(reason) FARMIQ_KPI_##reason
#define WHOLE WHY(INTERVAL_OVER_1D)
#define DAY INT64_C(86400000)
#define START (20000 * DAY)

#define MAX_EVENTS 64

static struct story {
    struct farmiq_ledger_event events[MAX_EVENTS];
    char ids[MAX_EVENTS][8];
    size_t count;
} story;

static inline int new_story(void **state)
{
    (void)state;
    memset(&story, 0, sizeof story);
    return 0;
}

/* Something happened `day` days into the batch. */
static inline struct farmiq_ledger_event *on(double day, uint32_t kind, uint64_t head,
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

static inline void placed(double day, uint64_t head, double kg)
{
    on(day, FARMIQ_LEDGER_PLACEMENT, head, kg);
}

static inline void died(double day, uint64_t head)
{
    on(day, FARMIQ_LEDGER_MORTALITY, head, 0);
}

static inline void weighed(double day, uint64_t sampled, double mean_kg)
{
    on(day, FARMIQ_LEDGER_WEIGHING, sampled, mean_kg);
}

static inline void sold(double day, uint64_t head, double kg)
{
    on(day, FARMIQ_LEDGER_SALE, head, kg);
}

static inline void delivered(double day, double kg)
{
    on(day, FARMIQ_LEDGER_FEED_DELIVERY, 0, kg);
}

static inline void counted(double day, double kg)
{
    on(day, FARMIQ_LEDGER_FEED_STOCK, 0, kg);
}

static inline int try_book(double from, double to, struct farmiq_ledger *book,
                           struct farmiq_error *error)
{
    farmiq_ledger_init(book, sizeof *book);
    if (error)
        farmiq_error_init(error, sizeof *error);
    return farmiq_ledger_replay(story.events, story.count,
                                START + (int64_t)(from * (double)DAY),
                                START + (int64_t)(to * (double)DAY), book, error);
}

static inline struct farmiq_ledger book(double from, double to)
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

static inline void check_kpi(const struct farmiq_ledger *ledger, uint32_t kpi, int status,
                             double expected, double tolerance, uint32_t reasons,
                             int line)
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

/* The constructed example: 20000 placed at 44 g, 800 dead weighing 640 kg, 19200
 * sold at 2.4 kg after 35 days, 64 t of feed. */
static inline void tell_the_constructed_batch(void)
{
    placed(0, 20000, 880);
    delivered(-1, 40000);
    delivered(20, 30000);
    on(18, FARMIQ_LEDGER_MORTALITY, 800, 640);
    sold(35, 19200, 19200 * 2.4);
    counted(35, 6000);
}

static inline void tell_a_long_story(void)
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

/* Tell it in another order. */
static inline void shuffle(uint64_t *seed)
{
    for (size_t i = story.count; i > 1; i--) {
        size_t k = draw(seed) % i;
        struct farmiq_ledger_event held = story.events[i - 1];

        story.events[i - 1] = story.events[k];
        story.events[k] = held;
    }
}

#define with_story(test) cmocka_unit_test_setup(test, new_story)

#endif
