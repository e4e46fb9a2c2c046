/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from the bus, read message by message before anything is kept of it (spec cloud
 * 2.5). */
#ifndef COMMON_CONSUME_H
#define COMMON_CONSUME_H

#include "kit/shim.h"

/* What consume_refuse() counts: a row of a consumer's metrics. */
#define CONSUME_REFUSED_METRIC                                                           \
    {                                                                                    \
        "farmiq_consume_refused_total", SHIM_COUNTER, "reason",                          \
            "messages that can never be stored, by reason"                               \
    }

/* The message can never be stored: its neighbours go on without it. `reason` is static
 * text, which its dead letter says. */
void consume_refuse(struct shim_message *message, const char *reason);

/* Room for what is read of each message, and one entry more, zeroed. NULL: no memory. */
void *consume_room(struct shim_call *call, size_t entry_bytes);

/* Read each message in turn; what is wrong with one is its verdict, not a failure.
 * FARMIQ_OK, or what `read` returned that is not. */
int consume_each(struct shim_call *call,
                 int (*read)(void *ctx, struct shim_message *message), void *ctx);

#endif
