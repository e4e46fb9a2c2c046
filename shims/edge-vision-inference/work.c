/* SPDX-License-Identifier: Apache-2.0 */
/* One job at a time: claimed, looked at without any transaction, and settled in one. */
#include "inference.h"

#include "common/text.h"

#define CLAIM_BYTES (64 * 1024)
#define MAX_CLAIMS 20 /* by processes that never said what became of it */
#define LEASE_RESERVE_MS 10000
#define LOW_CONFIDENCE 0.5 /* of the cloud (spec edge 9) */

/* ## Claiming */

static void gauge(const struct farmiq_outbox_stats *stats, int64_t now_unix_ms)
{
    int64_t age_ms =
        stats->oldest_pending_unix_ms ? now_unix_ms - stats->oldest_pending_unix_ms : 0;

    shim_gauge("farmiq_inference_jobs", "pending", (double)stats->pending);
    shim_gauge("farmiq_inference_jobs", "claimed", (double)stats->claimed);
    shim_gauge("farmiq_inference_jobs", "dead", (double)stats->dlq);
    shim_gauge("farmiq_inference_oldest_seconds", NULL, (double)age_ms / 1000);
}

static int see_queue(struct shim_call *call, void *arg)
{
    struct farmiq_outbox_stats stats;
    int r;

    (void)arg;
    farmiq_outbox_stats_init(&stats, sizeof stats);
    r = farmiq_store_outbox_stats(call->store, QUEUE, &stats);
    if (r == FARMIQ_OK)
        gauge(&stats, call->now_unix_ms);
    return r;
}

static int claim(struct shim_call *call, void *arg)
{
    struct work *work = arg;
    int r = see_queue(call, NULL);

    if (r < 0)
        return r;
    work->claim.now_unix_ms = call->now_unix_ms;
    shim_random_bytes(call, work->claim.token, sizeof work->claim.token);
    return farmiq_store_outbox_claim(call->store, QUEUE, &work->claim, &work->row);
}

/* Longer than anything that is waited for while the job is in hand. */
static uint32_t lease_ms(const struct shim_call *call)
{
    return (uint32_t)(shim_number(call, "MEDIA_TIMEOUT_MS") +
                      2 * shim_number(call, "INFERENCE_MODEL_TIMEOUT_MS") +
                      shim_number(call, "DOWNSTREAM_TIMEOUT_MS") + LEASE_RESERVE_MS);
}

static int take_one(struct work *work)
{
    struct shim_call *call = work->call;

    farmiq_outbox_claim_init(&work->claim, sizeof work->claim);
    work->claim.limit = 1;
    work->claim.claimed_by = shim_str(call->service->name);
    work->claim.lease_ms = lease_ms(call);
    work->claim.max_claims = MAX_CLAIMS;
    work->claim.memory_bytes = CLAIM_BYTES;
    work->claim.memory = shim_memory(call, CLAIM_BYTES);
    return work->claim.memory ? shim_write(call, claim, work) : FARMIQ_E_NOMEM;
}

/* ## Settling */

static int decide(struct work *work)
{
    struct shim_call *call = work->call;
    struct farmiq_outbox_policy policy;
    struct farmiq_backoff backoff;

    farmiq_backoff_init(&backoff, sizeof backoff);
    backoff.max_attempts = (uint32_t)shim_number(call, "INFERENCE_MAX_ATTEMPTS");
    backoff.max_ms = (uint32_t)shim_number(call, "INFERENCE_BACKOFF_CAP_MS");
    farmiq_outbox_policy_init(&policy, sizeof policy);
    policy.lease_ms = work->claim.lease_ms;
    policy.backoff = &backoff;
    return farmiq_outbox_settle(work->row, &policy, work->finding.outcome,
                                call->now_unix_ms, shim_random(call));
}

static int write_failure(struct shim_call *call, void *arg)
{
    struct work *work = arg;

    return farmiq_store_outbox_settle(call->store, QUEUE, work->row, call->now_unix_ms);
}

static int settle_failure(struct work *work)
{
    const struct finding *finding = &work->finding;
    int r;

    work->row->last_error_code = shim_str(finding->error);
    work->row->last_error_message = finding->message;
    shim_log(work->call, SHIM_WARN, "inference.failed", "job %.*s: %s: %.*s",
             (int)work->order.job_id.len, work->order.job_id.ptr, finding->error,
             (int)finding->message.len, finding->message.ptr);
    r = decide(work);
    return r < 0 ? r : shim_write(work->call, write_failure, work);
}

static void fail(struct work *work, int32_t outcome, const char *error, int r)
{
    work->finding.outcome = outcome;
    work->finding.error = error;
    work->finding.message = shim_str(farmiq_strerror(r));
}

/* The state of the row is put back if the transaction does not come about. */
static int settle_result(struct work *work)
{
    const struct farmiq_outbox_row claimed = *work->row;
    int r = record_attach_afar(work);

    if (r == FARMIQ_OK)
        r = decide(work);
    if (r == FARMIQ_OK)
        r = shim_write(work->call, record_result, work);
    if (r >= 0)
        return r;
    *work->row = claimed;
    fail(work,
         r == FARMIQ_E_UNREACHABLE ? FARMIQ_OUTCOME_UNREACHED : FARMIQ_OUTCOME_RETRY,
         r == FARMIQ_E_UNREACHABLE ? "SESSION_UNREACHABLE" : "NOT_RECORDED", r);
    return settle_failure(work);
}

static int settle(struct work *work)
{
    int r = work->finding.outcome == FARMIQ_OUTCOME_ACKED ? settle_result(work)
                                                          : settle_failure(work);

    if (r == FARMIQ_NONE)
        shim_log(work->call, SHIM_WARN, "inference.lease_lost", "job %.*s",
                 (int)work->order.job_id.len, work->order.job_id.ptr);
    return r;
}

/* ## The whole way */

static void count(const struct finding *finding)
{
    static const char *const names[] = {
        [FARMIQ_OUTCOME_ACKED] = "acked",
        [FARMIQ_OUTCOME_RETRY] = "retry",
        [FARMIQ_OUTCOME_REFUSED] = "refused",
        [FARMIQ_OUTCOME_UNREACHED] = "unreached",
    };

    shim_count("farmiq_inference_attempts_total", names[finding->outcome], 1);
    if (finding->outcome == FARMIQ_OUTCOME_ACKED && finding->confidence < LOW_CONFIDENCE)
        shim_count("farmiq_inference_low_confidence_total", NULL, 1);
}

static int work_on(struct work *work)
{
    struct shim_call *call = work->call;
    int r = order_of_event(call, work->row->event, &work->order);

    call->request_id = work->order.job_id;
    call->trace_id = work->order.trace_id;
    if (r == FARMIQ_OK)
        r = look(work);
    if (r < 0)
        fail(work, FARMIQ_OUTCOME_RETRY, "NOT_LOOKED_AT", r);
    r = settle(work);
    count(&work->finding);
    if (r < 0)
        return r;
    return work->finding.outcome == FARMIQ_OUTCOME_UNREACHED ? FARMIQ_E_UNREACHABLE
                                                             : SHIM_AGAIN;
}

int inference_work(struct shim_call *call)
{
    const struct inference_state *state = call->state;
    struct work work = { .call = call };
    int r;

    if (!*state->version)
        return FARMIQ_OK;
    r = look_ready(call, &work.finding.model_version);
    if (r < 0) /* what waits for it is to be seen all the same */
        (void)shim_write(call, see_queue, NULL);
    else
        r = take_one(&work);
    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    return work_on(&work);
}
