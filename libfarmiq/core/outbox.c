/* SPDX-License-Identifier: Apache-2.0 */
/* What an outbox row becomes: the rules, apart from the tables they are kept in. */
#include <farmiq/outbox.h>

#include "private.h"

static const struct farmiq_outbox_policy default_policy = { .lease_ms = 120000,
                                                            .renew_pct = 60,
                                                            .max_claims = 50 };

void farmiq_outbox_row_init(struct farmiq_outbox_row *row, size_t size)
{
    static const struct farmiq_outbox_row defaults = { .status = FARMIQ_OUTBOX_PENDING };

    farmiq__init(row, size, &defaults, sizeof defaults);
}

void farmiq_outbox_policy_init(struct farmiq_outbox_policy *policy, size_t size)
{
    farmiq__init(policy, size, &default_policy, sizeof default_policy);
}

/* CLAIMED, SENDING and SENT differ in how far the request got, not in who may take
 * the row: seed 002's own statement forgets the last two and strands what a crash
 * leaves in them (spec edge 13-C1). */
static int is_in_flight(int32_t status)
{
    return status == FARMIQ_OUTBOX_CLAIMED || status == FARMIQ_OUTBOX_SENDING ||
           status == FARMIQ_OUTBOX_SENT;
}

static int is_dead(int32_t status)
{
    return status == FARMIQ_OUTBOX_DLQ || status == FARMIQ_OUTBOX_FAILED;
}

int farmiq_outbox_is_claimable(int32_t status, int64_t next_attempt_at_unix_ms,
                               int64_t claimed_at_unix_ms,
                               int64_t lease_expires_at_unix_ms, int64_t now_unix_ms)
{
    if (status == FARMIQ_OUTBOX_PENDING)
        return next_attempt_at_unix_ms <= now_unix_ms;
    if (!is_in_flight(status))
        return 0;
    return lease_expires_at_unix_ms == 0 || lease_expires_at_unix_ms < now_unix_ms ||
           claimed_at_unix_ms - now_unix_ms >
               lease_expires_at_unix_ms - claimed_at_unix_ms;
}

int farmiq_outbox_must_renew(const struct farmiq_outbox_policy *policy,
                             int64_t lease_expires_at_unix_ms, int64_t now_unix_ms)
{
    int64_t lease_ms, left_ms;

    if (!policy)
        policy = &default_policy;
    lease_ms = policy->lease_ms;
    left_ms = lease_ms - lease_ms * policy->renew_pct / 100;
    return now_unix_ms >= lease_expires_at_unix_ms ||
           lease_expires_at_unix_ms - now_unix_ms <= left_ms;
}

static int64_t later(int64_t now_unix_ms, uint32_t wait_ms)
{
    return now_unix_ms > INT64_MAX - wait_ms ? INT64_MAX : now_unix_ms + wait_ms;
}

/* The answer was about this row, so it costs one of its attempts. */
static void count_attempt(struct farmiq_outbox_row *row)
{
    if (row->attempt_count < UINT32_MAX)
        row->attempt_count++;
}

static int retry(struct farmiq_outbox_row *row, const struct farmiq_outbox_policy *policy,
                 int64_t now_unix_ms, uint32_t random)
{
    uint32_t wait_ms = 0;
    int r;

    count_attempt(row);
    r = farmiq_backoff_delay(policy->backoff, row->attempt_count, random, &wait_ms);
    if (r < 0)
        return r;
    row->status = r == FARMIQ_EXHAUSTED ? FARMIQ_OUTBOX_DLQ : FARMIQ_OUTBOX_PENDING;
    row->next_attempt_at_unix_ms = later(now_unix_ms, wait_ms);
    return FARMIQ_OK;
}

static int unreached(struct farmiq_outbox_row *row,
                     const struct farmiq_outbox_policy *policy, int64_t now_unix_ms,
                     uint32_t random)
{
    if (policy->count_outages)
        return retry(row, policy, now_unix_ms, random);
    row->status = FARMIQ_OUTBOX_PENDING;
    row->next_attempt_at_unix_ms = now_unix_ms;
    return FARMIQ_OK;
}

static int acked(struct farmiq_outbox_row *row, const struct farmiq_outbox_policy *policy,
                 int64_t now_unix_ms, uint32_t random)
{
    (void)policy, (void)now_unix_ms, (void)random;
    row->status = FARMIQ_OUTBOX_ACKED;
    return FARMIQ_OK;
}

static int refused(struct farmiq_outbox_row *row,
                   const struct farmiq_outbox_policy *policy, int64_t now_unix_ms,
                   uint32_t random)
{
    (void)policy, (void)now_unix_ms, (void)random;
    count_attempt(row);
    row->status = FARMIQ_OUTBOX_FAILED;
    return FARMIQ_OK;
}

typedef int settler(struct farmiq_outbox_row *, const struct farmiq_outbox_policy *,
                    int64_t, uint32_t);

static settler *const settlers[] = {
    [FARMIQ_OUTCOME_ACKED] = acked,
    [FARMIQ_OUTCOME_RETRY] = retry,
    [FARMIQ_OUTCOME_REFUSED] = refused,
    [FARMIQ_OUTCOME_UNREACHED] = unreached,
};

int farmiq_outbox_settle(struct farmiq_outbox_row *row,
                         const struct farmiq_outbox_policy *policy, int32_t outcome,
                         int64_t now_unix_ms, uint32_t random)
{
    struct farmiq_outbox_row next;
    int r;

    if (!row || outcome < FARMIQ_OUTCOME_ACKED || outcome > FARMIQ_OUTCOME_UNREACHED)
        return FARMIQ_E_ARG;
    if (row->status == FARMIQ_OUTBOX_ACKED || is_dead(row->status))
        return FARMIQ_UNCHANGED;
    if (!is_in_flight(row->status))
        return FARMIQ_E_STATE;
    next = *row;
    r = settlers[outcome](&next, policy ? policy : &default_policy, now_unix_ms, random);
    if (r < 0)
        return r;
    /* claim_count is for rows that are claimed and never heard of again, because
     * they crash whoever holds them (13-C12). Here something was heard: a week of
     * outage must not look like poison. */
    if (next.status == FARMIQ_OUTBOX_PENDING)
        next.claim_count = 0;
    *row = next;
    return FARMIQ_OK;
}

int farmiq_outbox_redrive(struct farmiq_outbox_row *row, int64_t now_unix_ms)
{
    static const struct farmiq_str none;

    if (!row)
        return FARMIQ_E_ARG;
    if (!is_dead(row->status))
        return FARMIQ_E_STATE;
    row->status = FARMIQ_OUTBOX_PENDING;
    row->attempt_count = 0;
    row->claim_count = 0;
    row->next_attempt_at_unix_ms = now_unix_ms;
    row->last_error_code = none;
    row->last_error_message = none;
    return FARMIQ_OK;
}

/* Architecture, section 6: only an answer about the content is held against it. */
int32_t farmiq_outbox_outcome_of_http(int32_t http_status)
{
    if (http_status >= 200 && http_status <= 299)
        return FARMIQ_OUTCOME_ACKED;
    if (http_status == 400 || http_status == 413 || http_status == 422)
        return FARMIQ_OUTCOME_REFUSED;
    return FARMIQ_OUTCOME_UNREACHED;
}

const char *farmiq_outbox_status_name(int32_t status)
{
    static const char *const names[] = {
        [FARMIQ_OUTBOX_PENDING] = "pending", [FARMIQ_OUTBOX_CLAIMED] = "claimed",
        [FARMIQ_OUTBOX_SENDING] = "sending", [FARMIQ_OUTBOX_SENT] = "sent",
        [FARMIQ_OUTBOX_ACKED] = "acked",     [FARMIQ_OUTBOX_DLQ] = "dlq",
        [FARMIQ_OUTBOX_FAILED] = "failed",
    };

    if (status < FARMIQ_OUTBOX_PENDING || status > FARMIQ_OUTBOX_FAILED)
        return NULL;
    return names[status];
}
