/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server's door: one thread that owns the listening socket, accepts and hands
 * over.
 *
 * libmicrohttpd could listen by itself, but not stop: MHD_quiesce_daemon() takes the
 * socket out of the epoll set while libmicrohttpd's own thread may be doing the same, and
 * the one that comes second aborts the process; nor does it say when that thread has let
 * go of the socket. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/http_server_private.h"

#define PAUSE_MS 20 /* while the house is full, or out of descriptors */

/* Callers wait in the kernel's backlog until somebody leaves. */
static int is_full(struct shim_http_server *server)
{
    int full;

    pthread_mutex_lock(&server->lock);
    full = server->link_count >= server->options.max_connections;
    pthread_mutex_unlock(&server->lock);
    return full;
}

/* 0: there are no descriptors or no memory for anybody now. */
static int let_in(struct shim_http_server *server)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int fd = accept4(server->listen_fd, (struct sockaddr *)&address, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
    /* It closes what it does not take: one address has too many. */
    MHD_add_connection(server->daemon, fd, (struct sockaddr *)&address, len);
    return 1;
}

static void *keep_the_door(void *arg)
{
    struct shim_http_server *server = arg;
    struct pollfd bell = { server->bell_fd, POLLIN, 0 };
    int must_pause = 0;

    for (;;) {
        struct pollfd both[] = { bell, { server->listen_fd, POLLIN, 0 } };
        int only_bell = must_pause || is_full(server);

        poll(both, only_bell ? 1 : 2, only_bell ? PAUSE_MS : -1);
        if (both[0].revents)
            break;
        must_pause = both[1].revents && !let_in(server);
    }
    return NULL;
}

int shim__porter_start(struct shim_http_server *server)
{
    server->bell_fd = eventfd(0, EFD_CLOEXEC);
    if (server->bell_fd < 0)
        return FARMIQ_E_NOMEM;
    if (pthread_create(&server->porter, NULL, keep_the_door, server) == 0)
        return FARMIQ_OK;
    close(server->bell_fd);
    return FARMIQ_E_NOMEM;
}

void shim__porter_stop(struct shim_http_server *server)
{
    eventfd_write(server->bell_fd, 1);
    pthread_join(server->porter, NULL);
    close(server->listen_fd);
    close(server->bell_fd);
}
