/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS behind one door. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "kit/crypto.h"
#include "kit/shim.h"

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

/* What GnuTLS calls a hash handle is a pointer already. */
struct shim_crypto_digest *shim_crypto_digest_open(void)
{
    gnutls_hash_hd_t hash = NULL;

    return gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0
               ? NULL
               : (struct shim_crypto_digest *)hash;
}

int shim_crypto_digest_add(struct shim_crypto_digest *digest, struct farmiq_str bytes)
{
    if (!digest || !is_str(bytes))
        return FARMIQ_E_ARG;
    return bytes.len && gnutls_hash((gnutls_hash_hd_t)digest, bytes.ptr, bytes.len) < 0
               ? FARMIQ_E_NOMEM
               : FARMIQ_OK;
}

void shim_crypto_digest_close(struct shim_crypto_digest *digest,
                              char hex[SHIM_CRYPTO_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t out[32] = { 0 };

    if (!digest)
        return;
    gnutls_hash_deinit((gnutls_hash_hd_t)digest, out);
    for (size_t i = 0; hex && i < sizeof out; i++) {
        hex[2 * i] = digits[out[i] >> 4];
        hex[2 * i + 1] = digits[out[i] & 15];
    }
    if (hex)
        hex[2 * sizeof out] = '\0';
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

/* A text with a NUL inside says one thing to us and another to whoever signed it. */
static void keep_whole(char *text, size_t len)
{
    if (memchr(text, '\0', len))
        text[0] = '\0';
}

static void read_common_name(gnutls_x509_crt_t certificate, char *out, size_t out_bytes)
{
    size_t len = out_bytes, second_len = 0;

    if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out,
                                      &len) < 0 ||
        gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 1, 0,
                                      NULL, &second_len) !=
            GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        out[0] = '\0';
    else
        keep_whole(out, len);
}

/* RFC 5280 4.2.1.6. Which of several would be meant is nothing to guess. */
static void read_uri(gnutls_x509_crt_t certificate, char *out, size_t out_bytes)
{
    char name[256];
    unsigned count = 0;

    out[0] = '\0';
    for (unsigned i = 0;; i++) {
        size_t len = sizeof name - 1;
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &len, NULL);

        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            count = 2; /* perhaps an URI: then one that nobody can be mapped to */
        if (type != GNUTLS_SAN_URI || len >= out_bytes || ++count > 1)
            continue;
        memcpy(out, name, len);
        out[len] = '\0';
        keep_whole(out, len);
    }
    if (count > 1)
        out[0] = '\0';
}

/* A subject longer than fits is no identity of ours. */
static int read_names(const gnutls_datum_t *der, struct shim_peer *peer)
{
    gnutls_x509_crt_t certificate;
    size_t len = sizeof peer->subject;
    int r;

    if (gnutls_x509_crt_init(&certificate) < 0)
        return FARMIQ_E_NOMEM;
    r = gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER);
    if (r >= 0)
        r = gnutls_x509_crt_get_dn(certificate, peer->subject, &len);
    if (r >= 0) {
        read_common_name(certificate, peer->common_name, sizeof peer->common_name);
        read_uri(certificate, peer->uri, sizeof peer->uri);
        peer->expires_unix_ms =
            (int64_t)gnutls_x509_crt_get_expiration_time(certificate) * 1000;
    }
    gnutls_x509_crt_deinit(certificate);
    return r < 0 ? FARMIQ_E_REFUSED : FARMIQ_OK;
}

int shim_crypto_tls_peer(void *tls_session, struct shim_peer *peer)
{
    gnutls_typed_vdata_st client = { GNUTLS_DT_KEY_PURPOSE_OID,
                                     (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
                                     0 };
    const gnutls_datum_t *chain;
    unsigned int count = 0, status = 0;

    if (!tls_session || !peer)
        return FARMIQ_E_ARG;
    chain = gnutls_certificate_get_peers(tls_session, &count);
    if (!chain || count == 0)
        return FARMIQ_NONE;
    if (gnutls_certificate_verify_peers(tls_session, &client, 1, &status) < 0 ||
        status != 0)
        return FARMIQ_E_REFUSED;
    return read_names(&chain[0], peer);
}

int shim_crypto_tls_send(void *tls_session, struct farmiq_str bytes)
{
    ssize_t sent;

    if (!tls_session || !is_str(bytes))
        return FARMIQ_E_ARG;
    sent = gnutls_record_send(tls_session, bytes.ptr, bytes.len);
    return sent == (ssize_t)bytes.len ? FARMIQ_OK : FARMIQ_E_UNREACHABLE;
}
