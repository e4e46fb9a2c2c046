/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's tool: one row of a table, and one file, per command. */
#ifndef FARMIQCTL_COMMAND_H
#define FARMIQCTL_COMMAND_H

#include "kit/options.h"

/* Exit codes: 0 done, 1 the answer is no (invalid, nothing found), 2 wrong usage or a
 * failure. `argv[0]` is the command's last word; options follow. */
int ctl_validate(int argc, char **argv);
int ctl_topic(int argc, char **argv);
int ctl_outbox(int argc, char **argv);
int ctl_migrate(int argc, char **argv);
int ctl_keygen(int argc, char **argv);
int ctl_version(int argc, char **argv);

/* Print "program: field detail" on standard error. Returns 2. */
int ctl_fail(const char *what, int code, const struct farmiq_error *error);
/* All of standard input or a file ("-" or NULL: input), at most `max_bytes`. The
 * caller frees `out->ptr`. Returns FARMIQ_OK, FARMIQ_E_NOMEM, FARMIQ_E_RANGE,
 * FARMIQ_E_STORE (cannot read). */
int ctl_read(const char *path, size_t max_bytes, struct farmiq_str *out);

#endif
