/* SPDX-License-Identifier: Apache-2.0 */
/* Where pictures come from. A camera is a row of a table of functions; the station knows
 * no other. */
#ifndef WEIGHVISION_CAMERA_H
#define WEIGHVISION_CAMERA_H

#include "options.h"

/* What is in front of it: only a drawn animal needs to know. */
struct camera_scene {
    double weight_kg;
    uint64_t seed;
};

struct camera {
    const struct camera_kind *kind;
};

/* `take` gives a JPEG that is the caller's to free(). It answers FARMIQ_OK, FARMIQ_NONE
 * (there is no picture to be had), FARMIQ_E_NOMEM. */
struct camera_kind {
    const char *name;
    int (*open)(struct camera **out, const struct station_options *options,
                struct farmiq_error *error);
    int (*take)(struct camera *camera, const struct camera_scene *scene, uint8_t **jpeg,
                size_t *jpeg_bytes);
    void (*close)(struct camera *camera);
};

extern const struct camera_kind camera_generator;
extern const struct camera_kind camera_directory;
extern const struct camera_kind camera_v4l2;

/* By the option IMAGE_SOURCE; "none" leaves `*out` NULL. `error` says what is wrong. */
int camera_open(struct camera **out, const struct station_options *options,
                struct farmiq_error *error);
void camera_close(struct camera *camera); /* NULL is fine */

#endif
