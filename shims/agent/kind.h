/* SPDX-License-Identifier: Apache-2.0 */
/* An agent is what runs on or near a device: it makes events, keeps them durably and
 * tells the edge until the edge has them. What makes them is its kind; everything else is
 * here and the same for all. */
#ifndef AGENT_KIND_H
#define AGENT_KIND_H

#include "agent/options.h"

/* Both clocks, read together: the wall clock dates events, the steady one paces. */
struct moment {
    int64_t unix_ms;
    int64_t steady_ms;
};

/* A device's name, with room for a number behind it. */
#define AGENT_DEVICE_BYTES (FARMIQ_ID_MAX_BYTES + 16)

/* Rows that a feed offers at a time, at most. */
#define AGENT_ROWS_MAX 512

/* What was made and is not durable yet, and when there will be more. A kind puts it first
 * in a struct of its own. */
struct agent_feed {
    struct farmiq_outbox_row *first; /* a chain, ready to be appended */
    uint32_t count;
    int is_over;           /* nothing will ever come any more */
    int64_t due_steady_ms; /* read again then, */
    int fd;                /* or when this can be read; -1: none */
    uint64_t produced;     /* since the start; for the log */
    uint64_t skipped;      /* of what was there to read, was no event */
};

struct agent_limit { /* of an option that is a number */
    const char *name;
    int64_t least, most;
};

struct agent_kind {
    const char *program;
    const char *summary;
    /* Options of its own; one that agent_option_table has too gets another fallback. */
    const struct shim_option *options;
    const struct agent_limit *limits; /* of these; ends with a zeroed entry */
    const char *name_option;          /* its name at the broker; NULL: DEVICE_ID */
    /* Event types that a full buffer drops last, until NULL; NULL: no event is better
     * than another. */
    const char *const *kept;
    /* How many devices it speaks for, itself included; NULL: for itself alone. */
    uint32_t (*count_devices)(const struct shim_options *options);
    const char *const *health; /* the flags of its status, until NULL */
    /* What no limit can say. FARMIQ_OK; or what agent_refuse() returned. */
    int (*check)(const struct agent_kind *kind, const struct shim_options *options);
    /* Where an event is published. `out` holds FARMIQ_TOPIC_MAX_BYTES + 1.
     * FARMIQ_OK; FARMIQ_E_SCHEMA. */
    int (*topic)(const struct farmiq_event *event, char *out);

    /* On the agent's thread. FARMIQ_OK; FARMIQ_E_*: `error` says what is wrong. */
    int (*open)(struct agent_feed **out, const struct agent_options *agent,
                const struct shim_options *options, struct moment now,
                struct farmiq_error *error);
    /* Fill up. Nothing more is read while what is there cannot be written. */
    void (*read)(struct agent_feed *feed, struct moment now);
    /* The chain is durable: forget it. */
    void (*taken)(struct agent_feed *feed);
    void (*close)(struct agent_feed *feed);
};

#endif
