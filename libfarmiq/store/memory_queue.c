/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store's append, claim, renew and settle. */
#include "memory_private.h"

/* Append --------------------------------------------------------------------------- */

struct appending {
    const char *queue;
    struct farmiq_outbox_row *first;
    int64_t now_unix_ms;
    uint32_t owner;
};

static void fill_entry(struct farmiq__memory *m, const struct appending *a,
                       struct farmiq__entry *entry, const struct farmiq_outbox_row *row)
{
    entry->head.owner = a->owner;
    entry->hash = farmiq__key_hash(a->owner, row->event->tenant_id, row->event->event_id);
    entry->seq = ++farmiq__named(m, a->owner)->last_seq;
    entry->occurred_at_unix_ms = row->event->occurred_at_unix_ms;
    entry->due_at_unix_ms = row->next_attempt_at_unix_ms;
    entry->created_at_unix_ms = entry->lease_unix_ms[0] = a->now_unix_ms;
    entry->priority = row->priority;
}

static int add_row(struct farmiq__memory *m, const struct appending *a,
                   struct farmiq_outbox_row *row)
{
    struct farmiq_str texts[FARMIQ__EVENT_TEXTS];
    struct farmiq__entry *entry;
    uint32_t cell;
    int r = farmiq__touch(m, a->owner);

    if (!r)
        r = farmiq__cell_new(m, &cell);
    if (r)
        return r;
    entry = farmiq__entry(m, cell);
    fill_entry(m, a, entry, row);
    for (unsigned i = 0; i < FARMIQ__EVENT_TEXTS; i++)
        texts[i] = *farmiq__event_text(row->event, i);
    r = farmiq__text_add(m, entry, texts, FARMIQ__EVENT_TEXTS);
    if (!r)
        r = farmiq__index_add(m, cell);
    if (!r)
        r = farmiq__put(m, cell, entry->due_at_unix_ms > a->now_unix_ms ? RETRY : READY);
    row->seq = entry->seq;
    row->verdict = FARMIQ_OK;
    return r;
}

/* 2 and 11 are the event's type and its payload. */
static int says_the_same(const struct farmiq__memory *m,
                         const struct farmiq__entry *entry,
                         const struct farmiq_event *event)
{
    return entry->occurred_at_unix_ms == event->occurred_at_unix_ms &&
           farmiq__text_is(m, entry, 2, event->event_type) &&
           farmiq__text_is(m, entry, 11, event->payload);
}

static int append(struct farmiq__memory *m, void *arg)
{
    struct appending *a = arg;
    int r = farmiq__named_get(m, &m->state.queues, a->queue, &a->owner);

    for (struct farmiq_outbox_row *row = a->first; row && !r; row = row->next) {
        uint32_t cell =
            farmiq__index_find(m, a->owner, row->event->tenant_id, row->event->event_id);
        const struct farmiq__entry *entry = farmiq__entry(m, cell);

        if (!cell) {
            r = add_row(m, a, row);
            continue;
        }
        row->seq = entry->seq;
        row->verdict =
            says_the_same(m, entry, row->event) ? FARMIQ_DUPLICATE : FARMIQ_CONFLICT;
    }
    return r;
}

int farmiq__memory_append(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                          int64_t now_unix_ms)
{
    struct appending a = { queue, first, now_unix_ms, 0 };

    return farmiq__memory_do(ctx, append, &a);
}

/* Claim ---------------------------------------------------------------------------- */

struct claiming {
    struct farmiq__memory *m;
    const struct farmiq_outbox_claim *claim;
    uint32_t owner;
    struct farmiq__place place;
    struct farmiq_outbox_row *first, **tail;
    uint32_t taken;
};

static struct farmiq_outbox_row *place_entry(struct claiming *c,
                                             const struct farmiq__entry *entry)
{
    struct farmiq_outbox_row row = { .size = sizeof row }, *placed;
    struct farmiq_event event = { .size = sizeof event, .index = c->taken };
    char *text;

    row.status = FARMIQ_OUTBOX_CLAIMED;
    row.seq = entry->seq;
    row.priority = entry->priority;
    row.attempt_count = entry->attempt_count;
    row.claim_count = entry->claim_count + 1;
    row.token[0] = c->claim->token[0];
    row.token[1] = c->claim->token[1];
    event.occurred_at_unix_ms = entry->occurred_at_unix_ms;
    for (unsigned i = 0; i < FARMIQ__EVENT_TEXTS; i++)
        farmiq__event_text(&event, i)->len = entry->lens[i];
    placed = farmiq__place(&c->place, &row, &event, &text);
    if (placed)
        farmiq__text_read(c->m, entry, text);
    return placed;
}

static int bury(struct farmiq__memory *m, uint32_t cell, int64_t now_unix_ms)
{
    int r = farmiq__touch(m, cell);

    if (r)
        return r;
    farmiq__entry(m, cell)->lease_unix_ms[0] = now_unix_ms;
    return farmiq__move(m, cell, DEAD);
}

/* FARMIQ_EXHAUSTED: no room for it, and nothing was changed. */
static int take(struct claiming *c, uint32_t cell)
{
    struct farmiq__entry *entry = farmiq__entry(c->m, cell);
    struct farmiq_outbox_row *placed;
    int r;

    if (entry->claim_count >= c->claim->max_claims)
        return bury(c->m, cell, c->claim->now_unix_ms);
    placed = place_entry(c, entry);
    if (!placed)
        return FARMIQ_EXHAUSTED;
    r = farmiq__touch(c->m, cell);
    if (r)
        return r;
    entry->claim_count++;
    entry->token[0] = c->claim->token[0];
    entry->token[1] = c->claim->token[1];
    entry->lease_unix_ms[0] = c->claim->now_unix_ms;
    entry->lease_unix_ms[1] = c->claim->now_unix_ms + c->claim->lease_ms;
    *c->tail = placed;
    c->tail = &placed->next;
    c->taken++;
    return farmiq__move(c->m, cell, FLIGHT);
}

static int is_held_by(const struct farmiq__entry *entry, const uint64_t token[2])
{
    return entry->token[0] == token[0] && entry->token[1] == token[1];
}

/* The batch of `token`, from `cell` on, is ours as far as limit and memory go; the
 * rest goes back. */
static int take_over(struct claiming *c, const uint64_t token[2])
{
    struct farmiq__memory *m = c->m;
    uint32_t last = farmiq__named(m, c->owner)->lists[FLIGHT].last;
    uint32_t cell = farmiq__first_of(m, c->owner, FLIGHT), next, end = 0;
    int r = FARMIQ_OK;

    for (; cell && !end && r >= 0; cell = next) {
        next = farmiq__next_of(m, cell);
        end = cell == last; /* what is taken moves behind it */
        if (!is_held_by(farmiq__entry(m, cell), token))
            continue;
        if (!r && c->taken < c->claim->limit)
            r = take(c, cell);
        if (r == FARMIQ_EXHAUSTED && !c->taken)
            return FARMIQ_E_NOSPACE;
        if (r >= 0 && is_held_by(farmiq__entry(m, cell), token) &&
            farmiq__entry(m, cell)->list == FLIGHT) {
            int moved = farmiq__move(m, cell, READY);

            r = moved ? moved : r;
        }
    }
    return r == FARMIQ_EXHAUSTED ? FARMIQ_OK : r;
}

/* Due, or made to wait further in the future than it was to wait: a clock jumped back. */
static int is_due(const struct farmiq__entry *entry, int64_t now_unix_ms)
{
    int64_t since = entry->lease_unix_ms[0], due = entry->due_at_unix_ms;

    return due <= now_unix_ms || since - now_unix_ms > due - since;
}

static int move_due(struct claiming *c)
{
    uint32_t cell, next;
    int r = FARMIQ_OK;

    for (cell = farmiq__first_of(c->m, c->owner, RETRY); cell && !r; cell = next) {
        next = farmiq__next_of(c->m, cell);
        if (is_due(farmiq__entry(c->m, cell), c->claim->now_unix_ms))
            r = farmiq__move(c->m, cell, READY);
    }
    return r;
}

static int take_fresh(struct claiming *c)
{
    uint32_t cell;
    int r = move_due(c);

    while (!r && c->taken < c->claim->limit &&
           (cell = farmiq__first_of(c->m, c->owner, READY)))
        r = take(c, cell);
    if (r == FARMIQ_EXHAUSTED)
        return c->taken ? FARMIQ_OK : FARMIQ_E_NOSPACE;
    return r ? r : c->taken ? FARMIQ_OK : FARMIQ_NONE;
}

static int take_lapsed(struct claiming *c)
{
    int64_t now = c->claim->now_unix_ms;
    uint32_t cell;
    int r = FARMIQ_OK;

    while (!r && !c->taken && (cell = farmiq__find_lapsed(c->m, c->owner, now, now))) {
        uint64_t token[2] = { farmiq__entry(c->m, cell)->token[0],
                              farmiq__entry(c->m, cell)->token[1] };

        r = take_over(c, token);
    }
    return r;
}

int farmiq__memory_claim(void *ctx, const char *queue,
                         const struct farmiq_outbox_claim *claim,
                         struct farmiq_outbox_row **first)
{
    struct claiming c = { .m = ctx,
                          .claim = claim,
                          .place = { claim->memory, claim->memory_bytes } };
    int r = farmiq__named_get(c.m, &c.m->state.queues, queue, &c.owner);

    c.tail = &c.first;
    if (!r)
        r = take_lapsed(&c);
    if (!r && !c.taken)
        r = take_fresh(&c);
    if (r == FARMIQ_OK)
        *first = c.first;
    return r;
}

int farmiq__memory_renew(void *ctx, const char *queue, const uint64_t token[2],
                         int64_t now_unix_ms, uint32_t lease_ms)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, held = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    if (r)
        return r;
    for (uint32_t cell = farmiq__first_of(m, owner, FLIGHT); cell;
         cell = farmiq__next_of(m, cell)) {
        struct farmiq__entry *entry = farmiq__entry(m, cell);

        if (!is_held_by(entry, token))
            continue;
        r = farmiq__touch(m, cell);
        if (r)
            return r;
        entry->lease_unix_ms[0] = now_unix_ms;
        entry->lease_unix_ms[1] = now_unix_ms + lease_ms;
        held++;
    }
    return held ? FARMIQ_OK : FARMIQ_NONE;
}

/* Settle --------------------------------------------------------------------------- */

/* Chains come in the order of the claim, so the search begins after the last find,
 * and goes round. */
static uint32_t find_held(const struct farmiq__memory *m, uint32_t owner, uint32_t from,
                          const struct farmiq_outbox_row *row)
{
    uint32_t start = from ? from : farmiq__first_of(m, owner, FLIGHT), cell = start;

    while (cell) {
        const struct farmiq__entry *entry = farmiq__entry(m, cell);

        if (entry->seq == row->seq && is_held_by(entry, row->token))
            return cell;
        cell = farmiq__next_of(m, cell) ? farmiq__next_of(m, cell)
                                        : farmiq__first_of(m, owner, FLIGHT);
        if (cell == start)
            break;
    }
    return 0;
}

/* FARMIQ_NONE unless every row is held by its token, and there once. */
static int match_rows(struct farmiq__memory *m, uint32_t owner,
                      const struct farmiq_outbox_row *first)
{
    uint32_t mark = ++m->last_mark, cell = 0;

    for (; first; first = first->next) {
        cell = find_held(m, owner, cell, first);
        if (!cell || farmiq__entry(m, cell)->mark == mark)
            return FARMIQ_NONE;
        farmiq__entry(m, cell)->mark = mark;
    }
    return FARMIQ_OK;
}

static enum farmiq__lists list_for(const struct farmiq_outbox_row *row,
                                   int64_t now_unix_ms)
{
    if (row->status == FARMIQ_OUTBOX_ACKED)
        return ACKED;
    if (row->status != FARMIQ_OUTBOX_PENDING)
        return DEAD;
    return row->next_attempt_at_unix_ms > now_unix_ms ? RETRY : READY;
}

static int settle_row(struct farmiq__memory *m, uint32_t cell,
                      const struct farmiq_outbox_row *row, int64_t now_unix_ms)
{
    struct farmiq__entry *entry = farmiq__entry(m, cell);
    struct farmiq__named *queue = farmiq__named(m, entry->head.owner);
    int r = farmiq__list_remove(m, cell); /* journals cell and queue */

    if (r)
        return r;
    entry->attempt_count = row->attempt_count;
    entry->claim_count = row->claim_count;
    entry->due_at_unix_ms = row->next_attempt_at_unix_ms;
    entry->lease_unix_ms[0] = now_unix_ms;
    entry->token[0] = entry->token[1] = 0;
    if (row->status == FARMIQ_OUTBOX_ACKED)
        queue->last_acked_unix_ms = now_unix_ms;
    return farmiq__put(m, cell, list_for(row, now_unix_ms));
}

int farmiq__memory_settle(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                          int64_t now_unix_ms)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, next = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    if (!r)
        r = match_rows(m, owner, first);
    for (; first && !r; first = first->next) {
        cell = find_held(m, owner, next, first);
        next = farmiq__next_of(m, cell);
        r = settle_row(m, cell, first, now_unix_ms);
    }
    return r;
}
