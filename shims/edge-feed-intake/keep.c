/* SPDX-License-Identifier: Apache-2.0 */
/* A feeding and its row in the outbox, in one transaction (spec edge 10.1). */
#include "common/members.h"
#include "common/text.h"
#include "feedings.h"

/* What a feeding says, for one that has no other name: the place, the moment, the feed.
 */
static void write_name(struct farmiq_json_writer *json, const void *ctx)
{
    const struct feeding *feeding = ctx;
    const struct farmiq_str texts[] = { feeding->farm_id,     feeding->barn_id,
                                        feeding->batch_id,    feeding->device_id,
                                        feeding->feed_lot_id, feeding->feed_formula_id };

    farmiq_json_open(json, '[');
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        farmiq_json_str(json, texts[i]);
    farmiq_json_double(json, feeding->quantity_kg);
    farmiq_json_time(json, feeding->occurred_at_unix_ms);
    farmiq_json_int(json, feeding->sequence);
    farmiq_json_close(json, ']');
}

static int find_name(struct shim_call *call, const struct feeding *feeding,
                     struct farmiq_str *name)
{
    const struct farmiq_str parts[] = { shim_str("feed.external_ref "),
                                        feeding->external_ref };

    *name = feeding->event_id;
    if (name->len)
        return FARMIQ_OK;
    if (!feeding->external_ref.len)
        return scratch_build(call, 1024, write_name, feeding, name);
    *name = text_join(call, parts, 2);
    return name->len ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

/* Under the id that it travels with (13-A5). */
static int name_event(struct shim_call *call, struct feeding *feeding)
{
    char *id = shim_memory(call, FARMIQ_UUID_STRLEN + 1);
    struct farmiq_str name;
    int r = id ? find_name(call, feeding, &name) : FARMIQ_E_NOMEM;

    if (r < 0)
        return r;
    r = farmiq_event_id_normalize(feeding->tenant_id.ptr, feeding->tenant_id.len,
                                  name.ptr, name.len, id);
    feeding->event_id = (struct farmiq_str){ id, FARMIQ_UUID_STRLEN };
    if (!feeding->trace_id.len)
        feeding->trace_id = feeding->event_id;
    return r < 0 ? r : FARMIQ_OK;
}

static void write_payload(struct farmiq_json_writer *json, const void *ctx)
{
    feeding_write(json, ctx);
}

static int make_row(struct shim_call *call, const struct feeding *feeding,
                    struct farmiq_outbox_row **out)
{
    struct farmiq_outbox_row *row = *out = shim_memory(call, sizeof *row);
    struct farmiq_event *event = shim_memory(call, sizeof *event);

    if (!row || !event)
        return FARMIQ_E_NOMEM;
    farmiq_outbox_row_init(row, sizeof *row);
    farmiq_event_init(event, sizeof *event);
    row->event = event;
    event->event_id = feeding->event_id;
    event->event_type = shim_str("feed.intake.recorded");
    event->schema_version = shim_str("1.0");
    event->trace_id = feeding->trace_id;
    event->tenant_id = feeding->tenant_id;
    event->farm_id = feeding->farm_id;
    event->barn_id = feeding->barn_id;
    event->batch_id = feeding->batch_id;
    /* The cloud wants to know by what device an event came; people and files are none. */
    event->device_id =
        feeding->device_id.len ? feeding->device_id : shim_str("edge-feed-intake");
    event->occurred_at_unix_ms = feeding->occurred_at_unix_ms;
    return scratch_build(call, 1024, write_payload, feeding, &event->payload);
}

static int tell(struct shim_call *call, const struct feeding *first)
{
    struct farmiq_outbox_row *rows = NULL, **end = &rows;
    int r = FARMIQ_OK;

    for (; first && r == FARMIQ_OK; first = first->next)
        if (first->is_new) {
            r = make_row(call, first, end);
            end = *end ? &(*end)->next : end;
        }
    if (r < 0 || !rows)
        return r;
    shim_wake(call, "sync_once");
    return farmiq_store_outbox_append(call->store, "sync", rows, call->now_unix_ms);
}

static void count_feedings(const struct feeding *first)
{
    uint64_t stored = 0, duplicate = 0, skipped = 0;

    for (; first; first = first->next) {
        skipped += first->refusal != NULL;
        stored += first->is_new != 0;
        duplicate += !first->refusal && !first->is_new;
    }
    shim_count("farmiq_feed_records_total", "stored", stored);
    shim_count("farmiq_feed_records_total", "duplicate", duplicate);
    shim_count("farmiq_feed_records_total", "skipped", skipped);
}

int feedings_keep(struct shim_call *call, struct feeding *first)
{
    int r = FARMIQ_OK;

    for (struct feeding *feeding = first; feeding && r == FARMIQ_OK;
         feeding = feeding->next)
        if (!feeding->refusal)
            r = name_event(call, feeding);
    if (r == FARMIQ_OK)
        r = feed_store(call, FEED_TABLE, first);
    if (r == FARMIQ_OK)
        r = tell(call, first);
    if (r == FARMIQ_OK)
        count_feedings(first);
    return r;
}
