/* SPDX-License-Identifier: Apache-2.0 */
/* What the session model's files share. */
#ifndef READMODEL_H
#define READMODEL_H

#include "common/ask.h"
#include "common/sessions.h"
#include "kit/shim.h"

int readmodel_consume(struct shim_call *call);        /* consume.c: the queue */
int readmodel_roll_up(struct shim_call *call);        /* days.c: a job */
int readmodel_purge(struct shim_call *call);          /* purge.c: a job */
int readmodel_get_sessions(struct shim_call *call);   /* list.c */
int readmodel_get_session(struct shim_call *call);    /* list.c */
int readmodel_get_analytics(struct shim_call *call);  /* analytics.c */
int readmodel_get_aggregates(struct shim_call *call); /* aggregates.c */

/* 1 when the cloud shows the session as FINALIZED: also when created has not come. */
int readmodel_has_ended(const struct session *session);

/* days.c: the figures of these sessions' days are to be computed again. */
int readmodel_mark_days(struct sessions *sessions);

/* images.c: where the images of a batch lie. */
struct images {
    struct farmiq_sql_value *params;
    uint32_t count;
};
int images_open(struct images *images, struct shim_call *call);
/* Take what the payload of an image's event says, which may be nothing. FARMIQ_OK; codes
 * of farmiq_json_members(); FARMIQ_E_NOMEM. */
int images_read(struct images *images, struct scratch *scratch, struct shim_call *call,
                const struct weigh_fact *fact, struct farmiq_str payload);
int images_store(const struct images *images, struct shim_call *call);

/* samples.c: weights, ascending; one for each finalized session. */
struct samples {
    struct shim_call *call;
    double *kg;
    uint32_t count, room;
    struct farmiq_agg agg;
};
/* FARMIQ_OK, FARMIQ_E_NOMEM, or as farmiq_agg_add(). */
int samples_add(struct samples *samples, double kg);
/* The p-quantile; 0 when there are none. */
double samples_quantile(const struct samples *samples, double p);

/* spread.c: an object of figures, null where undefined; and ten bins of equal width. */
void samples_write_statistics(struct farmiq_json_writer *json,
                              const struct samples *samples);
void samples_write_bins(struct farmiq_json_writer *json, const struct samples *samples);

/* range.c: a range of days in a zone. */
struct range {
    const char *zone;
    int64_t from_unix_ms, to_unix_ms; /* `to` is outside */
    struct shim_day first, last;
};
/* start and end, as dates (both inside) or RFC 3339 times, both required; tz. */
void readmodel_ask_range(struct ask *ask, struct range *range);

/* children.c: what hangs on sessions, oldest first, of each kind at most the newest. */
struct children;
int children_load(struct shim_call *call, const struct session *const *sessions,
                  uint32_t count, int is_page, struct children **out);
/* Members "measurements", "media" and "inferences" of the `index`th session. */
void children_write(struct farmiq_json_writer *json, const struct children *children,
                    uint32_t index);
/* How much all of that takes at most. */
size_t children_bytes(const struct children *children);

#endif
