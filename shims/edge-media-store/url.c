/* SPDX-License-Identifier: Apache-2.0 */
/* The URL that leaves one PUT to whoever has it: everything that it leaves is in its
 * query, and signed. */
#include "media.h"

#include "common/grant.h"

static const struct {
    const char *name;
    enum media_text which;
} texts[] = {
    { "key", MEDIA_KEY },   { "tenant", MEDIA_TENANT }, { "farm", MEDIA_FARM },
    { "barn", MEDIA_BARN }, { "device", MEDIA_DEVICE }, { "session", MEDIA_SESSION },
    { "type", MEDIA_TYPE },
};
static const char *const numbers[] = { "captured_at", "max_bytes", "expires_at",
                                       "completes" };

enum {
    TEXTS = sizeof texts / sizeof *texts,
    NUMBERS = sizeof numbers / sizeof *numbers,
    FIELDS = TEXTS + NUMBERS
};

static void list_fields(struct shim_call *call, const struct media_grant *grant,
                        struct grant_field fields[FIELDS])
{
    const int64_t values[NUMBERS] = { grant->media.captured_at_unix_ms, grant->max_bytes,
                                      grant->expires_at_unix_ms, grant->completes };

    for (int i = 0; i < TEXTS; i++)
        fields[i] =
            (struct grant_field){ texts[i].name, grant->media.text[texts[i].which] };
    for (int i = 0; i < NUMBERS; i++)
        fields[TEXTS + i] =
            (struct grant_field){ numbers[i], text_of_number(call, values[i]) };
}

struct farmiq_str media_grant_url(struct shim_call *call, const struct media_grant *grant)
{
    const struct farmiq_str where[] = { grant_base(call, "MEDIA_PRESIGN_ENDPOINT"),
                                        shim_str("/api/v1/media/uploads") };
    struct grant_field fields[FIELDS];

    list_fields(call, grant, fields);
    return grant_url(call, media_secret(call), "PUT", text_join(call, where, 2), fields,
                     FIELDS);
}

static int refuse(struct shim_call *call, const char *why)
{
    shim_reply_error(call, 403, "FORBIDDEN", "%s", why);
    return 1;
}

int media_grant_read(struct shim_call *call, struct media_grant *grant)
{
    struct grant_field fields[FIELDS];
    int64_t values[NUMBERS] = { 0 };

    *grant = (struct media_grant){ 0 };
    for (int i = 0; i < TEXTS; i++)
        grant->media.text[texts[i].which] = shim_query(call, texts[i].name);
    for (int i = 0; i < NUMBERS; i++)
        if (text_number(shim_query(call, numbers[i]), &values[i]) != FARMIQ_OK)
            return refuse(call, "this URL was not given out here");
    grant->media.captured_at_unix_ms = values[0];
    grant->max_bytes = values[1];
    grant->expires_at_unix_ms = values[2];
    grant->completes = values[3] == 1;
    list_fields(call, grant, fields);
    if (!grant_is_ours(call, media_secret(call), "PUT", fields, FIELDS))
        return refuse(call, "this URL was altered, or not given out here");
    if (call->now_unix_ms >= grant->expires_at_unix_ms)
        return refuse(call, "this URL has expired: ask for another");
    return FARMIQ_OK;
}
