/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of images by the passing of time (spec edge 5.8): old ones go, row first;
 * bytes that no row speaks of go; rows whose bytes are gone are counted, for somebody to
 * look at. Whatever a kill leaves of one of these, the next finds. */
#include "s3.h"

#include <string.h>

#include "common/purge.h"
#include "queries.h"

#define NAMES_AT_ONCE 200

/* Names that outlive the transaction they were read in. */
struct names {
    struct shim_call *call; /* the job's */
    uint32_t count;
    char last_id[FARMIQ_UUID_STRLEN + 1]; /* of a walk over rows */
    char text[NAMES_AT_ONCE][SHIM_FILE_NAME_MAX_BYTES + 1];
};

static struct farmiq_str name_at(const struct names *names, uint32_t i)
{
    return shim_str(names->text[i]);
}

static void add_name(struct names *names, struct farmiq_str name)
{
    if (names->count == NAMES_AT_ONCE || name.len > SHIM_FILE_NAME_MAX_BYTES)
        return;
    memcpy(names->text[names->count], name.ptr, name.len);
    names->text[names->count++][name.len] = '\0';
}

static int note_name(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    (void)row;
    (void)count;
    add_name(ctx, columns[0].text);
    return 0;
}

/* ## Old images */

static int delete_old(struct shim_call *call, void *arg)
{
    struct names *names = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_unix_ms(call, "MEDIA_RETENTION_DAYS")),
        farmiq_sql_integer(NAMES_AT_ONCE),
    };

    names->count = 0;
    return farmiq_sql_run(call->store, &sql_media_purge, NULL, params, 2, note_name,
                          names);
}

static int remove_bytes(struct shim_call *call, struct farmiq_str key)
{
    return s3_is_used(call) ? s3_remove(call, key)
                            : shim_file_remove(call, MEDIA_FOLDER, key);
}

int media_purge(struct shim_call *call)
{
    struct names *names = shim_memory(call, sizeof *names);
    int r = names ? shim_write(call, delete_old, names) : FARMIQ_E_NOMEM;

    if (r < 0)
        return r;
    for (uint32_t i = 0; i < names->count; i++)
        if (remove_bytes(call, name_at(names, i)) < 0)
            shim_log(call, SHIM_WARN, "media.left", "an image could not be deleted");
    return names->count == NAMES_AT_ONCE ? SHIM_AGAIN : FARMIQ_OK;
}

/* ## Bytes without a row */

static int note_row(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    *(int *)ctx = 1;
    return 0;
}

/* Under the writer's lock, so that no complete comes between the look and the deed; on
 * a server's database, complete takes nothing that is nearly this old. */
static int delete_orphans(struct shim_call *call, void *arg)
{
    const struct names *names = arg;
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < names->count && r >= 0; i++) {
        const struct farmiq_sql_value params[] = {
            farmiq_sql_text(shim_str(shim_text(call, "MEDIA_BUCKET"))),
            farmiq_sql_text(name_at(names, i)),
        };
        int has_row = 0;

        r = farmiq_sql_run(call->store, &sql_media_of_file, NULL, params, 2, note_row,
                           &has_row);
        if (r < 0 || has_row)
            continue;
        r = shim_file_remove(call, MEDIA_FOLDER, name_at(names, i));
        shim_count("farmiq_media_orphans_total", NULL, 1);
    }
    return r;
}

static int flush(struct names *names)
{
    int r = names->count ? shim_write(names->call, delete_orphans, names) : FARMIQ_OK;

    names->count = 0;
    return r < 0 ? r : FARMIQ_OK;
}

static int visit(void *ctx, struct farmiq_str name)
{
    struct names *names = ctx;

    add_name(names, name);
    return names->count == NAMES_AT_ONCE ? flush(names) : FARMIQ_OK;
}

static int sweep_files(struct shim_call *call, struct names *names)
{
    int64_t before = call->now_unix_ms - shim_number(call, "MEDIA_ORPHAN_GRACE");
    int r = shim_file_walk(call, MEDIA_FOLDER, before, visit, names);

    return r < 0 ? r : flush(names);
}

/* ## Rows without bytes */

static int note_page(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct names *names = ctx;

    (void)row;
    (void)count;
    memcpy(names->last_id, columns[1].text.ptr, FARMIQ_UUID_STRLEN);
    add_name(names, columns[0].text);
    return 0;
}

static int read_page(struct shim_call *call, void *arg)
{
    struct names *names = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(shim_str(names->last_id)),
        farmiq_sql_integer(NAMES_AT_ONCE),
    };

    names->count = 0;
    return farmiq_sql_run(call->store, &sql_media_page, NULL, params, 2, note_page,
                          names);
}

static int count_missing(struct shim_call *call, const struct names *names)
{
    int missing = 0;

    for (uint32_t i = 0; i < names->count; i++)
        missing +=
            shim_file_is_there(call, MEDIA_FOLDER, name_at(names, i)) == FARMIQ_NONE;
    return missing;
}

static int sweep_rows(struct shim_call *call, struct names *names)
{
    int missing = 0, r;

    do {
        r = shim_write(call, read_page, names);
        missing += r < 0 ? 0 : count_missing(call, names);
    } while (r >= 0 && names->count == NAMES_AT_ONCE);
    if (r < 0)
        return r;
    shim_gauge("farmiq_media_rows_without_bytes", NULL, missing);
    if (missing)
        shim_log(call, SHIM_ERROR, "media.lost", "%d images have lost their bytes",
                 missing);
    return FARMIQ_OK;
}

/* An S3 store has rules of its own for what is old and nobody's. */
int media_sweep(struct shim_call *call)
{
    struct names *names = s3_is_used(call) ? NULL : shim_memory(call, sizeof *names);
    int r = names ? FARMIQ_OK : FARMIQ_E_NOMEM;

    if (s3_is_used(call))
        return FARMIQ_OK;
    if (r == FARMIQ_OK) {
        names->call = call;
        r = sweep_files(call, names);
    }
    return r < 0 ? r : sweep_rows(call, names);
}
