/* SPDX-License-Identifier: Apache-2.0 */
/* A barn without a barn. Values are a function of seed, device, metric and moment, so
 * the same seed gives the same barn, however often the agent was killed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/chance.h"
#include "kit/fail.h"
#include "source.h"

#define DAY_MS 86400000

/* value = mean + swing * (course of the day) + spread * (chance) + offset of the device
 */
static const struct metric {
    const char *name;
    const char *unit;
    double mean, swing, spread;
    double peak_hour;
    double least, most;
    int decimals;
} metrics[] = {
    { "temperature", "C", 24.5, 3.5, 0.3, 15, -10, 45, 2 },
    { "humidity", "%", 62, -9, 1.2, 15, 20, 98, 1 },
    { "co2", "ppm", 1450, -450, 60, 14, 400, 6000, 0 },
    { "ammonia", "ppm", 11, -4, 0.8, 14, 0, 60, 1 },
    { "light_intensity", "lux", 18, 22, 1.5, 13, 0, 120, 1 },
    { "water_consumption", "liters", 9.5, 6, 0.9, 16, 0, 60, 2 },
    { "pressure", "hPa", 1013, 2, 0.4, 10, 950, 1060, 1 },
    { "feed.dispensed", "kg", 12, 5, 1.5, 7, 0.5, 40, 2 },
};
enum { METRIC_COUNT = sizeof metrics / sizeof *metrics };

struct simulator {
    struct source base;
    struct moment start;
    int64_t offset_ms; /* the simulated clock at the start, less the real one */
    double step_ms;    /* real time between two readings */
    uint32_t speed;
    uint32_t devices;
    uint32_t kinds[METRIC_COUNT]; /* of metrics that each of them has */
    uint32_t kind_count;
    uint64_t seed;
    uint64_t made;
};

/* Uniform in [-1, 1). */
static double chance(uint64_t seed, uint64_t a, uint64_t b)
{
    return 2 * agent_chance(seed, a, b) - 1;
}

static double value_at(const struct simulator *s, uint32_t device, uint32_t kind,
                       int64_t ts_unix_ms)
{
    const struct metric *m = &metrics[kind];
    double hour = (double)(ts_unix_ms % DAY_MS) / 3600000;
    double course = cos((hour - m->peak_hour) / 24 * 2 * M_PI);
    double own = chance(s->seed, device, kind) * m->spread * 2;
    double noise = chance(s->seed, device * METRIC_COUNT + kind, (uint64_t)ts_unix_ms);
    double value = m->mean + m->swing * course + own + m->spread * noise;
    double scale = pow(10, m->decimals);

    value = value < m->least ? m->least : value > m->most ? m->most : value;
    return round(value * scale) / scale;
}

static int find_metric(const char *name, size_t len, uint32_t *kind)
{
    for (*kind = 0; *kind < METRIC_COUNT; ++*kind)
        if (strlen(metrics[*kind].name) == len &&
            memcmp(metrics[*kind].name, name, len) == 0)
            return FARMIQ_OK;
    return FARMIQ_E_ARG;
}

static int choose_metrics(struct simulator *s, const char *names)
{
    for (names += strspn(names, " "); *names; names += strspn(names, " ")) {
        size_t len = strcspn(names, " ");

        if (s->kind_count == METRIC_COUNT ||
            find_metric(names, len, &s->kinds[s->kind_count++]) != FARMIQ_OK)
            return FARMIQ_E_ARG;
        names += len;
    }
    return s->kind_count ? FARMIQ_OK : FARMIQ_E_ARG;
}

static int open_simulator(struct source **out, const struct sensor_options *o,
                          struct moment now, struct farmiq_error *error)
{
    struct simulator *s = calloc(1, sizeof *s);
    double sensors;

    if (!s)
        return FARMIQ_E_NOMEM;
    if (choose_metrics(s, o->metrics) != FARMIQ_OK) {
        free(s);
        return shim_fail(error, FARMIQ_E_ARG, "METRICS",
                         "must be some of " SENSOR_METRICS " feed.dispensed");
    }
    sensors = (double)o->devices * s->kind_count;
    s->base = (struct source){ .kind = &source_simulator, .fd = -1 };
    s->start = now;
    s->speed = o->speed;
    s->offset_ms = o->speed > 1 ? -DAY_MS : 0;
    s->step_ms = o->rate ? 1000.0 / o->rate
                         : (double)o->poll_interval_ms / sensors / (double)o->speed;
    s->devices = o->devices;
    s->seed = o->seed;
    *out = &s->base;
    return FARMIQ_OK;
}

/* The simulated clock starts a day ago when it is fast, and never overtakes the real
 * one: the cloud refuses readings from the future (spec cloud 1.8). */
static int64_t simulated(const struct simulator *s, double real_ms, struct moment now)
{
    double ts = (double)(s->start.unix_ms + s->offset_ms) + real_ms * (double)s->speed;

    return ts < (double)now.unix_ms ? (int64_t)ts : now.unix_ms;
}

static int read_simulator(struct source *source, struct moment now, struct reading *out)
{
    struct simulator *s = (struct simulator *)source;
    double at_ms = (double)s->made * s->step_ms;
    uint64_t sensor = s->made % ((uint64_t)s->devices * s->kind_count);
    uint32_t kind = s->kinds[sensor / s->devices];

    source->due_steady_ms = s->start.steady_ms + (int64_t)ceil(at_ms);
    if (source->due_steady_ms > now.steady_ms)
        return FARMIQ_NONE;
    out->device = (uint32_t)(sensor % s->devices);
    out->ts_unix_ms = simulated(s, at_ms, now);
    out->value = value_at(s, out->device, kind, out->ts_unix_ms);
    strcpy(out->metric, metrics[kind].name);
    strcpy(out->unit, metrics[kind].unit);
    s->made++;
    return FARMIQ_OK;
}

static void close_simulator(struct source *source) { free(source); }

const struct source_kind source_simulator = { "simulator", open_simulator, read_simulator,
                                              close_simulator };
