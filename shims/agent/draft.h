/* SPDX-License-Identifier: Apache-2.0 */
/* From readings to telemetry events that the buffer can append: ids, payloads, names. */
#ifndef AGENT_DRAFT_H
#define AGENT_DRAFT_H

#include "agent/kind.h"

#define METRIC_BYTES 65
#define UNIT_BYTES 17

/* One measured value. */
struct reading {
    uint32_t device; /* which of the kind's devices */
    int64_t ts_unix_ms;
    double value;
    char metric[METRIC_BYTES];
    char unit[UNIT_BYTES]; /* may be empty */
};

struct drafts;

struct drafts *drafts_open(const struct agent_options *options, uint32_t count);
void drafts_close(struct drafts *drafts); /* NULL is fine */

/* Make draft `i` of what this device read, and chain it to draft i - 1.
 * FARMIQ_OK; FARMIQ_E_BUSY (no entropy yet); FARMIQ_E_RANGE, FARMIQ_E_NOSPACE. */
int drafts_make(struct drafts *drafts, uint32_t i, const char *device_id,
                const struct reading *reading, struct moment now);
struct farmiq_outbox_row *drafts_first(struct drafts *drafts);
/* iot/telemetry/T/F/B/device/metric; the metric is in the payload. `out` holds
 * FARMIQ_TOPIC_MAX_BYTES + 1. FARMIQ_OK; FARMIQ_E_SCHEMA. */
int draft_topic(const struct farmiq_event *event, char *out);

#endif
