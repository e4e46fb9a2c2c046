/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of images by the passing of time (spec edge 5.8): bytes that no row speaks
 * of go; rows whose bytes are gone are counted, for somebody to look at; and at the cloud
 * old ones go, row first (at the edge the janitor has more to ask). Whatever a kill
 * leaves of one of these, the next finds. */
#ifndef COMMON_IMAGE_CARE_H
#define COMMON_IMAGE_CARE_H

#include "kit/shim.h"

struct image_care {
    const char *folder_option;
    const char *grace_option;     /* how long bytes wait for their row */
    const char *retention_option; /* days; this, and `purge`, for image_care_purge() */
    /* Deletes at most $2 rows that came before $1, and returns the names of their files.
     */
    const struct farmiq_sql_query *purge;
    /* Behind $1, $2 rows that have bytes: the file's name, and the row's, which the next
     * page is behind. */
    const struct farmiq_sql_query *page;
    /* 1: a row speaks of that file; 0: none does; FARMIQ_E_*. In a transaction. */
    int (*has_row)(struct shim_call *call, struct farmiq_str name);
    int (*remove)(struct shim_call *call, struct farmiq_str name);
};

/* What a sweep took: or, when it `is_dry`, would have taken. */
struct image_care_sum {
    int is_dry;
    int64_t files, bytes;
};

/* Each for a job; codes as a job's. They count farmiq_media_orphans_total and set
 * farmiq_media_rows_without_bytes, which the service's metrics have. */
int image_care_purge(struct shim_call *call, const struct image_care *care);
int image_care_sweep(struct shim_call *call, const struct image_care *care,
                     struct image_care_sum *sum);
int image_care_count_lost(struct shim_call *call, const struct image_care *care);

#endif
