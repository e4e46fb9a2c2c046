/* SPDX-License-Identifier: Apache-2.0 */
/* farmiq-model-worker: runs one model for edge-vision-inference, in a process that may
 * die of it. Frames as in kit/worker.h: a picture comes in, JSON goes out. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/fail.h"
#include "kit/jpeg.h"
#include "vision/frames.h"
#include "vision/manifest.h"

#define PICTURE_BYTES_MAX (64u << 20)
#define PICTURE_PX_MAX (50ull * 1000 * 1000)
#define ANSWER_BYTES 8192

struct loaded {
    struct manifest manifest;
    const struct farmiq_model *model;
    void *ctx;
};

/* A model may print: only frames go where the parent listens. */
static int take_stdout(void)
{
    int fd = dup(STDOUT_FILENO);

    if (fd >= 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    return fd;
}

/* ## Answers */

static void begin(struct farmiq_json_writer *w, char *buf, const char *status)
{
    farmiq_json_begin(w, buf, ANSWER_BYTES);
    farmiq_json_open(w, '{');
    farmiq_json_key(w, "status");
    farmiq_json_text(w, status);
}

static void say(struct farmiq_json_writer *w, const char *key, const char *value)
{
    farmiq_json_key(w, key);
    farmiq_json_text(w, value);
}

static void end(int fd, struct farmiq_json_writer *w, const char *buf)
{
    size_t len;

    farmiq_json_close(w, '}');
    if (farmiq_json_end(w, &len) != FARMIQ_OK)
        exit(1);
    frame_send(fd, buf, len);
}

static void answer_error(int fd, int code, const struct farmiq_error *error)
{
    struct farmiq_json_writer w;
    char buf[ANSWER_BYTES];

    begin(&w, buf, code == FARMIQ_UNDEFINED ? "undefined" : "error");
    say(&w, "code", farmiq_errname(code));
    say(&w, "field", error->field);
    say(&w, "detail", error->detail);
    end(fd, &w, buf);
}

static void answer_estimate(int fd, const struct farmiq_estimate *estimate)
{
    struct farmiq_json_writer w;
    char buf[ANSWER_BYTES];

    begin(&w, buf, "ok");
    farmiq_json_key(&w, "weight_kg");
    farmiq_json_double(&w, estimate->weight_kg);
    farmiq_json_key(&w, "confidence");
    farmiq_json_double(&w, estimate->confidence);
    farmiq_json_key(&w, "metadata");
    farmiq_json_raw(
        &w, (struct farmiq_str){ estimate->metadata, strlen(estimate->metadata) });
    end(fd, &w, buf);
}

/* ## The model */

static int check_model(const struct farmiq_model *model, struct farmiq_error *error)
{
    if (!model || model->size < sizeof *model || model->abi != FARMIQ_MODEL_ABI ||
        !model->open || !model->estimate || !model->close)
        return shim_fail(error, FARMIQ_E_UNSUPPORTED, "library",
                         "is not made for version %d of the interface", FARMIQ_MODEL_ABI);
    return FARMIQ_OK;
}

static int load(struct loaded *l, const char *path, struct farmiq_error *error)
{
    farmiq_model_entry_fn entry;
    char library[1024];
    void *handle;
    int r = manifest_read(&l->manifest, path, error);

    if (r == FARMIQ_OK)
        r = manifest_path(l->manifest.folder, l->manifest.library, library,
                          sizeof library);
    if (r != FARMIQ_OK)
        return r;
    handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    entry = handle ? (farmiq_model_entry_fn)(uintptr_t)dlsym(handle, FARMIQ_MODEL_ENTRY)
                   : NULL;
    if (!entry)
        return shim_fail(error, FARMIQ_E_STORE, "library", "%.100s", dlerror());
    l->model = entry();
    r = check_model(l->model, error);
    return r == FARMIQ_OK
               ? l->model->open(&l->ctx, l->manifest.folder,
                                (struct farmiq_str){ l->manifest.text, l->manifest.len },
                                error)
               : r;
}

static int run(const struct loaded *l, struct farmiq_str file,
               struct farmiq_estimate *estimate, struct farmiq_error *error)
{
    struct farmiq_picture picture = { .size = sizeof picture,
                                      .file_bytes = file.len,
                                      .mm_per_px = l->manifest.mm_per_px };
    struct shim_pixels pixels = { 0 };
    int r = FARMIQ_OK;

    if (l->model->flags & FARMIQ_MODEL_WANTS_PIXELS)
        r = shim_jpeg_decode(&pixels, file, PICTURE_PX_MAX, error);
    picture.width_px = pixels.width_px;
    picture.height_px = pixels.height_px;
    picture.stride_bytes = 3 * pixels.width_px;
    picture.pixels = pixels.rgb;
    if (r == FARMIQ_OK)
        r = l->model->estimate(l->ctx, &picture, estimate, error);
    free(pixels.rgb);
    return r;
}

static void serve(const struct loaded *l, int fd)
{
    char *bytes;
    size_t len;

    while ((bytes = frame_receive(PICTURE_BYTES_MAX, &len)) != NULL) {
        struct farmiq_estimate estimate = { .size = sizeof estimate, .metadata = "{}" };
        struct farmiq_error error;
        int r;

        farmiq_error_init(&error, sizeof error);
        r = run(l, (struct farmiq_str){ bytes, len }, &estimate, &error);
        free(bytes);
        if (r == FARMIQ_OK)
            answer_estimate(fd, &estimate);
        else
            answer_error(fd, r, &error);
    }
}

static void greet(const struct loaded *l, int fd)
{
    struct farmiq_json_writer w;
    char buf[ANSWER_BYTES];

    begin(&w, buf, "ready");
    say(&w, "model", l->manifest.model);
    say(&w, "version", l->manifest.version);
    end(fd, &w, buf);
}

int main(int argc, char **argv)
{
    static struct loaded loaded;
    struct farmiq_error error;
    int fd, r;

    if (argc != 2 || strncmp(argv[1], "--", 2) == 0) {
        fprintf(stderr,
                "usage: farmiq-model-worker MANIFEST.json\n"
                "Runs a model for edge-vision-inference, which starts it by itself.\n");
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    farmiq_error_init(&error, sizeof error);
    fd = take_stdout();
    r = load(&loaded, argv[1], &error);
    if (r != FARMIQ_OK) {
        answer_error(fd, r, &error);
        return 1;
    }
    greet(&loaded, fd);
    serve(&loaded, fd);
    loaded.model->close(loaded.ctx);
    return 0;
}
