/* SPDX-License-Identifier: Apache-2.0 */
/* One POST of readings in hand. */
#ifndef INTAKE_H
#define INTAKE_H

#include "common/scratch.h"
#include "timeseries.h"

struct element {
    struct element *next;
    struct reading reading;
    struct farmiq_event *event;
    struct farmiq_str event_id; /* as it travels, and of its row */
    const char *skipped;        /* why it is not stored; NULL: it is */
    int64_t raw_id;             /* 0: it was there before */
    uint32_t index;
};

struct intake {
    struct shim_call *call;
    struct scratch scratch;
    struct element *first, *last;
    uint32_t count, new_count, skipped_count;
    const char *fault; /* what is wrong with the request as a whole */
    struct element **by_row;
    int64_t last_raw_id; /* in the table before this intake */
};

int timeseries_keep(struct intake *intake); /* keep.c: 0 or FARMIQ_E_* */

#endif
