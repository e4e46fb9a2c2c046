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
int shim_jpeg_encode(const struct shim_pixels *pixels, int quality, uint8_t **file,
                     size_t *file_bytes)
{
    tjhandle handle = tjInitCompress();
    unsigned char *made = NULL;
    unsigned long len = 0;
    int r = FARMIQ_E_NOMEM;

    if (handle &&
        tjCompress2(handle, pixels->rgb, (int)pixels->width_px, 0, (int)pixels->height_px,
                    TJPF_RGB, &made, &len, TJSAMP_420, quality, 0) != 0)
        r = FARMIQ_E_ARG;
    else if (handle && (*file = malloc(len)) != NULL) {
        memcpy(*file, made, len);
        *file_bytes = len;
        r = FARMIQ_OK;
    }
    tjFree(made);
    if (handle)
        tjDestroy(handle);
    return r;
}
