/* SPDX-License-Identifier: Apache-2.0 */
#include "common/grant.h"

#include <string.h>

#include "common/sigv4.h"
#include "common/text.h"

/* Method and values in a row with a NUL behind each: none of them holds one. */
static struct farmiq_str sign(struct shim_call *call, const char *secret,
                              const char *method, const struct grant_field *fields,
                              size_t count)
{
    static const char digits[] = "0123456789abcdef";
    struct farmiq_str parts[1 + 2 * GRANT_FIELDS_MAX] = { { method,
                                                            strlen(method) + 1 } };
    char *hex = shim_memory(call, 65);
    uint8_t mac[32];

    for (size_t i = 0; i < count; i++) {
        parts[1 + 2 * i] = fields[i].value;
        parts[2 + 2 * i] = (struct farmiq_str){ "", 1 };
    }
    if (!hex || shim_hmac_sha256(NULL, secret, strlen(secret), parts,
                                 1 + 2 * (uint32_t)count, mac) < 0)
        return shim_str("");
    for (size_t i = 0; i < sizeof mac; i++) {
        hex[2 * i] = digits[mac[i] >> 4];
        hex[2 * i + 1] = digits[mac[i] & 15];
    }
    return (struct farmiq_str){ hex, 64 };
}

struct farmiq_str grant_base(struct shim_call *call, const char *endpoint_option)
{
    const char *endpoint = shim_text(call, endpoint_option);
    struct farmiq_str host = shim_header(call, "host");
    const char *scheme = *shim_text(call, "TLS_CERT_FILE") ? "https://" : "http://";

    if (*endpoint)
        return shim_str(endpoint);
    return text_join(call, (struct farmiq_str[]){ shim_str(scheme), host }, 2);
}

struct farmiq_str grant_url(struct shim_call *call, const char *secret,
                            const char *method, struct farmiq_str base_and_path,
                            const struct grant_field *fields, size_t count)
{
    struct farmiq_str parts[4 + 4 * GRANT_FIELDS_MAX] = { base_and_path, shim_str("?") };
    size_t used = 2;

    for (size_t i = 0; i < count; i++) {
        parts[used++] = shim_str(fields[i].name);
        parts[used++] = shim_str("=");
        parts[used++] = sigv4_escape(call, fields[i].value, "");
        parts[used++] = shim_str("&");
    }
    parts[used++] = shim_str("signature=");
    parts[used++] = sign(call, secret, method, fields, count);
    return text_join(call, parts, used);
}

int grant_is_ours(struct shim_call *call, const char *secret, const char *method,
                  const struct grant_field *fields, size_t count)
{
    struct farmiq_str signature = sign(call, secret, method, fields, count);

    return signature.len && text_equal_secret(signature, shim_query(call, "signature"));
}
