/* SPDX-License-Identifier: Apache-2.0 */
/* URLs that leave something to whoever has them: all that they leave is in their query,
 * in fields of a fixed order, and signed. */
#ifndef COMMON_GRANT_H
#define COMMON_GRANT_H

#include "kit/shim.h"

#define GRANT_FIELDS_MAX 12

struct grant_field {
    const char *name;
    struct farmiq_str value; /* without a NUL */
};

/* How callers reach us: what the operator says in an option, or else as the one that asks
 * has found us. */
struct farmiq_str grant_base(struct shim_call *call, const char *endpoint_option);

/* In the call's memory; empty: none left. */
struct farmiq_str grant_url(struct shim_call *call, const char *secret,
                            const char *method, struct farmiq_str base_and_path,
                            const struct grant_field *fields, size_t count);

/* 1: the signature in the query of the request in hand is that of these fields. */
int grant_is_ours(struct shim_call *call, const char *secret, const char *method,
                  const struct grant_field *fields, size_t count);

#endif
