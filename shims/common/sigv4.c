/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 in the query of a URL. */
#include "common/sigv4.h"

#include <string.h>

#include "common/text.h"

#define JOIN(call, ...)                                                                  \
    text_join(call, (const struct farmiq_str[]){ __VA_ARGS__ },                          \
              sizeof((const struct farmiq_str[]){ __VA_ARGS__ }) /                       \
                  sizeof(struct farmiq_str))

static struct farmiq_str s(const char *text) { return shim_str(text); }

struct farmiq_str sigv4_escape(struct shim_call *call, struct farmiq_str text,
                               const char *kept)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = shim_memory(call, text.len * 3 + 1);
    size_t len = 0;

    for (size_t i = 0; out && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        int is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') ||
                       (c && (strchr("-._~", c) || strchr(kept, c)));

        out[len++] = is_plain ? (char)c : '%';
        if (is_plain)
            continue;
        out[len++] = digits[c >> 4];
        out[len++] = digits[c & 15];
    }
    return (struct farmiq_str){ out, out ? len : 0 };
}

/* 20130524T000000Z */
static struct farmiq_str stamp(struct shim_call *call, int64_t unix_ms)
{
    char time[FARMIQ_TIME_STRLEN + 1];

    if (farmiq_time_format(unix_ms, time) != FARMIQ_OK)
        return s("");
    return JOIN(call, { time, 4 }, { time + 5, 2 }, { time + 8, 2 }, s("T"),
                { time + 11, 2 }, { time + 14, 2 }, { time + 17, 2 }, s("Z"));
}

static struct farmiq_str hex(struct shim_call *call, const uint8_t bytes[32])
{
    static const char digits[] = "0123456789abcdef";
    char *out = shim_memory(call, 65);

    for (int i = 0; out && i < 32; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return (struct farmiq_str){ out, out ? 64 : 0 };
}

/* Lower-case names in order, and "name:value\n" of each. */
struct headers {
    struct farmiq_str names, lines;
};

static void add_header(struct shim_call *call, struct headers *headers, const char *name,
                       struct farmiq_str value)
{
    if (!value.len)
        return;
    headers->names =
        JOIN(call, headers->names, s(headers->names.len ? ";" : ""), s(name));
    headers->lines = JOIN(call, headers->lines, s(name), s(":"), value, s("\n"));
}

static struct headers headers_of(struct shim_call *call, const struct sigv4 *what)
{
    struct headers headers = { s(""), s("") };

    add_header(call, &headers, "content-length", what->content_length);
    add_header(call, &headers, "content-type", what->content_type);
    add_header(call, &headers, "host", what->host);
    return headers;
}

/* HMAC upon HMAC: day, region, service, "aws4_request", then the text. */
static int sign(struct shim_call *call, const struct sigv4 *what, struct farmiq_str day,
                struct farmiq_str text, uint8_t out[32])
{
    const struct farmiq_str steps[] = { day, what->region, s("s3"), s("aws4_request"),
                                        text };
    struct farmiq_str key = JOIN(call, s("AWS4"), what->secret_key);
    int r = FARMIQ_OK;

    for (int i = 0; i < 5 && r == FARMIQ_OK; i++) {
        r = shim_hmac_sha256(NULL, key.ptr, key.len, &steps[i], 1, out);
        key = text_copy(call, (struct farmiq_str){ (const char *)out, 32 });
    }
    return r;
}

struct farmiq_str sigv4_query(struct shim_call *call, const struct sigv4 *what)
{
    struct farmiq_str at = stamp(call, what->now_unix_ms), day = { at.ptr, 8 };
    struct farmiq_str scope =
        JOIN(call, day, s("/"), what->region, s("/s3/aws4_request"));
    struct headers headers = headers_of(call, what);
    struct farmiq_str credential = JOIN(call, what->access_key, s("/"), scope);
    struct farmiq_str query =
        JOIN(call, s("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="),
             sigv4_escape(call, credential, ""), s("&X-Amz-Date="), at,
             s("&X-Amz-Expires="), text_of_number(call, what->life_s),
             s("&X-Amz-SignedHeaders="), sigv4_escape(call, headers.names, ""));
    struct farmiq_str request =
        JOIN(call, s(what->method), s("\n"), what->path, s("\n"), query, s("\n"),
             headers.lines, s("\n"), headers.names, s("\nUNSIGNED-PAYLOAD"));
    uint8_t digest[32], mac[32];

    if (!at.len || shim_sha256(request, digest) < 0 ||
        sign(call, what, day,
             JOIN(call, s("AWS4-HMAC-SHA256\n"), at, s("\n"), scope, s("\n"),
                  hex(call, digest)),
             mac) < 0)
        return s("");
    return JOIN(call, query, s("&X-Amz-Signature="), hex(call, mac));
}
