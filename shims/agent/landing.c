/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of events in flight: acknowledged, refused, or given back. */
#include <string.h>

#include "agent/ack.h"
#include "agent/pump.h"
#include "kit/log.h"

#define ACK_TIMEOUT_MAX_MS 300000

/* Codes come from outside and outlive their message; there are few different ones. */
static struct farmiq_str intern(struct pump *p, struct farmiq_str code)
{
    for (int i = 0; i < REFUSAL_CODES && code.len < REFUSAL_CODE_BYTES; i++) {
        char *known = p->codes[i];

        if (!*known)
            memcpy(known, code.ptr, code.len);
        if (strlen(known) == code.len && memcmp(known, code.ptr, code.len) == 0)
            return (struct farmiq_str){ known, code.len };
    }
    return (struct farmiq_str){ "REFUSED", 7 };
}

void pump_refuse(struct pump *p, struct flight *flight, struct farmiq_outbox_row *row,
                 struct farmiq_str code)
{
    row->last_error_code = intern(p, code);
    if (!flight_land(flight, row, FARMIQ_OUTCOME_REFUSED, p->now.unix_ms,
                     p->now.steady_ms))
        return;
    p->refused++;
    shim_log_line(SHIM_WARN, "event.refused", "event %.*s: %.*s",
                  (int)row->event->event_id.len, row->event->event_id.ptr,
                  (int)row->last_error_code.len, row->last_error_code.ptr);
}

static void accept(struct pump *p, struct flight *flight, struct farmiq_outbox_row *row)
{
    p->acked += (uint64_t)flight_land(flight, row, FARMIQ_OUTCOME_ACKED, p->now.unix_ms,
                                      p->now.steady_ms);
    p->ack_timeout_ms = p->options->ack_timeout_ms;
}

static void on_answer(void *ctx, struct farmiq_str event_id, struct farmiq_str refusal)
{
    struct pump *p = ctx;
    struct flight *flight;
    struct farmiq_outbox_row *row = flights_find_id(&p->flights, event_id, &flight);

    if (row && refusal.len)
        pump_refuse(p, flight, row, refusal);
    else if (row)
        accept(p, flight, row);
}

static void on_ack(void *ctx, struct farmiq_str body)
{
    if (ack_parse(body, on_answer, ctx) != FARMIQ_OK)
        shim_log_line(SHIM_WARN, "ack.invalid", "an acknowledgement cannot be read");
}

/* The rest of the flight goes back to the buffer and is due at once. */
static void give_back(struct pump *p, struct flight *flight)
{
    for (struct farmiq_outbox_row *row = flight->first; row; row = row->next)
        p->repeated += (uint64_t)flight_land(flight, row, FARMIQ_OUTCOME_UNREACHED,
                                             p->now.unix_ms, p->now.steady_ms);
    flight->unsent = NULL;
    p->is_replaying = 1;
}

/* What waits behind something that goes back must not overtake it. */
static void give_back_followers(struct pump *p, const struct flight *flight)
{
    for (int i = 0; i < FLIGHT_COUNT; i++) {
        struct flight *other = &p->flights.list[i];

        if (other->unsent && other->boarded > flight->boarded)
            give_back(p, other);
    }
}

static void give_back_all(struct pump *p)
{
    for (int i = 0; i < FLIGHT_COUNT; i++)
        if (p->flights.list[i].rows)
            give_back(p, &p->flights.list[i]);
}

/* An edge that is away for hours must not be asked every few seconds. */
static void expire(struct pump *p)
{
    int has_expired = 0;

    for (int i = 0; i < FLIGHT_COUNT; i++) {
        struct flight *flight = &p->flights.list[i];

        if (flight->rows == 0 || flight->due_steady_ms > p->now.steady_ms)
            continue;
        has_expired |= flight->landed == 0;
        if (flight->unsent)
            give_back_followers(p, flight);
        give_back(p, flight);
    }
    if (has_expired && p->ack_timeout_ms < ACK_TIMEOUT_MAX_MS)
        p->ack_timeout_ms *= 2;
}

static void come_up(struct pump *p)
{
    p->is_replaying = 1;
    p->may_have_more = 1;
    p->replay_steady_ms = p->now.steady_ms + pump_jitter_ms();
    if (link_send_status(p->link, 1, p->now) != FARMIQ_OK)
        shim_log_line(SHIM_WARN, "status.not_sent", "the link is gone already");
}

void pump_learn(struct pump *p, struct moment now)
{
    struct link_news news;

    p->now = now;
    link_read(p->link, &news, on_ack, p);
    for (uint32_t i = 0; i < news.puback_count; i++) {
        struct flight *flight;
        struct farmiq_outbox_row *row =
            flights_find_cookie(&p->flights, news.pubacks[i], &flight);

        if (row)
            accept(p, flight, row);
    }
    p->denied += news.refused;
    if (news.refused)
        shim_log_line(SHIM_WARN, "publish.denied",
                      "the broker denied %llu, %llu so far; check the access list",
                      (unsigned long long)news.refused, (unsigned long long)p->denied);
    p->is_connected = news.is_connected;
    if (news.went_down)
        give_back_all(p);
    if (news.came_up && news.is_connected)
        come_up(p);
    expire(p);
}
