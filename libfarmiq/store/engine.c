/* SPDX-License-Identifier: Apache-2.0 */
/* What the SQL verbs stand on: units of work, chunks of rows, the batch in hand. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "queue_queries.h"

int farmiq__engine_init(struct farmiq__engine *engine, const struct farmiq_store_ops *ops,
                        int (*is_in_transaction)(const struct farmiq__engine *engine))
{
    memset(engine, 0, sizeof *engine);
    engine->store.ops = ops;
    engine->store.ctx = engine;
    engine->is_in_transaction = is_in_transaction;
    engine->params =
        calloc((size_t)FARMIQ__CHUNK * FARMIQ__COLUMNS, sizeof *engine->params);
    return engine->params ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

void farmiq__engine_fini(struct farmiq__engine *engine)
{
    free(engine->params);
    free(engine->held);
    free(engine->text);
}

int farmiq__unit(struct farmiq__engine *engine,
                 int (*body)(struct farmiq__engine *engine, void *arg), void *arg)
{
    int r, committed;

    if (engine->is_in_transaction(engine))
        return body(engine, arg);
    r = farmiq_store_begin(&engine->store);
    if (r)
        return r;
    r = body(engine, arg);
    committed = r < 0 ? r : farmiq_store_commit(&engine->store);
    if (committed < 0)
        farmiq_store_rollback(&engine->store);
    return committed < 0 ? committed : r;
}

static void many_send(struct farmiq__many *many)
{
    if (!many->result && many->count)
        many->result = farmiq_sql_run_many(&many->engine->store, many->query, many->queue,
                                           many->engine->params, many->width, many->count,
                                           NULL, NULL);
    many->count = 0;
}

struct farmiq_sql_value *farmiq__many_row(struct farmiq__many *many)
{
    if (many->count == FARMIQ__CHUNK)
        many_send(many);
    if (many->result)
        return NULL;
    return many->engine->params + (size_t)many->width * many->count++;
}

int farmiq__many_end(struct farmiq__many *many)
{
    many_send(many);
    return many->result;
}

struct farmiq__held *farmiq__held_add(struct farmiq__engine *engine)
{
    if (engine->held_count == engine->held_room) {
        uint32_t room = engine->held_room ? engine->held_room * 2 : 128;
        struct farmiq__held *held = realloc(engine->held, room * sizeof *held);

        if (!held)
            return NULL;
        engine->held = held;
        engine->held_room = room;
    }
    memset(&engine->held[engine->held_count], 0, sizeof *engine->held);
    return &engine->held[engine->held_count++];
}

/* The next number of a JSON list of integers, which we wrote ourselves; 0 at its end. */
static int next_number(struct farmiq_str *list, int64_t *number)
{
    uint64_t value = 0;
    int digits = 0, negative = 0;

    while (list->len && (*list->ptr < '0' || *list->ptr > '9')) {
        negative = *list->ptr == '-';
        list->ptr++, list->len--;
    }
    for (; list->len && *list->ptr >= '0' && *list->ptr <= '9'; digits++) {
        value = value * 10 + (uint64_t)(*list->ptr - '0');
        list->ptr++, list->len--;
    }
    *number = negative ? -(int64_t)value : (int64_t)value;
    return digits > 0;
}

int farmiq__held_read(struct farmiq__engine *engine, struct farmiq_str seqs,
                      struct farmiq_str attempt_counts, struct farmiq_str claim_counts)
{
    int64_t seq, attempt_count = 0, claim_count = 0;

    engine->held_count = 0;
    while (next_number(&seqs, &seq)) {
        struct farmiq__held *held = farmiq__held_add(engine);

        if (!held)
            return FARMIQ_E_NOMEM;
        held->seq = seq;
        if (next_number(&attempt_counts, &attempt_count))
            held->attempt_count = (uint32_t)attempt_count;
        if (next_number(&claim_counts, &claim_count))
            held->claim_count = (uint32_t)claim_count;
    }
    return FARMIQ_OK;
}

uint32_t farmiq__held_with(const struct farmiq__engine *engine, enum farmiq__fate fate)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < engine->held_count; i++)
        count += engine->held[i].fate == fate;
    return count;
}

char *farmiq__write_number(char *at, int64_t number)
{
    uint64_t value = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char digits[20];
    int n = 0;

    if (number < 0)
        *at++ = '-';
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        *at++ = digits[--n];
    return at;
}

static int64_t held_number(const struct farmiq__held *held, int list)
{
    return list == 0 ? held->seq : list == 1 ? held->attempt_count : held->claim_count;
}

static char *write_list(const struct farmiq__engine *engine, enum farmiq__fate fate,
                        int list, char *at)
{
    char separator = '[';

    for (uint32_t i = 0; i < engine->held_count; i++) {
        if (engine->held[i].fate != fate)
            continue;
        *at++ = separator;
        at = farmiq__write_number(at, held_number(&engine->held[i], list));
        separator = ',';
    }
    if (separator == '[')
        *at++ = '[';
    *at++ = ']';
    return at;
}

/* A number has at most 20 characters and a comma. */
static int reserve_lists(struct farmiq__engine *engine)
{
    size_t room = 3 * ((size_t)engine->held_count * 21 + 2);
    char *text;

    if (room <= engine->text_room)
        return FARMIQ_OK;
    text = realloc(engine->text, room);
    if (!text)
        return FARMIQ_E_NOMEM;
    engine->text = text;
    engine->text_room = room;
    return FARMIQ_OK;
}

int farmiq__held_lists(struct farmiq__engine *engine, enum farmiq__fate fate,
                       struct farmiq_sql_value lists[3])
{
    int r = reserve_lists(engine);
    char *at = engine->text;

    if (r)
        return r;
    for (int list = 0; list < 3; list++) {
        struct farmiq_str text = { at, 0 };

        at = write_list(engine, fate, list, at);
        text.len = (size_t)(at - text.ptr);
        lists[list] = farmiq_sql_text(text);
    }
    return FARMIQ_OK;
}

static int on_batch(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct farmiq__engine *engine = ctx;
    size_t len = columns[0].text.len;

    (void)row, (void)count;
    if (len >= sizeof engine->token)
        return FARMIQ_E_STORE;
    memcpy(engine->token, columns[0].text.ptr, len);
    engine->token[len] = '\0';
    return farmiq__held_read(engine, columns[1].text, columns[2].text, columns[3].text);
}

int farmiq__batch_find(struct farmiq__engine *engine,
                       const struct farmiq_sql_query *query, const char *queue,
                       const struct farmiq_sql_value *params, uint32_t param_count)
{
    int r;

    engine->token[0] = '\0';
    r = farmiq_sql_run(&engine->store, query, queue, params, param_count, on_batch,
                       engine);
    return r ? r : engine->token[0] ? FARMIQ_OK : FARMIQ_NONE;
}

int farmiq__batch_delete(struct farmiq__engine *engine, const char *queue)
{
    const struct farmiq_sql_value token = farmiq_sql_text(farmiq__text(engine->token));

    return farmiq_sql_run(&engine->store, &sql_batch_delete, queue, &token, 1, NULL,
                          NULL);
}

int farmiq__held_send(struct farmiq__engine *engine, const struct farmiq_sql_query *query,
                      const char *queue, enum farmiq__fate fate)
{
    struct farmiq__many many = { engine, query, queue, 3, 0, 0 };

    for (uint32_t i = 0; i < engine->held_count; i++) {
        const struct farmiq__held *held = &engine->held[i];
        struct farmiq_sql_value *params;

        if (held->fate != fate)
            continue;
        params = farmiq__many_row(&many);
        if (!params)
            break;
        params[0] = farmiq_sql_integer(held->seq);
        params[1] = farmiq_sql_integer(held->attempt_count);
        params[2] = farmiq_sql_integer(held->claim_count);
    }
    return farmiq__many_end(&many);
}

int farmiq__give_back(struct farmiq__engine *engine, const char *queue,
                      enum farmiq__fate fate)
{
    farmiq__resume_forget(&engine->resumes, queue);
    return farmiq__held_send(engine, &sql_ready_return, queue, fate);
}

int farmiq__count(struct farmiq__engine *engine, const char *queue,
                  const struct farmiq__change *change)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(change->pending),
        farmiq_sql_integer(change->claimed),
        farmiq_sql_integer(change->dead),
        farmiq_sql_integer(change->acked),
        change->acked_at_unix_ms ? farmiq_sql_integer(change->acked_at_unix_ms)
                                 : farmiq_sql_null(),
    };

    if (!change->pending && !change->claimed && !change->dead && !change->acked)
        return FARMIQ_OK;
    return farmiq_sql_run(&engine->store, &sql_count_add, queue, params, 5, NULL, NULL);
}

void farmiq__token_text(const uint64_t token[2], char out[33])
{
    for (int i = 0; i < 32; i++)
        out[i] = "0123456789abcdef"[token[i / 16] >> (60 - i % 16 * 4) & 15];
    out[32] = '\0';
}

struct farmiq_str farmiq__text(const char *text)
{
    struct farmiq_str s = { text, strlen(text) };

    return s;
}
