/* SPDX-License-Identifier: Apache-2.0 */
/* What the kit's HTTP costs: a POST of 33 kB over keep-alive, our client to our server,
 * beside bare libcurl to bare libmicrohttpd doing the same. Only the ratio means anything
 * on another machine. Usage: bench_http [SECONDS-PER-RUN] [ROUNDS] */
#include <curl/curl.h>
#include <microhttpd.h>
#include <sys/resource.h>

#include "../kit/rig.h"

#define BODY_BYTES ((size_t)33 * 1024)
#define ROUNDS_MAX 31

static char body[BODY_BYTES];
static struct rig_certificates files;

struct run {
    double posts_per_s;
    double cpu_us; /* of both sides, for each post */
};

static double cpu_s(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static struct run measure(void (*post)(void *pair), void *pair, int64_t run_ms)
{
    int64_t began_ms = rig_now_ms(), took_ms;
    double cpu = cpu_s();
    unsigned posts = 0;

    do {
        for (int i = 0; i < 50; i++, posts++)
            post(pair);
        took_ms = rig_now_ms() - began_ms;
    } while (took_ms < run_ms);
    return (struct run){ posts * 1000.0 / (double)took_ms,
                         (cpu_s() - cpu) * 1e6 / posts };
}

/* ## Ours */

struct ours {
    struct rig rig;
    struct shim_http_client *client;
    char url[128];
};

static void ours_open(struct ours *ours, int is_tls)
{
    struct shim_http_server_options options = rig_options();

    if (is_tls) {
        options.cert_file = files.server;
        options.key_file = files.server_key;
    }
    rig_open(&ours->rig, options, 0);
    ours->client = rig_client(files.ca, NULL, NULL);
    snprintf(ours->url, sizeof ours->url, "%s",
             rig_url(&ours->rig, is_tls ? "https" : "http", "/method"));
}

static void ours_post(void *pair)
{
    struct ours *ours = pair;

    assert_int_equal(
        rig_post(ours->client, ours->url, (struct farmiq_str){ body, sizeof body }, NULL),
        200);
}

static void ours_close(struct ours *ours)
{
    shim_http_client_close(ours->client);
    rig_close(&ours->rig, 0);
}

/* ## Bare: the least that reads the body and answers */

struct bare {
    struct MHD_Daemon *daemon;
    CURL *curl;
    struct curl_slist *headers;
    char *cert, *key;
    char sink[BODY_BYTES];
    size_t used;
    char url[128];
};

static char *slurp(const char *path)
{
    char *text = calloc(1, 16384);
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_true(fread(text, 1, 16383, file) > 0);
    fclose(file);
    return text;
}

static enum MHD_Result bare_access(void *cls, struct MHD_Connection *connection,
                                   const char *url, const char *method,
                                   const char *version, const char *upload,
                                   size_t *upload_bytes, void **state)
{
    struct bare *bare = cls;
    struct MHD_Response *response;
    enum MHD_Result queued;

    (void)url;
    (void)method;
    (void)version;
    if (!*state) {
        *state = bare;
        bare->used = 0;
        return MHD_YES;
    }
    if (*upload_bytes) {
        memcpy(bare->sink + bare->used, upload, *upload_bytes);
        bare->used += *upload_bytes;
        *upload_bytes = 0;
        return MHD_YES;
    }
    response = MHD_create_response_from_buffer(4, "POST", MHD_RESPMEM_MUST_COPY);
    queued = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return queued;
}

static size_t bare_reply(char *bytes, size_t size, size_t count, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return size * count;
}

static void bare_open(struct bare *bare, int is_tls)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | (is_tls ? MHD_USE_TLS : 0);
    const union MHD_DaemonInfo *info;

    bare->cert = slurp(files.server);
    bare->key = slurp(files.server_key);
    bare->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, bare_access, bare, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)64 * 1024, is_tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END,
        bare->cert, MHD_OPTION_HTTPS_MEM_KEY, bare->key, MHD_OPTION_END);
    assert_non_null(bare->daemon);
    info = MHD_get_daemon_info(bare->daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(bare->url, sizeof bare->url, "%s://127.0.0.1:%u/method",
             is_tls ? "https" : "http", info->port);
    bare->curl = curl_easy_init();
    bare->headers = curl_slist_append(NULL, "Expect:");
    bare->headers = curl_slist_append(bare->headers, "Content-Type: application/json");
    curl_easy_setopt(bare->curl, CURLOPT_URL, bare->url);
    curl_easy_setopt(bare->curl, CURLOPT_CAINFO, files.ca);
    curl_easy_setopt(bare->curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(bare->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(bare->curl, CURLOPT_HTTPHEADER, bare->headers);
    curl_easy_setopt(bare->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(bare->curl, CURLOPT_POSTFIELDSIZE, (long)sizeof body);
    curl_easy_setopt(bare->curl, CURLOPT_WRITEFUNCTION, bare_reply);
}

static void bare_post(void *pair)
{
    struct bare *bare = pair;
    long status = 0;

    assert_int_equal(curl_easy_perform(bare->curl), CURLE_OK);
    curl_easy_getinfo(bare->curl, CURLINFO_RESPONSE_CODE, &status);
    assert_int_equal(status, 200);
    assert_int_equal(bare->used, sizeof body);
}

static void bare_close(struct bare *bare)
{
    curl_easy_cleanup(bare->curl);
    curl_slist_free_all(bare->headers);
    MHD_stop_daemon(bare->daemon);
    free(bare->cert);
    free(bare->key);
}

/* ## The comparison */

static int by_rate(const void *a, const void *b)
{
    double x = ((const struct run *)a)->posts_per_s,
           y = ((const struct run *)b)->posts_per_s;

    return (x > y) - (x < y);
}

static struct run median(struct run *runs, int count)
{
    qsort(runs, (size_t)count, sizeof *runs, by_rate);
    return runs[count / 2];
}

/* Interleaved: both see the same noise of the machine. */
static void compare(const char *name, int is_tls, int64_t run_ms, int rounds)
{
    static struct ours ours;
    static struct bare bare;
    struct run ours_runs[ROUNDS_MAX], bare_runs[ROUNDS_MAX], o, b;

    ours_open(&ours, is_tls);
    bare_open(&bare, is_tls);
    measure(ours_post, &ours, 50);
    measure(bare_post, &bare, 50);
    for (int i = 0; i < rounds; i++) {
        ours_runs[i] = measure(ours_post, &ours, run_ms);
        bare_runs[i] = measure(bare_post, &bare, run_ms);
    }
    o = median(ours_runs, rounds);
    b = median(bare_runs, rounds);
    printf("%-5s ours %7.0f posts/s %6.1f us CPU   bare %7.0f posts/s %6.1f us CPU   "
           "rate %.2f CPU %.2f\n",
           name, o.posts_per_s, o.cpu_us, b.posts_per_s, b.cpu_us,
           o.posts_per_s / b.posts_per_s, o.cpu_us / b.cpu_us);
    ours_close(&ours);
    bare_close(&bare);
}

int main(int argc, char **argv)
{
    int64_t run_ms = argc > 1 ? (int64_t)(strtod(argv[1], NULL) * 1000) : 300;
    int rounds = argc > 2 ? atoi(argv[2]) : 5;

    if (rounds < 1 || rounds > ROUNDS_MAX)
        rounds = 5;
    memset(body, '7', sizeof body);
    rig_make_certificates(&files);
    printf("POST of %zu bytes over one connection; median of %d interleaved runs\n",
           sizeof body, rounds);
    compare("https", 1, run_ms, rounds);
    compare("http", 0, run_ms, rounds);
    rig_forget_certificates(&files);
    return 0;
}
