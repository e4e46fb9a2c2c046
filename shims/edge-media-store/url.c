/* SPDX-License-Identifier: Apache-2.0 */
/* The URL that leaves one PUT to whoever has it: everything that it leaves is in its
 * query, and signed. */
#include "media.h"

#include <string.h>

#include "common/sigv4.h"

#define URL_PATH "/api/v1/media/uploads?"

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

struct field {
    const char *name;
    struct farmiq_str value;
};

static void list_fields(struct shim_call *call, const struct media_grant *grant,
                        struct field fields[FIELDS])
{
    const int64_t values[NUMBERS] = { grant->media.captured_at_unix_ms, grant->max_bytes,
                                      grant->expires_at_unix_ms, grant->completes };

    for (int i = 0; i < TEXTS; i++)
        fields[i] = (struct field){ texts[i].name, grant->media.text[texts[i].which] };
    for (int i = 0; i < NUMBERS; i++)
        fields[TEXTS + i] = (struct field){ numbers[i], text_of_number(call, values[i]) };
}

/* The values in a row with a NUL behind each: none of them holds one. */
static struct farmiq_str sign(struct shim_call *call, const struct field fields[FIELDS])
{
    static const char digits[] = "0123456789abcdef";
    const char *secret = media_secret(call);
    struct farmiq_str parts[1 + 2 * FIELDS] = { { "PUT", 4 } };
    char *hex = shim_memory(call, 65);
    uint8_t mac[32];

    for (int i = 0; i < FIELDS; i++) {
        parts[1 + 2 * i] = fields[i].value;
        parts[2 + 2 * i] = (struct farmiq_str){ "", 1 };
    }
    if (!hex ||
        shim_hmac_sha256(NULL, secret, strlen(secret), parts, 1 + 2 * FIELDS, mac) < 0)
        return shim_str("");
    for (size_t i = 0; i < sizeof mac; i++) {
        hex[2 * i] = digits[mac[i] >> 4];
        hex[2 * i + 1] = digits[mac[i] & 15];
    }
    return (struct farmiq_str){ hex, 64 };
}

/* Where the device that asks has found us, unless the operator knows better. */
static struct farmiq_str base(struct shim_call *call)
{
    const char *endpoint = shim_text(call, "MEDIA_PRESIGN_ENDPOINT");
    struct farmiq_str host = shim_header(call, "host");
    const char *scheme = *shim_text(call, "TLS_CERT_FILE") ? "https://" : "http://";

    if (*endpoint)
        return shim_str(endpoint);
    return text_join(call, (struct farmiq_str[]){ shim_str(scheme), host }, 2);
}

struct farmiq_str media_grant_url(struct shim_call *call, const struct media_grant *grant)
{
    struct field fields[FIELDS];
    struct farmiq_str parts[4 + 4 * FIELDS] = { base(call), shim_str(URL_PATH) };
    size_t count = 2;

    list_fields(call, grant, fields);
    for (int i = 0; i < FIELDS; i++) {
        parts[count++] = shim_str(fields[i].name);
        parts[count++] = shim_str("=");
        parts[count++] = sigv4_escape(call, fields[i].value, "");
        parts[count++] = shim_str("&");
    }
    parts[count++] = shim_str("signature=");
    parts[count++] = sign(call, fields);
    return text_join(call, parts, count);
}

static int refuse(struct shim_call *call, const char *why)
{
    shim_reply_error(call, 403, "FORBIDDEN", "%s", why);
    return 1;
}

int media_grant_read(struct shim_call *call, struct media_grant *grant)
{
    struct field fields[FIELDS];
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
    if (!text_equal_secret(sign(call, fields), shim_query(call, "signature")))
        return refuse(call, "this URL was altered, or not given out here");
    if (call->now_unix_ms >= grant->expires_at_unix_ms)
        return refuse(call, "this URL has expired: ask for another");
    return FARMIQ_OK;
}
