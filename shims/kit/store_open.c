/* SPDX-License-Identifier: Apache-2.0 */
/* DATABASE_URL to a store: the one place that knows which engines there are. */
#include "kit/store_open.h"

#include <stdio.h>
#include <string.h>

const struct shim_option shim_store_options[] = {
    { "DATABASE_URL", SHIM_URL, "sqlite:farmiq.db",
      "where rows are kept: sqlite:PATH (one file, no server)" },
    { "STORE_QUOTA_BYTES", SHIM_BYTES, "0",
      "refuse to grow past this size; 0: until the disk is full" },
    { "STORE_BUSY_MS", SHIM_MS, "5s", "how long to wait for another process's lock" },
    { "STORE_CACHE_BYTES", SHIM_BYTES, "8M", "page cache of the writer" },
    { "STORE_SYNC", SHIM_CHOICE, "full",
      "full|normal: full survives a power cut at every commit; normal may lose the last "
      "seconds to one, but nothing to a kill" },
    { 0 },
};

int shim_store_open(struct farmiq_store *out, const struct shim_options *options,
                    const struct farmiq_migration *schema, int32_t access,
                    struct farmiq_error *error)
{
    const char *url = shim_options_text(options, "DATABASE_URL");
    struct farmiq_sqlite_options sqlite;

    if (strncmp(url, "sqlite:", 7) != 0) {
        snprintf(error->field, sizeof error->field, "DATABASE_URL");
        snprintf(error->detail, sizeof error->detail, "must begin with sqlite:");
        return FARMIQ_E_UNSUPPORTED;
    }
    farmiq_sqlite_options_init(&sqlite, sizeof sqlite);
    sqlite.access = access;
    sqlite.migrations = schema;
    sqlite.busy_ms = (uint32_t)shim_options_number(options, "STORE_BUSY_MS");
    sqlite.quota_bytes = (uint64_t)shim_options_number(options, "STORE_QUOTA_BYTES");
    sqlite.normal_sync = strcmp(shim_options_text(options, "STORE_SYNC"), "normal") == 0;
    sqlite.cache_kib =
        access == FARMIQ_SQLITE_WRITE
            ? (uint32_t)(shim_options_number(options, "STORE_CACHE_BYTES") / 1024)
            : 1024;
    return farmiq_store_open_sqlite(out, url + 7, &sqlite, error);
}
