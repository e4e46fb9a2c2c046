/* SPDX-License-Identifier: Apache-2.0 */
/* Files below one folder, written whole or not at all. Nothing here follows a symbolic
 * link, and no name leads outside. shim.h has it as handlers see it. */
#ifndef SHIM_FILES_H
#define SHIM_FILES_H

#include "kit/shim.h"

struct shim_file; /* a file in hand: new, or opened to be read */

/* A new file under a name that nobody knows. FARMIQ_OK, FARMIQ_E_STORE, FARMIQ_E_NOSPACE,
 * FARMIQ_E_NOMEM. */
int shim_files_new(struct shim_file **out, const char *folder);
int shim_files_write(struct shim_file *file, struct farmiq_str bytes);
/* See shim_file_keep(). */
int shim_files_keep(struct shim_file *file, struct farmiq_str name);
/* FARMIQ_OK, FARMIQ_NONE: there is none of that name; FARMIQ_E_STORE. */
int shim_files_open(struct shim_file **out, const char *folder, struct farmiq_str name);
int shim_files_remove(const char *folder, struct farmiq_str name);
/* At most `bytes` from `offset`; what came, or FARMIQ_E_STORE. */
int64_t shim_files_read(const struct shim_file *file, uint64_t offset, void *out,
                        size_t bytes);
void shim_files_look(struct shim_file *file, struct shim_file_facts *facts);
int shim_files_digest(struct shim_file *file);
/* Another descriptor for the same bytes, or -1. */
int shim_files_descriptor(const struct shim_file *file);
/* A new file that was not kept is gone. NULL is fine. */
void shim_files_close(struct shim_file *file);

/* files_walk.c: see shim_file_walk(). */
int shim_files_walk(const char *folder, int64_t before_unix_ms, shim_file_visit *visit,
                    void *ctx);

/* files.c, for files_walk.c */
#define SHIM_FILES_INCOMING ".incoming" /* what is being written */
int shim_files_root(const char *folder);

#endif
