/* SPDX-License-Identifier: Apache-2.0 */
/* What the forwarder's files share: a cycle, a parcel, and how they go. */
#ifndef FORWARDER_H
#define FORWARDER_H

#include "kit/shim.h"

/* The row of sync_state that stands for the endpoint and not for a tenant: no tenant
 * can be called that. */
#define ENDPOINT "*"

#define RENEW_PCT 60

struct forwarder_state {
    struct farmiq_outbox_stats stats; /* told to the cloud and to /metrics */
    int64_t stats_at_unix_ms;
};

/* One claim and what is still to be sent of it. */
struct cycle {
    struct shim_call *call;         /* the job's: its memory lasts for the cycle */
    struct farmiq_outbox_row *rows; /* not sent yet, in claim order */
    struct farmiq_outbox_claim claim;
    struct farmiq_outbox_policy policy;
    struct farmiq_backoff backoff;
    uint32_t row_count;            /* as claimed */
    uint32_t most;                 /* rows in the next parcel; halved to find a culprit */
    uint32_t consecutive_failures; /* of the endpoint, before this cycle */
    int64_t lease_expires_at_unix_ms;
    int is_over; /* the endpoint is paused, or the lease was lost */
    char *body;
    size_t body_bytes;
};

/* What goes into one request: rows of one tenant. */
struct parcel {
    struct farmiq_outbox_row *rows, **end;
    uint32_t count;
    struct farmiq_str tenant_id;
    struct farmiq_str batch_id;
    struct farmiq_str body;
    int32_t outcome;   /* enum farmiq_outbox_outcome, of the request as a whole */
    const char *error; /* code, when it is not ACKED */
    int status;        /* 0: no answer */
    int64_t retry_after_ms;
};

/* cycle.c: the job. */
int forwarder_sync(struct shim_call *call);
int forwarder_purge(struct shim_call *call); /* purge.c: a job */
/* At start: what a killed process had in hand is due again. */
int forwarder_end_leases(struct shim_call *call);
/* parcel.c: take the next rows off the cycle; a row that fits no request becomes a
 * parcel of its own with the outcome REFUSED. 0 or FARMIQ_E_*. */
int forwarder_fill(struct cycle *cycle, struct parcel *parcel);
/* Send it and read the answer into the outcome and the events' refusals. */
int forwarder_send(struct cycle *cycle, struct parcel *parcel);
/* settle.c: write what became of it. */
int forwarder_settle(struct cycle *cycle, struct parcel *parcel);

/* sign.c: the headers of spec edge 6.7 for one request. */
#define AUTH_HEADERS 4
int forwarder_auth_check_options(struct shim_call *call);
uint32_t forwarder_auth_headers(struct shim_call *call, const char *method,
                                struct farmiq_str path, struct farmiq_str body,
                                struct shim_header_line out[AUTH_HEADERS]);
/* extra.c: what CLOUD_INGESTION_HEADERS_JSON adds. FARMIQ_OK or FARMIQ_E_SYNTAX. */
#define EXTRA_HEADERS 8
int forwarder_extra_headers(struct shim_call *call, struct shim_header_line *out,
                            uint32_t room, uint32_t *count);
/* "/api/v1/edge/batch" of the configured URL. */
struct farmiq_str forwarder_auth_url_path(const struct shim_call *call);

/* The name under which this edge is known. */
struct farmiq_str forwarder_edge_id(const struct shim_call *call);

/* endpoints.c and actions.c */
int forwarder_get_state(struct shim_call *call);
int forwarder_get_outbox(struct shim_call *call);
int forwarder_get_dlq(struct shim_call *call);
int forwarder_post_redrive(struct shim_call *call);
int forwarder_post_unclaim(struct shim_call *call);
int forwarder_post_trigger(struct shim_call *call);
int forwarder_get_cloud_diagnostics(struct shim_call *call);

#endif
