/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_VERSION_H
#define FARMIQ_VERSION_H

#include <farmiq/base.h>

FARMIQ_BEGIN

#define FARMIQ_VERSION_MAJOR 0
#define FARMIQ_VERSION_MINOR 1
#define FARMIQ_VERSION_PATCH 0
#define FARMIQ_VERSION_NUMBER 100 /* MAJOR*10000 + MINOR*100 + PATCH */
#define FARMIQ_VERSION_STRING "0.1.0"

/** What the program was linked with, as opposed to what it was compiled with.
 * Compatible when MAJOR is equal and the linked number is not smaller. */
FARMIQ_API uint32_t farmiq_version_number(void);
FARMIQ_API const char *farmiq_version_string(void);

/** sizeof of a public struct in the linked library, by name
 * ("farmiq_envelope"); 0 if there is none. Bindings check themselves with it. */
FARMIQ_API size_t farmiq_struct_size(const char *name);

/** Value of a public constant in the linked library, by name
 * ("FARMIQ_UUID_STRLEN"): the function twin of every macro and enumerator.
 * Returns FARMIQ_OK, or FARMIQ_NONE if there is none. */
FARMIQ_API int farmiq_constant(const char *name, int64_t *value);

FARMIQ_END

#endif
