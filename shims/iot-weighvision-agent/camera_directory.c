/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that lie in a folder, one after the other, for ever: a camera of its own may
 * put them there. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "camera.h"
#include "folder.h"
#include "kit/fail.h"
#include "kit/log.h"

#define IMAGE_BYTES_MAX 10485760 /* what a media store takes (spec edge 8.4) */

struct directory {
    struct camera base;
    const char *path;
    char last[NAME_MAX + 1]; /* the name of the last picture */
};

static int open_directory(struct camera **out, const struct station_options *o,
                          struct farmiq_error *error)
{
    struct directory *d;
    DIR *there = opendir(o->image_dir);

    if (!there)
        return shim_fail(error, FARMIQ_E_ARG, "IMAGE_DIR", "cannot be read");
    closedir(there);
    d = calloc(1, sizeof *d);
    if (!d)
        return FARMIQ_E_NOMEM;
    d->base.kind = &camera_directory;
    d->path = o->image_dir;
    *out = &d->base;
    return FARMIQ_OK;
}

static int is_picture(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');

    return end && (strcasecmp(end, ".jpg") == 0 || strcasecmp(end, ".jpeg") == 0);
}

static int is_jpeg(const uint8_t *bytes, size_t len)
{
    return len > 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

static int read_picture(const struct directory *d, const char *name, uint8_t **jpeg,
                        size_t *jpeg_bytes)
{
    uint8_t *bytes = malloc(IMAGE_BYTES_MAX + 1);
    int r =
        bytes ? folder_read(d->path, name, (char *)bytes, IMAGE_BYTES_MAX + 1, jpeg_bytes)
              : FARMIQ_E_NOMEM;

    if (r == FARMIQ_OK && !is_jpeg(bytes, *jpeg_bytes))
        r = FARMIQ_E_SYNTAX;
    if (r == FARMIQ_OK)
        *jpeg = bytes;
    else
        free(bytes);
    if (r != FARMIQ_OK && r != FARMIQ_E_NOMEM)
        shim_log_line(SHIM_WARN, "image.skipped", "%s in IMAGE_DIR is no JPEG of 10 MiB",
                      name);
    return r;
}

/* The first picture behind the last one that can be read; then from the beginning. */
static int take_next(struct directory *d, struct dirent **list, int count, uint8_t **jpeg,
                     size_t *jpeg_bytes)
{
    int first = 0, r = FARMIQ_NONE;

    while (first < count && strcmp(list[first]->d_name, d->last) <= 0)
        first++;
    for (int i = 0; i < count && r != FARMIQ_OK; i++) {
        const char *name = list[(first + i) % count]->d_name;

        r = read_picture(d, name, jpeg, jpeg_bytes);
        snprintf(d->last, sizeof d->last, "%s", name);
    }
    return r == FARMIQ_OK || r == FARMIQ_E_NOMEM ? r : FARMIQ_NONE;
}

static int take(struct camera *camera, const struct camera_scene *scene, uint8_t **jpeg,
                size_t *jpeg_bytes)
{
    struct directory *d = (struct directory *)camera;
    struct dirent **list = NULL;
    int count = scandir(d->path, &list, is_picture, alphasort), r = FARMIQ_NONE;

    (void)scene;
    if (count > 0)
        r = take_next(d, list, count, jpeg, jpeg_bytes);
    for (int i = 0; i < count; i++)
        free(list[i]);
    free(list);
    return r;
}

static void close_directory(struct camera *camera) { free(camera); }

const struct camera_kind camera_directory = { "directory", open_directory, take,
                                              close_directory };
