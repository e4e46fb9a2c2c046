/* SPDX-License-Identifier: Apache-2.0 */
/* Files of [sections] with name = value lines, for lists that one option cannot hold. */
#ifndef SHIM_SECTIONS_H
#define SHIM_SECTIONS_H

#include <farmiq/error.h>

/* A line in its section; the texts live until the function returns. 0 goes on; anything
 * else ends the reading and is returned, with what `error` says. */
typedef int (*shim_sections_fn)(void *ctx, const char *section, const char *name,
                                const char *value, struct farmiq_error *error);

/* FARMIQ_OK; FARMIQ_E_STORE (cannot be read); FARMIQ_E_SYNTAX (`error->detail` names the
 * line); what `on_line` returned. */
int shim_sections_read(const char *path, shim_sections_fn on_line, void *ctx,
                       struct farmiq_error *error);

#endif
