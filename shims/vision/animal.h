/* SPDX-License-Identifier: Apache-2.0 */
/* A drawn animal of known weight, seen from above: for devices without a camera, and for
 * measuring models. The same seed draws the same picture. */
#ifndef VISION_ANIMAL_H
#define VISION_ANIMAL_H

#include <stdint.h>

enum animal_species { ANIMAL_BROILER = 0, ANIMAL_PIG = 1 };

/* What goes wrong in barns. */
enum animal_trouble {
    ANIMAL_DARK = 1, /* the lamp is weak */
    ANIMAL_BLURRED = 2,
    ANIMAL_CUT = 4,    /* half outside the picture */
    ANIMAL_CROWDED = 8 /* a second animal stands beside it */
};

struct animal_scene {
    int32_t species; /* enum animal_species */
    uint32_t troubles;
    double weight_kg;
    uint32_t width_px, height_px;
    uint64_t seed;
};

/* The field of view of the camera that is imagined above the scale. */
double animal_mm_per_px(int32_t species, uint32_t width_px);

/* Draw into `rgb`, 3 * width_px * height_px bytes, rows from the top. */
void animal_draw(const struct animal_scene *scene, uint8_t *rgb);

#endif
