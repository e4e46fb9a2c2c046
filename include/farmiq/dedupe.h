/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_DEDUPE_H
#define FARMIQ_DEDUPE_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** A bounded memory of (tenant_id, event_id), for devices that have no store.
 *
 * It errs one way only: after the TTL, or when full, it may forget and let a
 * repeat through; it never calls a first sighting a duplicate (128-bit keyed
 * fingerprints). Gateways and cloud services must not use it: their dedupe is
 * farmiq_store_dedupe(), which survives a restart. */
struct farmiq_dedupe;

/** Bytes of memory for `capacity` entries; 0 if capacity is 0 or overflows.
 * 32 bytes an entry, and 40 for the window itself. */
FARMIQ_API size_t farmiq_dedupe_bytes(uint32_t capacity);

/** Build the window inside the caller's memory (aligned for int64_t), which
 * must outlive it; there is nothing to free. `key` seeds the fingerprint: give
 * each device its own.
 * Returns FARMIQ_OK; FARMIQ_E_NOSPACE if bytes < farmiq_dedupe_bytes(capacity);
 * FARMIQ_E_ARG (also: capacity 0, ttl_ms not positive, memory not aligned). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_dedupe_init(struct farmiq_dedupe **out,
                                                  void *memory, size_t bytes,
                                                  uint32_t capacity, int64_t ttl_ms,
                                                  const uint8_t key[16]);

/** Record a sighting. O(1). Repeats do not prolong the TTL; a clock that stepped
 * back does not shorten it.
 * Returns FARMIQ_OK the first time, FARMIQ_DUPLICATE within the TTL after;
 * FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_dedupe_check(struct farmiq_dedupe *window, const char *tenant_id,
                    size_t tenant_id_len, const char *event_id, size_t event_id_len,
                    int64_t now_unix_ms);

FARMIQ_END

#endif
