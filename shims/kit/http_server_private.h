/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share: one lock, and what it guards.
 *
 * Four kinds of thread meet here: libmicrohttpd's, which owns every connection; the
 * porter, which lets them in; the keeper, which knows what time it is; and whoever
 * answers. Everything below that is
 * not said to be constant is guarded by `lock`. libmicrohttpd takes locks of its own
 * inside MHD_resume_connection(), never around a callback, so ours may be held there. */
#ifndef SHIM_HTTP_SERVER_PRIVATE_H
#define SHIM_HTTP_SERVER_PRIVATE_H

#include <microhttpd.h>
#include <pthread.h>

#include "kit/http_private.h"
#include "kit/http_server.h"
#include "kit/shim.h"

/* A connection, from accept to close. What it is busy with decides how long that may
 * take: a client is judged by what it completed, not by the last byte it trickled. */
enum link_phase {
    LINK_HEAD,   /* idle, or sending a head: the idle timeout in all */
    LINK_BODY,   /* sending a body: the idle timeout and 1 ms for each byte that came */
    LINK_WORK,   /* waiting for us: its patience is its own */
    LINK_ANSWER, /* reading: the idle timeout and 1 ms for each byte we send */
    LINK_STREAM  /* judged by its backlog instead */
};
struct link {
    struct link *next;
    struct link *previous;
    int fd;
    uint64_t origin; /* constant */
    enum link_phase phase;
    int64_t since_ms;
    int64_t allowance_ms;
    int lingers;       /* its upload was refused midway: see keeper */
    int peer;          /* FARMIQ_* of its certificate; asked once, on MHD's thread */
    int is_peer_known; /* MHD's thread only */
    struct shim_peer peer_names; /* MHD's thread only */
};

/* A socket whose client may still be sending what nobody wants: closed at once it would
 * answer with a reset, which can overtake the refusal (RFC 9112 section 9.6). */
struct lingering {
    int fd;
    int64_t until_ms;
};
#define LINGERING_MAX 64

struct shim_http_server {
    struct shim_http_server_options
        options;               /* constant; its strings only while opening */
    struct MHD_Daemon *daemon; /* constant while open */
    int listen_fd;             /* the porter's while open */
    int bell_fd;               /* constant; tells the porter to go */
    pthread_t porter;
    uint16_t port;        /* constant */
    int asks_certificate; /* constant */
    pthread_t keeper;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t references; /* the opener's, and one for each exchange */
    uint32_t busy;       /* exchanges handed over and not yet completed */
    struct shim_http_exchange *handed;
    struct link *links;
    uint32_t link_count;
    struct shim__http_budget budget; /* atomic */
    struct shim__streams streams;
    struct lingering lingering[LINGERING_MAX];
    uint32_t lingering_count;
    int is_draining;
    int is_stopping;
    char complaint[100]; /* libmicrohttpd's last, while opening */
};

/* ## http_server.c */
int64_t shim__monotonic_ms(void);
void shim__server_release_locked(struct shim_http_server *server);

/* ## http_server_exchange.c: in the shapes libmicrohttpd wants */
void *shim__server_on_target(void *cls, const char *target,
                             struct MHD_Connection *connection);
enum MHD_Result shim__server_on_access(void *cls, struct MHD_Connection *connection,
                                       const char *url, const char *method,
                                       const char *version, const char *upload,
                                       size_t *upload_bytes, void **state);
void shim__server_on_completed(void *cls, struct MHD_Connection *connection, void **state,
                               enum MHD_RequestTerminationCode code);
/* Answer 503 to everything that still waits for its handler. */
void shim__server_abandon_all(struct shim_http_server *server);

/* ## http_server_porter.c */
int shim__porter_start(struct shim_http_server *server);
/* New connections are refused when this returns. */
void shim__porter_stop(struct shim_http_server *server);

/* ## http_server_keeper.c */
void shim__server_on_connection(void *cls, struct MHD_Connection *connection,
                                void **state, enum MHD_ConnectionNotificationCode code);
void shim__link_enter(struct shim_http_server *server, struct link *link,
                      enum link_phase phase, size_t bytes);
int shim__keeper_start(struct shim_http_server *server);
void shim__keeper_stop(struct shim_http_server *server);

#endif
