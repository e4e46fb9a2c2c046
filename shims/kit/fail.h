/* SPDX-License-Identifier: Apache-2.0 */
/* Saying what went wrong, and where. */
#ifndef SHIM_FAIL_H
#define SHIM_FAIL_H

#include <farmiq/error.h>

/* Fill `error`, which may be NULL: the field (cut to what fits) and a sentence without
 * values. Returns `code`. */
int shim_fail(struct farmiq_error *error, int code, const char *field, const char *format,
              ...) __attribute__((format(printf, 4, 5)));

#endif
