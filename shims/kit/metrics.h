/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and gauges, declared in tables, printed as Prometheus text 0.0.4.
 * Thread-safe; the cost of a count is one hash and one atomic add. */
#ifndef SHIM_METRICS_H
#define SHIM_METRICS_H

#include "kit/shim.h"

/* Declare a service's rows. A row that was declared before with the same name must
 * agree. Before the first thread. */
void shim_metrics_declare(const struct shim_metric *table);
/* Write all, also those still at zero, into a buffer of the caller. Returns the
 * length it takes, whatever fits. */
size_t shim_metrics_print(char *buf, size_t buf_bytes);

#endif
