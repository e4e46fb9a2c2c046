/* SPDX-License-Identifier: Apache-2.0 */
/* What yajl does not look at: UTF-8 in full (RFC 3629), and escapes that no UTF-8
 * text can hold (a NUL, half a surrogate pair), which PostgreSQL's jsonb refuses. */
#include "json_private.h"

/* ## UTF-8 */

static int in_range(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

/* The rows of RFC 3629, section 4: which second byte may follow which first byte.
 * They exclude overlong forms, surrogates and everything past U+10FFFF. */
static const struct {
    unsigned char first_low, first_high, second_low, second_high, bytes;
} sequences[] = {
    { 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
    { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
    { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
    { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
    { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* The length of the sequence at `text`, or 0 if there is none. */
static size_t sequence(const unsigned char *text, size_t len)
{
    size_t row = 0, bytes;

    while (!in_range(*text, sequences[row].first_low, sequences[row].first_high))
        if (++row == COUNT(sequences))
            return 0;
    bytes = sequences[row].bytes;
    if (bytes > len)
        return 0;
    if (bytes > 1 &&
        !in_range(text[1], sequences[row].second_low, sequences[row].second_high))
        return 0;
    for (size_t i = 2; i < bytes; i++)
        if (!in_range(text[i], 0x80, 0xbf))
            return 0;
    return bytes;
}

static uint64_t high_bits(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof word);
    return word & UINT64_C(0x8080808080808080);
}

/* Nearly every message is ASCII: find that out 32 bytes at a time. */
static size_t ascii_prefix(const char *text, size_t len)
{
    size_t at = 0;

    while (at + 32 <= len && !(high_bits(text + at) | high_bits(text + at + 8) |
                               high_bits(text + at + 16) | high_bits(text + at + 24)))
        at += 32;
    return at;
}

size_t farmiq__utf8_check(const char *text, size_t len)
{
    size_t at = ascii_prefix(text, len), bytes;

    while (at < len) {
        bytes = sequence((const unsigned char *)text + at, len - at);
        if (bytes == 0)
            return at;
        at += bytes;
    }
    return len;
}

/* ## Plain text */

#define LANES 32

/* Each byte by itself and without a branch, so that the compiler makes vectors of it. */
static void look_at(const char *text, int count, unsigned char special[LANES])
{
    for (int i = 0; i < count; i++) {
        unsigned char c = (unsigned char)text[i];

        special[i] |=
            (unsigned char)((c & 0x80) | -(c == '\\') | -(c == '\v') | -(c == '\f'));
    }
}

int farmiq__json_is_plain(const char *text, size_t len)
{
    unsigned char special[LANES] = { 0 }, any = 0;
    size_t at = 0;

    for (; at + LANES <= len; at += LANES)
        look_at(text + at, LANES, special);
    if (len >= LANES)
        look_at(text + len - LANES, LANES, special); /* some for the second time */
    else
        look_at(text, (int)len, special);
    for (int i = 0; i < LANES; i++)
        any |= special[i];
    return !any;
}

/* ## Escapes */

static const char escape_names[] = "\"\\/bfnrt";
static const char escape_bytes[] = "\"\\/\b\f\n\r\t";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* The unit of a \uXXXX at `text`, or -1 if there is none. */
static int32_t hex_unit(const char *text, size_t len)
{
    int32_t unit = 0;

    if (len < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static int is_high(int32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
static int is_low(int32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

/* A character of a string as it is written: its code point (a raw byte stands for
 * itself), how many bytes it takes, and what is wrong with it. */
struct character {
    int32_t code;
    size_t bytes; /* 0: not JSON */
    const char *fault;
};

static struct character unicode_escape(const char *text, size_t len)
{
    struct character c = { hex_unit(text, len), 6, NULL };
    int32_t low;

    if (c.code < 0) {
        c.bytes = 0;
    } else if (c.code == 0) {
        c.fault = "has the character U+0000";
    } else if (is_high(c.code)) {
        low = hex_unit(text + 6, len - 6);
        if (is_low(low)) {
            c.code = 0x10000 + ((c.code - 0xd800) << 10) + (low - 0xdc00);
            c.bytes = 12;
        } else {
            c.fault = "has half a surrogate pair";
        }
    } else if (is_low(c.code)) {
        c.fault = "has half a surrogate pair";
    }
    return c;
}

static struct character character(const char *text, size_t len)
{
    struct character c = { (unsigned char)*text, 1, NULL };
    const char *name;

    if (c.code < 0x20)
        c.bytes = 0;
    if (c.code != '\\')
        return c;
    if (len > 1 && text[1] == 'u')
        return unicode_escape(text, len);
    name = len > 1 ? memchr(escape_names, text[1], sizeof escape_names - 1) : NULL;
    c.code = name ? escape_bytes[name - escape_names] : 0;
    c.bytes = name ? 2 : 0;
    return c;
}

int farmiq__json_string_end(struct farmiq_str text, size_t at, size_t *end, int *escaped,
                            struct farmiq__json_fault *fault)
{
    *escaped = 0;
    while (at < text.len && text.ptr[at] != '"') {
        struct character c = character(text.ptr + at, text.len - at);

        if (c.bytes == 0)
            break;
        if (c.fault && !fault->detail) {
            fault->code = FARMIQ_E_SCHEMA;
            fault->offset = farmiq__json_offset(at);
            fault->detail = c.fault;
        }
        *escaped |= text.ptr[at] == '\\';
        at += c.bytes;
    }
    *end = at;
    return at < text.len && text.ptr[at] == '"' ? FARMIQ_OK : FARMIQ_E_SYNTAX;
}

static size_t put_utf8(int32_t code, char *out)
{
    static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = bytes; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(marks[bytes] | code);
    return bytes;
}

/* The next character of a checked string; returns how many bytes it decodes to. */
static size_t decode_one(struct farmiq_str raw, size_t *at, char out[4])
{
    struct character c;

    if (raw.ptr[*at] != '\\') {
        out[0] = raw.ptr[(*at)++];
        return 1;
    }
    c = character(raw.ptr + *at, raw.len - *at);
    *at += c.bytes;
    return put_utf8(c.code, out);
}

int farmiq__json_string_is(struct farmiq_str raw, struct farmiq_str name)
{
    size_t at = 0, compared = 0, bytes;
    char text[4];

    while (at < raw.len) {
        bytes = decode_one(raw, &at, text);
        if (bytes > name.len - compared || memcmp(name.ptr + compared, text, bytes) != 0)
            return 0;
        compared += bytes;
    }
    return compared == name.len;
}

size_t farmiq__json_string_decode(struct farmiq_str raw, char *out)
{
    size_t at = 0, len = 0;

    while (at < raw.len)
        len += decode_one(raw, &at, out + len);
    return len;
}
