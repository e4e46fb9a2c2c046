/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of the broker: events and status out, acknowledgements in. What the
 * MQTT client's thread learns is laid into a box; the agent's loop empties it. */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include "agent/kind.h"

struct link;

/* What came since the last look. */
struct link_news {
    int went_down; /* at least once: what was in flight may be lost */
    int came_up;
    int is_connected;
    uint64_t refused;        /* publishes that the broker denied */
    const uint64_t *pubacks; /* cookies; only with ACK_MODE=puback */
    uint32_t puback_count;
};

/* Called by link_read() for each acknowledgement; `body` lives as long as the call. */
typedef void (*link_ack_fn)(void *ctx, struct farmiq_str body);

int link_open(struct link **out, const struct agent_options *options, struct moment now,
              struct farmiq_error *error);
void link_close(struct link *link);
int link_fd(const struct link *link); /* can be read when there is news */

void link_read(struct link *link, struct link_news *news, link_ack_fn on_ack, void *ctx);

/* FARMIQ_OK, FARMIQ_E_BUSY, FARMIQ_E_UNREACHABLE; FARMIQ_E_SCHEMA: the kind
 * knows no topic for it, which cannot happen to what the kind made. */
int link_send(struct link *link, const struct farmiq_event *event, uint64_t cookie);
/* Tell everybody how we are; retained (spec edge 2.4). */
int link_send_status(struct link *link, int is_online, struct moment now);

#endif
