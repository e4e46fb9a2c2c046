/* SPDX-License-Identifier: Apache-2.0 */
/* Append: each event once, and with it the row that leads to it. */
#include "engine.h"

#include "place.h"
#include "queue_private.h"
#include "queue_queries.h"

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

        if (row->verdict != FARMIQ_OK || farmiq__is_deferred(row, a->now_unix_ms))
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

/* A row that is appended for later waits where retries wait. */
static int add_deferred(struct farmiq__engine *engine, struct appending *a)
{
    struct farmiq__many retries = farmiq__retries(engine, a->queue);

    for (uint32_t i = 0; i < a->count; i++)
        if (a->rows[i]->verdict == FARMIQ_OK &&
            farmiq__is_deferred(a->rows[i], a->now_unix_ms) &&
            !farmiq__retry(&retries, a->rows[i], a->now_unix_ms))
            break;
    return farmiq__many_end(&retries);
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
        *p++ = farmiq_sql_integer(farmiq__is_deferred(row, a->now_unix_ms)
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
