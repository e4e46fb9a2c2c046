/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server's sense of time: connections that take too long, streams that must
 * hear a heartbeat or whose reader left, refused uploads that must be read away. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/http_server_private.h"

#define PACE_MAX_MS 1000
#define PACE_LINGERING_MS 20
#define LINGER_MS 2000
#define LINGER_BYTES_PER_PACE ((size_t)1024 * 1024)

/* ## Links */

static uint64_t origin_of(const struct sockaddr *address)
{
    uint64_t origin = 0;

    if (address->sa_family == AF_INET)
        origin = ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
    else if (address->sa_family == AF_INET6)
        memcpy(&origin, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
               sizeof origin);
    return origin + 1;
}

static void link_open(struct shim_http_server *server, struct MHD_Connection *connection,
                      void **state)
{
    struct link *link = calloc(1, sizeof *link);
    int on = 1;

    *state = link;
    if (!link)
        return; /* its first request is refused for want of memory */
    link->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                   ->connect_fd;
    link->origin =
        origin_of(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                      ->client_addr);
    link->since_ms = shim__monotonic_ms();
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pthread_mutex_lock(&server->lock);
    link->next = server->links;
    if (link->next)
        link->next->previous = link;
    server->links = link;
    server->link_count++;
    pthread_mutex_unlock(&server->lock);
}

/* The duplicate keeps the connection alive behind libmicrohttpd's close(). */
static void linger(struct shim_http_server *server, int fd)
{
    struct lingering *slot = &server->lingering[server->lingering_count];
    int copy =
        server->lingering_count < LINGERING_MAX && !server->is_stopping ? dup(fd) : -1;

    if (copy < 0)
        return;
    shutdown(copy, SHUT_WR);
    *slot = (struct lingering){ copy, shim__monotonic_ms() + LINGER_MS };
    server->lingering_count++;
    pthread_cond_broadcast(&server->changed);
}

static void link_close(struct shim_http_server *server, struct link *link)
{
    if (!link)
        return;
    pthread_mutex_lock(&server->lock);
    if (link->previous)
        link->previous->next = link->next;
    else
        server->links = link->next;
    if (link->next)
        link->next->previous = link->previous;
    server->link_count--;
    if (link->lingers)
        linger(server, link->fd);
    pthread_mutex_unlock(&server->lock);
    free(link);
}

void shim__server_on_connection(void *cls, struct MHD_Connection *connection,
                                void **state, enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        link_open(cls, connection, state);
    else
        link_close(cls, *state);
}

void shim__link_enter(struct shim_http_server *server, struct link *link,
                      enum link_phase phase, size_t bytes)
{
    pthread_mutex_lock(&server->lock);
    if (link->phase != phase)
        link->since_ms = shim__monotonic_ms();
    link->phase = phase;
    link->allowance_ms = (int64_t)bytes; /* 1 ms for a byte: 1 kB/s at least */
    pthread_mutex_unlock(&server->lock);
}

static int is_overdue(const struct shim_http_server *server, const struct link *link,
                      int64_t now_ms)
{
    if (link->phase == LINK_WORK || link->phase == LINK_STREAM)
        return 0;
    return now_ms - link->since_ms >
           (int64_t)server->options.idle_timeout_ms + link->allowance_ms;
}

/* libmicrohttpd notices the dead socket, completes the request and closes. */
static void cut_overdue(struct shim_http_server *server, int64_t now_ms)
{
    for (struct link *link = server->links; link; link = link->next)
        if (is_overdue(server, link, now_ms))
            shutdown(link->fd, SHUT_RDWR);
}

/* ## Streams */

static int has_left(int fd)
{
    struct pollfd one = { fd, POLLRDHUP, 0 };

    return poll(&one, 1, 0) > 0 && one.revents;
}

static void tend_streams(struct shim_http_server *server, int64_t now_ms)
{
    static const struct farmiq_str heartbeat = { ":\n\n", 3 };
    int64_t every_ms = server->options.stream_heartbeat_ms;

    for (struct shim__stream *s = server->streams.first; s; s = s->next) {
        if (has_left(s->fd))
            shim__stream_end(s);
        else if (now_ms - s->spoke_ms >= every_ms)
            shim__stream_push(s, heartbeat, now_ms);
    }
}

/* ## Lingering sockets */

/* 1 when there is nothing left to wait for. */
static int read_away(const struct lingering *socket, int64_t now_ms)
{
    char waste[16 * 1024];
    size_t budget = LINGER_BYTES_PER_PACE;

    while (budget >= sizeof waste) {
        ssize_t n = recv(socket->fd, waste, sizeof waste, MSG_DONTWAIT);
        if (n == 0)
            return 1;
        if (n < 0)
            break;
        budget -= (size_t)n;
    }
    return now_ms > socket->until_ms;
}

static void tend_lingering(struct shim_http_server *server, int64_t now_ms)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < server->lingering_count; i++) {
        if (read_away(&server->lingering[i], now_ms))
            close(server->lingering[i].fd);
        else
            server->lingering[kept++] = server->lingering[i];
    }
    server->lingering_count = kept;
}

/* ## The thread */

static void wait_a_pace(struct shim_http_server *server)
{
    int64_t pace_ms = server->options.idle_timeout_ms / 4;
    struct timespec until;

    if (pace_ms > server->options.stream_heartbeat_ms / 4)
        pace_ms = server->options.stream_heartbeat_ms / 4;
    if (pace_ms > PACE_MAX_MS)
        pace_ms = PACE_MAX_MS;
    if (pace_ms < PACE_LINGERING_MS || server->lingering_count)
        pace_ms = PACE_LINGERING_MS;
    pace_ms += shim__monotonic_ms();
    until.tv_sec = pace_ms / 1000;
    until.tv_nsec = pace_ms % 1000 * 1000000;
    pthread_cond_timedwait(&server->changed, &server->lock, &until);
}

static void *keep(void *arg)
{
    struct shim_http_server *server = arg;

    pthread_mutex_lock(&server->lock);
    while (!server->is_stopping) {
        int64_t now_ms;

        wait_a_pace(server);
        now_ms = shim__monotonic_ms();
        cut_overdue(server, now_ms);
        tend_streams(server, now_ms);
        tend_lingering(server, now_ms);
    }
    for (uint32_t i = 0; i < server->lingering_count; i++)
        close(server->lingering[i].fd);
    server->lingering_count = 0;
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

int shim__keeper_start(struct shim_http_server *server)
{
    return pthread_create(&server->keeper, NULL, keep, server) == 0 ? FARMIQ_OK
                                                                    : FARMIQ_E_NOMEM;
}

void shim__keeper_stop(struct shim_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->is_stopping = 1;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->keeper, NULL);
}
