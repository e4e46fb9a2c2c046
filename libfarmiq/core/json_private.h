/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as the core's own files use it: one pass, wanted members, lists. */
#ifndef FARMIQ_CORE_JSON_PRIVATE_H
#define FARMIQ_CORE_JSON_PRIVATE_H

#include <farmiq/json.h>

#include "arena.h"
#include "private.h"

/* What the parser itself needs of the caller's scratch, whatever the text: its
 * handle, its lexer and, once a string has an escape, one buffer of 2 KiB. */
#define FARMIQ__JSON_PARSER_BYTES 3072
#define FARMIQ__JSON_SCRATCH_BYTES 4096

/* ## Text */

/* The offset of the first byte that is not UTF-8 (RFC 3629), or `len`. */
size_t farmiq__utf8_check(const char *text, size_t len);

/* Only ASCII, and nothing that asks for a closer look: no escape, and none of the bytes
 * that yajl takes for white space and RFC 8259 does not. Nearly every message is. */
int farmiq__json_is_plain(const char *text, size_t len);

/* A fault in the meaning of otherwise well-formed JSON. */
struct farmiq__json_fault {
    int code;
    uint32_t offset;
    const char *field;
    const char *detail; /* NULL: no fault */
};

/* Walk a string from its first byte to its closing quote. Sets `*end` (of the
 * quote) and whether there were escapes. A string that ends without a quote, an
 * unknown escape or a control byte is E_SYNTAX; text that no UTF-8 string can hold
 * is left in `fault` and the walk goes on. */
int farmiq__json_string_end(struct farmiq_str text, size_t at, size_t *end, int *escaped,
                            struct farmiq__json_fault *fault);

/* Does this raw text, escapes included, decode to `name`? */
int farmiq__json_string_is(struct farmiq_str raw, struct farmiq_str name);

/* Decode a checked string. `out` has room for `raw.len` bytes; the length. */
size_t farmiq__json_string_decode(struct farmiq_str raw, char *out);

/* ## Numbers */

#define FARMIQ__NUMBER_MAX_BYTES 512
#define FARMIQ__NUMBER_STRLEN 25 /* "-1.2345678901234567e-308" and a NUL */

/* `text` follows the JSON grammar. FARMIQ_E_RANGE if it is longer than
 * FARMIQ__NUMBER_MAX_BYTES or no double is near it. */
int farmiq__number_parse(const char *text, size_t len, double *value);

/* The shortest text that reads back to `value`, which is finite. The length. */
size_t farmiq__number_format(double value, char out[FARMIQ__NUMBER_STRLEN + 1]);

/* A count. FARMIQ_E_RANGE if `number` is not a whole number of 32 bits. */
int farmiq__number_to_uint32(double number, uint32_t *count);

/* ## One pass over a text */

/* The members wanted of an object. `names` fill in those of `first`. */
struct farmiq__json_members {
    struct farmiq_json_member *first;
    const struct farmiq_str *names; /* NUL-terminated, too */
    uint32_t count;
};

#define FARMIQ__JSON_NAME(literal)                                                       \
    {                                                                                    \
        literal, sizeof(literal) - 1                                                     \
    }

struct farmiq__json_element {
    uint32_t index;
    uint32_t offset;
    int32_t type;
    struct farmiq_str text; /* raw */
};

/* A list to walk: the root itself, or one of its members. */
struct farmiq__json_list {
    const char *name; /* of the member; NULL: the root */
    /* What to take out of each element that is an object; refilled each time. */
    struct farmiq__json_members members;
    /* Not NULL: a fault inside an element is left here and spoils that element
     * only. Cleared before the next one. */
    struct farmiq__json_fault *forgiven;
    /* After each element. A result other than 0 ends the walk. */
    int (*element)(void *ctx, const struct farmiq__json_element *element);
    void *ctx;
};

struct farmiq__json_job {
    struct farmiq_str text;
    int32_t root; /* FARMIQ_JSON_OBJECT or FARMIQ_JSON_ARRAY */
    struct farmiq__json_members members;
    struct farmiq__json_fault *forgiven;  /* as in a list: a fault outside of it */
    const struct farmiq__json_list *list; /* may be NULL */
    struct farmiq__arena *arena;          /* for the parser and for decoded text */
    struct farmiq_error *error;           /* may be NULL */
};

/* Spec edge 2.5, D-05: null is the same as no member. */
static inline int farmiq__json_is_given(const struct farmiq_json_member *member)
{
    return member->type > FARMIQ_JSON_NULL;
}

/* Nothing but white space? */
int farmiq__json_is_blank(const char *text, size_t len);

/* Check the whole text and take out what is wanted. Codes: farmiq_json_members(). */
int farmiq__json_read(const struct farmiq__json_job *job);

/* ## Writing */

/* A string member; left out if it is empty. */
void farmiq__json_optional(struct farmiq_json_writer *w, const char *key,
                           struct farmiq_str text);

static inline uint32_t farmiq__json_offset(size_t offset)
{
    return offset < FARMIQ_NO_OFFSET ? (uint32_t)offset : FARMIQ_NO_OFFSET;
}

#endif
