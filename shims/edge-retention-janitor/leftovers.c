/* SPDX-License-Identifier: Apache-2.0 */
/* What no row speaks of: bytes whose complete never came, what killed processes left, old
 * logs; and rows whose bytes are gone, which are counted for somebody to look at. */
#include "janitor.h"

#include "common/image_care.h"
#include "common/purge.h"
#include "common/rows.h"
#include "queries.h"

#include <string.h>

#define LOG_FOLDER "JANITOR_LOG_PATH"

/* ## Images. An S3 store has rules of its own for what is nobody's. */

static int has_row(struct shim_call *call, struct farmiq_str name)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(shim_str(shim_text(call, "MEDIA_BUCKET"))),
        farmiq_sql_text(name),
    };

    return rows_exist(call, &sql_image_of_file, params, 2);
}

static int remove_bytes(struct shim_call *call, struct farmiq_str key)
{
    return shim_file_remove(call, MEDIA_FOLDER, key);
}

static const struct image_care care = {
    .folder_option = MEDIA_FOLDER,
    .grace_option = "MEDIA_ORPHAN_GRACE",
    .page = &sql_image_keys,
    .has_row = has_row,
    .remove = remove_bytes,
};

int janitor_sweep(struct janitor *janitor)
{
    struct image_care_sum sum = { .is_dry = janitor->run.is_dry };
    int r = s3_is_used(janitor->call) ? FARMIQ_OK
                                      : image_care_sweep(janitor->call, &care, &sum);

    janitor_count(janitor, sum.files, sum.bytes);
    return r;
}

int janitor_count_lost(struct janitor *janitor)
{
    return s3_is_used(janitor->call) ? FARMIQ_OK
                                     : image_care_count_lost(janitor->call, &care);
}

/* ## Logs */

/* Only what is a log by its name: a database that was put beside them stays. */
static int visit_log(void *ctx, const struct shim_file_found *found)
{
    struct janitor *janitor = ctx;
    const char *last = memrchr(found->name.ptr, '/', found->name.len);
    const char *end = found->name.ptr + found->name.len;

    last = last ? last : found->name.ptr;
    if (found->kind == SHIM_FILE_FOLDER ||
        !memmem(last, (size_t)(end - last), ".log", strlen(".log")))
        return FARMIQ_OK;
    janitor_count(janitor, 1, found->bytes);
    return janitor->run.is_dry ? FARMIQ_OK : SHIM_FILE_GOES;
}

int janitor_clear_logs(struct janitor *janitor)
{
    int64_t before = purge_before_unix_ms(janitor->call, "LOG_RETENTION_DAYS");

    return *shim_text(janitor->call, LOG_FOLDER)
               ? shim_file_walk(janitor->call, LOG_FOLDER, before, visit_log, janitor)
               : FARMIQ_OK;
}
