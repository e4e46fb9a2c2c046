/* SPDX-License-Identifier: Apache-2.0 */
/* A picture is fetched from the media store and shown to the model. Whose fault it is
 * when that fails decides what becomes of the job: the picture's, for good; nobody's that
 * is known, a few times more; an outage, until it is over. */
#include "inference.h"

#include "common/members.h"
#include "common/scratch.h"
#include "common/text.h"

static void conclude(struct work *work, int32_t outcome, const char *error,
                     struct farmiq_str message)
{
    work->finding.outcome = outcome;
    work->finding.error = error;
    work->finding.message = text_copy(work->call, message);
}

/* ## The picture */

static int32_t outcome_of_status(int status)
{
    switch (status) {
    case 200:
        return FARMIQ_OUTCOME_ACKED;
    case 400:
    case 403:
    case 410:
    case 413:
    case 422:
        return FARMIQ_OUTCOME_REFUSED;
    case 404: /* it may be on its way */
    case 500: /* it may be this picture that the store cannot read */
        return FARMIQ_OUTCOME_RETRY;
    default:
        return FARMIQ_OUTCOME_UNREACHED;
    }
}

static void conclude_request(struct work *work, const struct shim_request *request, int r)
{
    const struct farmiq_str parts[] = { shim_str("the media store answered "),
                                        text_of_number(work->call, request->status) };

    if (r == FARMIQ_E_RANGE)
        conclude(work, FARMIQ_OUTCOME_REFUSED, "PICTURE_TOO_LARGE",
                 shim_str("the picture is too large"));
    else if (r < 0)
        conclude(work, FARMIQ_OUTCOME_UNREACHED, "MEDIA_UNREACHABLE",
                 shim_str(farmiq_strerror(r)));
    else
        conclude(work, outcome_of_status(request->status), "MEDIA_NOT_GIVEN",
                 text_join(work->call, parts, 2));
}

static void fetch(struct work *work, struct farmiq_str *picture)
{
    const struct order *order = &work->order;
    const struct farmiq_str parts[] = { shim_str("/api/v1/media/objects/"),
                                        order->media_id };
    const struct shim_header_line tenant = { "x-tenant-id", order->tenant_id };
    struct shim_request request = {
        .service = "edge-media-store",
        .url_option = "EDGE_MEDIA_STORE_URL",
        .method = "GET",
        .path = text_join(work->call, parts, 2).ptr,
        .headers = &tenant,
        .header_count = 1,
        .timeout_ms = (uint32_t)shim_number(work->call, "MEDIA_TIMEOUT_MS"),
    };

    conclude_request(work, &request, shim_request(work->call, &request));
    *picture = request.reply;
}

/* ## The model */

static struct shim_question question_of(struct shim_call *call, struct farmiq_str text)
{
    return (struct shim_question){
        .program = shim_text(call, "INFERENCE_MODEL_WORKER"),
        .argument = shim_text(call, "INFERENCE_MODEL_MANIFEST"),
        .text = text,
        .timeout_ms = (uint32_t)shim_number(call, "INFERENCE_MODEL_TIMEOUT_MS"),
        .memory_bytes = (uint64_t)shim_number(call, "INFERENCE_MODEL_MEMORY_BYTES"),
    };
}

int look_ready(struct shim_call *call, struct farmiq_str *version)
{
    struct farmiq_json_member m[] = { { .name = "status" },
                                      { .name = "version" },
                                      { .name = "field" },
                                      { .name = "detail" } };
    struct shim_question question = question_of(call, (struct farmiq_str){ 0 });
    struct scratch scratch = { 0 };
    int r = shim_ask_worker(call, &question);

    if (r == FARMIQ_OK)
        r = scratch_members(&scratch, call, question.greeting, m, 4);
    shim_gauge("farmiq_inference_model_ready", NULL,
               r == FARMIQ_OK && text_is(m[0].text, "ready"));
    if (r == FARMIQ_OK && text_is(m[0].text, "ready")) {
        *version = text_copy(call, m[1].text);
        return FARMIQ_OK;
    }
    shim_log(call, SHIM_ERROR, "inference.model",
             "the model cannot be started: %.*s%.*s %.*s", (int)question.fault.len,
             question.fault.ptr, r < 0 ? 0 : (int)m[2].text.len,
             r < 0 ? "" : m[2].text.ptr, r < 0 ? 0 : (int)m[3].text.len,
             r < 0 ? "" : m[3].text.ptr);
    return r == FARMIQ_E_NOMEM ? r : FARMIQ_E_UNREACHABLE;
}

static int is_ours(const struct farmiq_json_member *member)
{
    return member->type == FARMIQ_JSON_NUMBER;
}

/* What the model adds is one object with ours: it comes as one, and stays one. */
static struct farmiq_str join_metadata(struct work *work, struct farmiq_str ours,
                                       struct farmiq_str models)
{
    int has_members = models.len > 2;
    const struct farmiq_str parts[] = {
        { ours.ptr, ours.len - 1 },
        shim_str(has_members ? "," : ""),
        has_members ? (struct farmiq_str){ models.ptr + 1, models.len - 1 }
                    : shim_str("}"),
    };

    return text_join(work->call, parts, 3);
}

static void write_metadata(struct farmiq_json_writer *json, const void *ctx)
{
    const struct order *order = ctx;

    farmiq_json_open(json, '{');
    member_text(json, "job_id", order->job_id);
    member_text(json, "media_id", order->media_id);
    member_text_or_null(json, "session_id", order->session_id);
    member_text_or_null(json, "image_path", order->object_key);
    farmiq_json_close(json, '}');
}

static int take_estimate(struct work *work, const struct farmiq_json_member m[3])
{
    struct finding *finding = &work->finding;
    struct farmiq_str ours;
    int r = scratch_build(work->call, 2048, write_metadata, &work->order, &ours);

    if (r < 0)
        return r;
    if (!is_ours(&m[0]) || !is_ours(&m[1]) || m[0].number < 0 || m[1].number < 0 ||
        m[1].number > 1 || m[2].type != FARMIQ_JSON_OBJECT) {
        conclude(work, FARMIQ_OUTCOME_REFUSED, "MODEL_ERROR",
                 shim_str("the model's answer is no weight of 0 kg or more with a "
                          "confidence from 0 to 1"));
        return FARMIQ_OK;
    }
    finding->outcome = FARMIQ_OUTCOME_ACKED;
    finding->weight_kg = m[0].number;
    finding->confidence = m[1].number;
    finding->metadata = join_metadata(work, ours, m[2].text);
    return finding->metadata.len ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static int read_answer(struct work *work, struct farmiq_str answer)
{
    struct farmiq_json_member m[] = { { .name = "weight_kg" }, { .name = "confidence" },
                                      { .name = "metadata" },  { .name = "status" },
                                      { .name = "code" },      { .name = "detail" } };
    struct scratch scratch = { 0 };
    int r = scratch_members(&scratch, work->call, answer, m, 6);

    if (r < 0)
        return r;
    if (text_is(m[3].text, "ok"))
        return take_estimate(work, m);
    if (text_is(m[3].text, "undefined"))
        conclude(work, FARMIQ_OUTCOME_REFUSED, "NO_ANIMAL", m[5].text);
    else if (text_is(m[4].text, "FARMIQ_E_NOMEM"))
        conclude(work, FARMIQ_OUTCOME_RETRY, "MODEL_ERROR", m[5].text);
    else
        conclude(work, FARMIQ_OUTCOME_REFUSED, "PICTURE_REFUSED", m[5].text);
    return FARMIQ_OK;
}

static int show(struct work *work, struct farmiq_str picture)
{
    struct shim_question question = question_of(work->call, picture);
    int r = shim_ask_worker(work->call, &question);

    if (r == FARMIQ_OK)
        return read_answer(work, question.answer);
    if (!question.greeting.len)
        conclude(work, FARMIQ_OUTCOME_UNREACHED, "MODEL_UNREACHABLE", question.fault);
    else
        conclude(work, FARMIQ_OUTCOME_RETRY, "MODEL_LOST", question.fault);
    return r == FARMIQ_E_UNREACHABLE ? FARMIQ_OK : r;
}

int look(struct work *work)
{
    struct farmiq_str picture;

    fetch(work, &picture);
    if (work->finding.outcome != FARMIQ_OUTCOME_ACKED)
        return FARMIQ_OK;
    if (!picture.len) {
        conclude(work, FARMIQ_OUTCOME_REFUSED, "PICTURE_REFUSED",
                 shim_str("it is empty"));
        return FARMIQ_OK;
    }
    return show(work, picture);
}
