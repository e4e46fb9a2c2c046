/* SPDX-License-Identifier: Apache-2.0 */
/* What the feed service's files share. */
#ifndef FEEDINGS_H
#define FEEDINGS_H

#include "common/feed.h"
#include "kit/shim.h"

#define FEED_TABLE "feed_intake_local"
#define FEED_ROWS_MAX 1000 /* of one request */

/* keep.c: the feedings of one request and their rows in the outbox, in the transaction in
 * hand. Those with a refusal are passed over; `is_new` says which were not known. An
 * event without an id is named by its external reference, or else by what it says, so
 * that the same file imports to the same rows. 0 or FARMIQ_E_*. */
int feedings_keep(struct shim_call *call, struct feeding *first);

/* csv.c: one record of a file (RFC 4180). */
#define CSV_COLUMNS_MAX 32
struct csv {
    struct farmiq_str rest;
    char *room;    /* for the cells of all that is left */
    uint32_t line; /* that the next record begins in, from 1 */
};
/* FARMIQ_OK or FARMIQ_E_NOMEM. */
int csv_open(struct csv *csv, struct shim_call *call, struct farmiq_str text);
/* Takes the next record apart; blank lines are passed over. `*line` is where it began.
 * FARMIQ_OK; FARMIQ_EXHAUSTED; FARMIQ_E_SYNTAX (a quote that does not end, or stands
 * within a cell); FARMIQ_E_RANGE (too many cells): the reader is behind the record. */
int csv_next(struct csv *csv, struct farmiq_str cells[CSV_COLUMNS_MAX], uint32_t *count,
             uint32_t *line);

/* levels.c: readings of silos, and the feed that their levels say was taken. */
struct level {
    struct level *next;
    struct farmiq_str tenant_id, farm_id, barn_id, device_id, trace_id;
    double weight_kg;
    int64_t at_unix_ms;
};
int levels_keep(struct shim_call *call, struct level *first);

/* answer.c */
void feeding_write(struct farmiq_json_writer *json, const struct feeding *feeding);
int feed_get_records(struct shim_call *call);
int feed_get_status(struct shim_call *call);
int feed_get_backlog(struct shim_call *call);

int feed_post_records(struct shim_call *call); /* events.c */
int feed_post_levels(struct shim_call *call);
int feed_post_manual(struct shim_call *call); /* manual.c */
int feed_post_import(struct shim_call *call); /* import.c */

#endif
