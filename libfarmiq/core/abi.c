/* SPDX-License-Identifier: Apache-2.0 */
/* The names of public structs and constants, for bindings that cannot read headers.
 * A file of its own, so that firmware which never asks does not carry the names. */
#include <farmiq/error.h>
#include <farmiq/farmiq.h>

#include "abi_names.h" /* generated from the public headers by abi_names.py */
#include "private.h"

#define STRUCT(name) { #name, sizeof(struct name) },
#define CONSTANT(name) { #name, name },

static const struct {
    const char *name;
    size_t bytes;
} structs[] = { FARMIQ__STRUCTS(STRUCT) };

static const struct {
    const char *name;
    int64_t value;
} constants[] = { FARMIQ__CONSTANTS(CONSTANT) };

size_t farmiq_struct_size(const char *name)
{
    if (!name)
        return 0;
    for (size_t i = 0; i < COUNT(structs); i++)
        if (farmiq__str_is(farmiq__str(name, strlen(name)), structs[i].name))
            return structs[i].bytes;
    return 0;
}

int farmiq_constant(const char *name, int64_t *value)
{
    if (!name || !value)
        return FARMIQ_E_ARG;
    for (size_t i = 0; i < COUNT(constants); i++)
        if (farmiq__str_is(farmiq__str(name, strlen(name)), constants[i].name)) {
            *value = constants[i].value;
            return FARMIQ_OK;
        }
    return FARMIQ_NONE;
}
