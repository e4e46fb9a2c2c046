/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_ERROR_H
#define FARMIQ_ERROR_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** Result codes. Values are part of the ABI: never renumbered, never reused. */
enum farmiq_result {
    FARMIQ_OK = 0,

    /* Answers: positive, local to the function that documents them. */
    FARMIQ_DUPLICATE = 1, /* seen before within the window */
    FARMIQ_UNCHANGED = 2, /* legal replay; state is already there */
    FARMIQ_NONE = 3,      /* nothing matched */
    FARMIQ_UNDEFINED = 4, /* the quantity does not exist for these inputs */
    FARMIQ_EXHAUSTED = 5, /* no attempts left */
    FARMIQ_CONFLICT = 6,  /* same key, different content */

    /* Failures: negative, safe to return unchanged through any layer. */
    FARMIQ_E_ARG = -1,          /* caller bug: NULL, wrong size, bad enum */
    FARMIQ_E_NOSPACE = -2,      /* the caller's buffer is too small */
    FARMIQ_E_SYNTAX = -3,       /* not the grammar it claims to be */
    FARMIQ_E_SCHEMA = -4,       /* well-formed, but breaks an envelope rule */
    FARMIQ_E_RANGE = -5,        /* a number outside its documented range */
    FARMIQ_E_STATE = -6,        /* transition the state table forbids */
    FARMIQ_E_TENANT = -7,       /* crosses a tenant boundary */
    FARMIQ_E_BUSY = -8,         /* try again later; nothing changed */
    FARMIQ_E_NOMEM = -9,        /* the store's allocator refused */
    FARMIQ_E_STORE = -10,       /* the store, or the system below it, failed */
    FARMIQ_E_UNSUPPORTED = -11, /* this build or backend has no such method */
    FARMIQ_E_UNREACHABLE = -12, /* the peer gave no answer at all */
    FARMIQ_E_REFUSED = -13      /* the peer understood, and said no for good */
};

#define FARMIQ_NO_OFFSET UINT32_MAX

/** Where and why an input was refused. Optional everywhere: pass NULL to skip.
 * Text is ASCII, NUL-terminated, one line, and never quotes payload values. */
struct farmiq_error {
    uint32_t size;
    int32_t code;    /* FARMIQ_E_* */
    uint32_t offset; /* byte in the input, or FARMIQ_NO_OFFSET */
    uint32_t reserved;
    char field[32];   /* e.g. "tenant_id"; empty if none */
    char detail[120]; /* e.g. "is longer than 128 bytes" */
};

FARMIQ_API void farmiq_error_init(struct farmiq_error *error, size_t size);

/** Stable identifier ("FARMIQ_E_SCHEMA"), for logs and metrics labels.
 * Static; never NULL: unknown codes give "FARMIQ_E_UNKNOWN". */
FARMIQ_API const char *farmiq_errname(int code);

/** One short sentence for people. Static; never NULL; may change wording. */
FARMIQ_API const char *farmiq_strerror(int code);

/** 1 if repeating the same call later can succeed (BUSY, NOMEM, STORE,
 * UNREACHABLE). */
FARMIQ_API int farmiq_err_is_retryable(int code);

FARMIQ_END

#endif
