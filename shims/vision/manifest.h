/* SPDX-License-Identifier: Apache-2.0 */
/* What a model says of itself (farmiq/model.h), checked. */
#ifndef VISION_MANIFEST_H
#define VISION_MANIFEST_H

#include <farmiq/farmiq.h>
#include <farmiq/model.h>

#define MANIFEST_BYTES 16384
#define MANIFEST_NAME_BYTES 128

struct manifest {
    char text[MANIFEST_BYTES];
    size_t len;
    char folder[512];
    char model[MANIFEST_NAME_BYTES];
    char version[MANIFEST_NAME_BYTES];
    char library[MANIFEST_NAME_BYTES];
    double mm_per_px; /* 0: not said */
};

/* Read the file, and see that library (and file, where it names one) have the SHA-256 it
 * says. FARMIQ_OK; FARMIQ_E_STORE (a file cannot be read); FARMIQ_E_SCHEMA, and
 * FARMIQ_E_REFUSED (another SHA-256): `error` names the member. */
int manifest_read(struct manifest *out, const char *path, struct farmiq_error *error);

/* A path beside the manifest. `name` must be a bare name. FARMIQ_OK; FARMIQ_E_SCHEMA. */
int manifest_path(const char *folder, const char *name, char *out, size_t out_bytes);

#endif
