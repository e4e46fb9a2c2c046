/* SPDX-License-Identifier: Apache-2.0 */
/* Images that are not here, but in an S3-compatible store. */
#ifndef FAR_H
#define FAR_H

#include "common/s3.h"
#include "media.h"

struct far_object {
    int64_t bytes;
    const char *type; /* by its bytes and its Content-Type; "": unknown, or they differ */
    struct farmiq_str etag;
};

struct farmiq_str far_put_url(struct shim_call *call, const struct media_grant *grant);
int far_look(struct shim_call *call, struct farmiq_str key, struct far_object *object);

#endif
