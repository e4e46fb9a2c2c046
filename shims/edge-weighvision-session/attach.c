/* SPDX-License-Identifier: Apache-2.0 */
/* Media and inference results attached by the edge's other services, and the session as
 * a whole. */
#include "weighing.h"

#include "common/ask.h"
#include "common/members.h"
#include "common/text.h"
#include "queries.h"

/* Whose session of this name there is: counted, and the last of them. */
struct owners {
    struct shim_call *call;
    struct farmiq_str tenant_id;
    uint32_t count;
};

static int note_owner(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    struct owners *owners = ctx;

    (void)row;
    (void)count;
    owners->tenant_id = text_copy(owners->call, columns[0].text);
    owners->count++;
    return 0;
}

static int find_owners(struct shim_call *call, struct owners *owners)
{
    const struct farmiq_sql_value name =
        farmiq_sql_text(shim_path_part(call, "sessionId"));

    *owners = (struct owners){ .call = call };
    return farmiq_sql_run(call->store, &sql_owners, NULL, &name, 1, note_owner, owners);
}

static int find_session(struct shim_call *call, struct farmiq_str tenant_id,
                        struct session **session)
{
    struct sessions sessions;
    int r = sessions_open(&sessions, call, 1);

    *session =
        r < 0 ? NULL
              : sessions_want(&sessions, tenant_id, shim_path_part(call, "sessionId"));
    if (!*session)
        return FARMIQ_E_NOMEM;
    return sessions_load(&sessions);
}

/* The question need not name a tenant (spec edge 4.3); then the name of the session
 * must be enough. */
int weighing_get_session(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct farmiq_str tenant_id = ask_text(&ask, ASK_TENANT);
    struct owners owners;
    struct session *session;
    int r;

    if (ask.is_refused)
        return 0;
    if (!tenant_id.len)
        tenant_id = shim_header(call, "x-tenant-id");
    r = tenant_id.len ? FARMIQ_OK : find_owners(call, &owners);
    if (r < 0)
        return r;
    if (!tenant_id.len && owners.count > 1)
        return shim_reply_error(call, 400, "MISSING_TENANT",
                                "several tenants have such a session: say which, as "
                                "x-tenant-id");
    r = find_session(call, tenant_id.len ? tenant_id : owners.tenant_id, &session);
    if (r < 0)
        return r;
    if (!session_is_there(session->fold.state))
        return shim_reply_error(call, 404, "NOT_FOUND", "no such session");
    return weighing_reply_whole(call, session);
}

/* ## Attaching */

struct attachment {
    struct weigh_fact media, result;
};

static int refuse_body(struct shim_call *call, const char *fault)
{
    shim_reply_error(call, 400, "VALIDATION_ERROR", "%s", fault);
    return 1;
}

static int is_id(const struct farmiq_json_member *member)
{
    return member->type == FARMIQ_JSON_STRING && member->text.len > 0 &&
           member->text.len <= FARMIQ_ID_MAX_BYTES;
}

/* 0, 1 when refused, or FARMIQ_E_NOMEM. */
static int read_attachment(struct shim_call *call, struct attachment *attachment)
{
    struct farmiq_json_member m[] = { { .name = "media_id" },
                                      { .name = "inference_result_id" },
                                      { .name = "captured_at" } };
    struct scratch scratch = { 0 };
    int64_t at_unix_ms = call->now_unix_ms;
    int r = scratch_members(&scratch, call, call->body, m, 3);

    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r != FARMIQ_OK)
        return refuse_body(call, "the body must be a JSON object");
    for (int i = 0; i < 2; i++)
        if (m[i].type != FARMIQ_JSON_ABSENT && !is_id(&m[i]))
            return refuse_body(call, "media_id and inference_result_id must be 1 to 128 "
                                     "bytes of text");
    if (m[2].type == FARMIQ_JSON_STRING &&
        farmiq_time_parse(m[2].text.ptr, m[2].text.len, &at_unix_ms) != FARMIQ_OK)
        return refuse_body(call, "captured_at must be an RFC 3339 time");
    attachment->media.media_id = m[0].text;
    attachment->result.inference_result_id = m[1].text;
    attachment->media.occurred_at_unix_ms = at_unix_ms;
    attachment->result.occurred_at_unix_ms = at_unix_ms;
    return m[0].text.len || m[1].text.len
               ? FARMIQ_OK
               : refuse_body(call, "media_id or inference_result_id is required");
}

/* The chain of what is attached. */
static struct weigh_fact *complete(struct shim_call *call, struct farmiq_str tenant_id,
                                   struct attachment *attachment)
{
    struct weigh_fact *facts[] = { &attachment->media, &attachment->result };
    const struct farmiq_str name[] = { shim_str("attach-"), tenant_id, shim_str("-"),
                                       attachment->media.media_id };

    for (int i = 0; i < 2; i++) {
        facts[i]->tenant_id = tenant_id;
        facts[i]->session_id = shim_path_part(call, "sessionId");
        facts[i]->trace_id = call->trace_id;
        facts[i]->event_id = text_join(call, name, 4);
    }
    attachment->media.kind = FARMIQ_SESSION_EV_IMAGE;
    attachment->result.kind = FARMIQ_SESSION_EV_INFERENCE;
    if (!attachment->media.media_id.len)
        return &attachment->result;
    if (attachment->result.inference_result_id.len)
        attachment->media.next = &attachment->result;
    return &attachment->media;
}

static int reply_attached(struct shim_call *call, const struct attachment *attachment,
                          const struct session *session)
{
    struct farmiq_json_writer *json = shim_json(call, 8192);
    struct weigh_fact media = attachment->media;
    int r;

    media.session = (struct session *)session;
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "session");
    weighing_write_session(json, session);
    r = weighing_write_binding(call, json, &media);
    farmiq_json_close(json, '}');
    return r < 0 ? r
                 : shim_reply(call, session_is_there(session->fold.state) ? 200 : 202);
}

/* A session that nobody has created is remembered, as with any other fact (spec
 * edge 7.3); not if only another tenant has one of this name. 0, 1 when refused, or
 * FARMIQ_E_*. */
static int admit(struct shim_call *call, struct farmiq_str tenant_id)
{
    struct owners owners;
    struct session *session;
    int r = find_session(call, tenant_id, &session);

    if (r < 0 || session->text[SESSION_ID].len)
        return r < 0 ? r : FARMIQ_OK;
    r = find_owners(call, &owners);
    if (r < 0 || !owners.count)
        return r < 0 ? r : FARMIQ_OK;
    shim_reply_error(call, 403, "TENANT_MISMATCH", "the session is another tenant's");
    return 1;
}

int weighing_attach(struct shim_call *call)
{
    struct farmiq_str tenant_id = shim_header(call, "x-tenant-id");
    struct attachment attachment = { 0 };
    struct weigh_fact *first;
    struct sessions sessions;
    int r;

    if (!tenant_id.len || tenant_id.len > FARMIQ_ID_MAX_BYTES)
        return shim_reply_error(call, 400, "VALIDATION_ERROR", "x-tenant-id is required");
    r = read_attachment(call, &attachment);
    if (r == FARMIQ_OK)
        r = admit(call, tenant_id);
    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    first = complete(call, tenant_id, &attachment);
    r = weighing_keep(call, first, 2, &sessions);
    if (r < 0)
        return r;
    if (first->refusal)
        return shim_reply_error(call, 409, "CONFLICT", "the session is cancelled");
    return reply_attached(call, &attachment, first->session);
}
