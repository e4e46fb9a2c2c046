/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a parcel, written in one transaction: the rows' states and the
 * endpoint's. Fenced by the claim's token: who lost the lease writes nothing. */
#include "forwarder.h"

#include "common/text.h"
#include "queries.h"

#define ERROR_TEXT_BYTES 500 /* 13-C14 */
#define LONGEST_PAUSE_MS (3600 * 1000)

struct settlement {
    struct cycle *cycle;
    struct farmiq_outbox_row *rows;
    const struct parcel *parcel;
    int64_t paused_until_unix_ms; /* 0: the endpoint is well */
};

/* The outcome of one row: the request's, unless the answer named the row. */
static int32_t outcome_of(const struct parcel *parcel, const struct farmiq_event *event)
{
    if (parcel->outcome != FARMIQ_OUTCOME_ACKED || !event->refusal)
        return parcel->outcome;
    return text_is(shim_str(event->refusal), "RETRY") ? FARMIQ_OUTCOME_RETRY
                                                      : FARMIQ_OUTCOME_REFUSED;
}

/* What was said about this row; else about the request it was in. */
static struct farmiq_str message_of(struct shim_call *call, const struct parcel *parcel,
                                    const struct farmiq_event *event)
{
    const struct farmiq_str parts[] = { shim_str("the request was answered "),
                                        text_of_number(call, parcel->status) };

    if (event->refusal)
        return shim_str(event->refusal_text ? event->refusal_text : event->refusal);
    return parcel->status ? text_join(call, parts, 2) : shim_str("no answer");
}

static void note_error(struct shim_call *call, struct farmiq_outbox_row *row,
                       const struct parcel *parcel)
{
    row->last_error_code =
        shim_str(parcel->error ? parcel->error : "CLOUD_EVENT_REJECTED");
    row->last_error_message = message_of(call, parcel, row->event);
    if (row->last_error_message.len > ERROR_TEXT_BYTES)
        row->last_error_message.len = ERROR_TEXT_BYTES;
}

static const char *const outcome_names[] = {
    [FARMIQ_OUTCOME_ACKED] = "acked",
    [FARMIQ_OUTCOME_RETRY] = "retry",
    [FARMIQ_OUTCOME_REFUSED] = "refused",
    [FARMIQ_OUTCOME_UNREACHED] = "unreached",
};

static int decide(struct cycle *cycle, const struct parcel *parcel,
                  struct farmiq_outbox_row *rows)
{
    int r = FARMIQ_OK;

    for (struct farmiq_outbox_row *row = rows; row && r >= 0; row = row->next) {
        int32_t outcome = outcome_of(parcel, row->event);

        if (outcome != FARMIQ_OUTCOME_ACKED)
            note_error(cycle->call, row, parcel);
        r = farmiq_outbox_settle(row, &cycle->policy, outcome, cycle->call->now_unix_ms,
                                 shim_random(cycle->call));
        shim_count("farmiq_sync_events_total", outcome_names[outcome], 1);
    }
    return r;
}

/* The endpoint's row before the tenant's, as everywhere: replicas must not wait for each
 * other crosswise. */
static int note_success(struct shim_call *call, const struct parcel *parcel)
{
    const struct farmiq_outbox_row *last = parcel->rows;

    while (last->next)
        last = last->next;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(parcel->tenant_id),
        farmiq_sql_text(last->event->event_id),
        farmiq_sql_integer(call->now_unix_ms),
        farmiq_sql_text(parcel->batch_id),
    };
    int r = farmiq_sql_run(call->store, &sql_endpoint_well, NULL, NULL, 0, NULL, NULL);

    return r < 0 ? r
                 : farmiq_sql_run(call->store, &sql_tenant_acked, NULL, params, 4, NULL,
                                  NULL);
}

static int note_outage(struct shim_call *call, const struct settlement *settlement)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(shim_str(ENDPOINT)),
        farmiq_sql_text(settlement->parcel->tenant_id),
        farmiq_sql_integer(call->now_unix_ms),
        farmiq_sql_integer(settlement->paused_until_unix_ms),
    };

    return farmiq_sql_run(call->store, &sql_endpoint_paused, NULL, params, 4, NULL, NULL);
}

static int write_settlement(struct shim_call *call, void *arg)
{
    struct settlement *settlement = arg;
    int r = farmiq_store_outbox_settle(call->store, "sync", settlement->rows,
                                       call->now_unix_ms);

    settlement->cycle->is_over |= r == FARMIQ_NONE;
    if (r != FARMIQ_OK)
        return r;
    if (settlement->paused_until_unix_ms)
        return note_outage(call, settlement);
    if (settlement->parcel->outcome == FARMIQ_OUTCOME_ACKED)
        return note_success(call, settlement->parcel);
    return FARMIQ_OK;
}

/* Exponential with jitter after the cap, so that edges do not come back as a herd; the
 * cloud may ask for longer (13-C4, C11). */
static int64_t pause_ms(struct cycle *cycle, const struct parcel *parcel)
{
    struct farmiq_backoff policy = cycle->backoff;
    uint32_t failures = cycle->consecutive_failures + 1, delay_ms = 0;

    policy.max_attempts = UINT32_MAX;
    if (farmiq_backoff_delay(&policy, failures, shim_random(cycle->call), &delay_ms) !=
        FARMIQ_OK)
        delay_ms = policy.max_ms;
    if (parcel->retry_after_ms > delay_ms)
        return parcel->retry_after_ms < LONGEST_PAUSE_MS ? parcel->retry_after_ms
                                                         : LONGEST_PAUSE_MS;
    return delay_ms;
}

int forwarder_settle(struct cycle *cycle, struct parcel *parcel)
{
    struct settlement settlement = { cycle, parcel->rows, parcel, 0 };
    int r;

    if (parcel->outcome == FARMIQ_OUTCOME_UNREACHED) {
        *parcel->end = cycle->rows; /* what was not tried shares the fate */
        cycle->rows = NULL;
        cycle->is_over = 1;
        settlement.paused_until_unix_ms =
            cycle->call->now_unix_ms + pause_ms(cycle, parcel);
    }
    r = decide(cycle, parcel, settlement.rows);
    if (r >= 0)
        r = shim_write(cycle->call, write_settlement, &settlement);
    if (r == FARMIQ_NONE)
        shim_log(cycle->call, SHIM_WARN, "sync.lease_lost", "events=%u",
                 (unsigned)parcel->count);
    return r < 0 ? r : FARMIQ_OK;
}
