/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server of a process, as its operator wants it. */
#include <stdio.h>

#include "kit/internal.h"

const struct shim_option shim_http_options[] = {
    { "APP_BIND", SHIM_STRING, "127.0.0.1", "the address to listen on" },
    { "APP_PORT", SHIM_COUNT, "3000", "the port to listen on; 0: any free one" },
    { "APP_PORT_FILE", SHIM_STRING, "", "write the port listened on into this file" },
    { "TLS_CERT_FILE", SHIM_STRING, "", "serve HTTPS with this certificate" },
    { "TLS_KEY_FILE", SHIM_STRING, "", "and this key" },
    { "TLS_CLIENT_CA_FILE", SHIM_STRING, "", "verify client certificates against these" },
    { "HTTP_MAX_BODY_BYTES", SHIM_BYTES, "10M", "longer request bodies are refused" },
    { "HTTP_MAX_BODIES_BYTES", SHIM_BYTES, "128M",
      "what all request bodies in memory may take together, beyond 64k each; more are "
      "answered 503 with Retry-After; 0: no limit" },
    { "HTTP_MAX_CONNECTIONS", SHIM_COUNT, "1024", "connections at the same time" },
    { "HTTP_MAX_CONNECTIONS_PER_IP", SHIM_COUNT, "256", "of them from one address" },
    { "HTTP_IDLE_TIMEOUT_MS", SHIM_MS, "30s", "a silent connection is closed" },
    { 0 },
};

static void count_crowded(void *runtime)
{
    (void)runtime;
    shim_count("farmiq_http_bodies_refused_total", NULL, 1);
}

static int write_port_file(const struct shim_runtime *runtime)
{
    const char *path = shim_options_text_or_null(runtime->options, "APP_PORT_FILE");
    FILE *file = path ? fopen(path, "we") : NULL;

    if (path && !file)
        return FARMIQ_E_STORE;
    if (file) {
        fprintf(file, "%u\n", shim_http_server_port(runtime->http));
        fclose(file);
    }
    return FARMIQ_OK;
}

int shim_http_door_open(struct shim_runtime *runtime, struct farmiq_error *error)
{
    const struct shim_options *options = runtime->options;
    struct shim_http_server_options http = {
        .bind_address = shim_options_text(options, "APP_BIND"),
        .port = (uint16_t)shim_options_number32(options, "APP_PORT"),
        .cert_file = shim_options_text_or_null(options, "TLS_CERT_FILE"),
        .key_file = shim_options_text_or_null(options, "TLS_KEY_FILE"),
        .client_ca_file = shim_options_text_or_null(options, "TLS_CLIENT_CA_FILE"),
        .max_body_bytes = shim_options_number32(options, "HTTP_MAX_BODY_BYTES"),
        .max_bodies_bytes = (size_t)shim_options_number(options, "HTTP_MAX_BODIES_BYTES"),
        .max_connections = shim_options_number32(options, "HTTP_MAX_CONNECTIONS"),
        .max_connections_per_ip =
            shim_options_number32(options, "HTTP_MAX_CONNECTIONS_PER_IP"),
        .idle_timeout_ms = shim_options_number32(options, "HTTP_IDLE_TIMEOUT_MS"),
        .on_request = shim_dispatch_exchange,
        .on_head = shim_dispatch_head,
        .on_crowded = count_crowded,
        .ctx = runtime,
    };
    int r = shim_http_server_open(&runtime->http, &http, error);

    return r < 0 ? r : write_port_file(runtime);
}
