/* SPDX-License-Identifier: Apache-2.0 */
/* What the feed service's files share. */
#ifndef RECORDS_H
#define RECORDS_H

#include "kit/shim.h"

int records_consume(struct shim_call *call); /* consume.c: the queue */
int records_get(struct shim_call *call);     /* records.c */

#endif
