/* SPDX-License-Identifier: Apache-2.0 */
/* What a weigh-vision event says, in whichever spelling. */
#include "common/weigh.h"

#include "common/text.h"

static const struct {
    const char *event_type;
    int32_t kind;
} kinds[] = {
    { "weighvision.session.created", FARMIQ_SESSION_EV_CREATED },
    { "weighvision.weight.recorded", FARMIQ_SESSION_EV_WEIGHT },
    { "weighvision.image.captured", FARMIQ_SESSION_EV_IMAGE },
    { "media.bound", FARMIQ_SESSION_EV_IMAGE },
    { "media.stored", FARMIQ_SESSION_EV_IMAGE },
    { "weighvision.inference.completed", FARMIQ_SESSION_EV_INFERENCE },
    { "inference.completed", FARMIQ_SESSION_EV_INFERENCE },
    { "weighvision.session.finalized", FARMIQ_SESSION_EV_FINALIZED },
};

int32_t weigh_kind(struct farmiq_str event_type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (text_is(event_type, kinds[i].event_type))
            return kinds[i].kind;
    return 0;
}

/* Of several spellings the first that is there counts. */
enum {
    SESSION = 0,
    BATCH = 2,
    WEIGHT = 4,
    MEDIA = 8,
    COUNT = 14,
    RESULT = 16,
    FINAL = 19,
    END = 21
};

static const char *const names[END] = {
    "sessionId",         "session_id",          "batchId",    "batch_id",
    "weightKg",          "weight_kg",           "weight",     "value",
    "mediaObjectId",     "media_object_id",     "mediaId",    "media_id",
    "objectId",          "object_id",           "imageCount", "image_count",
    "inferenceResultId", "inference_result_id", "result_id",  "finalWeightKg",
    "final_weight_kg",
};

static const struct farmiq_json_member *
first_of(const struct farmiq_json_member members[END], int from, int to)
{
    for (int i = from; i < to - 1; i++)
        if (members[i].type != FARMIQ_JSON_ABSENT && members[i].type != FARMIQ_JSON_NULL)
            return &members[i];
    return &members[to - 1];
}

static struct farmiq_str name_in(const struct farmiq_json_member *member)
{
    return member->type == FARMIQ_JSON_STRING && member->text.len <= FARMIQ_ID_MAX_BYTES
               ? member->text
               : shim_str("");
}

static int is_weight(double kg) { return kg > 0 && kg <= FARMIQ_SESSION_WEIGHT_MAX_KG; }

static int read_weight(struct weigh_fact *fact, const struct farmiq_json_member m[END])
{
    const struct farmiq_json_member *weight = first_of(m, WEIGHT, MEDIA);

    if (weight->type != FARMIQ_JSON_NUMBER)
        return FARMIQ_E_SCHEMA;
    fact->weight_kg = weight->number;
    return is_weight(weight->number) ? FARMIQ_OK : FARMIQ_E_RANGE;
}

static int read_media(struct weigh_fact *fact, const struct farmiq_json_member m[END])
{
    fact->media_id = name_in(first_of(m, MEDIA, COUNT));
    return fact->media_id.len ? FARMIQ_OK : FARMIQ_E_SCHEMA;
}

static int read_result(struct weigh_fact *fact, const struct farmiq_json_member m[END])
{
    fact->inference_result_id = name_in(first_of(m, RESULT, FINAL));
    return fact->inference_result_id.len ? FARMIQ_OK : FARMIQ_E_SCHEMA;
}

/* A claim that makes no sense is not worth the loss of the session. */
static int read_claims(struct weigh_fact *fact, const struct farmiq_json_member m[END])
{
    const struct farmiq_json_member *count = first_of(m, COUNT, RESULT);
    const struct farmiq_json_member *weight = first_of(m, FINAL, END);

    if (count->type == FARMIQ_JSON_NUMBER && count->number >= 0 &&
        count->number <= 1000000)
        fact->image_count = (uint32_t)count->number;
    if (weight->type == FARMIQ_JSON_NUMBER && is_weight(weight->number))
        fact->weight_kg = weight->number;
    return FARMIQ_OK;
}

static int read_batch(struct weigh_fact *fact, const struct farmiq_json_member m[END])
{
    struct farmiq_str batch_id = name_in(first_of(m, BATCH, WEIGHT));

    if (batch_id.len)
        fact->batch_id = batch_id;
    return FARMIQ_OK;
}

/* What an event of each kind must say. */
static const struct {
    int (*read)(struct weigh_fact *fact, const struct farmiq_json_member m[END]);
    const char *fault;
} rules[] = {
    [FARMIQ_SESSION_EV_CREATED] = { read_batch, NULL },
    [FARMIQ_SESSION_EV_WEIGHT] = { read_weight, "weight_kg must be a number above 0 and "
                                                "at most 5000" },
    [FARMIQ_SESSION_EV_IMAGE] = { read_media, "media_id must be 1 to 128 bytes of text" },
    [FARMIQ_SESSION_EV_INFERENCE] = { read_result, "inference_result_id must be 1 to 128 "
                                                   "bytes of text" },
    [FARMIQ_SESSION_EV_FINALIZED] = { read_claims, NULL },
};

/* An event and its payload may both name the session, but not two. */
static int agree_on_session(struct weigh_fact *fact, struct farmiq_str said)
{
    if (!fact->session_id.len)
        fact->session_id = said;
    return !said.len || text_equal(said, fact->session_id) ? FARMIQ_OK : FARMIQ_E_SCHEMA;
}

int weigh_read(struct weigh_fact *fact, struct scratch *scratch, struct shim_call *call,
               struct farmiq_str payload, const char **fault)
{
    struct farmiq_json_member members[END];
    int r;

    for (int i = 0; i < END; i++)
        members[i] = (struct farmiq_json_member){ .name = names[i] };
    *fault = "payload is not a JSON object";
    r = payload.len ? scratch_members(scratch, call, payload, members, END) : FARMIQ_OK;
    if (r != FARMIQ_OK)
        return r;
    *fault = "session_id in the payload is not the event's";
    r = agree_on_session(fact, name_in(first_of(members, SESSION, BATCH)));
    if (r != FARMIQ_OK)
        return r;
    *fault = rules[fact->kind].fault;
    return rules[fact->kind].read(fact, members);
}
