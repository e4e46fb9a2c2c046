/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent has to say, as events that the buffer can append: ids, names, scope. */
#ifndef AGENT_DRAFT_H
#define AGENT_DRAFT_H

#include "agent/kind.h"

#define METRIC_BYTES 65
#define UNIT_BYTES 17

/* One measured value. A metric that is the type of an event, feed.dispensed, is told as
 * that event; its unit is kg or not said. */
struct reading {
    uint32_t device; /* which of the kind's devices */
    int64_t ts_unix_ms;
    double value;
    char metric[METRIC_BYTES];
    char unit[UNIT_BYTES]; /* may be empty */
};

/* What an event is about. Texts are copied; NULL: there is none. */
struct draft_facts {
    const char *event_type;
    const char *event_id; /* a UUID; NULL: a new one, of now */
    const char *device_id;
    const char *station_id;
    const char *session_id;
    const char *batch_id;
    struct farmiq_str payload; /* at most DRAFT_PAYLOAD_BYTES */
    int64_t ts_unix_ms;
};

#define DRAFT_PAYLOAD_BYTES 512

struct drafts;

/* The id of an event that is made now; `out` holds FARMIQ_UUID_STRLEN + 1.
 * FARMIQ_OK; FARMIQ_E_BUSY (no entropy yet); FARMIQ_E_RANGE. */
int drafts_new_id(struct drafts *drafts, struct moment now, char *out);
/* Make draft `i`, and chain it to draft i - 1. FARMIQ_OK; FARMIQ_E_BUSY (no entropy
 * yet); FARMIQ_E_RANGE; FARMIQ_E_NOSPACE (the payload, or a name, is too long). */
int drafts_put(struct drafts *drafts, uint32_t i, const struct draft_facts *facts,
               struct moment now);

struct drafts *drafts_open(const struct agent_options *options, uint32_t count);
void drafts_close(struct drafts *drafts); /* NULL is fine */

/* The same of what this device read. FARMIQ_E_SCHEMA: an event in another unit. */
int drafts_make(struct drafts *drafts, uint32_t i, const char *device_id,
                const struct reading *reading, struct moment now);
struct farmiq_outbox_row *drafts_first(struct drafts *drafts);
/* iot/telemetry/T/F/B/device/metric, where the metric is in the payload; or
 * iot/event/T/F/B/device/event type. `out` holds FARMIQ_TOPIC_MAX_BYTES + 1. FARMIQ_OK;
 * FARMIQ_E_SCHEMA. */
int draft_topic(const struct farmiq_event *event, char *out);

#endif
