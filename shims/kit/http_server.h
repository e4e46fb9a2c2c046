/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP and HTTPS in: libmicrohttpd behind one door. Knows nothing of services. */
#ifndef SHIM_HTTP_SERVER_H
#define SHIM_HTTP_SERVER_H

#include <farmiq/farmiq.h>

struct shim_http_server;
struct shim_http_exchange;

/* Where a body goes as it arrives, instead of into memory. On the server's thread, so
 * nothing here may wait for anybody. */
struct shim_http_sink {
    size_t max_bytes; /* 413 above */
    /* Unpacked bytes, in order. FARMIQ_OK; FARMIQ_E_NOSPACE and others: 503. */
    int (*write)(void *ctx, struct farmiq_str bytes);
    void (*drop)(void *ctx); /* it will not be whole: on_request does not follow */
    void *ctx;
};

struct shim_http_server_options {
    const char *bind_address; /* "127.0.0.1" */
    uint16_t port;            /* 0: any free one; ask shim_http_server_port() */
    const char *cert_file;    /* NULL: plain HTTP */
    const char *key_file;
    const char *client_ca_file; /* NULL: no client certificates are asked for */
    size_t max_body_bytes;      /* also of an unpacked gzip body; 413 above */
    /* What all bodies in memory may take together, beyond the first 64 KiB of each; those
     * that would take more get 503 with Retry-After. Never less than one body of
     * `max_body_bytes` needs while it grows. 0: no limit. */
    size_t max_bodies_bytes;
    uint32_t max_connections;        /* 0: 1024 */
    uint32_t max_connections_per_ip; /* 0: as many */
    /* A client may be idle this long, and take this long for a head; for a body and for
     * reading its answer 1 s more for each kB. 0: 30 s. */
    uint32_t idle_timeout_ms;
    uint32_t stream_heartbeat_ms; /* a comment on streams that are silent; 0: 15 s */
    /* Called on the server's thread when a whole request is there. The exchange must
     * be answered exactly once, at once or later, from any thread. */
    void (*on_request)(void *ctx, struct shim_http_exchange *exchange);
    /* Called on the server's thread when the head of a request is there and its body is
     * not. 0: the body is wanted, in memory or, when `sink` is filled in, there. 1: it
     * is not: on_request follows at once and must answer before it returns. May be
     * NULL. */
    int (*on_head)(void *ctx, struct shim_http_exchange *exchange,
                   struct shim_http_sink *sink);
    /* Called on the server's thread when a body was refused for want of that room. May be
     * NULL. */
    void (*on_crowded)(void *ctx);
    void *ctx;
};

/* FARMIQ_OK, FARMIQ_E_ARG, FARMIQ_E_STORE (cannot bind, bad certificate: `error`). */
int shim_http_server_open(struct shim_http_server **out,
                          const struct shim_http_server_options *options,
                          struct farmiq_error *error);
uint16_t shim_http_server_port(const struct shim_http_server *server);
/* What its bodies take of `max_bodies_bytes` now. */
size_t shim_http_server_bodies_bytes(const struct shim_http_server *server);
/* Refuse new connections and requests, let requests in hand finish (at most `drain_ms`),
 * end streams, free. NULL is fine. Exchanges still unanswered get 503; answering one of
 * them later is harmless, and still owed. */
void shim_http_server_close(struct shim_http_server *server, uint32_t drain_ms);

/* The request. Valid until it is answered. A HEAD looks like the GET it is. */
struct farmiq_str shim_http_method(const struct shim_http_exchange *exchange);
struct farmiq_str shim_http_path(const struct shim_http_exchange *exchange); /* decoded */
struct farmiq_str shim_http_raw_path(const struct shim_http_exchange *exchange);
/* Path and query as they came. */
struct farmiq_str shim_http_raw_target(const struct shim_http_exchange *exchange);
struct farmiq_str
shim_http_body(const struct shim_http_exchange *exchange); /* unpacked */
/* The ctx of the sink that on_head filled in; NULL: there is none. */
void *shim_http_sink_of(const struct shim_http_exchange *exchange);
struct farmiq_str shim_http_header(const struct shim_http_exchange *exchange,
                                   const char *name); /* empty: absent */
struct farmiq_str shim_http_query(const struct shim_http_exchange *exchange,
                                  const char *name); /* decoded; empty: absent */
/* Tells clients apart by where they are: an IPv4 address, or the network (/64) of an
 * IPv6 one, since that is what one client has. Never 0. */
uint64_t shim_http_origin(const struct shim_http_exchange *exchange);
/* Who the verified client certificate is for; NULL: none was shown. One that does not
 * verify never gets here: 403. */
struct shim_peer;
const struct shim_peer *shim_http_peer(const struct shim_http_exchange *exchange);

struct shim_http_field {
    const char *name;
    const char *value;
};
/* A part of an open file, sent piece by piece. */
struct shim_http_file {
    int fd; /* the server's from now on */
    uint64_t offset;
    uint64_t bytes;
};
struct shim_http_response {
    int status;
    const char *content_type;
    struct farmiq_str body; /* copied */
    const struct shim_http_field *fields;
    uint32_t field_count;
    const struct shim_http_file *file; /* instead of the body; NULL: none */
};
void shim_http_respond(struct shim_http_exchange *exchange,
                       const struct shim_http_response *response);

/* Answer 200 text/event-stream and keep it open. `first_event` is one line of JSON, or
 * empty. Events sent to `channel` later go
 * to it, until the client leaves or reads too slowly (its backlog passes 256 KiB). */
void shim_http_stream(struct shim_http_exchange *exchange, const char *channel,
                      struct farmiq_str first_event);
/* Thread-safe. `event` is the event's name, `data` one line of JSON. */
void shim_http_server_send(struct shim_http_server *server, const char *channel,
                           const char *event, struct farmiq_str data);
/* How many streams hear this channel. */
uint32_t shim_http_server_listeners(struct shim_http_server *server, const char *channel);
/* End them; their clients reconnect if they like. */
void shim_http_server_end(struct shim_http_server *server, const char *channel);
uint32_t shim_http_server_streams(const struct shim_http_server *server);

#endif
