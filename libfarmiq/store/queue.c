/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox verbs: append, claim, renew, settle. Written once for every SQL engine;
 * what differs is in queries.sql. */
#include "engine.h"

#include <string.h>

#include "place.h"
#include "queue_queries.h"

/* Append --------------------------------------------------------------------------- */

struct appending {
    const char *queue;
    struct farmiq_outbox_row *next;
    int64_t now_unix_ms;
    int64_t last_seq;
    struct farmiq_outbox_row *rows[FARMIQ__CHUNK]; /* the chunk */
    uint32_t count;
    struct farmiq__change change;
};

static int on_last_seq(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    (void)row, (void)count;
    *(int64_t *)ctx = columns[0].integer;
    return FARMIQ_OK;
}

/* The engine may have numbered the row otherwise than we proposed. */
static int on_added(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct appending *a = ctx;

    a->rows[row]->verdict = FARMIQ_OK;
    a->rows[row]->seq = count ? columns[0].integer : a->last_seq + 1 + row;
    a->change.pending++;
    return FARMIQ_OK;
}

static int is_deferred(const struct farmiq_outbox_row *row, int64_t now_unix_ms)
{
    return row->next_attempt_at_unix_ms > now_unix_ms;
}

/* Returns where the next parameter goes. */
static struct farmiq_sql_value *event_params(struct farmiq_sql_value *p,
                                             const struct appending *a, uint32_t i)
{
    struct farmiq_event *event = a->rows[i]->event;

    for (unsigned t = 0; t < FARMIQ__EVENT_TEXTS; t++)
        *p++ = farmiq_sql_text_or_null(*farmiq__event_text(event, t));
    *p++ = farmiq_sql_integer(event->occurred_at_unix_ms);
    *p++ = farmiq_sql_integer(a->rows[i]->priority);
    *p++ = farmiq_sql_integer(a->now_unix_ms);
    *p++ = farmiq_sql_integer(a->last_seq + 1 + i);
    return p;
}

static int add_events(struct farmiq__engine *engine, struct appending *a)
{
    struct farmiq_sql_value *p = engine->params;
    int r = farmiq_sql_run(&engine->store, &sql_event_last, a->queue, NULL, 0,
                           on_last_seq, &a->last_seq);

    if (r)
        return r;
    for (uint32_t i = 0; i < a->count; i++) {
        p = event_params(p, a, i);
        a->rows[i]->verdict = FARMIQ_DUPLICATE;
    }
    return farmiq_sql_run_many(&engine->store, &sql_event_add, a->queue, engine->params,
                               FARMIQ__EVENT_TEXTS + 4, a->count, on_added, a);
}

static int add_ready(struct farmiq__engine *engine, struct appending *a)
{
    struct farmiq__many many = { engine, &sql_ready_add, a->queue, 3, 0, 0 };

    for (uint32_t i = 0; i < a->count; i++) {
        const struct farmiq_outbox_row *row = a->rows[i];
        struct farmiq_sql_value *p;

        if (row->verdict != FARMIQ_OK || is_deferred(row, a->now_unix_ms))
            continue;
        p = farmiq__many_row(&many);
        if (!p)
            break;
        p[0] = farmiq_sql_integer(-(int64_t)row->priority);
        p[1] = farmiq_sql_integer(row->event->occurred_at_unix_ms);
        p[2] = farmiq_sql_integer(row->seq);
    }
    return farmiq__many_end(&many);
}

#define RETRY_COLUMNS 5

static void retry_params(struct farmiq_sql_value p[RETRY_COLUMNS],
                         const struct farmiq_outbox_row *row, int64_t now_unix_ms)
{
    p[0] = farmiq_sql_integer(row->seq);
    p[1] = farmiq_sql_integer(now_unix_ms);
    p[2] = farmiq_sql_integer(row->next_attempt_at_unix_ms);
    p[3] = farmiq_sql_integer(row->attempt_count);
    p[4] = farmiq_sql_integer(row->claim_count);
}

/* A row that is appended for later waits where retries wait. */
static int add_deferred(struct farmiq__engine *engine, struct appending *a)
{
    struct farmiq__many many = { engine, &sql_retry_add, a->queue, RETRY_COLUMNS, 0, 0 };

    for (uint32_t i = 0; i < a->count; i++) {
        struct farmiq_sql_value *p;

        if (a->rows[i]->verdict != FARMIQ_OK || !is_deferred(a->rows[i], a->now_unix_ms))
            continue;
        p = farmiq__many_row(&many);
        if (!p)
            break;
        retry_params(p, a->rows[i], a->now_unix_ms);
    }
    return farmiq__many_end(&many);
}

static int on_compared(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    struct appending *a = ctx;

    (void)count;
    a->rows[row]->seq = columns[0].integer;
    a->rows[row]->verdict = columns[1].integer ? FARMIQ_DUPLICATE : FARMIQ_CONFLICT;
    return FARMIQ_OK;
}

/* Keep only what was there already; those are compared. */
static int compare_events(struct farmiq__engine *engine, struct appending *a)
{
    struct farmiq_sql_value *p = engine->params;
    uint32_t found = 0;

    for (uint32_t i = 0; i < a->count; i++) {
        const struct farmiq_event *event = a->rows[i]->event;

        if (a->rows[i]->verdict != FARMIQ_DUPLICATE)
            continue;
        *p++ = farmiq_sql_text(event->tenant_id);
        *p++ = farmiq_sql_text(event->event_id);
        *p++ = farmiq_sql_text(event->event_type);
        *p++ = farmiq_sql_integer(event->occurred_at_unix_ms);
        *p++ = farmiq_sql_text(event->payload);
        a->rows[found++] = a->rows[i];
    }
    return farmiq_sql_run_many(&engine->store, &sql_event_compare, a->queue,
                               engine->params, 5, found, on_compared, a);
}

static int append_chunk(struct farmiq__engine *engine, struct appending *a)
{
    static int (*const steps[])(struct farmiq__engine *,
                                struct appending *) = { add_events, add_ready,
                                                        add_deferred, compare_events };
    int r = FARMIQ_OK;

    for (size_t i = 0; i < sizeof steps / sizeof *steps && !r; i++)
        r = steps[i](engine, a);
    return r;
}

/* A chunk in one statement, which counts as well. */
static int append_whole(struct farmiq__engine *engine, struct appending *a)
{
    struct farmiq_sql_value *p = engine->params;

    for (uint32_t i = 0; i < a->count; i++) {
        const struct farmiq_outbox_row *row = a->rows[i];

        p = event_params(p, a, i);
        *p++ = farmiq_sql_integer(is_deferred(row, a->now_unix_ms)
                                      ? row->next_attempt_at_unix_ms
                                      : a->now_unix_ms);
        *p++ = farmiq_sql_integer(row->attempt_count);
        *p++ = farmiq_sql_integer(row->claim_count);
        a->rows[i]->verdict = FARMIQ_DUPLICATE;
    }
    return farmiq_sql_run_many(&engine->store, &sql_append_whole, a->queue,
                               engine->params, FARMIQ__EVENT_TEXTS + 7, a->count,
                               on_added, a);
}

static void resume_with_chunk(struct farmiq__engine *engine, const struct appending *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct farmiq__key key = { -(int64_t)a->rows[i]->priority,
                                         a->rows[i]->event->occurred_at_unix_ms,
                                         a->rows[i]->seq };

        farmiq__resume_with(&engine->resumes, a->queue, &key);
    }
}

static int append_chunk_whole(struct farmiq__engine *engine, struct appending *a)
{
    int r = append_whole(engine, a);

    a->change.pending = 0;
    resume_with_chunk(engine, a);
    return r ? r : compare_events(engine, a);
}

static int append(struct farmiq__engine *engine, void *arg)
{
    struct appending *a = arg;
    int r = FARMIQ_OK;

    while (a->next && !r) {
        for (a->count = 0; a->next && a->count < FARMIQ__CHUNK; a->next = a->next->next)
            a->rows[a->count++] = a->next;
        r = engine->does_whole_verbs ? append_chunk_whole(engine, a)
                                     : append_chunk(engine, a);
    }
    return r ? r : farmiq__count(engine, a->queue, &a->change);
}

static int is_one_chunk(const struct farmiq_outbox_row *row)
{
    uint32_t count = 0;

    for (; row && count <= FARMIQ__CHUNK; row = row->next)
        count++;
    return count <= FARMIQ__CHUNK;
}

int farmiq__outbox_append(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                          int64_t now_unix_ms)
{
    struct appending a = { .queue = queue, .next = first, .now_unix_ms = now_unix_ms };
    struct farmiq__engine *engine = ctx;

    if (engine->does_whole_verbs && is_one_chunk(first))
        return append(engine, &a);
    return farmiq__unit(engine, append, &a);
}

/* Death ---------------------------------------------------------------------------- */

struct death {
    int64_t seq;
    int32_t status;
    uint32_t attempt_count;
    const char *reason;
    struct farmiq_str actor;
};

static int bury(struct farmiq__engine *engine, const char *queue,
                const struct death *death, int64_t now_unix_ms)
{
    const struct farmiq_sql_value dead[] = {
        farmiq_sql_integer(death->seq),
        farmiq_sql_integer(now_unix_ms),
        farmiq_sql_integer(death->status),
        farmiq_sql_text(farmiq__text(death->reason)),
        farmiq_sql_integer(death->attempt_count),
    };
    const struct farmiq_sql_value audit[] = { dead[0], farmiq_sql_text(death->actor) };
    int r = farmiq_sql_run(&engine->store, &sql_dead_add, queue, dead, 5, NULL, NULL);

    return r ? r
             : farmiq_sql_run(&engine->store, &sql_audit_death, queue, audit, 2, NULL,
                              NULL);
}

/* Claim ---------------------------------------------------------------------------- */

/* Retries that fall due together come back this many at a claim, so that a claim
 * stays short whatever has piled up. */
#define DUE_ROWS 1000

struct claiming {
    struct farmiq__engine *engine;
    const char *queue;
    const struct farmiq_outbox_claim *claim;
    struct farmiq__place place;
    struct farmiq_outbox_row *first, **tail;
    uint32_t taken;
    uint32_t at;    /* the batch in hand has been read up to here */
    int is_full;    /* the next row did not fit */
    int64_t key[3]; /* in ready, of the last row read */
    struct farmiq__change change;
};

/* Columns of ready_first and batch_events. */
enum { SEQ, ATTEMPT_COUNT, CLAIM_COUNT, PRIORITY, OCCURRED_AT, TEXTS };

static struct farmiq_outbox_row *place_row(struct claiming *c,
                                           const struct farmiq__held *held,
                                           const struct farmiq_sql_value *columns)
{
    struct farmiq_outbox_row row = { .size = sizeof row };
    struct farmiq_event event = { .size = sizeof event, .index = c->taken };

    row.status = FARMIQ_OUTBOX_CLAIMED;
    row.seq = held->seq;
    row.attempt_count = held->attempt_count;
    row.claim_count = held->claim_count + 1;
    row.priority = (int32_t)columns[PRIORITY].integer;
    row.token[0] = c->claim->token[0];
    row.token[1] = c->claim->token[1];
    event.occurred_at_unix_ms = columns[OCCURRED_AT].integer;
    for (unsigned i = 0; i < FARMIQ__EVENT_TEXTS; i++)
        *farmiq__event_text(&event, i) = columns[TEXTS + i].text;
    return farmiq__place_row(&c->place, &row, &event);
}

/* Give one row its fate. FARMIQ_EXHAUSTED: no room for it. */
static int take_row(struct claiming *c, struct farmiq__held *held,
                    const struct farmiq_sql_value *columns)
{
    struct farmiq_outbox_row *placed;

    if (held->claim_count >= c->claim->max_claims) {
        held->fate = FARMIQ__POISONED;
        return FARMIQ_OK;
    }
    placed = place_row(c, held, columns);
    if (!placed) {
        c->is_full = 1;
        return FARMIQ_EXHAUSTED;
    }
    held->fate = FARMIQ__TAKEN;
    held->claim_count++;
    c->taken++;
    *c->tail = placed;
    c->tail = &placed->next;
    return FARMIQ_OK;
}

static int on_ready(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct claiming *c = ctx;
    struct farmiq__held *held = farmiq__held_add(c->engine);

    (void)row, (void)count;
    if (!held)
        return FARMIQ_E_NOMEM;
    held->seq = columns[SEQ].integer;
    held->attempt_count = (uint32_t)columns[ATTEMPT_COUNT].integer;
    held->claim_count = (uint32_t)columns[CLAIM_COUNT].integer;
    /* Read on, so that all are known: where reading takes, the others must go back. */
    if (c->is_full || take_row(c, held, columns))
        return FARMIQ_OK;
    c->key[0] = -columns[PRIORITY].integer;
    c->key[1] = columns[OCCURRED_AT].integer;
    c->key[2] = columns[SEQ].integer;
    return FARMIQ_OK;
}

static int on_batch_event(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                          uint32_t count)
{
    struct claiming *c = ctx;
    struct farmiq__engine *engine = c->engine;

    (void)row, (void)count;
    while (c->at < engine->held_count && engine->held[c->at].seq != columns[SEQ].integer)
        c->at++;
    if (c->at == engine->held_count || c->taken == c->claim->limit)
        return FARMIQ_EXHAUSTED;
    return take_row(c, &engine->held[c->at++], columns);
}

/* The rows in hand were counted in `from`, which is one of the change's own. */
static void count_fates(struct claiming *c, int64_t *from)
{
    *from -= c->engine->held_count;
    c->change.claimed += farmiq__held_with(c->engine, FARMIQ__TAKEN);
    c->change.dead += farmiq__held_with(c->engine, FARMIQ__POISONED);
    c->change.pending += farmiq__held_with(c->engine, FARMIQ__LEFT);
}

static int bury_poisoned(struct claiming *c)
{
    struct farmiq__engine *engine = c->engine;
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < engine->held_count && !r; i++) {
        const struct farmiq__held *held = &engine->held[i];
        const struct death death = { .seq = held->seq,
                                     .status = FARMIQ_OUTBOX_DLQ,
                                     .attempt_count = held->attempt_count,
                                     .reason = "max_claims_exceeded",
                                     .actor = c->claim->claimed_by };

        if (held->fate == FARMIQ__POISONED)
            r = bury(engine, c->queue, &death, c->claim->now_unix_ms);
    }
    return r;
}

/* Write the batch of what was taken. */
static int add_batch(struct claiming *c)
{
    const struct farmiq_outbox_claim *claim = c->claim;
    struct farmiq_sql_value params[7];
    char token[33];
    int r;

    if (!c->taken)
        return FARMIQ_OK;
    farmiq__token_text(claim->token, token);
    params[0] = farmiq_sql_text(farmiq__text(token));
    params[1] = farmiq_sql_text(claim->claimed_by);
    params[2] = farmiq_sql_integer(claim->now_unix_ms);
    params[3] = farmiq_sql_integer(claim->now_unix_ms + claim->lease_ms);
    r = farmiq__held_lists(c->engine, FARMIQ__TAKEN, &params[4]);
    return r ? r
             : farmiq_sql_run(&c->engine->store, &sql_batch_add, c->queue, params, 7,
                              NULL, NULL);
}

/* Read the events of the lapsed batch into the claimer's memory. */
static int read_batch(struct claiming *c)
{
    struct farmiq_sql_value lists[3];
    int r = farmiq__held_lists(c->engine, FARMIQ__LEFT, lists);

    if (r)
        return r;
    c->at = 0;
    r = farmiq_sql_run(&c->engine->store, &sql_batch_events, c->queue, lists, 1,
                       on_batch_event, c);
    if (r < 0)
        return r;
    return c->is_full && !c->taken ? FARMIQ_E_NOSPACE : FARMIQ_OK;
}

/* The batch in hand lapsed: its rows are ours. What our limit or memory does not hold
 * goes back. */
static int take_over(struct claiming *c)
{
    int r = read_batch(c);

    count_fates(c, &c->change.claimed);
    if (!r)
        r = farmiq__batch_delete(c->engine, c->queue);
    if (!r)
        r = farmiq__give_back(c->engine, c->queue, FARMIQ__LEFT);
    if (!r)
        r = bury_poisoned(c);
    return r ? r : add_batch(c);
}

static int move_due(struct claiming *c)
{
    const struct farmiq_sql_value params[] = { farmiq_sql_integer(c->claim->now_unix_ms),
                                               farmiq_sql_integer(DUE_ROWS) };
    int r = farmiq_sql_run(&c->engine->store, &sql_ready_due, c->queue, params, 2, NULL,
                           NULL);

    return r ? r
             : farmiq_sql_run(&c->engine->store, &sql_retry_due_delete, c->queue, params,
                              2, NULL, NULL);
}

static int delete_ready(struct claiming *c)
{
    const struct farmiq_sql_value key[] = { farmiq_sql_integer(c->key[0]),
                                            farmiq_sql_integer(c->key[1]),
                                            farmiq_sql_integer(c->key[2]) };

    return farmiq_sql_run(&c->engine->store, &sql_ready_take, c->queue, key, 3, NULL,
                          NULL);
}

static int take_fresh(struct claiming *c)
{
    const struct farmiq_sql_value limit = farmiq_sql_integer(c->claim->limit);
    int r;

    c->engine->held_count = 0;
    r = farmiq_sql_run(&c->engine->store, &sql_ready_first, c->queue, &limit, 1, on_ready,
                       c);
    if (r < 0)
        return r;
    if (c->engine->held_count == 0)
        return FARMIQ_NONE;
    r = farmiq__held_send(c->engine, &sql_ready_untake, c->queue, FARMIQ__LEFT);
    if (r)
        return r;
    if (farmiq__held_with(c->engine, FARMIQ__LEFT) == c->engine->held_count)
        return FARMIQ_E_NOSPACE;
    count_fates(c, &c->change.pending);
    r = delete_ready(c);
    if (!r)
        r = bury_poisoned(c);
    return r ? r : add_batch(c);
}

/* The usual claim is one statement, and so a transaction of its own where there is none.
 * What it took too much of goes back in another: until then it is ours anyway. */

/* The rows that were taken are past, as far as we are told of it: a transaction that the
 * caller began by himself he may roll back by himself. */
static void resume_after(struct claiming *c)
{
    if (c->engine->is_in_transaction(c->engine) && !c->engine->owns_transactions)
        return;
    for (const struct farmiq_outbox_row *row = c->first; row; row = row->next) {
        const struct farmiq__key key = { -(int64_t)row->priority,
                                         row->event->occurred_at_unix_ms, row->seq };

        farmiq__resume_after(&c->engine->resumes, c->queue, &key);
    }
}

/* Keep what was taken, give the rest back, bury what is poison. */
static int put_right(struct farmiq__engine *engine, void *arg)
{
    struct claiming *c = arg;
    struct farmiq_sql_value params[4];
    struct farmiq__change change = { 0 };
    int r = farmiq__held_lists(engine, FARMIQ__TAKEN, &params[1]);

    params[0] = farmiq_sql_text(farmiq__text(engine->token));
    if (!r)
        r = c->taken ? farmiq_sql_run(&engine->store, &sql_batch_shrink, c->queue, params,
                                      4, NULL, NULL)
                     : farmiq__batch_delete(engine, c->queue);
    if (!r)
        r = farmiq__held_send(engine, &sql_ready_untake, c->queue, FARMIQ__LEFT);
    if (!r)
        r = bury_poisoned(c);
    change.pending = farmiq__held_with(engine, FARMIQ__LEFT);
    change.dead = farmiq__held_with(engine, FARMIQ__POISONED);
    change.claimed = -(change.pending + change.dead);
    return r ? r : farmiq__count(engine, c->queue, &change);
}

static void claim_whole_params(struct claiming *c, int may_be_held_up,
                               struct farmiq_sql_value params[10])
{
    const struct farmiq_outbox_claim *claim = c->claim;
    struct farmiq_sql_value stretches[4];

    farmiq__token_text(claim->token, c->engine->token);
    farmiq__resume_stretches(&c->engine->resumes, c->queue, claim->now_unix_ms,
                             stretches);
    params[0] = farmiq_sql_text(farmiq__text(c->engine->token));
    params[1] = farmiq_sql_text(claim->claimed_by);
    params[2] = farmiq_sql_integer(claim->now_unix_ms);
    params[3] = farmiq_sql_integer(claim->now_unix_ms + claim->lease_ms);
    params[4] = farmiq_sql_integer(claim->limit);
    params[5] = stretches[0];
    params[6] = stretches[1];
    params[7] = stretches[2];
    params[8] = farmiq_sql_integer(may_be_held_up);
    params[9] = stretches[3];
}

/* FARMIQ_NONE: there was nothing to take, or what comes before it holds it up. */
static int claim_whole(struct claiming *c, int may_be_held_up)
{
    struct farmiq__engine *engine = c->engine;
    struct farmiq_sql_value params[10];
    int r;

    claim_whole_params(c, may_be_held_up, params);
    engine->held_count = 0;
    r = farmiq_sql_run(&engine->store, &sql_claim_whole, c->queue, params, 10, on_ready,
                       c);
    if (r || !engine->held_count) {
        farmiq__resume_forget(&engine->resumes, c->queue);
        return r ? r : FARMIQ_NONE;
    }
    if (farmiq__held_with(engine, FARMIQ__TAKEN) == engine->held_count) {
        resume_after(c);
        return FARMIQ_OK;
    }
    farmiq__resume_forget(&engine->resumes, c->queue);
    r = farmiq__unit(engine, put_right, c);
    return r ? r : c->is_full && !c->taken ? FARMIQ_E_NOSPACE : FARMIQ_OK;
}

static int claim_lapsed(struct claiming *c)
{
    const struct farmiq_sql_value now = farmiq_sql_integer(c->claim->now_unix_ms);
    const struct farmiq_sql_value lapsed[] = { now, now };
    int r = FARMIQ_OK;

    while (!r && !c->taken) {
        r = farmiq__batch_find(c->engine, &sql_batch_lapsed, c->queue, lapsed, 2);
        if (!r)
            r = take_over(c);
    }
    return r;
}

static int claim_fresh(struct claiming *c)
{
    int r = move_due(c);

    while (!r && !c->taken)
        r = c->engine->does_whole_verbs ? claim_whole(c, 0) : take_fresh(c);
    return r;
}

/* A lapsed batch first, then fresh rows; and on, if all there was is poison, which is
 * counted though nothing was claimed. */
static int claim(struct farmiq__engine *engine, void *arg)
{
    struct claiming *c = arg;
    int r = claim_lapsed(c), counted;

    if (r == FARMIQ_NONE)
        r = claim_fresh(c);
    if (r < 0)
        return r;
    counted = farmiq__count(engine, c->queue, &c->change);
    return counted ? counted : r;
}

int farmiq__outbox_claim(void *ctx, const char *queue,
                         const struct farmiq_outbox_claim *claim_,
                         struct farmiq_outbox_row **first)
{
    struct claiming c = { .engine = ctx,
                          .queue = queue,
                          .claim = claim_,
                          .place = { claim_->memory, claim_->memory_bytes } };
    int r = FARMIQ_NONE;

    c.tail = &c.first;
    if (c.engine->does_whole_verbs)
        r = claim_whole(&c, 1);
    if (r == FARMIQ_NONE || (r == FARMIQ_OK && !c.taken))
        r = farmiq__unit(ctx, claim, &c);
    if (r == FARMIQ_OK)
        *first = c.first;
    return r;
}

/* Renew ---------------------------------------------------------------------------- */

static int on_found(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row, (void)columns, (void)count;
    *(int *)ctx = 1;
    return FARMIQ_OK;
}

int farmiq__outbox_renew(void *ctx, const char *queue, const uint64_t token[2],
                         int64_t now_unix_ms, uint32_t lease_ms)
{
    struct farmiq__engine *engine = ctx;
    struct farmiq_sql_value params[3];
    char text[33];
    int found = 0, r;

    farmiq__token_text(token, text);
    params[0] = farmiq_sql_text(farmiq__text(text));
    params[1] = farmiq_sql_integer(now_unix_ms);
    params[2] = farmiq_sql_integer(now_unix_ms + lease_ms);
    r = farmiq_sql_run(&engine->store, &sql_batch_renew, queue, params, 3, on_found,
                       &found);
    return r ? r : found ? FARMIQ_OK : FARMIQ_NONE;
}

/* Settle --------------------------------------------------------------------------- */

struct settling {
    const char *queue;
    struct farmiq_outbox_row *first;
    int64_t now_unix_ms;
};

/* Chains come in the order of the claim, so the search begins after the last find. */
static struct farmiq__held *find_held(struct farmiq__engine *engine, int64_t seq,
                                      uint32_t *from)
{
    for (uint32_t n = 0; n < engine->held_count; n++) {
        uint32_t i = (*from + n) % engine->held_count;

        if (engine->held[i].seq == seq && engine->held[i].fate == FARMIQ__LEFT) {
            *from = i + 1;
            return &engine->held[i];
        }
    }
    return NULL;
}

static enum farmiq__fate fate_of(const struct farmiq_outbox_row *row, int64_t now_unix_ms)
{
    if (row->status == FARMIQ_OUTBOX_ACKED)
        return FARMIQ__ACKED;
    if (row->status != FARMIQ_OUTBOX_PENDING)
        return FARMIQ__DEAD;
    return is_deferred(row, now_unix_ms) ? FARMIQ__DEFERRED : FARMIQ__RETURNED;
}

/* FARMIQ_NONE if the batch does not hold one of the rows, or not any more. */
static int match_rows(struct farmiq__engine *engine, const struct settling *s)
{
    uint32_t from = 0;

    for (struct farmiq_outbox_row *row = s->first; row; row = row->next) {
        struct farmiq__held *held = find_held(engine, row->seq, &from);

        if (!held)
            return FARMIQ_NONE;
        held->fate = fate_of(row, s->now_unix_ms);
        held->attempt_count = row->attempt_count;
        held->claim_count = row->claim_count;
    }
    return FARMIQ_OK;
}

static int add_retries(struct farmiq__engine *engine, const struct settling *s)
{
    struct farmiq__many many = { engine, &sql_retry_add, s->queue, RETRY_COLUMNS, 0, 0 };

    for (struct farmiq_outbox_row *row = s->first; row; row = row->next) {
        struct farmiq_sql_value *p;

        if (fate_of(row, s->now_unix_ms) != FARMIQ__DEFERRED)
            continue;
        p = farmiq__many_row(&many);
        if (!p)
            break;
        retry_params(p, row, s->now_unix_ms);
    }
    return farmiq__many_end(&many);
}

/* At most this much of an error text is kept (spec edge 13-C14), cut between
 * characters. */
#define ERROR_BYTES 500

static struct farmiq_sql_value error_text(struct farmiq_str text)
{
    if (text.len > ERROR_BYTES)
        for (text.len = ERROR_BYTES;
             text.len && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80; text.len--)
            ;
    return farmiq_sql_text_or_null(text);
}

/* Of a row that is due again at once no error is kept: an outage is not about the row,
 * and there would be one for each row of the backlog. */
static int put_errors(struct farmiq__engine *engine, const struct settling *s)
{
    struct farmiq__many many = { engine, &sql_error_put, s->queue, 3, 0, 0 };

    for (struct farmiq_outbox_row *row = s->first; row; row = row->next) {
        enum farmiq__fate fate = fate_of(row, s->now_unix_ms);
        struct farmiq_sql_value *p;

        if ((fate != FARMIQ__DEFERRED && fate != FARMIQ__DEAD) ||
            (!row->last_error_code.len && !row->last_error_message.len))
            continue;
        p = farmiq__many_row(&many);
        if (!p)
            break;
        p[0] = farmiq_sql_integer(row->seq);
        p[1] = error_text(row->last_error_code);
        p[2] = error_text(row->last_error_message);
    }
    return farmiq__many_end(&many);
}

static int add_dead(struct farmiq__engine *engine, const struct settling *s)
{
    int r = FARMIQ_OK;

    for (struct farmiq_outbox_row *row = s->first; row && !r; row = row->next) {
        int is_failed = row->status == FARMIQ_OUTBOX_FAILED;
        const struct death death = { .seq = row->seq,
                                     .status = row->status,
                                     .attempt_count = row->attempt_count,
                                     .reason =
                                         is_failed ? "refused" : "max_attempts_exceeded",
                                     .actor = farmiq__text("settle") };

        if (fate_of(row, s->now_unix_ms) == FARMIQ__DEAD)
            r = bury(engine, s->queue, &death, s->now_unix_ms);
    }
    return r;
}

static int add_receipt(struct farmiq__engine *engine, const struct settling *s)
{
    struct farmiq_sql_value params[5];
    int r;

    if (!farmiq__held_with(engine, FARMIQ__ACKED))
        return FARMIQ_OK;
    params[0] = farmiq_sql_text(farmiq__text(engine->token));
    params[1] = farmiq_sql_integer(s->now_unix_ms);
    r = farmiq__held_lists(engine, FARMIQ__ACKED, &params[2]);
    return r ? r
             : farmiq_sql_run(&engine->store, &sql_receipt_add, s->queue, params, 3, NULL,
                              NULL);
}

/* What was not settled stays leased. */
static int release(struct farmiq__engine *engine, const struct settling *s)
{
    struct farmiq_sql_value params[4];
    int r;

    if (!farmiq__held_with(engine, FARMIQ__LEFT))
        return farmiq__batch_delete(engine, s->queue);
    params[0] = farmiq_sql_text(farmiq__text(engine->token));
    r = farmiq__held_lists(engine, FARMIQ__LEFT, &params[1]);
    return r ? r
             : farmiq_sql_run(&engine->store, &sql_batch_shrink, s->queue, params, 4,
                              NULL, NULL);
}

static int give_back_settled(struct farmiq__engine *engine, const struct settling *s)
{
    return farmiq__give_back(engine, s->queue, FARMIQ__RETURNED);
}

static int count_settled(struct farmiq__engine *engine, const struct settling *s)
{
    struct farmiq__change change = { 0 };

    change.acked = farmiq__held_with(engine, FARMIQ__ACKED);
    change.dead = farmiq__held_with(engine, FARMIQ__DEAD);
    change.pending = (int64_t)farmiq__held_with(engine, FARMIQ__RETURNED) +
                     farmiq__held_with(engine, FARMIQ__DEFERRED);
    change.claimed = -(change.acked + change.dead + change.pending);
    change.acked_at_unix_ms = change.acked ? s->now_unix_ms : 0;
    return farmiq__count(engine, s->queue, &change);
}

/* The token first: a worker that lost its lease must not overwrite the new owner. */
static int settle(struct farmiq__engine *engine, void *arg)
{
    static int (*const steps[])(struct farmiq__engine *, const struct settling *) = {
        match_rows,        add_retries, put_errors, add_dead,
        give_back_settled, add_receipt, release,    count_settled,
    };
    const struct settling *s = arg;
    struct farmiq_sql_value token;
    char text[33];
    int r;

    farmiq__token_text(s->first->token, text);
    token = farmiq_sql_text(farmiq__text(text));
    r = farmiq__batch_find(engine, &sql_batch_get, s->queue, &token, 1);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !r; i++)
        r = steps[i](engine, s);
    return r;
}

/* The rows as the batch in hand, if all are acknowledged. FARMIQ_NONE: they are not. */
static int hold_acknowledged(struct farmiq__engine *engine, const struct settling *s)
{
    engine->held_count = 0;
    for (const struct farmiq_outbox_row *row = s->first; row; row = row->next) {
        struct farmiq__held *held;

        if (row->status != FARMIQ_OUTBOX_ACKED)
            return FARMIQ_NONE;
        held = farmiq__held_add(engine);
        if (!held)
            return FARMIQ_E_NOMEM;
        held->seq = row->seq;
        held->fate = FARMIQ__ACKED;
    }
    return FARMIQ_OK;
}

/* The usual settlement is one statement. FARMIQ_NONE: it is not the usual one. */
static int settle_whole(struct farmiq__engine *engine, const struct settling *s)
{
    struct farmiq_sql_value params[3], lists[3];
    char text[33];
    int found = 0, r = hold_acknowledged(engine, s);

    if (!r)
        r = farmiq__held_lists(engine, FARMIQ__ACKED, lists);
    if (r)
        return r;
    farmiq__token_text(s->first->token, text);
    params[0] = farmiq_sql_text(farmiq__text(text));
    params[1] = lists[0];
    params[2] = farmiq_sql_integer(s->now_unix_ms);
    r = farmiq_sql_run(&engine->store, &sql_settle_whole, s->queue, params, 3, on_found,
                       &found);
    return r ? r : found ? FARMIQ_OK : FARMIQ_NONE;
}

int farmiq__outbox_settle(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                          int64_t now_unix_ms)
{
    struct settling s = { queue, first, now_unix_ms };
    struct farmiq__engine *engine = ctx;
    int r = FARMIQ_NONE;

    if (engine->does_whole_verbs)
        r = settle_whole(engine, &s);
    return r == FARMIQ_NONE ? farmiq__unit(engine, settle, &s) : r;
}
