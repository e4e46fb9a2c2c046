/* SPDX-License-Identifier: Apache-2.0 */
/* A parcel: rows of one tenant in one request (spec edge 6.5), and the answer to it. */
#include "forwarder.h"

#include <string.h>

#include "common/text.h"

/* Move `row`, which `from` points to, to the end of the parcel. */
static void take(struct parcel *parcel, struct farmiq_outbox_row **from)
{
    struct farmiq_outbox_row *row = *from;

    *from = row->next;
    row->next = NULL;
    row->event->next = NULL;
    row->event->index = parcel->count++;
    row->event->refusal = row->event->refusal_text = NULL;
    *parcel->end = row;
    parcel->end = &row->next;
}

static void chain_events(struct parcel *parcel)
{
    for (struct farmiq_outbox_row *row = parcel->rows; row; row = row->next)
        row->event->next = row->next ? row->next->event : NULL;
}

/* Whatever the settings: this one fits no request, and never will. */
static void refuse_first(struct cycle *cycle, struct parcel *parcel)
{
    take(parcel, &cycle->rows);
    parcel->outcome = FARMIQ_OUTCOME_REFUSED;
    parcel->error = "EVENT_TOO_LARGE";
    parcel->rows->event->refusal_text = parcel->rows->event->refusal =
        "larger than SYNC_BATCH_MAX_BYTES";
}

int forwarder_fill(struct cycle *cycle, struct parcel *parcel)
{
    struct farmiq_outbox_row **from = &cycle->rows;
    struct farmiq_json_writer json;
    int r = FARMIQ_OK;

    parcel->end = &parcel->rows;
    parcel->tenant_id = cycle->rows->event->tenant_id;
    parcel->batch_id = shim_uuid(cycle->call);
    farmiq_batch_open(&json, cycle->body, cycle->body_bytes, parcel->tenant_id,
                      forwarder_edge_id(cycle->call), parcel->batch_id,
                      cycle->call->now_unix_ms);
    while (*from && parcel->count < cycle->most && r == FARMIQ_OK) {
        if (!text_equal((*from)->event->tenant_id, parcel->tenant_id)) {
            from = &(*from)->next;
            continue;
        }
        r = farmiq_batch_add(&json, parcel->tenant_id, (*from)->event);
        if (r == FARMIQ_OK)
            take(parcel, from);
    }
    if (r < 0 && r != FARMIQ_E_NOSPACE)
        return r;
    if (parcel->count == 0) {
        refuse_first(cycle, parcel);
        return FARMIQ_OK;
    }
    chain_events(parcel);
    parcel->body.ptr = cycle->body;
    return farmiq_batch_close(&json, &parcel->body.len);
}

#define OWN_HEADERS 8

/* Who, which batch, and how we are doing: the cloud's overview shows the last two. */
static uint32_t write_headers(struct cycle *cycle, const struct parcel *parcel,
                              struct shim_header_line out[OWN_HEADERS])
{
    struct shim_call *call = cycle->call;
    const struct forwarder_state *state = call->state;
    const struct farmiq_outbox_stats *stats = &state->stats;
    int64_t oldest_ms = stats->oldest_pending_unix_ms;
    int64_t age_ms = oldest_ms ? call->now_unix_ms - oldest_ms : 0;
    uint32_t count = 0;

    out[count++] =
        (struct shim_header_line){ "content-type", shim_str("application/json") };
    out[count++] = (struct shim_header_line){ "x-tenant-id", parcel->tenant_id };
    out[count++] = (struct shim_header_line){ "x-edge-id", forwarder_edge_id(call) };
    out[count++] = (struct shim_header_line){ "x-request-id", parcel->batch_id };
    out[count++] = (struct shim_header_line){ "x-trace-id", parcel->batch_id };
    out[count++] = (struct shim_header_line){ "x-idempotency-key", parcel->batch_id };
    out[count++] =
        (struct shim_header_line){ "x-farmiq-backlog",
                                   text_of_number(call, (int64_t)stats->pending) };
    out[count++] = (struct shim_header_line){ "x-farmiq-oldest-pending-age-seconds",
                                              text_of_number(call, age_ms / 1000) };
    return count;
}

/* Spec edge 6.6 lets a 200 without a word acknowledge everything. So says many a proxy
 * and captive portal, too: unless told otherwise, we want to be told the counts. */
static int check_counted(struct cycle *cycle, const struct farmiq_batch_answer *answer,
                         struct farmiq_error *error)
{
    static const char detail[] = "does not say how many were accepted";

    if (answer->has_counts || shim_number(cycle->call, "SYNC_TRUST_BARE_ANSWER"))
        return FARMIQ_OK;
    memcpy(error->detail, detail, sizeof detail);
    return FARMIQ_E_SCHEMA;
}

/* Does the 200 say anything that can be believed? Garbage is no acknowledgement: the
 * rows wait, as in an outage (13-C20). */
static int read_answer(struct cycle *cycle, struct parcel *parcel,
                       struct farmiq_str reply)
{
    struct farmiq_batch_answer answer;
    struct farmiq_error error;
    size_t bytes = 8192 + reply.len * 4;
    void *memory = shim_memory(cycle->call, bytes);
    int r;

    farmiq_batch_answer_init(&answer, sizeof answer);
    farmiq_error_init(&error, sizeof error);
    if (!memory)
        return FARMIQ_E_NOMEM;
    r = farmiq_batch_answer_parse(&answer, reply.ptr, reply.len, memory, bytes, &error);
    if (r == FARMIQ_OK)
        r = check_counted(cycle, &answer, &error);
    if (r == FARMIQ_OK)
        r = farmiq_batch_answer_apply(&answer, parcel->rows->event, parcel->count,
                                      &error);
    if (r < 0) {
        shim_log(cycle->call, SHIM_WARN, "sync.answer", "not an answer: %s %s",
                 error.field, error.detail);
        parcel->outcome = FARMIQ_OUTCOME_UNREACHED;
        parcel->error = "CLOUD_ANSWER_INVALID";
    }
    return FARMIQ_OK;
}

static int post(struct cycle *cycle, const struct parcel *parcel,
                struct shim_request *request)
{
    struct shim_call *call = cycle->call;
    struct shim_header_line headers[OWN_HEADERS + AUTH_HEADERS + EXTRA_HEADERS];
    uint32_t extra, count = write_headers(cycle, parcel, headers);

    count += forwarder_auth_headers(call, "POST", forwarder_auth_url_path(call),
                                    parcel->body, headers + count);
    /* The start has read them once: they are sound. */
    (void)forwarder_extra_headers(call, headers + count, EXTRA_HEADERS, &extra);
    count += extra;
    *request = (struct shim_request){
        .url_option = "CLOUD_INGESTION_URL",
        .method = "POST",
        .path = "",
        .body = parcel->body,
        .headers = headers,
        .header_count = count,
        .timeout_ms = (uint32_t)shim_number(call, "CLOUD_TIMEOUT_MS"),
    };
    return shim_request(call, request);
}

int forwarder_send(struct cycle *cycle, struct parcel *parcel)
{
    struct shim_request request;
    int r = post(cycle, parcel, &request);

    if (r == FARMIQ_E_NOMEM)
        return r;
    parcel->status = r == FARMIQ_OK ? request.status : 0;
    parcel->retry_after_ms = r == FARMIQ_OK ? request.retry_after_ms : -1;
    parcel->outcome = farmiq_outbox_outcome_of_http(parcel->status);
    shim_count("farmiq_sync_requests_total",
               parcel->outcome == FARMIQ_OUTCOME_ACKED     ? "ok"
               : parcel->outcome == FARMIQ_OUTCOME_REFUSED ? "refused"
                                                           : "unreached",
               1);
    if (parcel->outcome == FARMIQ_OUTCOME_ACKED)
        return read_answer(cycle, parcel, request.reply);
    parcel->error = "CLOUD_REQUEST_FAILED";
    shim_log(cycle->call, SHIM_WARN, "sync.failed", "status=%d events=%u", parcel->status,
             (unsigned)parcel->count);
    return FARMIQ_OK;
}
