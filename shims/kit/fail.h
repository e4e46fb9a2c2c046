/* SPDX-License-Identifier: Apache-2.0 */
/* Saying what went wrong, and where. */
#ifndef SHIM_FAIL_H
#define SHIM_FAIL_H

#include <farmiq/error.h>

/* Fill `error` with the field (cut to what fits), a sentence without values, and no
 * offset. NULL, or a caller's struct that is smaller than ours (farmiq/base.h), is left
 * alone. Returns `code`. */
int shim_fail(struct farmiq_error *error, int code, const char *field, const char *format,
              ...) __attribute__((format(printf, 4, 5)));

#endif
