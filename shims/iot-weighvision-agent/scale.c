/* SPDX-License-Identifier: Apache-2.0 */
/* The table of scales. */
#include "scale.h"

#include <string.h>

static const struct scale_kind *const kinds[] = { &scale_simulator, &scale_serial };

int scale_open(struct scale **out, const struct station_options *options,
               struct moment now)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->name, options->scale) == 0)
            return kinds[i]->open(out, options, now);
    return FARMIQ_E_ARG;
}

void scale_close(struct scale *scale)
{
    if (scale)
        scale->kind->close(scale);
}
