/* SPDX-License-Identifier: Apache-2.0 */
/* The devices: each measures, keeps what it measured until the edge itself says that it
 * has it, and sends again what was not acknowledged in time. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm_private.h"

#define ACK_TIMEOUT_MS SECONDS(60)
#define ACK_TIMEOUT_MOST_MS HOURS(1)
#define WINDOW 100 /* sent again at one time */
#define FUTURE_MS DAYS(2)

struct device {
    uint32_t tenant, number;
    char id[24], barn[16];
    uint32_t *held; /* sequence numbers of its tenant's book, ascending */
    uint32_t held_count, held_room;
    int64_t patience_ms;
    int is_ticking;
};

static struct {
    struct tenant *tenants;
    uint32_t tenant_count;
    struct device *devices;
    uint32_t device_count;
    int64_t every_ms;
    int same_ids, are_plain, is_on;
    int poison_is_next;
    uint32_t id_prefix;
    uint64_t made, poisoned;
} herd;

/* ## The book */

uint32_t tenant_count(void) { return herd.tenant_count; }

struct tenant *tenant_at(uint32_t index) { return &herd.tenants[index]; }

const char *device_id_of(const struct reading *reading)
{
    return herd.devices[reading->device].id;
}

/* An id carries its place in the book: prefix, tenant, sequence number. */
static void format_id(const struct device *device, uint32_t sequence,
                      char out[FARM_EVENT_ID_BYTES])
{
    snprintf(out, FARM_EVENT_ID_BYTES, "%08x-%04x-4000-8000-%012x", herd.id_prefix,
             herd.same_ids ? 0 : device->tenant & 0xffff, sequence);
}

static struct tenant *tenant_find(const char *tenant_id)
{
    for (uint32_t i = 0; i < herd.tenant_count; i++)
        if (strcmp(herd.tenants[i].id, tenant_id) == 0)
            return &herd.tenants[i];
    return NULL;
}

struct reading *reading_find(const char *tenant_id, const char *event_id)
{
    struct tenant *tenant = tenant_find(tenant_id);
    unsigned prefix, owner;
    unsigned long long sequence;

    if (!tenant ||
        sscanf(event_id, "%8x-%4x-4000-8000-%12llx", &prefix, &owner, &sequence) != 3)
        return NULL;
    if (prefix != herd.id_prefix || sequence >= tenant->count ||
        owner != (herd.same_ids ? 0 : (unsigned)(tenant - herd.tenants)))
        return NULL;
    return &tenant->readings[sequence];
}

static uint32_t write_down(const struct device *device)
{
    struct tenant *tenant = &herd.tenants[device->tenant];
    struct reading *reading;

    if (tenant->count == tenant->room) {
        tenant->room = tenant->room ? tenant->room * 2 : 1024;
        tenant->readings =
            realloc(tenant->readings, tenant->room * sizeof *tenant->readings);
        if (!tenant->readings)
            abort();
    }
    reading = &tenant->readings[tenant->count];
    *reading = (struct reading){ .device = device->number,
                                 .is_poison = (uint8_t)herd.poison_is_next,
                                 .ts_unix_ms =
                                     sim_now_ms() + (herd.poison_is_next ? FUTURE_MS : 0),
                                 .value = (double)sim_between(1500, 3500) / 100 };
    herd.made += !reading->is_poison;
    herd.poisoned += reading->is_poison;
    herd.poison_is_next = 0;
    return tenant->count++;
}

/* ## Publishing */

static void write_payload(struct farmiq_json_writer *w, const struct reading *reading)
{
    farmiq_json_open(w, '{');
    farmiq_json_key(w, "metric");
    farmiq_json_text(w, "temperature");
    farmiq_json_key(w, "value");
    farmiq_json_double(w, reading->value);
    farmiq_json_key(w, "unit");
    farmiq_json_text(w, "C");
    farmiq_json_close(w, '}');
}

static struct farmiq_str write_envelope(const struct device *device,
                                        const struct reading *reading, uint32_t sequence,
                                        char *out, size_t out_bytes)
{
    char id[FARM_EVENT_ID_BYTES], payload[256];
    struct farmiq_json_writer w;
    struct farmiq_envelope envelope;
    struct farmiq_str text = { out, 0 };
    int r;

    format_id(device, sequence, id);
    farmiq_json_begin(&w, payload, sizeof payload);
    write_payload(&w, reading);
    farmiq_envelope_init(&envelope, sizeof envelope);
    envelope.payload.ptr = payload;
    r = farmiq_json_end(&w, &envelope.payload.len);
    envelope.schema_version = (struct farmiq_str){ "1.0", 3 };
    envelope.event_id = (struct farmiq_str){ id, strlen(id) };
    envelope.trace_id = envelope.event_id;
    envelope.event_type = (struct farmiq_str){ "telemetry.reading", 17 };
    envelope.tenant_id.ptr = herd.tenants[device->tenant].id;
    envelope.tenant_id.len = strlen(envelope.tenant_id.ptr);
    envelope.device_id = (struct farmiq_str){ device->id, strlen(device->id) };
    envelope.ts_unix_ms = envelope.produced_at_unix_ms = reading->ts_unix_ms;
    if (r == FARMIQ_OK)
        r = farmiq_envelope_write(&envelope, out, out_bytes, &text.len);
    if (r != FARMIQ_OK)
        abort();
    return text;
}

static void forget(struct device *device, uint32_t sequence)
{
    uint32_t *at = device->held, *end = device->held + device->held_count;

    while (at < end && *at != sequence)
        at++;
    if (at == end)
        return;
    memmove(at, at + 1, (size_t)(end - at - 1) * sizeof *at);
    device->held_count--;
    device->patience_ms = ACK_TIMEOUT_MS;
}

/* What a device does that knows of nothing but PUBACK. */
struct receipt {
    struct device *device;
    uint32_t sequence;
};

static void forget_at_puback(void *ctx, int is_acknowledged)
{
    struct receipt *receipt = ctx;

    if (is_acknowledged && !sim_is_ending())
        forget(receipt->device, receipt->sequence);
    free(receipt);
}

static struct receipt *make_receipt(struct device *device, uint32_t sequence)
{
    struct receipt *receipt = malloc(sizeof *receipt);

    if (!receipt)
        abort();
    *receipt = (struct receipt){ device, sequence };
    return receipt;
}

static void publish(struct device *device, uint32_t sequence)
{
    struct tenant *tenant = &herd.tenants[device->tenant];
    char topic[256], body[1024];
    int hasty = herd.are_plain || sim_bug_is(SIM_BUG_FORGET_AT_PUBACK);

    snprintf(topic, sizeof topic, "iot/telemetry/%s/farm-1/%s/%s/temperature", tenant->id,
             device->barn, device->id);
    tenant->readings[sequence].sent_at_ms = sim_now_ms();
    sim_mqtt_publish(
        topic,
        write_envelope(device, &tenant->readings[sequence], sequence, body, sizeof body),
        hasty ? forget_at_puback : NULL, hasty ? make_receipt(device, sequence) : NULL);
}

/* ## Measuring */

static void hold(struct device *device, uint32_t sequence)
{
    if (device->held_count == device->held_room) {
        device->held_room = device->held_room ? device->held_room * 2 : 64;
        device->held = realloc(device->held, device->held_room * sizeof *device->held);
        if (!device->held)
            abort();
    }
    device->held[device->held_count++] = sequence;
}

static void measure(struct device *device)
{
    uint32_t sequence = write_down(device);

    hold(device, sequence);
    publish(device, sequence);
}

static void tick(void *ctx)
{
    struct device *device = ctx;

    device->is_ticking = herd.is_on && !sim_is_ending();
    if (!device->is_ticking)
        return;
    measure(device);
    sim_after(sim_between(herd.every_ms - herd.every_ms / 100, herd.every_ms), tick,
              device);
}

/* The longer nothing comes back, the more patient a device becomes: what it sent may
 * still lie with the broker. */
static void send_again(void *ctx)
{
    struct device *device = ctx;
    const struct tenant *tenant = &herd.tenants[device->tenant];
    uint32_t sent = 0;

    if (sim_is_ending())
        return;
    for (uint32_t i = 0; i < device->held_count && sent < WINDOW; i++) {
        const struct reading *reading = &tenant->readings[device->held[i]];

        if (reading->sent_at_ms + device->patience_ms > sim_now_ms())
            continue;
        publish(device, device->held[i]);
        sent++;
    }
    if (sent && device->patience_ms < ACK_TIMEOUT_MOST_MS)
        device->patience_ms *= 2;
    sim_after(ACK_TIMEOUT_MS, send_again, device);
}

/* ## The edge's own word */

static struct device *device_of_topic(struct farmiq_str topic)
{
    struct farmiq_topic parts;

    farmiq_topic_init(&parts, sizeof parts);
    if (farmiq_topic_parse(&parts, topic.ptr, topic.len, NULL) != FARMIQ_OK ||
        parts.kind != FARMIQ_TOPIC_ACK)
        return NULL;
    for (uint32_t i = 0; i < herd.device_count; i++)
        if (strlen(herd.devices[i].id) == parts.source_id.len &&
            memcmp(herd.devices[i].id, parts.source_id.ptr, parts.source_id.len) == 0)
            return &herd.devices[i];
    return NULL;
}

/* I1: what was acknowledged must be on the edge's disk at that moment. */
static int take_acknowledgement(void *ctx, uint32_t index, const char *json,
                                size_t json_bytes)
{
    struct device *device = ctx;
    const struct tenant *tenant = &herd.tenants[device->tenant];
    char id[FARM_EVENT_ID_BYTES] = "";
    struct reading *reading;

    (void)index;
    if (json_bytes == FARM_EVENT_ID_BYTES + 1)
        memcpy(id, json + 1, FARM_EVENT_ID_BYTES - 1);
    reading = reading_find(tenant->id, id);
    if (!reading) {
        sim_fail("I3: %s was told of an event that it never sent", device->id);
        return FARMIQ_OK;
    }
    if (!reading->is_acknowledged && !edge_holds(tenant->id, id))
        sim_fail("I1: %s was acknowledged to %s and is not on the edge's disk", id,
                 device->id);
    reading->is_acknowledged = 1;
    sim_mix((uint64_t)(reading - tenant->readings));
    forget(device, (uint32_t)(reading - tenant->readings));
    return FARMIQ_OK;
}

static void hear(struct farmiq_str topic, struct farmiq_str body)
{
    static _Alignas(16) char scratch[65536];
    struct device *device = device_of_topic(topic);
    struct farmiq_json_member lists[] = { { .name = "acked" }, { .name = "refused" } };
    int r =
        farmiq_json_members(body.ptr, body.len, lists, 2, scratch, sizeof scratch, NULL);

    if (scales_hear(topic, body))
        return;
    if (!device || r != FARMIQ_OK || lists[0].type != FARMIQ_JSON_ARRAY) {
        sim_fail("the edge's acknowledgement cannot be read: %s", farmiq_errname(r));
        return;
    }
    r = farmiq_json_each(lists[0].text.ptr, lists[0].text.len, take_acknowledgement,
                         device, scratch, sizeof scratch, NULL);
    if (r != FARMIQ_OK)
        sim_fail("the edge's acknowledgement cannot be read: %s", farmiq_errname(r));
    if (lists[1].type == FARMIQ_JSON_ARRAY && lists[1].text.len > 2)
        sim_fail("the edge refused a good reading of %s", device->id);
}

/* ## Words */

void sensors_on(void)
{
    herd.is_on = 1;
    for (uint32_t i = 0; i < herd.device_count; i++) {
        if (herd.devices[i].is_ticking)
            continue;
        herd.devices[i].is_ticking = 1;
        sim_after(sim_between(1, herd.every_ms), tick, &herd.devices[i]);
    }
}

void sensors_off(void) { herd.is_on = 0; }

void sensors_measure(uint32_t times)
{
    for (uint32_t t = 0; t < times; t++)
        for (uint32_t i = 0; i < herd.device_count; i++)
            measure(&herd.devices[i]);
}

void sensor_makes_poison(void) { herd.poison_is_next = 1; }

/* A foreign writer appends the seed's way (seed 002, 7.2): into the view. */
void foreign_writer_adds_giant(uint32_t bytes)
{
    const struct device *device = &herd.devices[0];
    char id[FARM_EVENT_ID_BYTES];

    herd.poison_is_next = 1;
    format_id(device, write_down(device), id);
    edge_insert(herd.tenants[device->tenant].id, id, device->id, bytes);
}

uint64_t sensors_made(void) { return herd.made; }

uint64_t sensors_poisoned(void) { return herd.poisoned; }

uint64_t sensors_holding(void)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < herd.device_count; i++)
        sum += herd.devices[i].held_count;
    return sum;
}

static void place_device(const struct farm_options *options, uint32_t number)
{
    struct device *device = &herd.devices[number];
    uint32_t barn = number / (uint32_t)options->sensors_per_barn;

    device->number = number;
    device->tenant = barn % herd.tenant_count;
    device->patience_ms = ACK_TIMEOUT_MS;
    snprintf(device->id, sizeof device->id, "sensor-%u", number);
    snprintf(device->barn, sizeof device->barn, "barn-%u", barn);
    sim_after(sim_between(1, ACK_TIMEOUT_MS), send_again, device);
}

void sensors_open(const struct farm_options *options)
{
    memset(&herd, 0, sizeof herd);
    herd.tenant_count = (uint32_t)options->tenants;
    herd.device_count = (uint32_t)(options->barns * options->sensors_per_barn);
    herd.tenants = calloc(herd.tenant_count, sizeof *herd.tenants);
    herd.devices = calloc(herd.device_count, sizeof *herd.devices);
    if (!herd.tenants || !herd.devices)
        abort();
    herd.every_ms = options->every_ms;
    herd.same_ids = options->same_ids;
    herd.are_plain = options->plain_devices;
    herd.id_prefix = (uint32_t)sim_random();
    for (uint32_t i = 0; i < herd.tenant_count; i++)
        snprintf(herd.tenants[i].id, sizeof herd.tenants[i].id, "tenant-%c",
                 'a' + (int)i);
    for (uint32_t i = 0; i < herd.device_count; i++)
        place_device(options, i);
    sim_mqtt_on_message(hear);
}

void sensors_close(void)
{
    for (uint32_t i = 0; i < herd.tenant_count; i++)
        free(herd.tenants[i].readings);
    for (uint32_t i = 0; i < herd.device_count; i++)
        free(herd.devices[i].held);
    free(herd.tenants);
    free(herd.devices);
    memset(&herd, 0, sizeof herd);
}
