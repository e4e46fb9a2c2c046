/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a batch (spec cloud 1.4): counts, and each event that was not taken. */
#include "ingestion.h"

#include "common/text.h"

static void write_count(struct farmiq_json_writer *json, const char *name, uint32_t count)
{
    farmiq_json_key(json, name);
    farmiq_json_int(json, count);
}

static void write_error(struct farmiq_json_writer *json, const struct farmiq_event *event,
                        struct refusal refusal)
{
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "event_id");
    farmiq_json_str(json, event->event_id);
    write_count(json, "index", event->index);
    farmiq_json_key(json, "error");
    farmiq_json_text(json, refusal.text ? refusal.text : refusal.code);
    farmiq_json_key(json, "code");
    farmiq_json_text(json, refusal.code);
    farmiq_json_key(json, "retryable");
    farmiq_json_bool(json, 0);
    farmiq_json_close(json, '}');
}

/* The key is absent when there is nothing to list: old forwarders expect that. */
static void write_errors(struct farmiq_json_writer *json, const struct intake *intake)
{
    if (!intake->rejected)
        return;
    farmiq_json_key(json, "errors");
    farmiq_json_open(json, '[');
    for (uint32_t i = 0; i < intake->batch.event_count; i++) {
        struct refusal refusal = ingestion_refusal(intake, i);

        if (refusal.code)
            write_error(json, intake->events[i], refusal);
    }
    farmiq_json_close(json, ']');
}

static void write_results(struct farmiq_json_writer *json, const struct intake *intake)
{
    farmiq_json_key(json, "results");
    farmiq_json_open(json, '[');
    for (uint32_t i = 0; i < intake->batch.event_count; i++) {
        farmiq_json_open(json, '{');
        farmiq_json_key(json, "event_id");
        farmiq_json_str(json, intake->events[i]->event_id);
        farmiq_json_key(json, "status");
        farmiq_json_text(json, ingestion_refusal(intake, i).code ? "rejected"
                               : intake->sightings[i].verdict == FARMIQ_DUPLICATE
                                   ? "duplicated"
                                   : "accepted");
        farmiq_json_close(json, '}');
    }
    farmiq_json_close(json, ']');
}

int ingestion_reply(struct intake *intake)
{
    struct farmiq_json_writer *json =
        shim_json(intake->call, 512 + (size_t)intake->batch.event_count * 2048);

    farmiq_json_open(json, '{');
    write_count(json, "accepted", intake->accepted);
    write_count(json, "duplicated", intake->duplicated);
    write_count(json, "rejected", intake->rejected);
    write_count(json, "deduped", intake->duplicated);
    if (intake->batch.batch_id.len) {
        farmiq_json_key(json, "batchId");
        farmiq_json_str(json, intake->batch.batch_id);
    }
    write_errors(json, intake);
    if (text_is(shim_header(intake->call, "x-farmiq-results"), "full"))
        write_results(json, intake);
    farmiq_json_close(json, '}');
    return shim_reply(intake->call, 200);
}
