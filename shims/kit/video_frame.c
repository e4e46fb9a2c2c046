/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of cameras. */
#include "kit/video_frame.h"

#include <stdlib.h>
#include <string.h>

#include "kit/jpeg.h"

#define SIDE_MAX_PX 16384
#define PICTURE_MAX_PX (UINT64_C(64) * 1000 * 1000)

int video_frame_check_shape(const struct video_frame_shape *shape)
{
    return shape->width_px > 1 && shape->width_px <= SIDE_MAX_PX &&
           shape->height_px > 1 && shape->height_px <= SIDE_MAX_PX &&
           (uint64_t)shape->width_px * shape->height_px <= PICTURE_MAX_PX &&
           (shape->is_jpeg || shape->line_bytes >= shape->width_px * 2);
}

/* ## JPEG */

enum {
    MARK = 0xff,
    TABLES = 0xc4, /* of Huffman codes */
    SCAN = 0xda,
    END = 0xd9
};

/* Cameras leave out the tables that are always the same (as AVI files do), and not every
 * reader knows them. */
static int has_tables(const uint8_t *bytes, size_t len)
{
    size_t at = 2;

    while (at + 4 <= len && bytes[at] == MARK && bytes[at + 1] != SCAN) {
        if (bytes[at + 1] == TABLES)
            return 1;
        at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    }
    return 0;
}

/* The file ends with its last mark; drivers pad. 0: there is none. */
static size_t file_bytes(const uint8_t *bytes, size_t len)
{
    while (len >= 2 && !(bytes[len - 2] == MARK && bytes[len - 1] == END))
        len--;
    return len < 2 ? 0 : len;
}

static int copy(const uint8_t *bytes, size_t len, uint8_t **jpeg, size_t *jpeg_bytes)
{
    *jpeg = malloc(len);
    if (!*jpeg)
        return FARMIQ_E_NOMEM;
    memcpy(*jpeg, bytes, len);
    *jpeg_bytes = len;
    return FARMIQ_OK;
}

static int read_jpeg(const uint8_t *bytes, size_t len, int quality, uint8_t **jpeg,
                     size_t *jpeg_bytes)
{
    struct farmiq_str file = { (const char *)bytes, file_bytes(bytes, len) };
    struct shim_pixels pixels = { 0 };
    int r = file.len ? shim_jpeg_decode(&pixels, file, PICTURE_MAX_PX, NULL)
                     : FARMIQ_E_SYNTAX;

    if (r == FARMIQ_OK)
        r = has_tables(bytes, file.len)
                ? copy(bytes, file.len, jpeg, jpeg_bytes)
                : shim_jpeg_encode(&pixels, quality, jpeg, jpeg_bytes);
    free(pixels.rgb);
    return r == FARMIQ_OK || r == FARMIQ_E_NOMEM ? r : FARMIQ_NONE;
}

/* ## YUYV: two pixels in four bytes */

static int read_yuyv(const struct video_frame_shape *shape, const uint8_t *bytes,
                     size_t len, int quality, uint8_t **jpeg, size_t *jpeg_bytes)
{
    const struct shim_yuyv picture = { shape->width_px, shape->height_px,
                                       shape->line_bytes, bytes };
    size_t whole =
        (size_t)shape->line_bytes * (shape->height_px - 1) + (size_t)shape->width_px * 2;
    int r = len < whole ? FARMIQ_NONE
                        : shim_jpeg_encode_yuyv(&picture, quality, jpeg, jpeg_bytes);

    return r == FARMIQ_OK || r == FARMIQ_E_NOMEM ? r : FARMIQ_NONE;
}

int video_frame_read(const struct video_frame_shape *shape, const uint8_t *bytes,
                     size_t len, int quality, uint8_t **jpeg, size_t *jpeg_bytes)
{
    return shape->is_jpeg ? read_jpeg(bytes, len, quality, jpeg, jpeg_bytes)
                          : read_yuyv(shape, bytes, len, quality, jpeg, jpeg_bytes);
}
