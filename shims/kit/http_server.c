/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP and HTTPS in: opening, draining and closing a server. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kit/fail.h"
#include "kit/http_server_private.h"

/* Holds the largest head taken (431 above), and 16 KiB TLS records of a body. */
#define CONNECTION_MEMORY_BYTES ((size_t)64 * 1024)
#define GOODBYE_MS 250 /* for the 503s of an overdue drain to leave */
#define PEM_MAX_BYTES ((size_t)1024 * 1024)

static const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

int64_t shim__monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ## Opening */

/* What libmicrohttpd wants once, while it starts. */
struct opening {
    char *cert;
    char *key;
    char *client_ca;
};

static uint32_t or_else(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

/* The room of a body doubles as it grows. */
static size_t budget_bytes(const struct shim_http_server_options *options)
{
    size_t of_one = 2 * options->max_body_bytes, of_all = options->max_bodies_bytes;

    return of_all && of_all < of_one ? of_one : of_all;
}

static struct shim_http_server *server_new(const struct shim_http_server_options *options)
{
    struct shim_http_server *server = calloc(1, sizeof *server);
    pthread_condattr_t monotonic;

    if (!server)
        return NULL;
    server->options = *options;
    server->options.max_connections = or_else(options->max_connections, 1024);
    server->options.max_connections_per_ip =
        or_else(options->max_connections_per_ip, server->options.max_connections);
    server->options.idle_timeout_ms = or_else(options->idle_timeout_ms, 30000);
    server->options.stream_heartbeat_ms = or_else(options->stream_heartbeat_ms, 15000);
    server->asks_certificate = options->client_ca_file != NULL;
    server->budget.max_bytes = budget_bytes(options);
    server->references = 1;
    server->listen_fd = server->bell_fd = -1;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return server;
}

void shim__server_release_locked(struct shim_http_server *server)
{
    int is_last = --server->references == 0;

    pthread_mutex_unlock(&server->lock);
    if (!is_last)
        return;
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* A whole small file as text; NULL `path`: nothing to read. */
static int read_pem(const char *path, char **out, struct farmiq_error *error)
{
    FILE *file;
    size_t len;

    if (!path)
        return FARMIQ_OK;
    file = fopen(path, "re");
    if (!file)
        return shim_fail(error, FARMIQ_E_STORE, "certificate", "cannot open %.60s: %s",
                         path, strerror(errno));
    *out = calloc(1, PEM_MAX_BYTES + 1);
    len = *out ? fread(*out, 1, PEM_MAX_BYTES, file) : 0;
    fclose(file);
    return len ? FARMIQ_OK
               : shim_fail(error, FARMIQ_E_STORE, "certificate", "cannot read %.60s",
                           path);
}

static int bind_socket(const struct addrinfo *address, int *out)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    *out = fd;
    return 0;
}

static int listen_on(const struct shim_http_server_options *options, int *out,
                     struct farmiq_error *error)
{
    const char *host = options->bind_address ? options->bind_address : "127.0.0.1";
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *address;
    char port[8];
    int r;

    snprintf(port, sizeof port, "%u", options->port);
    if (getaddrinfo(host, port, &hints, &address) != 0)
        return shim_fail(error, FARMIQ_E_STORE, "bind_address", "%.60s is no address",
                         host);
    r = bind_socket(address, out);
    freeaddrinfo(address);
    return r == 0 ? FARMIQ_OK
                  : shim_fail(error, FARMIQ_E_STORE, "port", "cannot bind %.60s:%s: %s",
                              host, port, strerror(errno));
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof address;
    char port[8] = "0";

    getsockname(fd, (struct sockaddr *)&address, &len);
    getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof port,
                NI_NUMERICSERV);
    return (uint16_t)strtoul(port, NULL, 10);
}

/* libmicrohttpd would print to standard error. Only its last word at the start matters.
 */
__attribute__((format(printf, 2, 0))) static void
on_complaint(void *cls, const char *format, va_list args)
{
    struct shim_http_server *server = cls;

    pthread_mutex_lock(&server->lock);
    vsnprintf(server->complaint, sizeof server->complaint, format, args);
    server->complaint[strcspn(server->complaint, "\n")] = '\0';
    pthread_mutex_unlock(&server->lock);
}

/* Decoding is ours (http_head.c): libmicrohttpd's knows no UTF-8 and no NUL. */
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct shim_http_server *server,
                                       const struct opening *opening)
{
    const struct shim_http_server_options *options = &server->options;
    unsigned timeout_s = options->idle_timeout_ms / 1000 + 1; /* the keeper is exact */
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, opening->cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, opening->key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities },
        { opening->client_ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0,
          opening->client_ca },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (opening->cert ? MHD_USE_TLS : 0);

    return MHD_start_daemon(
        flags, 0, NULL, NULL, shim__server_on_access, server, MHD_OPTION_EXTERNAL_LOGGER,
        on_complaint, server, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)options->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)options->max_connections_per_ip, MHD_OPTION_CONNECTION_TIMEOUT,
        timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped,
        NULL, MHD_OPTION_URI_LOG_CALLBACK, shim__server_on_target, server,
        MHD_OPTION_NOTIFY_COMPLETED, shim__server_on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, shim__server_on_connection, server,
        MHD_OPTION_ARRAY, opening->cert ? tls : none, MHD_OPTION_END);
}

/* The porter comes last: there must be somebody to let the callers in to. */
static int start_threads(struct shim_http_server *server, const struct opening *opening,
                         struct farmiq_error *error)
{
    int r = shim__keeper_start(server);

    if (r < 0)
        return r;
    server->daemon = start_daemon(server, opening);
    r = server->daemon ? shim__porter_start(server)
                       : shim_fail(error, FARMIQ_E_STORE, "server", "cannot start: %s",
                                   server->complaint);
    if (r < 0) {
        shim__keeper_stop(server);
        MHD_stop_daemon(server->daemon);
    }
    return r;
}

/* Signals belong to the program's own threads. */
static int start(struct shim_http_server *server, const struct opening *opening,
                 struct farmiq_error *error)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = start_threads(server, opening, error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static int prepare(struct shim_http_server *server,
                   const struct shim_http_server_options *options,
                   struct opening *opening, struct farmiq_error *error)
{
    int r = read_pem(options->cert_file, &opening->cert, error);

    if (r == FARMIQ_OK)
        r = read_pem(options->key_file, &opening->key, error);
    if (r == FARMIQ_OK)
        r = read_pem(options->client_ca_file, &opening->client_ca, error);
    if (r == FARMIQ_OK)
        r = listen_on(options, &server->listen_fd, error);
    if (r == FARMIQ_OK)
        server->port = port_of(server->listen_fd);
    return r;
}

static void forget(struct opening *opening)
{
    if (opening->key)
        explicit_bzero(opening->key, PEM_MAX_BYTES);
    free(opening->cert);
    free(opening->key);
    free(opening->client_ca);
}

static int are_options(const struct shim_http_server_options *options)
{
    return options && options->on_request &&
           (options->cert_file != NULL) == (options->key_file != NULL) &&
           (options->cert_file || !options->client_ca_file);
}

int shim_http_server_open(struct shim_http_server **out,
                          const struct shim_http_server_options *options,
                          struct farmiq_error *error)
{
    struct opening opening = { 0 };
    struct shim_http_server *server;
    int r;

    if (!out || !are_options(options))
        return FARMIQ_E_ARG;
    server = server_new(options);
    if (!server)
        return FARMIQ_E_NOMEM;
    r = prepare(server, options, &opening, error);
    if (r == FARMIQ_OK)
        r = start(server, &opening, error);
    forget(&opening);
    if (r < 0) {
        if (server->listen_fd >= 0)
            close(server->listen_fd);
        pthread_mutex_lock(&server->lock);
        shim__server_release_locked(server);
        return r;
    }
    *out = server;
    return FARMIQ_OK;
}

uint16_t shim_http_server_port(const struct shim_http_server *server)
{
    return server->port;
}

size_t shim_http_server_bodies_bytes(const struct shim_http_server *server)
{
    return atomic_load(&server->budget.taken_bytes);
}

/* ## Streams */

void shim_http_server_send(struct shim_http_server *server, const char *channel,
                           const char *event, struct farmiq_str data)
{
    struct farmiq_str text;
    int64_t now_ms = shim__monotonic_ms();

    text = shim__stream_event(event, data);
    if (!text.ptr)
        return; /* a stream promises nothing: its reader asks again */
    pthread_mutex_lock(&server->lock);
    for (struct shim__stream *s = server->streams.first; s; s = s->next)
        if (strcmp(s->channel, channel) == 0)
            shim__stream_push(s, text, now_ms);
    pthread_mutex_unlock(&server->lock);
    free((void *)(uintptr_t)text.ptr);
}

uint32_t shim_http_server_listeners(struct shim_http_server *server, const char *channel)
{
    uint32_t count = 0;

    pthread_mutex_lock(&server->lock);
    for (struct shim__stream *s = server->streams.first; s; s = s->next)
        count += !s->ended && strcmp(s->channel, channel) == 0;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void shim_http_server_end(struct shim_http_server *server, const char *channel)
{
    pthread_mutex_lock(&server->lock);
    for (struct shim__stream *s = server->streams.first; s; s = s->next)
        if (strcmp(s->channel, channel) == 0)
            shim__stream_end(s);
    pthread_mutex_unlock(&server->lock);
}

uint32_t shim_http_server_streams(const struct shim_http_server *server)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&server->lock;
    uint32_t count;

    pthread_mutex_lock(lock);
    count = server->streams.count;
    pthread_mutex_unlock(lock);
    return count;
}

/* ## Closing */

static void wait_until_idle(struct shim_http_server *server, uint32_t at_most_ms)
{
    int64_t until_ms = shim__monotonic_ms() + at_most_ms;
    struct timespec until = { until_ms / 1000, until_ms % 1000 * 1000000 };

    pthread_mutex_lock(&server->lock);
    while (server->busy > 0 &&
           pthread_cond_timedwait(&server->changed, &server->lock, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&server->lock);
}

static void start_draining(struct shim_http_server *server)
{
    shim__porter_stop(server);
    pthread_mutex_lock(&server->lock);
    server->is_draining = 1;
    for (struct shim__stream *s = server->streams.first; s; s = s->next)
        shim__stream_end(s);
    pthread_mutex_unlock(&server->lock);
}

void shim_http_server_close(struct shim_http_server *server, uint32_t drain_ms)
{
    if (!server)
        return;
    start_draining(server);
    wait_until_idle(server, drain_ms);
    shim__server_abandon_all(server);
    wait_until_idle(server, GOODBYE_MS);
    shim__keeper_stop(server);
    MHD_stop_daemon(server->daemon);
    pthread_mutex_lock(&server->lock);
    shim__server_release_locked(server);
}
