/* SPDX-License-Identifier: Apache-2.0 */
/* A service's jobs, as tasks, and their way to the writer. */
#include <stdlib.h>

#include "kit/internal.h"

struct shim_job_run {
    struct shim_job_run *next;
    struct shim_runtime *runtime;
    const struct shim_hosted *hosted;
    const struct shim_job *job;
};

static int run_job(void *arg)
{
    const struct shim_job_run *run = arg;
    struct shim_call *call = shim_call_open(run->runtime, run->hosted);
    int r = call ? run->job->run(call) : FARMIQ_E_NOMEM;

    shim_call_close(call);
    return r;
}

static int start_job(struct shim_runtime *runtime, const struct shim_hosted *hosted,
                     const struct shim_job *job)
{
    struct shim_job_run *run = calloc(1, sizeof *run);
    struct shim_task task = {
        .name = job->name,
        .run = run_job,
        .ctx = run,
        .period_ms = shim_options_number(runtime->options, job->every_option),
    };

    if (!run)
        return FARMIQ_E_NOMEM;
    run->runtime = runtime;
    run->hosted = hosted;
    run->job = job;
    run->next = runtime->job_runs;
    runtime->job_runs = run;
    return shim_tasks_start(runtime->tasks, &task);
}

int shim_jobs_start(struct shim_runtime *runtime)
{
    int r = FARMIQ_OK;

    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        for (const struct shim_job *job = h->service->jobs; job && job->name && r >= 0;
             job++)
            r = start_job(runtime, h, job);
    return r;
}

void shim_jobs_free(struct shim_runtime *runtime)
{
    while (runtime->job_runs) {
        struct shim_job_run *run = runtime->job_runs;

        runtime->job_runs = run->next;
        free(run);
    }
}

int shim_write(struct shim_call *call, int (*unit)(struct shim_call *call, void *arg),
               void *arg)
{
    struct shim_runtime *runtime = call->internal->runtime;
    struct shim_hosted hosted = { call->service, call->state };
    struct shim_call *inner = shim_call_open(runtime, &hosted);
    struct shim_unit work = { .call = inner, .run = unit, .arg = arg };
    int r;

    if (!inner)
        return FARMIQ_E_NOMEM;
    inner->request_id = call->request_id;
    inner->trace_id = call->trace_id;
    inner->tenant_id = call->tenant_id;
    r = shim_writer_run(runtime->writer, &work);
    if (r >= 0)
        shim_call_run_effects(inner);
    call->now_unix_ms = shim_clock_unix_ms();
    shim_call_close(inner);
    return r;
}
