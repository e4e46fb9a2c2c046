/* SPDX-License-Identifier: Apache-2.0 */
/* The public readers: members of an object, elements of a list. */
#include "json_private.h"

static const struct farmiq_str *names_of(const struct farmiq_json_member *members,
                                         uint32_t count, struct farmiq__arena *arena)
{
    struct farmiq_str *names = NULL;

    if (count <= farmiq__arena_left(arena) / sizeof *names)
        names = farmiq__arena_take(arena, count * sizeof *names);
    for (uint32_t i = 0; names && i < count; i++)
        names[i] = farmiq__str(members[i].name, strlen(members[i].name));
    return names;
}

int farmiq_json_members(const char *json, size_t json_bytes,
                        struct farmiq_json_member *members, uint32_t member_count,
                        void *scratch, size_t scratch_bytes, struct farmiq_error *error)
{
    struct farmiq__arena arena;
    struct farmiq__json_job job = {
        .text = { json, json_bytes },
        .root = FARMIQ_JSON_OBJECT,
        .members = { members, NULL, member_count },
        .arena = &arena,
        .error = error,
    };

    if (!json || (!members && member_count > 0) || !scratch)
        return FARMIQ_E_ARG;
    farmiq__arena_init(&arena, scratch, scratch_bytes);
    job.members.names = names_of(members, member_count, &arena);
    if (!job.members.names)
        return farmiq__fail(error, FARMIQ_E_NOSPACE, FARMIQ_NO_OFFSET, NULL,
                            "the scratch memory is too small");
    return farmiq__json_read(&job);
}

struct each {
    farmiq_json_element_fn element;
    void *ctx;
};

static int hand_on(void *ctx, const struct farmiq__json_element *element)
{
    struct each *each = ctx;

    return each->element(each->ctx, element->index, element->text.ptr, element->text.len);
}

int farmiq_json_each(const char *json, size_t json_bytes, farmiq_json_element_fn element,
                     void *ctx, void *scratch, size_t scratch_bytes,
                     struct farmiq_error *error)
{
    struct farmiq__arena arena;
    struct each each = { element, ctx };
    struct farmiq__json_list list = { .ctx = &each };
    struct farmiq__json_job job = {
        .text = { json, json_bytes },
        .root = FARMIQ_JSON_ARRAY,
        .list = &list,
        .arena = &arena,
        .error = error,
    };
    int r;

    if (!json || !element || !scratch)
        return FARMIQ_E_ARG;
    /* The first walk only checks, so that no element is acted on in vain. */
    for (int walk = 0; walk < 2; walk++) {
        farmiq__arena_init(&arena, scratch, scratch_bytes);
        r = farmiq__json_read(&job);
        if (r != FARMIQ_OK)
            return r;
        list.element = hand_on;
    }
    return FARMIQ_OK;
}
