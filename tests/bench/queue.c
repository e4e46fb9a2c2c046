/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void bench_must(int r, const char *what)
{
    if (r == 0)
        return;
    fprintf(stderr, "%s: %d\n", what, r);
    exit(1);
}

double bench_now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

uint32_t bench_setting(const char *name, uint32_t fallback)
{
    const char *value = getenv(name);

    return value ? (uint32_t)strtoul(value, NULL, 10) : fallback;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double bench_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

struct farmiq_str bench_text(const char *s)
{
    struct farmiq_str t = { s, strlen(s) };

    return t;
}

/* 255 bytes of JSON. */
static struct farmiq_str payload(void)
{
    static char json[256];

    if (!*json) {
        memset(json, 'x', sizeof json - 1);
        memcpy(json, "{\"note\":\"", 9);
        memcpy(json + sizeof json - 3, "\"}", 2);
    }
    return bench_text(json);
}

static void make_event(struct farmiq_event *event, const char *id, uint64_t n)
{
    farmiq_event_init(event, sizeof *event);
    event->tenant_id = bench_text("tenant-0001");
    event->farm_id = bench_text("farm-0001");
    event->barn_id = bench_text("barn-0001");
    event->device_id = bench_text("device-0042");
    event->event_id = bench_text(id);
    event->event_type = bench_text("telemetry.ingested");
    event->trace_id = bench_text("4bf92f3577b34da6a3ce929d0e0e4736");
    event->schema_version = bench_text("1.0");
    event->payload = payload();
    event->occurred_at_unix_ms = 1750000000000 + (int64_t)n * 10;
}

static void make_sighting(struct farmiq_sighting *sighting,
                          const struct farmiq_event *event)
{
    farmiq_sighting_init(sighting, sizeof *sighting);
    sighting->tenant_id = event->tenant_id;
    sighting->event_id = event->event_id;
    sighting->source = bench_text("iot/telemetry/t/f/b/d/temperature");
    sighting->content_hash = farmiq_content_hash(event->payload.ptr, event->payload.len);
}

void bench_make_items(struct bench_item *items, uint32_t count, uint64_t first)
{
    for (uint32_t i = 0; i < count; i++) {
        struct bench_item *item = &items[i];
        uint64_t n = first + i;
        int is_last = i + 1 == count;

        snprintf(item->id, sizeof item->id, "%08x-%04x-7abc-8def-%012llx",
                 (unsigned)(n >> 16), (unsigned)(n & 0xffff),
                 (unsigned long long)(n * 0x9e3779b97f4a7c15u >> 16));
        make_event(&item->event, item->id, n);
        make_sighting(&item->sighting, &item->event);
        farmiq_outbox_row_init(&item->row, sizeof item->row);
        item->row.event = &item->event;
        item->row.next = is_last ? NULL : &items[i + 1].row;
        item->sighting.next = is_last ? NULL : &items[i + 1].sighting;
    }
}

void bench_fill(struct farmiq_store *store, uint32_t rows, uint64_t *next_id)
{
    enum { CHUNK = 256 };
    static struct bench_item items[CHUNK];

    bench_must(farmiq_store_begin(store), "begin");
    for (uint32_t done = 0; done < rows; done += CHUNK, *next_id += CHUNK) {
        bench_make_items(items, CHUNK, *next_id);
        bench_must(farmiq_store_outbox_append(store, "sync", &items[0].row, 1), "fill");
    }
    bench_must(farmiq_store_commit(store), "commit");
}

struct farmiq_outbox_row *bench_claim(struct farmiq_store *store, uint32_t limit,
                                      uint64_t token)
{
    static int64_t memory[BENCH_MAX_CLAIM * 256];
    struct farmiq_outbox_row *first = NULL;
    struct farmiq_outbox_claim claim;
    int r;

    farmiq_outbox_claim_init(&claim, sizeof claim);
    claim.claimed_by = bench_text("bench");
    claim.limit = limit;
    claim.now_unix_ms = (int64_t)(bench_now_s() * 1000);
    claim.token[0] = token;
    claim.memory = memory;
    claim.memory_bytes = sizeof memory;
    r = farmiq_store_outbox_claim(store, "sync", &claim, &first);
    bench_must(r == FARMIQ_NONE ? FARMIQ_OK : r, "claim");
    return first;
}

void bench_acknowledge(struct farmiq_store *store, struct farmiq_outbox_row *first)
{
    for (struct farmiq_outbox_row *row = first; row; row = row->next)
        bench_must(farmiq_outbox_settle(row, NULL, FARMIQ_OUTCOME_ACKED, 2, 0), "judge");
    bench_must(farmiq_store_outbox_settle(store, "sync", first, 2), "settle");
}
