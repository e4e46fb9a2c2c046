/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from the bus, message by message. */
#include "common/consume.h"

void consume_refuse(struct shim_message *message, const char *reason)
{
    message->verdict = FARMIQ_E_REFUSED;
    message->reason = reason;
    shim_count("farmiq_consume_refused_total", reason, 1);
}

void *consume_room(struct shim_call *call, size_t entry_bytes)
{
    size_t count = 1;

    for (const struct shim_message *m = call->messages; m; m = m->next)
        count++;
    return shim_memory(call, count * entry_bytes);
}

int consume_each(struct shim_call *call,
                 int (*read)(void *ctx, struct shim_message *message), void *ctx)
{
    int r = FARMIQ_OK;

    for (struct shim_message *m = call->messages; m && r == FARMIQ_OK; m = m->next)
        r = read(ctx, m);
    return r;
}
