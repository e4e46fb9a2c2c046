/* SPDX-License-Identifier: Apache-2.0 */
/* The feed that a silo's weight says was taken (13-A13). A level is compared with the one
 * up to which feed was counted: what has gone since is a feeding, once it is more than
 * the scale's noise, however many readings it took; what has come is a refill. A reading
 * that is not newer than the newest one says nothing that was not counted or will not be:
 * time only moves forward. */
#include "common/text.h"
#include "feedings.h"
#include "queries.h"

struct snapshot {
    double weight_kg;
    int64_t at_unix_ms;
    int is_known;
};

static int read_snapshot(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                         uint32_t count)
{
    struct snapshot *snapshot = ctx;

    (void)row;
    (void)count;
    snapshot->weight_kg = columns[0].real;
    snapshot->at_unix_ms = columns[1].integer;
    snapshot->is_known = 1;
    return 0;
}

static int note_first(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    *(int *)ctx = 1;
    return 0;
}

/* level_look asks for the first two only. */
static int run(struct shim_call *call, const struct farmiq_sql_query *query,
               const struct level *level, double weight_kg, farmiq_sql_row_fn on_row,
               void *ctx)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(level->tenant_id),
        farmiq_sql_text(level->device_id),
        farmiq_sql_real(weight_kg),
        farmiq_sql_integer(level->at_unix_ms),
        farmiq_sql_integer(call->now_unix_ms),
    };

    return farmiq_sql_run(call->store, query, NULL, params,
                          query == &sql_level_look ? 2 : 5, on_row, ctx);
}

/* To the gram: the difference of two decimals is rarely one. */
static double whole_grams(double kg) { return (double)(int64_t)(kg * 1000 + 0.5) / 1000; }

/* The same reading makes the same event, whoever computes it. */
static int make_feeding(struct shim_call *call, const struct level *level, double kg,
                        struct feeding ***end)
{
    struct feeding *feeding = shim_memory(call, sizeof *feeding);
    const struct farmiq_str name[] = { shim_str("silo.weight "), level->device_id,
                                       shim_str(" "),
                                       text_of_number(call, level->at_unix_ms) };

    if (!feeding)
        return FARMIQ_E_NOMEM;
    *feeding = (struct feeding){ .tenant_id = level->tenant_id,
                                 .event_id = text_join(call, name, 4),
                                 .trace_id = level->trace_id,
                                 .farm_id = level->farm_id,
                                 .barn_id = level->barn_id,
                                 .device_id = level->device_id,
                                 .source = shim_str("SILO_AUTO"),
                                 .quantity_kg = kg,
                                 .occurred_at_unix_ms = level->at_unix_ms,
                                 .sequence = -1 };
    **end = feeding;
    *end = &feeding->next;
    return feeding->event_id.len ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

/* Sets the level up to which feed is counted from now on, and says what became of it. */
static int compare(struct shim_call *call, const struct level *level,
                   struct snapshot *snapshot, const char **outcome, struct feeding ***end)
{
    double least_kg = (double)shim_number(call, "SILO_NOISE_GRAMS") / 1000;
    double gone_kg = whole_grams(snapshot->weight_kg - level->weight_kg);
    double come_kg = whole_grams(level->weight_kg - snapshot->weight_kg);

    *outcome = "steady";
    if (gone_kg < least_kg && come_kg < least_kg)
        return FARMIQ_OK;
    snapshot->weight_kg = level->weight_kg;
    *outcome = come_kg >= least_kg ? "refill" : "feeding";
    return come_kg >= least_kg ? FARMIQ_OK : make_feeding(call, level, gone_kg, end);
}

static int take(struct shim_call *call, const struct level *level, struct feeding ***end)
{
    struct snapshot snapshot = { 0 };
    const char *outcome = "first";
    int is_first = 0;
    int r = run(call, &sql_level_open, level, level->weight_kg, note_first, &is_first);

    if (r == FARMIQ_OK && !is_first)
        r = run(call, &sql_level_look, level, 0, read_snapshot, &snapshot);
    if (r == FARMIQ_OK && snapshot.is_known) {
        outcome = "late";
        if (level->at_unix_ms > snapshot.at_unix_ms) {
            r = compare(call, level, &snapshot, &outcome, end);
            if (r == FARMIQ_OK)
                r = run(call, &sql_level_move, level, snapshot.weight_kg, NULL, NULL);
        }
    }
    if (r == FARMIQ_OK)
        shim_count("farmiq_feed_levels_total", outcome, 1);
    return r;
}

/* By silo, so that two writers ask in one order; each silo's by time. */
static int comes_before(const struct level *a, const struct level *b)
{
    int order = text_compare(a->tenant_id, b->tenant_id);

    if (!order)
        order = text_compare(a->device_id, b->device_id);
    return order ? order < 0 : a->at_unix_ms < b->at_unix_ms;
}

static struct level *sort(struct level *first)
{
    struct level *sorted = NULL;

    while (first) {
        struct level *level = first, **at = &sorted;

        first = first->next;
        while (*at && !comes_before(level, *at))
            at = &(*at)->next;
        level->next = *at;
        *at = level;
    }
    return sorted;
}

int levels_keep(struct shim_call *call, struct level *first)
{
    struct feeding *feedings = NULL, **end = &feedings;
    int r = FARMIQ_OK;

    for (const struct level *level = sort(first); level && r == FARMIQ_OK;
         level = level->next)
        r = take(call, level, &end);
    return r < 0 ? r : feedings_keep(call, feedings);
}
