/* SPDX-License-Identifier: Apache-2.0 */
/* What is on its way: claimed from the buffer, sent or about to be, and not yet
 * acknowledged. A flight is one claim; it lands row by row. */
#ifndef AGENT_FLIGHT_H
#define AGENT_FLIGHT_H

#include <farmiq/farmiq.h>

#define FLIGHT_COUNT 16

struct flight {
    uint64_t token[2];
    struct farmiq_outbox_row *first; /* not settled in the store */
    struct farmiq_outbox_row
        *unsent;              /* of those, where sending goes on; NULL: all sent */
    uint32_t rows;            /* in the chain `first`; 0: the flight is free */
    uint32_t landed;          /* of those, how many have a final status */
    uint64_t boarded;         /* flights before this one */
    uint32_t generation;      /* tells a late PUBACK from one of this flight */
    int64_t due_steady_ms;    /* give up waiting */
    int64_t landed_steady_ms; /* of the first that is not in the store yet */
    void *memory;             /* of the claim */
    struct farmiq_outbox_row **by_index; /* for PUBACKs */
};

struct flights {
    struct flight list[FLIGHT_COUNT];
    uint32_t rows_max; /* of one flight */
    size_t memory_bytes;
    struct flight_entry *entries; /* all rows, found by event id */
    struct flight_entry **buckets;
    struct flight_entry *free;
    uint32_t bucket_mask;
    uint64_t boarded; /* flights so far */
};

/* FARMIQ_OK, FARMIQ_E_NOMEM. */
int flights_open(struct flights *flights, uint32_t window);
void flights_close(struct flights *flights);

/* A flight whose memory a claim may fill; NULL: all are in use. */
struct flight *flights_free_one(struct flights *flights);
/* Put the rows of a claim on it. */
void flight_board(struct flights *flights, struct flight *flight,
                  struct farmiq_outbox_row *first, const uint64_t token[2]);
/* The one that boarded first of those with rows to be sent: events go out in the order of
 * the claims. NULL: all are sent. */
struct flight *flights_next_unsent(struct flights *flights);
/* A cookie for one row, and back. NULL: it has landed already. */
uint64_t flight_cookie(const struct flights *flights, const struct flight *flight,
                       const struct farmiq_outbox_row *row);
struct farmiq_outbox_row *flights_find_cookie(struct flights *flights, uint64_t cookie,
                                              struct flight **flight);
struct farmiq_outbox_row *flights_find_id(struct flights *flights,
                                          struct farmiq_str event_id,
                                          struct flight **flight);
/* Give a row its outcome. Returns 1 if that was news. The refusal's text must be static
 * or the row's. */
int flight_land(struct flight *flight, struct farmiq_outbox_row *row, int32_t outcome,
                int64_t now_unix_ms, int64_t now_steady_ms);
/* Take the landed rows off, as the chain that the store settles. */
struct farmiq_outbox_row *flight_take_landed(struct flights *flights,
                                             struct flight *flight);
/* Forget everything in the air, as after a crash. */
void flights_forget(struct flights *flights);

#endif
