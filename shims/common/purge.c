/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting what is old, in chunks. */
#include "common/purge.h"

#include <string.h>

#include "common_queries.h"

#define VACUUM_PAGES 512 /* 2 MiB after each round: freed pages are mostly used again */
#define DAY_MS (24 * 3600 * INT64_C(1000))
#define KEPT_UNDER_PRESSURE_MS (3600 * INT64_C(1000))
#define PRESSURE_STEP_PCT 3
#define MONTHS_AHEAD_MS (62 * DAY_MS)

struct chunk {
    purge_step *step;
    uint32_t rows;
};

static int run_step(struct shim_call *call, void *arg)
{
    struct chunk *chunk = arg;

    chunk->rows = 0; /* the unit may run again */
    return chunk->step(call, &chunk->rows);
}

/* Only SQLite keeps its free pages to itself: no other store has what to do here. */
static int give_pages_back(struct shim_call *call, void *arg)
{
    int r = farmiq_sqlite_vacuum(call->store, VACUUM_PAGES);

    (void)arg;
    return r == FARMIQ_E_ARG ? FARMIQ_OK : r;
}

int purge_run(struct shim_call *call, purge_step *const *steps)
{
    uint32_t rows = 0, is_full = 0;
    int r = FARMIQ_OK;

    for (; *steps && r >= 0; steps++) {
        struct chunk chunk = { *steps, 0 };

        r = shim_write(call, run_step, &chunk);
        rows += chunk.rows;
        is_full |= chunk.rows >= PURGE_ROWS;
    }
    if (r >= 0 && rows)
        r = shim_write(call, give_pages_back, NULL);
    return r < 0 ? r : is_full ? SHIM_AGAIN : FARMIQ_OK;
}

int64_t purge_before_unix_ms(const struct shim_call *call, const char *days_option)
{
    int64_t days = shim_number(call, days_option);

    return days ? call->now_unix_ms - days * DAY_MS : 0;
}

int64_t purge_before_or_pressed_unix_ms(struct shim_call *call, const char *days_option,
                                        enum purge_order order)
{
    int64_t before_unix_ms = purge_before_unix_ms(call, days_option);
    int64_t pressed_unix_ms = call->now_unix_ms - KEPT_UNDER_PRESSURE_MS;
    double used_pct = shim_store_used_pct(call);

    if (used_pct < (double)shim_number(call, "DISK_PRESSURE_PCT") +
                       (double)order * PRESSURE_STEP_PCT ||
        pressed_unix_ms < before_unix_ms)
        return before_unix_ms;
    shim_log(call, SHIM_WARN, "store.pressure", "%.1f percent full: %s is not honoured",
             used_pct, days_option);
    return pressed_unix_ms;
}

static int count_row(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    ++*(uint32_t *)ctx;
    return 0;
}

int purge_rows(struct shim_call *call, const struct farmiq_sql_query *query,
               const char *queue, const struct farmiq_sql_value *params,
               uint32_t param_count, uint32_t *rows)
{
    return farmiq_sql_run(call->store, query, queue, params, param_count, count_row,
                          rows);
}

/* With all that belongs to them, `most` are a full round. */
int purge_together(struct shim_call *call, const struct farmiq_sql_query *const *queries,
                   const char *days_option, uint32_t most, uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_unix_ms(call, days_option)),
        farmiq_sql_integer(most),
    };
    int r = FARMIQ_OK;

    for (; queries[1] && r == FARMIQ_OK; queries++)
        r = farmiq_sql_run(call->store, queries[0], NULL, params, 2, NULL, NULL);
    if (r == FARMIQ_OK)
        r = purge_rows(call, queries[0], NULL, params, 2, rows);
    if (*rows == most)
        *rows = PURGE_ROWS;
    return r;
}

int purge_audit(struct shim_call *call, const char *queue, uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_unix_ms(call, "AUDIT_RETENTION_DAYS")),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, &sql_audit_purge, queue, params, 2, rows);
}

int purge_dead(struct shim_call *call, const char *queue, uint32_t *rows)
{
    int r = farmiq_store_outbox_purge_dead(
        call->store, queue, purge_before_unix_ms(call, "DEAD_RETENTION_DAYS"), PURGE_ROWS,
        rows);

    if (r == FARMIQ_OK && *rows)
        shim_log(call, SHIM_WARN, "dead.purged",
                 "%u dead letters of %s were older than DEAD_RETENTION_DAYS", *rows,
                 queue);
    return r;
}

struct numbered {
    int64_t last_number, last_unix_ms;
    uint32_t rows;
};

static int read_numbered(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                         uint32_t count)
{
    struct numbered *chunk = ctx;

    (void)row;
    (void)count;
    chunk->last_number = columns[0].integer;
    chunk->last_unix_ms = columns[1].integer;
    chunk->rows = (uint32_t)columns[2].integer;
    return 0;
}

int purge_numbered(struct shim_call *call, int64_t *last_number,
                   const struct farmiq_sql_query *chunk_query,
                   const struct farmiq_sql_query *purge, int64_t before_unix_ms,
                   uint32_t *rows)
{
    struct farmiq_sql_value params[] = { farmiq_sql_integer(*last_number),
                                         farmiq_sql_integer(PURGE_ROWS),
                                         farmiq_sql_integer(before_unix_ms) };
    struct numbered chunk = { 0 };
    int r =
        farmiq_sql_run(call->store, chunk_query, NULL, params, 2, read_numbered, &chunk);

    if (r < 0)
        return r;
    params[1] = farmiq_sql_integer(chunk.last_number);
    r = farmiq_sql_run(call->store, purge, NULL, params, 3, NULL, NULL);
    *rows = chunk.last_unix_ms < before_unix_ms ? chunk.rows : 0;
    *last_number = *rows == PURGE_ROWS ? chunk.last_number : 0;
    return r;
}

static int read_place(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    struct purge_place *place = ctx;

    (void)row;
    for (uint32_t i = 0; i < count && i < PURGE_NAMES; i++)
        if (columns[i].text.len <= FARMIQ_ID_MAX_BYTES)
            memcpy(place->names[i], columns[i].text.ptr, columns[i].text.len);
    return 0;
}

/* The end is found first: it is a row that may be among those that go. */
int purge_silent(struct shim_call *call, struct purge_place *place,
                 const struct farmiq_sql_query *end, const struct farmiq_sql_query *purge,
                 uint32_t *rows)
{
    struct purge_place next = { 0 };
    struct farmiq_sql_value params[] = {
        farmiq_sql_text(shim_str(place->names[0])),
        farmiq_sql_text(shim_str(place->names[1])),
        farmiq_sql_text(shim_str(place->names[2])),
        farmiq_sql_integer(PURGE_ROWS - 1),
        farmiq_sql_integer(purge_before_unix_ms(call, "SILENT_RETENTION_DAYS")),
    };
    int r = farmiq_sql_run(call->store, end, NULL, params, 4, read_place, &next);

    params[3] = farmiq_sql_integer(PURGE_ROWS);
    if (r == FARMIQ_OK)
        r = farmiq_sql_run(call->store, purge, NULL, params, 5, NULL, NULL);
    if (r < 0)
        return r;
    *rows = next.names[0][0] ? PURGE_ROWS : 0;
    *place = next;
    return r;
}

int purge_devices(struct shim_call *call, struct purge_place *place, uint32_t *rows)
{
    return purge_silent(call, place, &sql_device_end, &sql_device_purge, rows);
}

int purge_months(struct shim_call *call, const struct farmiq_sql_query *drop,
                 int64_t before_unix_ms)
{
    const struct farmiq_sql_value ahead[] = {
        farmiq_sql_integer(call->now_unix_ms),
        farmiq_sql_integer(call->now_unix_ms + MONTHS_AHEAD_MS),
    };
    const struct farmiq_sql_value before = farmiq_sql_integer(before_unix_ms);
    int r = farmiq_sql_run(call->store, &sql_months_make, NULL, ahead, 2, NULL, NULL);

    return r < 0 || !before_unix_ms
               ? r
               : farmiq_sql_run(call->store, drop, NULL, &before, 1, NULL, NULL);
}
