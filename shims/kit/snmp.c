/* SPDX-License-Identifier: Apache-2.0 */
/* Asking SNMP agents, by net-snmp's single-session calls: they share no state between
 * peers but the library's table of users. */
#include "kit/snmp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include "kit/fail.h"

#define PASSWORD_LEAST 8 /* RFC 3414, 11.2 */

struct shim_snmp {
    netsnmp_session wanted; /* what a session is opened with; owns its texts */
    void *session;          /* NULL: not open, and a v3 engine not known */
};

/* ## The library, once */

/* It reads no files of the machine's and writes none: what we ask is what we were told.
 */
static void init_library(void)
{
    static int is_done;

    if (is_done)
        return;
    is_done = 1;
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    netsnmp_set_mib_directory("");
    setenv("MIBS", "", 1);
    snmp_disable_log();
    init_snmp("farmiq");
}

int shim_snmp_oid_parse(struct shim_snmp_oid *out, const char *text)
{
    struct shim_snmp_oid oid = { 0 };

    text += *text == '.';
    while (oid.count < SHIM_SNMP_OID_PARTS) {
        char *end;
        unsigned long part = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || part > UINT32_MAX)
            return FARMIQ_E_SYNTAX;
        oid.parts[oid.count++] = (uint32_t)part;
        text = end + (*end == '.');
        if (*end == '\0')
            break;
        if (*end != '.')
            return FARMIQ_E_SYNTAX;
    }
    if (*text || oid.count < 2)
        return FARMIQ_E_SYNTAX;
    *out = oid;
    return FARMIQ_OK;
}

/* ## Opening */

static int has(const char *text) { return text && *text; }

static void take_text(char **to, size_t *to_len, const char *text)
{
    *to = strdup(text ? text : "");
    *to_len = *to ? strlen(*to) : 0;
}

static int set_community(netsnmp_session *s, const struct shim_snmp_options *o,
                         struct farmiq_error *error)
{
    if (!has(o->community))
        return shim_fail(error, FARMIQ_E_ARG, "community", "is needed for version 2c");
    s->version = SNMP_VERSION_2c;
    take_text((char **)&s->community, &s->community_len, o->community);
    return s->community ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

static int make_key(netsnmp_session *s, const char *password, u_char *key,
                    size_t *key_len)
{
    return generate_Ku(s->securityAuthProto, (u_int)s->securityAuthProtoLen,
                       (const u_char *)password, strlen(password), key, key_len);
}

static int set_auth(netsnmp_session *s, const struct shim_snmp_options *o,
                    struct farmiq_error *error)
{
    int type = usm_lookup_auth_type(has(o->auth_protocol) ? o->auth_protocol : "SHA-256");

    if (type < 0)
        return shim_fail(error, FARMIQ_E_ARG, "auth_protocol",
                         "must be MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512");
    if (strlen(o->auth_password) < PASSWORD_LEAST)
        return shim_fail(error, FARMIQ_E_ARG, "auth_password",
                         "must have %d characters or more", PASSWORD_LEAST);
    s->securityAuthProto = sc_get_auth_oid(type, &s->securityAuthProtoLen);
    s->securityAuthKeyLen = sizeof s->securityAuthKey;
    s->securityLevel = SNMP_SEC_LEVEL_AUTHNOPRIV;
    return make_key(s, o->auth_password, s->securityAuthKey, &s->securityAuthKeyLen)
               ? shim_fail(error, FARMIQ_E_ARG, "auth_password", "makes no key")
               : FARMIQ_OK;
}

static int set_priv(netsnmp_session *s, const struct shim_snmp_options *o,
                    struct farmiq_error *error)
{
    int type = usm_lookup_priv_type(has(o->priv_protocol) ? o->priv_protocol : "AES");

    if (type < 0)
        return shim_fail(error, FARMIQ_E_ARG, "priv_protocol",
                         "must be AES, AES-192, AES-256 or DES");
    if (s->securityLevel != SNMP_SEC_LEVEL_AUTHNOPRIV)
        return shim_fail(error, FARMIQ_E_ARG, "priv_password",
                         "needs an auth_password beside it");
    if (strlen(o->priv_password) < PASSWORD_LEAST)
        return shim_fail(error, FARMIQ_E_ARG, "priv_password",
                         "must have %d characters or more", PASSWORD_LEAST);
    s->securityPrivProto = sc_get_priv_oid(type, &s->securityPrivProtoLen);
    s->securityPrivKeyLen = sizeof s->securityPrivKey;
    s->securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
    return make_key(s, o->priv_password, s->securityPrivKey, &s->securityPrivKeyLen)
               ? shim_fail(error, FARMIQ_E_ARG, "priv_password", "makes no key")
               : FARMIQ_OK;
}

static int set_user(netsnmp_session *s, const struct shim_snmp_options *o,
                    struct farmiq_error *error)
{
    int r = FARMIQ_OK;

    if (!has(o->user))
        return shim_fail(error, FARMIQ_E_ARG, "user", "is needed for version 3");
    s->version = SNMP_VERSION_3;
    s->securityModel = SNMP_SEC_MODEL_USM;
    s->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
    take_text(&s->securityName, &s->securityNameLen, o->user);
    if (!s->securityName)
        return FARMIQ_E_NOMEM;
    if (has(o->auth_password))
        r = set_auth(s, o, error);
    if (r == FARMIQ_OK && has(o->priv_password))
        r = set_priv(s, o, error);
    return r;
}

static int describe(netsnmp_session *s, const struct shim_snmp_options *o,
                    struct farmiq_error *error)
{
    snmp_sess_init(s);
    if (!has(o->address))
        return shim_fail(error, FARMIQ_E_ARG, "address", "is needed");
    s->peername = strdup(o->address);
    s->timeout = (long)o->timeout_ms * 1000;
    s->retries = (int)o->retries;
    if (!s->peername)
        return FARMIQ_E_NOMEM;
    if (o->version == 2)
        return set_community(s, o, error);
    if (o->version == 3)
        return set_user(s, o, error);
    return shim_fail(error, FARMIQ_E_ARG, "version", "must be 2c or 3");
}

int shim_snmp_open(struct shim_snmp **out, const struct shim_snmp_options *options,
                   struct farmiq_error *error)
{
    struct shim_snmp *peer = calloc(1, sizeof *peer);
    int r;

    init_library();
    if (!peer)
        return FARMIQ_E_NOMEM;
    r = describe(&peer->wanted, options, error);
    if (r == FARMIQ_OK)
        *out = peer;
    else
        shim_snmp_close(peer);
    return r;
}

static void hang_up(struct shim_snmp *peer)
{
    if (peer->session)
        snmp_sess_close(peer->session);
    peer->session = NULL;
}

void shim_snmp_close(struct shim_snmp *peer)
{
    netsnmp_session *s;

    if (!peer)
        return;
    hang_up(peer);
    s = &peer->wanted;
    free(s->peername);
    free(s->community);
    free(s->securityName);
    explicit_bzero(s, sizeof *s);
    free(peer);
}

/* ## Asking */

static double text_number(const netsnmp_variable_list *variable, int *result)
{
    char text[64], *end;
    double number;

    *result = FARMIQ_E_SCHEMA;
    if (variable->val_len == 0 || variable->val_len >= sizeof text)
        return 0;
    memcpy(text, variable->val.string, variable->val_len);
    text[variable->val_len] = '\0';
    number = strtod(text, &end);
    if (end == text || end[strspn(end, " \t")] || !isfinite(number))
        return 0;
    *result = FARMIQ_OK;
    return number;
}

/* 32-bit types come in a long, whose upper half on 64 bits is the library's business. */
static struct shim_snmp_value value_of(const netsnmp_variable_list *variable)
{
    struct shim_snmp_value value = { FARMIQ_OK, 0 };

    switch (variable->type) {
    case ASN_INTEGER:
        value.number = (double)*variable->val.integer;
        break;
    case ASN_COUNTER:
    case ASN_GAUGE:
    case ASN_TIMETICKS:
    case ASN_UINTEGER:
        value.number = (double)(uint32_t)*variable->val.integer;
        break;
    case ASN_COUNTER64:
        value.number = (double)(uint32_t)variable->val.counter64->high * 0x1p32 +
                       (double)(uint32_t)variable->val.counter64->low;
        break;
    case ASN_OPAQUE_FLOAT:
        value.number = (double)*variable->val.floatVal;
        break;
    case ASN_OPAQUE_DOUBLE:
        value.number = *variable->val.doubleVal;
        break;
    case ASN_OCTET_STR:
        value.number = text_number(variable, &value.result);
        break;
    case SNMP_NOSUCHOBJECT:
    case SNMP_NOSUCHINSTANCE:
    case SNMP_ENDOFMIBVIEW:
        value.result = FARMIQ_NONE;
        break;
    default:
        value.result = FARMIQ_E_SCHEMA;
    }
    if (value.result == FARMIQ_OK && !isfinite(value.number))
        value.result = FARMIQ_E_SCHEMA;
    return value;
}

/* An answer in another order, or to something else, answers nothing. */
static int is_same(const netsnmp_variable_list *variable, const struct shim_snmp_oid *oid)
{
    if (variable->name_length != oid->count)
        return 0;
    for (uint32_t i = 0; i < oid->count; i++)
        if (variable->name[i] != oid->parts[i])
            return 0;
    return 1;
}

static void take_values(const netsnmp_pdu *answer, const struct shim_snmp_oid *oids,
                        uint32_t count, struct shim_snmp_value *values)
{
    const netsnmp_variable_list *variable = answer->variables;

    for (uint32_t i = 0; i < count; i++) {
        values[i] = (struct shim_snmp_value){ FARMIQ_NONE, 0 };
        if (variable && is_same(variable, &oids[i]))
            values[i] = value_of(variable);
        variable = variable ? variable->next_variable : NULL;
    }
}

static netsnmp_pdu *make_request(const struct shim_snmp_oid *oids, uint32_t count)
{
    netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);

    for (uint32_t i = 0; pdu && i < count; i++) {
        oid name[SHIM_SNMP_OID_PARTS];

        for (uint32_t k = 0; k < oids[i].count; k++)
            name[k] = oids[i].parts[k];
        snmp_add_null_var(pdu, name, oids[i].count);
    }
    return pdu;
}

static int is_refusal(int reason)
{
    static const int refusals[] = {
        SNMPERR_AUTHENTICATION_FAILURE,  SNMPERR_UNKNOWN_USER_NAME,
        SNMPERR_USM_UNKNOWNSECURITYNAME, SNMPERR_USM_AUTHENTICATIONFAILURE,
        SNMPERR_UNSUPPORTED_SEC_LEVEL,   SNMPERR_USM_UNSUPPORTEDSECURITYLEVEL,
        SNMPERR_USM_DECRYPTIONERROR,     SNMPERR_DECRYPTION_ERR
    };

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (reason == refusals[i])
            return 1;
    return 0;
}

/* Why a call of the library failed. The next one begins from the engine's discovery: the
 * device may have been exchanged. */
static int fail_call(struct shim_snmp *peer, int reason, struct farmiq_error *error)
{
    hang_up(peer);
    return is_refusal(reason)
               ? shim_fail(error, FARMIQ_E_REFUSED, "snmp", "%s",
                           snmp_api_errstring(reason))
               : shim_fail(error, FARMIQ_E_UNREACHABLE, "snmp", "no answer");
}

static int call_up(struct shim_snmp *peer, struct farmiq_error *error)
{
    if (!peer->session)
        peer->session = snmp_sess_open(&peer->wanted);
    return peer->session ? FARMIQ_OK : fail_call(peer, snmp_errno, error);
}

int shim_snmp_get(struct shim_snmp *peer, const struct shim_snmp_oid *oids,
                  uint32_t count, struct shim_snmp_value *values,
                  struct farmiq_error *error)
{
    netsnmp_pdu *request, *answer = NULL;
    int status, r = call_up(peer, error);

    if (r != FARMIQ_OK)
        return r;
    request = make_request(oids, count);
    if (!request)
        return FARMIQ_E_NOMEM;
    status = snmp_sess_synch_response(peer->session, request, &answer);
    if (status == STAT_TIMEOUT)
        r = fail_call(peer, SNMPERR_TIMEOUT, error);
    else if (status != STAT_SUCCESS)
        r = fail_call(peer, snmp_sess_session(peer->session)->s_snmp_errno, error);
    else if (answer->errstat != SNMP_ERR_NOERROR)
        r = shim_fail(error, FARMIQ_E_REFUSED, "snmp", "the agent says: %s",
                      snmp_errstring((int)answer->errstat));
    else
        take_values(answer, oids, count, values);
    if (answer)
        snmp_free_pdu(answer);
    return r;
}
