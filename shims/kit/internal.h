/* SPDX-License-Identifier: Apache-2.0 */
/* What the kit's files share and no service sees. */
#ifndef SHIM_INTERNAL_H
#define SHIM_INTERNAL_H

#include <pthread.h>

#include "kit/http_client.h"
#include "kit/http_server.h"
#include "kit/mqtt_subscriber.h"
#include "kit/options.h"
#include "kit/shim.h"

struct shim_writer;
struct shim_readers;
struct shim_tasks;
struct shim_job_run;
struct shim_bus;
struct shim_news;
struct shim_http_courier;

/* One service as it is hosted: its table and its state. */
struct shim_hosted {
    const struct shim_service *service;
    void *state;
};

/* The process. Built once by host.c, read by everybody. */
struct shim_runtime {
    const char *program;
    const char *summary;
    int argc;
    char **argv;
    struct shim_options *options;
    struct shim_hosted *hosted; /* ends with a NULL service */
    const struct farmiq_migration *schema;
    struct shim_writer *writer;
    struct shim_readers *readers;
    struct shim_readers *admitters; /* NULL: no route has an `admit` */
    struct shim_tasks *tasks;
    struct shim_job_run *job_runs;
    struct shim_bus *bus;
    struct shim_news *news; /* NULL: nobody else works on the database */
    pthread_rwlock_t door;  /* held to use `http`, which closes before the others */
    struct shim_http_server *http;
    struct shim_mqtt_subscriber *mqtt;
    struct shim_http_courier *courier;    /* NULL: nothing was passed on yet */
    const struct shim_hosted *subscriber; /* the service with topics; NULL: none */
};

/* ## call.c: a call's memory, parts and answer */

enum shim_effect_kind { EFFECT_MQTT, EFFECT_STREAM, EFFECT_WAKE };

struct shim_effect { /* what to do after the commit */
    struct shim_effect *next;
    enum shim_effect_kind kind;
    struct farmiq_str topic; /* topic; event name; job name */
    struct farmiq_str tenant_id;
    struct farmiq_str body;
};

struct shim_answer {
    int status; /* 0: not answered yet */
    const char *type;
    struct farmiq_str body;
    struct shim_http_field fields[8];
    uint32_t field_count;
    struct shim_file *file; /* instead of the body; NULL: none */
    uint64_t file_offset, file_bytes;
};

struct shim_memory_chunk;
struct shim_held_file;

/* Where a request's header lines come from: a socket or a neighbour. */
struct shim_source {
    struct shim_http_exchange *exchange; /* NULL: a neighbour's direct call */
    const struct shim_header_line *headers;
    uint32_t header_count;
};

struct shim_internal {
    struct shim_runtime *runtime;
    struct shim_call *parent; /* a direct call's caller; memory and effects are his */
    const struct shim_route *route;
    struct shim_source source;
    struct shim_answer answer;
    struct farmiq_json_writer json;
    struct shim_effect *first_effect, *last_effect;
    struct shim_memory_chunk *chunks;
    struct shim_memory_chunk *kept; /* what survives shim_call_reset() */
    struct shim_held_file *files;   /* closed with the call */
    struct shim_file *upload;       /* where the body went; NULL: nowhere */
    int64_t upload_max_bytes;
    const char *stream_channel;                   /* NULL: the tenant's */
    char request_id_text[FARMIQ_UUID_STRLEN + 1]; /* survives shim_call_reset() */
};

/* A call for `hosted` with everything else empty. NULL: out of memory. */
struct shim_call *shim_call_open(struct shim_runtime *runtime,
                                 const struct shim_hosted *hosted);
void shim_call_close(struct shim_call *call);
/* Forget answer, effects and memory, and read the clock: the unit runs (again). */
void shim_call_reset(struct shim_call *call);
/* What was taken so far outlives every reset. */
void shim_call_keep(struct shim_call *call);
void shim_call_add_effect(struct shim_call *call, enum shim_effect_kind kind,
                          struct farmiq_str topic, struct farmiq_str tenant_id,
                          struct farmiq_str body);
void shim_call_run_effects(struct shim_call *call);
struct farmiq_str shim_call_copy(struct shim_call *call, struct farmiq_str text);
/* "name: value", the value after `scheme`. NULL: out of memory. */
const char *shim_call_header_line(struct shim_call *call, const char *name,
                                  const char *scheme, struct farmiq_str value);
/* Make up the ids that nobody gave it, so that its traces can be found. */
void shim_call_identify(struct shim_call *call);

/* Whose memory and files a call's are: of a direct call, its caller's. */
struct shim_internal *shim_call_owner(const struct shim_call *call);

/* ## files_call.c */
void shim_call_close_files(struct shim_internal *internal);
/* The part of the answer's file that is asked for, in the call's memory. */
int shim_call_read_answer(struct shim_call *call, struct farmiq_str *body);

int64_t shim_clock_unix_ms(void);
int64_t shim_clock_monotonic_ms(void);
uint32_t shim_chance(void); /* a random number without a call in hand */

const struct shim_hosted *shim_runtime_find(const struct shim_runtime *runtime,
                                            const char *service);

/* ## writer.c: the one writer, with group commit */

struct shim_unit {
    struct shim_unit *next;
    struct shim_call *call;
    int (*run)(struct shim_call *call, void *arg);
    void *arg;
    void (*done)(struct shim_unit *unit); /* on the writer's thread, after the commit */
    int result;
    uint64_t origin;                        /* whose it is; 0: the process's own */
    struct shim_waiter *waiter;             /* the writer's own */
    struct shim_unit *next_lane, *lane_end; /* the queue's own */
};

/* units.c: a queue of them between threads. */
struct shim_units {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct shim_unit *first, *last; /* the oldest of each lane */
    int is_closing;
};

void shim_units_init(struct shim_units *units);
void shim_units_fini(struct shim_units *units);
void shim_units_push(struct shim_units *units, struct shim_unit *unit);
void shim_units_end(struct shim_units *units); /* takers get what is left, then NULL */
/* Wait for one, then take up to `most` that are there, chained: of each origin in turn,
 * and in the order they came. */
struct shim_unit *shim_units_take(struct shim_units *units, int most);

int shim_writer_open(struct shim_writer **out, struct shim_runtime *runtime,
                     struct farmiq_error *error);
void shim_writer_close(struct shim_writer *writer); /* finishes what was submitted */
void shim_writer_submit(struct shim_writer *writer, struct shim_unit *unit);
/* Submit and wait. Returns the unit's result. */
int shim_writer_run(struct shim_writer *writer, struct shim_unit *unit);

/* ## readers.c: requests that only read, on threads of their own */

/* `schema` NULL: without a store. */
int shim_readers_open(struct shim_readers **out, struct shim_runtime *runtime,
                      const struct farmiq_migration *schema, uint32_t thread_count,
                      struct farmiq_error *error);
void shim_readers_close(struct shim_readers *readers);
/* `unit->run` gets a reader store in its call; `done` follows. */
void shim_readers_submit(struct shim_readers *readers, struct shim_unit *unit);

/* ## tasks.c: what a process does by itself */

struct shim_task {
    const char *name;
    int (*run)(void *ctx); /* SHIM_AGAIN, 0: rest for a period; negative: backoff */
    void *ctx;
    int64_t period_ms;
    uint32_t longest_pause_ms; /* after failures; 0: the backoff's own */
    int is_patient;            /* being woken does not shorten such a pause */
};

int shim_tasks_open(struct shim_tasks **out);
int shim_tasks_start(struct shim_tasks *tasks, const struct shim_task *what);
void shim_tasks_wake(struct shim_tasks *tasks, const char *name); /* NULL: all */
void shim_tasks_stop(struct shim_tasks *tasks);  /* lets each finish its run */
void shim_tasks_close(struct shim_tasks *tasks); /* may be woken until here */

/* ## news.c: wake-ups between processes on one database */

int shim_news_open(struct shim_news **out, struct shim_runtime *runtime);
void shim_news_tell(struct shim_news *news, const char *task); /* after the commit */
void shim_news_close(struct shim_news *news); /* before the tasks are closed */

/* ## jobs.c */

int shim_jobs_start(struct shim_runtime *runtime);
void shim_jobs_free(struct shim_runtime *runtime); /* after the tasks are closed */

/* ## bus.c: events from service to service */

extern const struct shim_option shim_bus_options[];
int shim_bus_open(struct shim_bus **out, struct shim_runtime *runtime,
                  struct farmiq_error *error);
int shim_bus_start(struct shim_bus *bus);           /* deliveries begin */
int shim_bus_is_remote(const struct shim_bus *bus); /* there is a broker */
int shim_bus_is_ready(struct shim_bus *bus); /* each channel that is needed is open */
void shim_bus_close(struct shim_bus *bus);   /* after the tasks are closed */

/* ## http_door.c, mqtt_door.c: the ways in, as the operator wants them */

extern const struct shim_option shim_http_options[];
int shim_http_door_open(struct shim_runtime *runtime, struct farmiq_error *error);
extern const struct shim_option shim_mqtt_options[];
/* For the service that has topics, which must be known. */
int shim_mqtt_door_open(struct shim_runtime *runtime, struct farmiq_error *error);

/* ## dispatch.c: from a request to a handler */

/* The server's on_request. */
void shim_dispatch_exchange(void *runtime, struct shim_http_exchange *exchange);
/* Its on_head: uploads are admitted before their body. */
int shim_dispatch_head(void *runtime, struct shim_http_exchange *exchange,
                       struct shim_http_sink *sink);
/* A neighbour's direct call: inside the caller's transaction. */
int shim_dispatch_direct(struct shim_call *caller, const struct shim_hosted *hosted,
                         struct shim_request *request);
/* Find the route; `*known_path` tells a 405 from a 404. */
const struct shim_route *shim_route_find(const struct shim_route *routes,
                                         struct farmiq_str method, struct farmiq_str path,
                                         int *known_path);
struct farmiq_str shim_route_part(const char *pattern, struct farmiq_str path,
                                  const char *name);

/* ## request.c: the calling thread will not ask again; close its connections. */
void shim_request_thread_end(void);

/* ## worker_call.c: the calling thread will not ask its worker again; end it. */
void shim_worker_thread_end(void);

/* ## relay.c: requests that another process answers */

const struct shim_relay *shim_relay_find(const struct shim_relay *relays,
                                         struct farmiq_str path);
/* unit->done() follows, when its call holds the answer. Negative: it does not. */
int shim_relay_pass(struct shim_unit *unit, const struct shim_relay *relay);
void shim_relay_close(struct shim_runtime *runtime); /* after the server */

/* ## auth.c: who asks */

extern const struct shim_option shim_auth_options[];
int shim_auth_check_options(const struct shim_runtime *runtime);
/* Returns FARMIQ_OK, or FARMIQ_E_REFUSED after replying 401 or 403. */
int shim_auth_admit(struct shim_call *call);

/* ## builtin.c: what every service has */

extern const struct shim_service shim_builtin_service;

#endif
