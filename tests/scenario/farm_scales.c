/* SPDX-License-Identifier: Apache-2.0 */
/* The scales, which feed, too: each weighing is a session of six facts and a feeding,
 * which set out in any order within some seconds, and are sent again until the edge
 * itself says that it has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm_private.h"

#define ACK_TIMEOUT_MS SECONDS(60)
#define SPREAD_MS SECONDS(20)

enum {
    CREATED,
    FIRST_WEIGHT,
    IMAGE = WEIGHING_IMAGE,
    FEEDING = WEIGHING_FEEDING,
    FINALIZED = WEIGHING_FINALIZED,
    FACTS = WEIGHING_FACTS
};

static struct {
    struct weighing **weighings;
    uint32_t count, room;
    uint32_t scale_count, tenant_count, id_prefix;
    uint64_t holding;
} park;

uint32_t weighing_count(void) { return park.count; }
const struct weighing *weighing_at(uint32_t index) { return park.weighings[index]; }
uint64_t scales_holding(void) { return park.holding; }

/* ## Names */

static void format_id(const struct weighing *weighing, int fact,
                      char out[FARM_EVENT_ID_BYTES])
{
    snprintf(out, FARM_EVENT_ID_BYTES, "%08x-%04x-4000-9000-%08x%04x", park.id_prefix,
             weighing->tenant & 0xffff, weighing->number, (unsigned)fact & 0xffff);
}

static struct weighing *find(const char *event_id, unsigned *fact)
{
    unsigned prefix, tenant, number;

    if (sscanf(event_id, "%8x-%4x-4000-9000-%8x%4x", &prefix, &tenant, &number, fact) !=
            4 ||
        prefix != park.id_prefix || number >= park.count || *fact >= FACTS)
        return NULL;
    return park.weighings[number];
}

static uint32_t scale_of(const struct weighing *weighing)
{
    return weighing->number % park.scale_count;
}

static const char *type_of(int fact, int is_short)
{
    if (fact == CREATED)
        return is_short ? "created" : "weighvision.session.created";
    if (fact == IMAGE)
        return is_short ? "image.captured" : "weighvision.image.captured";
    if (fact == FINALIZED)
        return is_short ? "finalized" : "weighvision.session.finalized";
    if (fact == FEEDING)
        return "feed.dispensed";
    return is_short ? "weight.recorded" : "weighvision.weight.recorded";
}

/* ## Publishing */

static void write_payload(const struct weighing *weighing, int fact, char *out,
                          size_t bytes)
{
    if (fact == IMAGE)
        snprintf(out, bytes, "{\"media_id\":\"m-%u\"}", weighing->number);
    else if (fact == FINALIZED)
        snprintf(out, bytes, "{\"image_count\":1}");
    else if (fact == FEEDING)
        snprintf(out, bytes, "{\"quantity_kg\":%.2f}", weighing->fed_kg);
    else if (fact == CREATED)
        snprintf(out, bytes, "{\"batch_id\":\"batch-%u\"}", weighing->number % 3);
    else
        snprintf(out, bytes, "{\"weight_kg\":%.2f}", weighing->kg[fact - FIRST_WEIGHT]);
}

static struct farmiq_str text(const char *from)
{
    return (struct farmiq_str){ from, strlen(from) };
}

static struct farmiq_str write_envelope(const struct weighing *weighing, int fact,
                                        char *out, size_t out_bytes)
{
    char id[FARM_EVENT_ID_BYTES], payload[128], device_id[24];
    struct farmiq_envelope envelope;
    struct farmiq_str written = { out, 0 };

    format_id(weighing, fact, id);
    write_payload(weighing, fact, payload, sizeof payload);
    snprintf(device_id, sizeof device_id, "scale-%u", scale_of(weighing));
    farmiq_envelope_init(&envelope, sizeof envelope);
    envelope.schema_version = text("1.0");
    envelope.event_id = envelope.trace_id = text(id);
    envelope.event_type = text(type_of(fact, 0));
    envelope.tenant_id = text(tenant_at(weighing->tenant)->id);
    envelope.device_id = text(device_id);
    envelope.payload = text(payload);
    envelope.ts_unix_ms = envelope.produced_at_unix_ms =
        weighing->start_unix_ms + SECONDS(fact);
    if (farmiq_envelope_write(&envelope, out, out_bytes, &written.len) != FARMIQ_OK)
        abort();
    return written;
}

static void write_topic(const struct weighing *weighing, int fact, char *out,
                        size_t bytes)
{
    const char *tenant_id = tenant_at(weighing->tenant)->id;

    if (fact == FEEDING)
        snprintf(out, bytes, "iot/event/%s/farm-1/barn-0/scale-%u/feed.dispensed",
                 tenant_id, scale_of(weighing));
    else
        snprintf(out, bytes, "iot/weighvision/%s/farm-1/barn-0/scale-%u/session/%s/%s",
                 tenant_id, scale_of(weighing), weighing->name,
                 type_of(fact, (int)(sim_random() % 2)));
}

static void publish(struct weighing *weighing, int fact)
{
    char topic[256], body[1024];

    write_topic(weighing, fact, topic, sizeof topic);
    weighing->sent_at_ms[fact] = sim_now_ms();
    sim_mqtt_publish(topic, write_envelope(weighing, fact, body, sizeof body), NULL,
                     NULL);
}

/* ## Weighing */

static struct weighing *write_down(void)
{
    struct weighing *weighing = calloc(1, sizeof *weighing);

    if (park.count == park.room) {
        park.room = park.room ? park.room * 2 : 64;
        park.weighings = realloc(park.weighings, park.room * sizeof(struct weighing *));
    }
    if (!weighing || !park.weighings)
        abort();
    weighing->number = park.count;
    snprintf(weighing->name, sizeof weighing->name, "w-%u", weighing->number);
    weighing->tenant = park.count % park.tenant_count;
    weighing->start_unix_ms = sim_now_ms();
    for (int i = 0; i < WEIGHING_WEIGHTS; i++)
        weighing->kg[i] = (double)sim_between(9000, 12000) / 100;
    weighing->fed_kg = (double)sim_between(50, 300) / 100;
    park.holding += FACTS;
    return park.weighings[park.count++] = weighing;
}

static void set_out(void *ctx)
{
    struct weighing *weighing = ctx;
    int fact = weighing->order[weighing->set_out_count++];

    if (!sim_is_ending())
        publish(weighing, fact);
}

void scales_weigh(uint32_t times)
{
    for (uint32_t t = 0; t < times * park.scale_count; t++) {
        struct weighing *weighing = write_down();

        for (int i = 0; i < FACTS; i++) {
            int other = (int)sim_between(0, i);

            weighing->order[i] = weighing->order[other];
            weighing->order[other] = (uint8_t)i;
        }
        for (int i = 0; i < FACTS; i++)
            sim_after(sim_between(1, SPREAD_MS), set_out, weighing);
    }
}

static void send_again(void *unused)
{
    if (sim_is_ending())
        return;
    for (uint32_t i = 0; park.holding && i < park.count; i++)
        for (int fact = 0; fact < FACTS; fact++) {
            struct weighing *weighing = park.weighings[i];

            if (!weighing->is_acknowledged[fact] && weighing->sent_at_ms[fact] &&
                weighing->sent_at_ms[fact] + ACK_TIMEOUT_MS <= sim_now_ms())
                publish(weighing, fact);
        }
    sim_after(ACK_TIMEOUT_MS, send_again, unused);
}

/* ## The edge's own word */

static int take_acknowledgement(void *ctx, uint32_t index, const char *json,
                                size_t json_bytes)
{
    char id[FARM_EVENT_ID_BYTES] = "";
    struct weighing *weighing;
    unsigned fact;

    (void)ctx;
    (void)index;
    if (json_bytes == FARM_EVENT_ID_BYTES + 1)
        memcpy(id, json + 1, FARM_EVENT_ID_BYTES - 1);
    weighing = find(id, &fact);
    if (!weighing) {
        sim_fail("I3: a scale was told of %s, which it never sent", id);
        return FARMIQ_OK;
    }
    if (!weighing->is_acknowledged[fact] && !edge_holds_fact(weighing, (int)fact))
        sim_fail("I1: %s was acknowledged and is not on the edge's disk", id);
    park.holding -= !weighing->is_acknowledged[fact];
    weighing->is_acknowledged[fact] = 1;
    sim_mix(weighing->number * FACTS + fact);
    return FARMIQ_OK;
}

int scales_hear(struct farmiq_str topic, struct farmiq_str body)
{
    static _Alignas(16) char scratch[65536];
    struct farmiq_json_member lists[] = { { .name = "acked" }, { .name = "refused" } };
    struct farmiq_topic parts;
    int r;

    farmiq_topic_init(&parts, sizeof parts);
    if (farmiq_topic_parse(&parts, topic.ptr, topic.len, NULL) != FARMIQ_OK ||
        parts.source_id.len < 6 || memcmp(parts.source_id.ptr, "scale-", 6) != 0)
        return 0;
    r = farmiq_json_members(body.ptr, body.len, lists, 2, scratch, sizeof scratch, NULL);
    if (r == FARMIQ_OK)
        r = farmiq_json_each(lists[0].text.ptr, lists[0].text.len, take_acknowledgement,
                             NULL, scratch, sizeof scratch, NULL);
    if (r != FARMIQ_OK)
        sim_fail("the edge's acknowledgement cannot be read: %s", farmiq_errname(r));
    if (lists[1].type == FARMIQ_JSON_ARRAY && lists[1].text.len > 2)
        sim_fail("the edge refused a good fact of %.*s", (int)parts.source_id.len,
                 parts.source_id.ptr);
    return 1;
}

void scales_open(const struct farm_options *options)
{
    memset(&park, 0, sizeof park);
    park.scale_count = options->scales > 0 ? (uint32_t)options->scales : 1;
    park.tenant_count = tenant_count();
    park.id_prefix = (uint32_t)sim_random();
    if (options->scales > 0)
        sim_after(ACK_TIMEOUT_MS, send_again, NULL);
}

void scales_close(void)
{
    for (uint32_t i = 0; i < park.count; i++)
        free(park.weighings[i]);
    free(park.weighings);
    memset(&park, 0, sizeof park);
}
