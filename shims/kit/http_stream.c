/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events (WHATWG HTML 9.2) without a transport: what is still to be read by
 * whom, and who reads too slowly. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kit/http_private.h"

int shim__stream_init(struct shim__stream *stream, const char *channel)
{
    stream->channel = strdup(channel);
    return stream->channel ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

void shim__stream_fini(struct shim__stream *stream)
{
    free(stream->channel);
    free(stream->backlog);
    stream->channel = stream->backlog = NULL;
}

void shim__streams_add(struct shim__streams *streams, struct shim__stream *stream)
{
    stream->next = streams->first;
    stream->previous = NULL;
    if (streams->first)
        streams->first->previous = stream;
    streams->first = stream;
    streams->count++;
}

void shim__streams_remove(struct shim__streams *streams, struct shim__stream *stream)
{
    assert(streams->count > 0);
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        streams->first = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    streams->count--;
}

static void wake(struct shim__stream *stream)
{
    if (!stream->asleep)
        return;
    stream->asleep = 0;
    stream->wake(stream);
}

/* Room for `more` at the end; what was read already makes way first. */
static int make_room(struct shim__stream *stream, size_t more)
{
    size_t room = stream->room ? stream->room : 1024;
    char *grown;

    if (stream->end - stream->begin + more > SHIM__STREAM_BACKLOG_MAX_BYTES)
        return FARMIQ_E_RANGE;
    if (stream->begin) {
        memmove(stream->backlog, stream->backlog + stream->begin,
                stream->end - stream->begin);
        stream->end -= stream->begin;
        stream->begin = 0;
    }
    while (room < stream->end + more)
        room *= 2;
    if (room == stream->room)
        return FARMIQ_OK;
    grown = realloc(stream->backlog, room);
    if (!grown)
        return FARMIQ_E_NOMEM;
    stream->backlog = grown;
    stream->room = room;
    return FARMIQ_OK;
}

/* Events are not kept for a reader that cannot follow: it reconnects and asks again. */
static void cut_off(struct shim__stream *stream)
{
    stream->begin = stream->end = 0;
    stream->ended = 1;
    stream->cut(stream);
    wake(stream);
}

void shim__stream_push(struct shim__stream *stream, struct farmiq_str bytes,
                       int64_t now_ms)
{
    if (stream->ended)
        return;
    if (make_room(stream, bytes.len) < 0) {
        cut_off(stream);
        return;
    }
    memcpy(stream->backlog + stream->end, bytes.ptr, bytes.len);
    stream->end += bytes.len;
    stream->spoke_ms = now_ms;
    wake(stream);
}

size_t shim__stream_pull(struct shim__stream *stream, char *out, size_t room)
{
    size_t len = stream->end - stream->begin;

    if (len > room)
        len = room;
    if (len) {
        memcpy(out, stream->backlog + stream->begin, len);
        stream->begin += len;
    } else if (!stream->ended) {
        stream->asleep = 1;
    }
    return len;
}

void shim__stream_end(struct shim__stream *stream)
{
    stream->ended = 1;
    wake(stream);
}

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

struct farmiq_str shim__stream_event(const char *name, struct farmiq_str data)
{
    size_t name_len = name ? strlen(name) : 0;
    char *text = malloc(name_len + data.len + sizeof "event: \ndata: \n\n");
    char *to = text;

    if (!text)
        return (struct farmiq_str){ 0 };
    if (name) {
        to = put(to, "event: ", 7);
        to = put(to, name, name_len);
        to = put(to, "\n", 1);
    }
    to = put(to, "data: ", 6);
    to = put(to, data.ptr, data.len);
    to = put(to, "\n\n", 2);
    /* A line break inside would end the event early: JSON means the same without it. */
    for (char *c = text + (name ? name_len + 14 : 6); c < to - 2; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    return (struct farmiq_str){ text, (size_t)(to - text) };
}
