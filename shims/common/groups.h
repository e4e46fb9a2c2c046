/* SPDX-License-Identifier: Apache-2.0 */
/* Things of a batch that belong together, found by their key: a hash table in the
 * call's memory, so that a batch of readings becomes one row per device or bucket. */
#ifndef COMMON_GROUPS_H
#define COMMON_GROUPS_H

#include "kit/shim.h"

#define GROUP_PARTS 5

/* The texts must live as long as the table: it keeps no copies. */
struct group_key {
    struct farmiq_str part[GROUP_PARTS];
    int64_t number;
};

/* First member of whatever is grouped. */
struct group {
    struct group *next; /* in order of first appearance */
    struct group *next_in_slot;
    struct group_key key;
};

struct groups {
    struct group *first, *last;
    uint32_t count;
    uint32_t slot_count;
    struct group **slots;
    size_t entry_bytes;
};

/* FARMIQ_OK or FARMIQ_E_NOMEM. `expected` sizes the table; more are welcome. */
int groups_open(struct groups *groups, struct shim_call *call, uint32_t expected,
                size_t entry_bytes);

/* The entry of `key`: zeroed but for its group if it is new. NULL: no memory. */
void *groups_find(struct groups *groups, struct shim_call *call,
                  const struct group_key *key);

/* Run `query` once for each group, with the parameters that `put` writes.
 * FARMIQ_OK, FARMIQ_E_NOMEM, or as farmiq_sql_run_many(). */
int groups_store(struct shim_call *call, const struct groups *groups,
                 const struct farmiq_sql_query *query, uint32_t param_count,
                 void (*put)(struct farmiq_sql_value *to, const struct group *group,
                             int64_t now_unix_ms));

#endif
