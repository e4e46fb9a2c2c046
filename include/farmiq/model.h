/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_MODEL_H
#define FARMIQ_MODEL_H

#include <farmiq/base.h>
#include <farmiq/error.h>

FARMIQ_BEGIN

/** # Models that weigh an animal by its picture, as plug-ins (spec edge 9)
 *
 * A model is a shared object that exports `farmiq_model_entry`, and a manifest beside it:
 *
 *     { "model": "silhouette", "version": "silhouette-1",
 *       "library": "silhouette.so", "sha256": "...",
 *       "input": { "width": 640, "height": 480 }, "mm_per_px": 1.25,
 *       "parameters": { ... } }
 *
 * The library is loaded only if its SHA-256 is the manifest's. It runs in a process of
 * its own, which may be killed at any moment: a model that crashes or never ends costs
 * its job and nothing else. It is called from one thread. Nothing here is in libfarmiq;
 * a plug-in needs this header and nothing to link. */

#define FARMIQ_MODEL_ABI 1
#define FARMIQ_MODEL_ENTRY "farmiq_model_entry"
#define FARMIQ_MODEL_METADATA_BYTES 1024

/* Bits of `flags`. */
#define FARMIQ_MODEL_WANTS_PIXELS 1 /* decode the picture first */

/** One picture. Pixels live until the call returns. */
struct farmiq_picture {
    uint32_t size;
    uint32_t width_px;     /* 0 unless the model wants pixels */
    uint32_t height_px;    /* likewise */
    uint32_t stride_bytes; /* from one row to the next */
    const uint8_t *pixels; /* red, green, blue; rows from the top; NULL if not wanted */
    uint64_t file_bytes;   /* of the file as it was stored */
    double mm_per_px;      /* at the animal's back, by the manifest; 0: not known */
};

struct farmiq_estimate {
    uint32_t size;
    uint32_t reserved;
    double weight_kg;
    double confidence; /* 0 to 1 */
    /* A JSON object of whatever explains the result; "{}" when the call begins. */
    char metadata[FARMIQ_MODEL_METADATA_BYTES];
};

/** What a plug-in exports. Constant, and alive as long as the library is loaded. */
struct farmiq_model {
    uint32_t size;
    uint32_t abi; /* FARMIQ_MODEL_ABI */
    uint32_t flags;
    uint32_t reserved;
    const char *name;

    /* Load what is needed. `folder` is the manifest's, `manifest` its text. Returns
     * FARMIQ_OK; FARMIQ_E_*: `error` says what is wrong with the manifest or a file. */
    int (*open)(void **ctx, const char *folder, struct farmiq_str manifest,
                struct farmiq_error *error);
    /* FARMIQ_OK; FARMIQ_UNDEFINED (there is no animal to weigh in it); FARMIQ_E_*. */
    int (*estimate)(void *ctx, const struct farmiq_picture *picture,
                    struct farmiq_estimate *out, struct farmiq_error *error);
    void (*close)(void *ctx);
};

/** `farmiq_model_entry`: the plug-in's table. */
typedef const struct farmiq_model *(*farmiq_model_entry_fn)(void);

FARMIQ_END

#endif
