/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options is the command line, the environment, the file, --help, the
 * man page and the sample configuration. */
#ifndef SHIM_OPTIONS_H
#define SHIM_OPTIONS_H

#include "kit/shim.h"

struct shim_options;

/* How shim_options_open() ended, when it is not FARMIQ_OK or FARMIQ_E_*. */
#define SHIM_OPTIONS_DONE 1 /* --help, --version and the like were answered */

/* Read every source; the first that says something wins: command line, environment,
 * NAME_FILE, the file of --config, the fallback. `tables` ends with NULL; an option
 * that stands in several of them is one option.
 * Returns FARMIQ_OK; SHIM_OPTIONS_DONE; FARMIQ_E_ARG after saying on standard error
 * which option is wrong, where it came from and what would be right. */
int shim_options_open(struct shim_options **out, const char *program, const char *summary,
                      const struct shim_option *const *tables, int argc, char **argv);
/* Take the secrets of `fresh`, read by the same tables, and own it. Texts that were
 * handed out stay valid until the close. Returns how many changed. One thread renews,
 * any may read. */
uint32_t shim_options_renew(struct shim_options *options, struct shim_options *fresh);
void shim_options_close(struct shim_options *options); /* NULL is fine */

/* The option must be in the tables: asking for another is a bug, and aborts. */
const char *shim_options_text(const struct shim_options *options, const char *name);
/* NULL where the text is empty. */
const char *shim_options_text_or_null(const struct shim_options *options,
                                      const char *name);
int64_t shim_options_number(const struct shim_options *options, const char *name);
/* Cut to 32 bits: for what nobody sets higher. */
uint32_t shim_options_number32(const struct shim_options *options, const char *name);
/* 1 if the value is not the fallback's. */
int shim_options_is_set(const struct shim_options *options, const char *name);

/* "90s" by a type's rules. FARMIQ_OK, FARMIQ_E_SYNTAX, FARMIQ_E_RANGE. */
int shim_options_read_number(int type, const char *text, int64_t *number);

#endif
