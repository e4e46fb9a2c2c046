/* SPDX-License-Identifier: Apache-2.0 */
/* The cloud's answer to a batch: spec edge 6.6, cloud 1.4, guard of 13-C20. */
#include <farmiq/batch.h>

#include "json_private.h"

void farmiq_batch_answer_init(struct farmiq_batch_answer *answer, size_t size)
{
    static const struct farmiq_batch_answer defaults = { 0 };

    farmiq__init(answer, size, &defaults, sizeof defaults);
}

/* ## Reading */

enum head { ACCEPTED, DUPLICATED, REJECTED, ERRORS, HEADS };
enum member { EVENT_ID, INDEX, ERROR_TEXT, CODE, RETRYABLE, MEMBERS };

static const struct farmiq_str head_names[HEADS] = {
    [ACCEPTED] = FARMIQ__JSON_NAME("accepted"),
    [DUPLICATED] = FARMIQ__JSON_NAME("duplicated"),
    [REJECTED] = FARMIQ__JSON_NAME("rejected"),
    [ERRORS] = FARMIQ__JSON_NAME("errors"),
};

static const struct farmiq_str names[MEMBERS] = {
    [EVENT_ID] = FARMIQ__JSON_NAME("event_id"),   [INDEX] = FARMIQ__JSON_NAME("index"),
    [ERROR_TEXT] = FARMIQ__JSON_NAME("error"),    [CODE] = FARMIQ__JSON_NAME("code"),
    [RETRYABLE] = FARMIQ__JSON_NAME("retryable"),
};

struct reading {
    struct farmiq__arena arena;
    struct farmiq_json_member head[HEADS];
    struct farmiq_json_member members[MEMBERS];
    struct farmiq_batch_error **tail;
    struct farmiq_batch_answer answer;
    struct farmiq_error *error;
};

static int refuse(struct reading *r, const struct farmiq_json_member *member,
                  const char *detail)
{
    return farmiq__fail(r->error, FARMIQ_E_SCHEMA, member->offset, member->name, detail);
}

static int take_count(struct reading *r, const struct farmiq_json_member *member,
                      uint32_t *count)
{
    if (farmiq__json_is_given(member) &&
        (member->type != FARMIQ_JSON_NUMBER ||
         farmiq__number_to_uint32(member->number, count) != FARMIQ_OK))
        return refuse(r, member, "is not a count");
    return FARMIQ_OK;
}

/* A copy with a NUL behind it: an event's refusal is a C string. */
static int take_text(struct reading *r, const struct farmiq_json_member *member,
                     struct farmiq_str *text)
{
    char *copy;

    if (!farmiq__json_is_given(member))
        return FARMIQ_OK;
    if (member->type != FARMIQ_JSON_STRING)
        return refuse(r, member, "is not a string");
    copy = farmiq__arena_take(&r->arena, member->text.len + 1);
    if (!copy)
        return farmiq__fail(r->error, FARMIQ_E_NOSPACE, member->offset, member->name,
                            "does not fit the scratch memory");
    memcpy(copy, member->text.ptr, member->text.len);
    copy[member->text.len] = '\0';
    *text = farmiq__str(copy, member->text.len);
    return FARMIQ_OK;
}

static int take_members(struct reading *r, struct farmiq_batch_error *e)
{
    const struct farmiq_json_member *m = r->members;
    int result = take_text(r, &m[EVENT_ID], &e->event_id);

    if (result == FARMIQ_OK)
        result = take_text(r, &m[CODE], &e->code);
    if (result == FARMIQ_OK)
        result = take_text(r, &m[ERROR_TEXT], &e->text);
    if (result == FARMIQ_OK)
        result = take_count(r, &m[INDEX], &e->index);
    e->retryable = m[RETRYABLE].type != FARMIQ_JSON_BOOL || m[RETRYABLE].number != 0;
    return result;
}

static int take_element(void *ctx, const struct farmiq__json_element *element)
{
    struct reading *r = ctx;
    struct farmiq_batch_error *e;
    int result;

    if (element->type != FARMIQ_JSON_OBJECT)
        return farmiq__fail(r->error, FARMIQ_E_SCHEMA, element->offset, "errors",
                            "has an element that is not an object");
    e = farmiq__arena_take(&r->arena, sizeof *e);
    if (!e)
        return farmiq__fail(r->error, FARMIQ_E_NOSPACE, element->offset, "errors",
                            "does not fit the scratch memory");
    memset(e, 0, sizeof *e);
    e->size = sizeof *e;
    e->index = UINT32_MAX;
    result = take_members(r, e);
    *r->tail = e;
    r->tail = &e->next;
    return result;
}

static int take_head(struct reading *r)
{
    struct farmiq_batch_answer *answer = &r->answer;
    int result = take_count(r, &r->head[ACCEPTED], &answer->accepted);

    if (result == FARMIQ_OK)
        result = take_count(r, &r->head[DUPLICATED], &answer->duplicated);
    if (result == FARMIQ_OK)
        result = take_count(r, &r->head[REJECTED], &answer->rejected);
    if (result != FARMIQ_OK)
        return result;
    if (farmiq__json_is_given(&r->head[ERRORS]) &&
        r->head[ERRORS].type != FARMIQ_JSON_ARRAY)
        return refuse(r, &r->head[ERRORS], "is not an array");
    answer->has_counts = farmiq__json_is_given(&r->head[ACCEPTED]) &&
                         farmiq__json_is_given(&r->head[DUPLICATED]) &&
                         farmiq__json_is_given(&r->head[REJECTED]);
    return FARMIQ_OK;
}

static int read_answer(struct reading *r, const char *json, size_t json_bytes)
{
    struct farmiq__json_list errors = {
        .name = "errors",
        .members = { r->members, names, MEMBERS },
        .element = take_element,
        .ctx = r,
    };
    struct farmiq__json_job job = {
        .text = { json, json_bytes },
        .root = FARMIQ_JSON_OBJECT,
        .members = { r->head, head_names, HEADS },
        .list = &errors,
        .arena = &r->arena,
        .error = r->error,
    };
    int result = farmiq__json_read(&job);

    return result == FARMIQ_OK ? take_head(r) : result;
}

int farmiq_batch_answer_parse(struct farmiq_batch_answer *out, const char *json,
                              size_t json_bytes, void *scratch, size_t scratch_bytes,
                              struct farmiq_error *error)
{
    struct reading r = { .error = error };
    int result = FARMIQ_OK;

    if (!farmiq__is_sized(out, sizeof *out) || (!json && json_bytes > 0) || !scratch)
        return FARMIQ_E_ARG;
    r.tail = &r.answer.first;
    farmiq__arena_init(&r.arena, scratch, scratch_bytes);
    if (!farmiq__json_is_blank(json, json_bytes))
        result = read_answer(&r, json, json_bytes);
    if (result != FARMIQ_OK)
        return result;
    r.answer.size = out->size;
    *out = r.answer;
    return FARMIQ_OK;
}

/* ## Applying */

static int misfit(struct farmiq_error *error, const char *field, const char *detail)
{
    return farmiq__fail(error, FARMIQ_E_SCHEMA, FARMIQ_NO_OFFSET, field, detail);
}

static int is_meant(const struct farmiq_batch_error *e, const struct farmiq_event *event)
{
    if (e->index != UINT32_MAX && e->index != event->index)
        return 0;
    if (e->event_id.len > 0)
        return farmiq__str_eq(e->event_id, event->event_id);
    return e->index != UINT32_MAX;
}

/* Errors come in the order of the events, so the search goes on behind the last
 * hit and starts over once. */
static struct farmiq_event *find_event(const struct farmiq_batch_error *e,
                                       struct farmiq_event *first,
                                       struct farmiq_event *after)
{
    struct farmiq_event *event;

    for (event = after ? after->next : first; event; event = event->next)
        if (is_meant(e, event))
            return event;
    for (event = first; after && event != after->next; event = event->next)
        if (is_meant(e, event))
            return event;
    return NULL;
}

static void mark(struct farmiq_event *event, const struct farmiq_batch_error *e)
{
    event->refusal = e->code.len > 0 ? e->code.ptr : "REJECTED";
    if (e->retryable)
        event->refusal = "RETRY";
    event->refusal_text = e->text.len > 0 ? e->text.ptr : event->refusal;
}

static int mark_all(const struct farmiq_batch_answer *answer, struct farmiq_event *first,
                    uint32_t *named, struct farmiq_error *error)
{
    struct farmiq_event *event = NULL;

    for (const struct farmiq_batch_error *e = answer->first; e; e = e->next) {
        event = find_event(e, first, event);
        if (!event)
            return misfit(error, "errors", "names an event that was not sent");
        if (event->refusal)
            return misfit(error, "errors", "names an event twice");
        mark(event, e);
        ++*named;
    }
    return FARMIQ_OK;
}

static int check_counts(const struct farmiq_batch_answer *answer, uint32_t sent_count,
                        uint32_t named, struct farmiq_error *error)
{
    uint64_t sum = (uint64_t)answer->accepted + answer->duplicated + answer->rejected;

    if (!answer->has_counts)
        return FARMIQ_OK;
    if (sum != sent_count)
        return misfit(error, "accepted", "does not add up to what was sent");
    if (named != answer->rejected)
        return misfit(error, "rejected", "is not the number of errors");
    return FARMIQ_OK;
}

int farmiq_batch_answer_apply(const struct farmiq_batch_answer *answer,
                              struct farmiq_event *first, uint32_t sent_count,
                              struct farmiq_error *error)
{
    uint32_t named = 0;
    int result;

    if (!farmiq__is_sized(answer, sizeof *answer) || (!first && sent_count > 0))
        return FARMIQ_E_ARG;
    result = mark_all(answer, first, &named, error);
    if (result == FARMIQ_OK)
        result = check_counts(answer, sent_count, named, error);
    for (struct farmiq_event *event = first; event && result != FARMIQ_OK;
         event = event->next)
        event->refusal = event->refusal_text = NULL;
    return result;
}
