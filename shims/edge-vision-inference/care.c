/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a service's life, and the end of what it kept. */
#include "inference.h"

#include "common/purge.h"
#include "common/scratch.h"
#include "queries.h"

#include <string.h>

#define MANIFEST_BYTES (64 * 1024)
#define LATER_MS (24 * 3600 * INT64_C(1000)) /* every lease has ended then */

/* The version is a part of every job's id, so it must be known before the model runs,
 * and also when it does not. */
static int read_version(struct shim_call *call, const char *path)
{
    struct inference_state *state = call->state;
    struct farmiq_json_member version = { .name = "version" };
    struct scratch scratch = { 0 };
    struct farmiq_str text;
    int r = shim_read_file(call, path, MANIFEST_BYTES, &text);

    if (r == FARMIQ_OK)
        r = scratch_members(&scratch, call, text, &version, 1);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r == FARMIQ_OK && version.type == FARMIQ_JSON_STRING && version.text.len > 0 &&
        version.text.len < sizeof state->version)
        memcpy(state->version, version.text.ptr, version.text.len);
    if (!*state->version)
        shim_log(call, SHIM_ERROR, "inference.no_model",
                 "INFERENCE_MODEL_MANIFEST: %s, or names no version of 1 to %d bytes",
                 r < 0 ? farmiq_strerror(r) : "is read", VERSION_BYTES - 1);
    return FARMIQ_OK;
}

/* What a killed process had in hand is due again, unless a replica that lives may hold
 * it: nobody can tell, so there the lease decides. */
int inference_begin(struct shim_call *call)
{
    const char *manifest = shim_text(call, "INFERENCE_MODEL_MANIFEST");
    int r = *manifest ? read_version(call, manifest) : FARMIQ_OK;
    uint32_t count;

    if (r < 0 || shim_store_is_shared(call))
        return r;
    return farmiq_store_outbox_unclaim(call->store, QUEUE, call->now_unix_ms + LATER_MS,
                                       0, &count);
}

/* ## Age */

static int purge_done(struct shim_call *call, uint32_t *rows)
{
    return farmiq_store_outbox_purge(
        call->store, QUEUE, purge_before_unix_ms(call, "INFERENCE_RETENTION_DAYS"),
        PURGE_ROWS, rows);
}

static int purge_results(struct shim_call *call, uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_unix_ms(call, "INFERENCE_RETENTION_DAYS")),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, &sql_results_purge, NULL, params, 2, rows);
}

static int purge_jobs_audit(struct shim_call *call, uint32_t *rows)
{
    return purge_audit(call, QUEUE, rows);
}

static int purge_jobs_dead(struct shim_call *call, uint32_t *rows)
{
    return purge_dead(call, QUEUE, rows);
}

int inference_purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_done, purge_results, purge_jobs_audit,
                                         purge_jobs_dead, NULL };

    return purge_run(call, steps);
}
