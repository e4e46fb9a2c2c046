/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl keygen: secrets that nobody has to invent. */
#include <stdio.h>

#include "command.h"
#include "kit/crypto.h"

#define SECRET_MAX_BYTES 64

static const struct shim_option options[] = {
    { "BYTES", SHIM_COUNT, "32", "how many random bytes, 16 to 64; printed as hex" },
    { 0 },
};
static const struct shim_option *const tables[] = { options, NULL };

static int keygen(int argc, char **argv)
{
    unsigned char secret[SECRET_MAX_BYTES];
    struct shim_options *given;
    int64_t bytes;
    int r = shim_options_open(&given, "farmiqctl keygen", ctl_keygen.summary, tables,
                              argc, argv);

    if (r)
        return r == SHIM_OPTIONS_DONE ? 0 : 2;
    bytes = shim_options_number(given, "BYTES");
    shim_options_close(given);
    if (bytes < 16 || bytes > SECRET_MAX_BYTES) {
        fprintf(stderr, "farmiqctl keygen: --bytes must be 16 to %d\n", SECRET_MAX_BYTES);
        return 2;
    }
    r = shim_crypto_random(secret, (size_t)bytes);
    if (r < 0)
        return ctl_fail("no randomness", r, NULL);
    for (int64_t i = 0; i < bytes; i++)
        printf("%02x", secret[i]);
    putchar('\n');
    return 0;
}

const struct ctl_command ctl_keygen = {
    .name = "keygen",
    .arguments = "[--bytes N]",
    .summary = "print a random secret, for signing or as a query token",
    .tables = tables,
    .run = keygen,
};
