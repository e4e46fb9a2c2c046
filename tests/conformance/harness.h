/* SPDX-License-Identifier: Apache-2.0 */
/* What the conformance tests share: the stores under test, rows to put into them, and
 * one claimer's memory. */
#ifndef FARMIQ_CONFORMANCE_HARNESS_H
#define FARMIQ_CONFORMANCE_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <farmiq/store.h>

#define T0 INT64_C(1750000000000)
#define HOUR_MS INT64_C(3600000)
#define LEASE_MS 120000
#define QUEUE "sync"
#define LEDGER "ingress"

struct fixture;

/* A store under test. To add one, add it to `store_kinds`. */
struct store_kind {
    const char *name;
    /* Open an empty store; quota_bytes 0: as large as it likes. */
    int (*open)(struct fixture *f, struct farmiq_store *out, uint64_t quota_bytes);
    /* Open another store on the same data; NULL: it has none. */
    int (*open_again)(struct fixture *f, struct farmiq_store *out);
    int has_no_queues; /* only a ledger: asked only about that */
    int has_quota;     /* quota_bytes means something to it */
};

extern const struct store_kind sqlite_kind, pg_kind;
/* All of them. One that this build is without cannot be opened. */
extern const struct store_kind *const store_kinds[];
extern const size_t store_kind_count;

struct fixture {
    const struct store_kind *kind;
    struct farmiq_store store;
    char dir[64];
    char path[96];
    void *memory; /* the memory store's */
};

/* cmocka's setup and teardown; the kind is `current_kind`. */
extern const struct store_kind *current_kind;
int open_fixture(void **state);
int close_fixture(void **state);
void make_dir(struct fixture *f);
void remove_dir(struct fixture *f);

/* A row with an event of its own. */
struct item {
    struct farmiq_outbox_row row;
    struct farmiq_event event;
    char id[48];
    char payload[64];
};

/* `count` chained items with ids "PREFIX-0", ...; occurred a second apart. */
void make_items(struct item *items, uint32_t count, const char *prefix);
struct farmiq_str text(const char *s);
int append(struct farmiq_store *store, struct item *items, int64_t now_unix_ms);

/* One claimer: an identity and the memory its rows lie in. */
struct claimer {
    struct farmiq_outbox_claim claim;
    struct farmiq_outbox_row *first;
    int64_t memory[8192];
};

void make_claimer(struct claimer *c, const char *name);
/* Claim with a fresh token; c->first is NULL unless FARMIQ_OK. */
int claim(struct farmiq_store *store, struct claimer *c, uint32_t limit,
          int64_t now_unix_ms);
uint32_t chain_length(const struct farmiq_outbox_row *first);
/* Judge the whole chain and write it. */
int settle(struct farmiq_store *store, struct farmiq_outbox_row *first, int32_t outcome,
           int64_t now_unix_ms);
void assert_stats(struct farmiq_store *store, uint64_t pending, uint64_t claimed,
                  uint64_t dlq, uint64_t acked);
void assert_id(const struct farmiq_outbox_row *row, const char *id);

#endif
