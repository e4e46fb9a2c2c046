/* SPDX-License-Identifier: Apache-2.0 */
/* Weigh sessions in a store: the core's fold of facts (decision 9) over the tables
 * weigh_session, weigh_weight and weigh_media, which edge and cloud have alike.
 *
 *     struct sessions sessions;
 *     sessions_open(&sessions, call, count);
 *     sessions_take(&sessions, first);     each fact once, in any order
 *     ...                                  what the service does about it
 *     sessions_save(&sessions);
 *
 * in one transaction. Each step costs one statement per batch, not one per fact. */
#ifndef COMMON_SESSIONS_H
#define COMMON_SESSIONS_H

#include "common/groups.h"
#include "common/weigh.h"

/* What is known of a session beside its fold. */
enum session_text {
    SESSION_ID, /* ours: a UUID v7 */
    SESSION_FARM,
    SESSION_BARN,
    SESSION_DEVICE,
    SESSION_STATION,
    SESSION_BATCH,
    SESSION_RESULT, /* of the newest inference */
    SESSION_FINALIZED_EVENT,
    SESSION_FINALIZED_TRACE,
    SESSION_TEXTS
};
enum session_time {
    SESSION_FIRST_FACT_AT, /* the earliest moment that a fact names */
    SESSION_INFERENCE_AT,
    SESSION_FINALIZED_AT, /* when finalized came in */
    SESSION_TOLD_AT,      /* when it went on */
    SESSION_CREATED_AT,   /* our row */
    SESSION_UPDATED_AT,
    SESSION_TIMES
};

struct session {
    struct group group; /* key: tenant, session */
    struct farmiq_session fold;
    struct farmiq_str text[SESSION_TEXTS]; /* or empty */
    int64_t time_unix_ms[SESSION_TIMES];   /* or 0 */
    double declared_weight_kg;             /* by the finalized event; or 0 */
    int32_t loaded_state;                  /* before this batch */
    int is_changed;                        /* to be saved */
    int has_new_media;                     /* there are more than before this batch */
};

struct sessions {
    struct shim_call *call;
    struct groups groups; /* of struct session, in order of first appearance */
};

int sessions_open(struct sessions *sessions, struct shim_call *call, uint32_t expected);

/* The session of that name, new and empty until sessions_load(). NULL: no memory. */
struct session *sessions_want(struct sessions *sessions, struct farmiq_str tenant_id,
                              struct farmiq_str session_id);

/* Read what the store has of all that were wanted. FARMIQ_OK, FARMIQ_E_NOMEM, or as
 * farmiq_sql_run_many(). */
int sessions_load(struct sessions *sessions);
/* The same, to be saved: until the transaction ends, no other writer folds them. */
int sessions_lock(struct sessions *sessions);

/* Store the facts and fold them into their sessions. A fact that a session can never
 * take is refused in its `refusal`, and its neighbours go through. Locks by itself.
 * FARMIQ_OK, FARMIQ_E_NOMEM, or as farmiq_sql_run_many(). */
int sessions_take(struct sessions *sessions, struct weigh_fact *first);

/* Write the sessions that changed. */
int sessions_save(struct sessions *sessions);

struct farmiq_str session_tenant(const struct session *session);
struct farmiq_str session_name(const struct session *session);
/* 1 once created has come. */
int session_is_there(int32_t state);

/* One weight of a session as the store has it. */
struct session_weight {
    struct session_weight *next;
    struct farmiq_str event_id, trace_id;
    double weight_kg;
    int64_t occurred_at_unix_ms, created_at_unix_ms;
    int is_told; /* not while its session waits for created */
};
/* All weights of a session, oldest first, in the call's memory. */
int sessions_weights(struct shim_call *call, const struct session *session,
                     struct session_weight **first);

#endif
