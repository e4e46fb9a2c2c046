/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of weighing. */
#include "weighing.h"

#include <string.h>

/* 30.10 - 30.00 is a little more than 0.10 in binary. */
#define ROUNDING_KG 1e-9

void weighing_init(struct weighing *w, const struct weighing_rules *rules)
{
    memset(w, 0, sizeof *w);
    w->rules = *rules;
}

void weighing_resume(struct weighing *w, int has_weight)
{
    w->is_on = 1;
    w->has_weight = has_weight;
    w->began_ms = INT64_MIN; /* not known yet */
}

static void add_reading(struct weighing *w, const struct scale_sample *sample)
{
    if (w->count && sample->at_ms - w->last_ms < w->rules.reading_ms)
        return;
    w->window_kg[w->count++ % w->rules.readings] = sample->weight_kg;
    w->last_ms = sample->at_ms;
}

/* The last readings agree: their mean is the weight. */
static int is_settled(struct weighing *w)
{
    double least = w->window_kg[0], most = least, sum = 0;

    if (w->count < w->rules.readings)
        return 0;
    for (uint32_t i = 0; i < w->rules.readings; i++) {
        double kg = w->window_kg[i];

        least = kg < least ? kg : least;
        most = kg > most ? kg : most;
        sum += kg;
    }
    w->weight_kg = sum / w->rules.readings;
    return most - least <= w->rules.threshold_kg + ROUNDING_KG;
}

static int begin(struct weighing *w, const struct scale_sample *sample)
{
    w->is_on = 1;
    w->has_weight = 0;
    w->count = 0;
    w->began_ms = sample->at_ms;
    return WEIGHING_BEGAN;
}

/* A reading that the indicator calls unstable makes those before it worthless. */
static int weigh(struct weighing *w, const struct scale_sample *sample)
{
    if (w->has_weight)
        return WEIGHING_NOTHING;
    if (!sample->is_stable) {
        w->count = 0;
        return WEIGHING_NOTHING;
    }
    add_reading(w, sample);
    w->has_weight = is_settled(w);
    return w->has_weight ? WEIGHING_STABLE : WEIGHING_NOTHING;
}

int weighing_feed(struct weighing *w, const struct scale_sample *sample)
{
    int is_empty = sample->weight_kg < w->rules.start_kg / 2;
    int is_late;

    if (is_empty)
        w->must_empty = 0;
    if (!w->is_on)
        return sample->weight_kg >= w->rules.start_kg && !w->must_empty
                   ? begin(w, sample)
                   : WEIGHING_NOTHING;
    if (w->began_ms == INT64_MIN)
        w->began_ms = sample->at_ms;
    is_late = sample->at_ms - w->began_ms >= w->rules.longest_ms;
    if (is_empty || is_late) {
        w->is_on = 0;
        w->must_empty = !is_empty;
        return WEIGHING_ENDED;
    }
    return weigh(w, sample);
}
