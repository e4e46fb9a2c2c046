/* SPDX-License-Identifier: Apache-2.0 */
/* Asking an SNMP agent for numbers (net-snmp): v2c (RFC 3416) and v3 with USM (RFC 3414).
 * Calls block up to timeout_ms * (retries + 1), once more when a v3 peer is asked for its
 * engine first. All peers of a process belong to one thread. */
#ifndef SHIM_SNMP_H
#define SHIM_SNMP_H

#include <stdint.h>

#include <farmiq/error.h>

#define SHIM_SNMP_OID_PARTS 64
#define SHIM_SNMP_GET_MAX 24 /* objects in one request: its answer fits a datagram */

struct shim_snmp_oid {
    uint32_t count;
    uint32_t parts[SHIM_SNMP_OID_PARTS];
};

/* "1.3.6.1.2.1.1.3.0", with or without a leading dot. FARMIQ_OK; FARMIQ_E_SYNTAX. */
int shim_snmp_oid_parse(struct shim_snmp_oid *out, const char *text);

struct shim_snmp_options {
    const char *address;   /* "192.0.2.7", "udp:host:port", "udp6:[::1]:161" */
    int version;           /* 2 or 3 */
    const char *community; /* v2c */
    const char *user;      /* v3 */
    /* v3: a password that is NULL or empty leaves that protection out. */
    const char *auth_protocol; /* "SHA", "SHA-256", "SHA-512", "MD5"; NULL: SHA-256 */
    const char *auth_password; /* 8 characters or more (RFC 3414 11.2) */
    const char *priv_protocol; /* "AES", "AES-256"; NULL: AES */
    const char *priv_password;
    uint32_t timeout_ms;
    uint32_t retries;
};

/* result: FARMIQ_OK; FARMIQ_NONE (the peer has no such object); FARMIQ_E_SCHEMA (it is no
 * number). Text that reads as a number is one. */
struct shim_snmp_value {
    int result;
    double number;
};

struct shim_snmp;

/* Copies the options; speaks to nobody yet. FARMIQ_OK; FARMIQ_E_NOMEM; FARMIQ_E_ARG:
 * `error` names the option. */
int shim_snmp_open(struct shim_snmp **out, const struct shim_snmp_options *options,
                   struct farmiq_error *error);
void shim_snmp_close(struct shim_snmp *peer); /* NULL is fine */

/* One request for at most SHIM_SNMP_GET_MAX objects; `values` are in their order.
 * FARMIQ_OK; FARMIQ_E_UNREACHABLE (no answer); FARMIQ_E_REFUSED (it knows us not, or
 * answered with an error: `error->detail`); FARMIQ_E_NOMEM. */
int shim_snmp_get(struct shim_snmp *peer, const struct shim_snmp_oid *oids,
                  uint32_t count, struct shim_snmp_value *values,
                  struct farmiq_error *error);

#endif
