/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's messages: pure functions from an event to a topic and a body. */
#ifndef AGENT_MESSAGE_H
#define AGENT_MESSAGE_H

#include "agent/kind.h"

#define MESSAGE_BYTES 4096
/* Room for what is not an event, such as a status. */
#define FLIGHT_SLACK 16

/* The envelope (spec edge 2.5). */
int message_write(const struct farmiq_event *event, char *buf, size_t buf_bytes,
                  size_t *len);
/* The full device.status envelope; offline is every health flag false (2.13). */
int message_status(const struct agent_options *options, int is_online,
                   int64_t now_unix_ms, char *buf, size_t buf_bytes, size_t *len);
int message_status_topic(const struct agent_options *options, char *out);
/* Where acknowledgements come: for one device, or for all of a barn. */
int message_ack_filter(const struct agent_options *options, char *out);

#endif
