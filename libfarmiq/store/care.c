/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox verbs that look after a queue: stats, redrive, unclaim, purge,
 * replay. */
#include "engine.h"

#include "queue_queries.h"

static int on_stats(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct farmiq_outbox_stats *stats = ctx;

    (void)row, (void)count;
    stats->pending = (uint64_t)columns[0].integer;
    stats->claimed = (uint64_t)columns[1].integer;
    stats->dlq = (uint64_t)columns[2].integer;
    stats->acked = (uint64_t)columns[3].integer;
    stats->oldest_pending_unix_ms = columns[4].integer;
    stats->last_acked_unix_ms = columns[5].integer;
    return FARMIQ_OK;
}

int farmiq__outbox_stats(void *ctx, const char *queue, struct farmiq_outbox_stats *stats)
{
    struct farmiq__engine *engine = ctx;

    return farmiq_sql_run(&engine->store, &sql_stats, queue, NULL, 0, on_stats, stats);
}

struct redriving {
    const char *queue;
    const int64_t *seqs;
    uint32_t seq_count;
    struct farmiq_str by, reason;
    int64_t now_unix_ms;
    uint32_t redriven;
};

static int on_redriven(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    struct redriving *d = ctx;

    (void)row, (void)columns, (void)count;
    d->redriven++;
    return FARMIQ_OK;
}

/* The seqs as a list; NULL means all. */
static int list_seqs(struct farmiq__engine *engine, const struct redriving *d,
                     struct farmiq_sql_value *list)
{
    struct farmiq_sql_value lists[3];
    int r;

    *list = farmiq_sql_null();
    if (!d->seq_count)
        return FARMIQ_OK;
    engine->held_count = 0;
    for (uint32_t i = 0; i < d->seq_count; i++) {
        struct farmiq__held *held = farmiq__held_add(engine);

        if (!held)
            return FARMIQ_E_NOMEM;
        held->seq = d->seqs[i];
    }
    r = farmiq__held_lists(engine, FARMIQ__LEFT, lists);
    if (!r)
        *list = lists[0];
    return r;
}

static int revive(struct farmiq__engine *engine, struct redriving *d)
{
    struct farmiq_sql_value params[4];
    int r = list_seqs(engine, d, &params[0]);

    farmiq__resume_forget(&engine->resumes, d->queue);
    params[1] = farmiq_sql_integer(d->now_unix_ms);
    params[2] = farmiq_sql_text(d->by);
    params[3] = farmiq_sql_text(d->reason);
    if (!r)
        r = farmiq_sql_run(&engine->store, &sql_audit_redrive, d->queue, params, 4, NULL,
                           NULL);
    if (!r)
        r = farmiq_sql_run(&engine->store, &sql_ready_redrive, d->queue, params, 1, NULL,
                           NULL);
    return r ? r
             : farmiq_sql_run(&engine->store, &sql_dead_redrive, d->queue, params, 1,
                              on_redriven, d);
}

static int redrive(struct farmiq__engine *engine, void *arg)
{
    struct redriving *d = arg;
    struct farmiq__change change = { 0 };
    int r = revive(engine, d);

    change.pending = d->redriven;
    change.dead = -change.pending;
    return r ? r : farmiq__count(engine, d->queue, &change);
}

int farmiq__outbox_redrive(void *ctx, const char *queue, const int64_t *seqs,
                           uint32_t seq_count, struct farmiq_str by,
                           struct farmiq_str reason, int64_t now_unix_ms,
                           uint32_t *redriven)
{
    struct redriving d = { queue, seqs, seq_count, by, reason, now_unix_ms, 0 };
    int r = farmiq__unit(ctx, redrive, &d);

    if (!r)
        *redriven = d.redriven;
    return r;
}

struct unclaiming {
    const char *queue;
    int64_t now_unix_ms, older_than_ms;
    uint32_t unclaimed;
};

static int end_lapsed(struct farmiq__engine *engine, struct unclaiming *u)
{
    const struct farmiq_sql_value lapsed[] = { farmiq_sql_integer(u->now_unix_ms -
                                                                  u->older_than_ms),
                                               farmiq_sql_integer(u->now_unix_ms) };
    int r;

    for (;;) {
        r = farmiq__batch_find(engine, &sql_batch_lapsed, u->queue, lapsed, 2);
        if (r)
            return r == FARMIQ_NONE ? FARMIQ_OK : r;
        r = farmiq__give_back(engine, u->queue, FARMIQ__LEFT);
        if (!r)
            r = farmiq__batch_delete(engine, u->queue);
        if (r)
            return r;
        u->unclaimed += engine->held_count;
    }
}

static int unclaim(struct farmiq__engine *engine, void *arg)
{
    struct unclaiming *u = arg;
    struct farmiq__change change = { 0 };
    int r = end_lapsed(engine, u);

    change.pending = u->unclaimed;
    change.claimed = -change.pending;
    return r ? r : farmiq__count(engine, u->queue, &change);
}

int farmiq__outbox_unclaim(void *ctx, const char *queue, int64_t now_unix_ms,
                           int64_t older_than_ms, uint32_t *unclaimed)
{
    struct unclaiming u = { queue, now_unix_ms, older_than_ms, 0 };
    int r = farmiq__unit(ctx, unclaim, &u);

    if (!r)
        *unclaimed = u.unclaimed;
    return r;
}

struct purging {
    struct farmiq__engine *engine;
    const char *queue;
    int64_t before_unix_ms;
    uint32_t limit, purged;
    int64_t receipt; /* 0: none is old enough */
};

static int on_receipt(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    static const struct farmiq_str none;
    struct purging *p = ctx;

    (void)row, (void)count;
    p->receipt = columns[0].integer;
    return farmiq__held_read(p->engine, columns[1].text, none, none);
}

/* Whatever list an event's seq was in forgets it in the same transaction: a seq that
 * is given out again means only the new event. */
static int shrink_receipt(struct farmiq__engine *engine, const char *queue,
                          int64_t receipt)
{
    struct farmiq_sql_value params[4];
    int r;

    params[0] = farmiq_sql_integer(receipt);
    if (!farmiq__held_with(engine, FARMIQ__LEFT))
        return farmiq_sql_run(&engine->store, &sql_receipt_delete, queue, params, 1, NULL,
                              NULL);
    r = farmiq__held_lists(engine, FARMIQ__LEFT, &params[1]);
    return r ? r
             : farmiq_sql_run(&engine->store, &sql_receipt_shrink, queue, params, 2, NULL,
                              NULL);
}

/* Delete as many of the receipt's events as the limit still allows. */
static int purge_receipt(struct purging *p)
{
    struct farmiq__engine *engine = p->engine;
    struct farmiq_sql_value lists[3];
    int r;

    for (uint32_t i = 0; i < engine->held_count && p->purged < p->limit; i++) {
        engine->held[i].fate = FARMIQ__TAKEN;
        p->purged++;
    }
    r = farmiq__held_lists(engine, FARMIQ__TAKEN, lists);
    if (!r)
        r = farmiq_sql_run(&engine->store, &sql_event_delete, p->queue, lists, 1, NULL,
                           NULL);
    if (!r)
        r = farmiq_sql_run(&engine->store, &sql_error_delete, p->queue, lists, 1, NULL,
                           NULL);
    return r ? r : shrink_receipt(engine, p->queue, p->receipt);
}

static int purge(struct farmiq__engine *engine, void *arg)
{
    struct purging *p = arg;
    const struct farmiq_sql_value before = farmiq_sql_integer(p->before_unix_ms);
    struct farmiq__change change = { 0 };
    int r = FARMIQ_OK;

    while (!r && p->purged < p->limit) {
        p->receipt = 0;
        r = farmiq_sql_run(&engine->store, &sql_receipt_oldest, p->queue, &before, 1,
                           on_receipt, p);
        if (r || !p->receipt)
            break;
        r = purge_receipt(p);
    }
    change.acked = -(int64_t)p->purged;
    return r ? r : farmiq__count(engine, p->queue, &change);
}

/* Either purge, as a unit of its own. */
static int run_purge(int (*purge_some)(struct farmiq__engine *engine, void *arg),
                     struct purging *p, uint32_t *purged)
{
    int r = farmiq__unit(p->engine, purge_some, p);

    if (!r)
        *purged = p->purged;
    return r;
}

int farmiq__outbox_purge(void *ctx, const char *queue, int64_t before_unix_ms,
                         uint32_t limit, uint32_t *purged)
{
    struct purging p = { ctx, queue, before_unix_ms, limit, 0, 0 };

    return run_purge(purge, &p, purged);
}

struct replaying {
    struct farmiq__engine *engine;
    const char *queue;
    struct farmiq_outbox_replay at; /* the caller's changes only when all went well */
    uint32_t replayed;
    int is_found;
};

static int on_replayable(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                         uint32_t count)
{
    static const struct farmiq_str none;
    struct replaying *p = ctx;

    (void)row, (void)count;
    p->is_found = 1;
    p->at.acked_at_unix_ms = columns[0].integer;
    p->at.receipt = columns[1].integer;
    return farmiq__held_read(p->engine, columns[2].text, none, none);
}

/* The next receipt into hand, behind those that were looked at. */
static int find_replayable(struct replaying *p)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(p->at.since_unix_ms),
        farmiq_sql_integer(p->at.before_unix_ms),
        farmiq_sql_integer(p->at.acked_at_unix_ms),
        farmiq_sql_integer(p->at.receipt),
    };

    p->is_found = 0;
    return farmiq_sql_run(&p->engine->store, &sql_receipt_next, p->queue, params, 4,
                          on_replayable, p);
}

static int on_tenants(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    struct replaying *p = ctx;
    struct farmiq__engine *engine = p->engine;

    (void)row, (void)count;
    for (uint32_t i = 0; i < engine->held_count; i++)
        if (engine->held[i].seq == columns[0].integer)
            engine->held[i].fate = FARMIQ__RETURNED;
    return FARMIQ_OK;
}

/* A receipt is what was settled together, of one tenant or of several. */
static int mark_tenants(struct replaying *p)
{
    struct farmiq__engine *engine = p->engine;
    struct farmiq_sql_value params[3];
    int r;

    for (uint32_t i = 0; !p->at.tenant_id.len && i < engine->held_count; i++)
        engine->held[i].fate = FARMIQ__RETURNED;
    if (!p->at.tenant_id.len)
        return FARMIQ_OK;
    r = farmiq__held_lists(engine, FARMIQ__LEFT, params);
    params[1] = farmiq_sql_text(p->at.tenant_id);
    return r ? r
             : farmiq_sql_run(&engine->store, &sql_event_tenant, p->queue, params, 2,
                              on_tenants, p);
}

static int replay_receipt(struct replaying *p)
{
    int r = mark_tenants(p);
    uint32_t count = r ? 0 : farmiq__held_with(p->engine, FARMIQ__RETURNED);

    if (!count)
        return r;
    p->replayed += count;
    r = farmiq__give_back(p->engine, p->queue, FARMIQ__RETURNED);
    return r ? r : shrink_receipt(p->engine, p->queue, p->at.receipt);
}

/* So many receipts at most, too: somebody else's may be many. */
static int replay(struct farmiq__engine *engine, void *arg)
{
    struct replaying *p = arg;
    struct farmiq__change change = { 0 };
    uint32_t seen = 0;
    int r;

    p->replayed = 0;
    do {
        r = find_replayable(p);
        if (!r && p->is_found)
            r = replay_receipt(p);
    } while (!r && p->is_found && ++seen < p->at.limit && p->replayed < p->at.limit);
    change.pending = p->replayed;
    change.acked = -change.pending;
    return r ? r : farmiq__count(engine, p->queue, &change);
}

int farmiq__outbox_replay(void *ctx, const char *queue,
                          struct farmiq_outbox_replay *replay_of, uint32_t *replayed)
{
    struct replaying p = { .engine = ctx, .queue = queue, .at = *replay_of };
    int r = farmiq__unit(ctx, replay, &p);

    if (r)
        return r;
    *replay_of = p.at;
    *replayed = p.replayed;
    return p.is_found ? FARMIQ_OK : FARMIQ_NONE;
}

static int on_purged(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct purging *p = ctx;

    (void)row, (void)columns, (void)count;
    p->purged++;
    return FARMIQ_OK;
}

static int purge_dead(struct farmiq__engine *engine, void *arg)
{
    static const struct farmiq_sql_query *const queries[] = { &sql_dead_purge_event,
                                                              &sql_dead_purge_error,
                                                              &sql_dead_purge };
    struct purging *p = arg;
    const struct farmiq_sql_value params[] = { farmiq_sql_integer(p->before_unix_ms),
                                               farmiq_sql_integer(p->limit) };
    struct farmiq__change change = { 0 };
    int r = FARMIQ_OK;

    p->purged = 0;
    for (size_t i = 0; i < sizeof queries / sizeof *queries && !r; i++)
        r = farmiq_sql_run(&engine->store, queries[i], p->queue, params, 2,
                           queries[i] == &sql_dead_purge ? on_purged : NULL, p);
    change.dead = -(int64_t)p->purged;
    return r ? r : farmiq__count(engine, p->queue, &change);
}

int farmiq__outbox_purge_dead(void *ctx, const char *queue, int64_t before_unix_ms,
                              uint32_t limit, uint32_t *purged)
{
    struct purging p = { ctx, queue, before_unix_ms, limit, 0, 0 };

    return run_purge(purge_dead, &p, purged);
}
