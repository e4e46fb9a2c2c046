/* SPDX-License-Identifier: Apache-2.0 */
/* A list of every event that was safe in the buffer, for those who compare it with what
 * arrived. */
#ifndef AGENT_LEDGER_H
#define AGENT_LEDGER_H

#include <farmiq/farmiq.h>

/* An empty path: no ledger, and `*fd` is -1. FARMIQ_OK; FARMIQ_E_ARG: `error`. */
int ledger_open(int *fd, const char *path, struct farmiq_error *error);
void ledger_close(int fd);
/* The ids of a chain of at most AGENT_ROWS_MAX rows, after its commit. They are UUIDs.
 * FARMIQ_OK, FARMIQ_E_STORE. */
int ledger_note(int fd, const struct farmiq_outbox_row *first);

#endif
