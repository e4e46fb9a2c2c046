/* SPDX-License-Identifier: Apache-2.0 */
/* A scale without a scale. Weights are a function of seed and number, so the same seed
 * gives the same animals. */
#include <math.h>
#include <stdlib.h>

#include "agent/chance.h"
#include "scale.h"

/* What the indicator shows of one animal: it steps on, stands, and leaves at half time.
 */
#define SAMPLES 10
#define LEAVES (SAMPLES - 1)

struct simulator {
    struct scale base;
    int64_t start_steady_ms;
    int64_t interval_ms, reading_ms;
    double speed;
    double least_kg, most_kg;
    uint64_t seed, count;
    uint64_t animal; /* on the scale, or next */
    uint32_t sample; /* of it, next */
};

static int open_simulator(struct scale **out, const struct station_options *o,
                          struct moment now)
{
    struct simulator *s = calloc(1, sizeof *s);

    if (!s)
        return FARMIQ_E_NOMEM;
    s->base = (struct scale){ .kind = &scale_simulator, .fd = -1 };
    s->start_steady_ms = now.steady_ms;
    s->interval_ms = o->interval_ms;
    s->reading_ms = o->reading_ms;
    s->speed = (double)o->speed;
    s->least_kg = o->is_broiler ? 0.8 : 20;
    s->most_kg = o->is_broiler ? 3.5 : 120;
    s->seed = o->seed;
    s->count = o->count;
    *out = &s->base;
    return FARMIQ_OK;
}

/* On the simulated clock. */
static int64_t sample_ms(const struct simulator *s)
{
    int64_t begin_ms = (int64_t)s->animal * s->interval_ms;

    return begin_ms + (s->sample == LEAVES ? s->interval_ms / 2
                                           : (int64_t)s->sample * s->reading_ms);
}

static double shown_kg(const struct simulator *s)
{
    double weight_kg =
        s->least_kg + (s->most_kg - s->least_kg) * agent_chance(s->seed, s->animal, 0);
    double breath_kg = 0.0002 * weight_kg * agent_chance(s->seed, s->animal, s->sample);

    if (s->sample == 0)
        return weight_kg * 0.6; /* with two feet */
    return s->sample == LEAVES ? 0 : round((weight_kg + breath_kg) * 100) / 100;
}

static int read_simulator(struct scale *scale, struct moment now,
                          struct scale_sample *out)
{
    struct simulator *s = (struct simulator *)scale;

    if (s->count && s->animal >= s->count)
        return FARMIQ_EXHAUSTED;
    scale->due_steady_ms =
        s->start_steady_ms + (int64_t)ceil((double)sample_ms(s) / s->speed);
    if (scale->due_steady_ms > now.steady_ms)
        return FARMIQ_NONE;
    *out = (struct scale_sample){ .weight_kg = shown_kg(s),
                                  .at_ms = sample_ms(s),
                                  .is_stable = s->sample != 0 };
    s->sample = (s->sample + 1) % SAMPLES;
    s->animal += s->sample == 0;
    return FARMIQ_OK;
}

static void close_simulator(struct scale *scale) { free(scale); }

const struct scale_kind scale_simulator = { "simulator", open_simulator, read_simulator,
                                            close_simulator };
