/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas on SQLite: which steps a file has, and how it gets the rest.
 *
 * A table of our own keeps count, not PRAGMA user_version: several schemas may live in
 * one file, and a wrapped database has a user_version that is its owner's. */
#include "sqlite_private.h"

#include <stdio.h>
#include <string.h>

int farmiq__sqlite_fail(sqlite3 *db, int sqlite_code, const char *field,
                        struct farmiq_error *error)
{
    int code = farmiq__sqlite_code(sqlite_code);

    return code ? farmiq__fill_error(error, code, field, sqlite3_errmsg(db)) : FARMIQ_OK;
}

static int exec(sqlite3 *db, const char *sql, const char *field,
                struct farmiq_error *error)
{
    return farmiq__sqlite_fail(db, sqlite3_exec(db, sql, NULL, NULL, NULL), field, error);
}

/* The last step of the schema that the file has; 0: none. */
static int read_version(sqlite3 *db, const struct farmiq_migration *step,
                        uint32_t *version, struct farmiq_error *error)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(
        db, "SELECT coalesce(max(version), 0) FROM farmiq_migration WHERE schema = ?1",
        -1, &stmt, NULL);

    if (rc)
        return farmiq__sqlite_fail(db, rc, "farmiq_migration", error);
    sqlite3_bind_text(stmt, 1, step->name, farmiq__schema_len(step), SQLITE_STATIC);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *version = (uint32_t)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return farmiq__sqlite_fail(db, rc, "farmiq_migration", error);
}

static int write_version(sqlite3 *db, const struct farmiq_migration *step,
                         struct farmiq_error *error)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(
        db, "INSERT INTO farmiq_migration (schema, version, name) VALUES (?1, ?2, ?3)",
        -1, &stmt, NULL);

    if (rc)
        return farmiq__sqlite_fail(db, rc, "farmiq_migration", error);
    sqlite3_bind_text(stmt, 1, step->name, farmiq__schema_len(step), SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, step->version);
    sqlite3_bind_text(stmt, 3, step->name, -1, SQLITE_STATIC);
    rc = sqlite3_step(stmt);
    sqlite3_finalize(stmt);
    return farmiq__sqlite_fail(db, rc, "farmiq_migration", error);
}

/* Somebody else may have taken the step while we waited for the lock. */
static int take_step(sqlite3 *db, const struct farmiq_migration *step,
                     struct farmiq_error *error)
{
    uint32_t version = 0;
    int r = read_version(db, step, &version, error);

    if (r || version >= step->version)
        return r;
    if (!step->sqlite)
        return farmiq__fill_error(error, FARMIQ_E_UNSUPPORTED, step->name,
                                  "has no statements for SQLite");
    r = exec(db, step->sqlite, step->name, error);
    return r ? r : write_version(db, step, error);
}

/* A step is there whole or not at all. In the caller's transaction it is his. */
static int take_step_whole(sqlite3 *db, const struct farmiq_migration *step,
                           struct farmiq_error *error)
{
    int is_his = !sqlite3_get_autocommit(db);
    int r = exec(db, is_his ? "SAVEPOINT farmiq" : "BEGIN IMMEDIATE", step->name, error);

    if (r)
        return r;
    r = take_step(db, step, error);
    if (!r)
        r = exec(db, is_his ? "RELEASE farmiq" : "COMMIT", step->name, error);
    if (r && !sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, is_his ? "ROLLBACK TO farmiq; RELEASE farmiq" : "ROLLBACK",
                           NULL, NULL, NULL);
    return r;
}

int farmiq_sqlite_migrate(struct sqlite3 *db, const struct farmiq_migration *steps,
                          struct farmiq_error *error)
{
    uint32_t version = 0;
    int r;

    if (!db || !steps || !steps->version)
        return FARMIQ_E_ARG;
    r = exec(db,
             "CREATE TABLE IF NOT EXISTS farmiq_migration ("
             " schema TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL,"
             " migrated_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000),"
             " PRIMARY KEY (schema, version)) STRICT, WITHOUT ROWID",
             "farmiq_migration", error);
    if (!r)
        r = read_version(db, steps, &version, error);
    if (!r && version > farmiq__last_version(steps))
        return farmiq__fill_error(error, FARMIQ_E_UNSUPPORTED, steps->name,
                                  "the file's schema is newer than this library");
    for (; !r && steps->version; steps++)
        if (steps->version > version)
            r = take_step_whole(db, steps, error);
    return r;
}

int farmiq__sqlite_check_schema(sqlite3 *db, const struct farmiq_migration *steps,
                                struct farmiq_error *error)
{
    uint32_t version = 0;
    int r = read_version(db, steps, &version, error);

    if (r)
        return r;
    if (!version)
        return farmiq__fill_error(error, FARMIQ_E_UNSUPPORTED, steps->name,
                                  "the file has nothing of this schema");
    return version > farmiq__last_version(steps)
               ? farmiq__fill_error(error, FARMIQ_E_UNSUPPORTED, steps->name,
                                    "the file's schema is newer than this library")
               : FARMIQ_OK;
}
