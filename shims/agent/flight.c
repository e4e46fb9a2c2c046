/* SPDX-License-Identifier: Apache-2.0 */
/* What is on its way, and finding it again by its event id. */
#include "agent/flight.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A row with its event and its texts; a longer payload makes a claim end earlier. */
#define BYTES_PER_ROW 1280
#define LEAST_BYTES 16384

struct flight_entry {
    struct flight_entry *next;
    struct farmiq_outbox_row *row;
    struct flight *flight;
};

static uint32_t power_of_two(uint32_t least)
{
    uint32_t power = 16;

    while (power < least)
        power *= 2;
    return power;
}

static int reserve_flight(struct flights *flights, struct flight *flight)
{
    flight->memory = malloc(flights->memory_bytes);
    flight->by_index = calloc(flights->rows_max, sizeof *flight->by_index);
    return flight->memory && flight->by_index ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

int flights_open(struct flights *flights, uint32_t window)
{
    uint32_t capacity;
    int r = FARMIQ_OK;

    memset(flights, 0, sizeof *flights);
    flights->rows_max = (window + FLIGHT_COUNT - 1) / FLIGHT_COUNT;
    flights->memory_bytes = LEAST_BYTES + (size_t)flights->rows_max * BYTES_PER_ROW;
    capacity = flights->rows_max * FLIGHT_COUNT;
    flights->bucket_mask = power_of_two(capacity) - 1;
    flights->entries = calloc(capacity, sizeof *flights->entries);
    flights->buckets = calloc(flights->bucket_mask + 1u, sizeof(void *));
    if (!flights->entries || !flights->buckets)
        r = FARMIQ_E_NOMEM;
    for (uint32_t i = 0; r == FARMIQ_OK && i < capacity; i++) {
        flights->entries[i].next = flights->free;
        flights->free = &flights->entries[i];
    }
    for (int i = 0; r == FARMIQ_OK && i < FLIGHT_COUNT; i++)
        r = reserve_flight(flights, &flights->list[i]);
    if (r != FARMIQ_OK)
        flights_close(flights);
    return r;
}

void flights_close(struct flights *flights)
{
    for (int i = 0; i < FLIGHT_COUNT; i++) {
        free(flights->list[i].memory);
        free(flights->list[i].by_index);
    }
    free(flights->entries);
    free(flights->buckets);
    memset(flights, 0, sizeof *flights);
}

struct flight *flights_free_one(struct flights *flights)
{
    for (int i = 0; i < FLIGHT_COUNT; i++)
        if (flights->list[i].rows == 0)
            return &flights->list[i];
    return NULL;
}

struct flight *flights_next_unsent(struct flights *flights)
{
    struct flight *next = NULL;

    for (int i = 0; i < FLIGHT_COUNT; i++) {
        struct flight *flight = &flights->list[i];

        if (flight->unsent && (!next || flight->boarded < next->boarded))
            next = flight;
    }
    return next;
}

/* ## Finding rows */

static struct flight_entry **bucket(struct flights *flights, struct farmiq_str id)
{
    uint64_t hash = farmiq_content_hash(id.ptr, id.len);

    return &flights->buckets[hash & flights->bucket_mask];
}

static struct flight_entry **find_entry(struct flights *flights, struct farmiq_str id)
{
    struct flight_entry **at = bucket(flights, id);

    for (; *at; at = &(*at)->next) {
        struct farmiq_str other = (*at)->row->event->event_id;

        if (other.len == id.len && memcmp(other.ptr, id.ptr, id.len) == 0)
            return at;
    }
    return NULL;
}

static void enter(struct flights *flights, struct flight *flight,
                  struct farmiq_outbox_row *row)
{
    struct flight_entry **at = bucket(flights, row->event->event_id);
    struct flight_entry *entry = flights->free;

    assert(entry); /* as many as all flights have rows */
    flights->free = entry->next;
    entry->row = row;
    entry->flight = flight;
    entry->next = *at;
    *at = entry;
}

static void leave(struct flights *flights, const struct farmiq_outbox_row *row)
{
    struct flight_entry **at = find_entry(flights, row->event->event_id), *entry;

    if (!at)
        return;
    entry = *at;
    *at = entry->next;
    entry->next = flights->free;
    flights->free = entry;
}

struct farmiq_outbox_row *flights_find_id(struct flights *flights,
                                          struct farmiq_str event_id,
                                          struct flight **flight)
{
    struct flight_entry **at = find_entry(flights, event_id);

    if (!at)
        return NULL;
    *flight = (*at)->flight;
    return (*at)->row;
}

/* generation (32 bits), flight (8), row (24): a cookie outlives what it names. */
uint64_t flight_cookie(const struct flights *flights, const struct flight *flight,
                       const struct farmiq_outbox_row *row)
{
    uint64_t number = (uint64_t)(flight - flights->list);

    return (uint64_t)flight->generation << 32 | number << 24 | row->event->index;
}

struct farmiq_outbox_row *flights_find_cookie(struct flights *flights, uint64_t cookie,
                                              struct flight **flight)
{
    uint32_t number = (uint32_t)(cookie >> 24) & 0xff, index = cookie & 0xffffff;

    if (number >= FLIGHT_COUNT || index >= flights->rows_max ||
        flights->list[number].generation != (uint32_t)(cookie >> 32))
        return NULL;
    *flight = &flights->list[number];
    return (*flight)->by_index[index];
}

/* ## Boarding and landing */

void flight_board(struct flights *flights, struct flight *flight,
                  struct farmiq_outbox_row *first, const uint64_t token[2])
{
    assert(flight->rows == 0);
    flight->generation++;
    flight->boarded = flights->boarded++;
    flight->first = flight->unsent = first;
    flight->landed = 0;
    flight->token[0] = token[0];
    flight->token[1] = token[1];
    for (struct farmiq_outbox_row *row = first; row; row = row->next) {
        assert(flight->rows < flights->rows_max);
        row->event->index = flight->rows;
        flight->by_index[flight->rows++] = row;
        enter(flights, flight, row);
    }
}

int flight_land(struct flight *flight, struct farmiq_outbox_row *row, int32_t outcome,
                int64_t now_unix_ms, int64_t now_steady_ms)
{
    if (farmiq_outbox_settle(row, NULL, outcome, now_unix_ms, 0) != FARMIQ_OK)
        return 0;
    if (flight->landed++ == 0)
        flight->landed_steady_ms = now_steady_ms;
    return 1;
}

struct farmiq_outbox_row *flight_take_landed(struct flights *flights,
                                             struct flight *flight)
{
    struct farmiq_outbox_row *landed = NULL, **tail = &landed, **at = &flight->first;

    while (*at) {
        struct farmiq_outbox_row *row = *at;

        if (row->status == FARMIQ_OUTBOX_CLAIMED) {
            at = &row->next;
            continue;
        }
        if (flight->unsent == row)
            flight->unsent = row->next;
        *at = row->next;
        leave(flights, row);
        flight->by_index[row->event->index] = NULL;
        flight->rows--;
        row->next = NULL;
        *tail = row;
        tail = &row->next;
    }
    flight->landed = 0;
    return landed;
}

void flights_forget(struct flights *flights)
{
    for (int i = 0; i < FLIGHT_COUNT; i++) {
        struct flight *flight = &flights->list[i];

        for (struct farmiq_outbox_row *row = flight->first; row; row = row->next)
            leave(flights, row);
        memset(flight->by_index, 0, flights->rows_max * sizeof *flight->by_index);
        flight->first = flight->unsent = NULL;
        flight->rows = flight->landed = 0;
        flight->generation++;
    }
}
