/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS behind one door. */
#ifndef SHIM_CRYPTO_H
#define SHIM_CRYPTO_H

#include <farmiq/farmiq.h>

/* In the shape of farmiq_hmac_fn. */
int shim_crypto_hmac_sha256(void *ctx, const char *secret, size_t secret_len,
                            const struct farmiq_str *parts, uint32_t part_count,
                            uint8_t out[32]);
int shim_crypto_sha256(struct farmiq_str bytes, uint8_t out[32]);
/* The same over bytes as they come; SHIM_CRYPTO_SHA256_HEX with the NUL. */
#define SHIM_CRYPTO_SHA256_HEX 65
struct shim_crypto_digest;
struct shim_crypto_digest *shim_crypto_digest_open(void); /* NULL: no memory */
int shim_crypto_digest_add(struct shim_crypto_digest *digest, struct farmiq_str bytes);
/* Frees it; `hex` may be NULL. */
void shim_crypto_digest_close(struct shim_crypto_digest *digest,
                              char hex[SHIM_CRYPTO_SHA256_HEX]);
/* 1 if equal; time depends on the lengths only. */
int shim_crypto_equal(struct farmiq_str a, struct farmiq_str b);
int shim_crypto_random(void *out, size_t bytes);

/* For the kit's TLS servers; `tls_session` is a gnutls_session_t.
 * Who the verified client certificate is for. FARMIQ_OK; FARMIQ_NONE: none was shown;
 * FARMIQ_E_REFUSED: it does not verify, is not for clients, or its subject does not
 * fit. */
struct shim_peer;
int shim_crypto_tls_peer(void *tls_session, struct shim_peer *peer);
/* Write all of `bytes`, or FARMIQ_E_UNREACHABLE. */
int shim_crypto_tls_send(void *tls_session, struct farmiq_str bytes);

#endif
