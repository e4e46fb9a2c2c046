/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_BASE_H
#define FARMIQ_BASE_H

#include <stddef.h>
#include <stdint.h>

/** # The contract every farmiq header keeps
 *
 * Read this once; the other headers only say where they differ.
 *
 * **Purity.** Nothing here opens a file or a socket, reads a clock, draws a
 * random number, allocates, logs, or keeps a global. Time and entropy are
 * arguments. (Only `store_sqlite.h` and `store_pg.h` do I/O.)
 *
 * **Threads.** Functions are reentrant. An object may be used by one thread at
 * a time; different objects never share state.
 *
 * **Ownership.** Pointers are borrowed for the call. A `farmiq_str` in an
 * output struct points into the buffer the caller passed in, and dies with it.
 * `init`/`fini` work on the caller's memory; `open`/`close` own theirs.
 *
 * **Returns.** 0 done; negative: failed, pass it on; positive: an answer that
 * this function documents and the caller must handle. On failure outputs are
 * untouched unless said otherwise. NULL where an object is required is
 * FARMIQ_E_ARG, never a crash.
 *
 * **Units** are the last word of a name: `_unix_ms` (UTC milliseconds since
 * 1970), `_ms` (duration), `_kg`, `_g`, `_pct`, `_bytes`. No unit: a count.
 *
 * **Growth.** A struct whose first member is `size` may gain members at its
 * end. Its `_init` function sets `size` and the defaults; the library reads and
 * writes no byte beyond `size`. Such a struct is never embedded in another and
 * never put in an array that crosses the API.
 *
 * **Foreign callers.** Only fixed-width integers, `size_t`, `double` and
 * pointers cross the API: no bit-fields, no `bool`, no enum-typed member, no
 * struct by value, no varargs, no macro that has no function twin.
 */

#if defined(__GNUC__)
#define FARMIQ_API __attribute__((visibility("default")))
#define FARMIQ_MUST_USE __attribute__((warn_unused_result))
#else
#define FARMIQ_API
#define FARMIQ_MUST_USE
#endif

#ifdef __cplusplus
#define FARMIQ_BEGIN extern "C" {
#define FARMIQ_END }
#else
#define FARMIQ_BEGIN
#define FARMIQ_END
#endif

FARMIQ_BEGIN

/** Borrowed bytes, not NUL-terminated. `ptr` may be NULL only when `len` is 0.
 * Frozen: this struct will never grow. */
struct farmiq_str {
    const char *ptr;
    size_t len;
};

FARMIQ_END

#endif
