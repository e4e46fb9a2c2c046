/* SPDX-License-Identifier: Apache-2.0 */
/* What the SQL stores share: the queue and ledger verbs, written once over
 * farmiq_sql_run() and queries.sql. A driver puts a struct farmiq__engine first in
 * its context and these functions in its table. */
#ifndef FARMIQ_STORE_ENGINE_H
#define FARMIQ_STORE_ENGINE_H

#include <farmiq/sql.h>
#include <farmiq/store.h>

#include "resume.h"

/* Rows sent to the engine by one statement: large enough for a round trip to be
 * cheap, small enough for its parameters to stay in the cache of the processor. */
#define FARMIQ__CHUNK 128
#define FARMIQ__COLUMNS 24

/* What becomes of a row of the batch in hand. */
enum farmiq__fate {
    FARMIQ__LEFT = 0, /* nothing: it stays in its batch, or goes back */
    FARMIQ__TAKEN,
    FARMIQ__POISONED, /* claimed too often without an outcome */
    FARMIQ__ACKED,
    FARMIQ__RETURNED, /* to ready */
    FARMIQ__DEFERRED, /* to retry */
    FARMIQ__DEAD
};

/* One row of the batch in hand, as its lists tell it. */
struct farmiq__held {
    int64_t seq;
    uint32_t attempt_count;
    uint32_t claim_count;
    enum farmiq__fate fate;
};

struct farmiq__engine {
    struct farmiq_store store; /* itself */
    /* Is there a transaction already that a verb can be part of? */
    int (*is_in_transaction)(const struct farmiq__engine *engine);
    struct farmiq_sql_value *params; /* FARMIQ__CHUNK rows of FARMIQ__COLUMNS */
    struct farmiq__held *held;       /* the batch in hand */
    uint32_t held_count, held_room;
    char *text; /* where its lists are written */
    size_t text_room;
    char token[33]; /* its token, as text */
    /* The engine does the usual case of append, claim and settle in one statement each
     * (-- name: append_whole, claim_whole, settle_whole), and a claim resumes. */
    int does_whole_verbs;
    int owns_transactions; /* none begins or ends without the store */
    struct farmiq__resumes resumes;
};

/* Returns FARMIQ_OK or FARMIQ_E_NOMEM. */
int farmiq__engine_init(struct farmiq__engine *engine, const struct farmiq_store_ops *ops,
                        int (*is_in_transaction)(const struct farmiq__engine *engine));
void farmiq__engine_fini(struct farmiq__engine *engine);

/* Run `body` in the transaction there is, or in one of its own. */
int farmiq__unit(struct farmiq__engine *engine,
                 int (*body)(struct farmiq__engine *engine, void *arg), void *arg);

/* One statement over many rows, a chunk at a time. The parameters lie in the engine,
 * so there is one of these at a time. */
struct farmiq__many {
    struct farmiq__engine *engine;
    const struct farmiq_sql_query *query;
    const char *queue;
    uint32_t width; /* parameters of a row */
    uint32_t count; /* rows not yet sent */
    int result;
};

/* Room for the next row's parameters; NULL after a failure, which farmiq__many_end()
 * returns. */
struct farmiq_sql_value *farmiq__many_row(struct farmiq__many *many);
int farmiq__many_end(struct farmiq__many *many);

/* The batch in hand. */
struct farmiq__held *farmiq__held_add(struct farmiq__engine *engine);
/* Read a list of `-- name: batch_*`: seqs begin a batch, the others fill it in. */
int farmiq__held_read(struct farmiq__engine *engine, struct farmiq_str seqs,
                      struct farmiq_str attempt_counts, struct farmiq_str claim_counts);
uint32_t farmiq__held_with(const struct farmiq__engine *engine, enum farmiq__fate fate);
/* The lists of the rows with this fate: seqs, attempt_counts, claim_counts. They live
 * in the engine until the next call. */
int farmiq__held_lists(struct farmiq__engine *engine, enum farmiq__fate fate,
                       struct farmiq_sql_value lists[3]);

/* Take a batch in hand: `params` find it. FARMIQ_NONE if there is none. */
int farmiq__batch_find(struct farmiq__engine *engine,
                       const struct farmiq_sql_query *query, const char *queue,
                       const struct farmiq_sql_value *params, uint32_t param_count);
int farmiq__batch_delete(struct farmiq__engine *engine, const char *queue);
/* Run a statement over seq, attempt_count and claim_count of the held rows with this
 * fate. */
int farmiq__held_send(struct farmiq__engine *engine, const struct farmiq_sql_query *query,
                      const char *queue, enum farmiq__fate fate);
/* The held rows with this fate become claimable. */
int farmiq__give_back(struct farmiq__engine *engine, const char *queue,
                      enum farmiq__fate fate);

/* What a verb did to the numbers in {queue}_count. */
struct farmiq__change {
    int64_t pending, claimed, dead, acked;
    int64_t acked_at_unix_ms; /* 0: nothing was acknowledged */
};

/* Write it, once for the whole verb: the numbers cost a row, however many moved. */
int farmiq__count(struct farmiq__engine *engine, const char *queue,
                  const struct farmiq__change *change);

void farmiq__token_text(const uint64_t token[2], char out[33]);
struct farmiq_str farmiq__text(const char *text);

int farmiq__dedupe(void *ctx, const char *ledger, struct farmiq_sighting *first,
                   int64_t now_unix_ms, int64_t expires_at_unix_ms);
int farmiq__dedupe_purge(void *ctx, const char *ledger, int64_t now_unix_ms,
                         uint32_t limit, uint32_t *purged);
int farmiq__outbox_append(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                          int64_t now_unix_ms);
int farmiq__outbox_claim(void *ctx, const char *queue,
                         const struct farmiq_outbox_claim *claim,
                         struct farmiq_outbox_row **first);
int farmiq__outbox_renew(void *ctx, const char *queue, const uint64_t token[2],
                         int64_t now_unix_ms, uint32_t lease_ms);
int farmiq__outbox_settle(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                          int64_t now_unix_ms);
int farmiq__outbox_stats(void *ctx, const char *queue, struct farmiq_outbox_stats *stats);
int farmiq__outbox_redrive(void *ctx, const char *queue, const int64_t *seqs,
                           uint32_t seq_count, struct farmiq_str by,
                           struct farmiq_str reason, int64_t now_unix_ms,
                           uint32_t *redriven);
int farmiq__outbox_unclaim(void *ctx, const char *queue, int64_t now_unix_ms,
                           int64_t older_than_ms, uint32_t *unclaimed);
int farmiq__outbox_purge(void *ctx, const char *queue, int64_t before_unix_ms,
                         uint32_t limit, uint32_t *purged);
int farmiq__outbox_replay(void *ctx, const char *queue,
                          struct farmiq_outbox_replay *replay, uint32_t *replayed);
int farmiq__outbox_purge_dead(void *ctx, const char *queue, int64_t before_unix_ms,
                              uint32_t limit, uint32_t *purged);

/* These in a driver's table. */
#define FARMIQ__ENGINE_VERBS                                                             \
    .dedupe = farmiq__dedupe, .dedupe_purge = farmiq__dedupe_purge,                      \
    .outbox_append = farmiq__outbox_append, .outbox_claim = farmiq__outbox_claim,        \
    .outbox_renew = farmiq__outbox_renew, .outbox_settle = farmiq__outbox_settle,        \
    .outbox_stats = farmiq__outbox_stats, .outbox_redrive = farmiq__outbox_redrive,      \
    .outbox_unclaim = farmiq__outbox_unclaim, .outbox_purge = farmiq__outbox_purge,      \
    .outbox_replay = farmiq__outbox_replay,                                              \
    .outbox_purge_dead = farmiq__outbox_purge_dead

#endif
