/* SPDX-License-Identifier: Apache-2.0 */
/* The whole vocabulary of a service. A service is a const struct shim_service and
 * the handlers it names; shim_main() is everything else.
 *
 * A handler decides and returns. It never sees a thread, a socket or a lock; time
 * and the store are in its hand. The tests run the same services in simulated time
 * (tests/scenario), so a handler must ask for nothing that is not in here. */
#ifndef SHIM_H
#define SHIM_H

#include <farmiq/farmiq.h>
#include <farmiq/sql.h>
#include <farmiq/store_sqlite.h>

/* A message of a batch: from the broker, or from the bus. Handlers set `verdict`.
 * FARMIQ_OK: done, acknowledge. FARMIQ_E_REFUSED: will never do; `reason` says why
 * (static text): acknowledged and counted (MQTT) or dead-lettered (bus).
 * FARMIQ_E_BUSY: not now; it comes again. */
/* Where a message on the bus came from; what is not known is empty, or 0. */
struct shim_origin {
    struct farmiq_str request_id; /* with which it came in */
    struct farmiq_str edge_id;    /* that sent it */
    int64_t ingested_at_unix_ms;
};

struct shim_message {
    struct shim_message *next;
    struct farmiq_str topic; /* MQTT topic or routing key */
    struct farmiq_str body;
    struct farmiq_event *event; /* bus: parsed already; MQTT: NULL */
    struct shim_origin origin;  /* bus */
    int verdict;
    const char *reason;
};

/* One batch, request or tick in hand. Valid until the handler returns. */
struct shim_call {
    const struct shim_service *service;
    void *state;                /* the service's own, state_bytes long, zeroed at start */
    struct farmiq_store *store; /* in a transaction that commits after the handler; in
                                 * a GET a reader; in a job NULL (see shim_write) */
    int64_t now_unix_ms;        /* read when the call began, and again after
                                 * shim_write() and a shim_request() over HTTP */
    struct farmiq_str tenant_id; /* from the credential; empty where none is asked */
    struct farmiq_str request_id;
    struct farmiq_str trace_id;
    struct farmiq_str method;
    struct farmiq_str path;
    struct farmiq_str body;
    const void *finding;            /* what the route's `admit` left, or NULL */
    struct shim_message *messages;  /* topics and queues */
    struct shim_internal *internal; /* the kit's */
};

/* Returns 0 (done) or FARMIQ_E_*: the transaction is rolled back, a request answers
 * 500 or 503, messages stay unacknowledged. A refusal is not a failure: reply 4xx,
 * or set the message's verdict, and return 0. */
typedef int (*shim_handler)(struct shim_call *call);

/* NAME in the environment, --name on the line, name = value in the file; NAME_FILE
 * names a file that holds the value. */
enum shim_option_type {
    SHIM_STRING = 1,
    SHIM_URL,
    SHIM_COUNT,
    SHIM_MS,      /* a bare number is milliseconds; 10ms 5s 2m 72h 7d */
    SHIM_SECONDS, /* a bare number is seconds; the same suffixes; read back in ms */
    SHIM_BYTES,   /* 64k 10M 1G */
    SHIM_FLAG,    /* true or false */
    SHIM_SECRET,  /* never printed */
    SHIM_CHOICE   /* help begins with the choices: "none|api_key|hmac: ..." */
};
struct shim_option {
    const char *name; /* "OUTBOX_BATCH_SIZE" */
    int type;
    const char *fallback; /* "" : unset */
    const char *help;
};

/* SHIM_OPEN needs no credential. SHIM_TENANT: a bearer token, which fixes
 * call->tenant_id. SHIM_ADMIN: only with INTERNAL_ADMIN_ENABLED=true. SHIM_INTERNAL: for
 * the services of one site, which know INTERNAL_TOKEN, and for its operator. */
enum shim_route_flags {
    SHIM_OPEN = 0,
    SHIM_TENANT = 1,
    SHIM_ADMIN = 2,
    SHIM_STREAM = 4,   /* GET: server-sent events; the handler replies the first event */
    SHIM_NO_STORE = 8, /* no transaction: for requests that do I/O of their own */
    SHIM_INTERNAL = 16,
    /* The body goes into a file as it arrives, whatever its length. `admit` runs before
     * the body, beside everything and without a store: it must not wait, and it replies,
     * or names the file with shim_upload(). */
    SHIM_UPLOAD = 32
};
struct shim_route {
    const char *method;
    const char *pattern; /* "/api/v1/things/{id}" */
    unsigned flags;
    shim_handler handle;
    /* Runs before `handle`, beside the writer and without a store: who asks, and is it
     * worth a transaction? A flood of what is refused here costs the writer nothing.
     * What it replies is the answer; when it replies nothing `handle` follows, perhaps
     * more than once, and finds call->finding and the memory that was taken. May be
     * NULL. */
    shim_handler admit;
};

/* A consumer on the bus: the routing keys, separated by spaces. */
struct shim_queue {
    const char *name; /* of the queue: "telemetry" */
    const char *routing_keys;
    shim_handler handle;
};

/* Runs when its period has passed or shim_wake() names it. SHIM_AGAIN: once more at
 * once, there was more. A failure is repeated after farmiq_backoff_delay(). */
#define SHIM_AGAIN 1
struct shim_job {
    const char *name;
    const char *every_option;
    shim_handler run;
};

enum shim_metric_type { SHIM_COUNTER = 1, SHIM_GAUGE };
struct shim_metric {
    const char *name; /* "farmiq_ingress_refused_total" */
    int type;
    const char *label; /* the one label's name, or NULL */
    const char *help;
};

/* A file served under a path: the live page. Generated from a folder. */
struct shim_asset {
    const char *path;
    const char *content_type;
    const unsigned char *bytes;
    size_t len;
};

/* A path that a neighbour answers: GETs are passed on to the option's base URL, with the
 * caller's credential, event streams included. A neighbour hosted here comes first. */
struct shim_relay {
    const char *path;
    const char *url_option;
};

/* One path of the OpenAPI document: the JSON of its operations. */
struct shim_document {
    const char *path;
    const char *json;
};

/* Tables end with a zeroed entry. A NULL table means the transport is not opened,
 * and its library is never initialised. */
struct shim_service {
    const char *name; /* unit name, log field, config section */
    const char *summary;
    const struct shim_option *options;
    const struct shim_metric *metrics;
    const struct shim_route *routes;
    const int32_t *topics; /* enum farmiq_topic_kind, ended by 0 */
    shim_handler on_messages;
    const struct shim_queue *queues;
    int publishes; /* 1: it calls shim_publish() */
    const struct shim_job *jobs;
    const struct shim_asset *assets;
    const struct shim_relay *relays;
    const struct shim_document *openapi;            /* generated from openapi.yaml */
    const struct farmiq_migration *(*schema)(void); /* NULL: keeps nothing */
    size_t state_bytes;
    /* Are the options sound? Logs what is not, and returns FARMIQ_E_ARG. Without store
     * and state: before the start, and again on SIGHUP, which reads the secrets anew
     * from their files. May be NULL. */
    shim_handler check;
    /* For /api/ready, what the service needs beside store and brokers: writes its members
     * into an open object, and returns 1 if all of it is there. Must not wait: a job has
     * looked. May be NULL. */
    int (*ready)(const struct shim_call *call, struct farmiq_json_writer *json);
    shim_handler start; /* once, in a transaction, before anything else; may be NULL */
    shim_handler stop;
};

/* Options, logging, signals, threads, store, migrations, transports,
 * GET /api/health, /api/ready, /api-docs and /metrics, drain on SIGTERM.
 * shim_host() runs several services in one process, where a shim_request() to a
 * neighbour is a direct call inside the caller's transaction. */
int shim_main(int argc, char **argv, const struct shim_service *service);
int shim_host(int argc, char **argv, const char *program, const char *summary,
              const struct shim_service *const *services);

/* Last line of a service: the table under its own name, so that farmiqd and the
 * tests can host it; a build of its own adds the main(). */
#ifdef SHIM_STANDALONE
#define SHIM_MAIN(symbol, table)                                                         \
    const struct shim_service *const symbol = &(table);                                  \
    int main(int argc, char **argv) { return shim_main(argc, argv, &(table)); }
#else
#define SHIM_MAIN(symbol, table) const struct shim_service *const symbol = &(table);
#endif

/* ## What a handler may ask for. Strings live until the handler returns. */

struct farmiq_str shim_str(const char *text);
const char *shim_text(const struct shim_call *call, const char *option);
int64_t shim_number(const struct shim_call *call,
                    const char *option);                 /* ms, bytes, 0/1 */
void *shim_memory(struct shim_call *call, size_t bytes); /* zeroed; NULL: none left */
uint32_t shim_random(struct shim_call *call);
void shim_random_bytes(struct shim_call *call, void *out, size_t bytes);
/* A new UUID v7, as text that lives as long as the call. */
struct farmiq_str shim_uuid(struct shim_call *call);
int shim_sha256(struct farmiq_str bytes, uint8_t out[32]);
/* HMAC-SHA256 in the shape farmiq_sign() wants; ctx is not used. */
int shim_hmac_sha256(void *ctx, const char *secret, size_t secret_len,
                     const struct farmiq_str *parts, uint32_t part_count,
                     uint8_t out[32]);

/* 1: other processes may do the same work in the place where rows are kept; 0: what is
 * in hand there is ours. */
int shim_store_is_shared(const struct shim_call *call);

/* How full that place is: percent of the quota or of the disk, whichever is fuller. 0
 * where that cannot be said. Needs a store in hand. */
double shim_store_used_pct(struct shim_call *call);

/* The machine: what the operator wants to know of it. -1: that could not be learnt. */
struct shim_machine {
    double load[3];                                /* over 1, 5 and 15 minutes */
    int64_t memory_free_bytes, memory_total_bytes; /* free: what could be had */
    int64_t disk_free_bytes, disk_total_bytes;
};
/* `disk_path`: anywhere on the disk. Thread-safe. */
void shim_machine_look(struct shim_machine *machine, const char *disk_path);

/* ## Local days, by the name of an IANA time zone: "Europe/Berlin", "UTC" */
struct shim_day {
    int64_t start_unix_ms;
    int64_t end_unix_ms; /* the next one's start: 23 to 25 hours later */
    int weekday;         /* 1: Monday, ... 7: Sunday (ISO 8601) */
    char date[11];       /* "2026-03-29" */
};
/* The day that a moment lies in. FARMIQ_OK; FARMIQ_E_SYNTAX: there is no such zone;
 * FARMIQ_E_RANGE. Thread-safe. */
int shim_zone_day(const char *zone, int64_t unix_ms, struct shim_day *day);
/* The day of that name. FARMIQ_OK; FARMIQ_E_SYNTAX: not YYYY-MM-DD, or no such zone;
 * FARMIQ_E_RANGE: no such day, or before 1970. Thread-safe. */
int shim_zone_date(const char *zone, struct farmiq_str date, struct shim_day *day);

/* ## A request's parts */
struct farmiq_str shim_header(const struct shim_call *call, const char *name);
/* Who a client certificate, verified against TLS_CLIENT_CA_FILE, says its holder is. */
struct shim_peer {
    char subject[256];     /* RFC 4514 */
    char common_name[128]; /* empty: none, or more than one */
    char uri[256];         /* of the alternative names; empty: none, or more than one */
    int64_t expires_unix_ms;
};
const struct shim_peer *shim_peer(const struct shim_call *call); /* NULL: showed none */
struct farmiq_str shim_path_part(const struct shim_call *call, const char *name);
/* Percent-decoded; spellings separated by '|': "tenantId|tenant_id". */
struct farmiq_str shim_query(struct shim_call *call, const char *spellings);

/* ## A request's answer */
/* The JSON writer of the reply; ask farmiq_json_*; then shim_reply(). */
struct farmiq_json_writer *shim_json(struct shim_call *call, size_t max_bytes);
int shim_reply(struct shim_call *call, int status); /* what shim_json() holds */
int shim_reply_text(struct shim_call *call, int status, const char *type,
                    struct farmiq_str body);
/* The one error body: code, message, traceId. Counts and logs. Returns 0. */
int shim_reply_error(struct shim_call *call, int status, const char *code,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/** The same for the checks before a handler's work: 1, "it has been answered". */
int shim_refuse(struct shim_call *call, int status, const char *code, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
void shim_reply_header(struct shim_call *call, const char *name, const char *value);

/* ## Files, below the folder that an option names
 * A name is made of parts of letters, digits, '.', '_' and '-', with '/' between them,
 * none beginning with '.'; it never leads outside. Files live as long as the call. */
#define SHIM_FILE_NAME_MAX_BYTES 1024
struct shim_file;
struct shim_file_facts {
    int64_t bytes;
    int64_t changed_unix_ms; /* 0 for a new one */
    unsigned char head[16];  /* its first bytes */
    uint32_t head_bytes;
    char sha256[65]; /* hex, of a new one; else empty */
};
int shim_file_name_is_valid(struct farmiq_str name);
/* From `admit` of a SHIM_UPLOAD route: take the body, at most `max_bytes` (413), into a
 * new file. 0 or FARMIQ_E_*. */
int shim_upload(struct shim_call *call, const char *folder_option, int64_t max_bytes);
/* In the handler of such a route: the file, or NULL. */
struct shim_file *shim_uploaded(struct shim_call *call);
/* Give a new file its name, for good: bytes and folders are on the disk when this
 * returns. FARMIQ_OK; FARMIQ_NONE: a file of that name with the same bytes was there;
 * FARMIQ_E_REFUSED: one with other bytes, which stays; FARMIQ_E_ARG: no name;
 * FARMIQ_E_NOSPACE, FARMIQ_E_STORE. */
int shim_file_keep(struct shim_file *file, struct farmiq_str name);
/* A new file of the caller's own, and bytes for it. */
int shim_file_new(struct shim_call *call, const char *folder_option,
                  struct shim_file **file);
int shim_file_write(struct shim_file *file, struct farmiq_str bytes);
/* FARMIQ_OK, FARMIQ_NONE: there is none of that name; FARMIQ_E_STORE. */
int shim_file_open(struct shim_call *call, const char *folder_option,
                   struct farmiq_str name, struct shim_file **file);
/* At most `bytes` from `offset`: what came, or FARMIQ_E_STORE. */
int64_t shim_file_read(struct shim_file *file, int64_t offset, void *out, size_t bytes);
void shim_file_look(struct shim_file *file, struct shim_file_facts *facts);
/* Read one that was opened, so that its sha256 is known. */
int shim_file_digest(struct shim_file *file);
int shim_file_is_there(struct shim_call *call, const char *folder_option,
                       struct farmiq_str name);
/* FARMIQ_OK, also when there was none. */
int shim_file_remove(struct shim_call *call, const char *folder_option,
                     struct farmiq_str name);
/* What has not changed since some time, below a folder. */
enum shim_file_kind {
    SHIM_FILE_KEPT = 1, /* it has its name */
    SHIM_FILE_LEFTOVER, /* a killed process never kept it */
    SHIM_FILE_FOLDER    /* below the first ones; it goes only if it is empty */
};
struct shim_file_found {
    struct farmiq_str name; /* perhaps not one that the functions above take */
    int kind;
    int64_t bytes;
};
#define SHIM_FILE_GOES 1
/* Says what becomes of it: FARMIQ_OK: it stays; SHIM_FILE_GOES; what is negative ends the
 * walk and is returned. */
typedef int shim_file_visit(void *ctx, const struct shim_file_found *found);
/* Show each, whatever is in a folder before the folder. No link is followed. */
int shim_file_walk(struct shim_call *call, const char *folder_option,
                   int64_t before_unix_ms, shim_file_visit *visit, void *ctx);
/* Answer 200 with a file, or 206 with the one range of it that was asked for (RFC 9110,
 * 14), 416 when that lies behind its end, 304 when the client has this `etag` (hex, no
 * quotes; may be empty). */
int shim_reply_file(struct shim_call *call, const char *type, struct farmiq_str etag,
                    struct shim_file *file);

/* ## Asking a neighbour or the cloud */
struct shim_header_line {
    const char *name;
    struct farmiq_str value;
};
struct shim_request {
    /* A neighbour: called directly when hosted here, else told whose errand this is and
     * that we belong to the same site. NULL: a stranger, who gets `headers` alone. */
    const char *service;
    const char *url_option; /* where it is otherwise: the option with the base URL */
    const char *url;        /* or the base URL itself: then it is asked there, always */
    const char *method;
    const char *path; /* appended to the URL; "" when the option has it all */
    struct farmiq_str body;
    const struct shim_header_line *headers;
    uint32_t header_count;
    uint32_t timeout_ms;
    /* answered */
    int status; /* 0: no answer */
    struct farmiq_str reply;
    int64_t retry_after_ms; /* -1: not said */
    int64_t content_bytes;  /* of its body, also where HEAD has none; -1: not said */
    struct farmiq_str content_type, etag; /* over HTTP; empty: not said */
};
/* FARMIQ_OK: there was an answer, look at status. FARMIQ_E_UNREACHABLE: none. From a job,
 * which has no transaction, a direct call gets one of its own. */
int shim_request(struct shim_call *call, struct shim_request *request);
/* 1: such a request would be a direct call. Over HTTP nothing may be asked inside a
 * transaction of somebody who may wait for the same lock. */
int shim_is_hosted(const struct shim_call *call, const char *service);

/* ## A program that may crash or hang without harm (kit/worker.h), for jobs only: each
 * has at most one, started when it is first asked, again when it was lost, and ended with
 * us */
struct shim_question {
    const char *program;    /* a path, or the name of one of FarmIQ's own */
    const char *argument;   /* its only one */
    struct farmiq_str text; /* ptr NULL: start it, and see how it greets */
    uint32_t timeout_ms;    /* for a start, and for an answer */
    uint64_t memory_bytes;  /* address space; 0: no limit */
    /* answered, until the next question */
    struct farmiq_str greeting; /* empty: it could not even be started */
    struct farmiq_str answer;
    struct farmiq_str fault; /* how it ended, for people */
};
/* FARMIQ_OK; FARMIQ_E_UNREACHABLE: it was lost; FARMIQ_E_RANGE: a path is too long;
 * FARMIQ_E_NOMEM. */
int shim_ask_worker(struct shim_call *call, struct shim_question *question);

/* A small file of the operator's, whole. FARMIQ_OK; FARMIQ_E_STORE: it cannot be read;
 * FARMIQ_E_RANGE: it is longer; FARMIQ_E_NOMEM. */
int shim_read_file(struct shim_call *call, const char *path, size_t max_bytes,
                   struct farmiq_str *text);

/* ## Effects that happen after the commit, or not at all */
int shim_mqtt_send(struct shim_call *call, struct farmiq_str topic,
                   struct farmiq_str body);
int shim_stream_send(struct shim_call *call, const char *event,
                     struct farmiq_str tenant_id, struct farmiq_str json);
void shim_wake(struct shim_call *call, const char *job);
/* Put a chain of events on the bus, in this transaction. `edge_id`: which edge sent them;
 * empty: none did. */
int shim_publish(struct shim_call *call, struct farmiq_event *first,
                 struct farmiq_str edge_id);

/* Run `unit` in a transaction of its own, from a job: it has committed when this
 * returns FARMIQ_OK. `unit` may run more than once; only the last time counts. Memory
 * that the unit takes from its own call is gone when it returns: what must outlive it
 * is taken from the job's call beforehand and passed in `arg`. */
int shim_write(struct shim_call *call, int (*unit)(struct shim_call *call, void *arg),
               void *arg);

/* ## What the operator sees. Thread-safe. No payloads, no secrets. */
void shim_count(const char *metric, const char *label, uint64_t n);
void shim_gauge(const char *metric, const char *label, double value);
uint64_t shim_counted(const char *metric, const char *label);
enum shim_level { SHIM_ERROR = 3, SHIM_WARN = 4, SHIM_INFO = 6, SHIM_DEBUG = 7 };
void shim_log(const struct shim_call *call, int level, const char *event,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
