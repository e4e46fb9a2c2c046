/* SPDX-License-Identifier: Apache-2.0 */
/* Where images lie, as media.stored says. It is kept by medium and not by session: which
 * session an image belongs to may be said before, after, or by another event. */
#include "readmodel.h"

#include "common/consume.h"
#include "queries.h"

#define COLUMNS 4

int images_open(struct images *images, struct shim_call *call)
{
    images->params = consume_room(call, COLUMNS * sizeof *images->params);
    images->count = 0;
    return images->params ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static struct farmiq_str path_in(const struct farmiq_json_member m[2])
{
    for (int i = 0; i < 2; i++)
        if (m[i].type == FARMIQ_JSON_STRING && m[i].text.len > 0 &&
            m[i].text.len <= SHIM_FILE_NAME_MAX_BYTES)
            return m[i].text;
    return shim_str("");
}

int images_read(struct images *images, struct scratch *scratch, struct shim_call *call,
                const struct weigh_fact *fact, struct farmiq_str payload)
{
    struct farmiq_json_member m[] = { { .name = "path" }, { .name = "object_key" } };
    struct farmiq_sql_value *to = images->params + (size_t)images->count * COLUMNS;
    int r = scratch_members(scratch, call, payload, m, 2);
    struct farmiq_str path = r == FARMIQ_OK ? path_in(m) : shim_str("");

    if (!path.len)
        return r;
    to[0] = farmiq_sql_text(fact->tenant_id);
    to[1] = farmiq_sql_text(fact->media_id);
    to[2] = farmiq_sql_text(path);
    to[3] = farmiq_sql_integer(call->now_unix_ms);
    images->count++;
    return FARMIQ_OK;
}

int images_store(const struct images *images, struct shim_call *call)
{
    return images->count
               ? farmiq_sql_run_many(call->store, &sql_image_add, NULL, images->params,
                                     COLUMNS, images->count, NULL, NULL)
               : FARMIQ_OK;
}
