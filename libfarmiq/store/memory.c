/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store: the verbs, on lists of cells. An event is in exactly one list of
 * its queue, and the list is its state. */
#include "memory_cells.h"

#include <string.h>

/* A verb that allocates undoes what it did when memory ends midway. The others cannot
 * fail outside a transaction, and inside one the caller rolls back. */
static int in_transaction(struct farmiq__memory *m,
                          int (*body)(struct farmiq__memory *m, void *arg), void *arg)
{
    int r = farmiq__memory_begin(m);

    if (r)
        return r;
    r = body(m, arg);
    if (r < 0)
        farmiq__memory_rollback(m);
    else
        (void)farmiq__memory_commit(m);
    return r;
}

/* Orders of lists: is a after b? --------------------------------------------------- */

static int by_claim(const struct farmiq__entry *a, const struct farmiq__entry *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->occurred_at_unix_ms != b->occurred_at_unix_ms)
        return a->occurred_at_unix_ms > b->occurred_at_unix_ms;
    return a->seq > b->seq;
}

static int by_due(const struct farmiq__entry *a, const struct farmiq__entry *b)
{
    return a->due_at_unix_ms > b->due_at_unix_ms;
}

static int by_arrival(const struct farmiq__entry *a, const struct farmiq__entry *b)
{
    (void)a, (void)b;
    return 0;
}

static int by_end(const struct farmiq__entry *a, const struct farmiq__entry *b)
{
    return a->lease_unix_ms[0] > b->lease_unix_ms[0];
}

static farmiq__order *const orders[LISTS] = { by_claim,   by_due, by_arrival,
                                              by_arrival, by_end, by_due };

static int put(struct farmiq__memory *m, uint32_t cell, enum farmiq__lists list)
{
    return farmiq__list_add(m, cell, list, orders[list]);
}

static int move(struct farmiq__memory *m, uint32_t cell, enum farmiq__lists list)
{
    int r = farmiq__list_remove(m, cell);

    return r ? r : put(m, cell, list);
}

static uint32_t first_of(const struct farmiq__memory *m, uint32_t owner,
                         enum farmiq__lists list)
{
    return farmiq__named(m, owner)->lists[list].first;
}

static uint32_t next_of(const struct farmiq__memory *m, uint32_t cell)
{
    return farmiq__entry(m, cell)->head.next;
}

/* The ledger ----------------------------------------------------------------------- */

struct seeing {
    const char *ledger;
    struct farmiq_sighting *first;
    int64_t now_unix_ms, expires_at_unix_ms;
    uint32_t owner;
};

static int add_key(struct farmiq__memory *m, const struct seeing *s,
                   const struct farmiq_sighting *sighting)
{
    const struct farmiq_str texts[] = { sighting->tenant_id, sighting->event_id };
    struct farmiq__entry *key;
    uint32_t cell;
    int r = farmiq__cell_new(m, &cell);

    if (r)
        return r;
    key = farmiq__entry(m, cell);
    key->head.owner = s->owner;
    key->hash = farmiq__key_hash(s->owner, sighting->tenant_id, sighting->event_id);
    key->due_at_unix_ms = s->expires_at_unix_ms;
    key->token[0] = sighting->content_hash;
    r = farmiq__text_add(m, key, texts, 2);
    if (!r)
        r = farmiq__index_add(m, cell);
    return r ? r : put(m, cell, KEYS);
}

/* An expired key counts as new, and is: its memory begins again. */
static int see_one(struct farmiq__memory *m, const struct seeing *s,
                   struct farmiq_sighting *sighting)
{
    uint32_t cell =
        farmiq__index_find(m, s->owner, sighting->tenant_id, sighting->event_id);
    const struct farmiq__entry *key = farmiq__entry(m, cell);
    uint64_t before, after = sighting->content_hash;
    int r = FARMIQ_OK;

    if (cell && key->due_at_unix_ms > s->now_unix_ms) {
        before = key->token[0];
        sighting->verdict =
            before && after && before != after ? FARMIQ_CONFLICT : FARMIQ_DUPLICATE;
        return FARMIQ_OK;
    }
    if (cell)
        r = farmiq__entry_free(m, cell);
    sighting->verdict = FARMIQ_OK;
    return r ? r : add_key(m, s, sighting);
}

static int see(struct farmiq__memory *m, void *arg)
{
    struct seeing *s = arg;
    int r = farmiq__named_get(m, &m->state.ledgers, s->ledger, &s->owner);

    for (struct farmiq_sighting *next = s->first; next && !r; next = next->next)
        r = see_one(m, s, next);
    return r;
}

static int dedupe(void *ctx, const char *ledger, struct farmiq_sighting *first,
                  int64_t now_unix_ms, int64_t expires_at_unix_ms)
{
    struct seeing s = { ledger, first, now_unix_ms, expires_at_unix_ms, 0 };

    return in_transaction(ctx, see, &s);
}

static int dedupe_purge(void *ctx, const char *ledger, int64_t now_unix_ms,
                        uint32_t limit, uint32_t *purged)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, count = 0;
    int r = farmiq__named_get(m, &m->state.ledgers, ledger, &owner);

    while (!r && count < limit && (cell = first_of(m, owner, KEYS)) &&
           farmiq__entry(m, cell)->due_at_unix_ms <= now_unix_ms) {
        r = farmiq__entry_free(m, cell);
        count++;
    }
    if (!r)
        *purged = count;
    return r;
}

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
        r = put(m, cell, entry->due_at_unix_ms > a->now_unix_ms ? RETRY : READY);
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

static int outbox_append(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                         int64_t now_unix_ms)
{
    struct appending a = { queue, first, now_unix_ms, 0 };

    return in_transaction(ctx, append, &a);
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
    return move(m, cell, DEAD);
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
    return move(c->m, cell, FLIGHT);
}

static int is_held_by(const struct farmiq__entry *entry, const uint64_t token[2])
{
    return entry->token[0] == token[0] && entry->token[1] == token[1];
}

/* An event in flight whose lease ended before `end`, the longest ago; 0: none. */
static uint32_t find_lapsed(const struct farmiq__memory *m, uint32_t owner, int64_t end,
                            int64_t now_unix_ms)
{
    uint32_t found = 0;

    for (uint32_t cell = first_of(m, owner, FLIGHT); cell; cell = next_of(m, cell)) {
        const struct farmiq__entry *e = farmiq__entry(m, cell);
        int64_t at = e->lease_unix_ms[0], until = e->lease_unix_ms[1];

        if (until >= end && at - now_unix_ms <= until - at)
            continue;
        if (!found || until < farmiq__entry(m, found)->lease_unix_ms[1])
            found = cell;
    }
    return found;
}

/* The batch of `token`, from `cell` on, is ours as far as limit and memory go; the
 * rest goes back. */
static int take_over(struct claiming *c, const uint64_t token[2])
{
    struct farmiq__memory *m = c->m;
    uint32_t last = farmiq__named(m, c->owner)->lists[FLIGHT].last;
    uint32_t cell = first_of(m, c->owner, FLIGHT), next, end = 0;
    int r = FARMIQ_OK;

    for (; cell && !end && r >= 0; cell = next) {
        next = next_of(m, cell);
        end = cell == last; /* what is taken moves behind it */
        if (!is_held_by(farmiq__entry(m, cell), token))
            continue;
        if (!r && c->taken < c->claim->limit)
            r = take(c, cell);
        if (r == FARMIQ_EXHAUSTED && !c->taken)
            return FARMIQ_E_NOSPACE;
        if (r >= 0 && is_held_by(farmiq__entry(m, cell), token) &&
            farmiq__entry(m, cell)->list == FLIGHT) {
            int moved = move(m, cell, READY);

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

    for (cell = first_of(c->m, c->owner, RETRY); cell && !r; cell = next) {
        next = next_of(c->m, cell);
        if (is_due(farmiq__entry(c->m, cell), c->claim->now_unix_ms))
            r = move(c->m, cell, READY);
    }
    return r;
}

static int take_fresh(struct claiming *c)
{
    uint32_t cell;
    int r = move_due(c);

    while (!r && c->taken < c->claim->limit && (cell = first_of(c->m, c->owner, READY)))
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

    while (!r && !c->taken && (cell = find_lapsed(c->m, c->owner, now, now))) {
        uint64_t token[2] = { farmiq__entry(c->m, cell)->token[0],
                              farmiq__entry(c->m, cell)->token[1] };

        r = take_over(c, token);
    }
    return r;
}

static int outbox_claim(void *ctx, const char *queue,
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

static int outbox_renew(void *ctx, const char *queue, const uint64_t token[2],
                        int64_t now_unix_ms, uint32_t lease_ms)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, held = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    if (r)
        return r;
    for (uint32_t cell = first_of(m, owner, FLIGHT); cell; cell = next_of(m, cell)) {
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
    uint32_t start = from ? from : first_of(m, owner, FLIGHT), cell = start;

    while (cell) {
        const struct farmiq__entry *entry = farmiq__entry(m, cell);

        if (entry->seq == row->seq && is_held_by(entry, row->token))
            return cell;
        cell = next_of(m, cell) ? next_of(m, cell) : first_of(m, owner, FLIGHT);
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
    return put(m, cell, list_for(row, now_unix_ms));
}

static int outbox_settle(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                         int64_t now_unix_ms)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, next = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    if (!r)
        r = match_rows(m, owner, first);
    for (; first && !r; first = first->next) {
        cell = find_held(m, owner, next, first);
        next = next_of(m, cell);
        r = settle_row(m, cell, first, now_unix_ms);
    }
    return r;
}

/* Care ----------------------------------------------------------------------------- */

static int64_t older(int64_t a_unix_ms, int64_t b_unix_ms)
{
    return !a_unix_ms || (b_unix_ms && b_unix_ms < a_unix_ms) ? b_unix_ms : a_unix_ms;
}

/* Of what is ready, the row that comes next of each priority is looked at, and of what
 * waits the first that was appended, as every store does. */
static int64_t oldest_of(const struct farmiq__memory *m, uint32_t owner)
{
    const struct farmiq__entry *first = NULL, *before = NULL, *entry;
    int64_t oldest = 0;

    for (uint32_t cell = first_of(m, owner, READY); cell; cell = next_of(m, cell)) {
        entry = farmiq__entry(m, cell);
        if (!before || before->priority != entry->priority)
            oldest = older(oldest, entry->created_at_unix_ms);
        before = entry;
    }
    for (uint32_t cell = first_of(m, owner, RETRY); cell; cell = next_of(m, cell)) {
        entry = farmiq__entry(m, cell);
        if (!first || entry->seq < first->seq)
            first = entry;
    }
    return first ? older(oldest, first->created_at_unix_ms) : oldest;
}

static int outbox_stats(void *ctx, const char *queue, struct farmiq_outbox_stats *stats)
{
    struct farmiq__memory *m = ctx;
    const struct farmiq__named *named;
    uint32_t owner;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    if (r)
        return r;
    named = farmiq__named(m, owner);
    stats->pending = (uint64_t)named->lists[READY].count + named->lists[RETRY].count;
    stats->claimed = named->lists[FLIGHT].count;
    stats->dlq = named->lists[DEAD].count;
    stats->acked = named->lists[ACKED].count;
    stats->oldest_pending_unix_ms = oldest_of(m, owner);
    stats->last_acked_unix_ms = named->last_acked_unix_ms;
    return FARMIQ_OK;
}

static int is_among(int64_t seq, const int64_t *seqs, uint32_t seq_count)
{
    for (uint32_t i = 0; i < seq_count; i++)
        if (seqs[i] == seq)
            return 1;
    return seq_count == 0;
}

/* Claimable, as if nothing had been tried. */
static int give_back(struct farmiq__memory *m, uint32_t cell)
{
    struct farmiq__entry *entry = farmiq__entry(m, cell);
    int r = farmiq__touch(m, cell);

    if (r)
        return r;
    entry->attempt_count = entry->claim_count = 0;
    return move(m, cell, READY);
}

/* There is no audit here: it would not outlive the process. */
static int outbox_redrive(void *ctx, const char *queue, const int64_t *seqs,
                          uint32_t seq_count, struct farmiq_str by,
                          struct farmiq_str reason, int64_t now_unix_ms,
                          uint32_t *redriven)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, next, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    (void)by, (void)reason, (void)now_unix_ms;
    for (cell = r ? 0 : first_of(m, owner, DEAD); cell && !r; cell = next) {
        next = next_of(m, cell);
        if (!is_among(farmiq__entry(m, cell)->seq, seqs, seq_count))
            continue;
        r = give_back(m, cell);
        count++;
    }
    if (!r)
        *redriven = count;
    return r;
}

static int outbox_unclaim(void *ctx, const char *queue, int64_t now_unix_ms,
                          int64_t older_than_ms, uint32_t *unclaimed)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    while (!r &&
           (cell = find_lapsed(m, owner, now_unix_ms - older_than_ms, now_unix_ms))) {
        r = move(m, cell, READY);
        count++;
    }
    if (!r)
        *unclaimed = count;
    return r;
}

static int outbox_purge(void *ctx, const char *queue, int64_t before_unix_ms,
                        uint32_t limit, uint32_t *purged)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    while (!r && count < limit && (cell = first_of(m, owner, ACKED)) &&
           farmiq__entry(m, cell)->lease_unix_ms[0] < before_unix_ms) {
        r = farmiq__entry_free(m, cell);
        count++;
    }
    if (!r)
        *purged = count;
    return r;
}

static int outbox_purge_dead(void *ctx, const char *queue, int64_t before_unix_ms,
                             uint32_t limit, uint32_t *purged)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, next, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    for (cell = r ? 0 : first_of(m, owner, DEAD); cell && !r && count < limit;
         cell = next) {
        next = next_of(m, cell);
        if (farmiq__entry(m, cell)->lease_unix_ms[0] >= before_unix_ms)
            continue;
        r = farmiq__entry_free(m, cell);
        count++;
    }
    if (!r)
        *purged = count;
    return r;
}

/* Acknowledged rows lie in the order of their acknowledgement. */
static int outbox_replay(void *ctx, const char *queue,
                         struct farmiq_outbox_replay *replay, uint32_t *replayed)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, next, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    for (cell = r ? 0 : first_of(m, owner, ACKED); cell && !r; cell = next) {
        const struct farmiq__entry *entry = farmiq__entry(m, cell);
        int64_t acked_at_unix_ms = entry->lease_unix_ms[0];

        next = next_of(m, cell);
        if (acked_at_unix_ms >= replay->before_unix_ms || count == replay->limit)
            break;
        if (acked_at_unix_ms < replay->since_unix_ms ||
            (replay->tenant_id.len && !farmiq__text_is(m, entry, 0, replay->tenant_id)))
            continue;
        r = give_back(m, cell);
        count++;
    }
    if (r)
        return r;
    *replayed = count;
    return count < replay->limit ? FARMIQ_NONE : FARMIQ_OK;
}

static const struct farmiq_store_ops ops = {
    .size = sizeof ops,
    .begin = farmiq__memory_begin,
    .commit = farmiq__memory_commit,
    .rollback = farmiq__memory_rollback,
    .dedupe = dedupe,
    .dedupe_purge = dedupe_purge,
    .outbox_append = outbox_append,
    .outbox_claim = outbox_claim,
    .outbox_renew = outbox_renew,
    .outbox_settle = outbox_settle,
    .outbox_stats = outbox_stats,
    .outbox_redrive = outbox_redrive,
    .outbox_unclaim = outbox_unclaim,
    .outbox_purge = outbox_purge,
    .outbox_replay = outbox_replay,
    .outbox_purge_dead = outbox_purge_dead,
};

int farmiq_store_open_memory(struct farmiq_store *out, void *memory, size_t bytes)
{
    struct farmiq__memory *m;
    int r;

    if (!out || !memory || (uintptr_t)memory % _Alignof(int64_t) != 0)
        return FARMIQ_E_ARG;
    r = farmiq__memory_init(&m, memory, bytes);
    if (r)
        return r;
    out->ops = &ops;
    out->ctx = m;
    return FARMIQ_OK;
}
