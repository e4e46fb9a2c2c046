/* SPDX-License-Identifier: Apache-2.0 */
/* One cycle: claim, send parcel by parcel, settle each. A whole-request refusal halves
 * the next parcel until the culprit stands alone (spec edge 13-C6); an outage ends the
 * cycle and pauses the endpoint, not the rows (13-C4). */
#include "forwarder.h"

#include "common/text.h"
#include "queries.h"

#define STATS_EVERY_MS 1000
#define ROOM_PER_ROW 1024
#define LEAST_CLAIM_BYTES (1024 * 1024) /* any one event fits, whatever the settings */

struct endpoint_state {
    int64_t paused_at_unix_ms, paused_until_unix_ms;
    uint32_t consecutive_failures;
};

static int read_endpoint(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                         uint32_t count)
{
    struct endpoint_state *state = ctx;

    (void)row;
    (void)count;
    state->paused_at_unix_ms = columns[0].integer;
    state->paused_until_unix_ms = columns[1].integer;
    state->consecutive_failures = (uint32_t)columns[2].integer;
    return 0;
}

/* A pause that began in the future is a clock that jumped back, as with leases. */
static int is_paused(struct cycle *cycle, const struct endpoint_state *state,
                     int64_t now_unix_ms)
{
    cycle->consecutive_failures = state->consecutive_failures;
    return state->paused_at_unix_ms <= now_unix_ms &&
           now_unix_ms < state->paused_until_unix_ms;
}

static void gauge_stats(const struct farmiq_outbox_stats *stats, int64_t now_unix_ms)
{
    int64_t age_ms =
        stats->oldest_pending_unix_ms ? now_unix_ms - stats->oldest_pending_unix_ms : 0;

    shim_gauge("farmiq_outbox_rows", "pending", (double)stats->pending);
    shim_gauge("farmiq_outbox_rows", "claimed", (double)stats->claimed);
    shim_gauge("farmiq_outbox_rows", "dlq", (double)stats->dlq);
    shim_gauge("farmiq_outbox_oldest_seconds", NULL, (double)age_ms / 1000);
}

/* By tenant: when the cloud last took something. By the endpoint: how often it did not.
 */
static int gauge_tenant(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                        uint32_t count)
{
    struct farmiq_str tenant_id = text_copy(ctx, columns[0].text);

    (void)row;
    (void)count;
    if (!tenant_id.ptr)
        return FARMIQ_E_NOMEM;
    if (text_is(tenant_id, ENDPOINT))
        shim_gauge("farmiq_sync_consecutive_failures", NULL, (double)columns[2].integer);
    else if (columns[1].integer)
        shim_gauge("farmiq_sync_last_success_timestamp_seconds", tenant_id.ptr,
                   (double)columns[1].integer / 1000);
    return FARMIQ_OK;
}

static int refresh_stats(struct shim_call *call)
{
    struct forwarder_state *state = call->state;
    int r;

    if (call->now_unix_ms - state->stats_at_unix_ms < STATS_EVERY_MS &&
        call->now_unix_ms >= state->stats_at_unix_ms)
        return FARMIQ_OK;
    farmiq_outbox_stats_init(&state->stats, sizeof state->stats);
    r = farmiq_store_outbox_stats(call->store, "sync", &state->stats);
    state->stats_at_unix_ms = call->now_unix_ms;
    gauge_stats(&state->stats, call->now_unix_ms);
    return r < 0 ? r
                 : farmiq_sql_run(call->store, &sql_tenants, NULL, NULL, 0, gauge_tenant,
                                  call);
}

/* FARMIQ_NONE: nothing due, or the endpoint is paused. */
static int claim(struct shim_call *call, void *arg)
{
    struct cycle *cycle = arg;
    struct endpoint_state state = { 0 };
    int r =
        farmiq_sql_run(call->store, &sql_endpoint, NULL, NULL, 0, read_endpoint, &state);

    if (r == FARMIQ_OK)
        r = refresh_stats(call);
    if (r != FARMIQ_OK)
        return r;
    if (is_paused(cycle, &state, call->now_unix_ms))
        return FARMIQ_NONE;
    cycle->claim.now_unix_ms = call->now_unix_ms;
    cycle->lease_expires_at_unix_ms = call->now_unix_ms + cycle->claim.lease_ms;
    shim_random_bytes(call, cycle->claim.token, sizeof cycle->claim.token);
    return farmiq_store_outbox_claim(call->store, "sync", &cycle->claim, &cycle->rows);
}

/* Seen from a time when every lease has expired. A kill must not hold events back for
 * the rest of a lease, unless a replica that lives may hold it: nobody can tell, so there
 * the lease decides. */
int forwarder_end_leases(struct shim_call *call)
{
    int64_t then_unix_ms =
        call->now_unix_ms + 2 * shim_number(call, "OUTBOX_LEASE_SECONDS");
    uint32_t count;

    if (shim_store_is_shared(call))
        return FARMIQ_OK;
    return farmiq_store_outbox_unclaim(call->store, "sync", then_unix_ms, 0, &count);
}

static int renew(struct shim_call *call, void *arg)
{
    struct cycle *cycle = arg;

    cycle->lease_expires_at_unix_ms = call->now_unix_ms + cycle->claim.lease_ms;
    return farmiq_store_outbox_renew(call->store, "sync", cycle->claim.token,
                                     call->now_unix_ms, cycle->claim.lease_ms);
}

/* Bisecting takes many requests: hold on to the rows past 60 % of the lease (13-C3). */
static int hold_lease(struct cycle *cycle)
{
    int r;

    if (!farmiq_outbox_must_renew(&cycle->policy, cycle->lease_expires_at_unix_ms,
                                  cycle->call->now_unix_ms))
        return FARMIQ_OK;
    r = shim_write(cycle->call, renew, cycle);
    cycle->is_over = r == FARMIQ_NONE;
    return r < 0 ? r : FARMIQ_OK;
}

static void set_policies(struct cycle *cycle)
{
    struct shim_call *call = cycle->call;

    farmiq_backoff_init(&cycle->backoff, sizeof cycle->backoff);
    cycle->backoff.max_attempts = (uint32_t)shim_number(call, "OUTBOX_MAX_ATTEMPTS");
    cycle->backoff.max_ms = (uint32_t)shim_number(call, "OUTBOX_BACKOFF_CAP_SECONDS");
    farmiq_outbox_policy_init(&cycle->policy, sizeof cycle->policy);
    cycle->policy.lease_ms = (uint32_t)shim_number(call, "OUTBOX_LEASE_SECONDS");
    cycle->policy.renew_pct = RENEW_PCT;
    cycle->policy.count_outages =
        (uint32_t)shim_number(call, "SYNC_ATTEMPTS_COUNT_OUTAGES");
    cycle->policy.backoff = &cycle->backoff;
}

static int open_cycle(struct cycle *cycle)
{
    struct shim_call *call = cycle->call;
    struct farmiq_outbox_claim *want = &cycle->claim;

    set_policies(cycle);
    cycle->body_bytes = (size_t)shim_number(call, "SYNC_BATCH_MAX_BYTES");
    cycle->body = shim_memory(call, cycle->body_bytes);
    farmiq_outbox_claim_init(want, sizeof *want);
    want->limit = (uint32_t)shim_number(call, "OUTBOX_BATCH_SIZE");
    want->claimed_by = forwarder_edge_id(call);
    want->lease_ms = cycle->policy.lease_ms;
    want->max_claims = cycle->policy.max_claims;
    want->memory_bytes =
        cycle->body_bytes > LEAST_CLAIM_BYTES ? cycle->body_bytes : LEAST_CLAIM_BYTES;
    want->memory_bytes += (size_t)want->limit * ROOM_PER_ROW;
    want->memory = shim_memory(call, want->memory_bytes);
    cycle->most = want->limit;
    return cycle->body && want->memory ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static void put_back(struct cycle *cycle, struct parcel *parcel)
{
    *parcel->end = cycle->rows;
    cycle->rows = parcel->rows;
}

static int send_next(struct cycle *cycle)
{
    struct parcel parcel = { 0 };
    int r = hold_lease(cycle);

    if (r == FARMIQ_OK && !cycle->is_over)
        r = forwarder_fill(cycle, &parcel);
    if (r < 0 || cycle->is_over)
        return r;
    if (!parcel.outcome)
        r = forwarder_send(cycle, &parcel);
    if (r < 0)
        return r;
    if (parcel.outcome == FARMIQ_OUTCOME_REFUSED && parcel.count > 1) {
        cycle->most = parcel.count / 2;
        put_back(cycle, &parcel);
        return FARMIQ_OK;
    }
    if (parcel.outcome == FARMIQ_OUTCOME_REFUSED)
        cycle->most = cycle->claim.limit; /* found it */
    return forwarder_settle(cycle, &parcel);
}

int forwarder_sync(struct shim_call *call)
{
    struct cycle cycle = { .call = call };
    int r;

    if (!*shim_text(call, "CLOUD_INGESTION_URL") ||
        text_is(shim_str(shim_text(call, "SYNC_FORWARDER_MODE")), "noop"))
        return FARMIQ_OK;
    r = open_cycle(&cycle);
    if (r == FARMIQ_OK)
        r = shim_write(call, claim, &cycle);
    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    for (const struct farmiq_outbox_row *row = cycle.rows; row; row = row->next)
        cycle.row_count++;
    while (cycle.rows && !cycle.is_over && r == FARMIQ_OK)
        r = send_next(&cycle);
    return r < 0                                                    ? r
           : !cycle.is_over && cycle.row_count == cycle.claim.limit ? SHIM_AGAIN
                                                                    : FARMIQ_OK;
}
