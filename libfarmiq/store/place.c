/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that a claim hands out, built in the claimer's memory. */
#include "place.h"

#include <stdint.h>
#include <string.h>

static size_t aligned(size_t bytes)
{
    return (bytes + _Alignof(int64_t) - 1) / _Alignof(int64_t) * _Alignof(int64_t);
}

static void *take(struct farmiq__place *place, size_t bytes)
{
    char *taken = place->at;

    place->at += bytes;
    place->left -= bytes;
    return taken;
}

static size_t bytes_of_texts(struct farmiq_event *event)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < FARMIQ__EVENT_TEXTS; i++)
        bytes += farmiq__event_text(event, i)->len;
    return bytes;
}

struct farmiq_outbox_row *farmiq__place(struct farmiq__place *place,
                                        const struct farmiq_outbox_row *row,
                                        struct farmiq_event *event, char **text)
{
    size_t texts_bytes = aligned(bytes_of_texts(event));
    size_t structs_bytes = aligned(sizeof *row) + aligned(sizeof *event);
    struct farmiq_outbox_row *placed;
    char *at;

    if (place->left < structs_bytes || place->left - structs_bytes < texts_bytes)
        return NULL;
    placed = take(place, aligned(sizeof *row));
    *placed = *row;
    placed->event = take(place, aligned(sizeof *event));
    *placed->event = *event;
    at = *text = take(place, texts_bytes);
    for (unsigned i = 0; i < FARMIQ__EVENT_TEXTS; i++) {
        struct farmiq_str *member = farmiq__event_text(placed->event, i);

        member->ptr = at;
        at += member->len;
    }
    return placed;
}

struct farmiq_outbox_row *farmiq__place_row(struct farmiq__place *place,
                                            const struct farmiq_outbox_row *row,
                                            struct farmiq_event *event)
{
    char *text;
    struct farmiq_outbox_row *placed = farmiq__place(place, row, event, &text);

    for (unsigned i = 0; placed && i < FARMIQ__EVENT_TEXTS; i++) {
        const struct farmiq_str *from = farmiq__event_text(event, i);

        if (from->len)
            memcpy(text, from->ptr, from->len);
        text += from->len;
    }
    return placed;
}
