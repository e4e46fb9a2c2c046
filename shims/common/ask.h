/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a GET, read with its limits. The first thing that is wrong with it
 * replies 400 and is remembered, so a handler asks for everything and looks once:
 *
 *     struct ask ask = { call, 0 };
 *     int64_t limit = ask_limit(&ask, 100, 1000);
 *     if (ask.is_refused)
 *         return 0; */
#ifndef COMMON_ASK_H
#define COMMON_ASK_H

#include "kit/shim.h"

/* Spellings (spec cloud 0.7). */
#define ASK_FROM "from|start|start_time|startTime|startDate|start_date"
#define ASK_TO "to|end|end_time|endTime|endDate|end_date"
#define ASK_TENANT "tenantId|tenant_id"
#define ASK_FARM "farmId|farm_id"
#define ASK_BARN "barnId|barn_id"
#define ASK_BATCH "batchId|batch_id"
#define ASK_DEVICE "deviceId|device_id"
#define ASK_METRIC "metric|metric_type"

#define ASK_LAST_UNIX_MS 253402300799999 /* the end of the year 9999 */

struct ask {
    struct shim_call *call;
    int is_refused;
};

/* "" when absent. Longer than an id may be: refused. */
struct farmiq_str ask_text(struct ask *ask, const char *spellings);
/* Refused when absent. */
struct farmiq_str ask_required(struct ask *ask, const char *spellings);
/* RFC 3339; `fallback` when absent. */
int64_t ask_time(struct ask *ask, const char *spellings, int64_t fallback);
/* 1..most; `fallback` when absent. */
int64_t ask_limit(struct ask *ask, int64_t fallback, int64_t most);
/* Reply 400 VALIDATION_ERROR, unless something was wrong before. */
void ask_refuse(struct ask *ask, const char *message);

#endif
