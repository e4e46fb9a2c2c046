/* SPDX-License-Identifier: Apache-2.0 */
/* Asks every device in its interval, on a thread of its own, so that one that does not
 * answer never holds up what the others said. */
#ifndef SNMP_POLLER_H
#define SNMP_POLLER_H

#include "devices.h"

struct poller;

/* `devices` must outlive the poller. FARMIQ_OK, FARMIQ_E_NOMEM. */
int poller_open(struct poller **out, const struct snmp_devices *devices);
void poller_close(struct poller *poller); /* waits for the answer in hand */

int poller_fd(const struct poller *poller); /* can be read when there are readings */
/* Take up to `most` readings. */
uint32_t poller_take(struct poller *poller, struct reading *out, uint32_t most);

#endif
