/* SPDX-License-Identifier: Apache-2.0 */
/* A body is a superellipse whose length and width follow the cube root of the weight
 * (isometric growth), each with a little of its own: two animals of one weight do not
 * look alike, and a model can only be as good as that. */
#include "vision/animal.h"

#include <math.h>
#include <string.h>

#define SHAPE_SPREAD 0.012 /* of length and of width: standard deviation, relative */
#define FAR 1.5
#define BODY_EXPONENT 2.3 /* between an ellipse (2) and a rectangle */

static const struct species {
    double field_mm; /* what the picture is wide */
    double reference_kg, length_mm, width_mm;
    double head_length, head_width; /* parts of the body's width */
    double coat[3], ground[3];
    double coat_noise, ground_noise;
} kinds[] = {
    [ANIMAL_BROILER] = { 800,
                         2.5,
                         300,
                         160,
                         0.42,
                         0.30,
                         { 228, 222, 205 },
                         { 98, 78, 56 },
                         7,
                         16 },
    [ANIMAL_PIG] = { 2400,
                     100,
                     1150,
                     340,
                     0.75,
                     0.55,
                     { 224, 172, 160 },
                     { 96, 96, 94 },
                     6,
                     10 },
};

/* ## Chance: splitmix64 (Steele, Lea, Flood 2014), by place, so that order is nothing */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Uniform in [0, 1). */
static double chance(uint64_t seed, uint64_t which)
{
    return (double)(mix(seed ^ mix(which)) >> 11) * 0x1p-53;
}

static double between(uint64_t seed, uint64_t which, double least, double most)
{
    return least + (most - least) * chance(seed, which);
}

/* Near enough to normal: the sum of twelve. */
static double normal(uint64_t seed, uint64_t which)
{
    double sum = -6;

    for (uint64_t i = 0; i < 12; i++)
        sum += chance(seed, which * 64 + i + 1000);
    return sum;
}

/* Value noise on a grid of `cell` pixels, in [-1, 1). Drawn for every pixel: one mixing
 * per corner must do. */
static double noise(uint64_t seed, double x, double y, double cell)
{
    double gx = floor(x / cell), gy = floor(y / cell);
    double fx = x / cell - gx, fy = y / cell - gy;
    double corner[4];

    for (int i = 0; i < 4; i++) {
        uint64_t cx = (uint64_t)(int64_t)(gx + (i & 1));
        uint64_t cy = (uint64_t)(int64_t)(gy + (i >> 1));

        corner[i] = (double)(mix(seed ^ cx << 20 ^ cy << 40) >> 11) * 0x1p-52 - 1;
    }
    return (corner[0] * (1 - fx) + corner[1] * fx) * (1 - fy) +
           (corner[2] * (1 - fx) + corner[3] * fx) * fy;
}

/* ## The body */

struct body {
    double x, y;         /* of its middle, px */
    double cos_a, sin_a; /* of its axis */
    double half_length, half_width;
    double head_x, head_y; /* in the body's own directions */
    double head_half_length, head_half_width;
};

static struct body make_body(const struct animal_scene *scene, uint64_t seed, double x,
                             double y)
{
    const struct species *s = &kinds[scene->species];
    double px_per_mm = 1 / animal_mm_per_px(scene->species, scene->width_px);
    double growth = cbrt(scene->weight_kg / s->reference_kg) * px_per_mm;
    double angle = between(seed, 3, 0, 2 * M_PI), neck = between(seed, 4, -0.6, 0.6);
    struct body b = { .x = x, .y = y, .cos_a = cos(angle), .sin_a = sin(angle) };

    b.half_length = s->length_mm * growth / 2 * (1 + SHAPE_SPREAD * normal(seed, 1));
    b.half_width = s->width_mm * growth / 2 * (1 + SHAPE_SPREAD * normal(seed, 2));
    b.head_half_length = s->head_length * b.half_width;
    b.head_half_width = s->head_width * b.half_width;
    b.head_x = b.half_length + 0.45 * b.head_half_length * cos(neck);
    b.head_y = 0.6 * b.half_width * sin(neck);
    return b;
}

/* How far inside the body a point lies: above 0 inside, about px from the edge. */
static double depth_px(const struct body *b, double x, double y)
{
    double dx = x - b->x, dy = y - b->y;
    double u = dx * b->cos_a + dy * b->sin_a, v = dy * b->cos_a - dx * b->sin_a;
    double body, head, in_body, in_head;

    if (fabs(v) > FAR * b->half_width || fabs(u) > FAR * b->half_length + b->half_width)
        return -b->half_width; /* far outside: how far matters to nobody */
    body = pow(pow(fabs(u / b->half_length), BODY_EXPONENT) +
                   pow(fabs(v / b->half_width), BODY_EXPONENT),
               1 / BODY_EXPONENT);
    head = hypot((u - b->head_x) / b->head_half_length,
                 (v - b->head_y) / b->head_half_width);
    in_body = (1 - body) * b->half_width;
    in_head = (1 - head) * b->head_half_width;

    return in_body > in_head ? in_body : in_head;
}

/* ## Light and ground */

static double clamp(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

struct light {
    double level, slope_x, slope_y; /* over the whole picture */
    double edge_px;                 /* how soft edges are */
};

static struct light make_light(const struct animal_scene *scene)
{
    int is_dark = (scene->troubles & ANIMAL_DARK) != 0;

    return (struct light){
        .level = is_dark ? between(scene->seed, 10, 0.18, 0.35)
                         : between(scene->seed, 10, 0.85, 1.05),
        .slope_x = between(scene->seed, 11, -0.12, 0.12),
        .slope_y = between(scene->seed, 12, -0.12, 0.12),
        .edge_px = scene->troubles & ANIMAL_BLURRED ? between(scene->seed, 13, 8, 16) : 1,
    };
}

/* Litter or concrete: large stains, and grain; with a shadow beside the animal. */
static double ground_tone(const struct animal_scene *scene, const struct body *b,
                          double x, double y)
{
    double stains = noise(scene->seed ^ 21, x, y, 60);
    double grain = noise(scene->seed ^ 22, x, y, 2.5);
    double shade = depth_px(b, x - 0.08 * b->half_width, y - 0.10 * b->half_width);
    double tone = 0.5 * stains + 0.8 * grain;

    return tone - 2.2 * clamp(shade / (0.15 * b->half_width) + 0.6, 0, 1);
}

static void paint(const struct animal_scene *scene, const struct light *light,
                  const struct body *b, double depth, uint32_t px, uint32_t py,
                  uint8_t *rgb)
{
    const struct species *s = &kinds[scene->species];
    double x = px, y = py;
    double cover = clamp(0.5 + depth / (2 * light->edge_px), 0, 1);
    double round = 0.82 + 0.18 * clamp(depth / (0.5 * b->half_width), 0, 1);
    double coat = s->coat_noise * noise(scene->seed ^ 31, x, y, 3);
    double ground = s->ground_noise * ground_tone(scene, b, x, y);
    double lit = light->level * (1 + light->slope_x * (x / scene->width_px - 0.5) +
                                 light->slope_y * (y / scene->height_px - 0.5));
    double grain = 3 * (chance(scene->seed ^ 41, (uint64_t)py * 65536 + px) - 0.5);

    for (int i = 0; i < 3; i++) {
        double on = s->coat[i] * round + coat, off = s->ground[i] + ground;

        rgb[i] = (uint8_t)clamp((cover * on + (1 - cover) * off) * lit + grain, 0, 255);
    }
}

double animal_mm_per_px(int32_t species, uint32_t width_px)
{
    return kinds[species].field_mm / width_px;
}

void animal_draw(const struct animal_scene *scene, uint8_t *rgb)
{
    int is_cut = (scene->troubles & ANIMAL_CUT) != 0;
    double x = scene->width_px * (is_cut ? 0.02 : between(scene->seed, 5, 0.45, 0.55));
    double y = scene->height_px * between(scene->seed, 6, 0.45, 0.55);
    struct body body = make_body(scene, scene->seed, x, y);
    struct body other = make_body(scene, mix(scene->seed), x + 2.1 * body.half_width, y);
    struct light light = make_light(scene);

    for (uint32_t py = 0; py < scene->height_px; py++)
        for (uint32_t px = 0; px < scene->width_px; px++, rgb += 3) {
            double depth = depth_px(&body, px, py);

            if (scene->troubles & ANIMAL_CROWDED)
                depth = fmax(depth, depth_px(&other, px, py));
            paint(scene, &light, &body, depth, px, py, rgb);
        }
}
