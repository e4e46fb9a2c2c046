/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator decided for the sensor agent alone. */
#ifndef SENSOR_OPTIONS_H
#define SENSOR_OPTIONS_H

#include "agent/kind.h"

/* What a simulated device measures unless METRICS says otherwise. */
#define SENSOR_METRICS                                                                   \
    "temperature humidity co2 ammonia light_intensity water_consumption pressure"

struct sensor_options {
    uint32_t devices;
    const char *source;
    int64_t poll_interval_ms;
    uint32_t rate;
    uint32_t speed;
    uint64_t count;
    uint64_t seed;
    const char *metrics; /* their names, by blanks */
    const char *csv_file;
    const char *command;
};

extern const struct shim_option sensor_option_table[];
extern const struct agent_limit sensor_limits[];

int sensor_options_check(const struct agent_kind *kind,
                         const struct shim_options *options);
void sensor_options_read(struct sensor_options *out, const struct shim_options *options);

#endif
