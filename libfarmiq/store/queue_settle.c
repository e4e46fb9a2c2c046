/* SPDX-License-Identifier: Apache-2.0 */
/* Renew and settle: how a batch is kept, and how it ends. */
#include "engine.h"

#include "queue_private.h"
#include "queue_queries.h"

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
    return farmiq__is_deferred(row, now_unix_ms) ? FARMIQ__DEFERRED : FARMIQ__RETURNED;
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
    struct farmiq__many retries = farmiq__retries(engine, s->queue);

    for (struct farmiq_outbox_row *row = s->first; row; row = row->next)
        if (fate_of(row, s->now_unix_ms) == FARMIQ__DEFERRED &&
            !farmiq__retry(&retries, row, s->now_unix_ms))
            break;
    return farmiq__many_end(&retries);
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
        const struct farmiq__death death = { .seq = row->seq,
                                             .status = row->status,
                                             .attempt_count = row->attempt_count,
                                             .reason = is_failed
                                                           ? "refused"
                                                           : "max_attempts_exceeded",
                                             .actor = farmiq__text("settle") };

        if (fate_of(row, s->now_unix_ms) == FARMIQ__DEAD)
            r = farmiq__bury(engine, s->queue, &death, s->now_unix_ms);
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
