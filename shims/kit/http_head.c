/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request: judged before anything believes it, and copied.
 *
 * libmicrohttpd 0.9.75 is older than RFC 9112 and lenient. What two parsers could read
 * differently (request smuggling, RFC 9112 section 11.2) is refused here. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kit/http_private.h"

static int says(struct farmiq_str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

/* ## Grammar */

/* RFC 9110 5.6.2. A blank before the colon is how smugglers write a header's name. */
static int is_token(struct farmiq_str text)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        int alphanumeric = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!alphanumeric && !memchr(marks, c, sizeof marks - 1))
            return 0;
    }
    return text.len > 0;
}

/* RFC 9110 5.5: visible bytes, blanks and tabs. */
static int is_field_value(struct farmiq_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return 0;
    }
    return 1;
}

/* Bytes of the UTF-8 sequence at `at`, 0 if it is none (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
static size_t utf8_sequence(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char first, last, low, high, len; /* lead bytes; range of the second */
    } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (at[0] < forms[f].first || at[0] > forms[f].last)
            continue;
        if (forms[f].len > left)
            return 0;
        if (forms[f].len > 1 && (at[1] < forms[f].low || at[1] > forms[f].high))
            return 0;
        for (size_t i = 2; i < forms[f].len; i++)
            if ((at[i] & 0xc0) != 0x80)
                return 0;
        return forms[f].len;
    }
    return 0;
}

static int is_utf8(struct farmiq_str text)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        n = utf8_sequence((const unsigned char *)text.ptr + i, text.len - i);
        if (n == 0)
            return 0;
    }
    return 1;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode into `*cursor`, which moves behind the text. 0, or -1: a broken escape, a NUL
 * or broken UTF-8. */
static int decode(struct farmiq_str in, int plus_is_space, char **cursor,
                  struct farmiq_str *out)
{
    char *to = *cursor;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_digit(in.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(in.ptr[i + 2]) : -1;
            if (low < 0)
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *to++ = c;
    }
    *out = (struct farmiq_str){ *cursor, (size_t)(to - *cursor) };
    *cursor = to;
    return is_utf8(*out) ? 0 : -1;
}

/* A dot segment, however it was spelled, walks out of where a route put it. */
static int has_dot_segment(struct farmiq_str path)
{
    for (size_t begin = 1, i = 1; i <= path.len; i++) {
        if (i < path.len && path.ptr[i] != '/')
            continue;
        struct farmiq_str segment = { path.ptr + begin, i - begin };
        if (says(segment, ".") || says(segment, ".."))
            return 1;
        begin = i + 1;
    }
    return 0;
}

/* ## Framing */

/* Said twice, these mean one thing to us and another to a proxy in front. */
static const char *const singletons[] = {
    "content-length",   "transfer-encoding", "content-encoding", "host",
    "authorization",    "x-api-key",         "x-tenant-id",      "x-edge-id",
    "x-edge-timestamp", "x-edge-signature",
};

static uint32_t count_of(const struct shim__http_raw_head *raw, const char *name,
                         struct farmiq_str *value)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < raw->header_count; i++)
        if (says(raw->headers[i].name, name)) {
            *value = raw->headers[i].value;
            count++;
        }
    return count;
}

static int is_digits(struct farmiq_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
    return text.len > 0;
}

/* RFC 9112 6.1 to 6.3: exactly one way to know where the body ends. */
static const struct shim__http_refusal *
judge_framing(const struct shim__http_raw_head *raw)
{
    struct farmiq_str value = { 0 }, length = { 0 }, coding = { 0 };
    int has_length, has_coding;

    for (size_t i = 0; i < sizeof singletons / sizeof *singletons; i++)
        if (count_of(raw, singletons[i], &value) > 1)
            return &shim__http_said_twice;
    has_length = count_of(raw, "content-length", &length) > 0;
    has_coding = count_of(raw, "transfer-encoding", &coding) > 0;
    if (has_length && (has_coding || !is_digits(length)))
        return &shim__http_bad_framing;
    if (has_coding && !says(raw->version, "HTTP/1.1"))
        return &shim__http_bad_framing;
    return has_coding && !says(coding, "chunked") ? &shim__http_bad_coding : NULL;
}

static const struct shim__http_refusal *judge(const struct shim__http_raw_head *raw)
{
    if (!is_token(raw->method))
        return &shim__http_bad_head;
    for (uint32_t i = 0; i < raw->header_count; i++)
        if (!is_token(raw->headers[i].name) || !is_field_value(raw->headers[i].value))
            return &shim__http_bad_head;
    return judge_framing(raw);
}

/* ## The copy */

static struct farmiq_str keep(char **cursor, struct farmiq_str text)
{
    struct farmiq_str kept = { *cursor, text.len };

    memcpy(*cursor, text.ptr, text.len);
    *cursor += text.len;
    return kept;
}

static uint32_t count_pairs(struct farmiq_str query)
{
    uint32_t count = query.len > 0;

    for (size_t i = 0; i < query.len; i++)
        count += query.ptr[i] == '&';
    return count;
}

/* Cut `text` at the first `mark`; what follows it goes to `rest`. */
static struct farmiq_str cut(struct farmiq_str text, char mark, struct farmiq_str *rest)
{
    const char *at = text.len ? memchr(text.ptr, mark, text.len) : NULL;
    size_t len = at ? (size_t)(at - text.ptr) : text.len;

    *rest =
        at ? (struct farmiq_str){ at + 1, text.len - len - 1 } : (struct farmiq_str){ 0 };
    return (struct farmiq_str){ text.ptr, len };
}

static int read_query(struct shim__http_head *head, struct farmiq_str query,
                      char **cursor)
{
    while (query.len) {
        struct shim__http_field *pair = &head->query[head->query_count];
        struct farmiq_str value, name = cut(cut(query, '&', &query), '=', &value);
        if (decode(name, 1, cursor, &pair->name) < 0 ||
            decode(value, 1, cursor, &pair->value) < 0)
            return -1;
        head->query_count++;
    }
    return 0;
}

/* RFC 9112 3.2: origin form, or the absolute form, whose authority says nothing new. */
static struct farmiq_str origin_form(struct farmiq_str target)
{
    static const char *const schemes[] = { "http://", "https://" };

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (target.len <= len || strncasecmp(target.ptr, schemes[i], len) != 0)
            continue;
        for (; len < target.len; len++)
            if (target.ptr[len] == '/')
                return (struct farmiq_str){ target.ptr + len, target.len - len };
    }
    return target;
}

static int is_target(struct farmiq_str target)
{
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.ptr[i] <= 0x20 || target.ptr[i] == 0x7f ||
            target.ptr[i] == '#')
            return 0;
    return target.len > 0 && target.ptr[0] == '/';
}

static const struct shim__http_refusal *
read_target(struct shim__http_head *head, struct farmiq_str target, char **cursor)
{
    struct farmiq_str query;

    head->raw_path = keep(cursor, cut(target, '?', &query));
    if (decode(head->raw_path, 0, cursor, &head->path) < 0 || has_dot_segment(head->path))
        return &shim__http_bad_target;
    return read_query(head, query, cursor) < 0 ? &shim__http_bad_target : NULL;
}

static void read_headers(struct shim__http_head *head,
                         const struct shim__http_raw_head *raw, char **cursor)
{
    for (uint32_t i = 0; i < raw->header_count; i++) {
        head->headers[i].name = keep(cursor, raw->headers[i].name);
        head->headers[i].value = keep(cursor, raw->headers[i].value);
    }
    head->header_count = raw->header_count;
}

/* One block: both tables, then all the text. Decoding never lengthens. */
static char *make_memory(struct shim__http_head *head,
                         const struct shim__http_raw_head *raw, struct farmiq_str target)
{
    size_t fields = raw->header_count + (size_t)count_pairs(target);
    size_t text = raw->method.len + 2 * target.len + 1;

    for (uint32_t i = 0; i < raw->header_count; i++)
        text += raw->headers[i].name.len + raw->headers[i].value.len;
    head->memory = malloc(fields * sizeof(struct shim__http_field) + text);
    head->headers = head->memory;
    head->query = head->headers ? head->headers + raw->header_count : NULL;
    return head->headers ? (char *)(head->headers + fields) : NULL;
}

const struct shim__http_refusal *
shim__http_head_read(struct shim__http_head *head, const struct shim__http_raw_head *raw)
{
    static const struct farmiq_str get = { "GET", 3 };
    struct farmiq_str target = origin_form(raw->target);
    const struct shim__http_refusal *refusal = judge(raw);
    char *cursor;

    memset(head, 0, sizeof *head);
    if (!is_target(target))
        return &shim__http_bad_target;
    cursor = make_memory(head, raw, target);
    if (!cursor)
        return &shim__http_no_memory;
    head->method = keep(&cursor, says(raw->method, "HEAD") ? get : raw->method);
    read_headers(head, raw, &cursor); /* also of a refused one: for its trace id */
    return refusal ? refusal : read_target(head, target, &cursor);
}

void shim__http_head_free(struct shim__http_head *head)
{
    free(head->memory);
    memset(head, 0, sizeof *head);
}

/* ## Questions */

struct farmiq_str shim__http_head_header(const struct shim__http_head *head,
                                         const char *name)
{
    for (uint32_t i = 0; i < head->header_count; i++)
        if (says(head->headers[i].name, name))
            return head->headers[i].value;
    return (struct farmiq_str){ 0 };
}

struct farmiq_str shim__http_head_query(const struct shim__http_head *head,
                                        const char *name)
{
    size_t len = strlen(name);

    for (uint32_t i = 0; i < head->query_count; i++)
        if (head->query[i].name.len == len &&
            memcmp(head->query[i].name.ptr, name, len) == 0)
            return head->query[i].value;
    return (struct farmiq_str){ 0 };
}
