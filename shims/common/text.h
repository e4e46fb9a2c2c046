/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing borrowed text, and a fingerprint of what an event says. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "kit/shim.h"

int text_equal(struct farmiq_str a, struct farmiq_str b);
int text_is(struct farmiq_str text, const char *literal);
/* As memcmp(); of a text and its beginning the longer is greater. */
int text_compare(struct farmiq_str a, struct farmiq_str b);

/* Equality in a time that depends on the lengths only: for secrets. */
int text_equal_secret(struct farmiq_str a, struct farmiq_str b);

/* The member of a list that ends at `separator`; `*list` moves past it. Spaces around
 * it are dropped. An empty list gives an empty member. */
struct farmiq_str text_next(struct farmiq_str *list, char separator);

/* Decimal digits only. FARMIQ_OK, FARMIQ_E_SYNTAX, FARMIQ_E_RANGE. */
int text_number(struct farmiq_str text, int64_t *number);

/* The number in decimal, in the call's memory; empty when there is none left. */
struct farmiq_str text_of_number(struct shim_call *call, int64_t number);

/* A copy in the call's memory; empty when there is none left. */
struct farmiq_str text_copy(struct shim_call *call, struct farmiq_str text);

/* The parts, one after the other, in the call's memory; empty when there is none left. */
struct farmiq_str text_join(struct shim_call *call, const struct farmiq_str *parts,
                            size_t count);

/* Tells a repeat from a conflict: what the event says, without what may differ when
 * it is sent again (retry_count, trace_id, white space around members). Never 0. */
uint64_t text_fingerprint(struct farmiq_str event_type, struct farmiq_str device_id,
                          int64_t occurred_at_unix_ms, struct farmiq_str payload);

#endif
