/* SPDX-License-Identifier: Apache-2.0 */
/* Images in an S3-compatible store. */
#ifndef S3_H
#define S3_H

#include "media.h"

struct s3_object {
    int64_t bytes;
    const char *type; /* by its bytes and its Content-Type; "": unknown, or they differ */
    struct farmiq_str etag;
};

int s3_is_used(const struct shim_call *call);
int s3_check(struct shim_call *call); /* the options: FARMIQ_OK or FARMIQ_E_ARG */
struct farmiq_str s3_put_url(struct shim_call *call, const struct media_grant *grant);
/* Each FARMIQ_OK; FARMIQ_NONE: there is no such object; FARMIQ_E_BUSY: the store gives no
 * answer; FARMIQ_E_STORE: it refuses us; FARMIQ_E_NOMEM. */
int s3_look(struct shim_call *call, struct farmiq_str key, struct s3_object *object);
int s3_get(struct shim_call *call, struct farmiq_str key, struct farmiq_str *bytes);
int s3_remove(struct shim_call *call, struct farmiq_str key);

#endif
