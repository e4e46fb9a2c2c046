/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers' migrations share. */
#include "steps.h"

#include <stdio.h>
#include <string.h>

int farmiq__fill_error(struct farmiq_error *error, int code, const char *field,
                       const char *detail)
{
    if (!error || error->size < sizeof *error)
        return code;
    error->code = code;
    error->offset = FARMIQ_NO_OFFSET;
    snprintf(error->field, sizeof error->field, "%s", field);
    snprintf(error->detail, sizeof error->detail, "%s", detail);
    return code;
}

int farmiq__schema_len(const struct farmiq_migration *step)
{
    return (int)strcspn(step->name, "/");
}

uint32_t farmiq__last_version(const struct farmiq_migration *steps)
{
    uint32_t version = 0;

    for (; steps->version; steps++)
        version = steps->version;
    return version;
}
