/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a JSON object, key and value in one line. */
#include "common/members.h"

void member_text(struct farmiq_json_writer *json, const char *key, struct farmiq_str text)
{
    farmiq_json_key(json, key);
    farmiq_json_str(json, text);
}

void member_text_or_null(struct farmiq_json_writer *json, const char *key,
                         struct farmiq_str text)
{
    if (text.len)
        member_text(json, key, text);
    else
        member_null(json, key);
}

void member_int(struct farmiq_json_writer *json, const char *key, int64_t value)
{
    farmiq_json_key(json, key);
    farmiq_json_int(json, value);
}

void member_real(struct farmiq_json_writer *json, const char *key, double value)
{
    farmiq_json_key(json, key);
    farmiq_json_double(json, value);
}

void member_flag(struct farmiq_json_writer *json, const char *key, int value)
{
    farmiq_json_key(json, key);
    farmiq_json_bool(json, value);
}

void member_time(struct farmiq_json_writer *json, const char *key, int64_t unix_ms)
{
    farmiq_json_key(json, key);
    farmiq_json_time(json, unix_ms);
}

void member_time_or_null(struct farmiq_json_writer *json, const char *key,
                         int64_t unix_ms)
{
    if (unix_ms)
        member_time(json, key, unix_ms);
    else
        member_null(json, key);
}

void member_null(struct farmiq_json_writer *json, const char *key)
{
    farmiq_json_key(json, key);
    farmiq_json_null(json);
}

void member_skipped(struct farmiq_json_writer *json, uint32_t index,
                    struct farmiq_str event_id, const char *error)
{
    farmiq_json_open(json, '{');
    member_int(json, "index", index);
    member_text(json, "event_id", event_id);
    member_text(json, "status", shim_str("skipped"));
    member_text(json, "error", shim_str(error));
    farmiq_json_close(json, '}');
}
