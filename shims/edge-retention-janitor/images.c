/* SPDX-License-Identifier: Apache-2.0 */
/* Images whose time has come, by their rows (spec edge 5.8, 10.3): the bytes go first,
 * then the row, so that whatever a kill leaves is found by the next run. Nothing goes of
 * which the cloud has not heard. */
#include "janitor.h"

#include "common/purge.h"
#include "queries.h"

#include <string.h>

#define GIB (INT64_C(1024) * 1024 * 1024)
#define KEPT_IN_EMERGENCY_MS (3600 * INT64_C(1000))
#define FAR_IMAGES_MAX 2000 /* in one run: each request to a store takes memory */

/* Which ones, oldest first, and how many bytes of them are to go from here on. */
struct wish {
    int64_t from_unix_ms, before_unix_ms;
    int has_open_session; /* of those whose session goes on, or of the others */
    int64_t (*wanted_bytes)(const struct janitor *janitor);
};

/* A walk by age over the rows that the wish means. */
struct walk {
    struct janitor *janitor;
    const struct wish *wish;
    int64_t last_unix_ms; /* behind this row */
    char last_id[FARMIQ_UUID_STRLEN + 1];
    int64_t wanted_bytes, page_bytes;
    int has_more;
};

/* ## A page of rows */

static void note_image(struct janitor_image *image, const char *id, struct farmiq_str key,
                       int64_t bytes)
{
    memset(image, 0, sizeof *image);
    memcpy(image->id, id, FARMIQ_UUID_STRLEN);
    memcpy(image->key, key.ptr, key.len);
    image->bytes = bytes;
}

static int note_row(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct walk *walk = ctx;
    struct janitor_page *page = &walk->janitor->page;
    struct farmiq_str key = columns[1].text;

    (void)row;
    (void)count;
    if (walk->page_bytes >= walk->wanted_bytes)
        return 0;
    walk->last_unix_ms = columns[3].integer;
    memcpy(walk->last_id, columns[0].text.ptr, FARMIQ_UUID_STRLEN);
    walk->has_more = 1;
    if (page->count == PAGE_IMAGES || key.len > SHIM_FILE_NAME_MAX_BYTES)
        return 0;
    note_image(&page->images[page->count++], walk->last_id, key, columns[2].integer);
    walk->page_bytes += columns[2].integer;
    return 0;
}

static int read_page(struct shim_call *call, void *arg)
{
    struct walk *walk = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(walk->wish->before_unix_ms),
        farmiq_sql_integer(walk->last_unix_ms),
        farmiq_sql_text(shim_str(walk->last_id)),
        farmiq_sql_integer(walk->wish->has_open_session),
        farmiq_sql_integer(PAGE_IMAGES),
    };

    walk->janitor->page.count = 0;
    walk->page_bytes = 0;
    walk->has_more = 0;
    return farmiq_sql_run(call->store, &sql_images, NULL, params, 5, note_row, walk);
}

/* ## Bytes, then rows */

static int remove_bytes(struct shim_call *call, struct farmiq_str key)
{
    return s3_is_used(call) ? s3_remove(call, key)
                            : shim_file_remove(call, MEDIA_FOLDER, key);
}

/* Of an image whose bytes would not go the row stays, for the next run. */
static int remove_files(struct janitor *janitor)
{
    int result = FARMIQ_OK;

    for (uint32_t i = 0; i < janitor->page.count; i++) {
        struct janitor_image *image = &janitor->page.images[i];
        int r = remove_bytes(janitor->call, shim_str(image->key));

        if (r < 0) {
            image->id[0] = '\0';
            result = r;
        }
    }
    return result;
}

static int note_gone(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    *(int *)ctx = 1;
    return 0;
}

/* Says of each whether it was this run that took the row. */
static int forget_rows(struct shim_call *call, void *arg)
{
    struct janitor_page *page = arg;
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < page->count && r >= 0; i++) {
        const struct farmiq_sql_value id = farmiq_sql_text(shim_str(page->images[i].id));
        int is_gone = 0;

        r = farmiq_sql_run(call->store, &sql_image_forget, NULL, &id, 1, note_gone,
                           &is_gone);
        page->images[i].is_gone = is_gone;
    }
    return r;
}

static int clear_page(struct janitor *janitor)
{
    struct janitor_page *page = &janitor->page;
    int removed = janitor->run.is_dry ? FARMIQ_OK : remove_files(janitor);
    int r =
        janitor->run.is_dry ? FARMIQ_OK : shim_write(janitor->call, forget_rows, page);

    for (uint32_t i = 0; i < page->count && r >= 0; i++)
        if (janitor->run.is_dry || page->images[i].is_gone)
            janitor_count(janitor, 1, page->images[i].bytes);
    return r < 0 ? r : removed;
}

static int is_long_enough(const struct janitor *janitor)
{
    return s3_is_used(janitor->call) && janitor->run.deleted_files >= FAR_IMAGES_MAX;
}

static int clear(struct janitor *janitor, const struct wish *wish)
{
    struct walk walk = { janitor, wish, .last_unix_ms = wish->from_unix_ms - 1 };
    int failed = FARMIQ_OK, r;

    do {
        walk.wanted_bytes = wish->wanted_bytes(janitor);
        janitor->run.has_more = is_long_enough(janitor);
        if (walk.wanted_bytes <= 0 || janitor->run.has_more)
            break;
        r = shim_write(janitor->call, read_page, &walk);
        if (r >= 0)
            r = clear_page(janitor);
        failed = r < 0 ? r : failed;
    } while (walk.has_more);
    return failed;
}

/* ## By age */

static int64_t all(const struct janitor *janitor)
{
    (void)janitor;
    return INT64_MAX;
}

int janitor_clear_old(struct janitor *janitor)
{
    const struct wish wish = {
        .before_unix_ms = purge_before_unix_ms(janitor->call, "MEDIA_RETENTION_DAYS"),
        .wanted_bytes = all,
    };

    return clear(janitor, &wish);
}

/* ## By need */

/* What a dry run has counted would be there. */
static int64_t missing_bytes(const struct janitor *janitor)
{
    int64_t wanted_bytes = shim_number(janitor->call, "MIN_FREE_DISK_GB") * GIB;
    struct shim_machine machine;

    shim_machine_look(&machine, shim_text(janitor->call, MEDIA_FOLDER));
    if (machine.disk_free_bytes < 0)
        return 0;
    if (janitor->run.is_dry)
        machine.disk_free_bytes += janitor->run.freed_bytes;
    return wanted_bytes - machine.disk_free_bytes;
}

/* First images whose session has ended, then those of sessions that go on: what is young
 * may be on its way to the model, and stays. A dry run has counted what is old. */
int janitor_make_room(struct janitor *janitor)
{
    struct wish wish = {
        .before_unix_ms = janitor->call->now_unix_ms - KEPT_IN_EMERGENCY_MS,
        .wanted_bytes = missing_bytes,
    };
    int r;

    if (s3_is_used(janitor->call) || missing_bytes(janitor) <= 0)
        return FARMIQ_OK;
    if (janitor->run.is_dry)
        wish.from_unix_ms = purge_before_unix_ms(janitor->call, "MEDIA_RETENTION_DAYS");
    r = clear(janitor, &wish);
    wish.has_open_session = 1;
    wish.from_unix_ms = 0;
    r = r < 0 ? r : clear(janitor, &wish);
    if (missing_bytes(janitor) > 0)
        shim_log(
            janitor->call, SHIM_ERROR, "janitor.no_room",
            "the disk of MEDIA_BASE_PATH has less than MIN_FREE_DISK_GB left, and no "
            "image may go that the cloud has not heard of or that is young");
    return r;
}
