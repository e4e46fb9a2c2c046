/* SPDX-License-Identifier: Apache-2.0 */
/* A program that answers questions over its standard input and output, and may crash or
 * hang without harm: it is killed and started again for the next question.
 *
 * A question and an answer are frames: four bytes of length, the least first, and that
 * many bytes. After its start the program sends one frame, its greeting. One thread. */
#ifndef SHIM_WORKER_H
#define SHIM_WORKER_H

#include <stdint.h>

#include <farmiq/error.h>

struct shim_worker;

struct shim_worker_options {
    const char *const *argv; /* the program's path first; must outlive the worker */
    uint32_t timeout_ms;     /* for a start, and for an answer */
    uint64_t memory_bytes;   /* address space it may use; 0: no limit */
    uint32_t answer_bytes;   /* of the longest frame that is taken from it */
};

/* Starts nothing yet. FARMIQ_OK, FARMIQ_E_NOMEM. */
int shim_worker_open(struct shim_worker **out, const struct shim_worker_options *options);
void shim_worker_close(struct shim_worker *worker); /* NULL is fine */

/* Start it if it does not run. The greeting lives until it is started again.
 * FARMIQ_OK; FARMIQ_E_UNREACHABLE (it cannot be started, ended or kept silent:
 * `error->detail`); FARMIQ_E_NOMEM. */
int shim_worker_start(struct shim_worker *worker, struct farmiq_str *greeting,
                      struct farmiq_error *error);
/* Ask, starting it first if need be. The answer lives until the next call.
 * Codes as shim_worker_start(). */
int shim_worker_ask(struct shim_worker *worker, struct farmiq_str question,
                    struct farmiq_str *answer, struct farmiq_error *error);

#endif
