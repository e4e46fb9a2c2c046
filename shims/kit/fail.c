/* SPDX-License-Identifier: Apache-2.0 */
/* Saying what went wrong, and where. */
#include "kit/fail.h"

#include <stdarg.h>
#include <stdio.h>

int shim_fail(struct farmiq_error *error, int code, const char *field, const char *format,
              ...)
{
    va_list args;

    if (!error || error->size < sizeof *error)
        return code;
    error->code = code;
    error->offset = FARMIQ_NO_OFFSET;
    snprintf(error->field, sizeof error->field, "%.*s", (int)sizeof error->field - 1,
             field);
    va_start(args, format);
    vsnprintf(error->detail, sizeof error->detail, format, args);
    va_end(args);
    return code;
}
