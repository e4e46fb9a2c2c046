/* SPDX-License-Identifier: Apache-2.0 */
/* Where the next claim begins to look: past what was claimed before, lane by lane. */
#ifndef FARMIQ_STORE_RESUME_H
#define FARMIQ_STORE_RESUME_H

#include <farmiq/sql.h>

#define FARMIQ__RESUME_QUEUES 8
#define FARMIQ__RESUME_LANES 8
#define FARMIQ__RESUME_MS 1000 /* at most so long a smaller key is not looked for */

/* A row's place in the claim queue. */
struct farmiq__key {
    int64_t rank, occurred_at_unix_ms, seq;
};

/* What is known of one queue: for each rank in `lanes`, in their order, the smallest key
 * that may still be ready. Of all other ranks nothing is known. */
struct farmiq__resume {
    char queue[32];
    int64_t since_unix_ms; /* when it was last looked for from the start; 0: never */
    uint32_t lane_count;
    struct farmiq__key lanes[FARMIQ__RESUME_LANES];
};

struct farmiq__resumes {
    struct farmiq__resume queues[FARMIQ__RESUME_QUEUES];
    uint32_t next; /* the one to be given up for another queue */
    char lists[4][FARMIQ__RESUME_LANES * 21 + 64];
};

/* Where to look, as JSON lists of equal length: ranks, times and seqs where a stretch
 * begins, and the rank before which it ends. They live until the next call. */
void farmiq__resume_stretches(struct farmiq__resumes *resumes, const char *queue,
                              int64_t now_unix_ms, struct farmiq_sql_value lists[4]);
/* Everything smaller of this rank was claimed. */
void farmiq__resume_after(struct farmiq__resumes *resumes, const char *queue,
                          const struct farmiq__key *key);
/* This became ready. */
void farmiq__resume_with(struct farmiq__resumes *resumes, const char *queue,
                         const struct farmiq__key *key);
/* Something may be ready anywhere; queue NULL: in every queue. */
void farmiq__resume_forget(struct farmiq__resumes *resumes, const char *queue);

#endif
