/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the source until it ends, and making events of what it says. */
#include "intake.h"

#include <stdlib.h>

#include "kit/log.h"
#include "sensor.h"
#include "source.h"

struct intake {
    struct agent_feed base;
    const struct agent_options *agent;
    struct sensor_options options;
    struct source *source; /* NULL: it has ended */
    struct drafts *drafts;
    struct reading reading; /* read, and not yet an event */
    int has_reading;
};

int intake_open(struct agent_feed **out, const struct agent_options *agent,
                const struct shim_options *options, struct moment now,
                struct farmiq_error *error)
{
    struct intake *in = calloc(1, sizeof *in);
    int r = FARMIQ_E_NOMEM;

    if (!in)
        return r;
    in->agent = agent;
    sensor_options_read(&in->options, options);
    in->base.fd = -1;
    in->drafts = drafts_open(agent, AGENT_ROWS_MAX);
    if (in->drafts)
        r = source_open(&in->source, &in->options, now, error);
    if (r == FARMIQ_OK)
        *out = &in->base;
    else
        intake_close(&in->base);
    return r;
}

void intake_close(struct agent_feed *feed)
{
    struct intake *in = (struct intake *)feed;

    source_close(in->source);
    drafts_close(in->drafts);
    free(in);
}

void intake_taken(struct agent_feed *feed)
{
    feed->count = 0;
    feed->first = NULL;
}

static void end(struct intake *in, const char *why)
{
    shim_log_line(SHIM_INFO, "source.ended", "%s after %llu events", why,
                  (unsigned long long)in->base.produced);
    source_close(in->source);
    in->source = NULL;
    in->base.is_over = 1;
}

/* An event of the reading in hand. One that cannot be made now is made later. */
static int draft(struct intake *in, struct moment now)
{
    char device_id[AGENT_DEVICE_BYTES];
    int r;

    sensor_name_device(in->agent, in->reading.device, device_id);
    r = drafts_make(in->drafts, in->base.count, device_id, &in->reading, now);
    if (r == FARMIQ_E_BUSY)
        return 0;
    in->has_reading = 0;
    if (r != FARMIQ_OK) {
        in->base.skipped++;
        return 1;
    }
    in->base.first = drafts_first(in->drafts);
    in->base.count++;
    in->base.produced++;
    if (in->options.count && in->base.produced >= in->options.count)
        end(in, "the count");
    return 1;
}

/* Returns 1 if it is worth asking again now. */
static int ask(struct intake *in, struct moment now)
{
    int answer = in->has_reading ? FARMIQ_OK
                                 : in->source->kind->read(in->source, now, &in->reading);

    switch (answer) {
    case FARMIQ_OK:
        in->has_reading = 1;
        return draft(in, now);
    case FARMIQ_NONE:
        return 0;
    case FARMIQ_E_SYNTAX:
        in->base.skipped++;
        return 1;
    default:
        end(in, answer == FARMIQ_EXHAUSTED ? "its end" : farmiq_errname(answer));
        return 0;
    }
}

void intake_read(struct agent_feed *feed, struct moment now)
{
    struct intake *in = (struct intake *)feed;

    while (in->source && feed->count < AGENT_ROWS_MAX && ask(in, now))
        ;
    if (!in->source)
        return;
    feed->due_steady_ms = in->source->due_steady_ms;
    feed->fd = in->source->fd;
}
