/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that a claim hands out, built in the claimer's memory. */
#ifndef FARMIQ_STORE_PLACE_H
#define FARMIQ_STORE_PLACE_H

#include <farmiq/outbox.h>

/* The texts of an event, in the order of the columns that keep them. */
#define FARMIQ__EVENT_TEXTS 12

static inline struct farmiq_str *farmiq__event_text(struct farmiq_event *event,
                                                    unsigned index)
{
    struct farmiq_str *const texts[FARMIQ__EVENT_TEXTS] = {
        &event->tenant_id, &event->event_id,  &event->event_type,     &event->farm_id,
        &event->barn_id,   &event->device_id, &event->station_id,     &event->session_id,
        &event->batch_id,  &event->trace_id,  &event->schema_version, &event->payload,
    };

    return texts[index];
}

struct farmiq__place {
    char *at;
    size_t left;
};

/* Copy the row and its event; the texts lie at `*text`, one after the other, and are
 * the caller's to fill in. NULL if it does not all fit; then nothing was taken. */
struct farmiq_outbox_row *farmiq__place(struct farmiq__place *place,
                                        const struct farmiq_outbox_row *row,
                                        struct farmiq_event *event, char **text);

/* The same, with the texts. */
struct farmiq_outbox_row *farmiq__place_row(struct farmiq__place *place,
                                            const struct farmiq_outbox_row *row,
                                            struct farmiq_event *event);

#endif
