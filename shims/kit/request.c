/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a neighbour or the cloud: a direct call when the neighbour is hosted here,
 * else HTTP. Same handler, same JSON (architecture, decision 7). */
#include "kit/request.h"

#include <stdio.h>
#include <string.h>

#include "kit/internal.h"
#include "kit/log.h"

const struct shim_option shim_request_options[] = {
    { "HTTP_CA_FILE", SHIM_STRING, "", "trust these certificates; empty: the system's" },
    { "HTTP_CERT_FILE", SHIM_STRING, "", "our client certificate, for peers that ask" },
    { "HTTP_KEY_FILE", SHIM_STRING, "", "and its key" },
    { "HTTP_CONNECT_TIMEOUT_MS", SHIM_MS, "5s", "how long a connection may take" },
    { "HTTP_GZIP_ABOVE_BYTES", SHIM_BYTES, "0",
      "compress larger request bodies, for thin links; 0: never" },
    { 0 },
};

/* A connection is kept between requests, and a client belongs to one thread. */
static _Thread_local struct shim_http_client *thread_client;

static struct shim_http_client *client_of_thread(const struct shim_options *options)
{
    struct shim_http_client_options with = {
        .ca_file = shim_options_text_or_null(options, "HTTP_CA_FILE"),
        .cert_file = shim_options_text_or_null(options, "HTTP_CERT_FILE"),
        .key_file = shim_options_text_or_null(options, "HTTP_KEY_FILE"),
        .connect_timeout_ms = shim_options_number32(options, "HTTP_CONNECT_TIMEOUT_MS"),
        .gzip_above_bytes = (size_t)shim_options_number(options, "HTTP_GZIP_ABOVE_BYTES"),
        .max_reply_bytes = 16 * 1024 * 1024, /* a picture is 10 MiB at most */
    };
    struct farmiq_error error;

    farmiq_error_init(&error, sizeof error);
    if (!thread_client && shim_http_client_open(&thread_client, &with, &error) < 0)
        shim_log_line(SHIM_ERROR, "http.client", "%s", error.detail);
    return thread_client;
}

void shim_request_thread_end(void)
{
    shim_http_client_close(thread_client);
    thread_client = NULL;
}

const char *shim_call_header_line(struct shim_call *call, const char *name,
                                  const char *scheme, struct farmiq_str value)
{
    size_t bytes = strlen(name) + strlen(scheme) + value.len + 3;
    char *line = shim_memory(call, bytes);

    if (line)
        snprintf(line, bytes, "%s: %s%.*s", name, scheme, (int)value.len, value.ptr);
    return line;
}

#define NEIGHBOUR_LINES 3

/* Whose errand this is, and that we belong to the same site (spec edge 3.3, 13-E1). A
 * line that memory did not suffice for ends the list: the neighbour refuses, and it comes
 * again. */
static void add_neighbour_lines(struct shim_call *call, const char **lines)
{
    struct farmiq_str token = shim_str(shim_text(call, "INTERNAL_TOKEN"));

    shim_call_identify(call);
    *lines++ = shim_call_header_line(call, "x-request-id", "", call->request_id);
    *lines++ = shim_call_header_line(call, "x-trace-id", "", call->trace_id);
    if (token.len)
        *lines = shim_call_header_line(call, "authorization", "Bearer ", token);
}

/* "name: value" lines from the caller's pairs. NULL: out of memory. */
static const char **header_lines(struct shim_call *call,
                                 const struct shim_request *request)
{
    const char **lines =
        shim_memory(call, (request->header_count + NEIGHBOUR_LINES + 1) * sizeof *lines);

    for (uint32_t i = 0; lines && i < request->header_count; i++) {
        lines[i] = shim_call_header_line(call, request->headers[i].name, "",
                                         request->headers[i].value);
        if (!lines[i])
            return NULL;
    }
    if (lines && request->service)
        add_neighbour_lines(call, lines + request->header_count);
    return lines;
}

static int request_over_http(struct shim_call *call, struct shim_request *request)
{
    const struct shim_options *options = call->internal->runtime->options;
    struct shim_http_client *client = client_of_thread(options);
    const char *base = request->url ? request->url : shim_text(call, request->url_option);
    const char *path = request->path ? request->path : "";
    size_t url_bytes = strlen(base) + strlen(path) + 1;
    char *url = shim_memory(call, url_bytes);
    const char **lines = header_lines(call, request);
    struct shim_http_send send = { .method = request->method,
                                   .url = url,
                                   .body = request->body,
                                   .headers = lines,
                                   .timeout_ms = request->timeout_ms,
                                   .retry_after_ms = -1,
                                   .content_bytes = -1 };
    struct farmiq_error error;
    int r;

    farmiq_error_init(&error, sizeof error);
    if (!client || !url || !lines)
        return FARMIQ_E_NOMEM;
    snprintf(url, url_bytes, "%s%s", base, path);
    r = shim_http_client_send(client, &send, &error);
    call->now_unix_ms = shim_clock_unix_ms(); /* the answer may have taken its time */
    if (r < 0) {
        shim_log(call, SHIM_INFO, "http.unreachable", "%s: %s",
                 request->url ? request->service : request->url_option, error.detail);
        return r == FARMIQ_E_RANGE ? r : FARMIQ_E_UNREACHABLE;
    }
    request->status = send.status;
    request->retry_after_ms = send.retry_after_ms;
    request->content_bytes = send.content_bytes;
    request->content_type = shim_call_copy(call, send.content_type);
    request->etag = shim_call_copy(call, send.etag);
    request->reply = shim_call_copy(call, send.reply);
    return FARMIQ_OK;
}

struct direct {
    struct shim_call *caller;
    const struct shim_hosted *neighbour;
    struct shim_request *request;
};

/* What it answers must outlive this transaction's call. */
static int ask_in_transaction(struct shim_call *call, void *arg)
{
    const struct direct *direct = arg;
    int r = shim_dispatch_direct(call, direct->neighbour, direct->request);

    direct->request->reply = shim_call_copy(direct->caller, direct->request->reply);
    return r;
}

static int request_directly(struct shim_call *call, const struct shim_hosted *neighbour,
                            struct shim_request *request)
{
    struct direct direct = { call, neighbour, request };

    return call->store || !call->internal->runtime->writer
               ? shim_dispatch_direct(call, neighbour, request)
               : shim_write(call, ask_in_transaction, &direct);
}

int shim_is_hosted(const struct shim_call *call, const char *service)
{
    return shim_runtime_find(call->internal->runtime, service) != NULL;
}

int shim_request(struct shim_call *call, struct shim_request *request)
{
    const struct shim_hosted *neighbour =
        request->service && !request->url
            ? shim_runtime_find(call->internal->runtime, request->service)
            : NULL;

    request->status = 0;
    request->retry_after_ms = request->content_bytes = -1;
    request->reply = request->content_type = request->etag = shim_str("");
    if (neighbour)
        return request_directly(call, neighbour, request);
    return request_over_http(call, request);
}
