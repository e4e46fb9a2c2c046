/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on sessions: one statement for each kind, whatever the number of sessions.
 */
#include "readmodel.h"

#include "common/rows.h"
#include "common/text.h"
#include "queries.h"

#define COLUMNS 6
#define CHILD_BYTES 256 /* of names, numbers and times */
#define ALL 1000000     /* of a session that was asked for by its name */

static const struct kind {
    const char *name;
    const struct farmiq_sql_query *query;
    int64_t most_on_a_page;
    struct rows_column columns[COLUMNS + 1];
} kinds[] = {
    { "measurements",
      &sql_measurements,
      10,
      { { "id", ROWS_TEXT },
        { "ts", ROWS_TIME },
        { "weightKg", ROWS_REAL },
        { "source", ROWS_TEXT },
        { 0 } } },
    { "media",
      &sql_media,
      5,
      { { "id", ROWS_TEXT },
        { "ts", ROWS_TIME },
        { "objectId", ROWS_TEXT },
        { "path", ROWS_TEXT },
        { 0 } } },
    { "inferences",
      &sql_inferences,
      5,
      { { "id", ROWS_TEXT },
        { "ts", ROWS_TIME },
        { "modelVersion", ROWS_TEXT },
        { "predictedWeightKg", ROWS_REAL },
        { "confidence", ROWS_REAL },
        { "resultJson", ROWS_JSON },
        { 0 } } },
};

enum { KINDS = sizeof kinds / sizeof *kinds };

struct child {
    struct child *next; /* newer */
    struct farmiq_sql_value values[COLUMNS];
    uint32_t count;
};

struct children {
    struct shim_call *call;
    struct child **first[KINDS]; /* by session */
    int kind;                    /* being loaded */
    size_t bytes;                /* of JSON, at most */
};

/* They come newest first, and are wanted the other way round. */
static int add_child(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct children *children = ctx;
    struct child *child = shim_memory(children->call, sizeof *child);

    if (!child)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < count && i < COLUMNS; i++) {
        child->values[i] = columns[i];
        if (columns[i].type == FARMIQ_SQL_TEXT)
            child->values[i].text = text_copy(children->call, columns[i].text);
        children->bytes += columns[i].text.len * 6; /* every byte may need an escape */
    }
    child->count = count;
    child->next = children->first[children->kind][row];
    children->first[children->kind][row] = child;
    children->bytes += CHILD_BYTES;
    return 0;
}

static int load_kind(struct children *children, const struct session *const *sessions,
                     uint32_t count, int64_t most)
{
    struct farmiq_sql_value *params =
        shim_memory(children->call, (count + 1) * 3 * sizeof *params);
    struct child **first = shim_memory(children->call, (count + 1) * sizeof *first);

    if (!params || !first)
        return FARMIQ_E_NOMEM;
    children->first[children->kind] = first;
    for (uint32_t i = 0; i < count; i++) {
        params[3 * i] = farmiq_sql_text(session_tenant(sessions[i]));
        params[3 * i + 1] = farmiq_sql_text(session_name(sessions[i]));
        params[3 * i + 2] = farmiq_sql_integer(most);
    }
    return count ? farmiq_sql_run_many(children->call->store, kinds[children->kind].query,
                                       NULL, params, 3, count, add_child, children)
                 : FARMIQ_OK;
}

int children_load(struct shim_call *call, const struct session *const *sessions,
                  uint32_t count, int is_page, struct children **out)
{
    struct children *children = *out = shim_memory(call, sizeof *children);
    int r = FARMIQ_OK;

    if (!children)
        return FARMIQ_E_NOMEM;
    children->call = call;
    for (; children->kind < KINDS && r == FARMIQ_OK; children->kind++)
        r = load_kind(children, sessions, count,
                      is_page ? kinds[children->kind].most_on_a_page : ALL);
    return r;
}

size_t children_bytes(const struct children *children) { return children->bytes; }

void children_write(struct farmiq_json_writer *json, const struct children *children,
                    uint32_t index)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct rows rows = { json, kinds[kind].columns, 0 };

        farmiq_json_key(json, kinds[kind].name);
        farmiq_json_open(json, '[');
        for (const struct child *child = children->first[kind][index]; child;
             child = child->next)
            rows_write(&rows, 0, child->values, child->count);
        farmiq_json_close(json, ']');
    }
}
