/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a JSON object, key and value in one line. */
#ifndef COMMON_MEMBERS_H
#define COMMON_MEMBERS_H

#include "kit/shim.h"

void member_text(struct farmiq_json_writer *json, const char *key,
                 struct farmiq_str text);
/* null when empty */
void member_text_or_null(struct farmiq_json_writer *json, const char *key,
                         struct farmiq_str text);
void member_int(struct farmiq_json_writer *json, const char *key, int64_t value);
void member_real(struct farmiq_json_writer *json, const char *key, double value);
void member_flag(struct farmiq_json_writer *json, const char *key, int value);
void member_time(struct farmiq_json_writer *json, const char *key, int64_t unix_ms);
/* null when 0 */
void member_time_or_null(struct farmiq_json_writer *json, const char *key,
                         int64_t unix_ms);
void member_null(struct farmiq_json_writer *json, const char *key);

/* An element of the answer to a batch: what was not taken, and why (13-A11). */
void member_skipped(struct farmiq_json_writer *json, uint32_t index,
                    struct farmiq_str event_id, const char *error);

#endif
