/* SPDX-License-Identifier: Apache-2.0 */
/* What the inference service's files share: an order becomes a job, a job a finding. */
#ifndef INFERENCE_H
#define INFERENCE_H

#include "kit/shim.h"

#define QUEUE "inference"
#define VERSION_BYTES 64

struct inference_state {
    char version[VERSION_BYTES]; /* of the model, by its manifest; empty: there is none */
};

/* What was asked for. Its id is made of the medium and the model's version: asked again,
 * it is the same job. */
struct order {
    struct farmiq_str job_id;
    struct farmiq_str tenant_id, farm_id, barn_id, device_id;
    struct farmiq_str session_id; /* may be empty */
    struct farmiq_str media_id, object_key, trace_id;
};

/* What became of one job. */
struct finding {
    int32_t outcome; /* enum farmiq_outbox_outcome */
    const char *error;
    struct farmiq_str message;
    double weight_kg;
    double confidence;
    struct farmiq_str metadata; /* a JSON object */
    struct farmiq_str model_version;
};

/* One job in hand. */
struct work {
    struct shim_call *call; /* the service's job: its memory lasts until we are done */
    struct farmiq_outbox_row *row;
    struct order order;
    struct finding finding;
    struct farmiq_str result_id;
    struct farmiq_str attachment; /* the body for the session service */
    struct farmiq_outbox_claim claim;
};

/* order.c: the body of a request. Replies and returns 1 if it is no order; 0; or
 * FARMIQ_E_NOMEM. */
int order_read(struct shim_call *call, struct order *order);
/* And back from the queue. */
int order_of_event(struct shim_call *call, const struct farmiq_event *event,
                   struct order *order);
/* The id of what a model of this version finds in a medium. Empty: no memory left. */
struct farmiq_str order_result_id(struct shim_call *call, const struct order *order,
                                  struct farmiq_str model_version);
/* The event as which it stands in the queue. */
int order_event(struct shim_call *call, const struct order *order,
                struct farmiq_event *event);

/* look.c: start the model if it does not run. FARMIQ_OK; FARMIQ_E_UNREACHABLE: it cannot
 * be had now. */
int look_ready(struct shim_call *call, struct farmiq_str *version);
/* Fetch the picture, show it to the model: the finding. 0 or FARMIQ_E_*. */
int look(struct work *work);

/* record.c: a result, its event and its session, together with the job's end. A unit:
 * FARMIQ_NONE if the job is not ours any more. */
int record_result(struct shim_call *call, void *work);
/* Before it: what the session is told where it lives in another process. */
int record_attach_afar(struct work *work);

/* The handlers and jobs. */
int inference_post_job(struct shim_call *call); /* jobs.c */
int inference_get_job(struct shim_call *call);
int inference_get_results(struct shim_call *call); /* answer.c */
int inference_get_stats(struct shim_call *call);
int inference_get_models(struct shim_call *call);
int inference_work(struct shim_call *call);  /* work.c */
int inference_begin(struct shim_call *call); /* care.c */
int inference_purge(struct shim_call *call);

#endif
