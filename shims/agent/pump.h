/* SPDX-License-Identifier: Apache-2.0 */
/* From the buffer to the edge: what goes out, when, and when again. */
#ifndef AGENT_PUMP_H
#define AGENT_PUMP_H

#include "agent/buffer.h"
#include "agent/flight.h"
#include "agent/link.h"

#define REFUSAL_CODES 32
#define REFUSAL_CODE_BYTES 48

struct pump {
    const struct agent_options *options;
    struct buffer *buffer;
    struct link *link;
    struct flights flights;
    struct moment now;
    int is_connected;
    int is_replaying;         /* what comes next is old: pace it */
    int may_have_more;        /* the last claim did not empty the buffer */
    int64_t replay_steady_ms; /* not before */
    int64_t ack_timeout_ms;   /* grows while nobody acknowledges */
    uint64_t published, acked, refused, repeated, denied;
    char codes[REFUSAL_CODES][REFUSAL_CODE_BYTES]; /* refusals outlive their message */
};

int pump_open(struct pump *pump, const struct agent_options *options,
              struct buffer *buffer, struct link *link);
void pump_close(struct pump *pump);

/* Take what came from the broker; give up what was not acknowledged in time. */
void pump_learn(struct pump *pump, struct moment now);
/* In a transaction: write what has landed; claim what may go next. */
int pump_settle(struct pump *pump, int is_last);
int pump_board(struct pump *pump);
/* After the commit. */
void pump_send(struct pump *pump);
/* After a rollback: forget what is in the air; buffer_recover() has it again. */
void pump_forget(struct pump *pump);
/* There is something new in the buffer. */
void pump_wake(struct pump *pump);
/* When to look again, if nothing else happens. */
int64_t pump_due(struct pump *pump);

/* For landing.c and pump.c. */
void pump_refuse(struct pump *pump, struct flight *flight, struct farmiq_outbox_row *row,
                 struct farmiq_str code);
uint32_t pump_jitter_ms(void); /* spec edge 2.13: 0 to 200 ms */

#endif
