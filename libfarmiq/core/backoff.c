/* SPDX-License-Identifier: Apache-2.0 */
/* Retry delay: exponential, capped, jittered. Seed 002, 7.4; spec edge 6.4, 13-C11. */
#include <farmiq/backoff.h>
#include <farmiq/error.h>

#include "private.h"

static const struct farmiq_backoff defaults = {
    .size = sizeof defaults,
    .base_ms = 1000,
    .max_ms = 300000,
    .jitter_ms = 1000,
    .max_attempts = 10,
};

void farmiq_backoff_init(struct farmiq_backoff *policy, size_t size)
{
    farmiq__init(policy, size, &defaults, sizeof defaults);
}

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

int farmiq_backoff_delay(const struct farmiq_backoff *policy, uint32_t attempt,
                         uint32_t random, uint32_t *delay_ms)
{
    uint64_t delay, jitter;

    if (!policy)
        policy = &defaults;
    if (!farmiq__is_sized(policy, sizeof *policy) || !delay_ms)
        return FARMIQ_E_ARG;
    if (attempt == 0)
        return FARMIQ_E_RANGE;
    if (attempt >= policy->max_attempts)
        return FARMIQ_EXHAUSTED;

    /* 2^32 * base exceeds every max_ms, so a larger exponent cannot matter. */
    delay = smaller((uint64_t)policy->base_ms << smaller(attempt, 32), policy->max_ms);
    jitter = (uint64_t)random * policy->jitter_ms >> 32; /* [0, jitter_ms) */
    *delay_ms = (uint32_t)smaller(delay + jitter, UINT32_MAX);
    return FARMIQ_OK;
}
