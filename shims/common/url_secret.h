/* SPDX-License-Identifier: Apache-2.0 */
/* A secret that URLs are signed with. Where the operator gives none, a service makes one
 * at its first start and keeps it beside its rows (table media_secret), so that a restart
 * voids no URL and replicas agree. */
#ifndef COMMON_URL_SECRET_H
#define COMMON_URL_SECRET_H

#include "kit/shim.h"

#define URL_SECRET_BYTES 64

struct url_secret {
    char text[URL_SECRET_BYTES + 1];
};

/* At a service's start, in its transaction. Codes as farmiq_sql_run(). */
int url_secret_start(struct shim_call *call, struct url_secret *secret);

#endif
