/* SPDX-License-Identifier: Apache-2.0 */
/* The weights of a local day, summed up (spec cloud 3.4). Who changes a session of the
 * day says so in its transaction; a job computes the day again, so that a thousand
 * changes of one day cost one computation. */
#include "readmodel.h"

#include "common/members.h"
#include "common/text.h"
#include "queries.h"

#define DAYS_AT_ONCE 50
#define MARK_COLUMNS 8

int readmodel_has_ended(const struct session *session)
{
    return session->fold.state == FARMIQ_SESSION_FINALIZED ||
           session->fold.state == FARMIQ_SESSION_AWAITING;
}

static int put_mark(struct shim_call *call, struct farmiq_sql_value *to,
                    const struct session *session)
{
    struct shim_day day;
    int r =
        shim_zone_day(shim_text(call, "TIME_ZONE"), session->fold.end_at_unix_ms, &day);

    if (r < 0)
        return r;
    to[0] = farmiq_sql_text(session_tenant(session));
    to[1] = farmiq_sql_text(session->text[SESSION_FARM]);
    to[2] = farmiq_sql_text(session->text[SESSION_BARN]);
    to[3] = farmiq_sql_text(session->text[SESSION_BATCH]);
    to[4] = farmiq_sql_text(text_copy(call, shim_str(day.date)));
    to[5] = farmiq_sql_integer(day.start_unix_ms);
    to[6] = farmiq_sql_integer(day.end_unix_ms);
    to[7] = farmiq_sql_integer(call->now_unix_ms);
    return FARMIQ_OK;
}

int readmodel_mark_days(struct sessions *sessions)
{
    struct shim_call *call = sessions->call;
    struct farmiq_sql_value *params = shim_memory(
        call, (size_t)(sessions->groups.count + 1) * MARK_COLUMNS * sizeof *params);
    uint32_t rows = 0;
    int r = params ? FARMIQ_OK : FARMIQ_E_NOMEM;

    for (struct group *group = sessions->groups.first; group && r == FARMIQ_OK;
         group = group->next) {
        const struct session *session = (const struct session *)group;

        if (session->is_changed && readmodel_has_ended(session))
            r = put_mark(call, params + (size_t)rows++ * MARK_COLUMNS, session);
    }
    if (r < 0 || rows == 0)
        return r;
    shim_wake(call, "weight_rollup");
    return farmiq_sql_run_many(call->store, &sql_day_mark, NULL, params, MARK_COLUMNS,
                               rows, NULL, NULL);
}

/* ## The job */

struct day {
    struct day *next;
    struct farmiq_str tenant_id, farm_id, barn_id, batch_id, date;
    int64_t start_unix_ms, end_unix_ms;
    struct samples samples;
    uint32_t seen_count; /* sessions with any weight, trusted or not */
};

struct days {
    struct shim_call *call;
    struct day *first, **end;
    uint32_t count;
};

static int note_day(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct days *days = ctx;
    struct day *day = shim_memory(days->call, sizeof *day);

    (void)row;
    (void)count;
    if (!day)
        return FARMIQ_E_NOMEM;
    day->tenant_id = text_copy(days->call, columns[0].text);
    day->farm_id = text_copy(days->call, columns[1].text);
    day->barn_id = text_copy(days->call, columns[2].text);
    day->batch_id = text_copy(days->call, columns[3].text);
    day->date = text_copy(days->call, columns[4].text);
    day->start_unix_ms = columns[5].integer;
    day->end_unix_ms = columns[6].integer;
    day->samples.call = days->call;
    *days->end = day;
    days->end = &day->next;
    days->count++;
    return 0;
}

/* A weight that is not trusted (a prediction below 0.5) is NULL. */
static int note_sample(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    struct day *day = ctx;

    (void)row;
    (void)count;
    day->seen_count++;
    return columns[0].type == FARMIQ_SQL_NULL
               ? FARMIQ_OK
               : samples_add(&day->samples, columns[0].real);
}

static double pass_rate(const struct day *day)
{
    return day->seen_count ? (double)day->samples.count / day->seen_count : 0;
}

static struct farmiq_sql_value quantile_or_null(const struct day *day, double p)
{
    return day->samples.count ? farmiq_sql_real(samples_quantile(&day->samples, p))
                              : farmiq_sql_null();
}

static int store_day(struct shim_call *call, const struct day *day)
{
    const struct samples *samples = &day->samples;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(day->tenant_id),
        farmiq_sql_text(day->farm_id),
        farmiq_sql_text(day->barn_id),
        farmiq_sql_text(day->batch_id),
        farmiq_sql_text(day->date),
        samples->count ? farmiq_sql_real(samples->agg.mean) : farmiq_sql_null(),
        quantile_or_null(day, 0.1),
        quantile_or_null(day, 0.5),
        quantile_or_null(day, 0.9),
        farmiq_sql_integer(samples->count),
        day->seen_count ? farmiq_sql_real(pass_rate(day)) : farmiq_sql_null(),
        farmiq_sql_integer(call->now_unix_ms),
    };

    return farmiq_sql_run(call->store, &sql_aggregate_put, NULL, params, 12, NULL, NULL);
}

static void write_payload(struct farmiq_json_writer *json, const void *ctx)
{
    const struct day *day = ctx;
    const struct samples *samples = &day->samples;

    farmiq_json_open(json, '{');
    member_text(json, "tenant_id", day->tenant_id);
    member_text(json, "farm_id", day->farm_id);
    member_text(json, "barn_id", day->barn_id);
    member_text_or_null(json, "batch_id", day->batch_id);
    member_text(json, "record_date", day->date);
    member_text(json, "date", day->date);
    member_real(json, "avg_weight_kg", samples->agg.mean);
    member_real(json, "p10", samples_quantile(samples, 0.1));
    member_real(json, "p50", samples_quantile(samples, 0.5));
    member_real(json, "p90", samples_quantile(samples, 0.9));
    member_int(json, "sample_count", samples->count);
    member_real(json, "quality_pass_rate", pass_rate(day));
    farmiq_json_close(json, '}');
}

static int publish_day(struct shim_call *call, const struct day *day)
{
    struct farmiq_event *event = shim_memory(call, sizeof *event);
    int r;

    if (!event)
        return FARMIQ_E_NOMEM;
    farmiq_event_init(event, sizeof *event);
    event->event_id = event->trace_id = shim_uuid(call);
    event->event_type = shim_str("weighvision.weight_aggregate.upserted");
    event->tenant_id = day->tenant_id;
    event->farm_id = day->farm_id;
    event->barn_id = day->barn_id;
    event->batch_id = day->batch_id;
    event->occurred_at_unix_ms = call->now_unix_ms;
    r = scratch_build(call, 1024, write_payload, day, &event->payload);
    return r < 0 ? r : shim_publish(call, event, shim_str(""));
}

/* What nobody takes would lie in the unrouted queue and keep its alarm ringing; nothing
 * is lost with it, for the day can be summed up again. */
static int tell_day(struct shim_call *call, const struct day *day)
{
    return shim_number(call, "WEIGHT_AGGREGATE_EVENTS") ? publish_day(call, day)
                                                        : FARMIQ_OK;
}

/* The mark goes first: who changes the day meanwhile makes a new one. */
static int sum_up(struct shim_call *call, struct day *day)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(day->tenant_id),        farmiq_sql_text(day->farm_id),
        farmiq_sql_text(day->barn_id),          farmiq_sql_text(day->batch_id),
        farmiq_sql_integer(day->start_unix_ms), farmiq_sql_integer(day->end_unix_ms),
    };
    const struct farmiq_sql_value key[] = { params[0], params[1], params[2], params[3],
                                            farmiq_sql_text(day->date) };
    int r = farmiq_sql_run(call->store, &sql_day_unmark, NULL, key, 5, NULL, NULL);

    if (r == FARMIQ_OK)
        r = farmiq_sql_run(call->store, &sql_samples_of_day, NULL, params, 6, note_sample,
                           day);
    if (r == FARMIQ_OK)
        r = store_day(call, day);
    return r < 0 ? r : tell_day(call, day);
}

static int sum_up_days(struct shim_call *call, void *arg)
{
    const struct farmiq_sql_value limit = farmiq_sql_integer(DAYS_AT_ONCE);
    struct days days = { call, NULL, &days.first, 0 };
    int r =
        farmiq_sql_run(call->store, &sql_days_marked, NULL, &limit, 1, note_day, &days);

    for (struct day *day = days.first; day && r == FARMIQ_OK; day = day->next)
        r = sum_up(call, day);
    *(uint32_t *)arg = days.count;
    return r;
}

int readmodel_roll_up(struct shim_call *call)
{
    uint32_t count = 0;
    int r = shim_write(call, sum_up_days, &count);

    return r < 0 ? r : count == DAYS_AT_ONCE ? SHIM_AGAIN : FARMIQ_OK;
}
