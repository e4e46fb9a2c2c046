/* SPDX-License-Identifier: Apache-2.0 */
/* A run by hand, and what came of the last one (spec edge 4.7). */
#include "janitor.h"

#include "common/members.h"
#include "common/scratch.h"

/* 0, or 1 after replying. No body asks for what the options say. */
static int read_wish(struct shim_call *call, int *is_dry)
{
    struct farmiq_json_member member = { .name = "dry_run" };
    struct scratch scratch = { 0 };
    int r = call->body.len ? scratch_members(&scratch, call, call->body, &member, 1)
                           : FARMIQ_OK;

    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r < 0 || (member.type > FARMIQ_JSON_NULL && member.type != FARMIQ_JSON_BOOL))
        return shim_refuse(call, 400, "VALIDATION_ERROR",
                           "the body must be empty, or an object whose dry_run is "
                           "true or false");
    *is_dry = member.type == FARMIQ_JSON_BOOL && member.number != 0;
    return 0;
}

static int reply_run(struct shim_call *call, const struct janitor_run *run)
{
    struct farmiq_json_writer *json = shim_json(call, 512);

    farmiq_json_open(json, '{');
    member_time(json, "started_at", run->started_at_unix_ms);
    member_time(json, "finished_at", run->finished_at_unix_ms);
    member_int(json, "deleted_files", run->deleted_files);
    member_int(json, "freed_bytes", run->freed_bytes);
    member_flag(json, "dry_run", run->is_dry);
    member_text_or_null(json, "error", shim_str(run->error));
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

/* Answers when the run has ended, also when it failed. */
int janitor_post_run(struct shim_call *call)
{
    struct janitor_run run = { 0 };
    int is_dry = 0, r = read_wish(call, &is_dry);

    if (r)
        return r < 0 ? r : FARMIQ_OK;
    r = janitor_run(call, is_dry, &run);
    if (r == FARMIQ_E_BUSY)
        run = (struct janitor_run){ .started_at_unix_ms = call->now_unix_ms,
                                    .finished_at_unix_ms = call->now_unix_ms,
                                    .is_dry = is_dry,
                                    .error = "another run is under way" };
    else if (r < 0)
        return r;
    if (run.has_more)
        shim_wake(call, "janitor_run");
    return reply_run(call, &run);
}

int janitor_get_state(struct shim_call *call)
{
    const struct janitor_state *state = call->state;
    const struct janitor_run *run = &state->runs[state->done % JANITOR_RUNS];
    struct farmiq_json_writer *json = shim_json(call, 512);

    farmiq_json_open(json, '{');
    member_time_or_null(json, "last_run_at", run->finished_at_unix_ms);
    member_int(json, "last_deleted_files", run->deleted_files);
    member_int(json, "last_freed_bytes", run->freed_bytes);
    member_text_or_null(json, "last_error", shim_str(run->error));
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}
