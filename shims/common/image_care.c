/* SPDX-License-Identifier: Apache-2.0 */
#include "common/image_care.h"

#include <string.h>

#include "common/purge.h"

#define NAMES_AT_ONCE 200

/* Names that outlive the transaction they were read in. */
struct names {
    struct shim_call *call; /* the job's */
    const struct image_care *care;
    struct image_care_sum *sum;
    uint32_t rows, count;                    /* a row need not have a name */
    char last[SHIM_FILE_NAME_MAX_BYTES + 1]; /* where a walk over rows is */
    char text[NAMES_AT_ONCE][SHIM_FILE_NAME_MAX_BYTES + 1];
    int64_t bytes[NAMES_AT_ONCE]; /* of files that were found */
    int is_gone[NAMES_AT_ONCE];
};

static struct farmiq_str name_at(const struct names *names, uint32_t i)
{
    return shim_str(names->text[i]);
}

static void add_name(struct names *names, struct farmiq_str name)
{
    names->rows++;
    if (!name.len || names->count == NAMES_AT_ONCE || name.len > SHIM_FILE_NAME_MAX_BYTES)
        return;
    memcpy(names->text[names->count], name.ptr, name.len);
    names->text[names->count++][name.len] = '\0';
}

static struct names *names_for(struct shim_call *call, const struct image_care *care)
{
    struct names *names = shim_memory(call, sizeof *names);

    if (names) {
        names->call = call;
        names->care = care;
    }
    return names;
}

static void forget(struct names *names) { names->rows = names->count = 0; }

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
        farmiq_sql_integer(purge_before_unix_ms(call, names->care->retention_option)),
        farmiq_sql_integer(NAMES_AT_ONCE),
    };

    forget(names);
    return farmiq_sql_run(call->store, names->care->purge, NULL, params, 2, note_name,
                          names);
}

int image_care_purge(struct shim_call *call, const struct image_care *care)
{
    struct names *names = names_for(call, care);
    int r = names ? shim_write(call, delete_old, names) : FARMIQ_E_NOMEM;

    if (r < 0)
        return r;
    for (uint32_t i = 0; i < names->count; i++)
        if (care->remove(call, name_at(names, i)) < 0)
            shim_log(call, SHIM_WARN, "media.left", "an image could not be deleted");
    return names->rows == NAMES_AT_ONCE ? SHIM_AGAIN : FARMIQ_OK;
}

/* ## Bytes without a row */

static int delete_orphan(struct shim_call *call, struct names *names, uint32_t i)
{
    int has_row = names->care->has_row(call, name_at(names, i));
    int r = has_row < 0 ? has_row : FARMIQ_OK;

    if (has_row)
        return r;
    if (!names->sum->is_dry)
        r = names->care->remove(call, name_at(names, i));
    names->is_gone[i] |= r >= 0; /* also when this transaction comes again */
    return r;
}

/* Under the writer's lock, so that no row comes between the look and the deed; on a
 * server's database, no row is made for bytes that are nearly this old. */
static int delete_orphans(struct shim_call *call, void *arg)
{
    struct names *names = arg;
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < names->count && r >= 0; i++)
        r = delete_orphan(call, names, i);
    return r;
}

static void count(struct image_care_sum *sum, int64_t bytes)
{
    sum->files++;
    sum->bytes += bytes;
}

static int flush(struct names *names)
{
    int r = names->count ? shim_write(names->call, delete_orphans, names) : FARMIQ_OK;

    for (uint32_t i = 0; i < names->count; i++)
        if (names->is_gone[i]) {
            count(names->sum, names->bytes[i]);
            shim_count("farmiq_media_orphans_total", NULL, !names->sum->is_dry);
        }
    memset(names->is_gone, 0, sizeof names->is_gone);
    forget(names);
    return r < 0 ? r : FARMIQ_OK;
}

/* Nobody speaks of what a killed process left, nor of empty folders. A file of a name
 * that no store gives was put there by somebody else, and stays. */
static int visit(void *ctx, const struct shim_file_found *found)
{
    struct names *names = ctx;

    if (found->kind == SHIM_FILE_LEFTOVER)
        count(names->sum, found->bytes);
    if (found->kind != SHIM_FILE_KEPT)
        return names->sum->is_dry ? FARMIQ_OK : SHIM_FILE_GOES;
    if (!shim_file_name_is_valid(found->name))
        return FARMIQ_OK;
    names->bytes[names->count] = found->bytes;
    add_name(names, found->name);
    return names->count == NAMES_AT_ONCE ? flush(names) : FARMIQ_OK;
}

int image_care_sweep(struct shim_call *call, const struct image_care *care,
                     struct image_care_sum *sum)
{
    struct names *names = names_for(call, care);
    int64_t before = call->now_unix_ms - shim_number(call, care->grace_option);
    int r;

    if (!names)
        return FARMIQ_E_NOMEM;
    names->sum = sum;
    r = shim_file_walk(call, care->folder_option, before, visit, names);
    return r < 0 ? r : flush(names);
}

/* ## Rows without bytes */

static int note_page(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct names *names = ctx;
    struct farmiq_str last = columns[1].text;

    (void)row;
    (void)count;
    if (last.len >= sizeof names->last)
        return FARMIQ_E_RANGE;
    memcpy(names->last, last.ptr, last.len);
    names->last[last.len] = '\0';
    add_name(names, columns[0].text);
    return 0;
}

static int read_page(struct shim_call *call, void *arg)
{
    struct names *names = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(shim_str(names->last)),
        farmiq_sql_integer(NAMES_AT_ONCE),
    };

    forget(names);
    return farmiq_sql_run(call->store, names->care->page, NULL, params, 2, note_page,
                          names);
}

static int count_missing(const struct names *names)
{
    int missing = 0;

    for (uint32_t i = 0; i < names->count; i++)
        missing += shim_file_is_there(names->call, names->care->folder_option,
                                      name_at(names, i)) == FARMIQ_NONE;
    return missing;
}

int image_care_count_lost(struct shim_call *call, const struct image_care *care)
{
    struct names *names = names_for(call, care);
    int missing = 0, r;

    if (!names)
        return FARMIQ_E_NOMEM;
    do {
        r = shim_write(call, read_page, names);
        missing += r < 0 ? 0 : count_missing(names);
    } while (r >= 0 && names->rows == NAMES_AT_ONCE);
    if (r < 0)
        return r;
    shim_gauge("farmiq_media_rows_without_bytes", NULL, missing);
    if (missing)
        shim_log(call, SHIM_ERROR, "media.lost", "%d images have lost their bytes",
                 missing);
    return FARMIQ_OK;
}
