/* SPDX-License-Identifier: Apache-2.0 */
/* A run: everything that is to be cleared up, once. Runs in other processes beside it are
 * harmless: each file and each row goes once, and finding it gone is no failure. */
#include "janitor.h"

#include <string.h>

#include "common/text.h"

static const struct part {
    const char *name;
    int (*run)(struct janitor *janitor);
} parts[] = {
    { "files without a row", janitor_sweep },
    { "logs", janitor_clear_logs },
    { "old images", janitor_clear_old },
    { "room on the disk", janitor_make_room },
    { "rows without bytes", janitor_count_lost },
};

void janitor_count(struct janitor *janitor, int64_t files, int64_t bytes)
{
    janitor->run.deleted_files += files;
    janitor->run.freed_bytes += bytes;
    if (janitor->run.is_dry)
        return;
    shim_count("edge_janitor_deleted_files_total", NULL, (uint64_t)files);
    shim_count("edge_janitor_freed_bytes_total", NULL, (uint64_t)bytes);
}

static void note_failure(struct janitor *janitor, const char *part, int r)
{
    char *error = janitor->run.error;
    const struct farmiq_str text =
        text_join(janitor->call,
                  (struct farmiq_str[]){ shim_str(part), shim_str(": "),
                                         shim_str(farmiq_strerror(r)) },
                  3);

    shim_log(janitor->call, SHIM_WARN, "janitor.failed", "%s: %s", part,
             farmiq_strerror(r));
    if (!*error && text.len < sizeof janitor->run.error)
        memcpy(error, text.ptr, text.len);
}

static void run_parts(struct janitor *janitor)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int r = parts[i].run(janitor);

        if (r < 0)
            note_failure(janitor, parts[i].name, r);
    }
}

/* ## What came of it */

static void tell(const struct shim_call *call, const struct janitor_run *run)
{
    shim_count("edge_janitor_runs_total", NULL, 1);
    shim_gauge("edge_janitor_last_run_timestamp", NULL,
               (double)run->finished_at_unix_ms / 1000);
    if (run->is_dry && run->deleted_files)
        shim_log(call, SHIM_WARN, "janitor.dry",
                 "%lld files of %lld bytes would go; JANITOR_DRY_RUN=false lets them",
                 (long long)run->deleted_files, (long long)run->freed_bytes);
    else if (run->deleted_files)
        shim_log(call, SHIM_INFO, "janitor.ran", "%lld files of %lld bytes went",
                 (long long)run->deleted_files, (long long)run->freed_bytes);
}

static void publish(struct janitor_state *state, const struct janitor_run *run)
{
    state->runs[(state->done + 1) % JANITOR_RUNS] = *run;
    state->done++;
}

static int run_alone(struct shim_call *call, int is_dry, struct janitor_run *run)
{
    struct janitor *janitor = shim_memory(call, sizeof *janitor);

    if (!janitor)
        return FARMIQ_E_NOMEM;
    janitor->call = call;
    janitor->run.is_dry = is_dry;
    janitor->run.started_at_unix_ms = call->now_unix_ms;
    run_parts(janitor);
    janitor->run.finished_at_unix_ms = call->now_unix_ms;
    *run = janitor->run;
    tell(call, run);
    publish(call->state, run);
    return FARMIQ_OK;
}

int janitor_run(struct shim_call *call, int is_dry, struct janitor_run *run)
{
    struct janitor_state *state = call->state;
    int r = FARMIQ_E_BUSY;

    if (state->at_work++ == 0)
        r = run_alone(call, is_dry || shim_number(call, "JANITOR_DRY_RUN"), run);
    state->at_work--;
    return r;
}

int janitor_run_job(struct shim_call *call)
{
    struct janitor_run run;
    int r = janitor_run(call, 0, &run);

    return r == FARMIQ_E_BUSY ? FARMIQ_OK : r < 0 || !run.has_more ? r : SHIM_AGAIN;
}
