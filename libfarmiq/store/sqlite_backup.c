/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a database that is in use, and the way back.
 *
 * The source is read in one transaction: without it the copy would begin again with every
 * commit of the writer, and under load never end. In WAL mode that holds nobody up; only
 * the log cannot be emptied meanwhile. */
#include "sqlite_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_PAGES 512 /* 2 MiB between two words about how far it has come */
#define PATH_BYTES 4096

struct copying {
    const char *from, *to;
    char partial[PATH_BYTES];                 /* the copy's name until it is whole */
    const struct farmiq_migration *must_have; /* NULL: whatever is in it */
    farmiq_sqlite_progress_fn on_progress;
    void *progress_ctx;
    sqlite3 *source, *copy;
    struct farmiq_error *error;
};

static int fail_with_errno(struct copying *c, const char *field)
{
    int code = errno == ENOSPC || errno == EDQUOT ? FARMIQ_E_NOSPACE : FARMIQ_E_STORE;

    return farmiq__fill_error(c->error, code, field, strerror(errno));
}

static int exec(struct copying *c, sqlite3 *db, const char *sql)
{
    return farmiq__sqlite_fail(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql,
                               c->error);
}

/* Whoever can only read the file can still copy it. */
static int open_source(struct copying *c)
{
    int rc = sqlite3_open_v2(
        c->from, &c->source,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

    if (rc)
        return farmiq__sqlite_fail(c->source, rc, "from", c->error);
    sqlite3_busy_timeout(c->source, 5000);
    return exec(c, c->source,
                "PRAGMA query_only = ON; BEGIN; SELECT count(*) FROM sqlite_schema");
}

/* What an interrupted copy left is nobody's. The file is its owner's alone from the
 * first byte on. */
static int open_copy(struct copying *c)
{
    int file, rc;

    if (access(c->to, F_OK) == 0)
        return farmiq__fill_error(c->error, FARMIQ_E_STORE, "to",
                                  "there is a file of that name already");
    (void)unlink(c->partial);
    file = open(c->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return fail_with_errno(c, "to");
    (void)close(file);
    rc = sqlite3_open_v2(
        c->partial, &c->copy,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    return farmiq__sqlite_fail(c->copy, rc, "to", c->error);
}

static int tell(const struct copying *c, sqlite3_backup *backup)
{
    uint64_t total = (uint64_t)sqlite3_backup_pagecount(backup);

    return c->on_progress
               ? c->on_progress(c->progress_ctx,
                                total - (uint64_t)sqlite3_backup_remaining(backup), total)
               : FARMIQ_OK;
}

static int copy_pages(struct copying *c)
{
    sqlite3_backup *backup = sqlite3_backup_init(c->copy, "main", c->source, "main");
    int rc = SQLITE_OK, r = FARMIQ_OK;

    if (!backup)
        return farmiq__sqlite_fail(c->copy, sqlite3_errcode(c->copy), "to", c->error);
    while (rc == SQLITE_OK && !r) {
        rc = sqlite3_backup_step(backup, STEP_PAGES);
        if (rc == SQLITE_OK || rc == SQLITE_DONE)
            r = tell(c, backup);
    }
    rc = sqlite3_backup_finish(backup);
    return r ? r : farmiq__sqlite_fail(c->copy, rc, "to", c->error);
}

/* One file, without a log of its own. */
static int make_whole(struct copying *c)
{
    return exec(c, c->copy, "PRAGMA journal_mode = DELETE");
}

static int on_finding(void *ctx, int count, char **values, char **names)
{
    struct copying *c = ctx;

    (void)names;
    if (count != 1 || !values[0] || strcmp(values[0], "ok") == 0)
        return 0;
    farmiq__fill_error(c->error, FARMIQ_E_STORE, "integrity", values[0]);
    return 1;
}

/* A copy that was not read is a hope. */
static int check(struct copying *c)
{
    int rc = sqlite3_exec(c->copy, "PRAGMA integrity_check(1)", on_finding, c, NULL);

    return rc == SQLITE_ABORT ? FARMIQ_E_STORE
                              : farmiq__sqlite_fail(c->copy, rc, "integrity", c->error);
}

static int check_schema(struct copying *c)
{
    return c->must_have ? farmiq__sqlite_check_schema(c->copy, c->must_have, c->error)
                        : FARMIQ_OK;
}

static int close_both(struct copying *c)
{
    int rc = sqlite3_close(c->copy);

    c->copy = NULL;
    (void)sqlite3_close(c->source);
    c->source = NULL;
    return rc ? farmiq__fill_error(c->error, FARMIQ_E_STORE, "to", sqlite3_errstr(rc))
              : FARMIQ_OK;
}

static int sync_path(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC), r;

    if (file < 0)
        return -1;
    r = fsync(file);
    (void)close(file);
    return r;
}

static void folder_of(const char *path, char folder[PATH_BYTES])
{
    const char *slash = strrchr(path, '/');
    int len = slash == path ? 1 : slash ? (int)(slash - path) : 1;

    snprintf(folder, PATH_BYTES, "%.*s", len, slash ? path : ".");
}

/* The name is part of what must survive a power cut: so is the folder it stands in. */
static int give_name(struct copying *c)
{
    char folder[PATH_BYTES];

    folder_of(c->to, folder);
    if (sync_path(c->partial) || rename(c->partial, c->to) || sync_path(folder))
        return fail_with_errno(c, "to");
    return FARMIQ_OK;
}

static int copy(struct copying *c)
{
    static int (*const steps[])(
        struct copying *) = { open_source, open_copy,    copy_pages, make_whole,
                              check,       check_schema, close_both, give_name };
    int r = FARMIQ_OK;

    if (snprintf(c->partial, sizeof c->partial, "%s.partial", c->to) >=
        (int)sizeof c->partial)
        return farmiq__fill_error(c->error, FARMIQ_E_ARG, "to", "is too long");
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !r; i++)
        r = steps[i](c);
    if (!r)
        return FARMIQ_OK;
    (void)sqlite3_close(c->copy);
    (void)sqlite3_close(c->source);
    (void)unlink(c->partial);
    return r;
}

int farmiq_sqlite_backup(const char *from, const char *to,
                         farmiq_sqlite_progress_fn on_progress, void *ctx,
                         struct farmiq_error *error)
{
    struct copying c = { .from = from,
                         .to = to,
                         .on_progress = on_progress,
                         .progress_ctx = ctx,
                         .error = error };

    return from && to ? copy(&c) : FARMIQ_E_ARG;
}

/* The way back ---------------------------------------------------------------------- */

static int move_aside(struct copying *c, const char *database, const char *suffix)
{
    char old[PATH_BYTES], aside[PATH_BYTES];
    int is_short =
        snprintf(old, sizeof old, "%s%s", database, suffix) < (int)sizeof old &&
        snprintf(aside, sizeof aside, "%s.replaced%s", database, suffix) <
            (int)sizeof aside;

    if (!is_short)
        return farmiq__fill_error(c->error, FARMIQ_E_ARG, "to", "is too long");
    if (access(aside, F_OK) == 0)
        return farmiq__fill_error(c->error, FARMIQ_E_STORE, "to",
                                  "an earlier restore left a .replaced file: move it");
    return rename(old, aside) == 0 || errno == ENOENT ? FARMIQ_OK
                                                      : fail_with_errno(c, "to");
}

/* The log belongs to the file: a database beside another's log is damaged. The log goes
 * first, so that an interruption leaves no pair that does not belong together. */
static int move_old_aside(struct copying *c)
{
    static const char *const suffixes[] = { "-shm", "-wal", "" };
    int r = FARMIQ_OK;

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && !r; i++)
        r = move_aside(c, c->to, suffixes[i]);
    return r;
}

/* The copy is made and checked under a name of its own before anything is moved. */
static int put_back(struct copying *c)
{
    char ready[PATH_BYTES];
    struct copying first = *c;
    int r;

    if (snprintf(ready, sizeof ready, "%s.restored", c->to) >= (int)sizeof ready)
        return farmiq__fill_error(c->error, FARMIQ_E_ARG, "to", "is too long");
    (void)unlink(ready);
    first.to = ready;
    r = copy(&first);
    if (!r)
        r = move_old_aside(c);
    if (!r) {
        snprintf(c->partial, sizeof c->partial, "%s", ready);
        r = give_name(c);
    }
    return r;
}

int farmiq_sqlite_restore(const char *from, const char *to,
                          const struct farmiq_migration *steps,
                          farmiq_sqlite_progress_fn on_progress, void *ctx,
                          struct farmiq_error *error)
{
    struct copying c = { .from = from,
                         .to = to,
                         .must_have = steps,
                         .on_progress = on_progress,
                         .progress_ctx = ctx,
                         .error = error };
    enum farmiq__marker found;
    int marker, r;

    if (!from || !to || !steps || !steps->version)
        return FARMIQ_E_ARG;
    marker = farmiq__marker_open(to, &found);
    if (marker < 0)
        return fail_with_errno(&c, "to");
    if (found == FARMIQ__IN_USE) {
        farmiq__marker_leave(marker);
        return farmiq__fill_error(error, FARMIQ_E_BUSY, "to",
                                  "a program has this database open: stop it first");
    }
    r = put_back(&c);
    if (r && found == FARMIQ__UNCLEAN)
        farmiq__marker_leave(marker);
    else
        farmiq__marker_close(marker);
    return r;
}
