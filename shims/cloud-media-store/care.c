/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the cloud's images are old, and which rows and bytes belong together. */
#include "cloud_media.h"

#include "common/image_care.h"
#include "common/rows.h"
#include "queries.h"

static int has_row(struct shim_call *call, struct farmiq_str name)
{
    const struct farmiq_sql_value param = farmiq_sql_text(name);

    return rows_exist(call, &sql_object_of_file, &param, 1);
}

static int remove_bytes(struct shim_call *call, struct farmiq_str name)
{
    return cloud_media_has_folder(call) ? shim_file_remove(call, CLOUD_MEDIA_FOLDER, name)
                                        : FARMIQ_OK;
}

static const struct image_care care = {
    .folder_option = CLOUD_MEDIA_FOLDER,
    .grace_option = "MEDIA_ORPHAN_GRACE",
    .retention_option = "MEDIA_RETENTION_DAYS",
    .purge = &sql_objects_purge,
    .page = &sql_objects_stored,
    .has_row = has_row,
    .remove = remove_bytes,
};

int cloud_media_purge(struct shim_call *call) { return image_care_purge(call, &care); }

int cloud_media_sweep(struct shim_call *call)
{
    struct image_care_sum sum = { 0 };
    int r =
        cloud_media_has_folder(call) ? image_care_sweep(call, &care, &sum) : FARMIQ_NONE;

    return r == FARMIQ_OK ? image_care_count_lost(call, &care) : r < 0 ? r : FARMIQ_OK;
}
