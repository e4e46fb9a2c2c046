/* SPDX-License-Identifier: Apache-2.0 */
/* A call in hand: its memory, its request's parts, its answer, its after-effects. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "kit/crypto.h"
#include "kit/internal.h"
#include "kit/log.h"

#define CHUNK_BYTES 16384

/* Memory that lives as long as the call: a chain of chunks, freed together. */
struct shim_memory_chunk {
    struct shim_memory_chunk *next;
    size_t used_bytes;
    size_t bytes;
    _Alignas(16) unsigned char data[];
};

int64_t shim_clock_unix_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t shim_clock_monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct shim_call *shim_call_open(struct shim_runtime *runtime,
                                 const struct shim_hosted *hosted)
{
    struct {
        struct shim_call call;
        struct shim_internal internal;
    } *both = calloc(1, sizeof *both);

    if (!both)
        return NULL;
    both->call.internal = &both->internal;
    both->internal.runtime = runtime;
    both->call.service = hosted->service;
    both->call.state = hosted->state;
    both->call.now_unix_ms = shim_clock_unix_ms();
    return &both->call;
}

static void free_chunks(struct shim_memory_chunk **first)
{
    while (*first) {
        struct shim_memory_chunk *chunk = *first;

        *first = chunk->next;
        free(chunk);
    }
}

void shim_call_reset(struct shim_call *call)
{
    struct shim_internal *internal = call->internal;

    free_chunks(&internal->chunks);
    memset(&internal->answer, 0, sizeof internal->answer);
    internal->first_effect = internal->last_effect = NULL;
    call->now_unix_ms = shim_clock_unix_ms();
}

void shim_call_keep(struct shim_call *call)
{
    struct shim_internal *internal = call->internal;
    struct shim_memory_chunk **end = &internal->kept;

    while (*end)
        end = &(*end)->next;
    *end = internal->chunks;
    internal->chunks = NULL;
}

void shim_call_close(struct shim_call *call)
{
    if (!call)
        return;
    shim_call_close_files(call->internal);
    free_chunks(&call->internal->chunks);
    free_chunks(&call->internal->kept);
    free(call); /* the internal part lives in the same block */
}

/* A direct call's memory is its caller's: the answer must outlive the callee. */
struct shim_internal *shim_call_owner(const struct shim_call *call)
{
    while (call->internal->parent)
        call = call->internal->parent;
    return call->internal;
}

static struct shim_memory_chunk *add_chunk(struct shim_internal *owner, size_t bytes)
{
    size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    struct shim_memory_chunk *chunk = calloc(1, sizeof *chunk + room);

    if (!chunk)
        return NULL;
    chunk->bytes = room;
    chunk->next = owner->chunks;
    owner->chunks = chunk;
    return chunk;
}

void *shim_memory(struct shim_call *call, size_t bytes)
{
    struct shim_internal *owner = shim_call_owner(call);
    struct shim_memory_chunk *chunk = owner->chunks;
    void *memory;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + 15) & ~(size_t)15;
    if (!chunk || chunk->bytes - chunk->used_bytes < bytes)
        chunk = add_chunk(owner, bytes);
    if (!chunk)
        return NULL;
    memory = chunk->data + chunk->used_bytes;
    chunk->used_bytes += bytes;
    return memory;
}

struct farmiq_str shim_call_copy(struct shim_call *call, struct farmiq_str text)
{
    char *copy = shim_memory(call, text.len + 1);
    struct farmiq_str copied = { copy, copy ? text.len : 0 };

    if (copy && text.len)
        memcpy(copy, text.ptr, text.len);
    return copied;
}

struct farmiq_str shim_str(const char *text)
{
    struct farmiq_str str = { text, text ? strlen(text) : 0 };

    return str;
}

const char *shim_text(const struct shim_call *call, const char *option)
{
    return shim_options_text(call->internal->runtime->options, option);
}

int64_t shim_number(const struct shim_call *call, const char *option)
{
    return shim_options_number(call->internal->runtime->options, option);
}

void shim_random_bytes(struct shim_call *call, void *out, size_t bytes)
{
    (void)call;
    /* Without randomness there are no safe tokens, and nothing may go on. */
    if (shim_crypto_random(out, bytes) != FARMIQ_OK)
        abort();
}

uint32_t shim_chance(void)
{
    uint32_t number;

    shim_random_bytes(NULL, &number, sizeof number);
    return number;
}

uint32_t shim_random(struct shim_call *call)
{
    (void)call;
    return shim_chance();
}

struct farmiq_str shim_uuid(struct shim_call *call)
{
    static _Thread_local struct farmiq_uuid_seq sequence;
    uint8_t id[FARMIQ_UUID_BYTES], entropy[FARMIQ_UUID_ENTROPY_BYTES];
    struct farmiq_str text = { "", 0 };
    char *out = shim_memory(call, FARMIQ_UUID_STRLEN + 1);

    shim_random_bytes(call, entropy, sizeof entropy);
    if (!out || farmiq_uuid_v7(id, &sequence, call->now_unix_ms, entropy) != FARMIQ_OK)
        return text;
    farmiq_uuid_format(id, out);
    text.ptr = out;
    text.len = FARMIQ_UUID_STRLEN;
    return text;
}

void shim_call_identify(struct shim_call *call)
{
    char *text = call->internal->request_id_text;

    if (!call->request_id.len) {
        struct farmiq_str fresh = shim_uuid(call);

        memcpy(text, fresh.ptr, fresh.len);
        call->request_id = (struct farmiq_str){ text, fresh.len };
    }
    if (!call->trace_id.len)
        call->trace_id = call->request_id;
}

int shim_hmac_sha256(void *ctx, const char *secret, size_t secret_len,
                     const struct farmiq_str *parts, uint32_t part_count, uint8_t out[32])
{
    return shim_crypto_hmac_sha256(ctx, secret, secret_len, parts, part_count, out);
}

int shim_sha256(struct farmiq_str bytes, uint8_t out[32])
{
    return shim_crypto_sha256(bytes, out);
}

struct farmiq_str shim_header(const struct shim_call *call, const char *name)
{
    const struct shim_source *source = &call->internal->source;
    struct farmiq_str none = { "", 0 };

    if (source->exchange)
        return shim_http_header(source->exchange, name);
    for (uint32_t i = 0; i < source->header_count; i++)
        if (strcasecmp(source->headers[i].name, name) == 0)
            return source->headers[i].value;
    return none;
}

const struct shim_peer *shim_peer(const struct shim_call *call)
{
    const struct shim_source *source = &call->internal->source;

    return source->exchange ? shim_http_peer(source->exchange) : NULL;
}

struct farmiq_str shim_path_part(const struct shim_call *call, const char *name)
{
    return shim_route_part(call->internal->route->pattern, call->path, name);
}

struct farmiq_str shim_query(struct shim_call *call, const char *spellings)
{
    struct farmiq_str value = { "", 0 };
    char name[64];

    while (*spellings && !value.len) {
        size_t len = strcspn(spellings, "|");

        snprintf(name, sizeof name, "%.*s", (int)len, spellings);
        if (call->internal->source.exchange)
            value = shim_http_query(call->internal->source.exchange, name);
        spellings += len + (spellings[len] == '|');
    }
    return value;
}

struct farmiq_json_writer *shim_json(struct shim_call *call, size_t max_bytes)
{
    char *buf = shim_memory(call, max_bytes);

    farmiq_json_begin(&call->internal->json, buf, buf ? max_bytes : 0);
    return &call->internal->json;
}

int shim_reply_text(struct shim_call *call, int status, const char *type,
                    struct farmiq_str body)
{
    struct shim_answer *answer = &call->internal->answer;

    answer->status = status;
    answer->type = type;
    answer->body = body;
    return 0;
}

int shim_reply(struct shim_call *call, int status)
{
    struct farmiq_json_writer *w = &call->internal->json;
    struct farmiq_str body = { w->buf, 0 };
    int r = farmiq_json_end(w, &body.len);

    return r < 0 ? r : shim_reply_text(call, status, "application/json", body);
}

static int reply_error(struct shim_call *call, int status, const char *code,
                       const char *message)
{
    struct farmiq_json_writer *w = shim_json(call, 1024);

    shim_count("farmiq_http_errors_total", code, 1);
    shim_log(call, status >= 500 ? SHIM_ERROR : SHIM_INFO, "http.refused", "%d %s: %s",
             status, code, message);
    farmiq_json_open(w, '{');
    farmiq_json_key(w, "error");
    farmiq_json_open(w, '{');
    farmiq_json_key(w, "code");
    farmiq_json_text(w, code);
    farmiq_json_key(w, "message");
    farmiq_json_text(w, message);
    farmiq_json_key(w, "traceId");
    farmiq_json_str(w, call->trace_id);
    farmiq_json_close(w, '}');
    farmiq_json_close(w, '}');
    return shim_reply(call, status);
}

#define ERROR_MESSAGE_BYTES 256

int shim_reply_error(struct shim_call *call, int status, const char *code,
                     const char *format, ...)
{
    char message[ERROR_MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return reply_error(call, status, code, message);
}

int shim_refuse(struct shim_call *call, int status, const char *code, const char *format,
                ...)
{
    char message[ERROR_MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    reply_error(call, status, code, message);
    return 1;
}

void shim_reply_header(struct shim_call *call, const char *name, const char *value)
{
    struct shim_answer *answer = &call->internal->answer;

    if (answer->field_count < sizeof answer->fields / sizeof *answer->fields) {
        answer->fields[answer->field_count].name = name;
        answer->fields[answer->field_count].value = value;
        answer->field_count++;
    }
}

void shim_call_add_effect(struct shim_call *call, enum shim_effect_kind kind,
                          struct farmiq_str topic, struct farmiq_str tenant_id,
                          struct farmiq_str body)
{
    struct shim_internal *owner = shim_call_owner(call);
    struct shim_effect *effect = shim_memory(call, sizeof *effect);

    if (!effect)
        return;
    effect->kind = kind;
    effect->topic = shim_call_copy(call, topic);
    effect->tenant_id = shim_call_copy(call, tenant_id);
    effect->body = shim_call_copy(call, body);
    if (owner->last_effect)
        owner->last_effect->next = effect;
    else
        owner->first_effect = effect;
    owner->last_effect = effect;
}

int shim_mqtt_send(struct shim_call *call, struct farmiq_str topic,
                   struct farmiq_str body)
{
    shim_call_add_effect(call, EFFECT_MQTT, topic, shim_str(""), body);
    return FARMIQ_OK;
}

int shim_stream_send(struct shim_call *call, const char *event,
                     struct farmiq_str tenant_id, struct farmiq_str json)
{
    shim_call_add_effect(call, EFFECT_STREAM, shim_str(event), tenant_id, json);
    return FARMIQ_OK;
}

void shim_wake(struct shim_call *call, const char *job)
{
    shim_call_add_effect(call, EFFECT_WAKE, shim_str(job), shim_str(""), shim_str(""));
}

static void send_to_streams(struct shim_runtime *runtime,
                            const struct shim_effect *effect)
{
    pthread_rwlock_rdlock(&runtime->door);
    if (runtime->http)
        shim_http_server_send(runtime->http, effect->tenant_id.ptr, effect->topic.ptr,
                              effect->body);
    pthread_rwlock_unlock(&runtime->door);
}

void shim_call_run_effects(struct shim_call *call)
{
    struct shim_runtime *runtime = call->internal->runtime;

    for (struct shim_effect *e = call->internal->first_effect; e; e = e->next)
        switch (e->kind) {
        case EFFECT_MQTT:
            if (runtime->mqtt &&
                shim_mqtt_subscriber_send(runtime->mqtt, e->topic, e->body))
                shim_log(call, SHIM_INFO, "mqtt.not_sent",
                         "an acknowledgement was dropped");
            break;
        case EFFECT_STREAM:
            send_to_streams(runtime, e);
            break;
        case EFFECT_WAKE:
            shim_tasks_wake(runtime->tasks, e->topic.ptr);
            shim_news_tell(runtime->news, e->topic.ptr);
            break;
        }
}

void shim_log(const struct shim_call *call, int level, const char *event,
              const char *format, ...)
{
    va_list args;

    va_start(args, format);
    shim_log_write(call->service ? call->service->name : NULL, level, event,
                   call->request_id, call->trace_id, format, args);
    va_end(args);
}
