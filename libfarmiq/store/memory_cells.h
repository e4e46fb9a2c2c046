/* SPDX-License-Identifier: Apache-2.0 */
/* What the memory store is made of: cells of one size in the caller's memory, a hash
 * index over them, and a journal that can undo every change of them. */
#ifndef FARMIQ_STORE_MEMORY_CELLS_H
#define FARMIQ_STORE_MEMORY_CELLS_H

#include <farmiq/store.h>

#include "place.h"

/* Cells are named by their index; 0 is none. Every cell begins with this. */
struct farmiq__head {
    uint64_t stamp;      /* the transaction that has journaled it */
    uint32_t link;       /* the next in its hash chain, its text, or the free list */
    uint32_t prev, next; /* in its list */
    uint32_t owner;      /* the queue or ledger it belongs to */
};

struct farmiq__list {
    uint32_t first, last, count;
};

enum farmiq__lists { READY, RETRY, FLIGHT, DEAD, ACKED, KEYS, LISTS };

#define FARMIQ__NAME_BYTES 32

/* A queue or a ledger. */
struct farmiq__named {
    struct farmiq__head head;
    char name[FARMIQ__NAME_BYTES];
    int64_t last_seq;
    int64_t last_acked_unix_ms;
    struct farmiq__list lists[LISTS];
};

/* One event in a queue, or one key in a ledger; both are found by (tenant, event). */
struct farmiq__entry {
    struct farmiq__head head;
    uint64_t hash; /* of the key */
    uint32_t list; /* the one it is in */
    uint32_t text; /* the first of its texts' cells */
    uint32_t lens[FARMIQ__EVENT_TEXTS];
    int64_t seq;
    int64_t occurred_at_unix_ms;
    int64_t due_at_unix_ms; /* of RETRY; when a key expires */
    int64_t created_at_unix_ms;
    int64_t lease_unix_ms[2]; /* claimed at, until; of the other lists: since when */
    uint64_t token[2];        /* of a key, [0]: the hash of its content */
    int32_t priority;
    uint32_t attempt_count, claim_count;
    uint32_t mark; /* of the settlement that looks at it */
};

#define FARMIQ__CELL_BYTES 192
#define FARMIQ__CHUNK_BYTES (FARMIQ__CELL_BYTES - sizeof(struct farmiq__head))
#define FARMIQ__NESTING 8

struct farmiq__memory {
    char *cells;
    uint32_t cell_count;
    uint32_t bucket_count; /* a power of two */
    uint32_t *buckets;
    char *journal;
    size_t journal_room, journal_len;
    size_t marks[FARMIQ__NESTING]; /* of the journal, where each begin found it */
    uint32_t depth;
    uint32_t last_mark;
    uint64_t stamp; /* of the latest begin */
    struct {
        uint32_t free, used;
        uint32_t queues, ledgers; /* chains of struct farmiq__named */
    } state;
};

int farmiq__memory_init(struct farmiq__memory **out, void *memory, size_t bytes);

int farmiq__memory_begin(void *ctx);
int farmiq__memory_commit(void *ctx);
void farmiq__memory_rollback(void *ctx);

/* What follows returns FARMIQ_OK or FARMIQ_E_NOSPACE: no free cell, or no room in the
 * journal. Then the transaction must be rolled back; outside one nothing is journaled,
 * and only what allocates can fail. */
int farmiq__touch(struct farmiq__memory *m, uint32_t cell);
int farmiq__cell_new(struct farmiq__memory *m, uint32_t *cell);
int farmiq__entry_free(struct farmiq__memory *m, uint32_t cell);
int farmiq__text_add(struct farmiq__memory *m, struct farmiq__entry *entry,
                     const struct farmiq_str *texts, unsigned count);

/* The queue or ledger of this name, made if need be. */
int farmiq__named_get(struct farmiq__memory *m, uint32_t *chain, const char *name,
                      uint32_t *cell);

/* Put the entry in a list of its owner: behind all that are not after it. It must be
 * in none. */
typedef int farmiq__order(const struct farmiq__entry *a, const struct farmiq__entry *b);
int farmiq__list_add(struct farmiq__memory *m, uint32_t cell, enum farmiq__lists list,
                     farmiq__order *is_after);
int farmiq__list_remove(struct farmiq__memory *m, uint32_t cell);

int farmiq__index_add(struct farmiq__memory *m, uint32_t cell);
/* 0: there is none. */
uint32_t farmiq__index_find(const struct farmiq__memory *m, uint32_t owner,
                            struct farmiq_str tenant_id, struct farmiq_str event_id);
uint64_t farmiq__key_hash(uint32_t owner, struct farmiq_str tenant_id,
                          struct farmiq_str event_id);

/* Copy the texts of an entry one after the other; compare one of them. */
void farmiq__text_read(const struct farmiq__memory *m, const struct farmiq__entry *entry,
                       char *out);
int farmiq__text_is(const struct farmiq__memory *m, const struct farmiq__entry *entry,
                    unsigned index, struct farmiq_str text);

static inline void *farmiq__cell(const struct farmiq__memory *m, uint32_t cell)
{
    return m->cells + (size_t)cell * FARMIQ__CELL_BYTES;
}

static inline struct farmiq__entry *farmiq__entry(const struct farmiq__memory *m,
                                                  uint32_t cell)
{
    return farmiq__cell(m, cell);
}

static inline struct farmiq__named *farmiq__named(const struct farmiq__memory *m,
                                                  uint32_t cell)
{
    return farmiq__cell(m, cell);
}

#endif
