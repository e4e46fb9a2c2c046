/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the store's images are old, and which rows and bytes belong together. */
#include "s3.h"

#include "common/image_care.h"
#include "common/rows.h"
#include "queries.h"

static int has_row(struct shim_call *call, struct farmiq_str name)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(shim_str(shim_text(call, "MEDIA_BUCKET"))),
        farmiq_sql_text(name),
    };

    return rows_exist(call, &sql_media_of_file, params, 2);
}

static int remove_bytes(struct shim_call *call, struct farmiq_str key)
{
    return s3_is_used(call) ? s3_remove(call, key)
                            : shim_file_remove(call, MEDIA_FOLDER, key);
}

static const struct image_care care = {
    .folder_option = MEDIA_FOLDER,
    .grace_option = "MEDIA_ORPHAN_GRACE",
    .retention_option = "MEDIA_RETENTION_DAYS",
    .purge = &sql_media_purge,
    .page = &sql_media_page,
    .has_row = has_row,
    .remove = remove_bytes,
};

int media_purge(struct shim_call *call) { return image_care_purge(call, &care); }

/* An S3 store has rules of its own for what is old and nobody's. */
int media_sweep(struct shim_call *call)
{
    return s3_is_used(call) ? FARMIQ_OK : image_care_sweep(call, &care);
}
