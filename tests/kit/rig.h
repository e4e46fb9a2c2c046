/* SPDX-License-Identifier: Apache-2.0 */
/* A server with a small repertoire, certificates made on the spot, and a raw socket. */
#ifndef TEST_KIT_RIG_H
#define TEST_KIT_RIG_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <assert.h>

#include "kit/http_client.h"
#include "kit/http_server.h"
#include "kit/shim.h"

/* ## The server
 *
 * /echo        the body                    /method       the method
 * /header      the header named by ?name   /query        the parameter "value", decoded
 * /path/...    the path, decoded           /peer         subject|common name|URI
 * /big         ?bytes of 'x'               /status/NNN   an empty answer, Retry-After: 7
 * /stream      events of ?channel          /hold         nothing until rig_release() */
struct rig {
    struct shim_http_server *server;
    uint16_t port;
    int answers_elsewhere; /* from a thread of its own instead of the server's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct shim_http_exchange *queue[512];
    unsigned queued;
    struct shim_http_exchange *held[64];
    unsigned held_count;
    unsigned served; /* handlers run */
    int is_over;
};

/* Defaults: loopback, any port, 1 MiB bodies. Change the options before rig_open(). */
struct shim_http_server_options rig_options(void);
void rig_open(struct rig *rig, struct shim_http_server_options options,
              int answers_elsewhere);
void rig_close(struct rig *rig, uint32_t drain_ms);
unsigned rig_served(struct rig *rig);
void rig_wait_held(struct rig *rig, unsigned count);
void rig_release(struct rig *rig); /* answer what is held: 200 "held" */
const char *rig_url(const struct rig *rig, const char *scheme, const char *path);

/* ## The client */
struct shim_http_client *rig_client(const char *ca_file, const char *cert_file,
                                    const char *key_file);
/* One request; returns the status, or the negative result. The reply is the client's. */
int rig_get(struct shim_http_client *client, const char *url, struct farmiq_str *reply);
int rig_post(struct shim_http_client *client, const char *url, struct farmiq_str body,
             struct farmiq_str *reply);
void assert_str(struct farmiq_str text, const char *expected);

/* ## Certificates: files in a folder of their own, removed by rig_forget_certificates()
 */
struct rig_certificates {
    char folder[64];
    char ca[96];
    char server[96], server_key[96];     /* for 127.0.0.1 and localhost */
    char client[96], client_key[96];     /* CN=edge-01 */
    char stranger[96], stranger_key[96]; /* signed by nobody we know */
};
void rig_make_certificates(struct rig_certificates *files);
void rig_forget_certificates(const struct rig_certificates *files);

/* ## A raw connection */
int raw_connect(uint16_t port);
int raw_try_connect(uint16_t port); /* the socket, or -errno */
int raw_listen(uint16_t *port);
void raw_send(int fd, const char *text, size_t len); /* a peer that left is no failure */
/* Read until the end, `len` bytes or `timeout_ms`; NUL-terminated. Returns the length;
 * `*ended` (may be NULL): 1 when the peer closed. */
size_t raw_read(int fd, char *out, size_t len, int timeout_ms, int *ended);
/* Read until `text` was seen. 1 or 0 (end or timeout). */
int raw_await(int fd, const char *text, int timeout_ms);
/* Send `text` on a new connection; the status of the answer, 0: closed without one. */
int raw_status(uint16_t port, const char *text);

int64_t rig_now_ms(void);
void rig_sleep_ms(int ms);
long rig_rss_kb(void);

#endif
