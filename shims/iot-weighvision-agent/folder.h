/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a folder that are there whole or not at all. */
#ifndef WEIGHVISION_FOLDER_H
#define WEIGHVISION_FOLDER_H

#include <farmiq/farmiq.h>

#define FOLDER_PATH_BYTES 1024

/* Make it if it is missing. FARMIQ_OK; FARMIQ_E_ARG: it cannot be written to. */
int folder_open(const char *dir);
/* Durable when it returns. FARMIQ_OK, FARMIQ_E_STORE. */
int folder_write(const char *dir, const char *name, struct farmiq_str text);
/* FARMIQ_OK; FARMIQ_NONE: there is no such file; FARMIQ_E_NOSPACE: it is longer than
 * `buf`; FARMIQ_E_STORE. */
int folder_read(const char *dir, const char *name, char *buf, size_t buf_bytes,
                size_t *len);
/* Durable when it returns. FARMIQ_OK, FARMIQ_E_STORE. */
int folder_rename(const char *dir, const char *from, const char *to);
void folder_remove(const char *dir, const char *name);

#endif
