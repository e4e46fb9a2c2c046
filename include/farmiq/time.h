/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_TIME_H
#define FARMIQ_TIME_H

#include <farmiq/base.h>

FARMIQ_BEGIN

#define FARMIQ_TIME_STRLEN 24 /* "2025-01-01T10:00:00.000Z", without the NUL */

/** Read an RFC 3339 timestamp (RFC 3339, section 5.6): years 1970 to 9999, any
 * offset, any number of fraction digits (truncated to milliseconds), `T` and `Z`
 * in either case. A leap second (":60") is read as the last millisecond of its
 * minute when that minute is 23:59 UTC, and refused elsewhere: a reading taken
 * during one is real and must not be lost, but Unix time has no place for it.
 *
 * Returns FARMIQ_OK; FARMIQ_E_SYNTAX (not RFC 3339); FARMIQ_E_RANGE (a field is
 * out of range, no such day, or the moment lies outside 1970..9999 in UTC). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_time_parse(const char *text, size_t len,
                                                 int64_t *unix_ms);

/** Write UTC with milliseconds and `Z`, NUL-terminated.
 * Returns FARMIQ_OK; FARMIQ_E_RANGE outside 1970..9999. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_time_format(int64_t unix_ms,
                                                  char out[FARMIQ_TIME_STRLEN + 1]);

FARMIQ_END

#endif
