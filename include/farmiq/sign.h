/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_SIGN_H
#define FARMIQ_SIGN_H

#include <farmiq/base.h>
#include <farmiq/error.h>

FARMIQ_BEGIN

/** Request signatures (spec edge 6.7, cloud 1.5):
 *
 *     HMAC-SHA256(secret, timestamp "." METHOD "." path "." body)
 *
 * The library brings no cryptography: the caller passes an HMAC. The text to sign
 * is fed in pieces, so that a 10 MiB body is never copied. */

#define FARMIQ_SIGN_HEX_STRLEN 64 /* lower-case hex of 32 bytes, without the NUL */
#define FARMIQ_SIGN_WINDOW_MS 300000

/** HMAC-SHA256 of the concatenation of `part_count` parts. Returns 0 or FARMIQ_E_*. */
typedef int (*farmiq_hmac_fn)(void *ctx, const char *secret, size_t secret_len,
                              const struct farmiq_str *parts, uint32_t part_count,
                              uint8_t out[32]);

struct farmiq_signed_request {
    uint32_t size;
    uint32_t reserved;
    struct farmiq_str method;    /* any case */
    struct farmiq_str path;      /* query string and one trailing slash are dropped */
    struct farmiq_str body;      /* may be empty */
    struct farmiq_str timestamp; /* decimal epoch milliseconds; header value */
    struct farmiq_str signature; /* hex, with or without "sha256="; header value */
};

FARMIQ_API void farmiq_signed_request_init(struct farmiq_signed_request *request,
                                           size_t size);

/** Sign `method`, `path`, `body`, `timestamp` of the request.
 * Returns FARMIQ_OK, FARMIQ_E_ARG (also: no method, path or secret, or a timestamp
 * that is not decimal), or what `hmac` returned. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_sign(const struct farmiq_signed_request *request,
                                           const char *secret, size_t secret_len,
                                           farmiq_hmac_fn hmac, void *hmac_ctx,
                                           char out[FARMIQ_SIGN_HEX_STRLEN + 1]);

enum farmiq_sign_verdict {
    FARMIQ_SIGN_OK = 0,
    FARMIQ_SIGN_TIMESTAMP_MISSING = 1,
    FARMIQ_SIGN_SIGNATURE_MISSING = 2,
    FARMIQ_SIGN_TIMESTAMP_INVALID = 3,
    FARMIQ_SIGN_OUT_OF_WINDOW = 4,
    FARMIQ_SIGN_NO_SECRET = 5,
    FARMIQ_SIGN_INVALID = 6,
    FARMIQ_SIGN_REPLAYED = 7 /* never from here: the caller's replay table says so */
};

/** Judge a request against any of `secret_count` secrets, in the order of the
 * specification; comparison takes constant time. `*skew_ms` (may be NULL) gets
 * `now_unix_ms` less the timestamp, once that was readable: positive for an old
 * request. An empty secret is skipped.
 * Returns a verdict (>= 0), FARMIQ_E_ARG, or what `hmac` returned. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_sign_verify(const struct farmiq_signed_request *request,
                   const struct farmiq_str *secrets, uint32_t secret_count,
                   int64_t window_ms, int64_t now_unix_ms, farmiq_hmac_fn hmac,
                   void *hmac_ctx, int64_t *skew_ms);

/** "HMAC_SIGNATURE_INVALID" and so on: the code for the error body. Static; NULL
 * for OK and unknown verdicts. `*http_status` gets 401 or 500. */
FARMIQ_API const char *farmiq_sign_verdict_name(int verdict, int32_t *http_status);

FARMIQ_END

#endif
