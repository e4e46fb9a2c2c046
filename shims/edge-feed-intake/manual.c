/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/feed-intake/manual: a feeding that somebody writes down. */
#include "common/text.h"
#include "feedings.h"

static int refuse(struct shim_call *call, const char *fault)
{
    return shim_reply_error(call, 400, "VALIDATION_ERROR", "%s", fault);
}

/* A form that is sent twice must be one feeding: something has to tell. */
static const char *find_fault(const struct feeding *feeding)
{
    if (!feeding->event_id.len && !feeding->external_ref.len)
        return "eventId, externalRef or the header Idempotency-Key must say which "
               "feeding "
               "this is, so that it is not counted twice";
    return feed_fault(feeding);
}

static int reply(struct shim_call *call, const struct feeding *feeding)
{
    int is_same = 1, r = FARMIQ_OK;

    if (!feeding->is_new)
        r = feed_look_for_repeat(call, FEED_TABLE, feeding, &is_same);
    if (r < 0)
        return r;
    if (!is_same)
        return shim_reply_error(call, 409, "CONFLICT",
                                "this eventId or externalRef belongs to another feeding");
    if (!feeding->is_new)
        shim_reply_header(call, "x-idempotent-replay", "true");
    feeding_write(shim_json(call, 8192), feeding);
    return shim_reply(call, feeding->is_new ? 201 : 200);
}

int feed_post_manual(struct shim_call *call)
{
    struct feeding feeding = { .trace_id = call->trace_id,
                               .tenant_id = shim_header(call, "x-tenant-id"),
                               .event_id = shim_header(call, "idempotency-key"),
                               .source = shim_str("MANUAL") };
    struct scratch scratch = { 0 };
    const char *fault;
    int r;

    if (feeding.event_id.len > FARMIQ_ID_MAX_BYTES ||
        feeding.tenant_id.len > FARMIQ_ID_MAX_BYTES)
        return refuse(call, "Idempotency-Key and x-tenant-id have at most 128 bytes");
    r = feed_read(&feeding, &scratch, call, call->body, &fault);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r == FARMIQ_OK)
        fault = find_fault(&feeding);
    if (fault)
        return refuse(call, fault);
    r = feedings_keep(call, &feeding);
    return r < 0 ? r : reply(call, &feeding);
}
