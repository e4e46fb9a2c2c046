/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator decided, in one struct. */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include "kit/options.h"

struct agent_options {
    /* who we are */
    const char *tenant_id;
    const char *farm_id;
    const char *barn_id;
    const char *device_id;
    uint32_t devices; /* more than one: device_id is the first part of their names */

    /* the broker */
    char url[300];
    const char *client_id;
    const char *username;
    const char *password;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    uint32_t window;
    int64_t ack_timeout_ms;
    int puback_is_enough;

    /* the buffer */
    const char *database;
    uint64_t buffer_max_messages; /* of all devices together */
    int64_t buffer_max_age_ms;
    uint32_t replay_rate; /* per second and device; 0: no limit */
    const char *ledger;

    /* the source */
    const char *source;
    int64_t poll_interval_ms;
    uint32_t rate;
    uint32_t speed;
    uint64_t count;
    uint64_t seed;
    const char *csv_file;
    const char *command;

    int64_t drain_ms;
    int log_level;
};

extern const struct shim_option agent_option_table[];

/* FARMIQ_OK; FARMIQ_E_ARG after saying on standard error what is wrong. */
int agent_options_read(struct agent_options *out, const struct shim_options *options);

#endif
