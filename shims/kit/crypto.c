/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS behind one door. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "kit/crypto.h"

static int is_str(struct farmiq_str text) { return text.ptr || text.len == 0; }

int shim_crypto_hmac_sha256(void *ctx, const char *secret, size_t secret_len,
                            const struct farmiq_str *parts, uint32_t part_count,
                            uint8_t out[32])
{
    gnutls_hmac_hd_t hmac;
    int r = 0;

    (void)ctx;
    if (!out || (!secret && secret_len) || (!parts && part_count))
        return FARMIQ_E_ARG;
    for (uint32_t i = 0; i < part_count; i++)
        if (!is_str(parts[i]))
            return FARMIQ_E_ARG;
    if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, secret, secret_len) < 0)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < part_count && r >= 0; i++)
        r = parts[i].len ? gnutls_hmac(hmac, parts[i].ptr, parts[i].len) : 0;
    gnutls_hmac_deinit(hmac, r < 0 ? NULL : out);
    return r < 0 ? FARMIQ_E_NOMEM : FARMIQ_OK;
}

int shim_crypto_sha256(struct farmiq_str bytes, uint8_t out[32])
{
    if (!out || !is_str(bytes))
        return FARMIQ_E_ARG;
    return gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.len ? bytes.ptr : "", bytes.len,
                            out) < 0
               ? FARMIQ_E_NOMEM
               : FARMIQ_OK;
}

int shim_crypto_equal(struct farmiq_str a, struct farmiq_str b)
{
    if (!is_str(a) || !is_str(b) || a.len != b.len)
        return 0;
    return a.len == 0 || gnutls_memcmp(a.ptr, b.ptr, a.len) == 0;
}

int shim_crypto_random(void *out, size_t bytes)
{
    if (!out && bytes)
        return FARMIQ_E_ARG;
    if (bytes == 0)
        return FARMIQ_OK;
    return gnutls_rnd(GNUTLS_RND_RANDOM, out, bytes) < 0 ? FARMIQ_E_STORE : FARMIQ_OK;
}

/* The subject as text, RFC 4514. Longer ones than fit are no identity of ours. */
static int subject_of(const gnutls_datum_t *der, char *out, size_t out_bytes)
{
    gnutls_x509_crt_t certificate;
    size_t len = out_bytes;
    int r;

    if (gnutls_x509_crt_init(&certificate) < 0)
        return FARMIQ_E_NOMEM;
    r = gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER);
    if (r >= 0)
        r = gnutls_x509_crt_get_dn(certificate, out, &len);
    gnutls_x509_crt_deinit(certificate);
    return r < 0 ? FARMIQ_E_REFUSED : FARMIQ_OK;
}

int shim_crypto_tls_peer(void *tls_session, char *subject, size_t subject_bytes)
{
    const gnutls_datum_t *chain;
    unsigned int count = 0, status = 0;

    if (!tls_session || !subject || subject_bytes == 0)
        return FARMIQ_E_ARG;
    chain = gnutls_certificate_get_peers(tls_session, &count);
    if (!chain || count == 0)
        return FARMIQ_NONE;
    if (gnutls_certificate_verify_peers2(tls_session, &status) < 0 || status != 0)
        return FARMIQ_E_REFUSED;
    return subject_of(&chain[0], subject, subject_bytes);
}

int shim_crypto_tls_send(void *tls_session, struct farmiq_str bytes)
{
    ssize_t sent;

    if (!tls_session || !is_str(bytes))
        return FARMIQ_E_ARG;
    sent = gnutls_record_send(tls_session, bytes.ptr, bytes.len);
    return sent == (ssize_t)bytes.len ? FARMIQ_OK : FARMIQ_E_UNREACHABLE;
}
