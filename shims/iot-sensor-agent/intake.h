/* SPDX-License-Identifier: Apache-2.0 */
/* What was read from the source and is not durable yet. */
#ifndef AGENT_INTAKE_H
#define AGENT_INTAKE_H

#include "buffer.h"
#include "source.h"

struct intake {
    const struct agent_options *options;
    struct source *source; /* NULL: it has ended */
    struct reading readings[BUFFER_ADD_MAX];
    uint32_t count;
    uint64_t produced;
    uint64_t skipped; /* lines of the source that were no readings */
};

int intake_open(struct intake *intake, const struct agent_options *options,
                struct moment now, struct farmiq_error *error);
void intake_close(struct intake *intake);
/* Fill up. Nothing more is read while what is here cannot be written. */
void intake_read(struct intake *intake, struct moment now);

#endif
