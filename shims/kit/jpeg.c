/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG and pixels. */
#include "kit/jpeg.h"

#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "kit/fail.h"

static int read_header(tjhandle handle, struct farmiq_str file, int *width, int *height)
{
    int subsampling, colours;

    return tjDecompressHeader3(handle, (const unsigned char *)file.ptr,
                               (unsigned long)file.len, width, height, &subsampling,
                               &colours);
}

/* A file that is cut off decodes to a picture with a grey end, and a warning: it is
 * broken all the same. */
static int decode(tjhandle handle, struct shim_pixels *out, struct farmiq_str file,
                  uint64_t most_px, struct farmiq_error *error)
{
    struct shim_pixels pixels = { 0 };
    int width, height;

    if (read_header(handle, file, &width, &height) != 0)
        return shim_fail(error, FARMIQ_E_SYNTAX, "jpeg", "is no JPEG");
    if ((uint64_t)width * (uint64_t)height > most_px)
        return shim_fail(error, FARMIQ_E_RANGE, "jpeg", "has %d x %d pixels", width,
                         height);
    pixels.width_px = (uint32_t)width;
    pixels.height_px = (uint32_t)height;
    pixels.rgb = malloc((size_t)width * (size_t)height * 3);
    if (!pixels.rgb)
        return FARMIQ_E_NOMEM;
    if (tjDecompress2(handle, (const unsigned char *)file.ptr, (unsigned long)file.len,
                      pixels.rgb, width, 0, height, TJPF_RGB, 0) != 0) {
        free(pixels.rgb);
        return shim_fail(error, FARMIQ_E_SYNTAX, "jpeg", "is broken");
    }
    *out = pixels;
    return FARMIQ_OK;
}

int shim_jpeg_decode(struct shim_pixels *out, struct farmiq_str file, uint64_t most_px,
                     struct farmiq_error *error)
{
    tjhandle handle = tjInitDecompress();
    int r;

    if (!handle)
        return FARMIQ_E_NOMEM;
    r = decode(handle, out, file, most_px, error);
    tjDestroy(handle);
    return r;
}

/* The library's own buffer is copied, so that free() is right for it. */
static int hand_over(const unsigned char *made, unsigned long len, uint8_t **file,
                     size_t *file_bytes)
{
    *file = malloc(len);
    if (!*file)
        return FARMIQ_E_NOMEM;
    memcpy(*file, made, len);
    *file_bytes = len;
    return FARMIQ_OK;
}

int shim_jpeg_encode(const struct shim_pixels *pixels, int quality, uint8_t **file,
                     size_t *file_bytes)
{
    tjhandle handle = tjInitCompress();
    unsigned char *made = NULL;
    unsigned long len = 0;
    int r = FARMIQ_E_NOMEM;

    if (handle)
        r = tjCompress2(handle, pixels->rgb, (int)pixels->width_px, 0,
                        (int)pixels->height_px, TJPF_RGB, &made, &len, TJSAMP_420,
                        quality, 0) != 0
                ? FARMIQ_E_ARG
                : hand_over(made, len, file, file_bytes);
    tjFree(made);
    if (handle)
        tjDestroy(handle);
    return r;
}

/* ## What cameras give */

/* One plane each of Y, U and V, behind one another. */
static void split(const struct shim_yuyv *from, uint8_t *planes, size_t pairs)
{
    uint8_t *y = planes, *u = y + 2 * pairs * from->height_px,
            *v = u + pairs * from->height_px;

    for (uint32_t line = 0; line < from->height_px; line++) {
        const uint8_t *at = from->bytes + (size_t)line * from->line_bytes;

        for (size_t pair = 0; pair < pairs; pair++, at += 4) {
            *y++ = at[0];
            *u++ = at[1];
            *y++ = at[2];
            *v++ = at[3];
        }
    }
}

static int encode_planes(tjhandle handle, const uint8_t *planes, size_t pairs,
                         uint32_t height_px, int quality, uint8_t **file,
                         size_t *file_bytes)
{
    const unsigned char *starts[3] = { planes, planes + 2 * pairs * height_px,
                                       planes + 3 * pairs * height_px };
    const int strides[3] = { (int)(2 * pairs), (int)pairs, (int)pairs };
    unsigned char *made = NULL;
    unsigned long len = 0;
    int r =
        tjCompressFromYUVPlanes(handle, starts, (int)(2 * pairs), strides, (int)height_px,
                                TJSAMP_422, &made, &len, quality, 0) != 0
            ? FARMIQ_E_ARG
            : hand_over(made, len, file, file_bytes);

    tjFree(made);
    return r;
}

int shim_jpeg_encode_yuyv(const struct shim_yuyv *picture, int quality, uint8_t **file,
                          size_t *file_bytes)
{
    size_t pairs = picture->width_px / 2;
    uint8_t *planes = malloc(4 * pairs * picture->height_px);
    tjhandle handle = tjInitCompress();
    int r = FARMIQ_E_NOMEM;

    if (planes && handle) {
        split(picture, planes, pairs);
        r = encode_planes(handle, planes, pairs, picture->height_px, quality, file,
                          file_bytes);
    }
    if (handle)
        tjDestroy(handle);
    free(planes);
    return r;
}
