/* SPDX-License-Identifier: Apache-2.0 */
/* Messages out: persistent, mandatory, confirmed. The broker answers by number, several
 * at once and in any order; a ring keeps which letter has which number. */
#include <string.h>

#include "kit/amqp_private.h"

#define SILENCE_MS                                                                       \
    10000 /* spec cloud 1.9: a broker that does not answer is no broker                  \
           */
#define TEND_MS 500
#define PERSISTENT 2

static struct shim_amqp_letter **slot(struct shim_amqp *link, uint64_t tag)
{
    return &link->ring[tag % SHIM_AMQP_RING];
}

static uint64_t outstanding(const struct shim_amqp *link)
{
    return link->next_tag - link->oldest_tag;
}

/* ## Fates */

/* What was returned stays so: its confirm only says that there is no more to come. */
static void decide(struct shim_amqp *link, uint64_t tag, enum shim_amqp_fate fate)
{
    struct shim_amqp_letter **at = slot(link, tag);

    if (*at && (*at)->fate == SHIM_AMQP_UNANSWERED)
        (*at)->fate = fate;
    *at = NULL;
}

static void skip_answered(struct shim_amqp *link)
{
    while (link->oldest_tag < link->next_tag && !*slot(link, link->oldest_tag))
        link->oldest_tag++;
}

int shim__amqp_take_confirm(struct shim_amqp *link, const amqp_frame_t *frame)
{
    int is_ack = frame->payload.method.id == AMQP_BASIC_ACK_METHOD;
    const amqp_basic_ack_t *ack = frame->payload.method.decoded;
    const amqp_basic_nack_t *nack = frame->payload.method.decoded;
    uint64_t tag = is_ack ? ack->delivery_tag : nack->delivery_tag;
    int is_multiple = is_ack ? ack->multiple : nack->multiple;

    if (tag < link->oldest_tag || tag >= link->next_tag)
        return FARMIQ_OK;
    for (uint64_t i = is_multiple ? link->oldest_tag : tag; i <= tag; i++)
        decide(link, i, is_ack ? SHIM_AMQP_CONFIRMED : SHIM_AMQP_NACKED);
    skip_answered(link);
    return FARMIQ_OK;
}

/* A return has no number. It brings the message, which is the one that we wait for with
 * this id and this body. */
static struct shim_amqp_letter *find_letter(struct shim_amqp *link,
                                            const amqp_message_t *message)
{
    for (uint64_t tag = link->oldest_tag; tag < link->next_tag; tag++) {
        struct shim_amqp_letter *letter = *slot(link, tag);

        if (letter && letter->fate == SHIM_AMQP_UNANSWERED &&
            letter->body.len == message->body.len &&
            memcmp(letter->body.ptr, message->body.bytes, letter->body.len) == 0)
            return letter;
    }
    return NULL;
}

int shim__amqp_take_return(struct shim_amqp *link, const amqp_frame_t *frame)
{
    struct shim_amqp_letter *letter;
    amqp_message_t message;
    amqp_rpc_reply_t reply =
        amqp_read_message(link->connection, SHIM_AMQP_OUT, &message, 0);

    (void)frame;
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        return shim__amqp_lose(link, "a return broke off", amqp_empty_bytes);
    letter = find_letter(link, &message);
    if (letter)
        letter->fate = SHIM_AMQP_RETURNED;
    amqp_destroy_message(&message);
    return FARMIQ_OK;
}

void shim__amqp_lose_letters(struct shim_amqp *link)
{
    for (uint64_t tag = link->oldest_tag; tag < link->next_tag; tag++)
        decide(link, tag, SHIM_AMQP_LOST);
    skip_answered(link);
}

/* ## Headers */

/* The headers of a letter: its own, and those of its base that it does not replace. */
struct headers {
    amqp_table_entry_t entries[SHIM_AMQP_HEADERS_MAX];
    int count;
};

static int is_named(amqp_bytes_t key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.bytes, name, key.len) == 0;
}

static int begins(amqp_bytes_t key, const char *prefix)
{
    size_t len = strlen(prefix);

    return key.len >= len && memcmp(key.bytes, prefix, len) == 0;
}

static int is_kept(const struct shim_amqp_letter *letter, amqp_bytes_t key)
{
    if (letter->is_fresh &&
        (begins(key, "x-farmiq-") || begins(key, "x-death") ||
         begins(key, "x-first-death-") || begins(key, "x-delivery-count")))
        return 0;
    for (uint32_t i = 0; i < letter->header_count; i++)
        if (is_named(key, letter->headers[i].name))
            return 0;
    return 1;
}

static int add_own(struct headers *headers, const struct shim_amqp_header *header)
{
    amqp_table_entry_t *entry = &headers->entries[headers->count];

    if (headers->count == SHIM_AMQP_HEADERS_MAX)
        return FARMIQ_E_RANGE;
    entry->key = amqp_cstring_bytes(header->name);
    if (header->text.ptr) {
        entry->value.kind = AMQP_FIELD_KIND_UTF8;
        entry->value.value.bytes = shim__amqp_bytes(header->text);
    } else {
        entry->value.kind = AMQP_FIELD_KIND_I64;
        entry->value.value.i64 = header->number;
    }
    headers->count++;
    return FARMIQ_OK;
}

static int gather_headers(struct headers *headers, const struct shim_amqp_letter *letter,
                          const amqp_table_t *base)
{
    int r = FARMIQ_OK;

    for (int i = 0; base && i < base->num_entries && r == FARMIQ_OK; i++) {
        if (!is_kept(letter, base->entries[i].key))
            continue;
        if (headers->count == SHIM_AMQP_HEADERS_MAX)
            r = FARMIQ_E_RANGE;
        else
            headers->entries[headers->count++] = base->entries[i];
    }
    for (uint32_t i = 0; i < letter->header_count && r == FARMIQ_OK; i++)
        r = add_own(headers, &letter->headers[i]);
    return r;
}

/* ## Sending */

static void set_text(amqp_basic_properties_t *properties, amqp_bytes_t *to,
                     amqp_flags_t flag, struct farmiq_str text)
{
    if (!text.len)
        return;
    properties->_flags |= flag;
    *to = shim__amqp_bytes(text);
}

/* Everything but the headers. A base's time to live is not passed on. */
static void fill_properties(amqp_basic_properties_t *p,
                            const struct shim_amqp_letter *letter)
{
    const struct shim_amqp_held *base = (const void *)letter->base;

    if (base)
        *p = base->message.properties;
    p->_flags &= ~(amqp_flags_t)AMQP_BASIC_EXPIRATION_FLAG;
    p->_flags |= AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG;
    p->delivery_mode = PERSISTENT;
    if (!base) {
        set_text(p, &p->content_type, AMQP_BASIC_CONTENT_TYPE_FLAG,
                 shim__amqp_str(amqp_cstring_bytes("application/json")));
        set_text(p, &p->content_encoding, AMQP_BASIC_CONTENT_ENCODING_FLAG,
                 shim__amqp_str(amqp_cstring_bytes("utf-8")));
    }
    set_text(p, &p->message_id, AMQP_BASIC_MESSAGE_ID_FLAG, letter->message_id);
    set_text(p, &p->type, AMQP_BASIC_TYPE_FLAG, letter->type);
    set_text(p, &p->app_id, AMQP_BASIC_APP_ID_FLAG, letter->app_id);
    if (letter->sent_at_unix_s) {
        p->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
        p->timestamp = (uint64_t)letter->sent_at_unix_s;
    }
}

static int publish(struct shim_amqp *link, struct shim_amqp_letter *letter)
{
    amqp_basic_properties_t properties = { 0 };
    struct headers headers = { .count = 0 };
    int r;

    fill_properties(&properties, letter);
    r = gather_headers(&headers, letter, letter->base ? &properties.headers : NULL);
    if (r < 0)
        return r;
    properties.headers = (amqp_table_t){ headers.count, headers.entries };
    r = amqp_basic_publish(link->connection, SHIM_AMQP_OUT,
                           shim__amqp_bytes(letter->exchange),
                           shim__amqp_bytes(letter->routing_key), 1, 0, &properties,
                           shim__amqp_bytes(letter->body));
    if (r != AMQP_STATUS_OK)
        return shim__amqp_lose(link, amqp_error_string2(r), amqp_empty_bytes);
    letter->fate = SHIM_AMQP_UNANSWERED;
    letter->tag = link->next_tag++;
    *slot(link, letter->tag) = letter;
    return FARMIQ_OK;
}

int shim_amqp_await(struct shim_amqp *link, uint64_t tag)
{
    uint32_t silent_ms = 0;

    while (link->oldest_tag <= tag && outstanding(link)) {
        int r = shim_amqp_tend(link, TEND_MS);

        if (r < 0)
            return r;
        silent_ms = r == FARMIQ_NONE ? silent_ms + TEND_MS : 0;
        if (silent_ms >= SILENCE_MS)
            return shim__amqp_lose(link,
                                   link->is_blocked
                                       ? "the broker is blocked: short of memory or disk"
                                       : "the broker confirms nothing",
                                   amqp_empty_bytes);
    }
    return link->is_lost ? FARMIQ_E_UNREACHABLE : FARMIQ_OK;
}

/* Half a window may go without looking: asking the socket costs as much as a letter. */
static int make_room(struct shim_amqp *link, uint32_t window)
{
    int r = FARMIQ_OK;

    while (r == FARMIQ_OK && outstanding(link) > window / 2)
        r = shim_amqp_tend(link, 0);
    while (r >= 0 && outstanding(link) >= window)
        r = shim_amqp_await(link, link->oldest_tag);
    return r < 0 ? r : FARMIQ_OK;
}

int shim_amqp_send(struct shim_amqp *link, struct shim_amqp_letter *letter,
                   uint32_t window)
{
    int r;

    letter->fate = SHIM_AMQP_LOST; /* until it is sent */
    letter->tag = 0;
    r = make_room(link, window);
    if (r < 0)
        return r;
    return link->is_lost ? FARMIQ_E_UNREACHABLE : publish(link, letter);
}

int shim_amqp_send_and_wait(struct shim_amqp *link, struct shim_amqp_letter *letter)
{
    int r = shim_amqp_send(link, letter, SHIM_AMQP_RING / 2);

    if (r == FARMIQ_OK)
        r = shim_amqp_await(link, letter->tag);
    if (r < 0)
        return r;
    return letter->fate == SHIM_AMQP_CONFIRMED  ? FARMIQ_OK
           : letter->fate == SHIM_AMQP_RETURNED ? FARMIQ_NONE
                                                : FARMIQ_E_BUSY;
}
