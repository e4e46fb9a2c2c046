/* SPDX-License-Identifier: Apache-2.0 */
/* What is declared at a broker: exchanges, queues, bindings. */
#include "kit/amqp_private.h"

#define ARGUMENTS_MAX 16

/* Fill `entries` and make a table of them. */
static amqp_table_t table_of(const struct shim_amqp_argument *arguments,
                             amqp_table_entry_t entries[ARGUMENTS_MAX])
{
    amqp_table_t table = { 0, entries };

    for (; arguments && arguments->name && table.num_entries < ARGUMENTS_MAX;
         arguments++) {
        amqp_table_entry_t *entry = &entries[table.num_entries++];

        entry->key = amqp_cstring_bytes(arguments->name);
        if (arguments->text) {
            entry->value.kind = AMQP_FIELD_KIND_UTF8;
            entry->value.value.bytes = amqp_cstring_bytes(arguments->text);
        } else {
            entry->value.kind = AMQP_FIELD_KIND_I64;
            entry->value.value.i64 = arguments->number;
        }
    }
    return table;
}

static int answer(struct shim_amqp *link)
{
    return shim__amqp_rpc(link, amqp_get_rpc_reply(link->connection));
}

int shim_amqp_declare_exchange(struct shim_amqp *link, const char *name, const char *type,
                               const struct shim_amqp_argument *arguments)
{
    amqp_table_entry_t entries[ARGUMENTS_MAX];

    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    amqp_exchange_declare(link->connection, SHIM_AMQP_IN, amqp_cstring_bytes(name),
                          amqp_cstring_bytes(type), 0, 1, 0, 0,
                          table_of(arguments, entries));
    return answer(link);
}

int shim_amqp_declare_queue(struct shim_amqp *link, const char *name,
                            const struct shim_amqp_argument *arguments)
{
    amqp_table_entry_t entries[ARGUMENTS_MAX];

    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    amqp_queue_declare(link->connection, SHIM_AMQP_IN, amqp_cstring_bytes(name), 0, 1, 0,
                       0, table_of(arguments, entries));
    return answer(link);
}

int shim_amqp_bind_queue(struct shim_amqp *link, const char *queue, const char *exchange,
                         const char *routing_key)
{
    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    amqp_queue_bind(link->connection, SHIM_AMQP_IN, amqp_cstring_bytes(queue),
                    amqp_cstring_bytes(exchange), amqp_cstring_bytes(routing_key),
                    amqp_empty_table);
    return answer(link);
}

int shim_amqp_bind_exchange(struct shim_amqp *link, const char *destination,
                            const char *source, const char *routing_key)
{
    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    amqp_exchange_bind(link->connection, SHIM_AMQP_IN, amqp_cstring_bytes(destination),
                       amqp_cstring_bytes(source), amqp_cstring_bytes(routing_key),
                       amqp_empty_table);
    return answer(link);
}

int shim_amqp_depth(struct shim_amqp *link, const char *queue, uint32_t *messages)
{
    const amqp_queue_declare_ok_t *found;
    int r;

    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    found = amqp_queue_declare(link->connection, SHIM_AMQP_IN, amqp_cstring_bytes(queue),
                               1, 0, 0, 0, amqp_empty_table);
    r = answer(link);
    if (r == FARMIQ_OK)
        *messages = found->message_count;
    return r;
}
