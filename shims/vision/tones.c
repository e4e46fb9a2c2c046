/* SPDX-License-Identifier: Apache-2.0 */
/* Shades, smoothing, threshold. */
#include "vision/tones.h"

#include <stdlib.h>

#define TONES 256
#define BLUR_PX 2 /* radius */

/* Luma of ITU-R BT.601, in 256ths. */
static void take_luma(uint8_t *out, const struct farmiq_picture *p)
{
    for (uint32_t y = 0; y < p->height_px; y++) {
        const uint8_t *from = p->pixels + (size_t)y * p->stride_bytes;
        uint8_t *to = out + (size_t)y * p->width_px;

        for (uint32_t x = 0; x < p->width_px; x++, from += 3)
            to[x] = (uint8_t)((77 * from[0] + 150 * from[1] + 29 * from[2]) >> 8);
    }
}

static uint32_t clamp_u32(int64_t at, uint32_t count)
{
    return at < 0 ? 0 : at >= count ? count - 1 : (uint32_t)at;
}

/* One direction of a box blur: `step` from a pixel to the next of `count` in a line. */
static void blur_line(const uint8_t *from, uint8_t *to, uint32_t count, size_t step)
{
    for (uint32_t i = 0; i < count; i++) {
        unsigned sum = 0;

        for (int k = -BLUR_PX; k <= BLUR_PX; k++)
            sum += from[clamp_u32((int64_t)i + k, count) * step];
        to[i * step] = (uint8_t)(sum / (2 * BLUR_PX + 1));
    }
}

int tones_take(uint8_t *out, const struct farmiq_picture *p)
{
    uint32_t width = p->width_px, height = p->height_px;
    uint8_t *half = malloc((size_t)width * height); /* smoothed along the rows */

    if (!half)
        return FARMIQ_E_NOMEM;
    take_luma(out, p);
    for (uint32_t y = 0; y < height; y++)
        blur_line(out + (size_t)y * width, half + (size_t)y * width, width, 1);
    for (uint32_t x = 0; x < width; x++)
        blur_line(half + x, out + x, height, width);
    free(half);
    return FARMIQ_OK;
}

/* Otsu (1979): the threshold that leaves the least variance within the two classes. */
uint8_t tones_split(const uint8_t *tones, size_t count, double *contrast)
{
    double histogram[TONES] = { 0 }, total = (double)count;
    double sum = 0, squares = 0, below = 0, below_sum = 0, best = 0, mean, variance;
    uint8_t threshold = 0;

    for (size_t i = 0; i < count; i++)
        histogram[tones[i]]++;
    for (int t = 0; t < TONES; t++) {
        sum += t * histogram[t];
        squares += (double)t * t * histogram[t];
    }
    mean = sum / total;
    variance = squares / total - mean * mean;
    for (int t = 0; t < TONES - 1; t++) {
        double part, gap, between;

        below += histogram[t];
        below_sum += t * histogram[t];
        if (below == 0 || below == total)
            continue;
        part = below / total;
        gap = below_sum / below - (sum - below_sum) / (total - below);
        between = part * (1 - part) * gap * gap;
        if (between > best) {
            best = between;
            threshold = (uint8_t)t;
        }
    }
    *contrast = variance > 0 ? best / variance : 0;
    return threshold;
}
