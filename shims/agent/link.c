/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of the broker. */
#include "agent/link.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/message.h"
#include "kit/log.h"
#include "kit/mqtt_publisher.h"

/* Acknowledgements that nobody reads must not fill the memory; one that is thrown away
 * is asked for again by publishing again. */
#define BOX_BYTES_MAX 1048576
#define STATUS_COOKIE UINT64_MAX

struct note {
    struct note *next;
    size_t len;
    char body[];
};

struct link {
    const struct agent_options *options;
    struct shim_mqtt_publisher *publisher;
    int wake_fd;
    char filter[FARMIQ_TOPIC_MAX_BYTES + 1];
    char status_topic[FARMIQ_TOPIC_MAX_BYTES + 1];

    pthread_mutex_t lock; /* of the box: everything below */
    struct link_news news;
    struct note *first, **tail;
    size_t box_bytes;
    uint64_t *pubacks;      /* being filled */
    uint64_t *pubacks_read; /* being read */
    uint32_t puback_count;
};

static void wake(struct link *link) { eventfd_write(link->wake_fd, 1); }

/* ## On the MQTT client's thread */

static void on_state(void *ctx, int connected, const char *why)
{
    struct link *link = ctx;

    pthread_mutex_lock(&link->lock);
    link->news.is_connected = connected;
    link->news.came_up |= connected;
    link->news.went_down |= !connected;
    pthread_mutex_unlock(&link->lock);
    shim_log_line(connected ? SHIM_INFO : SHIM_WARN,
                  connected ? "mqtt.connected" : "mqtt.disconnected", "%s", why);
    wake(link);
}

static void on_published(void *ctx, uint64_t cookie, int result, int reason_code)
{
    struct link *link = ctx;
    int is_news = 0;

    (void)reason_code;
    if (cookie == STATUS_COOKIE)
        return;
    pthread_mutex_lock(&link->lock);
    if (result == FARMIQ_E_REFUSED) {
        link->news.refused++;
        is_news = 1;
    } else if (result == FARMIQ_OK && link->options->puback_is_enough &&
               link->puback_count < link->options->window + FLIGHT_SLACK) {
        link->pubacks[link->puback_count++] = cookie;
        is_news = 1;
    }
    pthread_mutex_unlock(&link->lock);
    if (is_news)
        wake(link);
}

static void on_message(void *ctx, struct farmiq_str topic, struct farmiq_str body)
{
    struct link *link = ctx;
    struct note *note = malloc(sizeof *note + body.len);

    (void)topic; /* we subscribed to nothing else */
    if (!note)
        return;
    note->next = NULL;
    note->len = body.len;
    if (body.len)
        memcpy(note->body, body.ptr, body.len);
    pthread_mutex_lock(&link->lock);
    if (link->box_bytes + body.len <= BOX_BYTES_MAX) {
        link->box_bytes += body.len;
        *link->tail = note;
        link->tail = &note->next;
        note = NULL;
    }
    pthread_mutex_unlock(&link->lock);
    free(note);
    wake(link);
}

/* ## On the agent's thread */

void link_read(struct link *link, struct link_news *news, link_ack_fn on_ack, void *ctx)
{
    eventfd_t ignored;
    uint64_t *filled;
    struct note *note;

    eventfd_read(link->wake_fd, &ignored);
    pthread_mutex_lock(&link->lock);
    note = link->first;
    link->first = NULL;
    link->tail = &link->first;
    link->box_bytes = 0;
    filled = link->pubacks;
    link->pubacks = link->pubacks_read;
    link->pubacks_read = filled;
    *news = link->news;
    news->pubacks = filled;
    news->puback_count = link->puback_count;
    link->puback_count = 0;
    link->news = (struct link_news){ .is_connected = news->is_connected };
    pthread_mutex_unlock(&link->lock);
    while (note) {
        struct note *next = note->next;
        struct farmiq_str body = { note->body, note->len };

        on_ack(ctx, body);
        free(note);
        note = next;
    }
}

int link_send(struct link *link, const struct farmiq_event *event, uint64_t cookie)
{
    char topic[FARMIQ_TOPIC_MAX_BYTES + 1], body[MESSAGE_BYTES];
    size_t len;

    if (link->options->kind->topic(event, topic) != FARMIQ_OK ||
        message_write(event, body, sizeof body, &len) != FARMIQ_OK)
        return FARMIQ_E_SCHEMA;
    return shim_mqtt_publisher_send(link->publisher, topic,
                                    (struct farmiq_str){ body, len }, 0, cookie);
}

int link_send_status(struct link *link, int is_online, struct moment now)
{
    char body[MESSAGE_BYTES];
    size_t len;
    int r =
        message_status(link->options, is_online, now.unix_ms, body, sizeof body, &len);

    return r ? r
             : shim_mqtt_publisher_send(link->publisher, link->status_topic,
                                        (struct farmiq_str){ body, len }, 1,
                                        STATUS_COOKIE);
}

int link_fd(const struct link *link) { return link->wake_fd; }

/* ## Opening and closing */

static int reserve(struct link *link)
{
    size_t count = link->options->window + FLIGHT_SLACK;

    link->pubacks = calloc(count, sizeof *link->pubacks);
    link->pubacks_read = calloc(count, sizeof *link->pubacks_read);
    link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return link->pubacks && link->pubacks_read && link->wake_fd >= 0 ? FARMIQ_OK
                                                                     : FARMIQ_E_NOMEM;
}

static int connect_link(struct link *link, struct moment now, struct farmiq_error *error)
{
    const struct agent_options *o = link->options;
    const char *filters[] = { o->puback_is_enough ? NULL : link->filter, NULL };
    char will[MESSAGE_BYTES];
    struct shim_mqtt_publisher_options mqtt = {
        .url = o->url,
        .client_id = o->client_id,
        .access = o->access,
        .window = o->window + FLIGHT_SLACK,
        .will_topic = link->status_topic,
        .will_body = { .ptr = will },
        .filters = filters,
        .on_state = on_state,
        .on_published = on_published,
        .on_message = on_message,
        .ctx = link,
    };
    int r = message_status(o, 0, now.unix_ms, will, sizeof will, &mqtt.will_body.len);

    return r ? r : shim_mqtt_publisher_open(&link->publisher, &mqtt, error);
}

int link_open(struct link **out, const struct agent_options *options, struct moment now,
              struct farmiq_error *error)
{
    struct link *link = calloc(1, sizeof *link);
    int r;

    if (!link)
        return FARMIQ_E_NOMEM;
    link->options = options;
    link->tail = &link->first;
    link->wake_fd = -1;
    pthread_mutex_init(&link->lock, NULL);
    r = reserve(link);
    if (r == FARMIQ_OK)
        r = message_ack_filter(options, link->filter);
    if (r == FARMIQ_OK)
        r = message_status_topic(options, link->status_topic);
    if (r == FARMIQ_OK)
        r = connect_link(link, now, error);
    if (r == FARMIQ_OK)
        *out = link;
    else
        link_close(link);
    return r;
}

void link_close(struct link *link)
{
    if (!link)
        return;
    shim_mqtt_publisher_close(link->publisher);
    while (link->first) {
        struct note *next = link->first->next;

        free(link->first);
        link->first = next;
    }
    if (link->wake_fd >= 0)
        close(link->wake_fd);
    pthread_mutex_destroy(&link->lock);
    free(link->pubacks);
    free(link->pubacks_read);
    free(link);
}
