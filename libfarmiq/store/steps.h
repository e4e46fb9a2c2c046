/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers' migrations share. */
#ifndef FARMIQ_STORE_STEPS_H
#define FARMIQ_STORE_STEPS_H

#include <farmiq/error.h>
#include <farmiq/schema.h>

/* Returns `code`. `error` may be NULL. */
int farmiq__fill_error(struct farmiq_error *error, int code, const char *field,
                       const char *detail);

/* "edge/0001_edge" belongs to the schema "edge": how long its name is. */
int farmiq__schema_len(const struct farmiq_migration *step);
uint32_t farmiq__last_version(const struct farmiq_migration *steps);

#endif
