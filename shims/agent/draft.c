/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent has to say, as events. */
#include "agent/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PAYLOAD_BYTES 256
#define SCRATCH_WORDS 640

enum { DEVICE, STATION, SESSION, BATCH, NAMES };

struct draft {
    struct farmiq_outbox_row row;
    struct farmiq_event event;
    char event_id[FARMIQ_UUID_STRLEN + 1];
    char names[NAMES][AGENT_DEVICE_BYTES];
    char payload[DRAFT_PAYLOAD_BYTES];
};

struct drafts {
    const struct agent_options *options;
    struct farmiq_uuid_seq ids;
    struct draft list[];
};

static struct farmiq_str str(const char *text)
{
    struct farmiq_str s = { text, strlen(text) };

    return s;
}

struct drafts *drafts_open(const struct agent_options *options, uint32_t count)
{
    struct drafts *d = calloc(1, sizeof *d + count * sizeof *d->list);

    if (d)
        d->options = options;
    return d;
}

void drafts_close(struct drafts *d) { free(d); }

struct farmiq_outbox_row *drafts_first(struct drafts *d) { return &d->list[0].row; }

/* The id says when the event was made, by the wall clock: its age is measured by that,
 * because a replayed file or a fast simulation dates its readings otherwise. */
int drafts_new_id(struct drafts *d, struct moment now, char *out)
{
    uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES], id[FARMIQ_UUID_BYTES];
    int r;

    if (getrandom(entropy, sizeof entropy, 0) != (ssize_t)sizeof entropy)
        return FARMIQ_E_BUSY;
    r = farmiq_uuid_v7(id, &d->ids, now.unix_ms, entropy);
    return r ? r : farmiq_uuid_format(id, out);
}

static int copy_names(struct draft *draft, const struct draft_facts *facts)
{
    const char *const names[NAMES] = { [DEVICE] = facts->device_id,
                                       [STATION] = facts->station_id,
                                       [SESSION] = facts->session_id,
                                       [BATCH] = facts->batch_id };

    for (int i = 0; i < NAMES; i++) {
        const char *name = names[i] ? names[i] : "";

        if (strlen(name) >= sizeof draft->names[i])
            return FARMIQ_E_NOSPACE;
        strcpy(draft->names[i], name);
    }
    return FARMIQ_OK;
}

static int copy_facts(struct drafts *d, struct draft *draft,
                      const struct draft_facts *facts, struct moment now)
{
    int r = copy_names(draft, facts);

    if (r != FARMIQ_OK || facts->payload.len > sizeof draft->payload)
        return FARMIQ_E_NOSPACE;
    memcpy(draft->payload, facts->payload.ptr, facts->payload.len);
    if (!facts->event_id)
        return drafts_new_id(d, now, draft->event_id);
    snprintf(draft->event_id, sizeof draft->event_id, "%s", facts->event_id);
    return FARMIQ_OK;
}

int drafts_put(struct drafts *d, uint32_t i, const struct draft_facts *facts,
               struct moment now)
{
    const struct agent_options *o = d->options;
    struct draft *draft = &d->list[i];
    struct farmiq_event *event = &draft->event;
    int r = copy_facts(d, draft, facts, now);

    if (r != FARMIQ_OK)
        return r;
    farmiq_event_init(event, sizeof *event);
    event->event_id = event->trace_id = str(draft->event_id);
    event->event_type = str(facts->event_type);
    event->schema_version = str("1.0");
    event->tenant_id = str(o->tenant_id);
    event->farm_id = str(o->farm_id);
    event->barn_id = str(o->barn_id);
    event->device_id = str(draft->names[DEVICE]);
    event->station_id = str(draft->names[STATION]);
    event->session_id = str(draft->names[SESSION]);
    event->batch_id = str(draft->names[BATCH]);
    event->payload = (struct farmiq_str){ draft->payload, facts->payload.len };
    event->occurred_at_unix_ms = facts->ts_unix_ms;
    farmiq_outbox_row_init(&draft->row, sizeof draft->row);
    draft->row.event = event;
    draft->row.next = NULL;
    if (i > 0)
        d->list[i - 1].row.next = &draft->row;
    return FARMIQ_OK;
}

/* ## Readings */

static int write_reading(const struct reading *reading, struct farmiq_json_writer *w)
{
    farmiq_json_key(w, "metric");
    farmiq_json_text(w, reading->metric);
    farmiq_json_key(w, "value");
    farmiq_json_double(w, reading->value);
    if (reading->unit[0]) {
        farmiq_json_key(w, "unit");
        farmiq_json_text(w, reading->unit);
    }
    return FARMIQ_OK;
}

/* A feeding has no unit of its own (spec edge 2.6): another one than kg would be lost. */
static int write_feeding(const struct reading *reading, struct farmiq_json_writer *w)
{
    farmiq_json_key(w, "quantity_kg");
    farmiq_json_double(w, reading->value);
    return reading->unit[0] && strcmp(reading->unit, "kg") != 0 ? FARMIQ_E_SCHEMA
                                                                : FARMIQ_OK;
}

/* A reading whose metric is the type of an event is told as that event; any other is
 * telemetry, under its metric. */
static const struct form {
    const char *event_type;
    int (*write)(const struct reading *reading, struct farmiq_json_writer *w);
} events[] = {
    { "feed.dispensed", write_feeding },
}, telemetry = { "telemetry.reading", write_reading };

static const struct form *form_of(const struct reading *reading)
{
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (strcmp(events[i].event_type, reading->metric) == 0)
            return &events[i];
    return &telemetry;
}

int drafts_make(struct drafts *d, uint32_t i, const char *device_id,
                const struct reading *reading, struct moment now)
{
    const struct form *form = form_of(reading);
    char payload[PAYLOAD_BYTES];
    struct draft_facts facts = { .event_type = form->event_type,
                                 .device_id = device_id,
                                 .payload = { .ptr = payload },
                                 .ts_unix_ms = reading->ts_unix_ms };
    struct farmiq_json_writer w;
    int r, ended;

    farmiq_json_begin(&w, payload, sizeof payload);
    farmiq_json_open(&w, '{');
    r = form->write(reading, &w);
    farmiq_json_close(&w, '}');
    ended = farmiq_json_end(&w, &facts.payload.len);
    if (r == FARMIQ_OK)
        r = ended;
    return r ? r : drafts_put(d, i, &facts, now);
}

static int metric_of(const struct farmiq_event *event, void *scratch,
                     size_t scratch_bytes, struct farmiq_str *metric)
{
    struct farmiq_json_member member = { .name = "metric" };

    if (farmiq_json_members(event->payload.ptr, event->payload.len, &member, 1, scratch,
                            scratch_bytes, NULL) != FARMIQ_OK ||
        member.type != FARMIQ_JSON_STRING)
        return FARMIQ_E_SCHEMA;
    *metric = member.text;
    return FARMIQ_OK;
}

static int is_telemetry(const struct farmiq_event *event)
{
    return event->event_type.len == strlen(telemetry.event_type) &&
           memcmp(event->event_type.ptr, telemetry.event_type, event->event_type.len) ==
               0;
}

int draft_topic(const struct farmiq_event *event, char *out)
{
    int64_t scratch[SCRATCH_WORDS];
    struct farmiq_topic topic;
    size_t len;

    farmiq_topic_init(&topic, sizeof topic);
    topic.kind = FARMIQ_TOPIC_EVENT;
    topic.tenant_id = event->tenant_id;
    topic.farm_id = event->farm_id;
    topic.barn_id = event->barn_id;
    topic.source_id = event->device_id;
    topic.leaf = event->event_type;
    if (is_telemetry(event)) {
        topic.kind = FARMIQ_TOPIC_TELEMETRY;
        if (metric_of(event, scratch, sizeof scratch, &topic.leaf) != FARMIQ_OK)
            return FARMIQ_E_SCHEMA;
    }
    return farmiq_topic_format(&topic, out, FARMIQ_TOPIC_MAX_BYTES + 1, &len) == FARMIQ_OK
               ? FARMIQ_OK
               : FARMIQ_E_SCHEMA;
}
