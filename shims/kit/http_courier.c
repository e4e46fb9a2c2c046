/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP and HTTPS out, many at once: one thread drives every transfer. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit/http_courier.h"

#define EVENT_MAX_BYTES ((size_t)256 * 1024)
#define POLL_MS 1000

/* One trip as libcurl sees it. */
struct flight {
    struct flight *next;
    struct shim_http_courier *courier;
    struct shim_http_trip *trip;
    CURL *easy;
    struct curl_slist *headers;
    char *bytes; /* the answer so far; of a stream, the event that is not whole yet */
    size_t len, room;
    int64_t heard_ms;
    int is_answered;
};

struct shim_http_courier {
    struct shim_http_courier_options options;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the next two */
    struct flight *arrived;
    int is_closing;
    struct flight *first; /* the thread's own */
};

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ## One flight */

static void free_flight(struct flight *flight)
{
    curl_easy_cleanup(flight->easy);
    curl_slist_free_all(flight->headers);
    free(flight->bytes);
    free(flight);
}

static void answer(struct flight *flight, int is_whole)
{
    struct shim_http_trip *trip = flight->trip;
    long status = 0;

    if (flight->is_answered)
        return;
    flight->is_answered = 1;
    if (is_whole)
        curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(flight->easy, CURLINFO_CONTENT_TYPE, &trip->content_type);
    trip->status = (int)status;
    trip->reply = (struct farmiq_str){ flight->bytes, flight->len };
    trip->on_answer(trip);
}

/* A stream is answered by its head: its body has no end to wait for. */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct flight *flight = ctx;
    const char *type = NULL;
    long status = 0;

    flight->heard_ms = monotonic_ms();
    if (line[0] != '\r' && line[0] != '\n')
        return size * count;
    curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(flight->easy, CURLINFO_CONTENT_TYPE, &type);
    flight->trip->is_stream =
        status == 200 && type && strncmp(type, "text/event-stream", 17) == 0;
    if (flight->trip->is_stream)
        answer(flight, 1);
    return size * count;
}

static int make_room(struct flight *flight, size_t more, size_t at_most)
{
    size_t room = flight->room ? flight->room : 4096;
    char *grown;

    if (more > at_most || flight->len > at_most - more)
        return FARMIQ_E_RANGE;
    while (room < flight->len + more + 1)
        room *= 2;
    if (room == flight->room)
        return FARMIQ_OK;
    grown = realloc(flight->bytes, room);
    if (!grown)
        return FARMIQ_E_NOMEM;
    flight->bytes = grown;
    flight->room = room;
    return FARMIQ_OK;
}

/* A field's value: what follows the colon and at most one blank (WHATWG HTML 9.2.6).
 * NULL: this line is another field. */
static char *value_of(char *line, const char *field)
{
    size_t len = strlen(field);

    if (strncmp(line, field, len) != 0 || line[len] != ':')
        return NULL;
    return line + len + 1 + (line[len + 1] == ' ');
}

/* One event: its lines, without the empty one that ended it. */
static int take_event(struct flight *flight, char *block)
{
    char *name = NULL, *data = NULL, *end = NULL, *rest = NULL;

    for (char *line = strtok_r(block, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        char *text = value_of(line, "data");

        if (value_of(line, "event"))
            name = value_of(line, "event");
        if (!text)
            continue;
        if (data)
            *end++ = '\n'; /* a second line of data goes on where the first ended */
        else
            data = end = text;
        memmove(end, text, strlen(text) + 1);
        end += strlen(end);
    }
    return flight->trip->on_event(
        flight->trip, name,
        (struct farmiq_str){ data ? data : "", data ? (size_t)(end - data) : 0 });
}

/* Every event that is whole by now. Not 0: nobody listens any more. */
static int take_events(struct flight *flight)
{
    char *at = flight->bytes, *end;
    int is_over = 0;

    flight->bytes[flight->len] = '\0';
    while (!is_over && (end = strstr(at, "\n\n")) != NULL) {
        *end = '\0';
        is_over = take_event(flight, at);
        at = end + 2;
    }
    flight->len -= (size_t)(at - flight->bytes);
    memmove(flight->bytes, at, flight->len);
    return is_over;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct flight *flight = ctx;
    size_t len = size * count;
    int is_stream = flight->trip->is_stream;

    flight->heard_ms = monotonic_ms();
    if (make_room(flight, len,
                  is_stream ? EVENT_MAX_BYTES
                            : flight->courier->options.max_reply_bytes) < 0)
        return 0; /* ends the transfer */
    for (size_t i = 0; i < len; i++)
        if (!is_stream || bytes[i] != '\r')
            flight->bytes[flight->len++] = bytes[i];
    return is_stream && take_events(flight) ? 0 : len;
}

static int configure(struct flight *flight)
{
    const struct shim_http_courier_options *options = &flight->courier->options;
    CURL *easy = flight->easy;
    CURLcode worst = CURLE_OK; /* any of them: they only fail for want of memory */

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, flight);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, flight);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, flight);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* see http_client.c */
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, flight->headers);
    worst |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    worst |= curl_easy_setopt(easy, CURLOPT_URL, flight->trip->url);
    if (options->ca_file)
        worst |= curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (options->cert_file)
        worst |= curl_easy_setopt(easy, CURLOPT_SSLCERT, options->cert_file);
    if (options->key_file)
        worst |= curl_easy_setopt(easy, CURLOPT_SSLKEY, options->key_file);
    return worst != CURLE_OK ? FARMIQ_E_NOMEM : FARMIQ_OK;
}

static int copy_headers(struct flight *flight)
{
    for (const char *const *line = flight->trip->headers; line && *line; line++) {
        struct curl_slist *longer = curl_slist_append(flight->headers, *line);

        if (!longer)
            return FARMIQ_E_NOMEM;
        flight->headers = longer;
    }
    return FARMIQ_OK;
}

int shim_http_courier_send(struct shim_http_courier *courier, struct shim_http_trip *trip)
{
    struct flight *flight = calloc(1, sizeof *flight);

    if (!flight)
        return FARMIQ_E_NOMEM;
    flight->courier = courier;
    flight->trip = trip;
    flight->heard_ms = monotonic_ms();
    flight->easy = curl_easy_init();
    if (!flight->easy || copy_headers(flight) < 0 || configure(flight) < 0) {
        free_flight(flight);
        return FARMIQ_E_NOMEM;
    }
    pthread_mutex_lock(&courier->lock);
    flight->next = courier->arrived;
    courier->arrived = flight;
    pthread_mutex_unlock(&courier->lock);
    curl_multi_wakeup(courier->multi);
    return FARMIQ_OK;
}

/* ## All of them */

/* It is over, with the whole answer or without. */
static void land(struct flight *flight, int is_whole)
{
    struct shim_http_courier *courier = flight->courier;
    struct flight **link = &courier->first;

    while (*link != flight)
        link = &(*link)->next;
    *link = flight->next;
    curl_multi_remove_handle(courier->multi, flight->easy);
    answer(flight, is_whole);
    flight->trip->on_end(flight->trip);
    free_flight(flight);
}

static void land_finished(struct shim_http_courier *courier)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(courier->multi, &left)) != NULL) {
        CURLcode result = message->data.result;
        char *flight = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &flight);
        land((struct flight *)(void *)flight, result == CURLE_OK);
    }
}

static void land_silent(struct shim_http_courier *courier)
{
    int64_t now_ms = monotonic_ms();
    struct flight *next;

    for (struct flight *flight = courier->first; flight; flight = next) {
        next = flight->next;
        if (now_ms - flight->heard_ms > flight->trip->silence_ms)
            land(flight, 0);
    }
}

/* Returns 1 when all is over. */
static int let_depart(struct shim_http_courier *courier)
{
    struct flight *flight, *next;
    int is_closing;

    pthread_mutex_lock(&courier->lock);
    flight = courier->arrived;
    courier->arrived = NULL;
    is_closing = courier->is_closing;
    pthread_mutex_unlock(&courier->lock);
    for (; flight; flight = next) {
        next = flight->next;
        flight->next = courier->first;
        courier->first = flight;
        curl_multi_add_handle(courier->multi, flight->easy);
    }
    return is_closing;
}

static void *travel(void *arg)
{
    struct shim_http_courier *courier = arg;
    int running;

    while (!let_depart(courier)) {
        curl_multi_perform(courier->multi, &running);
        land_finished(courier);
        land_silent(courier);
        curl_multi_poll(courier->multi, NULL, 0, POLL_MS, NULL);
    }
    while (courier->first)
        land(courier->first, 0);
    return NULL;
}

int shim_http_courier_open(struct shim_http_courier **out,
                           const struct shim_http_courier_options *options)
{
    struct shim_http_courier *courier = calloc(1, sizeof *courier);

    if (!courier)
        return FARMIQ_E_NOMEM;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    courier->options = *options;
    pthread_mutex_init(&courier->lock, NULL);
    courier->multi = curl_multi_init();
    if (!courier->multi || pthread_create(&courier->thread, NULL, travel, courier)) {
        curl_multi_cleanup(courier->multi);
        free(courier);
        return FARMIQ_E_NOMEM;
    }
    *out = courier;
    return FARMIQ_OK;
}

void shim_http_courier_close(struct shim_http_courier *courier)
{
    if (!courier)
        return;
    pthread_mutex_lock(&courier->lock);
    courier->is_closing = 1;
    pthread_mutex_unlock(&courier->lock);
    curl_multi_wakeup(courier->multi);
    pthread_join(courier->thread, NULL);
    curl_multi_cleanup(courier->multi);
    pthread_mutex_destroy(&courier->lock);
    free(courier);
}
