/* SPDX-License-Identifier: Apache-2.0 */
/* A device as the poller meets it: when it is due, and how often it failed to answer. */
#ifndef SNMP_TARGET_H
#define SNMP_TARGET_H

#include "devices.h"

struct target {
    const struct snmp_device *device;
    uint32_t index; /* of the device, for its readings */
    struct shim_snmp *peer;
    int64_t due_steady_ms;
    uint32_t failures; /* in a row */
    void (*on_reading)(void *ctx, const struct reading *reading);
    void *ctx;
};

/* Ask for everything, tell on_reading what came, and say when to ask again. Blocks for as
 * long as the device's timeout and retries let it. */
void target_poll(struct target *target);

#endif
