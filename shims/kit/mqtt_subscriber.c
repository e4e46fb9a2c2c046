/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT in: libmosquitto with an external loop.
 *
 * In "threaded" mode libmosquitto queues a PUBACK when a message arrives and leaves
 * the writing to mosquitto_loop_write(). So: read until a batch is together, let
 * on_batch commit it, and only then write. While a batch is in hand nothing is
 * written at all; that is the whole trick, and serve() is where to look for it. */
#include "kit/mqtt_subscriber.h"

#include <assert.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <time.h>
#include <unistd.h>

#include "kit/fail.h"
#include "kit/mqtt_link.h"

#define DEFAULT_BATCH 256
#define MAX_BATCH 30000 /* twice this must fit the 16 bits of Receive Maximum */
#define BYTES_PER_MESSAGE 1024
#define KEEPALIVE_S 60
#define IDLE_MS 1000 /* how often an idle link looks after its keep-alive */
#define FAREWELL_MS 1000
/* A link that has lived this long has proven itself: the next failure is a first. */
#define PROVEN_MS 30000
/* How long the broker keeps an absent subscriber's messages: longer than the seven-day
 * outage that the site must survive. */
#define SESSION_EXPIRY_S (14u * 86400u)
#define ACCEPTED_QOS 1
#define SUBACK_FAILURE 0x80
/* A longer topic is nobody's; one byte more than the limit is enough to see that. */
#define TOPIC_KEEP_BYTES (FARMIQ_TOPIC_MAX_BYTES + 1)

struct batch {
    struct shim_message *messages;
    uint32_t count;
    char *bytes; /* topics and bodies of the messages */
    size_t used_bytes;
    int64_t due_ms;
};

struct shim_mqtt_subscriber {
    struct shim_mqtt_subscriber_options options; /* texts are copies */
    struct shim_mqtt_url url;
    char **filters; /* with their $share prefix */
    int filter_count;
    size_t bytes_max;   /* of a batch */
    size_t message_max; /* the most one message can take of it */
    struct batch batch;
    struct mosquitto *link; /* one per connection: nothing of a failed one survives */
    uint64_t received;
    int is_broken;  /* drop the link without writing another byte */
    int has_proven; /* this link has committed something */
    const char *why;
    pthread_t thread;
    int wake_fd;
    atomic_int is_stopping;
    atomic_int is_connected;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void break_link(struct shim_mqtt_subscriber *s, const char *why)
{
    if (!s->is_broken)
        s->why = why;
    s->is_broken = 1;
}

/* ## The batch in hand */

static int batch_is_full(const struct shim_mqtt_subscriber *s)
{
    return s->batch.count == s->options.batch_max ||
           s->bytes_max - s->batch.used_bytes < s->message_max;
}

static struct farmiq_str batch_copy(struct batch *batch, const void *bytes, size_t len)
{
    struct farmiq_str copy = { batch->bytes + batch->used_bytes, len };

    if (len)
        memcpy(batch->bytes + batch->used_bytes, bytes, len);
    batch->used_bytes += len;
    return copy;
}

static size_t at_most(size_t len, size_t limit) { return len < limit ? len : limit; }

static void batch_add(struct shim_mqtt_subscriber *s, const struct mosquitto_message *m)
{
    struct batch *batch = &s->batch;
    struct shim_message *message = &batch->messages[batch->count];
    size_t body_len = m->payloadlen > 0 ? (size_t)m->payloadlen : 0;

    assert(!batch_is_full(s));
    memset(message, 0, sizeof *message);
    message->topic =
        batch_copy(batch, m->topic, at_most(strlen(m->topic), TOPIC_KEEP_BYTES));
    message->body = batch_copy(batch, m->payload,
                               at_most(body_len, s->options.message_max_bytes + 1));
    if (batch->count == 0)
        batch->due_ms = monotonic_ms() + s->options.batch_wait_ms;
    else
        batch->messages[batch->count - 1].next = message;
    batch->count++;
}

/* A refused batch leaves its PUBACKs in the library's queue; the link is broken, so
 * they are never written, and the broker sends the messages again. */
static void deliver(struct shim_mqtt_subscriber *s)
{
    uint32_t count = s->batch.count;

    if (count == 0 || s->is_broken)
        return;
    if (s->options.on_batch(s->options.ctx, s->batch.messages, count) == 0)
        s->has_proven = 1;
    else
        break_link(s, "the batch was not committed");
    s->batch.count = 0;
    s->batch.used_bytes = 0;
}

/* ## libmosquitto's callbacks */

/* One read may bring several packets, so a batch can fill up in here. Delivering it at
 * once is safe: its PUBACKs are queued, not written, until serve() says so. */
static void on_message(struct mosquitto *link, void *arg,
                       const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    struct shim_mqtt_subscriber *s = arg;

    (void)link, (void)properties;
    s->received++;
    if (batch_is_full(s))
        deliver(s);
    if (!s->is_broken)
        batch_add(s, message);
}

/* A session that was kept has its subscriptions already; repeating them is harmless,
 * and "retained only if new" spares the site a storm of old status messages. */
static void on_connect(struct mosquitto *link, void *arg, int reason, int flags,
                       const mosquitto_property *properties)
{
    struct shim_mqtt_subscriber *s = arg;

    (void)flags, (void)properties;
    if (reason)
        break_link(s, mosquitto_reason_string(reason));
    else if (mosquitto_subscribe_multiple(link, NULL, s->filter_count, s->filters,
                                          ACCEPTED_QOS, MQTT_SUB_OPT_SEND_RETAIN_NEW,
                                          NULL) != MOSQ_ERR_SUCCESS)
        break_link(s, "cannot subscribe");
}

static void tell_state(struct shim_mqtt_subscriber *s, int is_connected, const char *why)
{
    atomic_store(&s->is_connected, is_connected);
    if (s->options.on_state)
        s->options.on_state(s->options.ctx, is_connected, why);
}

static void on_subscribe(struct mosquitto *link, void *arg, int mid, int count,
                         const int *granted, const mosquitto_property *properties)
{
    struct shim_mqtt_subscriber *s = arg;

    (void)link, (void)mid, (void)properties;
    for (int i = 0; i < count; i++) {
        if (granted[i] >= SUBACK_FAILURE) {
            break_link(s, "the broker refused a subscription");
            return;
        }
    }
    tell_state(s, 1, "");
}

/* A server that leaves on purpose says why; otherwise this is the library's error. */
static void on_disconnect(struct mosquitto *link, void *arg, int reason,
                          const mosquitto_property *properties)
{
    (void)link, (void)properties;
    break_link(arg, reason >= SUBACK_FAILURE ? mosquitto_reason_string(reason)
                                             : mosquitto_strerror(reason));
}

/* ## One link, from connect to farewell */

static int set_security(struct shim_mqtt_subscriber *s)
{
    const struct shim_mqtt_subscriber_options *o = &s->options;
    int r = MOSQ_ERR_SUCCESS;

    if (o->access.username && *o->access.username)
        r = mosquitto_username_pw_set(s->link, o->access.username, o->access.password);
    if (r == MOSQ_ERR_SUCCESS && s->url.is_tls)
        r = mosquitto_tls_set(s->link, o->access.ca_file,
                              o->access.ca_file ? NULL : "/etc/ssl/certs",
                              o->access.cert_file, o->access.key_file, NULL);
    return r;
}

static int new_link(struct shim_mqtt_subscriber *s)
{
    s->link = mosquitto_new(s->options.client_id, false, s);
    if (!s->link)
        return MOSQ_ERR_NOMEM;
    mosquitto_threaded_set(s->link, true); /* queue what is to be written */
    mosquitto_int_option(s->link, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(s->link, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(s->link, MOSQ_OPT_SEND_MAXIMUM, UINT16_MAX);
    mosquitto_message_v5_callback_set(s->link, on_message);
    mosquitto_connect_v5_callback_set(s->link, on_connect);
    mosquitto_subscribe_v5_callback_set(s->link, on_subscribe);
    mosquitto_disconnect_v5_callback_set(s->link, on_disconnect);
    return set_security(s);
}

/* Receive Maximum is the back-pressure: one batch in the handler, one on the way. */
static int connect_link(struct shim_mqtt_subscriber *s)
{
    mosquitto_property *properties = NULL;
    uint16_t window = (uint16_t)(2 * s->options.batch_max);
    int r = new_link(s);

    if (r == MOSQ_ERR_SUCCESS)
        r = mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                         SESSION_EXPIRY_S);
    if (r == MOSQ_ERR_SUCCESS)
        r = mosquitto_property_add_int16(&properties, MQTT_PROP_RECEIVE_MAXIMUM, window);
    if (r == MOSQ_ERR_SUCCESS)
        r = mosquitto_connect_bind_v5(s->link, s->url.host, s->url.port, KEEPALIVE_S,
                                      NULL, properties);
    mosquitto_property_free_all(&properties);
    return r;
}

static int poll_timeout_ms(const struct shim_mqtt_subscriber *s)
{
    int64_t left_ms = s->batch.due_ms - monotonic_ms();

    if (s->batch.count == 0)
        return IDLE_MS;
    return left_ms < 0 ? 0 : left_ms < IDLE_MS ? (int)left_ms : IDLE_MS;
}

/* Returns 1 if there is something to read: bytes, or the news that the link is dead. */
static int wait_for_broker(struct shim_mqtt_subscriber *s)
{
    int may_write = s->batch.count == 0 && mosquitto_want_write(s->link);
    struct pollfd fds[2] = {
        { .fd = mosquitto_socket(s->link),
          .events = (short)(may_write ? POLLIN | POLLOUT : POLLIN) },
        { .fd = s->wake_fd, .events = POLLIN },
    };

    if (poll(fds, 2, poll_timeout_ms(s)) <= 0)
        return 0;
    return fds[0].revents & ~POLLOUT;
}

static void check(struct shim_mqtt_subscriber *s, int r)
{
    if (r != MOSQ_ERR_SUCCESS)
        break_link(s, mosquitto_strerror(r));
}

/* Read as long as reading brings messages: one poll() serves a whole batch. */
static void collect(struct shim_mqtt_subscriber *s)
{
    uint64_t before;

    do {
        before = s->received;
        check(s, mosquitto_loop_read(s->link, 1));
    } while (!s->is_broken && s->received != before && !batch_is_full(s));
}

static void serve(struct shim_mqtt_subscriber *s)
{
    while (!s->is_broken && !atomic_load(&s->is_stopping)) {
        if (wait_for_broker(s))
            collect(s);
        if (batch_is_full(s) || s->batch.due_ms <= monotonic_ms())
            deliver(s);
        if (s->batch.count == 0 && !s->is_broken && mosquitto_want_write(s->link))
            check(s, mosquitto_loop_write(s->link, 1));
        if (!s->is_broken)
            check(s, mosquitto_loop_misc(s->link));
    }
    deliver(s); /* asked to stop: finish the batch in hand */
}

/* Write the last PUBACKs and DISCONNECT, which ends in on_disconnect(). */
static void say_farewell(struct shim_mqtt_subscriber *s)
{
    int64_t until_ms = monotonic_ms() + FAREWELL_MS;

    check(s, mosquitto_disconnect_v5(s->link, 0, NULL));
    while (!s->is_broken && mosquitto_want_write(s->link) && monotonic_ms() < until_ms) {
        struct pollfd fd = { .fd = mosquitto_socket(s->link), .events = POLLOUT };

        if (poll(&fd, 1, FAREWELL_MS) > 0)
            check(s, mosquitto_loop_write(s->link, 1));
    }
}

static void close_link(struct shim_mqtt_subscriber *s)
{
    mosquitto_destroy(s->link);
    s->link = NULL;
    s->batch.count = 0;
    s->batch.used_bytes = 0;
    tell_state(s, 0, s->why);
}

/* Returns 1 if the link was worth something, so that the next pause is a short one. A
 * link on which nothing could be committed is not: its messages come again at once. */
static int run_link(struct shim_mqtt_subscriber *s)
{
    int64_t since_ms = monotonic_ms();

    s->is_broken = 0;
    s->has_proven = 0;
    s->why = "";
    check(s, connect_link(s));
    if (!s->is_broken)
        serve(s);
    if (!s->is_broken)
        say_farewell(s);
    close_link(s);
    return s->has_proven || monotonic_ms() - since_ms > PROVEN_MS;
}

static void *run(void *arg)
{
    struct shim_mqtt_subscriber *s = arg;
    uint32_t failed = 0;

    while (!atomic_load(&s->is_stopping)) {
        struct pollfd wake = { .fd = s->wake_fd, .events = POLLIN };

        failed = run_link(s) ? 1 : failed + 1;
        poll(&wake, 1, (int)shim_mqtt_pause_ms(failed));
    }
    return NULL;
}

/* ## Opening and closing */

static const size_t texts[] = {
    offsetof(struct shim_mqtt_subscriber_options, client_id),
    SHIM_MQTT_ACCESS_TEXTS(struct shim_mqtt_subscriber_options),
};
#define TEXT_COUNT (sizeof texts / sizeof *texts)

static int reserve_batch(struct shim_mqtt_subscriber *s)
{
    s->message_max = TOPIC_KEEP_BYTES + s->options.message_max_bytes + 1;
    s->bytes_max = s->message_max + (size_t)s->options.batch_max * BYTES_PER_MESSAGE;
    s->batch.bytes = malloc(s->bytes_max);
    s->batch.messages = calloc(s->options.batch_max, sizeof *s->batch.messages);
    return s->batch.bytes && s->batch.messages ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static int check_options(const struct shim_mqtt_subscriber_options *o,
                         struct shim_mqtt_url *url, struct farmiq_error *error)
{
    if (!o || !o->on_batch || !o->filters || !o->filters[0])
        return shim_fail(error, FARMIQ_E_ARG, "filters",
                         "a handler and at least one filter are needed");
    if (!o->client_id || !*o->client_id)
        return shim_fail(error, FARMIQ_E_ARG, "client_id",
                         "a persistent session needs a stable client id");
    if (o->batch_max > MAX_BATCH)
        return shim_fail(error, FARMIQ_E_ARG, "batch_max", "is over 30000");
    if (shim_mqtt_url_parse(url, o->url) != FARMIQ_OK)
        return shim_fail(error, FARMIQ_E_ARG, "url",
                         "is not mqtt://host[:port] or mqtts://host[:port]");
    return FARMIQ_OK;
}

static void free_subscriber(struct shim_mqtt_subscriber *s)
{
    shim_mqtt_free_texts(&s->options, texts, TEXT_COUNT);
    shim_mqtt_free_filters(s->filters);
    free(s->batch.bytes);
    free(s->batch.messages);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    free(s);
    mosquitto_lib_cleanup();
}

static int fill(struct shim_mqtt_subscriber *s,
                const struct shim_mqtt_subscriber_options *options)
{
    int r;

    s->options = *options;
    r = shim_mqtt_copy_texts(&s->options, options, texts, TEXT_COUNT);
    if (!s->options.batch_max)
        s->options.batch_max = DEFAULT_BATCH;
    if (!s->options.message_max_bytes)
        s->options.message_max_bytes = FARMIQ_ENVELOPE_MAX_BYTES;
    if (r == FARMIQ_OK)
        r = shim_mqtt_copy_filters(&s->filters, &s->filter_count, options->filters,
                                   options->share_group);
    if (r == FARMIQ_OK)
        r = reserve_batch(s);
    if (r == FARMIQ_OK && (s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        r = FARMIQ_E_NOMEM;
    return r;
}

/* The thread's first batch may be acknowledged through *out, so that is there before. */
static int start(struct shim_mqtt_subscriber *s, struct shim_mqtt_subscriber **out)
{
    struct shim_mqtt_subscriber *before = *out;
    int r;

    *out = s;
    r = shim_mqtt_start_thread(&s->thread, run, s);
    if (r != FARMIQ_OK)
        *out = before;
    return r;
}

int shim_mqtt_subscriber_open(struct shim_mqtt_subscriber **out,
                              const struct shim_mqtt_subscriber_options *options,
                              struct farmiq_error *error)
{
    struct shim_mqtt_subscriber *s;
    struct shim_mqtt_url url;
    int r = out ? check_options(options, &url, error) : FARMIQ_E_ARG;

    if (r != FARMIQ_OK)
        return r;
    s = calloc(1, sizeof *s);
    if (!s)
        return FARMIQ_E_NOMEM;
    mosquitto_lib_init();
    s->url = url;
    s->wake_fd = -1;
    r = fill(s, options);
    if (r == FARMIQ_OK)
        r = start(s, out);
    if (r != FARMIQ_OK)
        free_subscriber(s);
    return r;
}

void shim_mqtt_subscriber_close(struct shim_mqtt_subscriber *s)
{
    if (!s)
        return;
    atomic_store(&s->is_stopping, 1);
    eventfd_write(s->wake_fd, 1);
    pthread_join(s->thread, NULL);
    free_subscriber(s);
}

int shim_mqtt_subscriber_is_connected(const struct shim_mqtt_subscriber *s)
{
    return s && atomic_load(&s->is_connected);
}

int shim_mqtt_subscriber_send(struct shim_mqtt_subscriber *s, struct farmiq_str topic,
                              struct farmiq_str body)
{
    char name[FARMIQ_TOPIC_MAX_BYTES + 1];

    if (!s || !topic.ptr || !s->link || !pthread_equal(pthread_self(), s->thread))
        return FARMIQ_E_ARG;
    if (topic.len >= sizeof name || body.len > FARMIQ_ENVELOPE_MAX_BYTES)
        return FARMIQ_E_RANGE;
    memcpy(name, topic.ptr, topic.len);
    name[topic.len] = '\0';
    switch (mosquitto_publish(s->link, NULL, name, (int)body.len, body.ptr, ACCEPTED_QOS,
                              false)) {
    case MOSQ_ERR_SUCCESS:
        return FARMIQ_OK;
    case MOSQ_ERR_NOMEM:
        return FARMIQ_E_NOMEM;
    default:
        return FARMIQ_E_ARG;
    }
}
