/* SPDX-License-Identifier: Apache-2.0 */
/* What a full buffer gives up. */
#include "agent/buffer.h"

#include "agent_queries.h"
#include "kit/log.h"

#define DROP_ROWS 64
#define KEPT_BYTES 1024

/* ["weighvision.session.created",...] */
static int write_kept(const char *const *kept, char *buf, size_t buf_bytes, size_t *len)
{
    struct farmiq_json_writer w;

    farmiq_json_begin(&w, buf, buf_bytes);
    farmiq_json_open(&w, '[');
    for (; *kept; kept++)
        farmiq_json_text(&w, *kept);
    farmiq_json_close(&w, ']');
    return farmiq_json_end(&w, len);
}

/* A claim takes what stands first: put there what the kind can best do without. Nothing
 * is done where there is no such event; then the claim finds the oldest. */
static int put_expendable_first(struct buffer *b, uint32_t limit)
{
    const char *const *kept = b->options->kind->kept;
    struct farmiq_sql_value params[2];
    char list[KEPT_BYTES];
    size_t len;
    int r;

    if (!kept)
        return FARMIQ_OK;
    r = write_kept(kept, list, sizeof list, &len);
    params[0] = farmiq_sql_text((struct farmiq_str){ list, len });
    params[1] = farmiq_sql_integer(limit);
    if (r == FARMIQ_OK)
        r = farmiq_sql_run(&b->store, &sql_expendable_first, NULL, params, 2, NULL, NULL);
    return r ? r
             : farmiq_sql_run(&b->store, &sql_expendable_rank, NULL, NULL, 0, NULL, NULL);
}

/* Take those that are not in flight, and settle them as finished: gone, without a grave.
 * What is in flight has been handed to the broker and costs nothing to keep. */
static int drop_some(struct buffer *b, uint32_t limit, struct moment now,
                     uint64_t *dropped)
{
    struct farmiq_outbox_row *first = NULL;
    uint64_t token[2], before = b->held;
    int r = put_expendable_first(b, limit);

    if (r == FARMIQ_OK)
        r = buffer_claim(b, limit, b->drop_memory, BUFFER_DROP_BYTES, now, token, &first);
    if (r != FARMIQ_OK)
        return r;
    for (struct farmiq_outbox_row *row = first; row && r == FARMIQ_OK; row = row->next)
        r = farmiq_outbox_settle(row, NULL, FARMIQ_OUTCOME_ACKED, now.unix_ms, 0);
    if (r == FARMIQ_OK)
        r = buffer_settle(b, first, now);
    *dropped += before - b->held;
    return r;
}

int buffer_shed(struct buffer *b, struct moment now)
{
    uint64_t limit = b->options->buffer_max_messages, dropped = 0;
    int r = FARMIQ_OK;

    while (b->held > limit && r == FARMIQ_OK) {
        uint64_t excess = b->held - limit;

        r = drop_some(b, excess < DROP_ROWS ? (uint32_t)excess : DROP_ROWS, now,
                      &dropped);
    }
    if (dropped) {
        b->dropped_full += dropped;
        shim_log_line(SHIM_WARN, "buffer.dropped",
                      "the buffer is full: dropped the oldest %llu, %llu so far",
                      (unsigned long long)dropped, (unsigned long long)b->dropped_full);
    }
    return r == FARMIQ_NONE ? FARMIQ_OK : r;
}
