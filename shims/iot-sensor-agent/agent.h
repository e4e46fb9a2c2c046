/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's loop: one tick, one commit. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "options.h"

struct agent;

/* FARMIQ_OK; FARMIQ_E_*: `error` says what is wrong with the buffer, the ledger, the
 * broker's address or the source. */
int agent_open(struct agent **out, const struct agent_options *options,
               struct farmiq_error *error);
void agent_close(struct agent *agent); /* NULL is fine */
/* Run until `stop_fd` can be read, or the source has ended and every event is
 * acknowledged. FARMIQ_OK: everything durable is where it belongs. */
int agent_run(struct agent *agent, int stop_fd);

#endif
