/* SPDX-License-Identifier: Apache-2.0 */
/* What the ingestion's files share. */
#ifndef INGESTION_H
#define INGESTION_H

#include "common/purge.h"
#include "kit/shim.h"

/* ## credentials.c: which there are */

/* Who sent the request, and for whom it may speak. */
struct credential {
    struct farmiq_str edge_id;           /* empty: a plain secret, bound to nobody */
    struct farmiq_str proof;             /* the secret, or the name in the certificate */
    struct farmiq_str tenants;           /* "t1+t2"; empty: any */
    struct farmiq_str certified_tenants; /* the certificate's, where both are asked */
};

enum proof { PROOF_NONE, PROOF_KEY, PROOF_SIGNATURE };
struct mode { /* of CLOUD_AUTH_MODE */
    const char *name;
    int asks_certificate;
    enum proof proof;     /* besides */
    const char *lists[4]; /* where its secrets are; the first is bound to edges */
};
const struct mode *ingestion_mode(const struct shim_call *call);

/* Walks lists of credentials. */
struct keyring {
    const struct shim_call *call;
    const char *const *lists; /* options; ended by NULL */
    int list;                 /* the one in hand, counted from 1 */
    struct farmiq_str rest;
};
struct keyring ingestion_proofs(const struct shim_call *call);
struct keyring ingestion_certificates(const struct shim_call *call);
int ingestion_next(struct keyring *ring, struct credential *out); /* 0: no more */

int ingestion_speaks_for(const struct credential *credential,
                         struct farmiq_str tenant_id);
int ingestion_check_options(struct shim_call *call);

/* ## admit.c: who sent it. Needs no store. */

/* A step that has answered the request itself, with a refusal. */
#define REPLIED 1

/* Returns FARMIQ_OK, REPLIED, or FARMIQ_E_*. */
int ingestion_identify(struct shim_call *call, struct credential *credential);
int ingestion_admit(struct shim_call *call); /* finding: the struct credential */
int ingestion_reply_verdict(struct shim_call *call, int verdict, int64_t skew_ms);

/* ## replay.c: has this signature been accepted before? In the transaction. */

/* Returns FARMIQ_OK, REPLIED, or FARMIQ_E_*. */
int ingestion_admit_once(struct shim_call *call, const struct credential *credential);

/* ## batch.c */

/* The queues of the local bus, and where waits what none of its consumers takes. */
#define INGESTION_BUS "bus_telemetry", "bus_sessions", "bus_intake", "bus_media"
#define INGESTION_UNROUTED "bus_unrouted"

struct ingestion_state {
    struct purge_place edges; /* where the walk over silent edges goes on */
};

int ingestion_purge(struct shim_call *call); /* purge.c: jobs */
int ingestion_purge_silent(struct shim_call *call);
int ingestion_gauge(struct shim_call *call); /* gauges.c: a job */

/* One batch in hand. */
struct intake {
    struct shim_call *call;
    struct credential credential;
    struct farmiq_batch batch;
    struct farmiq_event **events; /* in the order they came; judged without a store */
    struct farmiq_sighting *sightings; /* of events[i]; the store's verdicts */
    uint32_t accepted, duplicated, rejected;
};

int ingestion_admit_batch(struct shim_call *call); /* finding: the struct intake */
int ingestion_post_batch(struct shim_call *call);

/* Why an event is not taken; `code` NULL: it is. Static texts. */
struct refusal {
    const char *code;
    const char *text;
};
struct refusal ingestion_refusal(const struct intake *intake, uint32_t index);

int ingestion_reply(struct intake *intake); /* answer.c: 0 or FARMIQ_E_* */

/* sort.c: a chain by event id; of equal ones the first stays first. */
struct farmiq_sighting *ingestion_sort(struct farmiq_sighting *first);

/* strict.c: the reference's "Missing <field>", or NULL (spec cloud 1.4). */
const char *ingestion_strict_fault(const struct farmiq_event *event);

#endif
