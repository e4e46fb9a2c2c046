/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's tool: one row of a table, and one file, per command. */
#ifndef FARMIQCTL_COMMAND_H
#define FARMIQCTL_COMMAND_H

#include "kit/options.h"

struct ctl_command {
    const char *name;
    const char *arguments; /* what follows the name, for people */
    const char *summary;
    const struct shim_option *const *tables; /* its options; NULL: it has none */
    void (*man)(void); /* what its part of the man page says besides; may be NULL */
    /* Returns 0 done, 1 the answer is no (invalid, nothing found), 2 wrong usage or a
     * failure. `argv[0]` is the command's name; options follow. */
    int (*run)(int argc, char **argv);
};

extern const struct ctl_command ctl_validate;
extern const struct ctl_command ctl_topic;
extern const struct ctl_command ctl_outbox;
extern const struct ctl_command ctl_migrate;
extern const struct ctl_command ctl_keygen;
extern const struct ctl_command ctl_acl;
extern const struct ctl_command ctl_backup;
extern const struct ctl_command ctl_restore;
extern const struct ctl_command ctl_bus;
extern const struct ctl_command ctl_dlq;

/* A command with verbs: one row each, ended by a zeroed one. */
struct ctl_verb {
    const char *name;
    int (*run)(const struct shim_options *given); /* as ctl_command's */
    const char *summary;
};
void ctl_verbs_man(const struct ctl_verb *verbs);
int ctl_verbs_run(const char *command, const struct ctl_verb *verbs,
                  const struct shim_option *const *tables, int argc, char **argv);

/* bus.c: a link to RABBITMQ_URL. Returns 0, or 2 after saying why not. */
struct shim_amqp;
int ctl_bus_open(struct shim_amqp **link, const struct shim_options *given);

/* migrate.c: the schema that CTL_SCHEMA_HELP calls by this name. */
#define CTL_SCHEMA_HELP "edge|cloud|agent: whose database it is"
const struct farmiq_migration *ctl_find_schema(const char *name);

/* All commands as one page, farmiqctl(1). The list ends with NULL. */
void ctl_print_man(const struct ctl_command *const *commands, const char *summary);

/* Print "program: field detail" on standard error. Returns 2. */
int ctl_fail(const char *what, int code, const struct farmiq_error *error);
/* All of standard input or a file ("-" or NULL: input), at most `max_bytes`. The
 * caller frees `out->ptr`. Returns FARMIQ_OK, FARMIQ_E_NOMEM, FARMIQ_E_RANGE,
 * FARMIQ_E_STORE (cannot read). */
int ctl_read(const char *path, size_t max_bytes, struct farmiq_str *out);

#endif
