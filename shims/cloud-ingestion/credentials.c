/* SPDX-License-Identifier: Apache-2.0 */
/* Which credentials there are (spec cloud 1.5, 10-A1, A2): each belongs to an edge and
 * its tenants. EDGE_KEYS and EDGE_CERTS are lists of edge:proof:tenant+tenant; a plain
 * list of secrets, bound to nobody, is for development. */
#include "ingestion.h"

#include <string.h>

#include "common/text.h"

static const struct mode modes[] = {
    { "none", 0, PROOF_NONE, { NULL } },
    { "api_key", 0, PROOF_KEY, { "EDGE_KEYS", "CLOUD_API_KEYS", "CLOUD_API_KEY" } },
    { "hmac",
      0,
      PROOF_SIGNATURE,
      { "EDGE_KEYS", "CLOUD_HMAC_SECRETS", "CLOUD_HMAC_SECRET" } },
    { "mtls", 1, PROOF_NONE, { NULL } },
    { "mtls_hmac",
      1,
      PROOF_SIGNATURE,
      { "EDGE_KEYS", "CLOUD_HMAC_SECRETS", "CLOUD_HMAC_SECRET" } },
};
static const char *const certificate_lists[] = { "EDGE_CERTS", NULL };

const struct mode *ingestion_mode(const struct shim_call *call)
{
    struct farmiq_str name = shim_str(shim_text(call, "CLOUD_AUTH_MODE"));
    const struct mode *mode = modes;

    while (!text_is(name, mode->name)) /* the option allows no other */
        mode++;
    return mode;
}

struct keyring ingestion_proofs(const struct shim_call *call)
{
    return (struct keyring){ .call = call, .lists = ingestion_mode(call)->lists };
}

struct keyring ingestion_certificates(const struct shim_call *call)
{
    return (struct keyring){ .call = call, .lists = certificate_lists };
}

/* What stands between may hold colons: an URI does. */
static struct credential read_bound(struct farmiq_str entry)
{
    struct credential read = { .edge_id = text_next(&entry, ':'), .tenants = entry };

    for (size_t i = 0; i < entry.len; i++)
        if (entry.ptr[i] == ':') {
            read.proof = (struct farmiq_str){ entry.ptr, i };
            read.tenants = (struct farmiq_str){ entry.ptr + i + 1, entry.len - i - 1 };
        }
    return read;
}

int ingestion_next(struct keyring *ring, struct credential *out)
{
    struct farmiq_str entry;

    while (!ring->rest.len) {
        const char *option = ring->lists[ring->list];

        if (!option)
            return 0;
        ring->list++;
        ring->rest = shim_str(shim_text(ring->call, option));
    }
    entry = text_next(&ring->rest, ',');
    *out = ring->list == 1 ? read_bound(entry) : (struct credential){ .proof = entry };
    return 1;
}

static int is_in_list(struct farmiq_str list, struct farmiq_str member)
{
    while (list.len)
        if (text_equal(text_next(&list, '+'), member))
            return 1;
    return 0;
}

static int allows(struct farmiq_str tenants, struct farmiq_str tenant_id)
{
    return !tenants.len || text_is(tenants, "*") || is_in_list(tenants, tenant_id);
}

int ingestion_speaks_for(const struct credential *credential, struct farmiq_str tenant_id)
{
    return allows(credential->tenants, tenant_id) &&
           allows(credential->certified_tenants, tenant_id);
}

/* ## At the start */

static int refuse_options(struct shim_call *call, const char *why)
{
    shim_log(call, SHIM_ERROR, "options.refused", "%s", why);
    return FARMIQ_E_ARG;
}

static int is_whole(const struct credential *one)
{
    return one->edge_id.len && one->proof.len && one->tenants.len;
}

static int check_certificates(struct shim_call *call, const struct mode *mode)
{
    struct keyring ring = ingestion_certificates(call);
    struct credential one;
    int count = 0;

    for (; ingestion_next(&ring, &one); count++)
        if (!is_whole(&one))
            return refuse_options(call, "EDGE_CERTS: each entry must be "
                                        "edge:name:tenant+tenant");
    if (!mode->asks_certificate)
        return count ? refuse_options(call, "EDGE_CERTS is set, but CLOUD_AUTH_MODE asks "
                                            "for no certificate: set mtls or mtls_hmac")
                     : FARMIQ_OK;
    if (!count)
        return refuse_options(call, "EDGE_CERTS is empty: no edge could send");
    if (!*shim_text(call, "TLS_CLIENT_CA_FILE") || !*shim_text(call, "TLS_CERT_FILE"))
        return refuse_options(call, "CLOUD_AUTH_MODE=mtls needs TLS_CLIENT_CA_FILE, "
                                    "TLS_CERT_FILE and TLS_KEY_FILE");
    return FARMIQ_OK;
}

static int check_proofs(struct shim_call *call, int is_insecure)
{
    struct keyring ring = ingestion_proofs(call);
    struct credential one;
    int count = 0;

    for (; ingestion_next(&ring, &one); count++) {
        if (ring.list == 1 && !is_whole(&one))
            return refuse_options(call, "EDGE_KEYS: each entry must be "
                                        "edge:secret:tenant+tenant");
        if (ring.list > 1 && !is_insecure)
            return refuse_options(call, "plain keys and secrets are bound to no edge and "
                                        "no tenant: use EDGE_KEYS, or "
                                        "FARMIQ_INSECURE_DEV=true");
    }
    return count ? FARMIQ_OK
                 : refuse_options(call, "EDGE_KEYS is empty: no edge could send");
}

int ingestion_check_options(struct shim_call *call)
{
    int is_insecure = shim_number(call, "FARMIQ_INSECURE_DEV") != 0;
    const struct mode *mode = ingestion_mode(call);
    int r = check_certificates(call, mode);

    if (r < 0)
        return r;
    if (mode->proof != PROOF_NONE)
        return check_proofs(call, is_insecure);
    return mode->asks_certificate || is_insecure
               ? FARMIQ_OK
               : refuse_options(call, "CLOUD_AUTH_MODE=none lets anybody write into any "
                                      "tenant: set hmac, mtls or api_key, or "
                                      "FARMIQ_INSECURE_DEV=true");
}
