/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about sessions share. */
#ifndef COMMON_SESSION_PRIVATE_H
#define COMMON_SESSION_PRIVATE_H

#include "common/sessions.h"

#define SESSION_FOLD_COLUMNS 12
#define SESSION_LOADED (SESSION_FOLD_COLUMNS + SESSION_TEXTS + SESSION_TIMES + 1)
#define SESSION_SAVED (2 + SESSION_LOADED) /* with its key before */

/* ## session_row.c: a session's row, between its statements and the struct */

/* The parameters of session_save. */
void session_row_put(struct farmiq_sql_value to[SESSION_SAVED],
                     const struct session *session);
/* The columns of session_load; texts are copied. FARMIQ_OK or FARMIQ_E_NOMEM. */
int session_row_get(struct shim_call *call, struct session *session,
                    const struct farmiq_sql_value *columns);

/* ## session_store.c: facts into the tables of their kinds */

/* Those of `first`, at most `most`, that have a table and are not refused; `is_new` says
 * which were not there yet. Their sessions must be locked. */
int session_store_facts(struct shim_call *call, struct weigh_fact *first, uint32_t most);

/* ## session_fold.c: what the facts come to */

/* The facts of one kind, in their order. Weights must be stored before. */
int session_fold_kind(struct shim_call *call, struct weigh_fact *first, int32_t kind);
/* All media at once: how many a session has by now. */
int session_fold_media(struct sessions *sessions, const struct weigh_fact *first);

/* ## sessions.c */

/* All sessions, in order of their first appearance. NULL: no memory. */
struct session **session_list(const struct sessions *sessions);

/* Run a query for each session of a list, with its key as parameters: `on_row` gets a
 * struct session_answers. */
struct session_answers {
    struct shim_call *call;
    struct session **sessions; /* by row */
};
int session_ask(struct shim_call *call, const struct farmiq_sql_query *query,
                struct session **sessions, uint32_t count, farmiq_sql_row_fn on_row);

#endif
