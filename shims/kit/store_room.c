/* SPDX-License-Identifier: Apache-2.0 */
/* The place where rows are kept: who else works there, and how full it is. */
#include <string.h>
#include <sys/statvfs.h>

#include "kit/internal.h"
#include "kit/store_open.h"

int shim_store_is_shared(const struct shim_call *call)
{
    return shim_store_is_shared_by(call->internal->runtime->options);
}

/* Bytes in use, and bytes inside the file that will be used before it grows. What
 * PostgreSQL has of these only its vacuum knows. */
static const struct farmiq_sql_query bytes = {
    "store_bytes",
    "SELECT (page_count - freelist_count) * page_size, freelist_count * page_size "
    "FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    "SELECT pg_database_size(current_database()), 0::bigint"
};

struct room {
    double used_bytes, free_bytes;
};

static int read_room(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct room *room = ctx;

    (void)row, (void)count;
    room->used_bytes = (double)columns[0].integer;
    room->free_bytes = (double)columns[1].integer;
    return FARMIQ_OK;
}

/* 0 for a database that is not a file of ours. */
static double disk_used_pct(const char *url, double free_bytes)
{
    struct statvfs disk;

    if (strncmp(url, "sqlite:", 7) != 0 || statvfs(url + 7, &disk) || !disk.f_blocks)
        return 0;
    return 100 * (1 - ((double)disk.f_bavail * (double)disk.f_frsize + free_bytes) /
                          ((double)disk.f_blocks * (double)disk.f_frsize));
}

double shim_store_used_pct(struct shim_call *call)
{
    double quota_bytes = (double)shim_number(call, "STORE_QUOTA_BYTES");
    double used_pct, of_quota_pct;
    struct room room = { 0 };

    if (farmiq_sql_run(call->store, &bytes, NULL, NULL, 0, read_room, &room) < 0)
        return 0;
    used_pct = disk_used_pct(shim_text(call, "DATABASE_URL"), room.free_bytes);
    of_quota_pct = quota_bytes > 0 ? 100 * room.used_bytes / quota_bytes : 0;
    if (of_quota_pct > used_pct)
        used_pct = of_quota_pct;
    shim_gauge("farmiq_store_used_percent", NULL, used_pct);
    return used_pct;
}
