/* SPDX-License-Identifier: Apache-2.0 */
/* One metric of the file of devices: "OID [unit [scale]]". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"

static int parse_scale(const char *text, double *scale)
{
    char *end;

    *scale = strtod(text, &end);
    return *end == '\0' && isfinite(*scale) ? FARMIQ_OK : FARMIQ_E_SYNTAX;
}

int snmp_metric_parse(struct snmp_metric *metric, const char *name, char *value)
{
    char *oid = strtok_r(value, " \t", &value), *unit = strtok_r(NULL, " \t", &value),
         *scale = strtok_r(NULL, " \t", &value);

    *metric = (struct snmp_metric){ .scale = 1 };
    if (strlen(name) >= sizeof metric->name || !farmiq_id_is_valid(name, strlen(name)))
        return FARMIQ_E_SYNTAX;
    if (!oid || shim_snmp_oid_parse(&metric->oid, oid) != FARMIQ_OK ||
        strtok_r(NULL, " \t", &value))
        return FARMIQ_E_SYNTAX;
    if (unit && strlen(unit) >= sizeof metric->unit)
        return FARMIQ_E_SYNTAX;
    snprintf(metric->name, sizeof metric->name, "%s", name);
    if (unit && strcmp(unit, "-") != 0)
        snprintf(metric->unit, sizeof metric->unit, "%s", unit);
    return scale ? parse_scale(scale, &metric->scale) : FARMIQ_OK;
}
