/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the outline and measuring it. */
#include "vision/silhouette.h"

#include <math.h>
#include <stdlib.h>

#include "vision/tones.h"

#define LEAST_AREA 0.002   /* of the picture: less is a speck */
#define LEAST_CONTRAST 0.2 /* less is a picture of nothing */

/* A picture in one tone per pixel, and which pixels belong to what. */
struct field {
    uint32_t width, height;
    uint8_t *tones;
    uint32_t *labels; /* 0: ground */
    uint32_t *stack;
};

static int open_field(struct field *f, const struct farmiq_picture *p)
{
    size_t count = (size_t)p->width_px * p->height_px;

    *f = (struct field){ .width = p->width_px, .height = p->height_px };
    f->tones = malloc(count);
    f->labels = calloc(count, sizeof *f->labels);
    f->stack = malloc(count * sizeof *f->stack);
    return f->tones && f->labels && f->stack ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static void close_field(struct field *f)
{
    free(f->tones);
    free(f->labels);
    free(f->stack);
}

/* ## Pieces */

struct piece {
    uint32_t label;
    double area, sum_x, sum_y, sum_xx, sum_yy, sum_xy;
    double on_border,
        on_edge; /* pixels of the outline; of those, on the picture's edge */
};

static int is_bright(const struct field *f, int64_t x, int64_t y, uint8_t threshold)
{
    return x >= 0 && y >= 0 && x < f->width && y < f->height &&
           f->tones[(size_t)y * f->width + (size_t)x] > threshold;
}

static void count_pixel(struct piece *piece, const struct field *f, uint32_t x,
                        uint32_t y, uint8_t threshold)
{
    int is_edge = x == 0 || y == 0 || x == f->width - 1 || y == f->height - 1;
    int is_outline = is_edge || !is_bright(f, (int64_t)x - 1, y, threshold) ||
                     !is_bright(f, (int64_t)x + 1, y, threshold) ||
                     !is_bright(f, x, (int64_t)y - 1, threshold) ||
                     !is_bright(f, x, (int64_t)y + 1, threshold);

    piece->area++;
    piece->sum_x += x;
    piece->sum_y += y;
    piece->sum_xx += (double)x * x;
    piece->sum_yy += (double)y * y;
    piece->sum_xy += (double)x * y;
    piece->on_border += is_outline;
    piece->on_edge += is_edge;
}

static void push(struct field *f, uint32_t *depth, int64_t x, int64_t y,
                 uint8_t threshold, uint32_t label)
{
    size_t at = (size_t)y * f->width + (size_t)x;

    if (!is_bright(f, x, y, threshold) || f->labels[at])
        return;
    f->labels[at] = label;
    f->stack[(*depth)++] = (uint32_t)at;
}

/* Everything bright that hangs together with this pixel. */
static struct piece flood(struct field *f, uint32_t start, uint8_t threshold,
                          uint32_t label)
{
    struct piece piece = { .label = label };
    uint32_t depth = 0;

    push(f, &depth, start % f->width, start / f->width, threshold, label);
    while (depth > 0) {
        uint32_t at = f->stack[--depth], x = at % f->width, y = at / f->width;

        count_pixel(&piece, f, x, y, threshold);
        push(f, &depth, (int64_t)x - 1, y, threshold, label);
        push(f, &depth, (int64_t)x + 1, y, threshold, label);
        push(f, &depth, x, (int64_t)y - 1, threshold, label);
        push(f, &depth, x, (int64_t)y + 1, threshold, label);
    }
    return piece;
}

/* The largest piece; `*bright` is the area of all. */
static struct piece largest_piece(struct field *f, uint8_t threshold, double *bright)
{
    struct piece largest = { 0 };
    uint32_t label = 0;

    *bright = 0;
    for (uint32_t at = 0; at < f->width * f->height; at++) {
        struct piece piece;

        if (f->labels[at] || f->tones[at] <= threshold)
            continue;
        piece = flood(f, at, threshold, ++label);
        *bright += piece.area;
        if (piece.area > largest.area)
            largest = piece;
    }
    return largest;
}

/* ## Measures */

/* Of the ellipse with the same second moments. */
static void measure_axes(struct silhouette *out, const struct piece *p)
{
    double x = p->sum_x / p->area, y = p->sum_y / p->area;
    double xx = p->sum_xx / p->area - x * x, yy = p->sum_yy / p->area - y * y;
    double xy = p->sum_xy / p->area - x * y;
    double middle = (xx + yy) / 2, swing = hypot((xx - yy) / 2, xy);

    out->major_px = 4 * sqrt(middle + swing);
    out->minor_px = 4 * sqrt(fmax(middle - swing, 0));
}

static int measure(struct silhouette *out, struct field *f)
{
    double bright, contrast;
    uint8_t threshold = tones_split(f->tones, (size_t)f->width * f->height, &contrast);
    struct piece piece;

    if (contrast < LEAST_CONTRAST)
        return FARMIQ_UNDEFINED;
    piece = largest_piece(f, threshold, &bright);
    if (piece.area < LEAST_AREA * f->width * f->height)
        return FARMIQ_UNDEFINED;
    out->area_px = piece.area;
    out->contrast = contrast;
    measure_axes(out, &piece);
    out->fill = out->major_px * out->minor_px * M_PI / 4 / piece.area;
    out->border = piece.on_border > 0 ? piece.on_edge / piece.on_border : 0;
    out->rest = (bright - piece.area) / piece.area;
    return FARMIQ_OK;
}

int silhouette_find(struct silhouette *out, const struct farmiq_picture *picture)
{
    struct silhouette found = { 0 };
    struct field field;
    int r;

    if (!out || !picture || !picture->pixels || !picture->width_px ||
        !picture->height_px || picture->stride_bytes < 3 * picture->width_px)
        return FARMIQ_E_ARG;
    r = open_field(&field, picture);
    if (r == FARMIQ_OK)
        r = tones_take(field.tones, picture);
    if (r == FARMIQ_OK)
        r = measure(&found, &field);
    close_field(&field);
    if (r == FARMIQ_OK)
        *out = found;
    return r;
}
