/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON into the caller's buffer, compact and in the order of the calls. */
#include <farmiq/time.h>

#include "json_private.h"

void farmiq_json_begin(struct farmiq_json_writer *w, char *buf, size_t buf_bytes)
{
    if (!w)
        return;
    memset(w, 0, sizeof *w);
    w->buf = buf;
    w->buf_bytes = buf ? buf_bytes : 0;
}

static void fail(struct farmiq_json_writer *w, int code)
{
    if (w->failed == FARMIQ_OK)
        w->failed = code;
}

/* Past the end of the buffer only the length goes on, to tell what is needed. */
static void put(struct farmiq_json_writer *w, const char *text, size_t len)
{
    if (w->len < w->buf_bytes)
        memcpy(w->buf + w->len, text,
               len < w->buf_bytes - w->len ? len : w->buf_bytes - w->len);
    w->len += len;
}

static void put_byte(struct farmiq_json_writer *w, char byte)
{
    if (w->len < w->buf_bytes)
        w->buf[w->len] = byte;
    w->len++;
}

static uint64_t depth_bit(const struct farmiq_json_writer *w)
{
    return (uint64_t)1 << w->depth;
}

static int is_in_object(const struct farmiq_json_writer *w)
{
    return (w->object & depth_bit(w)) != 0;
}

static void before_value(struct farmiq_json_writer *w)
{
    if (w->comma & depth_bit(w))
        put_byte(w, ',');
    w->comma |= depth_bit(w);
}

static void put_value(struct farmiq_json_writer *w, const char *text, size_t len)
{
    if (!w)
        return;
    before_value(w);
    put(w, text, len);
}

void farmiq_json_open(struct farmiq_json_writer *w, char bracket)
{
    if (!w)
        return;
    if (bracket != '{' && bracket != '[') {
        fail(w, FARMIQ_E_ARG);
    } else if (w->depth == FARMIQ_JSON_MAX_DEPTH) {
        fail(w, FARMIQ_E_RANGE);
    } else {
        put_value(w, &bracket, 1);
        w->depth++;
        w->comma &= ~depth_bit(w);
        w->object &= ~depth_bit(w);
        if (bracket == '{')
            w->object |= depth_bit(w);
    }
}

void farmiq_json_close(struct farmiq_json_writer *w, char bracket)
{
    if (!w)
        return;
    if (w->depth == 0 || bracket != (is_in_object(w) ? '}' : ']')) {
        fail(w, FARMIQ_E_ARG);
        return;
    }
    put_byte(w, bracket);
    w->depth--;
}

static const char *short_escape(unsigned char c)
{
    static const char *const escapes[] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t",
    };

    return c < sizeof escapes / sizeof *escapes ? escapes[c] : NULL;
}

static void put_escaped(struct farmiq_json_writer *w, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char unit[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
    const char *escape = short_escape(c);

    if (escape)
        put(w, escape, 2);
    else
        put(w, unit, sizeof unit);
}

static int needs_escape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Eight bytes of ASCII of which none needs an escape? Of each such byte the top bit stays
 * off, and off after taking away a space, or 1 from what the byte and a quote or a
 * backslash differ in. */
static int is_word_plain(const char *text)
{
    uint64_t word, not_quote, not_backslash;

    memcpy(&word, text, sizeof word);
    not_quote = word ^ EACH_BYTE * '"';
    not_backslash = word ^ EACH_BYTE * '\\';
    return !((word | (word - EACH_BYTE * 0x20) | (not_quote - EACH_BYTE) |
              (not_backslash - EACH_BYTE)) &
             EACH_BYTE * 0x80);
}

/* How much of the text is written as it is: nearly always all of it. */
static size_t plain_prefix(struct farmiq_str text)
{
    size_t at = 0;

    while (at + 8 <= text.len && is_word_plain(text.ptr + at))
        at += 8;
    if (at >= 8 && at + 8 > text.len && is_word_plain(text.ptr + text.len - 8))
        return text.len;
    while (at < text.len && (unsigned char)text.ptr[at] < 0x80 &&
           !needs_escape((unsigned char)text.ptr[at]))
        at++;
    return at;
}

/* What our reader refuses is not written. */
static int is_writable(struct farmiq_str text)
{
    return farmiq__utf8_check(text.ptr, text.len) == text.len &&
           !memchr(text.ptr, 0, text.len);
}

static void put_from(struct farmiq_json_writer *w, struct farmiq_str text, size_t plain)
{
    size_t from = 0;

    for (size_t i = plain; i < text.len; i++)
        if (needs_escape((unsigned char)text.ptr[i])) {
            put(w, text.ptr + from, i - from);
            put_escaped(w, (unsigned char)text.ptr[i]);
            from = i + 1;
        }
    put(w, text.ptr + from, text.len - from);
}

void farmiq_json_str(struct farmiq_json_writer *w, struct farmiq_str text)
{
    size_t plain;

    if (!w)
        return;
    if (!text.ptr)
        text = farmiq__str("", 0);
    plain = plain_prefix(text);
    if (plain < text.len && !is_writable(text))
        fail(w, FARMIQ_E_RANGE);
    before_value(w);
    put_byte(w, '"');
    put_from(w, text, plain);
    put_byte(w, '"');
}

void farmiq_json_text(struct farmiq_json_writer *w, const char *text)
{
    farmiq_json_str(w, farmiq__str(text, text ? strlen(text) : 0));
}

void farmiq_json_key(struct farmiq_json_writer *w, const char *key)
{
    if (!w)
        return;
    if (!key || !is_in_object(w)) {
        fail(w, FARMIQ_E_ARG);
        return;
    }
    farmiq_json_text(w, key);
    put_byte(w, ':');
    w->comma &= ~depth_bit(w);
}

void farmiq_json_int(struct farmiq_json_writer *w, int64_t value)
{
    char text[20]; /* "-9223372036854775808" */
    char *at = text + sizeof text;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--at = '-';
    put_value(w, at, (size_t)(text + sizeof text - at));
}

void farmiq_json_double(struct farmiq_json_writer *w, double value)
{
    char text[FARMIQ__NUMBER_STRLEN + 1];

    if (!w)
        return;
    if (value - value != 0) /* infinite, or not a number */
        fail(w, FARMIQ_E_RANGE);
    else
        put_value(w, text, farmiq__number_format(value, text));
}

void farmiq_json_bool(struct farmiq_json_writer *w, int value)
{
    put_value(w, value ? "true" : "false", value ? 4 : 5);
}

void farmiq_json_null(struct farmiq_json_writer *w) { put_value(w, "null", 4); }

void farmiq_json_time(struct farmiq_json_writer *w, int64_t unix_ms)
{
    char text[FARMIQ_TIME_STRLEN + 1];

    if (!w)
        return;
    if (farmiq_time_format(unix_ms, text) != FARMIQ_OK)
        fail(w, FARMIQ_E_RANGE);
    else
        farmiq_json_str(w, farmiq__str(text, FARMIQ_TIME_STRLEN));
}

void farmiq_json_raw(struct farmiq_json_writer *w, struct farmiq_str json)
{
    if (w && (!json.ptr || json.len == 0))
        fail(w, FARMIQ_E_ARG);
    else
        put_value(w, json.ptr, json.len);
}

void farmiq__json_optional(struct farmiq_json_writer *w, const char *key,
                           struct farmiq_str text)
{
    if (text.len == 0)
        return;
    farmiq_json_key(w, key);
    farmiq_json_str(w, text);
}

int farmiq_json_end(struct farmiq_json_writer *w, size_t *len)
{
    if (!w || !len)
        return FARMIQ_E_ARG;
    if (w->depth != 0)
        fail(w, FARMIQ_E_ARG);
    if (w->failed != FARMIQ_OK)
        return w->failed;
    *len = w->len;
    if (w->len >= w->buf_bytes)
        return FARMIQ_E_NOSPACE;
    w->buf[w->len] = '\0';
    return FARMIQ_OK;
}
