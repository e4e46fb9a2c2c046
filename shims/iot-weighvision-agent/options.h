/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator decided for the weigh station alone. */
#ifndef WEIGHVISION_OPTIONS_H
#define WEIGHVISION_OPTIONS_H

#include "agent/kind.h"

struct station_options {
    const char *station_id;
    const char *device_id;
    const char *batch_id; /* empty: none */
    const char *spool_dir;

    /* the scale */
    const char *scale;
    const char *scale_port;
    uint32_t scale_baud;

    /* a session */
    double start_kg;
    double threshold_kg;
    uint32_t readings;
    int64_t reading_ms;
    int64_t longest_ms;

    /* pictures */
    const char *image_source;
    const char *image_dir;
    const char *image_device;
    uint32_t image_width_px, image_height_px;
    uint32_t image_fps;
    uint32_t image_timeout_ms;
    int image_quality;
    uint32_t spool_max_images;
    const char *media_url;
    const char *presign_path;
    const char *media_token; /* empty: none */
    const char *media_ca_file;
    int64_t media_timeout_ms;
    uint32_t media_retries;

    /* the simulator */
    int is_broiler;
    int64_t interval_ms;
    uint32_t speed;
    uint64_t count;
    uint64_t seed;
};

extern const struct shim_option station_option_table[];
extern const struct agent_limit station_limits[];

int station_options_check(const struct agent_kind *kind,
                          const struct shim_options *options);
void station_options_read(struct station_options *out,
                          const struct shim_options *options);

#endif
