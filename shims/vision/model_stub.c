/* SPDX-License-Identifier: Apache-2.0 */
/* The stub of spec edge 9: a weight from the file's size, for tests of the path. */
#include <math.h>
#include <stdio.h>

#include <farmiq/model.h>

static int open_stub(void **ctx, const char *folder, struct farmiq_str manifest,
                     struct farmiq_error *error)
{
    (void)folder;
    (void)manifest;
    (void)error;
    *ctx = NULL;
    return FARMIQ_OK;
}

static int estimate(void *ctx, const struct farmiq_picture *picture,
                    struct farmiq_estimate *out, struct farmiq_error *error)
{
    uint64_t bytes = picture->file_bytes;

    (void)ctx;
    (void)error;
    out->weight_kg = (double)(bytes % 1000) / 100;
    out->confidence = fmin(0.95, 0.5 + (double)(bytes % 100) / 200);
    snprintf(out->metadata, sizeof out->metadata,
             "{\"file_size_bytes\":%llu,\"stub_mode\":true}", (unsigned long long)bytes);
    return FARMIQ_OK;
}

static void close_stub(void *ctx) { (void)ctx; }

static const struct farmiq_model model = { .size = sizeof model,
                                           .abi = FARMIQ_MODEL_ABI,
                                           .name = "stub",
                                           .open = open_stub,
                                           .estimate = estimate,
                                           .close = close_stub };

FARMIQ_API const struct farmiq_model *farmiq_model_entry(void);
const struct farmiq_model *farmiq_model_entry(void) { return &model; }
