/* SPDX-License-Identifier: Apache-2.0 */
/* The course of the session in progress: what happens is written down, then told. */
#ifndef WEIGHVISION_COURSE_H
#define WEIGHVISION_COURSE_H

#include "pictures.h"

struct course {
    struct record record;
    int has_record; /* a session is in progress, or has ended and is not durable yet */
    struct teller *teller;
    struct pictures *pictures;
    const char *spool_dir;
};

void course_begin(struct course *course, struct moment now);
void course_weigh(struct course *course, double weight_kg, struct moment now);
void course_end(struct course *course, struct moment now);
/* Say again what a kill interrupted. Returns 1 if that session is not over. */
int course_resume(struct course *course);
/* The record names one session: the next begins when this one's end is durable. */
int course_is_ending(const struct course *course);
/* What was told is durable. */
void course_taken(struct course *course);

#endif
