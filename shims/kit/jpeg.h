/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG and pixels (libturbojpeg). Thread-safe: nothing is shared. */
#ifndef SHIM_JPEG_H
#define SHIM_JPEG_H

#include <stdint.h>

#include <farmiq/error.h>

struct shim_pixels {
    uint32_t width_px, height_px;
    uint8_t *rgb; /* 3 bytes a pixel, rows from the top without gaps; free() it */
};

/* Decode, unless there are more than `most_px` pixels: a small file can be a huge
 * picture. FARMIQ_OK; FARMIQ_E_SYNTAX (no JPEG, or a broken one); FARMIQ_E_RANGE (too
 * large); FARMIQ_E_NOMEM. */
int shim_jpeg_decode(struct shim_pixels *out, struct farmiq_str file, uint64_t most_px,
                     struct farmiq_error *error);
/* Encode at quality 1 to 100. `*file` is the caller's to free(). FARMIQ_OK; FARMIQ_E_ARG;
 * FARMIQ_E_NOMEM. */
int shim_jpeg_encode(const struct shim_pixels *pixels, int quality, uint8_t **file,
                     size_t *file_bytes);

/* As cameras give it: two pixels in four bytes, Y U Y V. */
struct shim_yuyv {
    uint32_t width_px, height_px;
    uint32_t line_bytes; /* from one line to the next; at least twice the width */
    const uint8_t *bytes;
};
/* As shim_jpeg_encode(); of an odd width the last column is left out. */
int shim_jpeg_encode_yuyv(const struct shim_yuyv *picture, int quality, uint8_t **file,
                          size_t *file_bytes);

#endif
