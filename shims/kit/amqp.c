/* SPDX-License-Identifier: Apache-2.0 */
/* A link to a broker: connected, tended, lost. One frame at a time is read here, and
 * given to whoever it is for; nothing else ever reads the socket, but the library's own
 * request and answer. */
#include "kit/amqp.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "kit/amqp_private.h"
#include "kit/fail.h"

#define FRAME_BYTES 131072
#define CHANNELS 8

amqp_bytes_t shim__amqp_bytes(struct farmiq_str text)
{
    amqp_bytes_t bytes = { text.len, (void *)(uintptr_t)text.ptr };

    return bytes;
}

struct farmiq_str shim__amqp_str(amqp_bytes_t bytes)
{
    struct farmiq_str text = { bytes.bytes, bytes.len };

    return text;
}

/* ## The URL */

/* A parsed URL, and the copy that it points into. */
struct address {
    struct amqp_connection_info info;
    char *copy;
    size_t copy_bytes;
};

static void forget_address(struct address *address)
{
    if (address->copy)
        explicit_bzero(address->copy, address->copy_bytes);
    free(address->copy);
}

static int parse_address(struct address *address, const char *url)
{
    *address = (struct address){ .copy = strdup(url), .copy_bytes = strlen(url) };
    if (!address->copy)
        return FARMIQ_E_NOMEM;
    if (amqp_parse_url(address->copy, &address->info) != AMQP_STATUS_OK ||
        !*address->info.host) {
        forget_address(address);
        return FARMIQ_E_SYNTAX;
    }
    if (!*address->info.vhost) /* "amqp://host/": nobody means a vhost without a name */
        address->info.vhost = (char *)"/";
    return FARMIQ_OK;
}

int shim_amqp_url_check(const char *url, char place[SHIM_AMQP_PLACE_BYTES])
{
    struct address address;
    int r = parse_address(&address, url);

    if (r < 0)
        return r;
    snprintf(place, SHIM_AMQP_PLACE_BYTES, "%s:%d%s%s", address.info.host,
             address.info.port, *address.info.vhost == '/' ? "" : "/",
             address.info.vhost);
    forget_address(&address);
    return FARMIQ_OK;
}

/* ## What went wrong */

int shim__amqp_lose(struct shim_amqp *link, const char *why, amqp_bytes_t more)
{
    if (!link->is_lost)
        snprintf(link->why, sizeof link->why, "%s%s%.*s", why, more.len ? ": " : "",
                 (int)more.len, more.len ? (const char *)more.bytes : "");
    link->is_lost = 1;
    shim__amqp_lose_letters(link);
    return FARMIQ_E_UNREACHABLE;
}

/* The broker closes a channel to say no to one request (AMQP 0-9-1, 1.2). */
static int refused(struct shim_amqp *link, const amqp_channel_close_t *close)
{
    amqp_channel_close_ok_t ok = { 0 };

    snprintf(link->why, sizeof link->why, "%.*s", (int)close->reply_text.len,
             (const char *)close->reply_text.bytes);
    if (amqp_send_method(link->connection, SHIM_AMQP_IN, AMQP_CHANNEL_CLOSE_OK_METHOD,
                         &ok) != AMQP_STATUS_OK ||
        shim__amqp_open_in(link) < 0)
        return shim__amqp_lose(link, "the channel did not come back", amqp_empty_bytes);
    return close->reply_code == AMQP_PRECONDITION_FAILED ? FARMIQ_CONFLICT
           : close->reply_code == AMQP_NOT_FOUND         ? FARMIQ_NONE
                                                         : FARMIQ_E_REFUSED;
}

int shim__amqp_rpc(struct shim_amqp *link, amqp_rpc_reply_t reply)
{
    const amqp_connection_close_t *close = reply.reply.decoded;

    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return FARMIQ_OK;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
        return shim__amqp_lose(link, amqp_error_string2(reply.library_error),
                               amqp_empty_bytes);
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
        return shim__amqp_lose(link, "no answer", amqp_empty_bytes);
    if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
        return refused(link, reply.reply.decoded);
    if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
        return shim__amqp_lose(link, "the broker said", close->reply_text);
    return shim__amqp_lose(link, "the broker said something unexpected",
                           amqp_empty_bytes);
}

const char *shim_amqp_why(const struct shim_amqp *link) { return link->why; }

int shim_amqp_is_lost(const struct shim_amqp *link) { return link->is_lost; }

/* ## Opening */

static struct timeval timeval_of(uint32_t ms)
{
    struct timeval time = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

    return time;
}

static amqp_socket_t *make_socket(struct shim_amqp *link, const struct address *address,
                                  const struct shim_amqp_options *options)
{
    amqp_socket_t *socket;

    if (!address->info.ssl)
        return amqp_tcp_socket_new(link->connection);
    socket = amqp_ssl_socket_new(link->connection);
    if (!socket)
        return NULL;
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
    if (options->ca_file && amqp_ssl_socket_set_cacert(socket, options->ca_file) != 0)
        return NULL;
    if (options->cert_file &&
        amqp_ssl_socket_set_key(socket, options->cert_file, options->key_file) != 0)
        return NULL;
    return socket;
}

static int connect_socket(struct shim_amqp *link, const struct address *address,
                          const struct shim_amqp_options *options,
                          struct farmiq_error *error)
{
    struct timeval timeout = timeval_of(options->connect_timeout_ms);
    amqp_socket_t *socket;
    int r;

    if (address->info.ssl && !options->ca_file)
        return shim_fail(error, FARMIQ_E_ARG, "RABBITMQ_CA_FILE",
                         "is needed for amqps: whom to trust");
    socket = make_socket(link, address, options);
    if (!socket)
        return shim_fail(error, FARMIQ_E_UNREACHABLE, "RABBITMQ_CA_FILE",
                         "or the certificate or key cannot be read");
    amqp_set_handshake_timeout(link->connection, &timeout);
    amqp_set_rpc_timeout(link->connection, &timeout);
    r = amqp_socket_open_noblock(socket, address->info.host, address->info.port,
                                 &timeout);
    return r == AMQP_STATUS_OK ? FARMIQ_OK
                               : shim_fail(error, FARMIQ_E_UNREACHABLE, "RABBITMQ_URL",
                                           "%s", amqp_error_string2(r));
}

static amqp_table_entry_t text_entry(const char *name, const char *text)
{
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(name) };

    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes(text);
    return entry;
}

static amqp_table_entry_t true_entry(const char *name)
{
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(name) };

    entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry.value.value.boolean = 1;
    return entry;
}

/* What we understand decides what the broker tells us: that it is blocked, and that a
 * consumer's queue is gone. */
static int log_in(struct shim_amqp *link, const struct address *address,
                  const struct shim_amqp_options *options)
{
    amqp_table_entry_t can[] = { true_entry("authentication_failure_close"),
                                 true_entry("basic.nack"),
                                 true_entry("connection.blocked"),
                                 true_entry("consumer_cancel_notify"),
                                 true_entry("publisher_confirms") };
    amqp_table_entry_t about[] = { { .key = amqp_cstring_bytes("capabilities") },
                                   text_entry("connection_name", options->name) };
    amqp_table_t properties = { 2, about };

    about[0].value.kind = AMQP_FIELD_KIND_TABLE;
    about[0].value.value.table = (amqp_table_t){ sizeof can / sizeof *can, can };
    return shim__amqp_rpc(
        link, amqp_login_with_properties(link->connection, address->info.vhost, CHANNELS,
                                         FRAME_BYTES, (int)options->heartbeat_s,
                                         &properties, AMQP_SASL_METHOD_PLAIN,
                                         address->info.user, address->info.password));
}

int shim__amqp_open_in(struct shim_amqp *link)
{
    amqp_channel_open(link->connection, SHIM_AMQP_IN);
    return shim__amqp_rpc(link, amqp_get_rpc_reply(link->connection));
}

static int open_channels(struct shim_amqp *link)
{
    int r = shim__amqp_open_in(link);

    if (r < 0)
        return r;
    amqp_channel_open(link->connection, SHIM_AMQP_OUT);
    r = shim__amqp_rpc(link, amqp_get_rpc_reply(link->connection));
    if (r < 0)
        return r;
    amqp_confirm_select(link->connection, SHIM_AMQP_OUT);
    return shim__amqp_rpc(link, amqp_get_rpc_reply(link->connection));
}

static int open_link(struct shim_amqp *link, const struct address *address,
                     const struct shim_amqp_options *options, struct farmiq_error *error)
{
    int r = connect_socket(link, address, options, error);

    if (r < 0)
        return r;
    r = log_in(link, address, options);
    if (r == FARMIQ_OK)
        r = open_channels(link);
    return r == FARMIQ_OK
               ? r
               : shim_fail(error, FARMIQ_E_UNREACHABLE, "RABBITMQ_URL", "%s", link->why);
}

int shim_amqp_open(struct shim_amqp **out, const struct shim_amqp_options *options,
                   struct farmiq_error *error)
{
    struct shim_amqp *link = calloc(1, sizeof *link);
    struct address address;
    int r = link ? parse_address(&address, options->url) : FARMIQ_E_NOMEM;

    if (r < 0) {
        free(link);
        return shim_fail(error, r, "RABBITMQ_URL",
                         "must be amqp://user:password@host:port/vhost, or amqps://");
    }
    link->connection = amqp_new_connection();
    link->inbox_end = &link->inbox;
    link->next_tag = link->oldest_tag = 1;
    r = link->connection ? open_link(link, &address, options, error) : FARMIQ_E_NOMEM;
    forget_address(&address);
    if (r < 0)
        shim_amqp_close(link);
    else
        *out = link;
    return r;
}

void shim_amqp_close(struct shim_amqp *link)
{
    if (!link)
        return;
    shim__amqp_lose_letters(link);
    while (link->inbox) {
        struct shim_amqp_delivery *delivery = link->inbox;

        link->inbox = delivery->next;
        shim_amqp_delivery_free(delivery);
    }
    if (link->connection && !link->is_lost)
        amqp_connection_close(link->connection, AMQP_REPLY_SUCCESS);
    if (link->connection)
        amqp_destroy_connection(link->connection);
    free(link);
}

/* ## What comes in by itself */

static int take_channel_close(struct shim_amqp *link, const amqp_frame_t *frame)
{
    const amqp_channel_close_t *close = frame->payload.method.decoded;

    return shim__amqp_lose(link, "the broker closed a channel", close->reply_text);
}

static int take_connection_close(struct shim_amqp *link, const amqp_frame_t *frame)
{
    const amqp_connection_close_t *close = frame->payload.method.decoded;

    return shim__amqp_lose(link, "the broker closed the connection", close->reply_text);
}

static int take_cancel(struct shim_amqp *link, const amqp_frame_t *frame)
{
    (void)frame;
    return shim__amqp_lose(link, "the queue is gone", amqp_empty_bytes);
}

static int take_blocked(struct shim_amqp *link, const amqp_frame_t *frame)
{
    link->is_blocked = frame->payload.method.id == AMQP_CONNECTION_BLOCKED_METHOD;
    return FARMIQ_OK;
}

static const struct {
    amqp_method_number_t method;
    int (*take)(struct shim_amqp *link, const amqp_frame_t *frame);
} takers[] = {
    { AMQP_BASIC_DELIVER_METHOD, shim__amqp_take_delivery },
    { AMQP_BASIC_ACK_METHOD, shim__amqp_take_confirm },
    { AMQP_BASIC_NACK_METHOD, shim__amqp_take_confirm },
    { AMQP_BASIC_RETURN_METHOD, shim__amqp_take_return },
    { AMQP_BASIC_CANCEL_METHOD, take_cancel },
    { AMQP_CHANNEL_CLOSE_METHOD, take_channel_close },
    { AMQP_CONNECTION_CLOSE_METHOD, take_connection_close },
    { AMQP_CONNECTION_BLOCKED_METHOD, take_blocked },
    { AMQP_CONNECTION_UNBLOCKED_METHOD, take_blocked },
};

int shim_amqp_tend(struct shim_amqp *link, uint32_t wait_ms)
{
    struct timeval wait = timeval_of(wait_ms);
    amqp_frame_t frame;
    int r;

    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    amqp_maybe_release_buffers(link->connection);
    r = amqp_simple_wait_frame_noblock(link->connection, &frame, &wait);
    if (r == AMQP_STATUS_TIMEOUT)
        return FARMIQ_NONE;
    if (r != AMQP_STATUS_OK)
        return shim__amqp_lose(link, amqp_error_string2(r), amqp_empty_bytes);
    if (frame.frame_type != AMQP_FRAME_METHOD)
        return FARMIQ_OK;
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
        if (takers[i].method == frame.payload.method.id)
            return takers[i].take(link, &frame);
    return FARMIQ_OK;
}
