/* SPDX-License-Identifier: Apache-2.0 */
/* Where readings come from. A source is a row of a table of functions; the agent's loop
 * knows no other. */
#ifndef SENSOR_SOURCE_H
#define SENSOR_SOURCE_H

#include "agent/draft.h"
#include "options.h"

struct source {
    const struct source_kind *kind;
    int64_t due_steady_ms; /* after FARMIQ_NONE: when to ask again */
    int fd;                /* after FARMIQ_NONE: ask when it can be read; -1: none */
};

/* `read` answers FARMIQ_OK (one reading), FARMIQ_NONE (nothing now), FARMIQ_EXHAUSTED
 * (never again), FARMIQ_E_SYNTAX (a line that is no reading was skipped). */
struct source_kind {
    const char *name;
    int (*open)(struct source **out, const struct sensor_options *options,
                struct moment now, struct farmiq_error *error);
    int (*read)(struct source *source, struct moment now, struct reading *out);
    void (*close)(struct source *source);
};

extern const struct source_kind source_simulator;
extern const struct source_kind source_csv;
extern const struct source_kind source_command;

/* By the option SOURCE. `error` says what is wrong with a file or a command. */
int source_open(struct source **out, const struct sensor_options *options,
                struct moment now, struct farmiq_error *error);
void source_close(struct source *source); /* NULL is fine */

/* "metric value [unit]", or a JSON object with metric, value, unit and ts. What is not
 * said keeps its value in `out`. FARMIQ_OK; FARMIQ_E_SYNTAX. */
int reading_parse(struct reading *out, char *line);
/* Set one field from text: "ts", "metric", "value" or "unit". FARMIQ_OK; FARMIQ_NONE (no
 * such field); FARMIQ_E_SYNTAX. */
int reading_set(struct reading *out, const char *field, struct farmiq_str text);

#endif
