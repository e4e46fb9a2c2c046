/* SPDX-License-Identifier: Apache-2.0 */
/* A second opinion: what JSON the library must accept, decided by recursive descent.
 * Written for clearness; it shares no line with the code under test. */
#ifndef TEST_JSON_CHECK_H
#define TEST_JSON_CHECK_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct check {
    const char *at;
    const char *end;
    int depth;
    int depth_max;
};

static int check_value(struct check *c);

static void check_space(struct check *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at) && *c->at)
        c->at++;
}

static int check_char(struct check *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return 0;
    c->at++;
    return 1;
}

static long check_hex(struct check *c)
{
    char text[5] = "";

    if (c->end - c->at < 4)
        return -1;
    memcpy(text, c->at, 4);
    c->at += 4;
    return strspn(text, "0123456789abcdefABCDEF") == 4 ? strtol(text, NULL, 16) : -1;
}

static int check_escape(struct check *c)
{
    long unit, low;

    if (c->at == c->end)
        return 0;
    if (*c->at != 'u')
        return *c->at && strchr("\"\\/bfnrt", *c->at++) != NULL;
    c->at++;
    unit = check_hex(c);
    if (unit <= 0)
        return 0;
    if (unit < 0xd800 || unit > 0xdfff)
        return 1;
    if (unit > 0xdbff || !check_char(c, '\\') || !check_char(c, 'u'))
        return 0;
    low = check_hex(c);
    return low >= 0xdc00 && low <= 0xdfff;
}

/* Decode, then encode: only the shortest form of a scalar value comes out the same. */
static int check_utf8(struct check *c)
{
    unsigned char first = (unsigned char)*c->at++;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    static const unsigned long least[] = { 0, 0x80, 0x800, 0x10000 };
    unsigned long code = first & (0x3fu >> more);

    if (first < 0x80)
        return 1;
    if (first < 0xc0 || first > 0xf7)
        return 0;
    for (int i = 0; i < more; i++) {
        if (c->at == c->end || ((unsigned char)*c->at & 0xc0) != 0x80)
            return 0;
        code = code << 6 | ((unsigned char)*c->at++ & 0x3f);
    }
    return code >= least[more] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static int check_string(struct check *c)
{
    if (!check_char(c, '"'))
        return 0;
    while (c->at < c->end && *c->at != '"') {
        if ((unsigned char)*c->at < 0x20)
            return 0;
        if (check_char(c, '\\') ? !check_escape(c) : !check_utf8(c))
            return 0;
    }
    return check_char(c, '"');
}

static int check_digits(struct check *c)
{
    const char *begin = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at > begin;
}

static int check_number(struct check *c)
{
    const char *begin = c->at;
    char text[64] = "";

    check_char(c, '-');
    if (!check_char(c, '0') && !check_digits(c))
        return 0;
    if (check_char(c, '.') && !check_digits(c))
        return 0;
    if (check_char(c, 'e') || check_char(c, 'E')) {
        if (!check_char(c, '-'))
            check_char(c, '+');
        if (!check_digits(c))
            return 0;
    }
    if ((size_t)(c->at - begin) >= sizeof text)
        return 0;
    memcpy(text, begin, (size_t)(c->at - begin));
    return isfinite(strtod(text, NULL)) &&
           (strtod(text, NULL) != 0 || strcspn(text, "123456789") >= strcspn(text, "eE"));
}

static int check_items(struct check *c, char close, int with_keys)
{
    c->at++;
    if (++c->depth > c->depth_max)
        return 0;
    check_space(c);
    if (!check_char(c, close)) {
        do {
            check_space(c);
            if (with_keys) {
                if (!check_string(c))
                    return 0;
                check_space(c);
                if (!check_char(c, ':'))
                    return 0;
            }
            if (!check_value(c))
                return 0;
            check_space(c);
        } while (check_char(c, ','));
        if (!check_char(c, close))
            return 0;
    }
    c->depth--;
    return 1;
}

static int check_word(struct check *c, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return 0;
    c->at += len;
    return 1;
}

static int check_value(struct check *c)
{
    check_space(c);
    if (c->at == c->end)
        return 0;
    switch (*c->at) {
    case '{':
        return check_items(c, '}', 1);
    case '[':
        return check_items(c, ']', 0);
    case '"':
        return check_string(c);
    case 't':
        return check_word(c, "true");
    case 'f':
        return check_word(c, "false");
    case 'n':
        return check_word(c, "null");
    default:
        return check_number(c);
    }
}

/* 1 if `text` is one JSON value whose first byte, spaces aside, is `first`. */
static int json_check(const char *text, size_t len, char first, int depth_max)
{
    struct check c = { text, text + len, 0, depth_max };

    check_space(&c);
    if (c.at == c.end || *c.at != first || !check_value(&c))
        return 0;
    check_space(&c);
    return c.at == c.end;
}

#endif
