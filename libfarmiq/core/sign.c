/* SPDX-License-Identifier: Apache-2.0 */
/* Request signatures, over an HMAC that the caller brings (spec edge 6.7). */
#include <farmiq/sign.h>

#include "private.h"

#define DIGEST_BYTES 32
#define METHOD_MAX_BYTES 32

void farmiq_signed_request_init(struct farmiq_signed_request *request, size_t size)
{
    static const struct farmiq_signed_request defaults = { 0 };

    farmiq__init(request, size, &defaults, sizeof defaults);
}

/* The path without its query string and without one trailing slash, unless that
 * slash is all there is. */
static struct farmiq_str signed_path(struct farmiq_str path)
{
    const char *query = memchr(path.ptr, '?', path.len);

    if (query)
        path.len = (size_t)(query - path.ptr);
    if (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

static void copy_upper(char *to, struct farmiq_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        to[i] = 'a' <= c && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
}

static void write_hex(const uint8_t digest[DIGEST_BYTES], char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned i = 0; i < DIGEST_BYTES; i++) {
        *out++ = digits[digest[i] >> 4];
        *out++ = digits[digest[i] & 0x0f];
    }
    *out = '\0';
}

/* An HMAC that answers 1 for success, as some do, must not pass for a verdict. */
static int as_failure(int r) { return r > 0 ? FARMIQ_E_ARG : r; }

static int is_sound(const struct farmiq_signed_request *request)
{
    return farmiq__is_sized(request, sizeof *request) && request->method.len > 0 &&
           request->method.len <= METHOD_MAX_BYTES && request->path.len > 0 &&
           farmiq__str_is_sound(request->body) && farmiq__str_is_sound(request->path) &&
           farmiq__str_is_sound(request->method) &&
           farmiq__str_is_sound(request->timestamp) &&
           farmiq__str_is_sound(request->signature);
}

static int compute(const struct farmiq_signed_request *request, struct farmiq_str secret,
                   farmiq_hmac_fn hmac, void *hmac_ctx,
                   char out[FARMIQ_SIGN_HEX_STRLEN + 1])
{
    static const struct farmiq_str dot = { ".", 1 };
    char method[METHOD_MAX_BYTES];
    const struct farmiq_str parts[] = {
        request->timestamp,
        dot,
        { method, request->method.len },
        dot,
        signed_path(request->path),
        dot,
        request->body,
    };
    uint8_t digest[DIGEST_BYTES];
    int r;

    copy_upper(method, request->method);
    r = hmac(hmac_ctx, secret.ptr, secret.len, parts, COUNT(parts), digest);
    if (r != 0)
        return as_failure(r);
    write_hex(digest, out);
    return FARMIQ_OK;
}

/* Digits only. What exceeds int64_t is a moment far out of any window: INT64_MAX. */
static int read_epoch_ms(struct farmiq_str text, int64_t *unix_ms)
{
    int64_t value = 0;

    if (text.len == 0)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.ptr[i] - '0';

        if (digit < 0 || digit > 9)
            return 0;
        value = value > (INT64_MAX - 9) / 10 ? INT64_MAX : value * 10 + digit;
    }
    *unix_ms = value;
    return 1;
}

int farmiq_sign(const struct farmiq_signed_request *request, const char *secret,
                size_t secret_len, farmiq_hmac_fn hmac, void *hmac_ctx,
                char out[FARMIQ_SIGN_HEX_STRLEN + 1])
{
    int64_t unix_ms;

    if (!is_sound(request) || !secret || secret_len == 0 || !hmac || !out ||
        !read_epoch_ms(request->timestamp, &unix_ms))
        return FARMIQ_E_ARG;
    return compute(request, farmiq__str(secret, secret_len), hmac, hmac_ctx, out);
}

static struct farmiq_str without_prefix(struct farmiq_str signature)
{
    static const char prefix[] = "sha256=";
    size_t len = sizeof prefix - 1;

    if (signature.len < len || memcmp(signature.ptr, prefix, len) != 0)
        return signature;
    return farmiq__str(signature.ptr + len, signature.len - len);
}

/* Takes the same time wherever the first difference is, so that a forger cannot feel
 * his way along. The length is public. */
static int equal_in_constant_time(struct farmiq_str given,
                                  const char expected[FARMIQ_SIGN_HEX_STRLEN])
{
    volatile uint8_t difference = 0;

    if (given.len != FARMIQ_SIGN_HEX_STRLEN)
        return 0;
    for (size_t i = 0; i < FARMIQ_SIGN_HEX_STRLEN; i++)
        difference = (uint8_t)(difference | (given.ptr[i] ^ expected[i]));
    return difference == 0;
}

/* Every secret is tried, also after a match: the time must not tell which one it was.
 * An empty one, as in the list "new,,old", is no secret at all. */
static int match(const struct farmiq_signed_request *request,
                 const struct farmiq_str *secrets, uint32_t secret_count,
                 farmiq_hmac_fn hmac, void *hmac_ctx)
{
    struct farmiq_str given = without_prefix(request->signature);
    char expected[FARMIQ_SIGN_HEX_STRLEN + 1];
    int matched = 0, tried = 0;

    for (uint32_t i = 0; i < secret_count; i++) {
        int r;

        if (secrets[i].len == 0)
            continue;
        r = compute(request, secrets[i], hmac, hmac_ctx, expected);
        if (r < 0)
            return r;
        matched |= equal_in_constant_time(given, expected);
        tried = 1;
    }
    if (!tried)
        return FARMIQ_SIGN_NO_SECRET;
    return matched ? FARMIQ_SIGN_OK : FARMIQ_SIGN_INVALID;
}

int farmiq_sign_verify(const struct farmiq_signed_request *request,
                       const struct farmiq_str *secrets, uint32_t secret_count,
                       int64_t window_ms, int64_t now_unix_ms, farmiq_hmac_fn hmac,
                       void *hmac_ctx, int64_t *skew_ms)
{
    int64_t sent_unix_ms, skew;

    if (!is_sound(request) || (!secrets && secret_count > 0) || window_ms < 0 ||
        now_unix_ms < 0 || !hmac)
        return FARMIQ_E_ARG;
    if (request->timestamp.len == 0)
        return FARMIQ_SIGN_TIMESTAMP_MISSING;
    if (request->signature.len == 0)
        return FARMIQ_SIGN_SIGNATURE_MISSING;
    if (!read_epoch_ms(request->timestamp, &sent_unix_ms))
        return FARMIQ_SIGN_TIMESTAMP_INVALID;
    skew = now_unix_ms - sent_unix_ms;
    if (skew_ms)
        *skew_ms = skew;
    if (skew < -window_ms || skew > window_ms)
        return FARMIQ_SIGN_OUT_OF_WINDOW;
    return match(request, secrets, secret_count, hmac, hmac_ctx);
}

const char *farmiq_sign_verdict_name(int verdict, int32_t *http_status)
{
    static const struct {
        const char *name;
        int32_t http_status;
    } verdicts[] = {
        [FARMIQ_SIGN_TIMESTAMP_MISSING] = { "HMAC_TIMESTAMP_MISSING", 401 },
        [FARMIQ_SIGN_SIGNATURE_MISSING] = { "HMAC_SIGNATURE_MISSING", 401 },
        [FARMIQ_SIGN_TIMESTAMP_INVALID] = { "HMAC_TIMESTAMP_INVALID", 401 },
        [FARMIQ_SIGN_OUT_OF_WINDOW] = { "HMAC_TIMESTAMP_OUT_OF_WINDOW", 401 },
        [FARMIQ_SIGN_NO_SECRET] = { "AUTH_CONFIG_ERROR", 500 },
        [FARMIQ_SIGN_INVALID] = { "HMAC_SIGNATURE_INVALID", 401 },
        [FARMIQ_SIGN_REPLAYED] = { "HMAC_REPLAY_DETECTED", 401 },
    };

    if (verdict <= FARMIQ_SIGN_OK || (size_t)verdict >= COUNT(verdicts))
        return NULL;
    if (http_status)
        *http_status = verdicts[verdict].http_status;
    return verdicts[verdict].name;
}
