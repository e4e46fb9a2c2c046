/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of one feeding, in whichever spelling. */
#include "common/feed.h"

#include <stddef.h>

#include "common/text.h"

#define ID(name, other, member)                                                          \
    {                                                                                    \
        name, other, offsetof(struct feeding, member), FARMIQ_ID_MAX_BYTES,              \
            name " must be text of at most 128 bytes"                                    \
    }

static const struct {
    const char *name, *other_name;
    size_t at; /* of the text in a feeding */
    size_t most_bytes;
    const char *fault;
} texts[] = {
    ID("tenant_id", "tenantId", tenant_id),
    ID("event_id", "eventId", event_id),
    ID("external_ref", "externalRef", external_ref),
    ID("farm_id", "farmId", farm_id),
    ID("barn_id", "barnId", barn_id),
    ID("batch_id", "batchId", batch_id),
    ID("device_id", "deviceId", device_id),
    ID("feed_formula_id", "feedFormulaId", feed_formula_id),
    ID("feed_lot_id", "feedLotId", feed_lot_id),
    ID("source", "source_type", source),
    { "notes", "note", offsetof(struct feeding, notes), FEED_NOTES_MAX_BYTES,
      "notes must be text of at most 1000 bytes" },
};

/* The members: each text twice, then the numbers and the time. */
enum {
    TEXTS = sizeof texts / sizeof *texts,
    QUANTITY = 2 * TEXTS,
    TIME = QUANTITY + 2,
    SEQUENCE = TIME + 2,
    MEMBERS
};

static int is_said(const struct farmiq_json_member *member)
{
    return member->type != FARMIQ_JSON_ABSENT && member->type != FARMIQ_JSON_NULL;
}

static const struct farmiq_json_member *either(const struct farmiq_json_member *pair)
{
    return is_said(&pair[0]) ? &pair[0] : &pair[1];
}

/* NULL, or what is wrong; the same for the next two. */
static const char *take_texts(struct feeding *feeding,
                              const struct farmiq_json_member *members)
{
    for (int i = 0; i < TEXTS; i++) {
        const struct farmiq_json_member *member = either(&members[2 * i]);
        struct farmiq_str *text = (struct farmiq_str *)((char *)feeding + texts[i].at);

        if (text->len || !is_said(member))
            continue;
        if (member->type != FARMIQ_JSON_STRING || member->text.len > texts[i].most_bytes)
            return texts[i].fault;
        *text = member->text;
    }
    return NULL;
}

static const char *take_numbers(struct feeding *feeding,
                                const struct farmiq_json_member *members)
{
    const struct farmiq_json_member *quantity = either(&members[QUANTITY]);
    const struct farmiq_json_member *sequence = &members[SEQUENCE];

    feeding->sequence = -1;
    if (quantity->type != FARMIQ_JSON_NUMBER)
        return "quantity_kg must be a number";
    feeding->quantity_kg = quantity->number;
    if (!is_said(sequence))
        return NULL;
    if (sequence->type != FARMIQ_JSON_NUMBER || sequence->number < 0 ||
        sequence->number > INT32_MAX)
        return "sequence must be a whole number from 0";
    feeding->sequence = (int64_t)sequence->number;
    return NULL;
}

static const char *take_time(struct feeding *feeding,
                             const struct farmiq_json_member *members)
{
    const struct farmiq_json_member *member = either(&members[TIME]);

    if (feeding->occurred_at_unix_ms || !is_said(member))
        return NULL;
    if (member->type != FARMIQ_JSON_STRING ||
        farmiq_time_parse(member->text.ptr, member->text.len,
                          &feeding->occurred_at_unix_ms) != FARMIQ_OK)
        return "occurred_at must be an RFC 3339 time";
    return NULL;
}

int feed_read(struct feeding *feeding, struct scratch *scratch, struct shim_call *call,
              struct farmiq_str json, const char **fault)
{
    struct farmiq_json_member members[MEMBERS] = {
        [QUANTITY] = { .name = "quantity_kg" }, { .name = "quantityKg" },
        [TIME] = { .name = "occurred_at" },     { .name = "occurredAt" },
        [SEQUENCE] = { .name = "sequence" },
    };
    int r;

    for (int i = 0; i < TEXTS; i++) {
        members[2 * i].name = texts[i].name;
        members[2 * i + 1].name = texts[i].other_name;
    }
    *fault = "this must be a JSON object";
    r = scratch_members(scratch, call, json, members, MEMBERS);
    if (r != FARMIQ_OK)
        return r;
    *fault = take_texts(feeding, members);
    if (!*fault)
        *fault = take_numbers(feeding, members);
    if (!*fault)
        *fault = take_time(feeding, members);
    return *fault ? FARMIQ_E_SCHEMA : FARMIQ_OK;
}

int feed_is_source(struct farmiq_str text)
{
    struct farmiq_str known = shim_str("MANUAL API_IMPORT SILO_AUTO MQTT_DISPENSED");

    while (known.len)
        if (text_equal(text_next(&known, ' '), text))
            return 1;
    return 0;
}

const char *feed_fault(const struct feeding *feeding)
{
    if (!feeding->tenant_id.len)
        return "tenant_id is missing";
    if (!feeding->farm_id.len)
        return "farm_id is missing";
    if (!feeding->barn_id.len)
        return "barn_id is missing";
    if (!(feeding->quantity_kg > 0 && feeding->quantity_kg <= FEED_MOST_KG))
        return "quantity_kg must be above 0 and at most 1000000";
    if (!feeding->occurred_at_unix_ms)
        return "occurred_at is missing";
    if (!feed_is_source(feeding->source))
        return FEED_SOURCE_FAULT;
    return NULL;
}
