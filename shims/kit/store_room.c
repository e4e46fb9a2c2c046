/* SPDX-License-Identifier: Apache-2.0 */
/* How full is the place where rows are kept? */
#include <string.h>
#include <sys/statvfs.h>

#include "kit/internal.h"

/* Pages inside the file that are free will be used before it grows. */
static const struct farmiq_sql_query pages = {
    "store_pages",
    "SELECT page_count, freelist_count, page_size FROM pragma_page_count, "
    "pragma_freelist_count, pragma_page_size",
    NULL
};

struct room {
    double used_bytes, free_bytes; /* inside the file */
};

static int read_pages(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    struct room *room = ctx;
    double page_bytes = (double)columns[2].integer;

    (void)row, (void)count;
    room->free_bytes = (double)columns[1].integer * page_bytes;
    room->used_bytes = (double)columns[0].integer * page_bytes - room->free_bytes;
    return FARMIQ_OK;
}

static double disk_used_pct(const char *path, double free_bytes)
{
    struct statvfs disk;

    if (statvfs(path, &disk) || !disk.f_blocks)
        return 0;
    return 100 * (1 - ((double)disk.f_bavail * (double)disk.f_frsize + free_bytes) /
                          ((double)disk.f_blocks * (double)disk.f_frsize));
}

double shim_store_used_pct(struct shim_call *call)
{
    const char *url = shim_text(call, "DATABASE_URL");
    double quota_bytes = (double)shim_number(call, "STORE_QUOTA_BYTES");
    double used_pct, of_quota_pct;
    struct room room = { 0 };

    if (strncmp(url, "sqlite:", 7) != 0 ||
        farmiq_sql_run(call->store, &pages, NULL, NULL, 0, read_pages, &room) < 0)
        return 0;
    used_pct = disk_used_pct(url + 7, room.free_bytes);
    of_quota_pct = quota_bytes > 0 ? 100 * room.used_bytes / quota_bytes : 0;
    if (of_quota_pct > used_pct)
        used_pct = of_quota_pct;
    shim_gauge("farmiq_store_used_percent", NULL, used_pct);
    return used_pct;
}
