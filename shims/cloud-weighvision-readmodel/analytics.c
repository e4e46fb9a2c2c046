/* SPDX-License-Identifier: Apache-2.0 */
/* GET analytics: how weights are spread, by day, week or month, and in the newest of
 * them. Quantiles are the core's, over the weights themselves. */
#include "readmodel.h"

#include "common/members.h"
#include "common/text.h"
#include "queries.h"

#define DATE_BYTES 10
#define DAY_MS INT64_C(86400000)

enum step { DAILY, WEEKLY, MONTHLY };

struct period {
    struct group group; /* key: its first date */
    struct samples samples;
    struct period *next_by_date;
};

struct analysis {
    struct shim_call *call;
    struct range range;
    enum step step;
    struct groups groups;
    struct period *first; /* by date */
    struct shim_day day;  /* the last one that was asked for */
};

static enum step ask_step(struct ask *ask)
{
    static const char *const names[] = { "daily", "weekly", "monthly" };
    struct farmiq_str name = ask_text(ask, "aggregation|bucket");

    for (int i = 0; i < 3; i++)
        if (text_is(name, names[i]))
            return (enum step)i;
    if (name.len)
        ask_refuse(ask, "aggregation must be daily, weekly or monthly");
    return DAILY;
}

/* The first date of the period that a moment lies in. */
static int name_period(struct analysis *analysis, int64_t unix_ms,
                       char date[DATE_BYTES + 1])
{
    struct shim_day *day = &analysis->day, monday;
    int r = FARMIQ_OK;

    if (unix_ms < day->start_unix_ms || unix_ms >= day->end_unix_ms)
        r = shim_zone_day(analysis->range.zone, unix_ms, day);
    if (r < 0)
        return r;
    monday = *day;
    if (analysis->step == WEEKLY) /* from noon to noon no clock changes matter */
        r = shim_zone_day(analysis->range.zone,
                          day->start_unix_ms + DAY_MS / 2 - (day->weekday - 1) * DAY_MS,
                          &monday);
    for (int i = 0; i <= DATE_BYTES; i++)
        date[i] = monday.date[i];
    if (analysis->step == MONTHLY) {
        date[DATE_BYTES - 2] = '0';
        date[DATE_BYTES - 1] = '1';
    }
    return r;
}

static void insert_by_date(struct analysis *analysis, struct period *period)
{
    struct period **at = &analysis->first;

    while (*at && text_compare((*at)->group.key.part[0], period->group.key.part[0]) < 0)
        at = &(*at)->next_by_date;
    period->next_by_date = *at;
    *at = period;
}

static struct period *find_period(struct analysis *analysis, const char *date)
{
    struct group_key key = { { { date, DATE_BYTES } }, 0 };
    struct period *period = groups_find(&analysis->groups, analysis->call, &key);

    if (!period || period->samples.call)
        return period;
    period->samples.call = analysis->call;
    period->group.key.part[0] = text_copy(analysis->call, key.part[0]);
    insert_by_date(analysis, period);
    return period;
}

static int take_sample(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    struct analysis *analysis = ctx;
    char date[DATE_BYTES + 1];
    struct period *period;
    int r;

    (void)row;
    (void)count;
    if (columns[0].type == FARMIQ_SQL_NULL)
        return FARMIQ_OK;
    r = name_period(analysis, columns[1].integer, date);
    if (r < 0)
        return r;
    period = find_period(analysis, date);
    return period ? samples_add(&period->samples, columns[0].real) : FARMIQ_E_NOMEM;
}

static void write_period(struct farmiq_json_writer *json, const struct period *period)
{
    static const struct {
        const char *name;
        double p;
    } quantiles[] = { { "p10_weight_kg", 0.1 },
                      { "p25_weight_kg", 0.25 },
                      { "p50_weight_kg", 0.5 },
                      { "p75_weight_kg", 0.75 },
                      { "p90_weight_kg", 0.9 } };
    const struct samples *samples = &period->samples;

    farmiq_json_open(json, '{');
    member_text(json, "date", period->group.key.part[0]);
    member_real(json, "avg_weight_kg", samples->agg.mean);
    member_real(json, "min_weight_kg", samples->agg.min);
    member_real(json, "max_weight_kg", samples->agg.max);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        member_real(json, quantiles[i].name, samples_quantile(samples, quantiles[i].p));
    member_int(json, "sample_count", samples->count);
    farmiq_json_close(json, '}');
}

static int reply(struct analysis *analysis)
{
    struct farmiq_json_writer *json =
        shim_json(analysis->call, 4096 + (size_t)analysis->groups.count * 512);
    const struct samples none = { 0 }, *newest = &none;

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "data");
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "weight_trend");
    farmiq_json_open(json, '[');
    for (struct period *period = analysis->first; period; period = period->next_by_date) {
        write_period(json, period);
        newest = &period->samples;
    }
    farmiq_json_close(json, ']');
    farmiq_json_key(json, "statistics");
    samples_write_statistics(json, newest);
    farmiq_json_key(json, "distribution");
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "bins");
    samples_write_bins(json, newest);
    farmiq_json_close(json, '}');
    farmiq_json_close(json, '}');
    farmiq_json_close(json, '}');
    return shim_reply(analysis->call, 200);
}

int readmodel_get_analytics(struct shim_call *call)
{
    struct analysis analysis = { .call = call };
    struct ask ask = { call, 0 };
    struct farmiq_str farm_id = ask_text(&ask, ASK_FARM);
    struct farmiq_str barn_id = ask_text(&ask, ASK_BARN);
    struct farmiq_str batch_id = ask_text(&ask, ASK_BATCH);
    int r;

    analysis.step = ask_step(&ask);
    readmodel_ask_range(&ask, &analysis.range);
    if (ask.is_refused)
        return 0;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        farmiq_sql_integer(analysis.range.from_unix_ms),
        farmiq_sql_integer(analysis.range.to_unix_ms),
        farmiq_sql_text(farm_id),
        farmiq_sql_text(barn_id),
        farmiq_sql_text(batch_id),
    };
    r = groups_open(&analysis.groups, call, 64, sizeof(struct period));
    if (r == FARMIQ_OK)
        r = farmiq_sql_run(call->store, &sql_samples, NULL, params, 6, take_sample,
                           &analysis);
    return r < 0 ? r : reply(&analysis);
}
