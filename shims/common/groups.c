/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table in a call's memory. */
#include "common/groups.h"

#include "common/text.h"

int groups_open(struct groups *groups, struct shim_call *call, uint32_t expected,
                size_t entry_bytes)
{
    uint32_t slot_count = 16;

    while (slot_count < expected && slot_count < 65536)
        slot_count *= 2;
    *groups = (struct groups){ .slot_count = slot_count, .entry_bytes = entry_bytes };
    groups->slots = shim_memory(call, slot_count * sizeof *groups->slots);
    return groups->slots ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static uint64_t hash_of(const struct group_key *key)
{
    uint64_t hash = (uint64_t)key->number;

    for (int i = 0; i < GROUP_PARTS; i++)
        if (key->part[i].len)
            hash = hash * 0x9E3779B97F4A7C15u ^
                   farmiq_content_hash(key->part[i].ptr, key->part[i].len);
    return hash * 0x9E3779B97F4A7C15u >> 32;
}

static int is_same_key(const struct group_key *a, const struct group_key *b)
{
    for (int i = 0; i < GROUP_PARTS; i++)
        if (!text_equal(a->part[i], b->part[i]))
            return 0;
    return a->number == b->number;
}

static struct group *add(struct groups *groups, struct group *group, struct group **slot,
                         const struct group_key *key)
{
    group->key = *key;
    group->next_in_slot = *slot;
    *slot = group;
    if (groups->last)
        groups->last->next = group;
    else
        groups->first = group;
    groups->last = group;
    groups->count++;
    return group;
}

void *groups_find(struct groups *groups, struct shim_call *call,
                  const struct group_key *key)
{
    struct group **slot = &groups->slots[hash_of(key) & (groups->slot_count - 1)];
    struct group *group = *slot;

    while (group && !is_same_key(&group->key, key))
        group = group->next_in_slot;
    if (group)
        return group;
    group = shim_memory(call, groups->entry_bytes);
    return group ? add(groups, group, slot, key) : NULL;
}

int groups_store(struct shim_call *call, const struct groups *groups,
                 const struct farmiq_sql_query *query, uint32_t param_count,
                 void (*put)(struct farmiq_sql_value *to, const struct group *group,
                             int64_t now_unix_ms))
{
    struct farmiq_sql_value *params, *to;

    if (groups->count == 0)
        return FARMIQ_OK;
    params = to = shim_memory(call, (size_t)groups->count * param_count * sizeof *params);
    if (!params)
        return FARMIQ_E_NOMEM;
    for (const struct group *group = groups->first; group; group = group->next) {
        put(to, group, call->now_unix_ms);
        to += param_count;
    }
    return farmiq_sql_run_many(call->store, query, NULL, params, param_count,
                               groups->count, NULL, NULL);
}
