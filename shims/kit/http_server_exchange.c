/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer, between libmicrohttpd's thread and whoever answers.
 *
 *     head -> body -> handed -> waiting -> answered
 *
 * A handler that answers before it returns skips `waiting`: nothing is suspended then. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kit/crypto.h"
#include "kit/http_server_private.h"

enum exchange_state {
    EXCHANGE_HEAD,
    EXCHANGE_BODY,
    EXCHANGE_HANDED,
    EXCHANGE_WAITING, /* its connection is suspended */
    EXCHANGE_ANSWERED
};

/* Owned by libmicrohttpd's thread until it is handed over, then guarded by the server's
 * lock. It lives until both its handler and its connection are done with it, so that a
 * late answer to a client that left, or to a server that closed, is harmless. */
struct shim_http_exchange {
    struct shim_http_server *server;
    struct MHD_Connection *connection;
    struct link *link;
    struct shim_http_exchange *next, *previous; /* server->handed */
    enum exchange_state state;
    int references;
    int is_stream;
    struct shim__http_head head;
    struct shim__http_body body;
    struct shim_http_sink sink; /* of an upload */
    struct MHD_Response *response;
    size_t response_bytes;
    int status;
    uint64_t origin;
    int has_peer;
    struct shim_peer peer;
    const char *target_at; /* where the target was in the request, see read_gapless() */
    size_t target_len;
    char target[]; /* its copy: libmicrohttpd cuts its own into pieces */
};

/* ## Life */

void *shim__server_on_target(void *cls, const char *target,
                             struct MHD_Connection *connection)
{
    struct shim_http_server *server = cls;
    size_t len = target ? strlen(target) : 0;
    struct shim_http_exchange *exchange = malloc(sizeof *exchange + len);

    if (!exchange)
        return NULL; /* on_access() closes the connection */
    memset(exchange, 0, sizeof *exchange);
    exchange->server = server;
    exchange->connection = connection;
    exchange->link =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
    exchange->origin = exchange->link ? exchange->link->origin : 0;
    exchange->references = 1;
    exchange->target_at = target;
    exchange->target_len = len;
    if (len)
        memcpy(exchange->target, target, len);
    pthread_mutex_lock(&server->lock);
    server->references++;
    pthread_mutex_unlock(&server->lock);
    return exchange;
}

static void list_add(struct shim_http_exchange *exchange)
{
    struct shim_http_server *server = exchange->server;

    exchange->next = server->handed;
    exchange->previous = NULL;
    if (exchange->next)
        exchange->next->previous = exchange;
    server->handed = exchange;
}

static void list_remove(struct shim_http_exchange *exchange)
{
    if (exchange->previous)
        exchange->previous->next = exchange->next;
    else
        exchange->server->handed = exchange->next;
    if (exchange->next)
        exchange->next->previous = exchange->previous;
}

/* Called with the lock, returns without it: the lock may be gone. */
static void release_locked(struct shim_http_exchange *exchange)
{
    struct shim_http_server *server = exchange->server;

    assert(exchange->references > 0);
    if (--exchange->references > 0) {
        pthread_mutex_unlock(&server->lock);
        return;
    }
    shim__http_head_free(&exchange->head);
    shim__http_body_free(&exchange->body);
    free(exchange);
    shim__server_release_locked(server);
}

/* Its client left between the answer and the moment it would have been queued. Not under
 * the lock: a stream's response takes it to leave the list. */
static void drop_response(struct shim_http_exchange *exchange)
{
    struct MHD_Response *response;

    pthread_mutex_lock(&exchange->server->lock);
    response = exchange->response;
    exchange->response = NULL;
    pthread_mutex_unlock(&exchange->server->lock);
    if (response)
        MHD_destroy_response(response);
}

/* Its client left, or was refused, in the middle. */
static void drop_upload(struct shim_http_exchange *exchange)
{
    if (exchange->sink.drop && exchange->state < EXCHANGE_HANDED)
        exchange->sink.drop(exchange->sink.ctx);
}

void shim__server_on_completed(void *cls, struct MHD_Connection *connection, void **state,
                               enum MHD_RequestTerminationCode code)
{
    struct shim_http_server *server = cls;
    struct shim_http_exchange *exchange = *state;

    (void)connection;
    (void)code;
    *state = NULL;
    if (!exchange)
        return;
    drop_response(exchange);
    drop_upload(exchange);
    if (exchange->link)
        shim__link_enter(server, exchange->link, LINK_HEAD, 0);
    pthread_mutex_lock(&server->lock);
    if (exchange->state >= EXCHANGE_HANDED) {
        list_remove(exchange);
        server->busy--;
        if (server->is_draining)
            pthread_cond_broadcast(&server->changed);
    }
    release_locked(exchange);
}

/* ## Answering, on libmicrohttpd's thread */

static enum MHD_Result queue_answer(struct shim_http_exchange *exchange)
{
    struct MHD_Response *response = exchange->response;
    enum MHD_Result queued;

    exchange->response = NULL;
    if (!response) /* no memory for an answer: closing is one too */
        return MHD_NO;
    shim__link_enter(exchange->server, exchange->link,
                     exchange->is_stream ? LINK_STREAM : LINK_ANSWER,
                     exchange->response_bytes);
    queued =
        MHD_queue_response(exchange->connection, (unsigned)exchange->status, response);
    MHD_destroy_response(response);
    return queued;
}

static struct MHD_Response *build_body(const struct shim_http_response *response)
{
    const struct shim_http_file *file = response->file;
    struct MHD_Response *built;

    if (!file)
        return MHD_create_response_from_buffer(response->body.len,
                                               (void *)(uintptr_t)response->body.ptr,
                                               MHD_RESPMEM_MUST_COPY);
    built = MHD_create_response_from_fd_at_offset64(file->bytes, file->fd, file->offset);
    if (!built)
        close(file->fd);
    return built;
}

static struct MHD_Response *build(const struct shim_http_response *response)
{
    struct MHD_Response *built = build_body(response);

    if (!built)
        return NULL;
    if (response->content_type)
        MHD_add_response_header(built, MHD_HTTP_HEADER_CONTENT_TYPE,
                                response->content_type);
    for (uint32_t i = 0; i < response->field_count; i++)
        MHD_add_response_header(built, response->fields[i].name,
                                response->fields[i].value);
    return built;
}

static struct MHD_Response *build_refusal(const struct shim_http_exchange *exchange,
                                          const struct shim__http_refusal *refusal)
{
    char request_id[SHIM__HTTP_ID_BYTES], trace_id[SHIM__HTTP_ID_BYTES];
    char json[SHIM__HTTP_REFUSAL_BYTES];
    struct shim_http_field fields[] = { { MHD_HTTP_HEADER_CONNECTION, "close" },
                                        { "x-request-id", request_id },
                                        { "x-trace-id", trace_id },
                                        { "Retry-After", refusal->retry_after_s } };
    struct shim_http_response response = { refusal->status,
                                           "application/json",
                                           { json, 0 },
                                           fields,
                                           refusal->retry_after_s ? 4 : 3 };

    shim__http_refusal_ids(&exchange->head, request_id, trace_id);
    response.body.len = shim__http_refusal_json(
        refusal, (struct farmiq_str){ trace_id, strlen(trace_id) }, json);
    return build(&response);
}

static void tell_crowded(const struct shim_http_exchange *exchange,
                         const struct shim__http_refusal *refusal)
{
    const struct shim_http_server_options *options = &exchange->server->options;

    if (refusal == &shim__http_crowded && options->on_crowded)
        options->on_crowded(options->ctx);
}

static void let_linger(struct shim_http_exchange *exchange)
{
    pthread_mutex_lock(&exchange->server->lock);
    exchange->link->lingers = 1;
    pthread_mutex_unlock(&exchange->server->lock);
}

/* An answer before the body was read makes libmicrohttpd close behind it. */
static enum MHD_Result refuse(struct shim_http_exchange *exchange,
                              const struct shim__http_refusal *refusal)
{
    tell_crowded(exchange, refusal);
    let_linger(exchange);
    exchange->status = refusal->status;
    exchange->response = build_refusal(exchange, refusal);
    return queue_answer(exchange);
}

/* In the middle of an upload libmicrohttpd takes no answer. Nothing but perhaps a "100
 * Continue" was sent on this connection, so the answer can be written straight to it. */
static enum MHD_Result refuse_midway(struct shim_http_exchange *exchange,
                                     const struct shim__http_refusal *refusal)
{
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    char request_id[SHIM__HTTP_ID_BYTES], trace_id[SHIM__HTTP_ID_BYTES];
    char json[SHIM__HTTP_REFUSAL_BYTES], text[SHIM__HTTP_REFUSAL_BYTES + 640];
    struct farmiq_str answer = { text, 0 };
    const char *retry = refusal->retry_after_s;
    size_t len;

    shim__http_refusal_ids(&exchange->head, request_id, trace_id);
    len = shim__http_refusal_json(
        refusal, (struct farmiq_str){ trace_id, strlen(trace_id) }, json);
    answer.len = (size_t)snprintf(
        text, sizeof text,
        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nx-request-id: %s\r\n"
        "x-trace-id: %s\r\nContent-Length: %zu\r\n%s%s%sConnection: close\r\n\r\n%s",
        refusal->status, MHD_get_reason_phrase_for((unsigned)refusal->status), request_id,
        trace_id, len, retry ? "Retry-After: " : "", retry ? retry : "",
        retry ? "\r\n" : "", json);
    tell_crowded(exchange, refusal);
    let_linger(exchange);
    if (tls && tls->tls_session)
        shim_crypto_tls_send(tls->tls_session, answer);
    else
        send(exchange->link->fd, answer.ptr, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return MHD_NO;
}

/* ## The head */

struct gathering {
    struct shim__http_raw_head raw;
    const char *end; /* of the line before */
    int is_gapless;
    int is_full;
};

static enum MHD_Result gather(void *cls, enum MHD_ValueKind kind, const char *name,
                              size_t name_len, const char *value, size_t value_len)
{
    struct gathering *all = cls;

    (void)kind;
    if (all->raw.header_count == SHIM__HTTP_HEADERS_MAX) {
        all->is_full = 1;
        return MHD_NO;
    }
    all->raw.headers[all->raw.header_count++] =
        (struct shim__http_field){ { name, name_len }, { value, value_len } };
    all->is_gapless &= name == all->end + 2;
    all->end = value + value_len;
    return MHD_YES;
}

/* libmicrohttpd before 1.0 takes a bare LF for a line's end, folds lines (and mixes the
 * fold into the name), cuts values at a NUL and skips blanks in the request line, all
 * without a word; each is a way to smuggle (RFC 9112 2.2, 5.2). But it parses in place:
 * in a head free of all that, every line begins exactly where the one before ended plus
 * CRLF. From 1.0 on it refuses these itself. */
static int parses_in_place(void) { return strncmp(MHD_get_version(), "0.9.", 4) == 0; }

static void read_gapless(struct gathering *all, const struct shim_http_exchange *exchange,
                         const char *method, const char *version)
{
    size_t head_bytes = MHD_get_connection_info(exchange->connection,
                                                MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
                            ->header_size;

    all->raw.method = (struct farmiq_str){ method, strlen(method) };
    all->raw.target = (struct farmiq_str){ exchange->target, exchange->target_len };
    all->raw.version = (struct farmiq_str){ version, strlen(version) };
    all->end = version + all->raw.version.len;
    all->is_gapless = exchange->target_at == method + all->raw.method.len + 1 &&
                      version == exchange->target_at + exchange->target_len + 1;
    MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, gather, all);
    all->is_gapless &= all->is_full || all->end + 4 == method + head_bytes;
    all->is_gapless |= !parses_in_place();
}

static int64_t now_unix_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The client's certificate is verified once for each connection, which may outlive it. */
static const struct shim__http_refusal *read_peer(struct shim_http_exchange *exchange)
{
    struct link *link = exchange->link;

    if (!exchange->server->asks_certificate)
        return NULL;
    if (!link->is_peer_known) {
        void *session = MHD_get_connection_info(exchange->connection,
                                                MHD_CONNECTION_INFO_GNUTLS_SESSION)
                            ->tls_session;
        link->peer = shim_crypto_tls_peer(session, &link->peer_names);
        link->is_peer_known = 1;
    }
    if (link->peer == FARMIQ_OK && now_unix_ms() > link->peer_names.expires_unix_ms)
        link->peer = FARMIQ_E_REFUSED;
    exchange->has_peer = link->peer == FARMIQ_OK;
    exchange->peer = link->peer_names;
    return link->peer < 0 ? &shim__http_bad_certificate : NULL;
}

static const struct shim__http_refusal *read_head(struct shim_http_exchange *exchange,
                                                  const char *method, const char *version)
{
    struct gathering all = { 0 };
    const struct shim__http_refusal *refusal;

    read_gapless(&all, exchange, method, version);
    refusal = shim__http_head_read(&exchange->head, &all.raw);
    if (all.is_full)
        return &shim__http_head_too_large;
    if (!all.is_gapless)
        return &shim__http_bad_head;
    if (!refusal)
        refusal = read_peer(exchange);
    return refusal;
}

static enum MHD_Result hand_over(struct shim_http_exchange *exchange);

/* Nobody wants the body: the answer comes before it. */
static enum MHD_Result decline(struct shim_http_exchange *exchange)
{
    let_linger(exchange);
    return hand_over(exchange);
}

/* Who decides may have the body sent elsewhere, or not sent at all. */
static enum MHD_Result await_body(struct shim_http_exchange *exchange)
{
    const struct shim_http_server_options *options = &exchange->server->options;
    const struct shim__http_refusal *refusal;

    exchange->state = EXCHANGE_BODY;
    if (options->on_head && options->on_head(options->ctx, exchange, &exchange->sink))
        return decline(exchange);
    refusal = shim__http_body_begin(
        &exchange->body, &exchange->head, options->max_body_bytes,
        exchange->sink.write ? &exchange->sink : NULL, &exchange->server->budget);
    return refusal ? refuse(exchange, refusal) : MHD_YES;
}

static enum MHD_Result begin(struct shim_http_exchange *exchange, const char *method,
                             const char *version)
{
    const struct shim__http_refusal *refusal;

    if (!exchange->link)
        return MHD_NO;
    refusal = read_head(exchange, method, version);
    return refusal ? refuse(exchange, refusal) : await_body(exchange);
}

/* ## The body */

static enum MHD_Result collect(struct shim_http_exchange *exchange, const char *upload,
                               size_t *upload_bytes)
{
    const struct shim__http_refusal *refusal = shim__http_body_add(
        &exchange->body, (struct farmiq_str){ upload, *upload_bytes });

    if (refusal)
        return refuse_midway(exchange, refusal);
    *upload_bytes = 0;
    shim__link_enter(exchange->server, exchange->link, LINK_BODY,
                     exchange->body.arrived_bytes);
    return MHD_YES;
}

/* ## The handler */

static int start_work(struct shim_http_exchange *exchange)
{
    struct shim_http_server *server = exchange->server;
    int is_open;

    pthread_mutex_lock(&server->lock);
    is_open = !server->is_draining;
    if (is_open) {
        exchange->state = EXCHANGE_HANDED;
        exchange->references++; /* the handler's */
        server->busy++;
        list_add(exchange);
    }
    pthread_mutex_unlock(&server->lock);
    return is_open;
}

static enum MHD_Result hand_over(struct shim_http_exchange *exchange)
{
    struct shim_http_server *server = exchange->server;
    const struct shim__http_refusal *refusal = shim__http_body_end(&exchange->body);
    int is_answered;

    if (refusal)
        return refuse(exchange, refusal);
    if (!start_work(exchange))
        return refuse(exchange, &shim__http_closing);
    shim__link_enter(server, exchange->link, LINK_WORK, 0);
    server->options.on_request(server->options.ctx, exchange);
    pthread_mutex_lock(&server->lock);
    is_answered = exchange->state == EXCHANGE_ANSWERED;
    if (!is_answered) {
        exchange->state = EXCHANGE_WAITING;
        MHD_suspend_connection(exchange->connection);
    }
    pthread_mutex_unlock(&server->lock);
    return is_answered ? queue_answer(exchange) : MHD_YES;
}

enum MHD_Result shim__server_on_access(void *cls, struct MHD_Connection *connection,
                                       const char *url, const char *method,
                                       const char *version, const char *upload,
                                       size_t *upload_bytes, void **state)
{
    struct shim_http_exchange *exchange = *state;

    (void)cls;
    (void)connection;
    (void)url;
    if (!exchange)
        return MHD_NO;
    if (exchange->state == EXCHANGE_HEAD)
        return begin(exchange, method, version);
    if (*upload_bytes)
        return collect(exchange, upload, upload_bytes);
    return exchange->state == EXCHANGE_BODY ? hand_over(exchange)
                                            : queue_answer(exchange);
}

/* ## Answering, on any thread */

struct event_stream {
    struct shim__stream stream; /* first: the two are cast into each other */
    struct shim_http_server *server;
    struct MHD_Connection *connection;
    int is_listed;
};

/* libmicrohttpd before 1.0 takes a bare LF for the end of a chunk's line, and where such
 * a body ends is then a matter of opinion (RFC 9112 7.1, 11.2). So nothing that follows
 * a chunked request is taken for a request. */
static int is_chunked(const struct shim_http_exchange *exchange)
{
    return shim__http_head_header(&exchange->head, "transfer-encoding").len > 0;
}

/* The first answer counts: the handler's, or the 503 of a server that closes. Called
 * with the lock. */
static int settle(struct shim_http_exchange *exchange, int status,
                  struct MHD_Response *response, size_t bytes)
{
    enum exchange_state was = exchange->state;

    if (was == EXCHANGE_ANSWERED)
        return 0;
    assert(was == EXCHANGE_HANDED || was == EXCHANGE_WAITING);
    exchange->status = status;
    exchange->response = response;
    exchange->response_bytes = bytes;
    exchange->state = EXCHANGE_ANSWERED;
    if (response && (exchange->server->is_draining || is_chunked(exchange)))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (was == EXCHANGE_WAITING)
        MHD_resume_connection(exchange->connection);
    return 1;
}

void shim_http_respond(struct shim_http_exchange *exchange,
                       const struct shim_http_response *response)
{
    struct MHD_Response *built = build(response);
    int is_settled;

    pthread_mutex_lock(&exchange->server->lock);
    is_settled = settle(exchange, response->status, built,
                        response->file ? response->file->bytes : response->body.len);
    release_locked(exchange);
    if (!is_settled && built)
        MHD_destroy_response(built);
}

void shim__server_abandon_all(struct shim_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct shim_http_exchange *e = server->handed; e; e = e->next)
        if (e->state != EXCHANGE_ANSWERED)
            settle(e, shim__http_closing.status, build_refusal(e, &shim__http_closing),
                   SHIM__HTTP_REFUSAL_BYTES);
    pthread_mutex_unlock(&server->lock);
}

/* ## Streams */

static void stream_wake(struct shim__stream *stream)
{
    MHD_resume_connection(((struct event_stream *)stream)->connection);
}

static void stream_cut(struct shim__stream *stream) { shutdown(stream->fd, SHUT_RDWR); }

static ssize_t stream_read(void *cls, uint64_t position, char *out, size_t room)
{
    struct event_stream *events = cls;
    size_t len;
    int ended;

    (void)position;
    pthread_mutex_lock(&events->server->lock);
    len = shim__stream_pull(&events->stream, out, room);
    ended = events->stream.ended;
    if (len == 0 && !ended)
        MHD_suspend_connection(events->connection);
    pthread_mutex_unlock(&events->server->lock);
    return len == 0 && ended ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)len;
}

static void stream_free(void *cls)
{
    struct event_stream *events = cls;

    pthread_mutex_lock(&events->server->lock);
    if (events->is_listed)
        shim__streams_remove(&events->server->streams, &events->stream);
    pthread_mutex_unlock(&events->server->lock);
    shim__stream_fini(&events->stream);
    free(events);
}

static struct event_stream *stream_new(struct shim_http_exchange *exchange,
                                       const char *channel, struct farmiq_str first_event)
{
    struct event_stream *events = calloc(1, sizeof *events);
    struct farmiq_str text = { 0 };

    if (!events || shim__stream_init(&events->stream, channel) < 0) {
        free(events);
        return NULL;
    }
    events->server = exchange->server;
    events->connection = exchange->connection;
    events->stream.wake = stream_wake;
    events->stream.cut = stream_cut;
    events->stream.fd = -1;
    if (first_event.len)
        text = shim__stream_event(NULL, first_event);
    if (text.ptr)
        shim__stream_push(&events->stream, text, shim__monotonic_ms());
    free((void *)(uintptr_t)text.ptr);
    return events;
}

static struct MHD_Response *build_stream(struct event_stream *events)
{
    struct MHD_Response *built =
        events ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read,
                                                   events, stream_free)
               : NULL;

    if (!built)
        return NULL;
    MHD_add_response_header(built, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(built, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(built, "X-Accel-Buffering", "no"); /* nginx would hold them */
    return built;
}

/* Called with the lock. The connection is still there: its exchange was not answered. */
static int open_stream(struct shim_http_exchange *exchange, struct event_stream *events,
                       struct MHD_Response *built)
{
    if (exchange->state == EXCHANGE_ANSWERED)
        return 0;
    exchange->is_stream = built != NULL;
    if (built) {
        events->stream.fd = exchange->link->fd;
        events->stream.ended = exchange->server->is_draining;
        events->is_listed = 1;
        shim__streams_add(&exchange->server->streams, &events->stream);
    }
    return settle(exchange, MHD_HTTP_OK, built, 0);
}

void shim_http_stream(struct shim_http_exchange *exchange, const char *channel,
                      struct farmiq_str first_event)
{
    struct shim_http_server *server = exchange->server;
    struct event_stream *events = stream_new(exchange, channel, first_event);
    struct MHD_Response *built = build_stream(events);
    int is_open;

    if (!built && events)
        stream_free(events);
    pthread_mutex_lock(&server->lock);
    is_open = open_stream(exchange, events, built);
    pthread_mutex_unlock(&server->lock);
    if (!is_open && built)
        MHD_destroy_response(built); /* and the stream with it */
    pthread_mutex_lock(&server->lock);
    release_locked(exchange);
}

/* ## What a handler may ask */

struct farmiq_str shim_http_method(const struct shim_http_exchange *exchange)
{
    return exchange->head.method;
}

struct farmiq_str shim_http_path(const struct shim_http_exchange *exchange)
{
    return exchange->head.path;
}

struct farmiq_str shim_http_raw_path(const struct shim_http_exchange *exchange)
{
    return exchange->head.raw_path;
}

struct farmiq_str shim_http_raw_target(const struct shim_http_exchange *exchange)
{
    return (struct farmiq_str){ exchange->target, exchange->target_len };
}

struct farmiq_str shim_http_body(const struct shim_http_exchange *exchange)
{
    /* No body is an empty text, not no text: parsers then say what is wrong with it. */
    return (struct farmiq_str){ exchange->body.bytes ? exchange->body.bytes : "",
                                exchange->body.len };
}

void *shim_http_sink_of(const struct shim_http_exchange *exchange)
{
    return exchange->sink.ctx;
}

struct farmiq_str shim_http_header(const struct shim_http_exchange *exchange,
                                   const char *name)
{
    return shim__http_head_header(&exchange->head, name);
}

struct farmiq_str shim_http_query(const struct shim_http_exchange *exchange,
                                  const char *name)
{
    return shim__http_head_query(&exchange->head, name);
}

uint64_t shim_http_origin(const struct shim_http_exchange *exchange)
{
    return exchange->origin;
}

const struct shim_peer *shim_http_peer(const struct shim_http_exchange *exchange)
{
    return exchange->has_peer ? &exchange->peer : NULL;
}
