/* SPDX-License-Identifier: Apache-2.0 */
/* POST and GET /api/v1/inference/jobs (spec edge 4.5). */
#include "inference.h"

#include "common/members.h"
#include "common/text.h"
#include "queries.h"

#define JOB_BYTES 8192

enum {
    JOB_ID,
    TENANT,
    FARM,
    BARN,
    DEVICE,
    MEDIA,
    KEY,
    SESSION,
    TRACE,
    STATUS,
    CREATED,
    UPDATED,
    RESULT,
    ERROR,
    COLUMNS
};

struct job {
    struct shim_call *call;
    int is_there;
    struct farmiq_str text[COLUMNS];
    int64_t created_at_unix_ms, updated_at_unix_ms;
};

static int take_job(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct job *job = ctx;

    (void)row;
    for (uint32_t i = 0; i < count; i++)
        if (columns[i].type == FARMIQ_SQL_TEXT)
            job->text[i] = text_copy(job->call, columns[i].text);
    job->created_at_unix_ms = columns[CREATED].integer;
    job->updated_at_unix_ms = columns[UPDATED].integer;
    job->is_there = 1;
    return FARMIQ_OK;
}

static int find_job(struct shim_call *call, struct farmiq_str job_id, struct job *job)
{
    const struct farmiq_sql_value id = farmiq_sql_text(job_id);

    *job = (struct job){ .call = call };
    return farmiq_sql_run(call->store, &sql_job, NULL, &id, 1, take_job, job);
}

static int append(struct shim_call *call, const struct order *order)
{
    struct farmiq_outbox_row row;
    struct farmiq_event event;
    int r = order_event(call, order, &event);

    if (r < 0)
        return r;
    farmiq_outbox_row_init(&row, sizeof row);
    row.event = &event;
    shim_wake(call, "inference_work");
    return farmiq_store_outbox_append(call->store, QUEUE, &row, call->now_unix_ms);
}

static int reply_ordered(struct shim_call *call, const struct job *job)
{
    struct farmiq_json_writer *json = shim_json(call, JOB_BYTES);

    farmiq_json_open(json, '{');
    member_text(json, "job_id", job->text[JOB_ID]);
    member_text(json, "status", job->text[STATUS]);
    member_time(json, "created_at", job->created_at_unix_ms);
    member_time(json, "updated_at", job->updated_at_unix_ms);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

/* The same medium and the same model are the same job, in whatever state it is. */
int inference_post_job(struct shim_call *call)
{
    const struct inference_state *state = call->state;
    struct order order;
    struct job job;
    int r = order_read(call, &order);

    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    if (!*state->version)
        return shim_reply_error(call, 503, "NO_MODEL",
                                "no model is configured: set INFERENCE_MODEL_MANIFEST");
    r = append(call, &order);
    if (r == FARMIQ_OK)
        r = find_job(call, order.job_id, &job);
    return r < 0 ? r : reply_ordered(call, &job);
}

static void write_job(struct farmiq_json_writer *json, const struct job *job)
{
    static const struct {
        const char *name;
        int column;
    } members[] = {
        { "tenant_id", TENANT },   { "farm_id", FARM },   { "barn_id", BARN },
        { "device_id", DEVICE },   { "media_id", MEDIA }, { "object_key", KEY },
        { "session_id", SESSION }, { "trace_id", TRACE }, { "status", STATUS },
    };

    farmiq_json_open(json, '{');
    member_text(json, "job_id", job->text[JOB_ID]);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        member_text_or_null(json, members[i].name, job->text[members[i].column]);
    member_time(json, "created_at", job->created_at_unix_ms);
    member_time(json, "updated_at", job->updated_at_unix_ms);
    if (job->text[RESULT].len)
        member_text(json, "result_id", job->text[RESULT]);
    if (job->text[ERROR].len)
        member_text(json, "error", job->text[ERROR]);
    farmiq_json_close(json, '}');
}

int inference_get_job(struct shim_call *call)
{
    struct farmiq_str tenant_id = shim_header(call, "x-tenant-id");
    struct job job;
    int r = find_job(call, shim_path_part(call, "jobId"), &job);

    if (r < 0)
        return r;
    if (!job.is_there || (tenant_id.len && !text_equal(tenant_id, job.text[TENANT])))
        return shim_reply_error(call, 404, "NOT_FOUND", "no such job");
    write_job(shim_json(call, JOB_BYTES), &job);
    return shim_reply(call, 200);
}
