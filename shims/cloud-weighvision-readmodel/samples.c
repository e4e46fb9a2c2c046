/* SPDX-License-Identifier: Apache-2.0 */
/* Weights in ascending order, as the core's quantiles want them. */
#include "readmodel.h"

#include <string.h>

int samples_add(struct samples *samples, double kg)
{
    if (samples->count == samples->room) {
        uint32_t room = samples->room ? samples->room * 2 : 64;
        double *moved = shim_memory(samples->call, room * sizeof *moved);

        if (!moved)
            return FARMIQ_E_NOMEM;
        if (samples->count)
            memcpy(moved, samples->kg, samples->count * sizeof *moved);
        samples->kg = moved;
        samples->room = room;
    }
    samples->kg[samples->count++] = kg;
    return farmiq_agg_add(&samples->agg, kg);
}

double samples_quantile(const struct samples *samples, double p)
{
    double value = 0;

    return farmiq_quantile_sorted(samples->kg, samples->count, p, &value) == FARMIQ_OK
               ? value
               : 0;
}
