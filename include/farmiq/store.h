/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_STORE_H
#define FARMIQ_STORE_H

#include <farmiq/base.h>
#include <farmiq/error.h>
#include <farmiq/outbox.h>

FARMIQ_BEGIN

/** Durable state behind a dozen verbs.
 *
 * Three stores: memory (this header), SQLite (`store_sqlite.h`), PostgreSQL
 * (`store_pg.h`). All pass `tests/conformance`; so must yours. A store belongs to
 * one thread at a time; open one per thread on the same database.
 *
 * **Every verb takes a chain** and gives a verdict per element: a single row is a
 * chain of one.
 *
 * **Queues are named.** "sync" is the edge's outbox to the cloud; the bus, the
 * agent's buffer and the job queues are the same tables under other names. */

/** One event to be remembered. `next` chains them. */
struct farmiq_sighting {
    uint32_t size;
    int32_t verdict; /* set: FARMIQ_OK, FARMIQ_DUPLICATE, FARMIQ_CONFLICT */
    struct farmiq_sighting *next;
    struct farmiq_str tenant_id;
    struct farmiq_str event_id;
    struct farmiq_str source; /* MQTT topic or edge id; for the operator */
    uint64_t content_hash;    /* of the message: farmiq_content_hash(); 0: unknown */
};

FARMIQ_API void farmiq_sighting_init(struct farmiq_sighting *sighting, size_t size);

/** A 64-bit fingerprint of a message, to tell a repeat from a conflict. Not
 * cryptographic. Never 0. */
FARMIQ_API uint64_t farmiq_content_hash(const char *bytes, size_t len);

/** A request for work. `memory` receives rows, events and all their strings, and
 * so bounds the batch in bytes as `limit` bounds it in rows. */
struct farmiq_outbox_claim {
    uint32_t size;
    uint32_t limit; /* rows at most; 100 */
    struct farmiq_str claimed_by;
    uint64_t token[2]; /* random, new for each claim; never both 0 */
    int64_t now_unix_ms;
    uint32_t lease_ms;   /* 120000 */
    uint32_t max_claims; /* 50 */
    void *memory;        /* aligned for int64_t */
    size_t memory_bytes;
};

FARMIQ_API void farmiq_outbox_claim_init(struct farmiq_outbox_claim *claim, size_t size);

struct farmiq_outbox_stats {
    uint32_t size;
    uint32_t reserved;
    uint64_t pending;               /* in backoff included */
    uint64_t claimed;               /* in flight */
    uint64_t dlq;                   /* dead letters and terminal failures */
    uint64_t acked;                 /* still kept */
    int64_t oldest_pending_unix_ms; /* when it was appended; 0 when none. Of what may be
                                     * claimed, only the next of each priority is asked:
                                     * this costs the same at any backlog */
    int64_t last_acked_unix_ms;     /* 0 when never */
};

FARMIQ_API void farmiq_outbox_stats_init(struct farmiq_outbox_stats *stats, size_t size);

/** Acknowledged events that go back to work, because the other side lost what it had
 * acknowledged: it was restored from a backup. `before_unix_ms` is the time when this
 * began: without it, what is sent again and acknowledged again would go round for ever.
 * The last two members say where the next call goes on; the verb sets them, and after a
 * rollback they must be what they were before. */
struct farmiq_outbox_replay {
    uint32_t size;
    uint32_t limit;              /* events in one call, about; 1000 */
    int64_t since_unix_ms;       /* acknowledged at this time or later, */
    int64_t before_unix_ms;      /* and before this one */
    struct farmiq_str tenant_id; /* only this tenant's; empty: everybody's */
    int64_t acked_at_unix_ms;    /* 0 */
    int64_t receipt;             /* 0 */
};

FARMIQ_API void farmiq_outbox_replay_init(struct farmiq_outbox_replay *replay,
                                          size_t size);

struct farmiq_sql_query;
struct farmiq_sql_value;

/** What a store implements. Fill `size`; leave what you cannot do NULL.
 * A method that is NULL, or lies beyond `size`, answers FARMIQ_E_UNSUPPORTED.
 * New methods are only ever added at the end. */
struct farmiq_store_ops {
    uint32_t size;
    uint32_t reserved;

    /* A begin inside a transaction opens a savepoint; commit and rollback end the
     * innermost. A verb outside begin/commit is its own transaction. The outermost
     * commit returns FARMIQ_E_BUSY if it lost a race: run the whole unit again.
     * rollback cannot fail. */
    int (*begin)(void *ctx);
    int (*commit)(void *ctx);
    void (*rollback)(void *ctx);
    void (*close)(void *ctx);

    /* Record sightings in the ledger ("ingress", "cloud") and judge each. A key
     * seen earlier in the same chain is a duplicate too. Belongs in the transaction
     * that does the work. */
    int (*dedupe)(void *ctx, const char *ledger, struct farmiq_sighting *first,
                  int64_t now_unix_ms, int64_t expires_at_unix_ms);
    /* Delete at most `limit` expired keys; `*purged` counts them. */
    int (*dedupe_purge)(void *ctx, const char *ledger, int64_t now_unix_ms,
                        uint32_t limit, uint32_t *purged);

    /* Append rows; each gets its verdict and, if OK, its seq. */
    int (*outbox_append)(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                         int64_t now_unix_ms);
    /* Lease due rows and chain them from *first, ordered by priority (descending),
     * occurred_at, seq. An expired batch is taken over whole before fresh work. Two
     * live leases never share a row. FARMIQ_NONE: nothing due. FARMIQ_E_NOSPACE: the
     * first row alone does not fit the memory; nothing was claimed. */
    int (*outbox_claim)(void *ctx, const char *queue,
                        const struct farmiq_outbox_claim *claim,
                        struct farmiq_outbox_row **first);
    /* Extend the lease of the batch that `token` holds; FARMIQ_NONE if it is lost. */
    int (*outbox_renew)(void *ctx, const char *queue, const uint64_t token[2],
                        int64_t now_unix_ms, uint32_t lease_ms);
    /* Write the new state of settled rows, which all carry the same token, and
     * release them; rows of the batch that are not in the chain stay leased.
     * FARMIQ_NONE if the token no longer holds the batch: nothing is written. */
    int (*outbox_settle)(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                         int64_t now_unix_ms);
    int (*outbox_stats)(void *ctx, const char *queue, struct farmiq_outbox_stats *stats);
    /* Put dead letters back to work: those with these seqs, or all when seq_count is
     * 0. Who and why are kept for the audit. */
    int (*outbox_redrive)(void *ctx, const char *queue, const int64_t *seqs,
                          uint32_t seq_count, struct farmiq_str by,
                          struct farmiq_str reason, int64_t now_unix_ms,
                          uint32_t *redriven);
    /* End leases that expired before `now - older_than_ms` at once, giving their rows
     * back (they would be taken over anyway). */
    int (*outbox_unclaim)(void *ctx, const char *queue, int64_t now_unix_ms,
                          int64_t older_than_ms, uint32_t *unclaimed);
    /* Delete at most `limit` rows acknowledged before `before_unix_ms`. */
    int (*outbox_purge)(void *ctx, const char *queue, int64_t before_unix_ms,
                        uint32_t limit, uint32_t *purged);

    /* farmiq_sql_run() and farmiq_sql_run_many(): row_count 0 is the former. */
    int (*sql_run)(void *ctx, const struct farmiq_sql_query *query, const char *queue,
                   const struct farmiq_sql_value *params, uint32_t param_count,
                   uint32_t row_count,
                   int (*on_row)(void *row_ctx, uint32_t row,
                                 const struct farmiq_sql_value *columns, uint32_t count),
                   void *row_ctx);

    /* Make acknowledged events that are still kept claimable again; `*replayed` counts
     * them. FARMIQ_OK: there may be more, call again. FARMIQ_NONE: that was all. */
    int (*outbox_replay)(void *ctx, const char *queue,
                         struct farmiq_outbox_replay *replay, uint32_t *replayed);
    /* Delete at most `limit` dead letters that died before `before_unix_ms`: nobody came
     * for them. Their rows in the audit stay. */
    int (*outbox_purge_dead)(void *ctx, const char *queue, int64_t before_unix_ms,
                             uint32_t limit, uint32_t *purged);
};

/** A store in use. Frozen: will never grow. */
struct farmiq_store {
    const struct farmiq_store_ops *ops;
    void *ctx;
};

/** The verbs, one function per method, so that callers in any language never
 * touch the table. All return what the method's comment says, and FARMIQ_E_ARG,
 * FARMIQ_E_BUSY, FARMIQ_E_STORE, FARMIQ_E_NOSPACE (full), FARMIQ_E_UNSUPPORTED.
 * A failed verb leaves the transaction open: roll it back. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_begin(struct farmiq_store *store);
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_commit(struct farmiq_store *store);
FARMIQ_API void farmiq_store_rollback(struct farmiq_store *store);
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_dedupe(struct farmiq_store *store,
                                                   const char *ledger,
                                                   struct farmiq_sighting *first,
                                                   int64_t now_unix_ms,
                                                   int64_t expires_at_unix_ms);
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_dedupe_purge(struct farmiq_store *store, const char *ledger,
                          int64_t now_unix_ms, uint32_t limit, uint32_t *purged);
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_outbox_append(struct farmiq_store *store,
                                                          const char *queue,
                                                          struct farmiq_outbox_row *first,
                                                          int64_t now_unix_ms);
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_outbox_claim(struct farmiq_store *store, const char *queue,
                          const struct farmiq_outbox_claim *claim,
                          struct farmiq_outbox_row **first);
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_outbox_renew(struct farmiq_store *store,
                                                         const char *queue,
                                                         const uint64_t token[2],
                                                         int64_t now_unix_ms,
                                                         uint32_t lease_ms);
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_outbox_settle(struct farmiq_store *store,
                                                          const char *queue,
                                                          struct farmiq_outbox_row *first,
                                                          int64_t now_unix_ms);
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_outbox_stats(struct farmiq_store *store, const char *queue,
                          struct farmiq_outbox_stats *stats);
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_outbox_redrive(struct farmiq_store *store, const char *queue,
                            const int64_t *seqs, uint32_t seq_count, struct farmiq_str by,
                            struct farmiq_str reason, int64_t now_unix_ms,
                            uint32_t *redriven);
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_outbox_unclaim(struct farmiq_store *store,
                                                           const char *queue,
                                                           int64_t now_unix_ms,
                                                           int64_t older_than_ms,
                                                           uint32_t *unclaimed);
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_outbox_purge(struct farmiq_store *store, const char *queue,
                          int64_t before_unix_ms, uint32_t limit, uint32_t *purged);
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_outbox_replay(struct farmiq_store *store, const char *queue,
                           struct farmiq_outbox_replay *replay, uint32_t *replayed);
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_outbox_purge_dead(struct farmiq_store *store, const char *queue,
                               int64_t before_unix_ms, uint32_t limit, uint32_t *purged);

/** Close and forget: `store->ops` and `ctx` become NULL. A zeroed store is
 * closed already. */
FARMIQ_API void farmiq_store_close(struct farmiq_store *store);

/** The memory store: bounded, not durable; for tests and tiny devices. Lives
 * in the caller's memory (aligned for int64_t); appending to a full one is
 * FARMIQ_E_NOSPACE and changes nothing.
 * Returns FARMIQ_OK, FARMIQ_E_ARG, FARMIQ_E_NOSPACE (too small for anything). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_open_memory(struct farmiq_store *out,
                                                        void *memory, size_t bytes);

FARMIQ_END

#endif
