/* SPDX-License-Identifier: Apache-2.0 */
/* EDGE_CONTEXTS: a JSON array of {"tenantId", "farmId", "barnId"}. */
#include "policy.h"

struct reading {
    struct shim_call *call;
    struct scratch scratch;
    struct context **end;
};

static int take_context(void *ctx, uint32_t index, const char *json, size_t json_bytes)
{
    struct reading *reading = ctx;
    struct farmiq_json_member m[] = { { .name = "tenantId" },
                                      { .name = "farmId" },
                                      { .name = "barnId" } };
    struct farmiq_str element = { json, json_bytes };
    struct context *context = shim_memory(reading->call, sizeof *context);
    int r = context ? scratch_members(&reading->scratch, reading->call, element, m, 3)
                    : FARMIQ_E_NOMEM;

    (void)index;
    if (r == FARMIQ_E_NOMEM)
        return r;
    for (int i = 0; i < 3; i++)
        if (r < 0 || m[i].type != FARMIQ_JSON_STRING ||
            !farmiq_id_is_valid(m[i].text.ptr, m[i].text.len))
            return FARMIQ_E_ARG;
    *context = (struct context){ NULL, m[0].text, m[1].text, m[2].text };
    *reading->end = context;
    reading->end = &context->next;
    return FARMIQ_OK;
}

int policy_contexts(struct shim_call *call, struct context **first)
{
    struct farmiq_str list = shim_str(shim_text(call, "EDGE_CONTEXTS"));
    struct reading reading = { .call = call, .end = first };
    size_t bytes = FARMIQ_ENVELOPE_SCRATCH_BYTES + list.len;
    void *memory = list.len ? shim_memory(call, bytes) : NULL;
    int r;

    *first = NULL;
    if (!list.len)
        return FARMIQ_OK;
    if (!memory)
        return FARMIQ_E_NOMEM;
    r = farmiq_json_each(list.ptr, list.len, take_context, &reading, memory, bytes, NULL);
    return r < 0 && r != FARMIQ_E_NOMEM ? FARMIQ_E_ARG : r;
}

int policy_check(struct shim_call *call)
{
    struct context *first;
    int r = policy_contexts(call, &first);

    if (r == FARMIQ_E_ARG ||
        (r == FARMIQ_OK && !first && *shim_text(call, "BFF_BASE_URL")))
        shim_log(
            call, SHIM_ERROR, "options",
            "EDGE_CONTEXTS must be a JSON array of objects with tenantId, farmId and "
            "barnId, and not be empty where BFF_BASE_URL is set");
    else
        return r;
    return FARMIQ_E_ARG;
}
