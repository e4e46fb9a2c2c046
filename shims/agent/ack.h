/* SPDX-License-Identifier: Apache-2.0 */
/* The application acknowledgement (architecture, decision 6):
 * {"acked":["event_id",...],"refused":[{"event_id":"...","error":"CODE"}]} */
#ifndef AGENT_ACK_H
#define AGENT_ACK_H

#include <farmiq/farmiq.h>

/* `refusal` is empty for an event that the edge has stored. */
typedef void (*ack_fn)(void *ctx, struct farmiq_str event_id, struct farmiq_str refusal);

/* Either member may be absent. Nothing is reported unless the whole text is sound.
 * FARMIQ_OK, FARMIQ_E_SYNTAX, FARMIQ_E_SCHEMA. */
int ack_parse(struct farmiq_str body, ack_fn on_event, void *ctx);

#endif
