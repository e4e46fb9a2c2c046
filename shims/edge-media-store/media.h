/* SPDX-License-Identifier: Apache-2.0 */
/* What the media store's files share. */
#ifndef MEDIA_H
#define MEDIA_H

#include "common/members.h"
#include "common/text.h"
#include "common/url_secret.h"
#include "kit/shim.h"

#define MEDIA_FOLDER "MEDIA_BASE_PATH"
#define MEDIA_RATE_SLOTS 1024

/* One device's share of presigned URLs (rate.c). */
struct media_rate {
    uint64_t device;  /* a hash of its tenant and id; 0: nobody */
    int64_t until_ms; /* what it has had is worked off then */
};

struct media_state {
    struct url_secret secret;                  /* constant after the start */
    struct media_rate rates[MEDIA_RATE_SLOTS]; /* the writer's */
    _Atomic int is_backend_down;               /* the probe's; every thread reads it */
};

/* An image: whose it is, and what is known of its bytes. */
enum media_text {
    MEDIA_TENANT,
    MEDIA_FARM,
    MEDIA_BARN,
    MEDIA_DEVICE,
    MEDIA_SESSION, /* may be empty */
    MEDIA_KEY,
    MEDIA_TYPE,
    MEDIA_TEXTS
};
struct media {
    struct farmiq_str text[MEDIA_TEXTS];
    struct farmiq_str etag;
    int64_t bytes;               /* -1: not said */
    int64_t captured_at_unix_ms; /* 0: not said */
};

/* body.c: a request's members, in either spelling (spec edge 8.5). */
struct media_request {
    struct media media;
    struct farmiq_str file_name;
    int is_agent; /* it spells as the device agent does, which never calls complete */
};
/* `needed`: a bit per enum media_text. Also that x-tenant-id names the same tenant.
 * FARMIQ_OK, 1 after replying, or FARMIQ_E_NOMEM. */
int media_read_body(struct shim_call *call, uint32_t needed, struct media_request *out);
/* The same of a form, whose image says its own name and type. */
struct form;
struct form_part;
int media_read_form(struct shim_call *call, const struct form *form,
                    const struct form_part *image, uint32_t needed,
                    struct media_request *out);

/* key.c: names of objects, which are made here and nowhere else: their UUID proves it.
 * Text in the call's memory; empty: no memory. */
struct farmiq_str media_key_make(struct shim_call *call,
                                 const struct media_request *request);
/* Was it made here, for this tenant? */
int media_key_is_ours(const struct shim_call *call, struct farmiq_str tenant_id,
                      struct farmiq_str key);

/* url.c: leave to PUT one object, once, soon. */
struct media_grant {
    struct media media;
    int64_t max_bytes;
    int64_t expires_at_unix_ms;
    int completes; /* the PUT is also the complete */
};
struct farmiq_str media_grant_url(struct shim_call *call,
                                  const struct media_grant *grant);
/* From the query of a PUT. 0, or 1 after replying 403. */
int media_grant_read(struct shim_call *call, struct media_grant *grant);

/* rate.c: 0, or how long the device has to wait. */
int64_t media_rate_wait_ms(struct shim_call *call, const struct media *media);
struct media_share { /* of the writer's answer for those who are not on its thread */
    const struct media *media;
    int64_t wait_ms;
};
/* presign.c: 1 after replying that this image is not wanted, or not now; else 0. */
int media_refuse_request(struct shim_call *call, const struct media_request *request,
                         int64_t wait_ms);

/* upload.c: look at a new file's bytes, keep it, keep the row if it `completes`, reply.
 */
int media_take_file(struct shim_call *call, const struct media *said,
                    struct shim_file *file, int completes);

/* What signs URLs and keys. */
const char *media_secret(const struct shim_call *call);

/* keep.c: the row and its event (spec edge 8.2), in the transaction in hand; what is
 * there already stays as it is. */
struct farmiq_str media_id(struct shim_call *call, const struct media *media);
int media_keep(struct shim_call *call, const struct media *media);
/* The row of that key as the answer of complete. FARMIQ_OK after replying, FARMIQ_NONE:
 * there is none. */
int media_reply_kept(struct shim_call *call, const struct media *media);

/* The handlers and jobs. */
int media_presign(struct shim_call *call);      /* presign.c */
int media_admit_upload(struct shim_call *call); /* upload.c */
int media_put_upload(struct shim_call *call);
int media_admit_form(struct shim_call *call); /* direct.c */
int media_post_form(struct shim_call *call);
int media_look(struct shim_call *call); /* complete.c: `admit` */
int media_complete(struct shim_call *call);
int media_get_object(struct shim_call *call); /* objects.c */
int media_get_by_key(struct shim_call *call);
int media_get_meta(struct shim_call *call);
int media_get_stats(struct shim_call *call);
int media_probe(struct shim_call *call); /* backend.c */
int media_ready(const struct shim_call *call, struct farmiq_json_writer *json);
int media_infer(struct shim_call *call); /* infer.c */

#endif
