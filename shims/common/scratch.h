/* SPDX-License-Identifier: Apache-2.0 */
/* Working memory for parsers, and JSON built in a call's memory. */
#ifndef COMMON_SCRATCH_H
#define COMMON_SCRATCH_H

#include "kit/shim.h"

/* A parser's scratch is used again for the next message, unless decoded text stayed
 * in it, which is rare: most strings have no escapes and point into the message. */
struct scratch {
    unsigned char *memory;
    size_t bytes;
};

/* Memory for parsing `json_bytes` of JSON; NULL: none left. */
void *scratch_take(struct scratch *scratch, struct shim_call *call, size_t json_bytes);
/* Say that this text will be used later; if it lies in the scratch, that stays. */
void scratch_keep(struct scratch *scratch, struct farmiq_str text);
/* The same for `count` texts in a row. */
void scratch_keep_all(struct scratch *scratch, const struct farmiq_str *texts,
                      size_t count);
/* farmiq_event_parse() with that scratch; what was parsed is kept. */
int scratch_event(struct scratch *scratch, struct shim_call *call, struct farmiq_str json,
                  struct farmiq_event *event);

/* farmiq_json_members() with that scratch; texts that were found are kept. */
int scratch_members(struct scratch *scratch, struct shim_call *call,
                    struct farmiq_str json, struct farmiq_json_member *members,
                    uint32_t member_count);

/* farmiq_batch_parse() or farmiq_events_parse(), which `parse` is, in a call's memory.
 * Codes as theirs, and FARMIQ_E_NOMEM. */
int scratch_batch(struct shim_call *call,
                  int (*parse)(struct farmiq_batch *out, const char *json,
                               size_t json_bytes, void *memory, size_t memory_bytes,
                               struct farmiq_error *error),
                  struct farmiq_batch *batch, struct farmiq_error *error);

/* Build a document with `write`, which may be called twice: when the guess was too
 * small, again with what it takes. FARMIQ_OK, FARMIQ_E_NOMEM, or as
 * farmiq_json_end(). */
int scratch_build(struct shim_call *call, size_t guess_bytes,
                  void (*write)(struct farmiq_json_writer *json, const void *ctx),
                  const void *ctx, struct farmiq_str *out);

#endif
