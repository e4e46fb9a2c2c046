/* SPDX-License-Identifier: Apache-2.0 */
/* Where weights come from. A scale is a row of a table of functions; the station knows no
 * other. */
#ifndef WEIGHVISION_SCALE_H
#define WEIGHVISION_SCALE_H

#include "options.h"

/* What the indicator shows at one moment. */
struct scale_sample {
    double weight_kg;
    int64_t at_ms; /* by the scale's own clock, which only paces readings */
    int is_stable; /* the indicator says so */
    int is_net;    /* less the tare */
};

struct scale {
    const struct scale_kind *kind;
    int64_t due_steady_ms; /* after FARMIQ_NONE: when to ask again */
    int fd;                /* after FARMIQ_NONE: ask when it can be read; -1: none */
};

/* `read` answers FARMIQ_OK (one sample), FARMIQ_NONE (nothing now), FARMIQ_EXHAUSTED
 * (never again), FARMIQ_E_SYNTAX (a line that is no weight was skipped). */
struct scale_kind {
    const char *name;
    int (*open)(struct scale **out, const struct station_options *options,
                struct moment now);
    int (*read)(struct scale *scale, struct moment now, struct scale_sample *out);
    void (*close)(struct scale *scale);
};

extern const struct scale_kind scale_simulator;
extern const struct scale_kind scale_serial;

/* By the option SCALE. FARMIQ_OK, FARMIQ_E_NOMEM. */
int scale_open(struct scale **out, const struct station_options *options,
               struct moment now);
void scale_close(struct scale *scale); /* NULL is fine */

/* The continuous output of common indicators, a line a reading: the state (ST stable, US
 * unstable, OL overloaded), then GS for gross or NT for net, a signed number, and kg, g,
 * lb or t. Commas or spaces stand between them, in either case of letters; state and
 * gross or net may be absent, and then the reading counts as stable and gross. `at_ms` is
 * left alone. FARMIQ_OK; FARMIQ_E_RANGE (overloaded: there is no weight);
 * FARMIQ_E_SYNTAX. */
int scale_line_parse(struct scale_sample *out, const char *line);

#endif
