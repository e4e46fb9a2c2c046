/* SPDX-License-Identifier: Apache-2.0 */
/* What the conformance tests share. */
#include "harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <farmiq/store_sqlite.h>

#include "custom_store/shelf.h"

const struct store_kind *current_kind;

void make_dir(struct fixture *f)
{
    const char *base = getenv("TMPDIR");

    snprintf(f->dir, sizeof f->dir, "%s/farmiq-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/store.db", f->dir);
}

void remove_dir(struct fixture *f)
{
    DIR *dir = opendir(f->dir);
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    assert_int_equal(rmdir(f->dir), 0);
}

/* The stores ----------------------------------------------------------------------- */

#define MEMORY_BYTES (8u << 20)

static int open_memory(struct fixture *f, struct farmiq_store *out, uint64_t quota_bytes)
{
    size_t bytes = quota_bytes ? (size_t)quota_bytes : MEMORY_BYTES;

    free(f->memory);
    f->memory = malloc(bytes);
    assert_non_null(f->memory);
    return farmiq_store_open_memory(out, f->memory, bytes);
}

static int open_file(struct fixture *f, struct farmiq_store *out, uint64_t quota_bytes)
{
    struct farmiq_sqlite_options options;

    farmiq_sqlite_options_init(&options, sizeof options);
    options.quota_bytes = quota_bytes;
    options.normal_sync = 1; /* what these tests ask does not depend on a power cut */
    return farmiq_store_open_sqlite(out, f->path, &options, NULL);
}

static int open_file_again(struct fixture *f, struct farmiq_store *out)
{
    return open_file(f, out, 0);
}

/* The example of a store that is not ours. */
static int open_shelf(struct fixture *f, struct farmiq_store *out, uint64_t quota_bytes)
{
    (void)quota_bytes;
    free(f->memory);
    f->memory = calloc(1, sizeof(struct shelf));
    assert_non_null(f->memory);
    shelf_open(out, f->memory);
    return FARMIQ_OK;
}

static const struct store_kind memory_kind = { "memory", open_memory, .has_quota = 1 },
                               shelf_kind = { "shelf", open_shelf, .has_no_queues = 1 };
const struct store_kind sqlite_kind = { "sqlite", open_file, open_file_again,
                                        .has_quota = 1 };

const struct store_kind *const store_kinds[] = { &memory_kind, &sqlite_kind, &pg_kind,
                                                 &shelf_kind };
const size_t store_kind_count = sizeof store_kinds / sizeof *store_kinds;

int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->kind = current_kind;
    make_dir(f);
    assert_int_equal(f->kind->open(f, &f->store, 0), FARMIQ_OK);
    *state = f;
    return 0;
}

int close_fixture(void **state)
{
    struct fixture *f = *state;

    farmiq_store_close(&f->store);
    remove_dir(f);
    free(f->memory);
    free(f);
    return 0;
}

/* Rows ----------------------------------------------------------------------------- */

struct farmiq_str text(const char *s)
{
    struct farmiq_str t = { s, strlen(s) };

    return t;
}

static void make_item(struct item *item, const char *prefix, uint32_t i)
{
    snprintf(item->id, sizeof item->id, "%s-%u", prefix, i);
    snprintf(item->payload, sizeof item->payload, "{\"n\":%u,\"of\":\"%s\"}", i, prefix);
    farmiq_event_init(&item->event, sizeof item->event);
    item->event.event_id = text(item->id);
    item->event.tenant_id = text("tenant-1");
    item->event.event_type = text("telemetry.ingested");
    item->event.device_id = text("device-1");
    item->event.payload = text(item->payload);
    item->event.occurred_at_unix_ms = T0 + 1000 * (int64_t)i;
    farmiq_outbox_row_init(&item->row, sizeof item->row);
    item->row.event = &item->event;
}

void make_items(struct item *items, uint32_t count, const char *prefix)
{
    for (uint32_t i = 0; i < count; i++) {
        make_item(&items[i], prefix, i);
        items[i].row.next = i + 1 < count ? &items[i + 1].row : NULL;
    }
}

int append(struct farmiq_store *store, struct item *items, int64_t now_unix_ms)
{
    return farmiq_store_outbox_append(store, QUEUE, &items->row, now_unix_ms);
}

/* Claims --------------------------------------------------------------------------- */

void make_claimer(struct claimer *c, const char *name)
{
    farmiq_outbox_claim_init(&c->claim, sizeof c->claim);
    c->claim.claimed_by = text(name);
    c->claim.lease_ms = LEASE_MS;
    c->claim.memory = c->memory;
    c->claim.memory_bytes = sizeof c->memory;
    c->first = NULL;
}

int claim(struct farmiq_store *store, struct claimer *c, uint32_t limit,
          int64_t now_unix_ms)
{
    static uint64_t tokens;

    c->claim.limit = limit;
    c->claim.now_unix_ms = now_unix_ms;
    c->claim.token[0] = ++tokens;
    c->claim.token[1] = ~tokens;
    c->first = NULL;
    return farmiq_store_outbox_claim(store, QUEUE, &c->claim, &c->first);
}

uint32_t chain_length(const struct farmiq_outbox_row *first)
{
    uint32_t length = 0;

    for (; first; first = first->next)
        length++;
    return length;
}

int settle(struct farmiq_store *store, struct farmiq_outbox_row *first, int32_t outcome,
           int64_t now_unix_ms)
{
    for (struct farmiq_outbox_row *row = first; row; row = row->next)
        assert_int_equal(farmiq_outbox_settle(row, NULL, outcome, now_unix_ms, 0), 0);
    return farmiq_store_outbox_settle(store, QUEUE, first, now_unix_ms);
}

void assert_stats(struct farmiq_store *store, uint64_t pending, uint64_t claimed,
                  uint64_t dlq, uint64_t acked)
{
    struct farmiq_outbox_stats stats;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    assert_int_equal(farmiq_store_outbox_stats(store, QUEUE, &stats), FARMIQ_OK);
    assert_int_equal(stats.pending, pending);
    assert_int_equal(stats.claimed, claimed);
    assert_int_equal(stats.dlq, dlq);
    assert_int_equal(stats.acked, acked);
}

void assert_id(const struct farmiq_outbox_row *row, const char *id)
{
    assert_non_null(row);
    assert_int_equal(row->event->event_id.len, strlen(id));
    assert_memory_equal(row->event->event_id.ptr, id, strlen(id));
}
