/* SPDX-License-Identifier: Apache-2.0 */
/* What the janitor's files share. */
#ifndef JANITOR_H
#define JANITOR_H

#include "common/s3.h"
#include "kit/shim.h"

#define MEDIA_FOLDER "MEDIA_BASE_PATH"
#define PAGE_IMAGES 200

/* What came of a run. */
struct janitor_run {
    int64_t started_at_unix_ms, finished_at_unix_ms;
    int64_t deleted_files, freed_bytes; /* in a dry run: that would have been */
    int is_dry;
    int has_more;    /* it stopped early, so as not to take all memory */
    char error[160]; /* the first one; empty: none */
};

/* A run writes behind the current result and then makes that the current one: who reads
 * it has the time of two more runs. */
#define JANITOR_RUNS 4
struct janitor_state {
    struct janitor_run runs[JANITOR_RUNS];
    _Atomic uint32_t done; /* the current result is the last one's */
    _Atomic uint32_t at_work;
};

/* Rows that outlive the transaction they were read in. */
struct janitor_image {
    char id[FARMIQ_UUID_STRLEN + 1]; /* of its row; empty: it stays */
    char key[SHIM_FILE_NAME_MAX_BYTES + 1];
    int64_t bytes;
    int is_gone; /* it was this run that took it */
};
struct janitor_page {
    uint32_t count;
    struct janitor_image images[PAGE_IMAGES];
};

/* A run in hand. */
struct janitor {
    struct shim_call *call; /* a job's, or a request's without a store */
    struct janitor_run run;
    struct janitor_page page;
};

/* run.c: one after the other of all there is to do; a part that fails does not keep the
 * next from its work. FARMIQ_OK; FARMIQ_E_BUSY: a run is under way in this process;
 * FARMIQ_E_NOMEM. */
int janitor_run(struct shim_call *call, int is_dry, struct janitor_run *run);
int janitor_run_job(struct shim_call *call);
void janitor_count(struct janitor *janitor, int64_t files, int64_t bytes); /* that went */

/* The parts of a run. */
int janitor_clear_old(struct janitor *janitor); /* images.c */
int janitor_make_room(struct janitor *janitor);
int janitor_sweep(struct janitor *janitor); /* leftovers.c */
int janitor_clear_logs(struct janitor *janitor);
int janitor_count_lost(struct janitor *janitor);

int janitor_post_run(struct shim_call *call); /* answer.c */
int janitor_get_state(struct shim_call *call);

#endif
