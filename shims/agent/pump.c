/* SPDX-License-Identifier: Apache-2.0 */
/* From the buffer to the edge. */
#include "agent/pump.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "kit/log.h"

/* Landed rows wait this long for the rest of their flight, so that it is settled as a
 * whole and not row by row. */
#define SETTLE_MS 200
/* An event made longer ago than this is a replay (spec edge 2.13). */
#define REPLAY_AGE_MS 5000
#define REPLAY_STEP_MS 200
#define REPLAY_JITTER_MS 200
#define BOARDINGS 4 /* claims in one transaction */

uint32_t pump_jitter_ms(void)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        return REPLAY_JITTER_MS / 2;
    return random % (REPLAY_JITTER_MS + 1);
}

int pump_open(struct pump *p, const struct agent_options *options, struct buffer *buffer,
              struct link *link)
{
    memset(p, 0, sizeof *p);
    p->options = options;
    p->buffer = buffer;
    p->link = link;
    p->ack_timeout_ms = options->ack_timeout_ms;
    return flights_open(&p->flights, options->window);
}

void pump_close(struct pump *p) { flights_close(&p->flights); }

/* ## In the transaction */

static int is_ripe(const struct pump *p, const struct flight *flight)
{
    return flight->landed == flight->rows ||
           flight->landed_steady_ms + SETTLE_MS <= p->now.steady_ms;
}

int pump_settle(struct pump *p, int is_last)
{
    int r = FARMIQ_OK;

    for (int i = 0; i < FLIGHT_COUNT && r == FARMIQ_OK; i++) {
        struct flight *flight = &p->flights.list[i];

        if (flight->landed && (is_last || is_ripe(p, flight))) {
            r = buffer_settle(p->buffer, flight_take_landed(&p->flights, flight), p->now);
            p->may_have_more = 1;
        }
    }
    return r;
}

/* How many old events may go now: a fifth of a second's worth. */
static uint32_t replay_rows(const struct pump *p)
{
    uint64_t rows =
        (uint64_t)p->options->replay_rate * p->options->devices * REPLAY_STEP_MS / 1000;

    if (p->options->replay_rate == 0 || rows > p->flights.rows_max)
        return p->flights.rows_max;
    return rows ? (uint32_t)rows : 1;
}

static int is_paced(const struct pump *p)
{
    return p->is_replaying && p->options->replay_rate != 0;
}

/* The oldest comes first, so one look at it tells whether the buffer is behind. */
static void set_pace(struct pump *p, const struct flight *flight)
{
    uint64_t per_s = (uint64_t)p->options->replay_rate * p->options->devices;

    p->is_replaying = buffer_age_ms(flight->first->event, p->now) > REPLAY_AGE_MS;
    if (is_paced(p))
        p->replay_steady_ms =
            p->now.steady_ms + (int64_t)(flight->rows * 1000 / per_s) + pump_jitter_ms();
}

static void drop_old(struct pump *p, struct flight *flight)
{
    uint64_t dropped = 0;

    for (struct farmiq_outbox_row *row = flight->first; row; row = row->next)
        if (buffer_is_too_old(p->buffer, row->event, p->now))
            dropped += (uint64_t)flight_land(flight, row, FARMIQ_OUTCOME_ACKED,
                                             p->now.unix_ms, p->now.steady_ms);
    p->buffer->dropped_old += dropped;
    if (dropped)
        shim_log_line(SHIM_WARN, "buffer.dropped", "dropped %llu too old to send",
                      (unsigned long long)dropped);
}

static int board_one(struct pump *p, struct flight *flight)
{
    struct farmiq_outbox_row *first = NULL;
    uint32_t limit = is_paced(p) ? replay_rows(p) : p->flights.rows_max;
    uint64_t token[2];
    int r = buffer_claim(p->buffer, limit, flight->memory, p->flights.memory_bytes,
                         p->now, token, &first);

    p->may_have_more = r == FARMIQ_OK;
    if (r == FARMIQ_NONE)
        p->is_replaying = 0;
    if (r != FARMIQ_OK)
        return r;
    flight_board(&p->flights, flight, first, token);
    flight->due_steady_ms = p->now.steady_ms + p->ack_timeout_ms;
    set_pace(p, flight);
    drop_old(p, flight);
    return FARMIQ_OK;
}

int pump_board(struct pump *p)
{
    int r = FARMIQ_OK;

    for (int i = 0; i < BOARDINGS && r == FARMIQ_OK && p->is_connected; i++) {
        struct flight *flight = flights_free_one(&p->flights);

        if (!flight || !p->may_have_more ||
            (is_paced(p) && p->now.steady_ms < p->replay_steady_ms))
            break;
        r = board_one(p, flight);
    }
    return r == FARMIQ_NONE ? FARMIQ_OK : r;
}

/* ## After the commit */

static int send_row(struct pump *p, struct flight *flight, struct farmiq_outbox_row *row)
{
    int r;

    if (row->status != FARMIQ_OUTBOX_CLAIMED)
        return FARMIQ_OK; /* dropped, or acknowledged meanwhile */
    r = link_send(p->link, row->event, flight_cookie(&p->flights, flight, row));
    if (r == FARMIQ_E_SCHEMA)
        pump_refuse(p, flight, row, (struct farmiq_str){ "UNSENDABLE", 10 });
    p->published += r == FARMIQ_OK;
    return r == FARMIQ_E_SCHEMA ? FARMIQ_OK : r;
}

void pump_send(struct pump *p)
{
    struct flight *flight;

    while ((flight = flights_next_unsent(&p->flights)) != NULL) {
        if (send_row(p, flight, flight->unsent) != FARMIQ_OK)
            return; /* full or gone: PUBACKs or the link's end go on from here */
        flight->unsent = flight->unsent->next;
    }
}

void pump_forget(struct pump *p)
{
    flights_forget(&p->flights);
    p->may_have_more = 1;
    p->is_replaying = 1;
}

void pump_wake(struct pump *p) { p->may_have_more = 1; }

int64_t pump_due(struct pump *p)
{
    int64_t due = INT64_MAX;

    if (p->may_have_more && p->is_connected && flights_free_one(&p->flights))
        due = is_paced(p) ? p->replay_steady_ms : p->now.steady_ms;
    for (int i = 0; i < FLIGHT_COUNT; i++) {
        const struct flight *flight = &p->flights.list[i];
        int64_t own =
            flight->landed ? flight->landed_steady_ms + SETTLE_MS : flight->due_steady_ms;

        if (flight->rows && own < due)
            due = own;
    }
    return due;
}
