/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP and HTTPS out: libcurl behind one door. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "kit/http_client.h"
#include "kit/fail.h"
#include "kit/http_private.h"

#define REPLY_DEFAULT_BYTES ((size_t)16 * 1024 * 1024)
#define CONNECT_DEFAULT_MS 10000
#define TIMEOUT_DEFAULT_MS 30000
#define HEARD_BYTES 128 /* of a header's value */

struct shim_http_client {
    CURL *curl;
    size_t gzip_above_bytes;
    size_t max_reply_bytes;
    char *packed; /* the last body sent gzipped; its room is kept */
    size_t packed_bytes;
    char *reply;
    size_t reply_len;
    size_t reply_room;
    int is_head_whole;
    int is_reply_too_long;
    int is_out_of_memory;
    int64_t retry_after_s; /* -1: not said */
    int64_t retry_at_unix_s;
    int64_t date_unix_s;
    char etag[HEARD_BYTES];
};

/* ## Opening */

static void init_curl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static size_t on_reply(char *bytes, size_t size, size_t count, void *ctx);
static size_t on_header(char *line, size_t size, size_t count, void *ctx);

/* Options that never change; libcurl copies the strings. */
static int configure(struct shim_http_client *client,
                     const struct shim_http_client_options *options)
{
    CURL *curl = client->curl;
    long connect_ms = options->connect_timeout_ms ? (long)options->connect_timeout_ms
                                                  : CONNECT_DEFAULT_MS;
    CURLcode worst = CURLE_OK; /* any of them: they only fail for want of memory */

    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_reply);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, client);
    /* The system's folder of certificates costs 20 ms of CPU for each connection; its
     * bundle, or the file that was named, says the same. */
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    worst |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (options->ca_file)
        worst |= curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
    if (options->cert_file)
        worst |= curl_easy_setopt(curl, CURLOPT_SSLCERT, options->cert_file);
    if (options->key_file)
        worst |= curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key_file);
    return worst != CURLE_OK ? FARMIQ_E_NOMEM : FARMIQ_OK;
}

int shim_http_client_open(struct shim_http_client **out,
                          const struct shim_http_client_options *options,
                          struct farmiq_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct shim_http_client *client;

    if (!out || !options || (options->cert_file != NULL) != (options->key_file != NULL))
        return FARMIQ_E_ARG;
    pthread_once(&once, init_curl);
    client = calloc(1, sizeof *client);
    if (client)
        client->curl = curl_easy_init();
    if (!client || !client->curl || configure(client, options) < 0) {
        shim_http_client_close(client);
        return shim_fail(error, FARMIQ_E_NOMEM, "client", "cannot set up");
    }
    client->gzip_above_bytes = options->gzip_above_bytes;
    client->max_reply_bytes =
        options->max_reply_bytes ? options->max_reply_bytes : REPLY_DEFAULT_BYTES;
    *out = client;
    return FARMIQ_OK;
}

void shim_http_client_close(struct shim_http_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client->packed);
    free(client->reply);
    free(client);
}

/* ## The answer */

static size_t on_reply(char *bytes, size_t size, size_t count, void *ctx)
{
    struct shim_http_client *client = ctx;
    size_t len = size * count, room = client->reply_room ? client->reply_room : 4096;
    char *grown;

    client->is_reply_too_long = len > client->max_reply_bytes - client->reply_len;
    if (client->is_reply_too_long)
        return 0; /* ends the transfer */
    while (room < client->reply_len + len)
        room *= 2;
    if (room > client->reply_room) {
        grown = realloc(client->reply, room);
        client->is_out_of_memory = !grown;
        if (!grown)
            return 0;
        client->reply = grown;
        client->reply_room = room;
    }
    memcpy(client->reply + client->reply_len, bytes, len);
    client->reply_len += len;
    return len;
}

static void forget_reply(struct shim_http_client *client)
{
    client->reply_len = 0;
    client->is_head_whole = client->is_reply_too_long = client->is_out_of_memory = 0;
    client->etag[0] = '\0';
    client->retry_after_s = client->retry_at_unix_s = client->date_unix_s = -1;
}

/* RFC 9110 10.2.3: delay seconds, or a date. */
static void read_retry_after(struct shim_http_client *client, const char *value)
{
    char *end;
    long long seconds = strtoll(value, &end, 10);

    if (end > value && *end == '\0' && seconds >= 0 && seconds <= INT32_MAX)
        client->retry_after_s = seconds;
    else
        client->retry_at_unix_s = curl_getdate(value, NULL);
}

static void read_date(struct shim_http_client *client, const char *value)
{
    client->date_unix_s = curl_getdate(value, NULL);
}

static void read_etag(struct shim_http_client *client, const char *value)
{
    memcpy(client->etag, value, strlen(value) + 1);
}

static const struct {
    const char *name;
    void (*read)(struct shim_http_client *client, const char *value);
} heard_headers[] = { { "retry-after:", read_retry_after },
                      { "date:", read_date },
                      { "etag:", read_etag } };

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct shim_http_client *client = ctx;
    size_t len = size * count;
    char value[HEARD_BYTES];

    if (len == 0)
        return 0;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        forget_reply(client); /* an interim answer came before this one */
    client->is_head_whole |= line[0] == '\r' || line[0] == '\n';
    for (size_t i = 0; i < sizeof heard_headers / sizeof *heard_headers; i++) {
        size_t skip = strlen(heard_headers[i].name), used = 0;
        if (len <= skip || strncasecmp(line, heard_headers[i].name, skip) != 0)
            continue;
        while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
            skip++;
        while (skip < len && line[skip] != '\r' && line[skip] != '\n' &&
               used < sizeof value - 1)
            value[used++] = line[skip++];
        value[used] = '\0';
        heard_headers[i].read(client, value);
    }
    return len;
}

/* A date is measured against the server's own clock where it says its time: ours may be
 * years off on a gateway that just woke up. */
static int64_t retry_after_ms(const struct shim_http_client *client)
{
    int64_t now_s, wait_s = client->retry_after_s;

    if (wait_s < 0 && client->retry_at_unix_s < 0)
        return -1;
    if (wait_s < 0) {
        now_s = client->date_unix_s >= 0 ? client->date_unix_s : (int64_t)time(NULL);
        wait_s = client->retry_at_unix_s > now_s ? client->retry_at_unix_s - now_s : 0;
    }
    return wait_s * 1000;
}

/* ## The request */

/* A line break in a method or header would be a second header. */
static int is_line(const char *text) { return text && *text && !strpbrk(text, "\r\n"); }

static int is_request(const struct shim_http_send *send)
{
    if (!is_line(send->method) || !is_line(send->url) || strpbrk(send->method, " \t:") ||
        (strncasecmp(send->url, "http://", 7) != 0 &&
         strncasecmp(send->url, "https://", 8) != 0) ||
        (!send->body.ptr && send->body.len))
        return 0;
    for (uint32_t i = 0; send->headers && send->headers[i]; i++)
        if (!is_line(send->headers[i]) || !strchr(send->headers[i], ':'))
            return 0;
    return 1;
}

static int says_content_type(const struct shim_http_send *send)
{
    for (uint32_t i = 0; send->headers && send->headers[i]; i++)
        if (strncasecmp(send->headers[i], "content-type:", 13) == 0)
            return 1;
    return 0;
}

/* On failure `*list` is freed and NULL. */
static int add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer) {
        curl_slist_free_all(*list);
        *list = NULL;
        return FARMIQ_E_NOMEM;
    }
    *list = longer;
    return FARMIQ_OK;
}

static int make_headers(const struct shim_http_send *send, int is_packed,
                        struct curl_slist **list)
{
    int r = add_line(list, "Expect:"); /* no pause before a large body */

    if (r == FARMIQ_OK && is_packed)
        r = add_line(list, "Content-Encoding: gzip");
    if (r == FARMIQ_OK && send->body.len && !says_content_type(send))
        r = add_line(list, "Content-Type: application/json");
    for (uint32_t i = 0; r == FARMIQ_OK && send->headers && send->headers[i]; i++)
        r = add_line(list, send->headers[i]);
    return r;
}

/* Which of libcurl's kinds of request carries this method. */
static void choose_method(CURL *curl, const struct shim_http_send *send,
                          struct farmiq_str body)
{
    int has_body = body.len > 0 || strcmp(send->method, "POST") == 0 ||
                   strcmp(send->method, "PUT") == 0 || strcmp(send->method, "PATCH") == 0;
    int is_head = strcmp(send->method, "HEAD") == 0;

    curl_easy_setopt(curl, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (has_body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.len ? body.ptr : "");
    } else if (is_head) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, is_head ? NULL : send->method);
}

static int pack(struct shim_http_client *client, struct farmiq_str *body)
{
    int64_t len;

    if (client->gzip_above_bytes == 0 || body->len <= client->gzip_above_bytes ||
        body->len > UINT32_MAX / 2)
        return 0;
    len = shim__gzip(*body, &client->packed, &client->packed_bytes);
    if (len < 0 || (size_t)len >= body->len)
        return 0; /* no memory, or no gain: as it is */
    *body = (struct farmiq_str){ client->packed, (size_t)len };
    return 1;
}

/* libcurl's fixed sentences: they hold no URL, so no query and no credentials. */
static int failure(const struct shim_http_client *client, CURLcode code,
                   struct farmiq_error *error)
{
    if (client->is_reply_too_long)
        return shim_fail(error, FARMIQ_E_RANGE, "reply", "is longer than %zu bytes",
                         client->max_reply_bytes);
    if (client->is_out_of_memory || code == CURLE_OUT_OF_MEMORY)
        return shim_fail(error, FARMIQ_E_NOMEM, "reply", "out of memory");
    if (code == CURLE_OK) /* libcurl takes a head that was cut for a short one */
        code = CURLE_PARTIAL_FILE;
    return shim_fail(error,
                     code == CURLE_URL_MALFORMAT ? FARMIQ_E_ARG : FARMIQ_E_UNREACHABLE,
                     "url", "%s", curl_easy_strerror(code));
}

static void read_answer(const struct shim_http_client *client,
                        struct shim_http_send *send)
{
    long status = 0;
    curl_off_t bytes = -1;
    char *type = NULL;

    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    send->status = (int)status;
    send->reply = (struct farmiq_str){ client->reply, client->reply_len };
    curl_easy_getinfo(client->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes);
    curl_easy_getinfo(client->curl, CURLINFO_CONTENT_TYPE, &type);
    send->content_bytes = bytes;
    send->content_type = (struct farmiq_str){ type, type ? strlen(type) : 0 };
    send->etag = (struct farmiq_str){ client->etag, strlen(client->etag) };
    send->retry_after_ms = retry_after_ms(client);
}

int shim_http_client_send(struct shim_http_client *client, struct shim_http_send *send,
                          struct farmiq_error *error)
{
    struct curl_slist *headers = NULL;
    struct farmiq_str body;
    CURLcode code;

    if (!client || !send || !is_request(send))
        return FARMIQ_E_ARG;
    body = send->body;
    if (make_headers(send, pack(client, &body), &headers) < 0)
        return FARMIQ_E_NOMEM;
    forget_reply(client);
    choose_method(client->curl, send, body);
    curl_easy_setopt(client->curl, CURLOPT_URL, send->url);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS,
                     send->timeout_ms ? (long)send->timeout_ms : TIMEOUT_DEFAULT_MS);
    code = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (code != CURLE_OK || !client->is_head_whole)
        return failure(client, code, error);
    read_answer(client, send);
    return FARMIQ_OK;
}
