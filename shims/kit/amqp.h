/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1, through librabbitmq: a link to a broker, what is declared there, messages
 * out with confirms and in with acknowledgements.
 *
 * A link belongs to one thread. Whatever goes wrong with it is final: it says why, every
 * letter without an answer is LOST, and the owner opens another. */
#ifndef SHIM_AMQP_H
#define SHIM_AMQP_H

#include <farmiq/farmiq.h>

struct shim_amqp;

struct shim_amqp_options {
    const char *url; /* amqp://user:password@host:port/vhost, or amqps:// */
    const char *ca_file;
    const char *cert_file; /* our client certificate; NULL: none */
    const char *key_file;
    const char *name; /* shown in the broker's list of connections */
    uint32_t connect_timeout_ms;
    uint32_t heartbeat_s;
};

#define SHIM_AMQP_PLACE_BYTES 300

/* Is this an URL of ours? `place` gets "host:port/vhost", which may be shown: the rest
 * of the URL is secret. FARMIQ_OK, FARMIQ_E_SYNTAX. */
int shim_amqp_url_check(const char *url, char place[SHIM_AMQP_PLACE_BYTES]);

/* Connect, log in, open channels. FARMIQ_OK; FARMIQ_E_UNREACHABLE (no broker, no TLS, not
 * let in), FARMIQ_E_ARG, FARMIQ_E_NOMEM, with `error` filled. */
int shim_amqp_open(struct shim_amqp **out, const struct shim_amqp_options *options,
                   struct farmiq_error *error);
/* Deliveries and letters in hand are the caller's; what was not acknowledged comes
 * again. NULL is fine. */
void shim_amqp_close(struct shim_amqp *link);
/* What the broker said, or what became of the link. Lives as long as the link. */
const char *shim_amqp_why(const struct shim_amqp *link);
int shim_amqp_is_lost(const struct shim_amqp *link);
/* Take in what is there, and answer heartbeats, for at most `wait_ms`.
 * FARMIQ_OK, FARMIQ_NONE (nothing came), FARMIQ_E_UNREACHABLE (the link is lost). */
int shim_amqp_tend(struct shim_amqp *link, uint32_t wait_ms);

/* ## What is declared. All are durable, and repeating them changes nothing.
 * FARMIQ_OK; FARMIQ_CONFLICT (it is there with other arguments), FARMIQ_NONE (something
 * that it names is not there), FARMIQ_E_REFUSED (not allowed): shim_amqp_why() has the
 * broker's words and the link lives on; FARMIQ_E_UNREACHABLE. */

struct shim_amqp_argument { /* tables end with a zeroed entry */
    const char *name;
    const char *text; /* NULL: `number` */
    int64_t number;
};

int shim_amqp_declare_exchange(struct shim_amqp *link, const char *name, const char *type,
                               const struct shim_amqp_argument *arguments);
int shim_amqp_declare_queue(struct shim_amqp *link, const char *name,
                            const struct shim_amqp_argument *arguments);
int shim_amqp_bind_queue(struct shim_amqp *link, const char *queue, const char *exchange,
                         const char *routing_key);
int shim_amqp_bind_exchange(struct shim_amqp *link, const char *destination,
                            const char *source, const char *routing_key);
/* How many messages are ready; needs no right to declare. */
int shim_amqp_depth(struct shim_amqp *link, const char *queue, uint32_t *messages);

/* ## In */

struct shim_amqp_delivery {
    struct shim_amqp_delivery *next;
    uint64_t tag;
    struct farmiq_str exchange;
    struct farmiq_str routing_key;
    struct farmiq_str queue; /* that it came from */
    struct farmiq_str body;
    struct farmiq_str message_id;
    int is_redelivered;
};

/* `prefetch` bounds what is delivered and not acknowledged. Codes as for declaring. */
int shim_amqp_consume(struct shim_amqp *link, const char *queue, uint16_t prefetch);
/* The next delivery, or FARMIQ_NONE after `wait_ms`. FARMIQ_E_UNREACHABLE. */
int shim_amqp_receive(struct shim_amqp *link, uint32_t wait_ms,
                      struct shim_amqp_delivery **out);
/* One message without consuming: FARMIQ_EXHAUSTED when the queue is empty; else as for
 * declaring. */
int shim_amqp_get(struct shim_amqp *link, const char *queue,
                  struct shim_amqp_delivery **out);
/* Acknowledge this one, or all up to it. */
int shim_amqp_ack(struct shim_amqp *link, uint64_t tag, int is_multiple);
void shim_amqp_delivery_free(struct shim_amqp_delivery *delivery); /* NULL is fine */
/* Empty when there is no such header, or it is not text. */
struct farmiq_str shim_amqp_header_text(const struct shim_amqp_delivery *delivery,
                                        const char *name);
/* `fallback` when there is no such header, or it is not a number. */
int64_t shim_amqp_header_number(const struct shim_amqp_delivery *delivery,
                                const char *name, int64_t fallback);

/* How a message first died that the broker itself dead-lettered (x-death). */
struct shim_amqp_death {
    struct farmiq_str reason; /* rejected, expired, maxlen, delivery_limit */
    struct farmiq_str exchange;
    struct farmiq_str routing_key;
    struct farmiq_str queue;
};
/* 1, or 0 when it never died. */
int shim_amqp_death(const struct shim_amqp_delivery *delivery,
                    struct shim_amqp_death *out);

/* ## Out */

enum shim_amqp_fate {
    SHIM_AMQP_UNANSWERED = 0,
    SHIM_AMQP_CONFIRMED, /* on disk, in every queue that takes it */
    SHIM_AMQP_RETURNED,  /* no queue takes it */
    SHIM_AMQP_NACKED,    /* the broker could not keep it */
    SHIM_AMQP_LOST       /* the link went first: it may have arrived, or not */
};

struct shim_amqp_header {
    const char *name;
    struct farmiq_str text; /* ptr NULL: `number` */
    int64_t number;
};

/* One message out, persistent and mandatory. The caller keeps it, and what it points to,
 * until it has its fate. */
struct shim_amqp_letter {
    struct farmiq_str exchange;
    struct farmiq_str routing_key;
    struct farmiq_str body;
    struct farmiq_str message_id;
    struct farmiq_str type;
    struct farmiq_str app_id;
    int64_t sent_at_unix_s;
    const struct shim_amqp_header *headers; /* replace those of `base` */
    uint32_t header_count;
    const struct shim_amqp_delivery *base; /* pass this on: its properties and headers */
    int is_fresh; /* without those that tell of earlier deliveries: x-death, x-farmiq-...
                   */
    enum shim_amqp_fate fate; /* set */
    uint64_t tag;             /* set: its place among what was sent on this link */
};

#define SHIM_AMQP_HEADERS_MAX 48

/* Waits while `window` letters (1 to 2000) have no answer.
 * FARMIQ_OK: sent; the fate comes later. FARMIQ_E_UNREACHABLE, FARMIQ_E_RANGE (too many
 * headers). */
int shim_amqp_send(struct shim_amqp *link, struct shim_amqp_letter *letter,
                   uint32_t window);
/* Wait until every letter up to `tag` has its fate.
 * FARMIQ_OK; FARMIQ_E_UNREACHABLE: no answer for 10 s, or the link is lost. */
int shim_amqp_await(struct shim_amqp *link, uint64_t tag);
/* Send one and wait. FARMIQ_OK: confirmed; FARMIQ_NONE: returned; FARMIQ_E_BUSY: nacked;
 * FARMIQ_E_UNREACHABLE. */
int shim_amqp_send_and_wait(struct shim_amqp *link, struct shim_amqp_letter *letter);

#endif
