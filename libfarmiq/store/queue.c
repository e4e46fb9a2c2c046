/* SPDX-License-Identifier: Apache-2.0 */
/* What the queue's verbs share: rows that wait for their time, and rows that are dead. */
#include "queue_private.h"

#include "queue_queries.h"

#define RETRY_COLUMNS 5

struct farmiq__many farmiq__retries(struct farmiq__engine *engine, const char *queue)
{
    struct farmiq__many many = { engine, &sql_retry_add, queue, RETRY_COLUMNS, 0, 0 };

    return many;
}

int farmiq__retry(struct farmiq__many *retries, const struct farmiq_outbox_row *row,
                  int64_t now_unix_ms)
{
    struct farmiq_sql_value *p = farmiq__many_row(retries);

    if (!p)
        return 0;
    p[0] = farmiq_sql_integer(row->seq);
    p[1] = farmiq_sql_integer(now_unix_ms);
    p[2] = farmiq_sql_integer(row->next_attempt_at_unix_ms);
    p[3] = farmiq_sql_integer(row->attempt_count);
    p[4] = farmiq_sql_integer(row->claim_count);
    return 1;
}

int farmiq__bury(struct farmiq__engine *engine, const char *queue,
                 const struct farmiq__death *death, int64_t now_unix_ms)
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
