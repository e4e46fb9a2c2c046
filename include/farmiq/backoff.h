/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_BACKOFF_H
#define FARMIQ_BACKOFF_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** Retry policy (seed 002, section 7.4):
 *
 *     delay = min(2^attempt * base, max) + jitter
 *
 * The seed caps after adding the jitter, which gives every edge the same 300 s
 * exactly when a herd forms; here the jitter is added after the cap.
 * Defaults: 1000, 300000, 1000, 10. */
struct farmiq_backoff {
    uint32_t size;
    uint32_t base_ms;
    uint32_t max_ms;
    uint32_t jitter_ms; /* jitter is uniform in [0, jitter_ms) */
    uint32_t max_attempts;
    uint32_t reserved;
};

FARMIQ_API void farmiq_backoff_init(struct farmiq_backoff *policy, size_t size);

/** Delay before the next attempt, after `attempt` have failed (1, 2, ...).
 * `policy` may be NULL: the defaults.
 *
 * `random` is any uniform 32-bit number; the same number gives the same delay.
 * Cannot overflow, for any input: a sum over 2^32-1 is clamped to it.
 * Returns FARMIQ_OK; FARMIQ_EXHAUSTED if attempt >= max_attempts (`*delay_ms`
 * untouched); FARMIQ_E_RANGE if attempt is 0; FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_backoff_delay(const struct farmiq_backoff *policy,
                                                    uint32_t attempt, uint32_t random,
                                                    uint32_t *delay_ms);

FARMIQ_END

#endif
