/* SPDX-License-Identifier: Apache-2.0 */
/* Which library this is. */
#include <farmiq/version.h>

uint32_t farmiq_version_number(void) { return FARMIQ_VERSION_NUMBER; }

const char *farmiq_version_string(void) { return FARMIQ_VERSION_STRING; }
