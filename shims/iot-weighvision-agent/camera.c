/* SPDX-License-Identifier: Apache-2.0 */
/* The table of cameras, and the one that draws. */
#include "camera.h"

#include <stdlib.h>
#include <string.h>

#include "kit/jpeg.h"
#include "vision/animal.h"

#define WIDTH_PX 640
#define HEIGHT_PX 480

struct generator {
    struct camera base;
    int species;
    int quality;
};

static int open_generator(struct camera **out, const struct station_options *o,
                          struct farmiq_error *error)
{
    struct generator *g = calloc(1, sizeof *g);

    (void)error;
    if (!g)
        return FARMIQ_E_NOMEM;
    g->base.kind = &camera_generator;
    g->species = o->is_broiler ? ANIMAL_BROILER : ANIMAL_PIG;
    g->quality = o->image_quality;
    *out = &g->base;
    return FARMIQ_OK;
}

static int draw(struct camera *camera, const struct camera_scene *scene, uint8_t **jpeg,
                size_t *jpeg_bytes)
{
    const struct generator *g = (const struct generator *)camera;
    const struct animal_scene animal = { .species = g->species,
                                         .weight_kg = scene->weight_kg,
                                         .width_px = WIDTH_PX,
                                         .height_px = HEIGHT_PX,
                                         .seed = scene->seed };
    struct shim_pixels pixels = { WIDTH_PX, HEIGHT_PX, malloc(3 * WIDTH_PX * HEIGHT_PX) };
    int r = FARMIQ_E_NOMEM;

    if (pixels.rgb) {
        animal_draw(&animal, pixels.rgb);
        r = shim_jpeg_encode(&pixels, g->quality, jpeg, jpeg_bytes);
    }
    free(pixels.rgb);
    return r;
}

static void close_generator(struct camera *camera) { free(camera); }

const struct camera_kind camera_generator = { "generator", open_generator, draw,
                                              close_generator };

static const struct camera_kind *const kinds[] = { &camera_generator, &camera_directory,
                                                   &camera_v4l2 };

int camera_open(struct camera **out, const struct station_options *options,
                struct farmiq_error *error)
{
    *out = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->name, options->image_source) == 0)
            return kinds[i]->open(out, options, error);
    return FARMIQ_OK;
}

void camera_close(struct camera *camera)
{
    if (camera)
        camera->kind->close(camera);
}
