/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator decided for any kind of agent, in one struct. */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include "kit/mqtt_access.h"
#include "kit/options.h"

struct agent_kind;

struct agent_options {
    const struct agent_kind *kind;

    /* who we are */
    const char *tenant_id;
    const char *farm_id;
    const char *barn_id;
    const char *device_id; /* by the kind's name_option */
    uint32_t devices;      /* that it speaks for */

    /* the broker */
    char url[300];
    const char *client_id;
    struct shim_mqtt_access access;
    uint32_t window;
    int64_t ack_timeout_ms;
    int puback_is_enough;

    /* the buffer */
    const char *database;
    uint64_t buffer_max_messages; /* of all devices together */
    int64_t buffer_max_age_ms;
    uint32_t replay_rate; /* per second and device; 0: no limit */
    const char *ledger;

    int64_t drain_ms;
    int log_level;
};

extern const struct shim_option agent_option_table[];

/* FARMIQ_OK; FARMIQ_E_ARG after saying on standard error what is wrong. */
int agent_options_read(struct agent_options *out, const struct agent_kind *kind,
                       const struct shim_options *options);
/* Say on standard error what is wrong with an option. Returns FARMIQ_E_ARG. */
int agent_refuse(const struct agent_kind *kind, const char *name, const char *why);

#endif
