/* SPDX-License-Identifier: Apache-2.0 */
/* What the queue's verbs share: rows that wait for their time, and rows that are dead. */
#ifndef FARMIQ_STORE_QUEUE_PRIVATE_H
#define FARMIQ_STORE_QUEUE_PRIVATE_H

#include "engine.h"

static inline int farmiq__is_deferred(const struct farmiq_outbox_row *row,
                                      int64_t now_unix_ms)
{
    return row->next_attempt_at_unix_ms > now_unix_ms;
}

/* Rows that wait are added with farmiq__retry(), which returns 0 after a failure, and
 * farmiq__many_end() tells which. */
struct farmiq__many farmiq__retries(struct farmiq__engine *engine, const char *queue);
int farmiq__retry(struct farmiq__many *retries, const struct farmiq_outbox_row *row,
                  int64_t now_unix_ms);

struct farmiq__death {
    int64_t seq;
    int32_t status;
    uint32_t attempt_count;
    const char *reason;
    struct farmiq_str actor;
};

/* Keep a row among the dead, and say so in the audit. */
int farmiq__bury(struct farmiq__engine *engine, const char *queue,
                 const struct farmiq__death *death, int64_t now_unix_ms);

#endif
