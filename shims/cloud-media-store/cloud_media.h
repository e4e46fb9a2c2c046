/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud's media store's files share. */
#ifndef CLOUD_MEDIA_H
#define CLOUD_MEDIA_H

#include "common/members.h"
#include "common/text.h"
#include "common/url_secret.h"
#include "kit/shim.h"

#define CLOUD_MEDIA_FOLDER "MEDIA_BASE_PATH"

struct cloud_media_state {
    struct url_secret secret; /* constant after the start */
};

/* What is known of an image, in the memory of the call that asked. */
struct cloud_media {
    struct farmiq_str media_id, farm_id, barn_id, session_id; /* or empty */
    struct farmiq_str etag, type;                             /* or empty */
    int64_t bytes;                                            /* -1: not said */
    struct farmiq_str file_name, file_type, file_sha256;      /* empty: no bytes here */
    int is_known;
};

/* object.c: read by a transaction that may be another's: `call` has the memory. Codes as
 * farmiq_sql_run(). */
int cloud_media_find(struct shim_call *call, struct farmiq_store *store,
                     struct farmiq_str tenant_id, struct farmiq_str media_id,
                     struct cloud_media *media);
/* Reply with the bytes of what was found, or 404. */
int cloud_media_reply_bytes(struct shim_call *call, const struct cloud_media *media);
int cloud_media_reply_none(struct shim_call *call);
/* 1: this cloud keeps bytes. */
int cloud_media_has_folder(const struct shim_call *call);

int cloud_media_consume(struct shim_call *call); /* consume.c: the queue */
int cloud_media_list(struct shim_call *call);    /* list.c */
int cloud_media_get_meta(struct shim_call *call);
int cloud_media_get_stats(struct shim_call *call);
int cloud_media_get_object(struct shim_call *call); /* object.c */
int cloud_media_admit(struct shim_call *call);      /* bytes.c */
int cloud_media_put(struct shim_call *call);
int cloud_media_get_link(struct shim_call *call); /* link.c */
int cloud_media_get_file(struct shim_call *call);
int cloud_media_purge(struct shim_call *call); /* care.c: jobs */
int cloud_media_sweep(struct shim_call *call);

#endif
