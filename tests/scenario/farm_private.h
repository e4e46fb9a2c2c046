/* SPDX-License-Identifier: Apache-2.0 */
/* What the farm's files share and no scenario sees. */
#ifndef FARM_PRIVATE_H
#define FARM_PRIVATE_H

#include "farm.h"

#define FARM_EVENT_ID_BYTES 37

struct reading {
    uint32_t device;
    uint8_t is_poison;
    uint8_t is_acknowledged; /* the device was told so, and has forgotten it */
    int64_t ts_unix_ms;
    double value;
    int64_t sent_at_ms;
};

/* A tenant's book of everything its devices ever measured. */
struct tenant {
    char id[24];
    struct reading *readings;
    uint32_t count, room;
};

#define WEIGHING_WEIGHTS 3
/* created, the weights, then these. The cloud is told of all but the image. */
enum {
    WEIGHING_IMAGE = WEIGHING_WEIGHTS + 1,
    WEIGHING_FEEDING,
    WEIGHING_FINALIZED,
    WEIGHING_FACTS
};
#define WEIGHING_TOLD (WEIGHING_WEIGHTS + 2) /* as events of sessions */

/* One session of a scale, as it was, and what the animal was fed meanwhile. Its fact
 * number n is of n seconds after its start. */
struct weighing {
    uint32_t number, tenant;
    char name[16]; /* of the session */
    int64_t start_unix_ms;
    double kg[WEIGHING_WEIGHTS], fed_kg;
    uint8_t order[WEIGHING_FACTS]; /* in which its facts set out */
    int set_out_count;
    int64_t sent_at_ms[WEIGHING_FACTS];
    uint8_t is_acknowledged[WEIGHING_FACTS];
};

void scales_open(const struct farm_options *options);
void scales_close(void);
/* An acknowledgement: 1 if it was for a scale. */
int scales_hear(struct farmiq_str topic, struct farmiq_str body);
uint32_t weighing_count(void);
const struct weighing *weighing_at(uint32_t index);
/* Its weight, image or feeding, or what it said of beginning and end. */
int edge_holds_fact(const struct weighing *weighing, int fact);

void sensors_open(const struct farm_options *options);
void sensors_close(void);
uint32_t tenant_count(void);
struct tenant *tenant_at(uint32_t index);
/* The reading behind an id on the wire or in a table; NULL: nobody made it. */
struct reading *reading_find(const char *tenant_id, const char *event_id);
const char *device_id_of(const struct reading *reading);

void checks_open(const char *edge_url, const char *cloud_url);
void checks_close(void);
int edge_holds(const char *tenant_id, const char *event_id);
/* An outbox row from another program's hand, its payload that long. */
void edge_insert(const char *tenant_id, const char *event_id, const char *device_id,
                 uint32_t payload_bytes);

#endif
