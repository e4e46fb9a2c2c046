/* SPDX-License-Identifier: Apache-2.0 */
/* A picture in shades of one tone, and the threshold between its dark and its light. */
#ifndef VISION_TONES_H
#define VISION_TONES_H

#include <farmiq/model.h>

/* The luma of each pixel, smoothed so that grain does not pass for an edge. `out` holds
 * width_px * height_px. FARMIQ_OK; FARMIQ_E_NOMEM. */
int tones_take(uint8_t *out, const struct farmiq_picture *picture);

/* What is lighter than the result stands out. `*contrast` is the share of the variance
 * that lies between the two classes: 0 nothing stands out .. 1 two flat tones. */
uint8_t tones_split(const uint8_t *tones, size_t count, double *contrast);

#endif
