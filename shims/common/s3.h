/* SPDX-License-Identifier: Apache-2.0 */
/* Images in an S3-compatible store, for those who put them there and those who clear up.
 */
#ifndef COMMON_S3_H
#define COMMON_S3_H

#include "common/sigv4.h"
#include "kit/shim.h"

int s3_is_used(const struct shim_call *call);
int s3_check(struct shim_call *call); /* the options: FARMIQ_OK or FARMIQ_E_ARG */
/* "/bucket/key?query" for `what`, signed for that endpoint. */
struct farmiq_str s3_target(struct shim_call *call, struct farmiq_str endpoint,
                            struct sigv4 what, struct farmiq_str key);
/* Each FARMIQ_OK; FARMIQ_NONE: there is no such object; FARMIQ_E_BUSY: the store gives no
 * answer; FARMIQ_E_STORE: it refuses us; FARMIQ_E_NOMEM. */
int s3_ask(struct shim_call *call, const char *method, struct farmiq_str key,
           const char *range, struct shim_request *request);
int s3_get(struct shim_call *call, struct farmiq_str key, struct farmiq_str *bytes);
int s3_remove(struct shim_call *call, struct farmiq_str key); /* also OK without one */
/* FARMIQ_OK: it answers, whatever it thinks of us. */
int s3_reach(struct shim_call *call);

#endif
