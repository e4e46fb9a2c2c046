/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT out: Paho C, asynchronous, MQTT 5.
 *
 * Paho keeps a list of what it sent; so do we, because ours answers each publish
 * exactly once: by its PUBACK, by the broker's refusal, or by the end of the link.
 * A slot carries the number of the link it was sent on; what Paho still says about an
 * earlier link is ignored.
 *
 * Paho's own reconnect starts only after a first success, so a small thread does it.
 * Lock rule: neither Paho nor the caller is ever called with our lock held. */
#include "kit/mqtt_publisher.h"

#include <MQTTAsync.h>
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit/fail.h"
#include "kit/mqtt_link.h"

#define DEFAULT_KEEPALIVE_S 60
#define DEFAULT_WINDOW 100
#define MAX_WINDOW 65000
#define CONNECT_TIMEOUT_S 5 /* spec edge 2.4 */
#define FAREWELL_MS 1000
#define QOS 1
#define REFUSED 0x80 /* MQTT 5, section 2.4: reason codes from here on are failures */

enum state { LINK_DOWN, LINK_CONNECTING, LINK_SUBSCRIBING, LINK_UP };

struct slot {
    struct shim_mqtt_publisher *publisher;
    struct slot *next; /* of the free ones */
    uint64_t cookie;
    uint32_t link;
    int is_busy;
};

struct shim_mqtt_publisher {
    struct shim_mqtt_publisher_options options; /* texts are copies */
    MQTTAsync client;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* state or is_stopping */
    enum state state;
    uint32_t link; /* the number of the current link */
    int is_stopping;
    int is_gone; /* Paho has finished a DISCONNECT */
    char why[120];
    char **filters;
    int filter_count;
    struct slot *slots;
    struct slot *free;
};

/* ## Slots */

static struct slot *take_slot(struct shim_mqtt_publisher *p, uint64_t cookie, int *result)
{
    struct slot *slot = NULL;

    pthread_mutex_lock(&p->lock);
    *result = p->state == LINK_UP ? FARMIQ_OK : FARMIQ_E_UNREACHABLE;
    if (*result == FARMIQ_OK && !p->free)
        *result = FARMIQ_E_BUSY;
    if (*result == FARMIQ_OK) {
        slot = p->free;
        p->free = slot->next;
        slot->cookie = cookie;
        slot->link = p->link;
        slot->is_busy = 1;
    }
    pthread_mutex_unlock(&p->lock);
    return slot;
}

/* Returns 1 if the slot was still waiting, and so the answer is news. */
static int release_slot(struct slot *slot, uint32_t link, uint64_t *cookie)
{
    struct shim_mqtt_publisher *p = slot->publisher;
    int was_busy;

    pthread_mutex_lock(&p->lock);
    was_busy = slot->is_busy && slot->link == link;
    if (was_busy) {
        *cookie = slot->cookie;
        slot->is_busy = 0;
        slot->next = p->free;
        p->free = slot;
    }
    pthread_mutex_unlock(&p->lock);
    return was_busy;
}

static void answer(struct slot *slot, uint32_t link, int result, int reason_code)
{
    const struct shim_mqtt_publisher_options *o = &slot->publisher->options;
    uint64_t cookie;

    if (release_slot(slot, link, &cookie) && o->on_published)
        o->on_published(o->ctx, cookie, result, reason_code);
}

/* ## The state of the link */

/* The first bad news about link `link` ends it; later ones are echoes. */
static void link_down(struct shim_mqtt_publisher *p, uint32_t link, const char *why)
{
    const struct shim_mqtt_publisher_options *o = &p->options;
    int is_news;

    pthread_mutex_lock(&p->lock);
    is_news = p->state != LINK_DOWN && p->link == link;
    if (is_news) {
        p->state = LINK_DOWN;
        snprintf(p->why, sizeof p->why, "%s", why ? why : "the link was lost");
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    if (!is_news)
        return;
    for (uint32_t i = 0; i < o->window; i++)
        answer(&p->slots[i], link, FARMIQ_E_UNREACHABLE, 0);
    if (o->on_state)
        o->on_state(o->ctx, 0, p->why);
}

/* Move on only from the state one expects: the link may have gone meanwhile. */
static int advance(struct shim_mqtt_publisher *p, enum state from, enum state to)
{
    int is_done;

    pthread_mutex_lock(&p->lock);
    is_done = p->state == from;
    if (is_done) {
        p->state = to;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    if (is_done && to == LINK_UP && p->options.on_state)
        p->options.on_state(p->options.ctx, 1, "");
    return is_done;
}

/* ## Paho's callbacks */

static uint32_t current_link(struct shim_mqtt_publisher *p)
{
    uint32_t link;

    pthread_mutex_lock(&p->lock);
    link = p->link;
    pthread_mutex_unlock(&p->lock);
    return link;
}

static void on_lost(void *arg, char *cause) { link_down(arg, current_link(arg), cause); }

static void on_disconnected(void *arg, MQTTProperties *properties,
                            enum MQTTReasonCodes reason)
{
    (void)properties;
    link_down(arg, current_link(arg), MQTTReasonCode_toString(reason));
}

static int on_arrived(void *arg, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct shim_mqtt_publisher *p = arg;
    struct farmiq_str name = { topic, topic_len ? (size_t)topic_len : strlen(topic) };
    struct farmiq_str body = { message->payload, (size_t)message->payloadlen };

    if (p->options.on_message)
        p->options.on_message(p->options.ctx, name, body);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

/* Paho lists the reason codes only when there are several; the only one is apart. */
static int is_refused(const MQTTAsync_successData5 *data)
{
    int count = data->alt.sub.reasonCodeCount;

    if (count <= 1)
        return data->reasonCode >= REFUSED;
    for (int i = 0; i < count; i++)
        if (data->alt.sub.reasonCodes[i] >= REFUSED)
            return 1;
    return 0;
}

static void on_subscribed(void *arg, MQTTAsync_successData5 *data)
{
    struct shim_mqtt_publisher *p = arg;

    if (is_refused(data))
        link_down(p, current_link(p), "the broker refused a subscription");
    else
        advance(p, LINK_SUBSCRIBING, LINK_UP);
}

/* Paho puts the reason of a refused CONNECT into `code`. */
static void describe(const MQTTAsync_failureData5 *data, char *out, size_t out_bytes)
{
    int reason = data->reasonCode ? (int)data->reasonCode : data->code;
    const char *name =
        reason >= REFUSED ? MQTTReasonCode_toString((enum MQTTReasonCodes)reason) : NULL;

    snprintf(out, out_bytes, "%s%s%s", name ? name : "",
             name && data->message ? ": " : "",
             data->message ? data->message
             : name        ? ""
                           : "no answer");
}

static void on_refused(void *arg, MQTTAsync_failureData5 *data)
{
    char why[120];

    describe(data, why, sizeof why);
    link_down(arg, current_link(arg), why);
}

static void subscribe(struct shim_mqtt_publisher *p)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    int *qos = calloc((size_t)p->filter_count, sizeof *qos);
    int r = MQTTASYNC_FAILURE;

    for (int i = 0; qos && i < p->filter_count; i++)
        qos[i] = QOS;
    response.onSuccess5 = on_subscribed;
    response.onFailure5 = on_refused;
    response.context = p;
    if (qos)
        r = MQTTAsync_subscribeMany(p->client, p->filter_count, p->filters, qos,
                                    &response);
    free(qos);
    if (r != MQTTASYNC_SUCCESS)
        link_down(p, current_link(p), "cannot subscribe");
}

static void on_connected(void *arg, MQTTAsync_successData5 *data)
{
    struct shim_mqtt_publisher *p = arg;
    enum state next = p->filter_count ? LINK_SUBSCRIBING : LINK_UP;

    (void)data;
    if (advance(p, LINK_CONNECTING, next) && next == LINK_SUBSCRIBING)
        subscribe(p);
}

/* ## The thread that connects */

static int connect_client(struct shim_mqtt_publisher *p)
{
    const struct shim_mqtt_publisher_options *o = &p->options;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;

    connect.cleanstart = 1; /* the durable buffer is the caller's, not the broker's */
    connect.keepAliveInterval = (int)o->keepalive_s;
    connect.connectTimeout = CONNECT_TIMEOUT_S;
    connect.maxInflight = (int)o->window;
    connect.username = o->access.username;
    connect.password = o->access.password;
    connect.onSuccess5 = on_connected;
    connect.onFailure5 = on_refused;
    connect.context = p;
    ssl.trustStore = o->access.ca_file;
    ssl.keyStore = o->access.cert_file;
    ssl.privateKey = o->access.key_file;
    ssl.verify = 1; /* the host's name, too */
    connect.ssl = &ssl;
    will.topicName = o->will_topic;
    will.payload.data = o->will_body.ptr;
    will.payload.len = (int)o->will_body.len;
    will.qos = QOS;
    will.retained = 1;
    connect.will = o->will_topic ? &will : NULL;
    return MQTTAsync_connect(p->client, &connect);
}

/* With the lock held. Returns 0 after `ms`, or something else when woken up. */
static int wait_ms(struct shim_mqtt_publisher *p, uint32_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0;
}

static void tell_gone(struct shim_mqtt_publisher *p)
{
    pthread_mutex_lock(&p->lock);
    p->is_gone = 1;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void on_gone(void *arg, MQTTAsync_successData5 *data)
{
    (void)data;
    tell_gone(arg);
}

static void on_gone_anyway(void *arg, MQTTAsync_failureData5 *data)
{
    (void)data;
    tell_gone(arg);
}

/* Say DISCONNECT if Paho still holds a link, and wait until it is gone. */
static void hang_up(struct shim_mqtt_publisher *p)
{
    MQTTAsync_disconnectOptions farewell = MQTTAsync_disconnectOptions_initializer5;

    if (!MQTTAsync_isConnected(p->client))
        return;
    p->is_gone = 0;
    farewell.onSuccess5 = on_gone;
    farewell.onFailure5 = on_gone_anyway;
    farewell.context = p;
    if (MQTTAsync_disconnect(p->client, &farewell) != MQTTASYNC_SUCCESS)
        return;
    pthread_mutex_lock(&p->lock);
    while (!p->is_gone && wait_ms(p, FAREWELL_MS))
        ;
    pthread_mutex_unlock(&p->lock);
}

/* With the lock held. Returns when the link is down, or we are to stop. */
static int wait_while_linked(struct shim_mqtt_publisher *p)
{
    int was_up = 0;

    while (!p->is_stopping && p->state != LINK_DOWN) {
        was_up |= p->state == LINK_UP;
        pthread_cond_wait(&p->changed, &p->lock);
    }
    return was_up;
}

/* With the lock held. Nothing but the end of the process shortens a pause. */
static void pause_before_retry(struct shim_mqtt_publisher *p, uint32_t failed)
{
    uint32_t pause_ms = shim_mqtt_pause_ms(failed);

    while (!p->is_stopping && wait_ms(p, pause_ms))
        ;
}

static uint32_t begin_link(struct shim_mqtt_publisher *p)
{
    uint32_t link;

    pthread_mutex_lock(&p->lock);
    p->state = LINK_CONNECTING;
    link = ++p->link;
    pthread_mutex_unlock(&p->lock);
    return link;
}

static void *run(void *arg)
{
    struct shim_mqtt_publisher *p = arg;
    uint32_t failed = 0;

    pthread_mutex_lock(&p->lock);
    while (!p->is_stopping) {
        uint32_t link;
        int r;

        pthread_mutex_unlock(&p->lock);
        hang_up(p); /* a link we gave up, not one that was lost */
        link = begin_link(p);
        r = connect_client(p);
        if (r != MQTTASYNC_SUCCESS)
            link_down(p, link, MQTTAsync_strerror(r));
        pthread_mutex_lock(&p->lock);
        failed = wait_while_linked(p) ? 1 : failed + 1;
        if (!p->is_stopping)
            pause_before_retry(p, failed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ## Opening and closing */

static const size_t texts[] = {
    offsetof(struct shim_mqtt_publisher_options, url),
    offsetof(struct shim_mqtt_publisher_options, client_id),
    SHIM_MQTT_ACCESS_TEXTS(struct shim_mqtt_publisher_options),
    offsetof(struct shim_mqtt_publisher_options, will_topic),
};

#define TEXT_COUNT (sizeof texts / sizeof *texts)

static int copy_options(struct shim_mqtt_publisher *p,
                        const struct shim_mqtt_publisher_options *from)
{
    struct shim_mqtt_publisher_options *o = &p->options;
    char *will = malloc(from->will_body.len + 1);
    int r;

    *o = *from;
    o->will_body.ptr = will;
    o->keepalive_s = o->keepalive_s ? o->keepalive_s : DEFAULT_KEEPALIVE_S;
    o->window = o->window ? o->window : DEFAULT_WINDOW;
    r = shim_mqtt_copy_texts(o, from, texts, TEXT_COUNT);
    if (!will)
        return FARMIQ_E_NOMEM;
    if (from->will_body.len)
        memcpy(will, from->will_body.ptr, from->will_body.len);
    if (r == FARMIQ_OK)
        r = shim_mqtt_copy_filters(&p->filters, &p->filter_count, from->filters, NULL);
    return r;
}

static int make_slots(struct shim_mqtt_publisher *p)
{
    p->slots = calloc(p->options.window, sizeof *p->slots);
    if (!p->slots)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < p->options.window; i++) {
        p->slots[i].publisher = p;
        p->slots[i].next = p->free;
        p->free = &p->slots[i];
    }
    return FARMIQ_OK;
}

/* Paho refuses the 101st publish in flight unless told otherwise, even while connected:
 * maxBufferedMessages counts those, too. */
static int make_client(struct shim_mqtt_publisher *p, const struct shim_mqtt_url *url)
{
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_init_options init = MQTTAsync_init_options_initializer;
    char address[300];
    int is_v6 = strchr(url->host, ':') != NULL;

    snprintf(address, sizeof address, "%s://%s%s%s:%u", url->is_tls ? "ssl" : "tcp",
             is_v6 ? "[" : "", url->host, is_v6 ? "]" : "", (unsigned)url->port);
    /* Not OpenSSL: it begins by itself where TLS is spoken. For a link without, Paho
     * would have it take more than a megabyte. */
    MQTTAsync_global_init(&init);
    create.maxBufferedMessages = (int)p->options.window + 16;
    if (MQTTAsync_createWithOptions(&p->client, address, p->options.client_id,
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &create) != MQTTASYNC_SUCCESS)
        return FARMIQ_E_NOMEM;
    MQTTAsync_setCallbacks(p->client, p, on_lost, on_arrived, NULL);
    MQTTAsync_setDisconnected(p->client, p, on_disconnected);
    return FARMIQ_OK;
}

static int check_options(const struct shim_mqtt_publisher_options *o,
                         struct shim_mqtt_url *url, struct farmiq_error *error)
{
    if (!o || !o->client_id || !*o->client_id)
        return shim_fail(error, FARMIQ_E_ARG, "client_id", "is missing");
    if (o->window > MAX_WINDOW)
        return shim_fail(error, FARMIQ_E_ARG, "window", "is over 65000");
    if (shim_mqtt_url_parse(url, o->url) != FARMIQ_OK)
        return shim_fail(error, FARMIQ_E_ARG, "url",
                         "is not mqtt://host[:port] or mqtts://host[:port]");
    return FARMIQ_OK;
}

static void init_locks(struct shim_mqtt_publisher *p)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&p->lock, NULL);
}

static void free_publisher(struct shim_mqtt_publisher *p)
{
    if (p->client)
        MQTTAsync_destroy(&p->client);
    shim_mqtt_free_texts(&p->options, texts, TEXT_COUNT);
    shim_mqtt_free_filters(p->filters);
    free((char *)(uintptr_t)p->options.will_body.ptr);
    free(p->slots);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int shim_mqtt_publisher_open(struct shim_mqtt_publisher **out,
                             const struct shim_mqtt_publisher_options *options,
                             struct farmiq_error *error)
{
    struct shim_mqtt_publisher *p;
    struct shim_mqtt_url url;
    int r = out ? check_options(options, &url, error) : FARMIQ_E_ARG;

    if (r != FARMIQ_OK)
        return r;
    p = calloc(1, sizeof *p);
    if (!p)
        return FARMIQ_E_NOMEM;
    init_locks(p);
    r = copy_options(p, options);
    if (r == FARMIQ_OK)
        r = make_slots(p);
    if (r == FARMIQ_OK)
        r = make_client(p, &url);
    if (r == FARMIQ_OK)
        r = shim_mqtt_start_thread(&p->thread, run, p);
    if (r == FARMIQ_OK)
        *out = p;
    else
        free_publisher(p);
    return r;
}

void shim_mqtt_publisher_close(struct shim_mqtt_publisher *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_stopping = 1;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    hang_up(p);
    free_publisher(p);
}

int shim_mqtt_publisher_is_connected(const struct shim_mqtt_publisher *publisher)
{
    struct shim_mqtt_publisher *p = (struct shim_mqtt_publisher *)(uintptr_t)publisher;
    int is_up;

    if (!p)
        return 0;
    pthread_mutex_lock(&p->lock);
    is_up = p->state == LINK_UP;
    pthread_mutex_unlock(&p->lock);
    return is_up;
}

static void on_published(void *arg, MQTTAsync_successData5 *data)
{
    struct slot *slot = arg;

    answer(slot, slot->link, FARMIQ_OK, (int)data->reasonCode);
}

static void on_not_published(void *arg, MQTTAsync_failureData5 *data)
{
    struct slot *slot = arg;
    int is_refused = data->reasonCode >= REFUSED;

    answer(slot, slot->link, is_refused ? FARMIQ_E_REFUSED : FARMIQ_E_UNREACHABLE,
           (int)data->reasonCode);
}

int shim_mqtt_publisher_send(struct shim_mqtt_publisher *p, const char *topic,
                             struct farmiq_str body, int retain, uint64_t cookie)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    struct slot *slot;
    uint32_t link;
    int r;

    if (!p || !topic || !*topic || body.len > FARMIQ_ENVELOPE_MAX_BYTES)
        return FARMIQ_E_ARG;
    slot = take_slot(p, cookie, &r);
    if (!slot)
        return r;
    link = slot->link;
    response.onSuccess5 = on_published;
    response.onFailure5 = on_not_published;
    response.context = slot;
    if (MQTTAsync_send(p->client, topic, (int)body.len, body.ptr, QOS, retain,
                       &response) == MQTTASYNC_SUCCESS)
        return FARMIQ_OK;
    /* If the end of the link has answered for this slot already, that was the answer. */
    return release_slot(slot, link, &cookie) ? FARMIQ_E_UNREACHABLE : FARMIQ_OK;
}
