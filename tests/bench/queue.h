/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks of the stores share: events, the verbs that must not fail,
 * medians. */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include <farmiq/store.h>

#define BENCH_MAX_ROUNDS 15
#define BENCH_MAX_CLAIM 1000

struct bench_item {
    struct farmiq_outbox_row row;
    struct farmiq_event event;
    struct farmiq_sighting sighting;
    char id[40];
};

/* Ends the program if `r` is not 0. */
void bench_must(int r, const char *what);
double bench_now_s(void);
/* A number from the environment. */
uint32_t bench_setting(const char *name, uint32_t fallback);
/* Sorts the values. */
double bench_median(double *values, uint32_t count);

struct farmiq_str bench_text(const char *s);
/* Ids as devices make them: version 7, so in the order of time. Chained. */
void bench_make_items(struct bench_item *items, uint32_t count, uint64_t first);
/* Append `rows` more to the queue "sync", in one transaction. */
void bench_fill(struct farmiq_store *store, uint32_t rows, uint64_t *next_id);
/* Claim from it; NULL: nothing there. The rows live until the next claim. */
struct farmiq_outbox_row *bench_claim(struct farmiq_store *store, uint32_t limit,
                                      uint64_t token);
void bench_acknowledge(struct farmiq_store *store, struct farmiq_outbox_row *first);

#endif
