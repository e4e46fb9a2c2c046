/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_OUTBOX_H
#define FARMIQ_OUTBOX_H

#include <farmiq/backoff.h>
#include <farmiq/base.h>
#include <farmiq/error.h>
#include <farmiq/event.h>

FARMIQ_BEGIN

/** The rules of the outbox, apart from the tables it lives in. These functions
 * decide what a row becomes; a farmiq_store makes it so.
 *
 *     PENDING -> CLAIMED -> SENDING -> SENT -> ACKED
 *        ^          |          |        |
 *        +--retry---+----------+--------+--> DLQ (attempts used up)
 *                   +----------+--------+--> FAILED (can never be accepted)
 *
 * CLAIMED may go straight to ACKED. Seed 002, section 7.2, with the corrections of
 * spec edge 13-C1: every in-flight state is claimable once its lease has expired;
 * next_attempt_at gates PENDING only. */
enum farmiq_outbox_status {
    FARMIQ_OUTBOX_PENDING = 1,
    FARMIQ_OUTBOX_CLAIMED = 2,
    FARMIQ_OUTBOX_SENDING = 3,
    FARMIQ_OUTBOX_SENT = 4,
    FARMIQ_OUTBOX_ACKED = 5, /* final */
    FARMIQ_OUTBOX_DLQ = 6,   /* final, until redriven */
    FARMIQ_OUTBOX_FAILED = 7 /* final, until redriven */
};

/** What was learnt about one row. */
enum farmiq_outbox_outcome {
    FARMIQ_OUTCOME_ACKED = 1,    /* stored, or a duplicate: both are success */
    FARMIQ_OUTCOME_RETRY = 2,    /* the answer was about this row: one attempt used */
    FARMIQ_OUTCOME_REFUSED = 3,  /* the row itself is refused for good */
    FARMIQ_OUTCOME_UNREACHED = 4 /* an outage (no answer, 408, 425, 429, 5xx, 401,
                                  * 403): due again at once, no attempt used; the
                                  * endpoint is paused, not the row */
};

/** One row. `next` chains a batch, so that a batch needs no array and the struct
 * may grow. `event` is not owned. */
struct farmiq_outbox_row {
    uint32_t size;
    int32_t status; /* enum farmiq_outbox_status */
    struct farmiq_outbox_row *next;
    struct farmiq_event *event;
    int64_t seq; /* the store's name for the row; 0 before it is appended */
    int32_t priority;
    uint32_t attempt_count;
    uint32_t claim_count; /* claims so far, this one included (13-C12) */
    int32_t verdict;      /* of append: FARMIQ_OK, FARMIQ_DUPLICATE, FARMIQ_CONFLICT */
    int64_t next_attempt_at_unix_ms;
    uint64_t token[2]; /* fencing token of the claim that holds it */
    struct farmiq_str last_error_code;
    struct farmiq_str last_error_message; /* the row's own, at most 500 bytes kept */
};

struct farmiq_outbox_policy {
    uint32_t size;
    uint32_t lease_ms;      /* 120000 */
    uint32_t renew_pct;     /* renew past this much of it: 60 */
    uint32_t count_outages; /* 1: seed 002's literal reading, UNREACHED uses attempts */
    uint32_t max_claims;    /* a row claimed this often without an outcome: DLQ; 50 */
    uint32_t reserved;
    const struct farmiq_backoff *backoff; /* NULL: the defaults */
};

FARMIQ_API void farmiq_outbox_row_init(struct farmiq_outbox_row *row, size_t size);
FARMIQ_API void farmiq_outbox_policy_init(struct farmiq_outbox_policy *policy,
                                          size_t size);

/** 1 if a row in this state may be claimed now: PENDING and due, or in flight with
 * no lease (0) or an expired one. A lease that was taken further "in the future" than
 * it is long is a clock that jumped back, and counts as expired: the fencing token
 * keeps that safe. (Less than that may be a claimer that read the clock and then waited
 * for a lock.) */
FARMIQ_API int farmiq_outbox_is_claimable(int32_t status, int64_t next_attempt_at_unix_ms,
                                          int64_t claimed_at_unix_ms,
                                          int64_t lease_expires_at_unix_ms,
                                          int64_t now_unix_ms);

/** 1 if a worker still holding the row should extend its lease now.
 * `policy` may be NULL. */
FARMIQ_API int farmiq_outbox_must_renew(const struct farmiq_outbox_policy *policy,
                                        int64_t lease_expires_at_unix_ms,
                                        int64_t now_unix_ms);

/** Turn one outcome into the row's next state: status, attempt_count,
 * next_attempt_at. The token stays: it is the caller's proof of holding the row
 * when the store writes it. `policy` may be NULL.
 *
 * Returns FARMIQ_OK; FARMIQ_UNCHANGED if the row is already final;
 * FARMIQ_E_STATE if it was not claimed; FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_outbox_settle(struct farmiq_outbox_row *row,
                     const struct farmiq_outbox_policy *policy, int32_t outcome,
                     int64_t now_unix_ms, uint32_t random);

/** Put a DLQ or FAILED row back to PENDING with a clean count.
 * Returns FARMIQ_OK; FARMIQ_E_STATE for any other state; FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_outbox_redrive(struct farmiq_outbox_row *row,
                                                     int64_t now_unix_ms);

/** The outcome for a whole request from its HTTP status; 0: no answer at all.
 * 2xx gives ACKED (read the answer); 400, 413 and 422 give REFUSED (bisect until
 * the culprit stands alone); everything else is UNREACHED. */
FARMIQ_API int32_t farmiq_outbox_outcome_of_http(int32_t http_status);

/** "pending", "dlq", ...: the word shown in the sync_outbox view. Static; NULL if
 * none. */
FARMIQ_API const char *farmiq_outbox_status_name(int32_t status);

FARMIQ_END

#endif
