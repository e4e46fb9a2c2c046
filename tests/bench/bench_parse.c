/* SPDX-License-Identifier: Apache-2.0 */
/* farmiq_envelope_parse() next to what yajl alone costs (design/performance.md):
 * (a) yajl with callbacks that only count, its handle reused;
 * (b) yajl with a hand-written extraction and validation of eight members.
 * Neither checks duplicates below the top, escapes, depth, overlong UTF-8 or the
 * range of numbers; ours checks everything, and the topic.
 * usage: bench_parse [rounds] [--strict]   --strict: exit 1 if a target is missed */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include <farmiq/envelope.h>
#include <farmiq/time.h>
#include <farmiq/uuid.h>

#include "bench.h"

#define MESSAGES 4096
#define MESSAGE_MAX_BYTES 448

struct corpus {
    char text[MESSAGES][MESSAGE_MAX_BYTES];
    size_t len[MESSAGES];
    char topic[MESSAGES][128];
    size_t topic_len[MESSAGES];
    struct farmiq_topic parsed[MESSAGES];
};

static volatile uint64_t sink;

static void must(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "bench_parse: %s failed\n", what);
        exit(2);
    }
}

/* Telemetry as the agents send it, 331 bytes on average. */
static void fill(struct corpus *c)
{
    static const char *const metrics[] = { "temperature", "humidity", "ammonia_ppm",
                                           "co2_ppm" };
    static const char *const units[] = { "C", "%RH", "ppm", "ppm" };
    char tenant[37];

    for (unsigned i = 0; i < MESSAGES; i++) {
        unsigned kind = i % 4, device = i * 7919u % 200;

        snprintf(tenant, sizeof tenant, "018f1a84-bb0e-7d3f-b2e4-9e8b5f8e%04x", i % 8);
        c->len[i] = (size_t)snprintf(
            c->text[i], MESSAGE_MAX_BYTES,
            "{\"schema_version\":\"1.0\",\"event_id\":\"018f1a84-0007-7007-8000-%012x\","
            "\"trace_id\":\"018f1a84-5a5a-7a5d-8000-%012x\","
            "\"event_type\":\"telemetry.reading\",\"tenant_id\":\"%s\","
            "\"device_id\":\"device-sensor-%03u\",\"ts\":\"2025-01-01T%02u:%02u:%02u.%"
            "03uZ\","
            "\"payload\":{\"metric\":\"%s\",\"value\":%.2f,\"unit\":\"%s\"}}",
            i, i, tenant, device, i / 3600 % 24, i / 60 % 60, i % 60, i * 37 % 1000,
            metrics[kind], (double)(i * 2654435761u % 10000) / 100, units[kind]);
        c->topic_len[i] =
            (size_t)snprintf(c->topic[i], sizeof c->topic[i],
                             "iot/telemetry/%s/f-001/b-001/device-sensor-%03u/%s", tenant,
                             device, metrics[kind]);
    }
}

/* ## (a) yajl alone */

static int count_nothing(void *ctx)
{
    (void)ctx;
    return 1;
}

static int count_boolean(void *ctx, int value)
{
    (void)ctx;
    (void)value;
    return 1;
}

static int count_number(void *ctx, const char *text, size_t len)
{
    (void)text;
    *(size_t *)ctx += len;
    return 1;
}

static int count_text(void *ctx, const unsigned char *text, size_t len)
{
    (void)text;
    *(size_t *)ctx += len;
    return 1;
}

static const yajl_callbacks counting = {
    .yajl_null = count_nothing,
    .yajl_boolean = count_boolean,
    .yajl_number = count_number,
    .yajl_string = count_text,
    .yajl_start_map = count_nothing,
    .yajl_map_key = count_text,
    .yajl_end_map = count_nothing,
    .yajl_start_array = count_nothing,
    .yajl_end_array = count_nothing,
};

static void feed_whole(yajl_handle handle, const char *text, size_t len)
{
    must(yajl_parse(handle, (const unsigned char *)text, len) == yajl_status_ok &&
             yajl_complete_parse(handle) == yajl_status_ok,
         "yajl");
}

static void bare_yajl(void *ctx)
{
    struct corpus *c = ctx;
    size_t bytes = 0;
    yajl_handle handle = yajl_alloc(&counting, NULL, &bytes);

    yajl_config(handle, yajl_allow_multiple_values, 1);
    for (int i = 0; i < MESSAGES; i++)
        feed_whole(handle, c->text[i], c->len[i]);
    yajl_free(handle);
    sink += bytes;
}

/* ## (b) yajl, eight members taken out and validated by hand */

enum slot {
    VERSION,
    EVENT,
    TRACE,
    TYPE,
    TENANT,
    DEVICE,
    TS,
    METRIC,
    VALUE,
    PAYLOAD,
    SLOTS
};

struct probe {
    struct farmiq_str text[SLOTS];
    unsigned seen;
    int depth;
    int slot; /* -1: nobody wants the next value */
    double value;
};

struct probe_key {
    int depth;
    struct farmiq_str name;
    enum slot slot;
};

static int slot_of(int depth, const char *key, size_t len)
{
#define KEY(level, literal, slot)                                                        \
    if (depth == (level) && len == sizeof(literal) - 1 && !memcmp(key, literal, len))    \
    return slot
    switch (len) {
    case 2:
        KEY(1, "ts", TS);
        break;
    case 5:
        KEY(2, "value", VALUE);
        break;
    case 6:
        KEY(2, "metric", METRIC);
        break;
    case 7:
        KEY(1, "payload", PAYLOAD);
        break;
    case 8:
        KEY(1, "event_id", EVENT);
        KEY(1, "trace_id", TRACE);
        break;
    case 9:
        KEY(1, "tenant_id", TENANT);
        KEY(1, "device_id", DEVICE);
        break;
    case 10:
        KEY(1, "event_type", TYPE);
        break;
    case 14:
        KEY(1, "schema_version", VERSION);
        break;
    }
#undef KEY
    return -1;
}

static int probe_key(void *ctx, const unsigned char *key, size_t len)
{
    struct probe *p = ctx;

    p->slot = slot_of(p->depth, (const char *)key, len);
    return p->slot < 0 || !(p->seen >> p->slot & 1);
}

static int probe_text(void *ctx, const unsigned char *text, size_t len)
{
    struct probe *p = ctx;

    if (p->slot < 0)
        return 1;
    p->text[p->slot] = (struct farmiq_str){ (const char *)text, len };
    p->seen |= 1u << p->slot;
    return 1;
}

static int probe_number(void *ctx, const char *text, size_t len)
{
    struct probe *p = ctx;
    char copy[64];

    if (p->slot != VALUE || len >= sizeof copy)
        return p->slot != VALUE;
    memcpy(copy, text, len);
    copy[len] = '\0';
    p->value = strtod(copy, NULL);
    p->seen |= 1u << VALUE;
    return 1;
}

static int probe_open(void *ctx)
{
    struct probe *p = ctx;

    if (p->slot == PAYLOAD)
        p->seen |= 1u << PAYLOAD;
    p->depth++;
    return 1;
}

static int probe_close(void *ctx)
{
    ((struct probe *)ctx)->depth--;
    return 1;
}

static const yajl_callbacks probing = {
    .yajl_null = count_nothing,
    .yajl_boolean = count_boolean,
    .yajl_number = probe_number,
    .yajl_string = probe_text,
    .yajl_start_map = probe_open,
    .yajl_map_key = probe_key,
    .yajl_end_map = probe_close,
    .yajl_start_array = probe_open,
    .yajl_end_array = probe_close,
};

static int is_valid(const struct probe *p)
{
    const struct farmiq_str *t = p->text;
    uint8_t id[FARMIQ_UUID_BYTES];
    int64_t unix_ms;

    return p->seen == (1u << SLOTS) - 1 && t[VERSION].len == 3 &&
           memcmp(t[VERSION].ptr, "1.0", 3) == 0 &&
           farmiq_uuid_parse(id, t[EVENT].ptr, t[EVENT].len) == FARMIQ_OK &&
           farmiq_uuid_parse(id, t[TENANT].ptr, t[TENANT].len) == FARMIQ_OK &&
           farmiq_time_parse(t[TS].ptr, t[TS].len, &unix_ms) == FARMIQ_OK &&
           t[DEVICE].len > 0 && t[DEVICE].len <= FARMIQ_ID_MAX_BYTES;
}

static void probing_yajl(void *ctx)
{
    struct corpus *c = ctx;
    struct probe p;
    yajl_handle handle = yajl_alloc(&probing, NULL, &p);

    yajl_config(handle, yajl_allow_multiple_values, 1);
    for (int i = 0; i < MESSAGES; i++) {
        p.seen = 0;
        p.depth = 0;
        p.slot = -1;
        feed_whole(handle, c->text[i], c->len[i]);
        must(is_valid(&p), "the probe");
        sink += p.text[DEVICE].len;
    }
    yajl_free(handle);
}

/* ## Ours */

static int64_t scratch[FARMIQ_ENVELOPE_SCRATCH_BYTES / sizeof(int64_t)];

static void parse_one(const struct corpus *c, int i, struct farmiq_envelope *env)
{
    must(farmiq_envelope_parse(env, NULL, c->text[i], c->len[i], scratch, sizeof scratch,
                               NULL) == FARMIQ_OK,
         "farmiq_envelope_parse");
    sink += env->device_id.len;
}

static void envelope_only(void *ctx)
{
    struct farmiq_envelope env = { .size = sizeof env };

    for (int i = 0; i < MESSAGES; i++)
        parse_one(ctx, i, &env);
}

static void envelope_and_check(void *ctx)
{
    struct corpus *c = ctx;
    struct farmiq_envelope env = { .size = sizeof env };

    for (int i = 0; i < MESSAGES; i++) {
        parse_one(c, i, &env);
        must(farmiq_envelope_check_topic(&env, &c->parsed[i], NULL) == FARMIQ_OK,
             "farmiq_envelope_check_topic");
    }
}

static void parse_topics(void *ctx)
{
    struct corpus *c = ctx;

    for (int i = 0; i < MESSAGES; i++) {
        farmiq_topic_init(&c->parsed[i], sizeof c->parsed[i]);
        must(farmiq_topic_parse(&c->parsed[i], c->topic[i], c->topic_len[i], NULL) ==
                 FARMIQ_OK,
             "farmiq_topic_parse");
    }
}

int main(int argc, char **argv)
{
    enum { BARE, PROBE, ENVELOPE, TOPIC, BOTH, CASES };
    struct bench_case cases[CASES] = {
        [BARE] = { "bare yajl", bare_yajl, 0 },
        [PROBE] = { "yajl + extract + validate", probing_yajl, 0 },
        [ENVELOPE] = { "envelope", envelope_only, 0 },
        [TOPIC] = { "topic", parse_topics, 0 },
        [BOTH] = { "envelope + topic check", envelope_and_check, 0 },
    };
    struct corpus *corpus = calloc(1, sizeof *corpus);
    size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : 21;
    int met;

    must(corpus != NULL && rounds > 0, "setting up");
    fill(corpus);
    parse_topics(corpus);
    bench_run(cases, CASES, rounds, corpus);
    for (int i = 0; i < CASES; i++)
        printf("%-28s %6.0f ns/message\n", cases[i].name,
               cases[i].median_s / MESSAGES * 1e9);
    met = bench_against(&cases[BOTH], &cases[PROBE], 0.90);
    met &= bench_against(&cases[BOTH], &cases[BARE], 0.75);
    free(corpus);
    return argc > 2 && strcmp(argv[2], "--strict") == 0 && !met;
}
