/* SPDX-License-Identifier: Apache-2.0 */
/* The durable buffer: an event is in it before it is sent, and leaves it only when the
 * edge has acknowledged it, refused it, or the buffer is full or the event too old. */
#ifndef AGENT_BUFFER_H
#define AGENT_BUFFER_H

#include "agent/kind.h"

#define BUFFER_DROP_BYTES 131072 /* of drop_memory */

struct buffer {
    struct farmiq_store store;
    const struct agent_options *options;
    void *drop_memory;
    uint64_t held; /* events in the buffer, in flight or not */
    uint64_t dead; /* refused ones, kept for a person */
    uint64_t dropped_full, dropped_old;
};

/* Ends the leases of the process before us: there is only one agent to a buffer.
 * FARMIQ_OK; what the store's open returned, with `error`. */
int buffer_open(struct buffer *buffer, const struct agent_options *options,
                struct moment now, struct farmiq_error *error);
void buffer_close(struct buffer *buffer);
/* After a failed transaction: put everything in flight back. */
int buffer_recover(struct buffer *buffer, struct moment now);

/* The rest is called inside a transaction on `store`. On failure roll back. */

/* Append `count` rows, chained. */
int buffer_add(struct buffer *buffer, struct farmiq_outbox_row *first, uint32_t count,
               struct moment now);
/* Claim into `memory`. FARMIQ_OK, FARMIQ_NONE. `token` gets a new token. */
int buffer_claim(struct buffer *buffer, uint32_t limit, void *memory, size_t memory_bytes,
                 struct moment now, uint64_t token[2], struct farmiq_outbox_row **first);
/* Write what has landed, and forget what was acknowledged. */
int buffer_settle(struct buffer *buffer, struct farmiq_outbox_row *landed,
                  struct moment now);
/* Drop the oldest until the limit holds; what the kind wants kept goes last. */
int buffer_shed(struct buffer *buffer, struct moment now);
/* 1 if the event was made too long ago to be sent. */
int buffer_is_too_old(const struct buffer *buffer, const struct farmiq_event *event,
                      struct moment now);
/* Milliseconds since the event was made. */
int64_t buffer_age_ms(const struct farmiq_event *event, struct moment now);

#endif
