/* SPDX-License-Identifier: Apache-2.0 */
/* Working memory for parsers, and JSON built in a call's memory. */
#include "common/scratch.h"

void *scratch_take(struct scratch *scratch, struct shim_call *call, size_t json_bytes)
{
    /* Rounded up, so that a message a little longer than the last needs no new one. */
    size_t needed = (FARMIQ_ENVELOPE_SCRATCH_BYTES + json_bytes) / 4096 * 4096 + 4096;

    if (!scratch->memory || scratch->bytes < needed) {
        scratch->memory = shim_memory(call, needed);
        scratch->bytes = scratch->memory ? needed : 0;
    }
    return scratch->memory;
}

void scratch_keep(struct scratch *scratch, struct farmiq_str text)
{
    uintptr_t at = (uintptr_t)text.ptr, start = (uintptr_t)scratch->memory;

    if (text.len && start && at >= start && at < start + scratch->bytes)
        scratch->memory = NULL;
}

void scratch_keep_all(struct scratch *scratch, const struct farmiq_str *texts,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        scratch_keep(scratch, texts[i]);
}

int scratch_event(struct scratch *scratch, struct shim_call *call, struct farmiq_str json,
                  struct farmiq_event *event)
{
    void *memory = scratch_take(scratch, call, json.len);
    int r;

    if (!memory)
        return FARMIQ_E_NOMEM;
    r = farmiq_event_parse(event, json.ptr, json.len, memory, scratch->bytes, NULL);
    if (r == FARMIQ_OK) {
        const struct farmiq_str texts[] = {
            event->event_id, event->event_type, event->tenant_id,      event->farm_id,
            event->barn_id,  event->device_id,  event->station_id,     event->session_id,
            event->batch_id, event->trace_id,   event->schema_version,
        };

        scratch_keep_all(scratch, texts, sizeof texts / sizeof *texts);
    }
    return r;
}

int scratch_members(struct scratch *scratch, struct shim_call *call,
                    struct farmiq_str json, struct farmiq_json_member *members,
                    uint32_t member_count)
{
    void *memory = scratch_take(scratch, call, json.len);
    int r;

    if (!memory)
        return FARMIQ_E_NOMEM;
    r = farmiq_json_members(json.ptr, json.len, members, member_count, memory,
                            scratch->bytes, NULL);
    for (uint32_t i = 0; i < member_count && r == FARMIQ_OK; i++)
        scratch_keep(scratch, members[i].text);
    return r;
}

int scratch_build(struct shim_call *call, size_t guess_bytes,
                  void (*write)(struct farmiq_json_writer *json, const void *ctx),
                  const void *ctx, struct farmiq_str *out)
{
    struct farmiq_json_writer json;
    size_t bytes = guess_bytes, len = 0;
    int r = FARMIQ_E_NOSPACE;

    for (int tries = 0; tries < 2 && r == FARMIQ_E_NOSPACE; tries++) {
        char *buf = shim_memory(call, bytes);

        if (!buf)
            return FARMIQ_E_NOMEM;
        farmiq_json_begin(&json, buf, bytes);
        write(&json, ctx);
        r = farmiq_json_end(&json, &len);
        bytes = len + 1;
        out->ptr = buf;
        out->len = r == FARMIQ_OK ? len : 0;
    }
    return r;
}

/* An event takes less than 512 bytes of scratch, and an ordinary one as many of the body;
 * a body of small events, or of thousands of `null`s, takes the second try. */
int scratch_batch(struct shim_call *call,
                  int (*parse)(struct farmiq_batch *out, const char *json,
                               size_t json_bytes, void *memory, size_t memory_bytes,
                               struct farmiq_error *error),
                  struct farmiq_batch *batch, struct farmiq_error *error)
{
    const size_t most_bytes =
        4096 + 512 * (size_t)FARMIQ_BATCH_MAX_EVENTS + call->body.len;
    size_t bytes = 4096 + 2 * call->body.len;
    int r = FARMIQ_E_NOSPACE;

    for (int tries = 0; tries < 2 && r == FARMIQ_E_NOSPACE; tries++) {
        void *memory;

        if (tries || bytes > most_bytes)
            bytes = most_bytes;
        memory = shim_memory(call, bytes);
        if (!memory)
            return FARMIQ_E_NOMEM;
        farmiq_batch_init(batch, sizeof *batch);
        r = parse(batch, call->body.ptr, call->body.len, memory, bytes, error);
    }
    return r;
}
