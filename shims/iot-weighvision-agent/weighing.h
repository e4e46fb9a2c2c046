/* SPDX-License-Identifier: Apache-2.0 */
/* When an animal is on the scale, and what it weighs (spec edge 2.13). Pure: from samples
 * to steps. */
#ifndef WEIGHVISION_WEIGHING_H
#define WEIGHVISION_WEIGHING_H

#include "scale.h"

#define WEIGHING_READINGS_MAX 32

enum weighing_step {
    WEIGHING_NOTHING = 0,
    WEIGHING_BEGAN,  /* something heavy enough is on the scale */
    WEIGHING_STABLE, /* `weight_kg` is its weight; once */
    WEIGHING_ENDED   /* it has left, or stayed too long */
};

struct weighing_rules {
    double start_kg;     /* an animal weighs at least this; half of it is none */
    double threshold_kg; /* readings that differ by no more are stable */
    uint32_t readings;   /* that must be stable together; 1 to WEIGHING_READINGS_MAX */
    int64_t reading_ms;  /* between two of them, at least */
    int64_t longest_ms;  /* of one weighing */
};

struct weighing {
    struct weighing_rules rules;
    int is_on; /* between BEGAN and ENDED */
    int has_weight;
    int must_empty; /* it stayed too long: the scale must be seen empty first */
    int64_t began_ms;
    double weight_kg;
    double window_kg[WEIGHING_READINGS_MAX]; /* a ring */
    uint32_t count;
    int64_t last_ms; /* of the last reading in it */
};

void weighing_init(struct weighing *weighing, const struct weighing_rules *rules);
/* Go on with what was on the scale before a restart. */
void weighing_resume(struct weighing *weighing, int has_weight);
/* enum weighing_step. */
int weighing_feed(struct weighing *weighing, const struct scale_sample *sample);

#endif
