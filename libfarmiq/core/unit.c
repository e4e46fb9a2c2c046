/* SPDX-License-Identifier: Apache-2.0 */
/* Units of mass, volume, area and temperature, and their conversion. */
#include <farmiq/kpi.h>

#include "number.h"

enum dimension { MASS = 1, VOLUME, AREA, TEMPERATURE };

/* canonical = (value - zero) * times / over. The factor is a fraction because
 * 5/9 and 1/16 of a pound are exact only as such. */
static const struct unit {
    int dimension;
    double zero;
    double times;
    double over;
} units[] = {
    [FARMIQ_UNIT_KG] = { MASS, 0, 1, 1 },
    [FARMIQ_UNIT_G] = { MASS, 0, 1, 1000 },
    [FARMIQ_UNIT_TONNE] = { MASS, 0, 1000, 1 },
    [FARMIQ_UNIT_LB] = { MASS, 0, FARMIQ__POUND_KG, 1 },
    [FARMIQ_UNIT_OZ] = { MASS, 0, FARMIQ__POUND_KG, 16 },
    [FARMIQ_UNIT_L] = { VOLUME, 0, 1, 1 },
    [FARMIQ_UNIT_ML] = { VOLUME, 0, 1, 1000 },
    [FARMIQ_UNIT_US_GAL] = { VOLUME, 0, 3.785411784, 1 },
    [FARMIQ_UNIT_M2] = { AREA, 0, 1, 1 },
    [FARMIQ_UNIT_FT2] = { AREA, 0, 0.09290304, 1 },
    [FARMIQ_UNIT_CELSIUS] = { TEMPERATURE, 0, 1, 1 },
    [FARMIQ_UNIT_FAHRENHEIT] = { TEMPERATURE, 32, 5, 9 },
};

static const struct unit *unit_of(uint32_t unit)
{
    if (unit >= sizeof units / sizeof *units || !units[unit].dimension)
        return NULL;
    return &units[unit];
}

int farmiq_unit_convert(double value, uint32_t from, uint32_t to, double *out)
{
    const struct unit *source = unit_of(from);
    const struct unit *target = unit_of(to);

    if (!out || !source || !target || source->dimension != target->dimension)
        return FARMIQ_E_ARG;
    if (!isfinite(value))
        return FARMIQ_E_RANGE;
    if (source == target)
        return farmiq__answer(value, 0, out, NULL);
    value = (value - source->zero) * source->times / source->over;
    value = value * target->over / target->times + target->zero;
    return farmiq__answer(value, 0, out, NULL);
}
