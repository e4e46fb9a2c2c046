/* SPDX-License-Identifier: Apache-2.0 */
/* What makes an agent a weigh station: a session for each animal on the scale (seed 002,
 * section 3). */
#include "station.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "course.h"
#include "folder.h"
#include "kit/fail.h"
#include "kit/log.h"
#include "scale.h"
#include "weighing.h"

/* A step of the weighing adds fewer rows than this. */
#define STEP_ROWS 8

struct station {
    struct agent_feed base;
    struct station_options options;
    struct scale *scale; /* NULL: it has ended */
    struct weighing weighing;
    struct teller teller;
    struct pictures *pictures;
    int watch_fd; /* the scale's line and the uploads, as one */
    struct course course;
};

static const char *const health[] = { "scale_ok", "mqtt_ok", "disk_ok", NULL };

/* What a session is without: neither begun nor ever over. */
static const char *const kept[] = { SESSION_CREATED_TYPE, SESSION_FINALIZED_TYPE, NULL };

/* ## The feed */

static void advance(struct station *st, const struct scale_sample *sample,
                    struct moment now)
{
    switch (weighing_feed(&st->weighing, sample)) {
    case WEIGHING_BEGAN:
        course_begin(&st->course, now);
        break;
    case WEIGHING_STABLE:
        course_weigh(&st->course, st->weighing.weight_kg, now);
        break;
    case WEIGHING_ENDED:
        course_end(&st->course, now);
        break;
    default:
        break;
    }
}

/* A line that was plugged in again is another descriptor, though perhaps of one number.
 */
static void watch(struct station *st, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };

    if (fd >= 0)
        (void)epoll_ctl(st->watch_fd, EPOLL_CTL_ADD, fd, &event);
}

static int may_go_on(const struct station *st)
{
    return !course_is_ending(&st->course) && st->base.count + STEP_ROWS <= AGENT_ROWS_MAX;
}

static void read_station(struct agent_feed *feed, struct moment now)
{
    struct station *st = (struct station *)feed;
    struct scale_sample sample;
    int r = FARMIQ_OK;

    pictures_tell(st->pictures, &st->teller);
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
    watch(st, st->scale ? st->scale->fd : -1);
    feed->is_over = !st->scale && pictures_are_done(st->pictures);
    feed->due_steady_ms = !st->scale         ? INT64_MAX
                          : r == FARMIQ_NONE ? st->scale->due_steady_ms
                                             : now.steady_ms;
}

static void forget_taken(struct agent_feed *feed)
{
    struct station *st = (struct station *)feed;

    feed->count = 0;
    feed->first = NULL;
    pictures_taken(st->pictures);
    course_taken(&st->course);
}

/* ## Opening and closing */

static void close_station(struct agent_feed *feed)
{
    struct station *st = (struct station *)feed;

    scale_close(st->scale);
    pictures_close(st->pictures);
    if (st->watch_fd >= 0)
        close(st->watch_fd);
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
    int r;

    weighing_init(&st->weighing, &rules);
    if (folder_open(o->spool_dir) != FARMIQ_OK)
        return shim_fail(error, FARMIQ_E_ARG, "SPOOL_DIR",
                         "is no folder that can be written to");
    st->teller = (struct teller){ .feed = &st->base,
                                  .drafts = drafts_open(agent, AGENT_ROWS_MAX),
                                  .options = o };
    r = st->teller.drafts ? pictures_open(&st->pictures, agent, o, error)
                          : FARMIQ_E_NOMEM;
    if (r == FARMIQ_OK)
        r = scale_open(&st->scale, o, now);
    st->course = (struct course){ .teller = &st->teller,
                                  .pictures = st->pictures,
                                  .spool_dir = o->spool_dir };
    st->base.fd = st->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    if (r == FARMIQ_OK)
        watch(st, pictures_fd(st->pictures));
    return r == FARMIQ_OK && st->watch_fd < 0 ? FARMIQ_E_NOMEM : r;
}

static int open_station(struct agent_feed **out, const struct agent_options *agent,
                        const struct shim_options *options, struct moment now,
                        struct farmiq_error *error)
{
    struct station *st = calloc(1, sizeof *st);
    int r;

    if (!st)
        return FARMIQ_E_NOMEM;
    st->base.fd = st->watch_fd = -1;
    station_options_read(&st->options, options);
    r = open_parts(st, agent, now, error);
    if (r != FARMIQ_OK) {
        close_station(&st->base);
        return r;
    }
    if (course_resume(&st->course))
        weighing_resume(&st->weighing, st->course.record.weighed_unix_ms != 0);
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
