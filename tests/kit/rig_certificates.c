/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made on the spot: a CA, a server, a client, and a stranger. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

struct identity {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
};

static void write_file(const char *path, const gnutls_datum_t *pem)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(pem->data, 1, pem->size, file), pem->size);
    fclose(file);
}

/* `issuer` NULL: it signs itself. */
static struct identity make(const char *name, const struct identity *issuer, int is_ca)
{
    struct identity made;
    static unsigned char serial = 1;
    unsigned char address[] = { 127, 0, 0, 1 };

    assert_true(gnutls_x509_privkey_init(&made.key) >= 0);
    assert_true(gnutls_x509_privkey_generate(
                    made.key, GNUTLS_PK_ECDSA,
                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) >= 0);
    assert_true(gnutls_x509_crt_init(&made.crt) >= 0);
    gnutls_x509_crt_set_version(made.crt, 3);
    gnutls_x509_crt_set_serial(made.crt, &serial, 1);
    serial++;
    gnutls_x509_crt_set_activation_time(made.crt, time(NULL) - 3600);
    gnutls_x509_crt_set_expiration_time(made.crt, time(NULL) + 86400);
    gnutls_x509_crt_set_key(made.crt, made.key);
    gnutls_x509_crt_set_dn_by_oid(made.crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                  (unsigned)strlen(name));
    gnutls_x509_crt_set_basic_constraints(made.crt, (unsigned)is_ca, -1);
    gnutls_x509_crt_set_key_usage(made.crt, is_ca ? GNUTLS_KEY_KEY_CERT_SIGN
                                                  : GNUTLS_KEY_DIGITAL_SIGNATURE);
    gnutls_x509_crt_set_subject_alt_name(made.crt, GNUTLS_SAN_IPADDRESS, address,
                                         sizeof address, GNUTLS_FSAN_SET);
    assert_true(gnutls_x509_crt_sign2(made.crt, issuer ? issuer->crt : made.crt,
                                      issuer ? issuer->key : made.key, GNUTLS_DIG_SHA256,
                                      0) >= 0);
    return made;
}

static void save(const struct identity *made, const char *crt_path, const char *key_path)
{
    gnutls_datum_t pem;

    assert_true(gnutls_x509_crt_export2(made->crt, GNUTLS_X509_FMT_PEM, &pem) >= 0);
    write_file(crt_path, &pem);
    gnutls_free(pem.data);
    if (!key_path)
        return;
    assert_true(gnutls_x509_privkey_export2(made->key, GNUTLS_X509_FMT_PEM, &pem) >= 0);
    write_file(key_path, &pem);
    gnutls_free(pem.data);
}

static void drop(struct identity *made)
{
    gnutls_x509_crt_deinit(made->crt);
    gnutls_x509_privkey_deinit(made->key);
}

static void name_files(struct rig_certificates *files)
{
    struct {
        char *path;
        const char *name;
    } all[] = { { files->ca, "ca.pem" },
                { files->server, "server.pem" },
                { files->server_key, "server.key" },
                { files->client, "client.pem" },
                { files->client_key, "client.key" },
                { files->stranger, "stranger.pem" },
                { files->stranger_key, "stranger.key" } };

    strcpy(files->folder, "/tmp/farmiq-test-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        snprintf(all[i].path, sizeof files->ca, "%s/%s", files->folder, all[i].name);
}

void rig_make_certificates(struct rig_certificates *files)
{
    struct identity ca = make("FarmIQ test CA", NULL, 1);
    struct identity server = make("127.0.0.1", &ca, 0);
    struct identity client = make("edge-01", &ca, 0);
    struct identity stranger = make("edge-01", NULL, 0);

    name_files(files);
    save(&ca, files->ca, NULL);
    save(&server, files->server, files->server_key);
    save(&client, files->client, files->client_key);
    save(&stranger, files->stranger, files->stranger_key);
    drop(&ca);
    drop(&server);
    drop(&client);
    drop(&stranger);
}

void rig_forget_certificates(const struct rig_certificates *files)
{
    const char *paths[] = { files->ca,          files->server,     files->server_key,
                            files->client,      files->client_key, files->stranger,
                            files->stranger_key };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        unlink(paths[i]);
    rmdir(files->folder);
}
