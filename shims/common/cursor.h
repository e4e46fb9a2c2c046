/* SPDX-License-Identifier: Apache-2.0 */
/* Where a page ends, when rows are shown by time, then id, newest first. The cursor names
 * the last row, so that rows which come in meanwhile shift nothing. Callers hand it back
 * as they got it: "<milliseconds>.<id>". */
#ifndef COMMON_CURSOR_H
#define COMMON_CURSOR_H

#include "common/ask.h"

struct cursor {
    int64_t unix_ms;
    struct farmiq_str id;
};

/* What follows this is asked for; before everything when there is none. Refused if it is
 * not one that was given. */
struct cursor cursor_ask(struct ask *ask);

/* The member "nextCursor"; null when `is_last`. */
void cursor_write(struct shim_call *call, struct farmiq_json_writer *json,
                  const struct cursor *last, int is_last);

#endif
