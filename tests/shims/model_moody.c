/* SPDX-License-Identifier: Apache-2.0 */
/* A model that behaves as badly as its picture asks: by the last digit of the file's
 * size. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <farmiq/model.h>

enum mood {
    WELL = 0,
    CRASHES = 1,
    HANGS = 2,
    IS_SLOW = 3,
    SEES_NOTHING = 4,
    DOUBTS = 5,
    RAVES = 6,
    LIES = 7,
    CRASHES_ONCE = 8,
    EATS = 9
};

static const char *folder_of_model;

static int open_moody(void **ctx, const char *folder, struct farmiq_str manifest,
                      struct farmiq_error *error)
{
    (void)manifest;
    (void)error;
    *ctx = NULL;
    folder_of_model = folder;
    return FARMIQ_OK;
}

/* A file remembers it, as this process will not. */
static void crash_once(void)
{
    char path[1024];
    FILE *file;

    snprintf(path, sizeof path, "%s/has_crashed", folder_of_model);
    file = fopen(path, "r");
    if (file) {
        fclose(file);
        return;
    }
    file = fopen(path, "w");
    if (file)
        fclose(file);
    abort();
}

static void *eat(void)
{
    static void *volatile last;

    for (;;) {
        last = malloc(64 << 20);
        if (!last)
            abort();
    }
}

static int estimate(void *ctx, const struct farmiq_picture *picture,
                    struct farmiq_estimate *out, struct farmiq_error *error)
{
    (void)ctx;
    (void)error;
    out->weight_kg = (double)picture->file_bytes;
    out->confidence = 0.9;
    switch (picture->file_bytes % 10) {
    case CRASHES:
        abort();
    case HANGS:
        for (;;)
            pause();
    case IS_SLOW:
        sleep(1);
        break;
    case SEES_NOTHING:
        return FARMIQ_UNDEFINED;
    case DOUBTS:
        out->confidence = 0.1;
        break;
    case RAVES:
        out->weight_kg = NAN;
        break;
    case LIES:
        out->confidence = 7;
        break;
    case CRASHES_ONCE:
        crash_once();
        break;
    case EATS:
        eat();
    }
    return FARMIQ_OK;
}

static void close_moody(void *ctx) { (void)ctx; }

static const struct farmiq_model model = { .size = sizeof model,
                                           .abi = FARMIQ_MODEL_ABI,
                                           .name = "moody",
                                           .open = open_moody,
                                           .estimate = estimate,
                                           .close = close_moody };

FARMIQ_API const struct farmiq_model *farmiq_model_entry(void);
const struct farmiq_model *farmiq_model_entry(void) { return &model; }
