/* SPDX-License-Identifier: Apache-2.0 */
/* A request body as it arrives: collected, unpacked, and never larger than allowed. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kit/http_private.h"
#include "kit/http_server.h"

/* A promise is not memory: a body gets room as it comes, whatever its Content-Length. */
#define FIRST_ROOM_BYTES ((size_t)64 * 1024)

/* Take from the budget what a body of this room costs more than by now. 0: there is not
 * as much. */
static int draw(struct shim__http_body *body, size_t room)
{
    struct shim__http_budget *budget = body->budget;
    size_t due = room > FIRST_ROOM_BYTES ? room - FIRST_ROOM_BYTES : 0;
    size_t more = due - body->drawn_bytes;

    if (more > budget->max_bytes - atomic_load(&budget->taken_bytes) && budget->max_bytes)
        return 0;
    atomic_fetch_add(&budget->taken_bytes, more);
    body->drawn_bytes = due;
    return 1;
}

static const struct shim__http_refusal *make_room(struct shim__http_body *body,
                                                  size_t more)
{
    size_t room = body->room ? body->room : FIRST_ROOM_BYTES;
    char *grown;

    if (more > body->max_bytes - body->len)
        return &shim__http_too_large;
    if (body->len + more <= body->room)
        return NULL;
    while (room < body->len + more)
        room *= 2;
    if (!draw(body, room))
        return &shim__http_crowded;
    grown = realloc(body->bytes, room);
    if (!grown)
        return &shim__http_no_memory;
    body->bytes = grown;
    body->room = room;
    return NULL;
}

static int is_crowded(const struct shim__http_budget *budget, uint64_t length)
{
    return budget->max_bytes && length > FIRST_ROOM_BYTES &&
           length - FIRST_ROOM_BYTES >
               budget->max_bytes - atomic_load(&budget->taken_bytes);
}

/* The length was said: refuse before the first byte is read (413, 503), and take exactly
 * the room of a small one. */
static const struct shim__http_refusal *expect(struct shim__http_body *body,
                                               struct farmiq_str content_length)
{
    uint64_t length = 0;

    for (size_t i = 0; i < content_length.len; i++) {
        if (length > body->max_bytes)
            return &shim__http_too_large;
        length = length * 10 + (uint64_t)(content_length.ptr[i] - '0');
    }
    if (length > body->max_bytes)
        return &shim__http_too_large;
    if (length == 0 || body->gunzip || body->sink)
        return NULL;
    if (length > FIRST_ROOM_BYTES)
        return is_crowded(body->budget, length) ? &shim__http_crowded : NULL;
    body->bytes = malloc((size_t)length);
    if (!body->bytes)
        return &shim__http_no_memory;
    body->room = (size_t)length;
    return NULL;
}

static int says(struct farmiq_str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

const struct shim__http_refusal *shim__http_body_begin(struct shim__http_body *body,
                                                       const struct shim__http_head *head,
                                                       size_t max_bytes,
                                                       const struct shim_http_sink *sink,
                                                       struct shim__http_budget *budget)
{
    struct farmiq_str encoding = shim__http_head_header(head, "content-encoding");

    memset(body, 0, sizeof *body);
    body->max_bytes = sink ? sink->max_bytes : max_bytes;
    body->sink = sink;
    body->budget = budget;
    if (says(encoding, "gzip") || says(encoding, "x-gzip")) {
        body->gunzip = shim__gunzip_open();
        if (!body->gunzip)
            return &shim__http_no_memory;
    } else if (encoding.len && !says(encoding, "identity")) {
        return &shim__http_bad_encoding;
    }
    return expect(body, shim__http_head_header(head, "content-length"));
}

static const struct shim__http_refusal *pass_on(struct shim__http_body *body,
                                                struct farmiq_str bytes)
{
    int r;

    if (bytes.len > body->max_bytes - body->len)
        return &shim__http_too_large;
    body->len += bytes.len;
    r = body->sink->write(body->sink->ctx, bytes);
    return r == FARMIQ_E_NOSPACE ? &shim__http_no_room
           : r < 0               ? &shim__http_no_sink
                                 : NULL;
}

static const struct shim__http_refusal *add_plain(struct shim__http_body *body,
                                                  struct farmiq_str bytes)
{
    const struct shim__http_refusal *refusal;

    if (body->sink)
        return pass_on(body, bytes);
    refusal = make_room(body, bytes.len);
    if (refusal || bytes.len == 0)
        return refusal;
    memcpy(body->bytes + body->len, bytes.ptr, bytes.len);
    body->len += bytes.len;
    return NULL;
}

static const struct shim__http_refusal *refusal_of(int64_t failure)
{
    return failure == FARMIQ_E_RANGE   ? &shim__http_too_large
           : failure == FARMIQ_E_NOMEM ? &shim__http_no_memory
                                       : &shim__http_bad_gzip;
}

/* Unpack by the piece on the stack: a bomb shows its ratio before it costs memory. */
static const struct shim__http_refusal *add_packed(struct shim__http_body *body,
                                                   struct farmiq_str bytes)
{
    char piece[16 * 1024];
    int64_t len;

    do {
        const struct shim__http_refusal *refusal;

        len = shim__gunzip_some(body->gunzip, &bytes, piece, sizeof piece);
        if (len < 0)
            return refusal_of(len);
        refusal = add_plain(body, (struct farmiq_str){ piece, (size_t)len });
        if (refusal)
            return refusal;
    } while (bytes.len || len == (int64_t)sizeof piece);
    return NULL;
}

const struct shim__http_refusal *shim__http_body_add(struct shim__http_body *body,
                                                     struct farmiq_str bytes)
{
    body->arrived_bytes += bytes.len;
    if (!body->gunzip)
        return add_plain(body, bytes);
    if (body->arrived_bytes > body->max_bytes) /* endless, and says nothing */
        return &shim__http_too_large;
    return bytes.len ? add_packed(body, bytes) : NULL;
}

const struct shim__http_refusal *shim__http_body_end(const struct shim__http_body *body)
{
    int cut = body->gunzip && body->arrived_bytes && !shim__gunzip_ended(body->gunzip);

    return cut ? &shim__http_bad_gzip : NULL;
}

void shim__http_body_free(struct shim__http_body *body)
{
    shim__gunzip_close(body->gunzip);
    free(body->bytes);
    if (body->budget)
        atomic_fetch_sub(&body->budget->taken_bytes, body->drawn_bytes);
    memset(body, 0, sizeof *body);
}
