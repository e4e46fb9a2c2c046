/* SPDX-License-Identifier: Apache-2.0 */
/* DATABASE_URL to a store: the one place that knows which engines there are. */
#include "kit/store_open.h"

#include <stdio.h>
#include <string.h>

#include <farmiq/store_pg.h>

#include "kit/fail.h"

const struct shim_option shim_store_options[] = {
    { "DATABASE_URL", SHIM_URL, "sqlite:farmiq.db",
      "where rows are kept: sqlite:PATH (one file, no server) or "
      "postgresql://user:password@host/database" },
    { "DATABASE_READ_URL", SHIM_URL, "",
      "PostgreSQL: where requests that only read look: the same database, as a user that "
      "sees one tenant's rows at a time (deploy/postgres); empty: DATABASE_URL" },
    { "STORE_QUOTA_BYTES", SHIM_BYTES, "0",
      "what rows may take; 0: until the disk is full. SQLite refuses to grow past it; on "
      "PostgreSQL it is what fullness is measured by" },
    { "STORE_BUSY_MS", SHIM_MS, "5s",
      "SQLite: how long to wait for another process's lock" },
    { "STORE_CACHE_BYTES", SHIM_BYTES, "8M", "SQLite: page cache of the writer" },
    { "STORE_SYNC", SHIM_CHOICE, "full",
      "full|normal: SQLite: full survives a power cut at every commit; normal may lose "
      "the last seconds to one, but nothing to a kill" },
    { "STORE_STATEMENT_TIMEOUT_MS", SHIM_MS, "30s",
      "PostgreSQL: a statement that takes longer is given up; 0: never" },
    { "STORE_CONNECT_TIMEOUT_MS", SHIM_MS, "10s",
      "PostgreSQL: how long to wait for a server to answer at all" },
    { "STORE_RECONNECT_MAX_MS", SHIM_MS, "5s",
      "PostgreSQL: the longest pause before it is tried again; it begins at 100ms and "
      "doubles" },
    { "STORE_NOTIFY", SHIM_CHOICE, "on",
      "on|off: PostgreSQL: processes tell each other of new work at once, by LISTEN and "
      "NOTIFY on a connection of its own, which a transaction pooler cannot give; off: "
      "each looks by itself, at its own interval" },
    { 0 },
};

static uint32_t number32(const struct shim_options *options, const char *name)
{
    return (uint32_t)shim_options_number(options, name);
}

static int open_sqlite(struct farmiq_store *out, const struct shim_options *options,
                       const struct farmiq_migration *schema,
                       enum shim_store_access access, struct farmiq_error *error)
{
    const char *path = shim_options_text(options, "DATABASE_URL") + strlen("sqlite:");
    int is_reader = access == SHIM_STORE_READ;
    struct farmiq_sqlite_options sqlite;

    (void)farmiq_sqlite_omit_statistics(); /* the process is ours, and nobody asks */
    farmiq_sqlite_options_init(&sqlite, sizeof sqlite);
    sqlite.access = is_reader ? FARMIQ_SQLITE_READ : FARMIQ_SQLITE_WRITE;
    sqlite.migrations = schema;
    sqlite.busy_ms = number32(options, "STORE_BUSY_MS");
    sqlite.quota_bytes = (uint64_t)shim_options_number(options, "STORE_QUOTA_BYTES");
    sqlite.normal_sync = strcmp(shim_options_text(options, "STORE_SYNC"), "normal") == 0;
    sqlite.cache_kib =
        is_reader ? 1024
                  : (uint32_t)(shim_options_number(options, "STORE_CACHE_BYTES") / 1024);
    return farmiq_store_open_sqlite(out, path, &sqlite, error);
}

/* A bare @ or / in a password would have the rest of it taken for a host or a port, and
 * printed as such. */
static int has_bare_password(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t len = strcspn(host, "@/");

    if (host[len] == '@')
        host += len + 1;
    return strcspn(host, "@") < strcspn(host, "?");
}

static const char *url_option(const struct shim_options *options,
                              enum shim_store_access access)
{
    return access == SHIM_STORE_READ && *shim_options_text(options, "DATABASE_READ_URL")
               ? "DATABASE_READ_URL"
               : "DATABASE_URL";
}

static int open_pg(struct farmiq_store *out, const struct shim_options *options,
                   const struct farmiq_migration *schema, enum shim_store_access access,
                   struct farmiq_error *error)
{
    const char *name = url_option(options, access);
    const char *url = shim_options_text(options, name);
    struct farmiq_pg_options pg;
    int r;

    if (strncmp(url, "postgres", 8) != 0)
        return shim_fail(error, FARMIQ_E_UNSUPPORTED, name,
                         "must begin with postgresql://");
    if (has_bare_password(url))
        return shim_fail(
            error, FARMIQ_E_SYNTAX, name,
            "has a bare @ or / in the password: write them as %%40 and %%2F");
    farmiq_pg_options_init(&pg, sizeof pg);
    pg.read_only = access == SHIM_STORE_READ;
    pg.migrations = schema;
    pg.statement_timeout_ms = number32(options, "STORE_STATEMENT_TIMEOUT_MS");
    pg.connect_timeout_s = (number32(options, "STORE_CONNECT_TIMEOUT_MS") + 999) / 1000;
    pg.reconnect_max_ms = number32(options, "STORE_RECONNECT_MAX_MS");
    r = farmiq_store_open_pg(out, url, &pg, error);
    if (strcmp(error->field, "conninfo") == 0)
        snprintf(error->field, sizeof error->field, "%s", name);
    return r;
}

static const struct engine {
    const char *scheme;
    int is_shared;
    int (*open)(struct farmiq_store *out, const struct shim_options *options,
                const struct farmiq_migration *schema, enum shim_store_access access,
                struct farmiq_error *error);
} engines[] = {
    { "sqlite:", 0, open_sqlite },
    { "postgresql://", 1, open_pg },
    { "postgres://", 1, open_pg },
};

static const struct engine *engine_of(const struct shim_options *options)
{
    const char *url = shim_options_text(options, "DATABASE_URL");

    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (strncmp(url, engines[i].scheme, strlen(engines[i].scheme)) == 0)
            return &engines[i];
    return NULL;
}

int shim_store_open(struct farmiq_store *out, const struct shim_options *options,
                    const struct farmiq_migration *schema, enum shim_store_access access,
                    struct farmiq_error *error)
{
    const struct engine *engine = engine_of(options);

    return engine ? engine->open(out, options, schema, access, error)
                  : shim_fail(error, FARMIQ_E_UNSUPPORTED, "DATABASE_URL",
                              "must begin with sqlite: or postgresql://");
}

int shim_store_is_shared_by(const struct shim_options *options)
{
    const struct engine *engine = engine_of(options);

    return engine && engine->is_shared;
}

int shim_store_look_for(struct farmiq_store *store, struct farmiq_str tenant_id)
{
    static const struct farmiq_str none = { "*", 1 };
    int r = farmiq_pg_set_tenant(store, tenant_id.len ? tenant_id : none);

    return r == FARMIQ_E_UNSUPPORTED ? FARMIQ_OK : r;
}

/* A store that is not the engine's has no words for it. */
const char *shim_store_words(const struct farmiq_store *store)
{
    const char *words = farmiq_pg_error_text(store);

    return *words ? words : farmiq_sqlite_error_text(store);
}
