/* SPDX-License-Identifier: Apache-2.0 */
/* draw_animal broiler|pig KG SEED: a JPEG of an animal of that weight, to standard
 * output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/jpeg.h"
#include "vision/animal.h"

#define WIDTH 640
#define HEIGHT 480
#define QUALITY 85

int main(int argc, char **argv)
{
    static uint8_t rgb[3 * WIDTH * HEIGHT];
    const struct shim_pixels pixels = { WIDTH, HEIGHT, rgb };
    struct animal_scene scene = { .width_px = WIDTH, .height_px = HEIGHT };
    uint8_t *file;
    size_t len, written;

    if (argc != 4)
        return 2;
    scene.species = strcmp(argv[1], "pig") == 0 ? ANIMAL_PIG : ANIMAL_BROILER;
    scene.weight_kg = strtod(argv[2], NULL);
    scene.seed = strtoull(argv[3], NULL, 10);
    animal_draw(&scene, rgb);
    if (shim_jpeg_encode(&pixels, QUALITY, &file, &len) != FARMIQ_OK)
        return 1;
    written = fwrite(file, 1, len, stdout);
    free(file);
    return written == len ? 0 : 1;
}
