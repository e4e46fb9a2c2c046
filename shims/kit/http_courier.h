/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP and HTTPS out, many requests at once on one thread, event streams among them:
 * libcurl's multi interface behind one door. Knows nothing of services. */
#ifndef SHIM_HTTP_COURIER_H
#define SHIM_HTTP_COURIER_H

#include <farmiq/farmiq.h>

struct shim_http_courier;

struct shim_http_courier_options { /* as for a client, see http_client.h */
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    uint32_t connect_timeout_ms;
    size_t max_reply_bytes; /* a longer answer counts as none */
};

/* A GET on its way. It belongs to the courier from _send() until on_end(). Everything is
 * called on the courier's thread, which must not be kept waiting. */
struct shim_http_trip {
    const char *url;
    const char *const *headers; /* "name: value", NULL-terminated; copied */
    uint32_t silence_ms;        /* without a byte for this long it has failed */
    /* Once: with the whole answer, or with the head of an event stream. */
    void (*on_answer)(struct shim_http_trip *trip);
    /* Each event of a stream. `name` NULL: it has none; `data` empty: a sign of life.
     * Not 0: nobody listens any more, end it. */
    int (*on_event)(struct shim_http_trip *trip, const char *name,
                    struct farmiq_str data);
    void (*on_end)(struct shim_http_trip *trip);
    /* answered */
    int status; /* 0: no answer */
    int is_stream;
    const char *content_type; /* until on_answer() returns, like `reply` */
    struct farmiq_str reply;
};

/* FARMIQ_OK or FARMIQ_E_NOMEM. The strings of `options` must outlive it. */
int shim_http_courier_open(struct shim_http_courier **out,
                           const struct shim_http_courier_options *options);
/* Ends what is on its way; NULL is fine. */
void shim_http_courier_close(struct shim_http_courier *courier);
/* Thread-safe. FARMIQ_OK, or FARMIQ_E_NOMEM: nothing will be called. */
int shim_http_courier_send(struct shim_http_courier *courier,
                           struct shim_http_trip *trip);

#endif
