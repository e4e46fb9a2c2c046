/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind http_server.h and http_client.h share. */
#ifndef SHIM_HTTP_PRIVATE_H
#define SHIM_HTTP_PRIVATE_H

#include <stdatomic.h>

#include <farmiq/farmiq.h>

/* ## http_refusal.c: what the kit itself says when it refuses */

/* Static rows; NULL means: nothing to refuse. */
struct shim__http_refusal {
    int status;
    const char *code; /* spec cloud 0.4 */
    const char *message;
    const char *retry_after_s; /* NULL: not said */
};

extern const struct shim__http_refusal shim__http_bad_target;
extern const struct shim__http_refusal shim__http_bad_head;
extern const struct shim__http_refusal shim__http_said_twice;
extern const struct shim__http_refusal shim__http_bad_framing;
extern const struct shim__http_refusal shim__http_bad_coding;
extern const struct shim__http_refusal shim__http_bad_encoding;
extern const struct shim__http_refusal shim__http_bad_gzip;
extern const struct shim__http_refusal shim__http_bad_certificate;
extern const struct shim__http_refusal shim__http_head_too_large;
extern const struct shim__http_refusal shim__http_too_large;
extern const struct shim__http_refusal shim__http_no_memory;
extern const struct shim__http_refusal shim__http_crowded;
extern const struct shim__http_refusal shim__http_closing;
extern const struct shim__http_refusal shim__http_no_room;
extern const struct shim__http_refusal shim__http_no_sink;

#define SHIM__HTTP_ID_BYTES 129
/* The ids a refusal is found again by (spec edge 3.3): the caller's where they are plain
 * text, else a new one for both. `head` may be half read. */
struct shim__http_head;
void shim__http_refusal_ids(const struct shim__http_head *head,
                            char request_id[SHIM__HTTP_ID_BYTES],
                            char trace_id[SHIM__HTTP_ID_BYTES]);

#define SHIM__HTTP_REFUSAL_BYTES 512
/* The one error body (spec cloud 0.4), NUL-terminated. `trace_id` is printed only if it
 * is plain text that cannot break the JSON around it. Returns its length. */
size_t shim__http_refusal_json(const struct shim__http_refusal *refusal,
                               struct farmiq_str trace_id,
                               char out[SHIM__HTTP_REFUSAL_BYTES]);

/* ## http_head.c: the head of a request, judged and copied */

#define SHIM__HTTP_HEADERS_MAX 64

struct shim__http_field {
    struct farmiq_str name;
    struct farmiq_str value;
};
/* As it came in; borrowed. */
struct shim__http_raw_head {
    struct farmiq_str method;
    struct farmiq_str target;
    struct farmiq_str version;
    struct shim__http_field headers[SHIM__HTTP_HEADERS_MAX];
    uint32_t header_count;
};
/* All of it in one block, so that it outlives the connection it came from. */
struct shim__http_head {
    void *memory;
    struct farmiq_str method; /* GET for HEAD: only the transport knows the difference */
    struct farmiq_str raw_path;
    struct farmiq_str path; /* percent-decoded UTF-8 */
    struct shim__http_field *headers;
    struct shim__http_field *query; /* decoded */
    uint32_t header_count;
    uint32_t query_count;
};

const struct shim__http_refusal *
shim__http_head_read(struct shim__http_head *head, const struct shim__http_raw_head *raw);
void shim__http_head_free(struct shim__http_head *head);
struct farmiq_str shim__http_head_header(const struct shim__http_head *head,
                                         const char *name);
struct farmiq_str shim__http_head_query(const struct shim__http_head *head,
                                        const char *name);

/* ## http_gzip.c: zlib behind one door */

struct shim__gunzip;

struct shim__gunzip *shim__gunzip_open(void);
void shim__gunzip_close(struct shim__gunzip *gunzip);
/* Unpack some of `*packed` (which moves on) into `out`. Returns the bytes written, or
 * FARMIQ_E_SYNTAX, FARMIQ_E_NOMEM; FARMIQ_E_RANGE: it grows suspiciously (a bomb). */
int64_t shim__gunzip_some(struct shim__gunzip *gunzip, struct farmiq_str *packed,
                          char *out, size_t out_bytes);
/* 1 when the one member ended; a body that stops earlier was cut. */
int shim__gunzip_ended(const struct shim__gunzip *gunzip);
/* Pack `bytes` into `*out` (*out_bytes long, grown with realloc as needed). Returns the
 * packed length or FARMIQ_E_NOMEM. */
int64_t shim__gzip(struct farmiq_str bytes, char **out, size_t *out_bytes);

/* ## http_body.c: a request body as it arrives */

struct shim_http_sink;

/* What the bodies of all requests may take together. The first 64 KiB of each are its
 * own, as the number of connections bounds those: while large bodies have all there is,
 * small requests are heard. Bodies grow on one thread, and are freed on any. */
struct shim__http_budget {
    size_t max_bytes; /* constant; 0: no limit */
    _Atomic size_t taken_bytes;
};

struct shim__http_body {
    char *bytes;
    size_t len;
    size_t room;
    size_t max_bytes;
    size_t arrived_bytes;              /* on the wire */
    struct shim__gunzip *gunzip;       /* NULL: not packed */
    const struct shim_http_sink *sink; /* NULL: it is kept in `bytes` */
    struct shim__http_budget *budget;
    size_t drawn_bytes; /* from it; given back by shim__http_body_free() */
};

const struct shim__http_refusal *shim__http_body_begin(struct shim__http_body *body,
                                                       const struct shim__http_head *head,
                                                       size_t max_bytes,
                                                       const struct shim_http_sink *sink,
                                                       struct shim__http_budget *budget);
const struct shim__http_refusal *shim__http_body_add(struct shim__http_body *body,
                                                     struct farmiq_str bytes);
const struct shim__http_refusal *shim__http_body_end(const struct shim__http_body *body);
void shim__http_body_free(struct shim__http_body *body);

/* ## http_stream.c: server-sent events, without a transport
 *
 * A stream's owner holds one lock around every call. */

#define SHIM__STREAM_BACKLOG_MAX_BYTES ((size_t)256 * 1024)

struct shim__stream {
    struct shim__stream *next;
    struct shim__stream *previous;
    char *channel;
    char *backlog;
    size_t begin;
    size_t end;
    size_t room;
    int64_t spoke_ms; /* when something was last written to it */
    int asleep;       /* it waits for `wake`: nothing to write */
    int ended;
    int fd; /* the transport's */
    /* The transport's: called when there is something to do for a sleeping stream, and
     * to cut one whose client reads too slowly. */
    void (*wake)(struct shim__stream *stream);
    void (*cut)(struct shim__stream *stream);
};
struct shim__streams {
    struct shim__stream *first;
    uint32_t count;
};

/* `stream` is zeroed memory of the caller's. FARMIQ_OK or FARMIQ_E_NOMEM. */
int shim__stream_init(struct shim__stream *stream, const char *channel);
void shim__stream_fini(struct shim__stream *stream);
void shim__streams_add(struct shim__streams *streams, struct shim__stream *stream);
void shim__streams_remove(struct shim__streams *streams, struct shim__stream *stream);
/* Put bytes into a backlog; a stream that cannot take them is cut. */
void shim__stream_push(struct shim__stream *stream, struct farmiq_str bytes,
                       int64_t now_ms);
/* Take up to `room` bytes out. 0 and not ended: it sleeps now. */
size_t shim__stream_pull(struct shim__stream *stream, char *out, size_t room);
void shim__stream_end(struct shim__stream *stream);
/* "event: NAME\ndata: ...\n\n", malloced; name may be NULL. ptr NULL: no memory. */
struct farmiq_str shim__stream_event(const char *name, struct farmiq_str data);

#endif
