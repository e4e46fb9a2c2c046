/* SPDX-License-Identifier: Apache-2.0 */
/* A page of rows by time, then id, newest first, with the cursor to the next
 * (cursor.h). */
#ifndef COMMON_PAGE_H
#define COMMON_PAGE_H

#include "common/cursor.h"
#include "common/rows.h"

/* What is the same for all pages of a route. */
struct page_kind {
    const struct rows_column *columns;
    uint32_t id_column, time_column; /* what the rows are sorted by */
    size_t row_bytes;                /* room for one row in the answer */
};

/* Reply `{"items": [rows], "nextCursor", "hasMore"}` with at most `limit` rows. The
 * statement must be asked for one more, which says that there is a page behind this.
 * Codes as farmiq_sql_run(). */
int page_reply(struct shim_call *call, const struct page_kind *kind, int64_t limit,
               const struct farmiq_sql_query *query,
               const struct farmiq_sql_value *params, uint32_t param_count);

#endif
