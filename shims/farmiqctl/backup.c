/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl backup and restore: a database on SQLite, copied while it is used, and put
 * back. (PostgreSQL has its own tools: deploy/postgres.) */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "kit/store_open.h"

static const struct shim_option backup_options[] = {
    { "TO", SHIM_STRING, "", "the new file; its folder should be on another disk" },
    { 0 },
};
static const struct shim_option *const backup_tables[] = { backup_options,
                                                           shim_store_options, NULL };

static const struct shim_option restore_options[] = {
    { "FROM", SHIM_STRING, "", "a file that farmiqctl backup made" },
    { "SCHEMA", SHIM_CHOICE, "edge", CTL_SCHEMA_HELP },
    { 0 },
};
static const struct shim_option *const restore_tables[] = { restore_options,
                                                            shim_store_options, NULL };

/* On a terminal only: a timer's log needs no progress. */
static int show(void *ctx, uint64_t copied, uint64_t total)
{
    (void)ctx;
    if (isatty(STDERR_FILENO) && total)
        fprintf(stderr, "\r%3u %%%s", (unsigned)(100 * copied / total),
                copied == total ? ", checking\n" : "");
    return 0;
}

/* The path of a database on SQLite; NULL after saying what is wrong. */
static const char *path_of(const struct shim_options *given, const char *command)
{
    const char *url = shim_options_text(given, "DATABASE_URL");

    if (strncmp(url, "sqlite:", 7) == 0)
        return url + 7;
    fprintf(stderr,
            "farmiqctl %s: --database-url must begin with sqlite:; for PostgreSQL there "
            "are pg_dump and pg_restore (docs/operations.md)\n",
            command);
    return NULL;
}

static const char *file_of(const struct shim_options *given, const char *command,
                           const char *option, const char *spelling)
{
    const char *file = shim_options_text(given, option);

    if (*file)
        return file;
    fprintf(stderr, "farmiqctl %s: %s is needed: a file\n", command, spelling);
    return NULL;
}

static int fail(const char *what, int code, const struct farmiq_error *error)
{
    return code == FARMIQ_OK ? 0 : ctl_fail(what, code, error);
}

/* The moment of the copy is what a replay begins with: it is taken before the call. */
static int run_backup(const struct shim_options *given)
{
    const char *from = path_of(given, "backup");
    const char *to = from ? file_of(given, "backup", "TO", "--to") : NULL;
    char moment[FARMIQ_TIME_STRLEN + 1] = "";
    struct farmiq_error error;
    int r;

    if (!to)
        return 2;
    farmiq_error_init(&error, sizeof error);
    (void)!farmiq_time_format((int64_t)time(NULL) * 1000, moment);
    r = farmiq_sqlite_backup(from, to, show, NULL, &error);
    if (r == FARMIQ_OK)
        printf("%s is %s as of %s, whole and checked\n", to, from, moment);
    return fail("backup", r, &error);
}

static int run_restore(const struct shim_options *given)
{
    const struct farmiq_migration *schema =
        ctl_find_schema(shim_options_text(given, "SCHEMA"));
    const char *to = path_of(given, "restore");
    const char *from = to ? file_of(given, "restore", "FROM", "--from") : NULL;
    struct farmiq_error error;
    int r;

    if (!from)
        return 2;
    farmiq_error_init(&error, sizeof error);
    r = farmiq_sqlite_restore(from, to, schema, show, NULL, &error);
    if (r == FARMIQ_OK)
        printf("%s is what %s was; what was there before, if anything, is "
               "%s.replaced\n",
               to, from, to);
    return fail("restore", r, &error);
}

static int with_options(const struct ctl_command *command, int argc, char **argv,
                        int (*run)(const struct shim_options *given))
{
    char program[32];
    struct shim_options *given;
    int r;

    snprintf(program, sizeof program, "farmiqctl %s", command->name);
    r = shim_options_open(&given, program, command->summary, command->tables, argc, argv);
    if (r)
        return r == SHIM_OPTIONS_DONE ? 0 : 2;
    r = run(given);
    shim_options_close(given);
    return r;
}

static int backup(int argc, char **argv)
{
    return with_options(&ctl_backup, argc, argv, run_backup);
}

static int restore(int argc, char **argv)
{
    return with_options(&ctl_restore, argc, argv, run_restore);
}

const struct ctl_command ctl_backup = {
    .name = "backup",
    .arguments = "--to FILE [--name value]...",
    .summary = "copy a database that is in use, and check the copy",
    .tables = backup_tables,
    .run = backup,
};

const struct ctl_command ctl_restore = {
    .name = "restore",
    .arguments = "--from FILE [--name value]...",
    .summary = "put a backup in the place of a database that nobody uses",
    .tables = restore_tables,
    .run = restore,
};
