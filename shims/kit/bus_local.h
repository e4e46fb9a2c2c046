/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the embedded bus share. */
#ifndef SHIM_BUS_LOCAL_H
#define SHIM_BUS_LOCAL_H

#include "kit/bus.h"

#define SHIM_BUS_LOCAL_UNROUTED "bus_unrouted" /* a queue's tables */

/* 1: a consumer in this process takes events with this routing key. */
int shim_bus_local_takes(const struct shim_bus *bus, const char *routing_key);

/* ## bus_waited.c: a task that hands over what waited for a consumer */

int shim_bus_waited_start(struct shim_bus *bus);
void shim_bus_waited_close(struct shim_bus *bus);

#endif
