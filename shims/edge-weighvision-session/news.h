/* SPDX-License-Identifier: Apache-2.0 */
/* An event of a session for the cloud (spec edge 6.1). */
#ifndef NEWS_H
#define NEWS_H

#include "weighing.h"

struct telling {
    struct shim_call *call;
    struct farmiq_outbox_row *first, **end;
};

/* One event to be told. */
struct news {
    const struct session *session;
    const char *event_type;
    void (*write)(struct farmiq_json_writer *json, const void *news);
    struct farmiq_str event_id, trace_id;
    double weight_kg;
    struct farmiq_str media_id;
    int64_t occurred_at_unix_ms;
};

/* What a payload says, by the type of event. */
void news_write_created(struct farmiq_json_writer *json, const void *news);
void news_write_weight(struct farmiq_json_writer *json, const void *news);
void news_write_image(struct farmiq_json_writer *json, const void *news);
void news_write_finalized(struct farmiq_json_writer *json, const void *news);

/* Chain a row for the outbox. FARMIQ_OK, FARMIQ_E_NOMEM, or as scratch_build(). */
int news_tell(struct telling *telling, const struct news *news);

#endif
