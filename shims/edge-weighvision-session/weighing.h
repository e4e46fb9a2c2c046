/* SPDX-License-Identifier: Apache-2.0 */
/* What the session service's files share. */
#ifndef WEIGHING_H
#define WEIGHING_H

#include "common/sessions.h"
#include "kit/shim.h"

/* The facts of one request: take them, tell the cloud, save, all in the transaction in
 * hand. Each fact's `refusal` and `is_new` say what became of it. 0 or FARMIQ_E_*. */
int weighing_keep(struct shim_call *call, struct weigh_fact *first, uint32_t count,
                  struct sessions *sessions);

/* tell.c: the outbox rows that the new facts make due; `first` may be NULL. */
int weighing_tell(struct sessions *sessions, const struct weigh_fact *first);
/* The same for sessions whose created has not come for long. */
int weighing_tell_orphans(struct sessions *sessions);

/* body.c: a fact from the body of a request. Replies 400 and returns 1 if it is none;
 * 0; or FARMIQ_E_NOMEM. */
int weighing_read_body(struct shim_call *call, int32_t kind, struct weigh_fact *fact);

/* answer.c */
void weighing_write_session(struct farmiq_json_writer *json,
                            const struct session *session);
int weighing_reply_session(struct shim_call *call, int status,
                           const struct session *session);
/* The stored row that a fact led to; 409 when its event id names something else. */
int weighing_reply_weight(struct shim_call *call, const struct weigh_fact *fact);
int weighing_reply_binding(struct shim_call *call, const struct weigh_fact *fact);
int weighing_reply_whole(struct shim_call *call, const struct session *session);
/* "media_binding": the binding or null, into an open object. */
int weighing_write_binding(struct shim_call *call, struct farmiq_json_writer *json,
                           const struct weigh_fact *fact);

/* The handlers and jobs. */
int weighing_post_session(struct shim_call *call); /* facts.c */
int weighing_post_weight(struct shim_call *call);
int weighing_post_media(struct shim_call *call);
int weighing_finalize(struct shim_call *call);
int weighing_cancel(struct shim_call *call);
int weighing_attach(struct shim_call *call);      /* attach.c */
int weighing_get_session(struct shim_call *call); /* service.c */
int weighing_post_events(struct shim_call *call); /* events.c */
int weighing_sweep(struct shim_call *call);       /* care.c */
int weighing_settle(struct shim_call *call);
int weighing_adopt(struct shim_call *call);
int weighing_purge(struct shim_call *call);

#endif
