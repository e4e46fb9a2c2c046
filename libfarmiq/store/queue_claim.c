/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: rows change from the queue, or from a lapsed batch, into a batch of the
 * claimer's own. */
#include "engine.h"

#include "place.h"
#include "queue_private.h"
#include "queue_queries.h"

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
        const struct farmiq__death death = { .seq = held->seq,
                                             .status = FARMIQ_OUTBOX_DLQ,
                                             .attempt_count = held->attempt_count,
                                             .reason = "max_claims_exceeded",
                                             .actor = c->claim->claimed_by };

        if (held->fate == FARMIQ__POISONED)
            r = farmiq__bury(engine, c->queue, &death, c->claim->now_unix_ms);
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

/* The usual claim is one statement, and so a transaction of its own where there is none.
 * What it took too much of goes back in another: until then it is ours anyway.
 * FARMIQ_NONE: there was nothing to take, or what comes before it holds it up. */
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
