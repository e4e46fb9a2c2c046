/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator can do: redrive, unclaim, trigger (spec edge 4.6). */
#include "forwarder.h"

#include "common/scratch.h"
#include "queries.h"

static int reply_count(struct shim_call *call, const char *name, uint32_t count,
                       const char *message)
{
    struct farmiq_json_writer *json = shim_json(call, 256);

    farmiq_json_open(json, '{');
    farmiq_json_key(json, name);
    farmiq_json_int(json, count);
    farmiq_json_key(json, "message");
    farmiq_json_text(json, message);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

struct redrive {
    struct farmiq_sql_value *ids; /* as asked for */
    int64_t *seqs;                /* of those that are dead letters */
    uint32_t id_count, id_room, seq_count;
};

static int count_id(void *ctx, uint32_t index, const char *json, size_t json_bytes)
{
    (void)index;
    (void)json;
    (void)json_bytes;
    ++*(uint32_t *)ctx;
    return 0;
}

/* An id is a UUID: a string without escapes. Anything else matches no row. */
static int take_id(void *ctx, uint32_t index, const char *json, size_t json_bytes)
{
    struct redrive *redrive = ctx;
    struct farmiq_str id = { json + 1, json_bytes - 2 };

    (void)index;
    if (json_bytes >= 2 && json[0] == '"')
        redrive->ids[redrive->id_count++] = farmiq_sql_text(id);
    return 0;
}

static int take_seq(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct redrive *redrive = ctx;

    (void)row;
    (void)count;
    /* One event id may be dead for several tenants; the room is for one each. */
    if (redrive->seq_count < redrive->id_room)
        redrive->seqs[redrive->seq_count++] = columns[0].integer;
    return 0;
}

static int find_seqs(struct shim_call *call, struct redrive *redrive,
                     struct farmiq_str ids)
{
    size_t bytes = FARMIQ_ENVELOPE_SCRATCH_BYTES + ids.len;
    void *memory = shim_memory(call, bytes);
    int r = memory ? farmiq_json_each(ids.ptr, ids.len, count_id, &redrive->id_room,
                                      memory, bytes, NULL)
                   : FARMIQ_E_NOMEM;

    if (r < 0 || redrive->id_room == 0)
        return r;
    redrive->ids = shim_memory(call, redrive->id_room * sizeof *redrive->ids);
    redrive->seqs = shim_memory(call, redrive->id_room * sizeof *redrive->seqs);
    if (!redrive->ids || !redrive->seqs)
        return FARMIQ_E_NOMEM;
    r = farmiq_json_each(ids.ptr, ids.len, take_id, redrive, memory, bytes, NULL);
    if (r < 0 || redrive->id_count == 0)
        return r;
    return farmiq_sql_run_many(call->store, &sql_dead_seq, NULL, redrive->ids, 1,
                               redrive->id_count, take_seq, redrive);
}

static struct farmiq_str or_else(const struct farmiq_json_member *member,
                                 const char *fallback)
{
    return member->type == FARMIQ_JSON_STRING && member->text.len ? member->text
                                                                  : shim_str(fallback);
}

int forwarder_post_redrive(struct shim_call *call)
{
    struct farmiq_json_member members[] = {
        { .name = "ids" }, { .name = "allDlq" }, { .name = "by" }, { .name = "reason" }
    };
    struct scratch scratch = { 0 };
    struct redrive redrive = { 0 };
    uint32_t redriven = 0;
    int all, r = scratch_members(&scratch, call, call->body, members, 4);

    if (r < 0 && r != FARMIQ_E_NOMEM)
        return shim_reply_error(call, 400, "VALIDATION_ERROR",
                                "the body is not an object");
    all = members[1].type == FARMIQ_JSON_BOOL && members[1].number != 0;
    if (r == FARMIQ_OK && !all && members[0].type == FARMIQ_JSON_ARRAY)
        r = find_seqs(call, &redrive, members[0].text);
    if (r == FARMIQ_OK && (all || redrive.seq_count))
        r = farmiq_store_outbox_redrive(
            call->store, "sync", redrive.seqs, all ? 0 : redrive.seq_count,
            or_else(&members[2], "operator"), or_else(&members[3], "redriven by hand"),
            call->now_unix_ms, &redriven);
    if (r < 0)
        return r;
    shim_wake(call, "sync_once");
    return reply_count(call, "redriven_count", redriven,
                       redriven ? "back in the queue" : "nothing was redriven");
}

int forwarder_post_unclaim(struct shim_call *call)
{
    struct farmiq_json_member member = { .name = "olderThanSeconds" };
    struct scratch scratch = { 0 };
    int64_t older_than_ms = 300000;
    uint32_t unclaimed = 0;
    int r = FARMIQ_OK;

    if (call->body.len && scratch_members(&scratch, call, call->body, &member, 1) == 0 &&
        member.type == FARMIQ_JSON_NUMBER && member.number >= 1 && member.number < 1e9)
        older_than_ms = (int64_t)(member.number * 1000);
    r = farmiq_store_outbox_unclaim(call->store, "sync", call->now_unix_ms, older_than_ms,
                                    &unclaimed);
    return r < 0 ? r
                 : reply_count(call, "unclaimed_count", unclaimed,
                               "expired leases were ended");
}

/* The cycle runs beside the request: it may take as long as a lease (13-C17). */
int forwarder_post_trigger(struct shim_call *call)
{
    struct farmiq_json_writer *json = shim_json(call, 128);

    shim_wake(call, "sync_once");
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "message");
    farmiq_json_text(json, "a cycle was asked for");
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}
