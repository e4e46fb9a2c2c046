/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_STORE_SQLITE_H
#define FARMIQ_STORE_SQLITE_H

#include <farmiq/error.h>
#include <farmiq/schema.h>
#include <farmiq/store.h>

struct sqlite3;

FARMIQ_BEGIN

/** In libfarmiq-sqlite. I/O and allocation happen here. */

enum farmiq_sqlite_access {
    FARMIQ_SQLITE_WRITE = 0, /* the one writer: open, create, migrate */
    FARMIQ_SQLITE_READ = 1   /* a reader beside it; sees committed state only */
};

struct farmiq_sqlite_options {
    uint32_t size;
    uint32_t busy_ms;     /* how long to wait for another process's lock; 5000 */
    int32_t access;       /* enum farmiq_sqlite_access */
    uint32_t normal_sync; /* 1: synchronous=NORMAL: a power cut may take the last
                           * transactions, a kill cannot; 0: FULL */
    uint64_t quota_bytes; /* FARMIQ_E_NOSPACE past this; 0: the disk is the limit */
    const struct farmiq_migration *migrations; /* NULL: the edge schema */
    uint32_t cache_kib;                        /* page cache; 8192 */
    uint32_t reserved;
};

FARMIQ_API void farmiq_sqlite_options_init(struct farmiq_sqlite_options *options,
                                           size_t size);

/** Open or create, WAL mode; the writer brings the schema up to date and, after an
 * unclean stop, checks the file's integrity first. `options` may be NULL.
 * Returns FARMIQ_OK; FARMIQ_E_STORE (`error->detail` has the engine's words);
 * FARMIQ_E_UNSUPPORTED (the file's schema is newer than this library);
 * FARMIQ_E_NOSPACE (no room to open). */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_store_open_sqlite(struct farmiq_store *out, const char *path,
                         const struct farmiq_sqlite_options *options,
                         struct farmiq_error *error);

/** For a program in which nobody but this library uses SQLite: keep no statistics of
 * SQLite's memory, whose lock is a twentieth of what an insert costs. Any thread, before
 * the first store is opened. Returns FARMIQ_OK; FARMIQ_E_STATE: too late, nothing has
 * changed. */
FARMIQ_API int farmiq_sqlite_omit_statistics(void);

/** Use the caller's connection, so that his rows and an outbox row commit or vanish
 * together. Transactions stay his: begin and commit here become savepoints inside
 * one that he opened. The schema must be there (farmiq_sqlite_migrate()). Closing
 * the store leaves the connection open.
 * Returns FARMIQ_OK, FARMIQ_E_NOMEM, FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_store_wrap_sqlite(struct farmiq_store *out,
                                                        struct sqlite3 *db);

/** Bring the caller's database up to date. Codes as farmiq_store_open_sqlite(). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_sqlite_migrate(struct sqlite3 *db,
                                                     const struct farmiq_migration *steps,
                                                     struct farmiq_error *error);

/** Bring another schema up to date in an open store: several may share a file, each
 * with its own steps. Codes as farmiq_store_open_sqlite(), and FARMIQ_E_ARG for a
 * store that is not on SQLite. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_sqlite_add_schema(struct farmiq_store *store, const struct farmiq_migration *steps,
                         struct farmiq_error *error);

/** SQLite's own words about the last failure on this store, for the log. Lives until
 * the next call; never NULL; "" for a store that is not on SQLite. */
FARMIQ_API const char *farmiq_sqlite_error_text(const struct farmiq_store *store);

/** Give freed pages back to the disk, at most `pages` of them.
 * Returns FARMIQ_OK, FARMIQ_E_STORE, FARMIQ_E_BUSY. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_sqlite_vacuum(struct farmiq_store *store,
                                                    uint32_t pages);

/** Told now and then how far a copy has come, in pages. Not 0: stop, and return this. */
typedef int (*farmiq_sqlite_progress_fn)(void *ctx, uint64_t copied, uint64_t total);

/** Copy the database `from` into a new file while others read and write it: the copy is
 * of one moment, soon after the call. It is one file, for its owner alone, was checked
 * for integrity, and lies on the disk under its name when this returns FARMIQ_OK; until
 * then it is called `to`.partial. The writer's log cannot be emptied meanwhile.
 * `on_progress` and `error` may be NULL.
 * Returns FARMIQ_OK; FARMIQ_E_STORE (`to` is there already, or cannot be written, or
 * `from` cannot be read or is damaged); FARMIQ_E_NOSPACE; FARMIQ_E_BUSY; FARMIQ_E_ARG; or
 * what `on_progress` returned. Then there is no copy. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_sqlite_backup(const char *from, const char *to,
                                                    farmiq_sqlite_progress_fn on_progress,
                                                    void *ctx,
                                                    struct farmiq_error *error);

/** Put a copy in the place of the database `to`, which no program may have open. The
 * copy is checked first, and must have the schema of `steps`, in a version that this
 * library knows. A database that was there is kept as `to`.replaced, its log beside it.
 * Codes as farmiq_sqlite_backup(), and FARMIQ_E_BUSY (a program has `to` open);
 * FARMIQ_E_UNSUPPORTED (not that schema, or newer). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_sqlite_restore(
    const char *from, const char *to, const struct farmiq_migration *steps,
    farmiq_sqlite_progress_fn on_progress, void *ctx, struct farmiq_error *error);

FARMIQ_END

#endif
