/* SPDX-License-Identifier: Apache-2.0 */
/* What makes an agent a weigh station: a session for each animal on the scale (seed 002,
 * section 3). */
#include "station.h"

#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "kit/log.h"
#include "kit/fail.h"
#include "scale.h"
#include "session.h"
#include "weighing.h"

/* A step of the weighing adds fewer rows than this. */
#define STEP_ROWS 8

struct station {
    struct agent_feed base;
    struct station_options options;
    struct scale *scale; /* NULL: it has ended */
    struct weighing weighing;
    struct teller teller;
    struct record record; /* of the session in progress, or ended and not durable */
    int has_record;
};

static const char *const health[] = { "scale_ok", "mqtt_ok", "disk_ok", NULL };

/* What a session is without: neither begun nor ever over. */
static const char *const kept[] = { SESSION_CREATED_TYPE, SESSION_FINALIZED_TYPE, NULL };

/* ## A session's life */

/* Written down before it is told; where that fails, only a kill makes a difference. */
static void note(struct station *st)
{
    if (record_write(&st->record, st->options.spool_dir) != FARMIQ_OK)
        shim_log_line(SHIM_ERROR, "session.not_noted",
                      "session_id=%s cannot be written to SPOOL_DIR",
                      st->record.ids[RECORD_SESSION]);
}

static void begin(struct station *st, struct moment now)
{
    if (session_begin(&st->record, st->teller.drafts, now) != FARMIQ_OK) {
        st->base.skipped++;
        return;
    }
    st->has_record = 1;
    note(st);
    if (session_tell_created(&st->teller, &st->record) != FARMIQ_OK)
        st->base.skipped++;
}

static void record_weight(struct station *st, struct moment now)
{
    if (!st->has_record)
        return;
    st->record.weight_kg = st->weighing.weight_kg;
    st->record.weighed_unix_ms = now.unix_ms;
    note(st);
    if (session_tell_weight(&st->teller, &st->record) != FARMIQ_OK)
        st->base.skipped++;
}

static void end(struct station *st, struct moment now)
{
    int state;

    if (!st->has_record)
        return;
    st->record.ended_unix_ms = now.unix_ms;
    note(st);
    state = record_state(&st->record);
    shim_log_line(state == SESSION_FAILED ? SHIM_WARN : SHIM_DEBUG, "session.ended",
                  "session_id=%s is %s, weight %.3f kg, %u images",
                  st->record.ids[RECORD_SESSION], record_state_name(state),
                  st->record.weight_kg, st->record.image_count);
    if (session_tell_finalized(&st->teller, &st->record) != FARMIQ_OK)
        st->base.skipped++;
}

static void advance(struct station *st, const struct scale_sample *sample,
                    struct moment now)
{
    switch (weighing_feed(&st->weighing, sample)) {
    case WEIGHING_BEGAN:
        begin(st, now);
        break;
    case WEIGHING_STABLE:
        record_weight(st, now);
        break;
    case WEIGHING_ENDED:
        end(st, now);
        break;
    default:
        break;
    }
}

/* ## The feed */

/* The record names one session: the next begins when this one's end is durable. */
static int may_go_on(const struct station *st)
{
    return !(st->has_record && st->record.ended_unix_ms) &&
           st->base.count + STEP_ROWS <= AGENT_ROWS_MAX;
}

static void read_station(struct agent_feed *feed, struct moment now)
{
    struct station *st = (struct station *)feed;
    struct scale_sample sample;
    int r = FARMIQ_OK;

    while (st->scale && may_go_on(st) && r != FARMIQ_NONE) {
        r = st->scale->kind->read(st->scale, now, &sample);
        if (r == FARMIQ_OK)
            advance(st, &sample, now);
        feed->skipped += r == FARMIQ_E_SYNTAX;
        if (r == FARMIQ_EXHAUSTED) {
            scale_close(st->scale);
            st->scale = NULL;
        }
    }
    feed->is_over = !st->scale;
    feed->fd = st->scale && r == FARMIQ_NONE ? st->scale->fd : -1;
    feed->due_steady_ms =
        st->scale && r == FARMIQ_NONE ? st->scale->due_steady_ms : now.steady_ms;
}

static void forget_taken(struct agent_feed *feed)
{
    struct station *st = (struct station *)feed;

    feed->count = 0;
    feed->first = NULL;
    if (st->has_record && st->record.ended_unix_ms) {
        record_remove(st->options.spool_dir);
        st->has_record = 0;
    }
}

/* ## Opening and closing */

/* A session that a kill interrupted goes on where it was. */
static void resume(struct station *st)
{
    int r = record_read(&st->record, st->options.spool_dir);

    if (r == FARMIQ_NONE)
        return;
    if (r == FARMIQ_OK)
        r = session_tell_again(&st->teller, &st->record);
    if (r != FARMIQ_OK) {
        shim_log_line(SHIM_WARN, "session.forgotten",
                      "what was in progress cannot be read: %s", farmiq_errname(r));
        record_remove(st->options.spool_dir);
        return;
    }
    st->has_record = 1;
    if (!st->record.ended_unix_ms)
        weighing_resume(&st->weighing, st->record.weighed_unix_ms != 0);
    shim_log_line(SHIM_INFO, "session.resumed", "session_id=%s",
                  st->record.ids[RECORD_SESSION]);
}

static void close_station(struct agent_feed *feed)
{
    struct station *st = (struct station *)feed;

    scale_close(st->scale);
    drafts_close(st->teller.drafts);
    free(st);
}

static int open_parts(struct station *st, const struct agent_options *agent,
                      struct moment now, struct farmiq_error *error)
{
    const struct station_options *o = &st->options;
    struct weighing_rules rules = { .start_kg = o->start_kg,
                                    .threshold_kg = o->threshold_kg,
                                    .readings = o->readings,
                                    .reading_ms = o->reading_ms,
                                    .longest_ms = o->longest_ms };

    weighing_init(&st->weighing, &rules);
    if (folder_open(o->spool_dir) != FARMIQ_OK)
        return shim_fail(error, FARMIQ_E_ARG, "SPOOL_DIR",
                         "is no folder that can be written to");
    st->teller = (struct teller){ .feed = &st->base,
                                  .drafts = drafts_open(agent, AGENT_ROWS_MAX),
                                  .options = o };
    return st->teller.drafts ? scale_open(&st->scale, o, now) : FARMIQ_E_NOMEM;
}

static int open_station(struct agent_feed **out, const struct agent_options *agent,
                        const struct shim_options *options, struct moment now,
                        struct farmiq_error *error)
{
    struct station *st = calloc(1, sizeof *st);
    int r;

    if (!st)
        return FARMIQ_E_NOMEM;
    st->base.fd = -1;
    station_options_read(&st->options, options);
    r = open_parts(st, agent, now, error);
    if (r != FARMIQ_OK) {
        close_station(&st->base);
        return r;
    }
    resume(st);
    *out = &st->base;
    return FARMIQ_OK;
}

const struct agent_kind weighvision_agent_kind = {
    .program = "iot-weighvision-agent",
    .summary = "weigh animals, keep every session until the edge has it",
    .options = station_option_table,
    .limits = station_limits,
    .name_option = "STATION_ID",
    .kept = kept,
    .health = health,
    .check = station_options_check,
    .topic = session_topic,
    .open = open_station,
    .read = read_station,
    .taken = forget_taken,
    .close = close_station,
};
