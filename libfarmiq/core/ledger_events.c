/* SPDX-License-Identifier: Apache-2.0 */
/* Which ledger events are sound, and the order in which they happened. */
#include "ledger_private.h"

#include "number.h"

#define HEAD_MAX UINT64_C(1000000000)
#define AMOUNT_MAX 1e12

/* What an amount may be. */
enum amount { ABSENT, OPTIONAL, REQUIRED };

/* At one instant arrivals come first and departures last, so that a truck which
 * brings and takes at noon never makes a negative herd. */
enum order { NO_KIND, ARRIVALS, READINGS, DEPARTURES };

static const struct kind {
    uint32_t order;
    uint32_t head;   /* ABSENT or REQUIRED */
    uint32_t amount; /* ABSENT: 0; OPTIONAL: not negative; REQUIRED: positive */
} kinds[] = {
    [FARMIQ_LEDGER_PLACEMENT] = { ARRIVALS, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_TRANSFER_IN] = { ARRIVALS, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_WEIGHING] = { READINGS, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_MORTALITY] = { DEPARTURES, REQUIRED, OPTIONAL },
    [FARMIQ_LEDGER_CULL] = { DEPARTURES, REQUIRED, OPTIONAL },
    [FARMIQ_LEDGER_SALE] = { DEPARTURES, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_TRANSFER_OUT] = { DEPARTURES, REQUIRED, REQUIRED },
    [FARMIQ_LEDGER_FEED_DELIVERY] = { ARRIVALS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_FEED_REMOVED] = { ARRIVALS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_FEED_STOCK] = { READINGS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_FEED_DISPENSED] = { READINGS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_WATER] = { READINGS, ABSENT, OPTIONAL },
    [FARMIQ_LEDGER_EGGS] = { READINGS, OPTIONAL, ABSENT },
};

/* --- Checking events ------------------------------------------------------ */

static int refuse(struct farmiq_error *error, int code, size_t index, const char *field,
                  const char *detail)
{
    return farmiq__fail(error, code, (uint32_t)index, field, detail);
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

    if (event->kind >= sizeof kinds / sizeof *kinds || !kinds[event->kind].order)
        return refuse(error, FARMIQ_E_ARG, i, "kind", "is not a kind of ledger event");
    kind = &kinds[event->kind];
    if (!event->event_id.ptr || event->event_id.len == 0)
        return refuse(error, FARMIQ_E_ARG, i, "event_id", "is empty");
    if (!farmiq__ledger_time_is_sane(event->at_unix_ms))
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

int farmiq__ledger_check(const struct farmiq_ledger_event *events, size_t count,
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
int farmiq__ledger_find_conflict(struct farmiq_ledger_event *events, size_t count,
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

void farmiq__ledger_sort(struct farmiq_ledger_event *events, size_t count)
{
    sort(events, count, compare_times);
}

/* Repeats agree in everything, so that order has made them neighbours. */
int farmiq__ledger_is_repeat(const struct farmiq_ledger_event *events, size_t i)
{
    return i > 0 && compare_times(&events[i - 1], &events[i]) == 0;
}
