/* SPDX-License-Identifier: Apache-2.0 */
/* Taking an application acknowledgement apart. */
#include "agent/ack.h"

#include <string.h>

#define SCRATCH_WORDS 640

/* Two passes over each list: the first only checks. */
struct walk {
    ack_fn on_event; /* NULL: check */
    void *ctx;
};

static const struct farmiq_str no_refusal = { "", 0 };

/* An event id needs no escapes; one that has them is none of ours. */
static int on_acked(void *arg, uint32_t index, const char *json, size_t len)
{
    struct walk *walk = arg;
    struct farmiq_str id = { json + 1, len - 2 };

    (void)index;
    if (len < 2 || json[0] != '"')
        return FARMIQ_E_SCHEMA;
    if (walk->on_event)
        walk->on_event(walk->ctx, id, no_refusal);
    return FARMIQ_OK;
}

static int on_refused(void *arg, uint32_t index, const char *json, size_t len)
{
    struct farmiq_json_member members[] = { { .name = "event_id" }, { .name = "error" } };
    int64_t scratch[SCRATCH_WORDS];
    struct walk *walk = arg;

    (void)index;
    if (farmiq_json_members(json, len, members, 2, scratch, sizeof scratch, NULL) !=
            FARMIQ_OK ||
        members[0].type != FARMIQ_JSON_STRING || members[1].type != FARMIQ_JSON_STRING ||
        members[1].text.len == 0)
        return FARMIQ_E_SCHEMA;
    if (walk->on_event)
        walk->on_event(walk->ctx, members[0].text, members[1].text);
    return FARMIQ_OK;
}

static int walk_list(const struct farmiq_json_member *list,
                     farmiq_json_element_fn element, struct walk *walk)
{
    int64_t scratch[SCRATCH_WORDS];

    if (list->type == FARMIQ_JSON_ABSENT || list->type == FARMIQ_JSON_NULL)
        return FARMIQ_OK;
    if (list->type != FARMIQ_JSON_ARRAY)
        return FARMIQ_E_SCHEMA;
    return farmiq_json_each(list->text.ptr, list->text.len, element, walk, scratch,
                            sizeof scratch, NULL);
}

static int walk_both(const struct farmiq_json_member members[2], struct walk *walk)
{
    int r = walk_list(&members[0], on_acked, walk);

    return r ? r : walk_list(&members[1], on_refused, walk);
}

int ack_parse(struct farmiq_str body, ack_fn on_event, void *ctx)
{
    struct farmiq_json_member members[] = { { .name = "acked" }, { .name = "refused" } };
    struct walk check = { NULL, NULL }, report = { on_event, ctx };
    int64_t scratch[SCRATCH_WORDS];
    int r = farmiq_json_members(body.ptr, body.len, members, 2, scratch, sizeof scratch,
                                NULL);

    if (!r)
        r = walk_both(members, &check);
    return r ? r : walk_both(members, &report);
}
