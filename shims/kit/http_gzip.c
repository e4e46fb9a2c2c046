/* SPDX-License-Identifier: Apache-2.0 */
/* gzip in and out: zlib behind one door, wary of bombs. */
#include <stdlib.h>
#include <zlib.h>

#include "kit/http_private.h"

/* deflate can promise 1032:1, JSON reaches 30:1. The ratio is judged once a body has
 * shown its size, so that a short run of blanks does not condemn a small one. */
#define RATIO_MAX 100u
#define RATIO_JUDGED_ABOVE_BYTES ((uint64_t)64 * 1024)
#define GZIP_WINDOW_BITS                                                                 \
    (15 + 16) /* zlib's way to say: the gzip format, and no other                        \
               */

struct shim__gunzip {
    z_stream z;
    int ended;
};

struct shim__gunzip *shim__gunzip_open(void)
{
    struct shim__gunzip *gunzip = calloc(1, sizeof *gunzip);

    if (gunzip && inflateInit2(&gunzip->z, GZIP_WINDOW_BITS) == Z_OK)
        return gunzip;
    free(gunzip);
    return NULL;
}

void shim__gunzip_close(struct shim__gunzip *gunzip)
{
    if (!gunzip)
        return;
    inflateEnd(&gunzip->z);
    free(gunzip);
}

int shim__gunzip_ended(const struct shim__gunzip *gunzip) { return gunzip->ended; }

static int is_bomb(const z_stream *z)
{
    return z->total_out > RATIO_JUDGED_ABOVE_BYTES &&
           z->total_out / RATIO_MAX > z->total_in;
}

int64_t shim__gunzip_some(struct shim__gunzip *gunzip, struct farmiq_str *packed,
                          char *out, size_t out_bytes)
{
    z_stream *z = &gunzip->z;
    int r;

    if (gunzip->ended) /* a second member or rubbish behind the first? */
        return packed->len ? FARMIQ_E_SYNTAX : 0;
    z->next_in = (Bytef *)(uintptr_t)packed->ptr;
    z->avail_in = packed->len > UINT32_MAX ? UINT32_MAX : (uInt)packed->len;
    z->next_out = (Bytef *)out;
    z->avail_out = out_bytes > UINT32_MAX ? UINT32_MAX : (uInt)out_bytes;
    r = inflate(z, Z_NO_FLUSH);
    packed->len -= (size_t)((const char *)z->next_in - packed->ptr);
    packed->ptr = (const char *)z->next_in;
    gunzip->ended = r == Z_STREAM_END;
    if (r == Z_MEM_ERROR)
        return FARMIQ_E_NOMEM;
    if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
        return FARMIQ_E_SYNTAX;
    return is_bomb(z) ? FARMIQ_E_RANGE : (int64_t)((char *)z->next_out - out);
}

int64_t shim__gzip(struct farmiq_str bytes, char **out, size_t *out_bytes)
{
    z_stream z = { 0 };
    size_t bound;
    int r;

    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return FARMIQ_E_NOMEM;
    bound = deflateBound(&z, bytes.len);
    if (bound > *out_bytes) {
        char *grown = realloc(*out, bound);
        if (!grown) {
            deflateEnd(&z);
            return FARMIQ_E_NOMEM;
        }
        *out = grown;
        *out_bytes = bound;
    }
    z.next_in = (Bytef *)(uintptr_t)bytes.ptr;
    z.avail_in = (uInt)bytes.len;
    z.next_out = (Bytef *)*out;
    z.avail_out = (uInt)*out_bytes;
    r = deflate(&z, Z_FINISH);
    bound = z.total_out;
    deflateEnd(&z);
    return r == Z_STREAM_END ? (int64_t)bound : FARMIQ_E_NOMEM;
}
