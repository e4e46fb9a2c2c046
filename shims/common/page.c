/* SPDX-License-Identifier: Apache-2.0 */
/* A page of rows. */
#include "common/page.h"

#include "common/members.h"
#include "common/text.h"

struct page {
    struct shim_call *call;
    const struct page_kind *kind;
    struct rows rows;
    int64_t limit;
    struct cursor last;
    int has_more;
};

static int write_row(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
                     uint32_t count)
{
    struct page *page = ctx;
    const struct page_kind *kind = page->kind;

    if (row == page->limit) {
        page->has_more = 1;
        return FARMIQ_OK;
    }
    if (row == page->limit - 1)
        page->last =
            (struct cursor){ values[kind->time_column].integer,
                             text_copy(page->call, values[kind->id_column].text) };
    return rows_write(&page->rows, row, values, count);
}

int page_reply(struct shim_call *call, const struct page_kind *kind, int64_t limit,
               const struct farmiq_sql_query *query,
               const struct farmiq_sql_value *params, uint32_t param_count)
{
    struct farmiq_json_writer *json =
        shim_json(call, (size_t)(limit + 1) * kind->row_bytes);
    struct page page = {
        .call = call, .kind = kind, .rows = { json, kind->columns, 0 }, .limit = limit
    };
    int r;

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "items");
    farmiq_json_open(json, '[');
    r = farmiq_sql_run(call->store, query, NULL, params, param_count, write_row, &page);
    if (r < 0)
        return r;
    farmiq_json_close(json, ']');
    cursor_write(call, json, &page.last, !page.has_more);
    member_flag(json, "hasMore", page.has_more);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}
