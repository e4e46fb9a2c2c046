/* SPDX-License-Identifier: Apache-2.0 */
/* One batch from the bus in hand. */
#ifndef INTAKE_H
#define INTAKE_H

#include "common/scratch.h"
#include "telemetry.h"

struct delivery {
    struct shim_message *message;
    struct reading reading;
    struct farmiq_str batch_id;
    int is_new;
};

struct intake {
    struct shim_call *call;
    struct scratch scratch;
    struct delivery *deliveries; /* those that can be stored */
    uint32_t count, new_count;
    struct groups latest;
};

int telemetry_keep(struct intake *intake); /* keep.c: 0 or FARMIQ_E_* */

#endif
