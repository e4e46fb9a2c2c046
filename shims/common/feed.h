/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of one feeding, in whichever spelling (spec edge 2.6, 5.5): the gateway
 * judges by it, the edge and the cloud keep it. */
#ifndef COMMON_FEED_H
#define COMMON_FEED_H

#include "common/scratch.h"

#define FEED_MOST_KG 1000000
#define FEED_NOTES_MAX_BYTES 1000
#define FEED_SOURCE_FAULT "source must be MANUAL, API_IMPORT, SILO_AUTO or MQTT_DISPENSED"

/* One feeding. Texts that were not said are empty. */
struct feeding {
    struct feeding *next;
    struct farmiq_str tenant_id, event_id, external_ref, trace_id;
    struct farmiq_str farm_id, barn_id, batch_id, device_id;
    struct farmiq_str source; /* MANUAL, API_IMPORT, SILO_AUTO or MQTT_DISPENSED */
    struct farmiq_str feed_formula_id, feed_lot_id, notes;
    double quantity_kg;
    int64_t occurred_at_unix_ms; /* 0: not said */
    int64_t sequence;            /* -1: not said */
    const char *refusal;         /* it can never be kept: static text */
    uint32_t line;               /* of the file it came in */
    int is_new;                  /* it was not known before */
};

/* Fill in what a JSON object says. What the caller has filled in stays: an envelope goes
 * before its payload.
 * FARMIQ_OK; FARMIQ_E_SCHEMA (`*fault` is a sentence that names the member); codes of
 * farmiq_json_members(); FARMIQ_E_NOMEM. */
int feed_read(struct feeding *feeding, struct scratch *scratch, struct shim_call *call,
              struct farmiq_str json, const char **fault);

/* What every feeding must have, wherever it comes from: tenant, farm, barn, quantity,
 * time and a source that is known. NULL, or a sentence that names what is missing. */
const char *feed_fault(const struct feeding *feeding);

/* One of the four words above. */
int feed_is_source(struct farmiq_str text);

/* ## feed_store.c: as rows. `table` is feed_intake_local or feed_intake */

/* Keep a chain of feedings, those with a refusal aside. `is_new` says which were not
 * there, neither under their event nor under their external reference. FARMIQ_OK,
 * FARMIQ_E_NOMEM, or as farmiq_sql_run_many(). */
int feed_store(struct shim_call *call, const char *table, struct feeding *first);

/* Of one that is not new: does what is there say the same? Codes as farmiq_sql_run(). */
int feed_look_for_repeat(struct shim_call *call, const char *table,
                         const struct feeding *feeding, int *is_repeat);

#endif
