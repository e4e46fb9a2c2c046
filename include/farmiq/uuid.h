/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_UUID_H
#define FARMIQ_UUID_H

#include <farmiq/base.h>

FARMIQ_BEGIN

#define FARMIQ_UUID_BYTES 16
#define FARMIQ_UUID_STRLEN 36        /* without the NUL */
#define FARMIQ_UUID_ENTROPY_BYTES 10 /* consumed by each v7 id */

/** Keeps ids from one source strictly increasing, even within a millisecond or
 * when the clock steps back. Zero it to start. Frozen: will never grow. */
struct farmiq_uuid_seq {
    int64_t last_unix_ms;
    uint32_t counter;
    uint32_t reserved;
};

/** Make a version 7 id. `entropy` must be unpredictable if ids must be.
 *
 * `seq` may be NULL, giving up the ordering guarantee.
 * Returns FARMIQ_OK; FARMIQ_E_RANGE if now_unix_ms is negative or over 2^48-1. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_uuid_v7(uint8_t out[FARMIQ_UUID_BYTES], struct farmiq_uuid_seq *seq,
               int64_t now_unix_ms, const uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES]);

/** Milliseconds carried by a v7 id. FARMIQ_UNDEFINED for other versions. */
FARMIQ_API int farmiq_uuid_time(const uint8_t id[FARMIQ_UUID_BYTES], int64_t *unix_ms);

/** Text form, lower case, NUL-terminated. */
FARMIQ_API int farmiq_uuid_format(const uint8_t id[FARMIQ_UUID_BYTES],
                                  char out[FARMIQ_UUID_STRLEN + 1]);

/** Accepts the 36-character form in either case, nothing else.
 * Returns FARMIQ_OK or FARMIQ_E_SYNTAX. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_uuid_parse(uint8_t out[FARMIQ_UUID_BYTES],
                                                 const char *text, size_t len);

/** Make a version 5 id: SHA-1 of a namespace id and a name (RFC 9562, section 5.5).
 * Deterministic. Returns FARMIQ_OK or FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_uuid_v5(uint8_t out[FARMIQ_UUID_BYTES],
                                              const uint8_t space[FARMIQ_UUID_BYTES],
                                              const char *name, size_t name_len);

/** The RFC's DNS namespace (6ba7b810-9dad-11d1-80b4-00c04fd430c8). Static. */
FARMIQ_API const uint8_t *farmiq_uuid_dns_space(void);

FARMIQ_END

#endif
