/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP and HTTPS out: libcurl behind one door. One client per thread. */
#ifndef SHIM_HTTP_CLIENT_H
#define SHIM_HTTP_CLIENT_H

#include <farmiq/farmiq.h>

struct shim_http_client;

struct shim_http_client_options {
    const char *ca_file;   /* NULL: the system's */
    const char *cert_file; /* client certificate; NULL: none */
    const char *key_file;
    uint32_t connect_timeout_ms;
    size_t gzip_above_bytes; /* bodies larger than this are sent gzipped; 0: never */
    size_t max_reply_bytes;  /* a larger answer is FARMIQ_E_RANGE */
};

int shim_http_client_open(struct shim_http_client **out,
                          const struct shim_http_client_options *options,
                          struct farmiq_error *error);
void shim_http_client_close(struct shim_http_client *client); /* NULL is fine */

struct shim_http_send {
    const char *method;
    const char *url;
    struct farmiq_str body;
    const char *const *headers; /* "name: value", NULL-terminated; may be NULL */
    uint32_t timeout_ms;        /* for everything; must be shorter than any lease */
    /* answered */
    int status;
    struct farmiq_str reply;              /* the client's, until its next request */
    int64_t content_bytes;                /* as it was said, also to HEAD; -1: not said */
    struct farmiq_str content_type, etag; /* likewise; empty: not said */
    int64_t retry_after_ms; /* -1: not said; seconds and HTTP dates are understood */
};
/* Keep-alive. Redirects are not followed. FARMIQ_OK: an answer with any status.
 * FARMIQ_E_UNREACHABLE: no, or only part of an answer (`error->detail`: why, without
 * the URL's query). FARMIQ_E_RANGE: the answer is too long. FARMIQ_E_ARG. */
int shim_http_client_send(struct shim_http_client *client, struct shim_http_send *send,
                          struct farmiq_error *error);

#endif
