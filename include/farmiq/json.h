/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_JSON_H
#define FARMIQ_JSON_H

#include <farmiq/base.h>
#include <farmiq/error.h>

FARMIQ_BEGIN

#define FARMIQ_JSON_MAX_DEPTH 32

/** The small part of JSON (RFC 8259) that a message path needs: take named
 * members out of an object, walk an array, write a bounded document. There is no
 * tree. Everything is checked before it is believed: one value and nothing after
 * it, depth FARMIQ_JSON_MAX_DEPTH, valid UTF-8, no \u0000, no lone surrogate, no
 * number outside the range of a double, longer than 512 bytes or with an exponent of
 * more than three digits: PostgreSQL's jsonb can store all that gets through. */

enum farmiq_json_type {
    FARMIQ_JSON_ABSENT = 0,
    FARMIQ_JSON_NULL = 1,
    FARMIQ_JSON_BOOL = 2, /* number is 0 or 1 */
    FARMIQ_JSON_NUMBER = 3,
    FARMIQ_JSON_STRING = 4,
    FARMIQ_JSON_ARRAY = 5,
    FARMIQ_JSON_OBJECT = 6
};

/** One wanted member. The caller sets `name`; the reader sets the rest. Frozen. */
struct farmiq_json_member {
    const char *name;
    int32_t type;           /* enum farmiq_json_type */
    uint32_t offset;        /* of the value in the input */
    struct farmiq_str text; /* STRING: decoded; else the raw text of the value */
    double number;          /* NUMBER, BOOL */
};

/** Take the named top-level members out of the object `json`. Members not named
 * are checked and skipped; a named member that comes twice is refused. Strings
 * without escapes point into `json`; decoded ones live in `scratch`, which must
 * outlive the result and be aligned for int64_t. 4096 bytes suffice for 32 members,
 * and as many more as the wanted strings with escapes are long; what is skipped
 * costs nothing, however long.
 *
 * Returns FARMIQ_OK (absent members have type ABSENT); FARMIQ_E_SYNTAX (not
 * JSON); FARMIQ_E_SCHEMA (not an object, a duplicate, \u0000, lone surrogate);
 * FARMIQ_E_RANGE (too deep, number too large); FARMIQ_E_NOSPACE (scratch);
 * FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_json_members(const char *json, size_t json_bytes,
                                                   struct farmiq_json_member *members,
                                                   uint32_t member_count, void *scratch,
                                                   size_t scratch_bytes,
                                                   struct farmiq_error *error);

/** Called for each element, in order, with its raw text. A result other than 0
 * ends the walk and is returned by it. */
typedef int (*farmiq_json_element_fn)(void *ctx, uint32_t index, const char *json,
                                      size_t json_bytes);

/** Walk the elements of the array `json`. The whole text is checked before the
 * first call. Codes as in farmiq_json_members(), and what `element` returned. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_json_each(const char *json, size_t json_bytes,
                                                farmiq_json_element_fn element, void *ctx,
                                                void *scratch, size_t scratch_bytes,
                                                struct farmiq_error *error);

/** A writer into the caller's buffer. It puts commas where they belong. Running
 * out of space is remembered, not reported at each call, and so are a bracket that
 * closes something else and a key outside of an object: ask farmiq_json_end(), which
 * also says how much it would have taken. Frozen. */
struct farmiq_json_writer {
    char *buf;
    size_t buf_bytes;
    size_t len;      /* bytes the document needs so far, also past buf_bytes */
    uint64_t comma;  /* bit per depth: the next value needs a comma first */
    uint64_t object; /* bit per depth: it is an object, and } closes it */
    uint32_t depth;
    int32_t failed; /* FARMIQ_E_*: misuse, or a value that JSON cannot hold */
};

FARMIQ_API void farmiq_json_begin(struct farmiq_json_writer *w, char *buf,
                                  size_t buf_bytes);
FARMIQ_API void farmiq_json_open(struct farmiq_json_writer *w, char bracket); /* { or [ */
FARMIQ_API void farmiq_json_close(struct farmiq_json_writer *w,
                                  char bracket); /* } or ] */
FARMIQ_API void farmiq_json_key(struct farmiq_json_writer *w, const char *key);
FARMIQ_API void farmiq_json_str(struct farmiq_json_writer *w, struct farmiq_str text);
FARMIQ_API void farmiq_json_text(struct farmiq_json_writer *w, const char *text);
FARMIQ_API void farmiq_json_int(struct farmiq_json_writer *w, int64_t value);
/** The shortest decimal that reads back to the same double; not finite: E_RANGE. */
FARMIQ_API void farmiq_json_double(struct farmiq_json_writer *w, double value);
FARMIQ_API void farmiq_json_bool(struct farmiq_json_writer *w, int value);
FARMIQ_API void farmiq_json_null(struct farmiq_json_writer *w);
/** A moment, as FARMIQ_TIME text in quotes. */
FARMIQ_API void farmiq_json_time(struct farmiq_json_writer *w, int64_t unix_ms);
/** Text that is JSON already and has been checked as such. */
FARMIQ_API void farmiq_json_raw(struct farmiq_json_writer *w, struct farmiq_str json);
/** NUL-terminates. Returns FARMIQ_OK; FARMIQ_E_NOSPACE (`*len` is what it needs,
 * without the NUL); FARMIQ_E_RANGE or FARMIQ_E_ARG (misuse). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_json_end(struct farmiq_json_writer *w, size_t *len);

FARMIQ_END

#endif
