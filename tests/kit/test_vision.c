/* SPDX-License-Identifier: Apache-2.0 */
/* Weighing drawn animals, models as plug-ins, and the process that runs them (issue: mean
 * error of at most 5 %; a plug-in that crashes or hangs costs its job and nothing else).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <farmiq/farmiq.h>

#include "kit/jpeg.h"
#include "kit/worker.h"
#include "vision/animal.h"
#include "vision/manifest.h"
#include "vision/silhouette.h"

#define WIDTH 640
#define HEIGHT 480
#define QUALITY 85

/* A sanitizer's shadow needs more than any limit, and its pictures take ten times as
 * long: it is to see the code, not to judge the model. */
#ifdef IS_SANITIZED
#define PICTURES 6
#define WORKER_BYTES 0
#else
#define PICTURES 40
#define WORKER_BYTES (1u << 30)
#endif

static struct farmiq_str str(const char *text)
{
    return (struct farmiq_str){ text, strlen(text) };
}

static const char *place(const char *variable)
{
    const char *text = getenv(variable);

    assert_non_null(text);
    return text;
}

/* ## Pictures */

/* Drawn, and through a JPEG as a camera would send it. */
static struct farmiq_str draw(int32_t species, double weight_kg, uint32_t troubles,
                              uint64_t seed)
{
    struct animal_scene scene = { species, troubles, weight_kg, WIDTH, HEIGHT, seed };
    struct shim_pixels pixels = { WIDTH, HEIGHT, malloc(3 * WIDTH * HEIGHT) };
    uint8_t *file;
    size_t len;

    animal_draw(&scene, pixels.rgb);
    assert_int_equal(shim_jpeg_encode(&pixels, QUALITY, &file, &len), FARMIQ_OK);
    free(pixels.rgb);
    return (struct farmiq_str){ (char *)file, len };
}

static int look(struct farmiq_str file, struct silhouette *found)
{
    struct farmiq_picture picture = { .size = sizeof picture };
    struct shim_pixels pixels;
    int r;

    assert_int_equal(shim_jpeg_decode(&pixels, file, WIDTH * HEIGHT, NULL), FARMIQ_OK);
    picture.width_px = pixels.width_px;
    picture.height_px = pixels.height_px;
    picture.stride_bytes = 3 * pixels.width_px;
    picture.pixels = pixels.rgb;
    r = silhouette_find(found, &picture);
    free(pixels.rgb);
    return r;
}

/* Weights spread evenly on a logarithmic scale, from seeds that no number was fitted
 * with. */
static double weight_of(const struct silhouette_rule *rule, int i)
{
    return rule->least_kg * pow(rule->most_kg / rule->least_kg, (i + 0.5) / PICTURES);
}

static double mean_error(int32_t species, const char *name)
{
    const struct silhouette_rule *rule = silhouette_rule_find(name);
    double sum = 0, worst = 0;

    for (int i = 0; i < PICTURES; i++) {
        double weight_kg = weight_of(rule, i), error;
        struct farmiq_str file = draw(species, weight_kg, 0, 9000 + (uint64_t)i);
        struct silhouette found;

        assert_int_equal(look(file, &found), FARMIQ_OK);
        error =
            fabs(silhouette_weight_kg(rule, &found, animal_mm_per_px(species, WIDTH)) /
                     weight_kg -
                 1);
        sum += error;
        worst = fmax(worst, error);
        free((void *)(uintptr_t)file.ptr);
    }
    print_message("%s: mean error %.2f %%, worst %.2f %% of %d\n", name,
                  100 * sum / PICTURES, 100 * worst, PICTURES);
    return sum / PICTURES;
}

static void drawn_animals_are_weighed_within_5_percent(void **state)
{
    (void)state;
    assert_true(mean_error(ANIMAL_BROILER, "broiler") <= 0.05);
    assert_true(mean_error(ANIMAL_PIG, "pig") <= 0.05);
}

/* Where the model says that it is sure, it is right nine times of ten; where a picture
 * is spoiled, it says so. */
static void confidence_tells_good_pictures_from_bad(void **state)
{
    int sure = 0, sure_and_right = 0, doubtful = 0, doubtful_and_right = 0;

    (void)state;
    for (int i = 0; i < 2 * PICTURES; i++) {
        const struct silhouette_rule *rule = &silhouette_rules[i % 2];
        double weight_kg = weight_of(rule, i / 2), guess;
        struct farmiq_str file = draw(
            i % 2, weight_kg, i / 2 % 2 ? 0 : (uint32_t)(i / 4) % 16, 7000 + (uint64_t)i);
        struct silhouette found;
        int is_right;

        if (look(file, &found) == FARMIQ_OK) {
            guess = silhouette_weight_kg(rule, &found, animal_mm_per_px(i % 2, WIDTH));
            is_right = fabs(guess / weight_kg - 1) <= 0.1;
            if (silhouette_confidence(rule, &found) >= 0.8) {
                sure++;
                sure_and_right += is_right;
            } else {
                doubtful++;
                doubtful_and_right += is_right;
            }
        }
        free((void *)(uintptr_t)file.ptr);
    }
    print_message("sure of %d, right %d; in doubt of %d, right %d\n", sure,
                  sure_and_right, doubtful, doubtful_and_right);
    assert_true(sure >= PICTURES / 4 && sure_and_right >= 0.8 * sure);
    assert_true(doubtful >= PICTURES / 4 && doubtful_and_right <= 0.5 * doubtful);
}

static void a_picture_of_nothing_has_no_weight(void **state)
{
    static uint8_t grey[3 * WIDTH * HEIGHT];
    struct farmiq_picture picture = { .size = sizeof picture,
                                      .width_px = WIDTH,
                                      .height_px = HEIGHT,
                                      .stride_bytes = 3 * WIDTH,
                                      .pixels = grey };
    struct silhouette found;

    (void)state;
    memset(grey, 90, sizeof grey);
    assert_int_equal(silhouette_find(&found, &picture), FARMIQ_UNDEFINED);
    grey[3 * (WIDTH * 32 + 32)] = 255; /* a speck */
    assert_int_equal(silhouette_find(&found, &picture), FARMIQ_UNDEFINED);
    picture.pixels = NULL;
    assert_int_equal(silhouette_find(&found, &picture), FARMIQ_E_ARG);
}

/* A rectangle's area and axes are known exactly: the ellipse with its moments is
 * 2/sqrt(3) times as long and wide. */
static void a_rectangle_is_measured_exactly(void **state)
{
    static uint8_t rgb[3 * 400 * 300];
    struct farmiq_picture picture = { .size = sizeof picture,
                                      .width_px = 400,
                                      .height_px = 300,
                                      .stride_bytes = 3 * 400,
                                      .pixels = rgb };
    struct silhouette found;

    (void)state;
    for (int y = 100; y < 180; y++)
        memset(rgb + 3 * (400 * y + 90), 255, 3 * 200);
    assert_int_equal(silhouette_find(&found, &picture), FARMIQ_OK);
    assert_true(fabs(found.area_px - 200 * 80) < 200);
    assert_true(fabs(found.major_px - 200 * 2 / sqrt(3)) < 2);
    assert_true(fabs(found.minor_px - 80 * 2 / sqrt(3)) < 2);
    assert_true(found.border == 0 && found.rest == 0);
}

static void broken_files_are_refused(void **state)
{
    struct farmiq_str file = draw(ANIMAL_BROILER, 1, 0, 1),
                      cut = { file.ptr, file.len / 2 };
    struct shim_pixels pixels;

    (void)state;
    assert_int_equal(shim_jpeg_decode(&pixels, str("GIF89a"), 1000, NULL),
                     FARMIQ_E_SYNTAX);
    assert_int_equal(shim_jpeg_decode(&pixels, str(""), 1000, NULL), FARMIQ_E_SYNTAX);
    assert_int_equal(shim_jpeg_decode(&pixels, cut, WIDTH * HEIGHT, NULL),
                     FARMIQ_E_SYNTAX);
    assert_int_equal(shim_jpeg_decode(&pixels, file, WIDTH * HEIGHT - 1, NULL),
                     FARMIQ_E_RANGE);
    free((void *)(uintptr_t)file.ptr);
}

/* ## Manifests */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const struct {
    const char *text;
    int result;
    const char *field;
} manifests[] = {
    { "{}", FARMIQ_E_SCHEMA, "model" },
    { "[1]", FARMIQ_E_SCHEMA, "" },
    { "{\"model\":\"m\",\"version\":\"1\"}", FARMIQ_E_SCHEMA, "library" },
    { "{\"model\":\"m\",\"version\":\"1\",\"library\":\"../x.so\",\"sha256\":\"00\"}",
      FARMIQ_E_SCHEMA, "library" },
    { "{\"model\":\"m\",\"version\":\"1\",\"library\":\"none.so\",\"sha256\":\"00\"}",
      FARMIQ_E_STORE, "library" },
    { "{\"model\":\"m\",\"version\":\"1\",\"library\":\"lib.so\",\"sha256\":\"00\"}",
      FARMIQ_E_REFUSED, "library" },
    { "{\"model\":\"m\",\"version\":\"1\",\"library\":\"lib.so\",\"sha256\":"
      "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}",
      FARMIQ_OK, "" },
    { "{\"model\":\"m\",\"version\":\"1\",\"library\":\"lib.so\",\"sha256\":"
      "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
      "\"file\":\"lib.so\",\"file_sha256\":\"00\"}",
      FARMIQ_E_REFUSED, "file" },
};

static void only_what_was_meant_is_loaded(void **state)
{
    char folder[] = "/tmp/farmiq-model-XXXXXX", path[64], library[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(library, sizeof library, "%s/lib.so", folder);
    snprintf(path, sizeof path, "%s/m.json", folder);
    write_text(library, "abc"); /* FIPS 180-4's example */
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        struct manifest manifest;
        struct farmiq_error error;

        farmiq_error_init(&error, sizeof error);
        write_text(path, manifests[i].text);
        assert_int_equal(manifest_read(&manifest, path, &error), manifests[i].result);
        assert_string_equal(error.field, manifests[i].field);
    }
    unlink(path);
    unlink(library);
    rmdir(folder);
}

/* ## Models in their process */

static struct shim_worker *hire(const char *manifest, uint32_t timeout_ms)
{
    static char path[512];
    static const char *argv[3];
    struct shim_worker_options options = { .argv = argv,
                                           .timeout_ms = timeout_ms,
                                           .memory_bytes = WORKER_BYTES,
                                           .answer_bytes = 8192 };
    struct shim_worker *worker;

    snprintf(path, sizeof path, "%s/%s", place("FARMIQ_MODELS"), manifest);
    argv[0] = place("FARMIQ_MODEL_WORKER");
    argv[1] = path;
    assert_int_equal(shim_worker_open(&worker, &options), FARMIQ_OK);
    return worker;
}

static double number_of(struct farmiq_str json, const char *name)
{
    struct farmiq_json_member member = { .name = name };
    int64_t scratch[1024];
    char text[64] = "nan";

    assert_int_equal(farmiq_json_members(json.ptr, json.len, &member, 1, scratch,
                                         sizeof scratch, NULL),
                     FARMIQ_OK);
    if (member.type == FARMIQ_JSON_NUMBER)
        snprintf(text, sizeof text, "%.*s", (int)member.text.len, member.text.ptr);
    return strtod(text, NULL);
}

static void a_model_answers_from_its_process(void **state)
{
    struct shim_worker *worker = hire("broiler.json", 20000);
    struct farmiq_str file = draw(ANIMAL_BROILER, 2, 0, 77), answer, greeting;
    double weight_kg;

    (void)state;
    assert_int_equal(shim_worker_start(worker, &greeting, NULL), FARMIQ_OK);
    assert_non_null(memmem(greeting.ptr, greeting.len, "silhouette-broiler-1", 20));
    assert_int_equal(shim_worker_ask(worker, file, &answer, NULL), FARMIQ_OK);
    weight_kg = number_of(answer, "weight_kg");
    assert_true(fabs(weight_kg / 2 - 1) < 0.15);
    assert_int_equal(shim_worker_ask(worker, str("no picture"), &answer, NULL),
                     FARMIQ_OK);
    assert_non_null(memmem(answer.ptr, answer.len, "\"error\"", 7));
    assert_int_equal(shim_worker_ask(worker, file, &answer, NULL), FARMIQ_OK);
    assert_true(number_of(answer, "weight_kg") == weight_kg);
    shim_worker_close(worker);
    free((void *)(uintptr_t)file.ptr);
}

/* The figures of spec edge 9 for a file of 12,345 bytes. */
static void the_stub_is_the_references(void **state)
{
    struct shim_worker *worker = hire("stub.json", 20000);
    char *bytes = calloc(1, 12345);
    struct farmiq_str answer;

    (void)state;
    assert_int_equal(
        shim_worker_ask(worker, (struct farmiq_str){ bytes, 12345 }, &answer, NULL),
        FARMIQ_OK);
    assert_true(number_of(answer, "weight_kg") == 3.45);
    assert_true(number_of(answer, "confidence") == 0.725);
    shim_worker_close(worker);
    free(bytes);
}

/* ## What a worker may do to us */

static struct shim_worker *hire_shell(const char *script, uint32_t timeout_ms)
{
    static const char *argv[4] = { "/bin/sh", "-c" };
    struct shim_worker_options options = { .argv = argv,
                                           .timeout_ms = timeout_ms,
                                           .answer_bytes = 64 };
    struct shim_worker *worker;

    argv[2] = script;
    assert_int_equal(shim_worker_open(&worker, &options), FARMIQ_OK);
    return worker;
}

#define GREETING "printf '\\002\\000\\000\\000hi'; "

static const struct {
    const char *script;
    const char *complaint;
} troubles[] = {
    { GREETING "read x; kill -SEGV $$", "was ended by signal 11" },
    { GREETING "head -c 4 >/dev/null; exit 3", "ended with code 3" },
    { GREETING "exec sleep 60", "gave no answer in 300 ms" },
    { GREETING "head -c 5 >/dev/null; printf '\\001'; exec sleep 60", "gave no answer" },
    { GREETING "head -c 5 >/dev/null; printf '\\377\\377\\377\\177'; exec sleep 60",
      "answered" },
    { "exit 127", "ended with code 127" },
    { "exec sleep 60", "gave no answer" },
};

static void a_worker_that_fails_costs_one_question(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        struct shim_worker *worker = hire_shell(troubles[i].script, 300);
        struct farmiq_str answer;

        for (int again = 0; again < 2; again++) {
            struct farmiq_error error;

            farmiq_error_init(&error, sizeof error);
            assert_int_equal(shim_worker_ask(worker, str("?\n"), &answer, &error),
                             FARMIQ_E_UNREACHABLE);
            assert_non_null(strstr(error.detail, troubles[i].complaint));
        }
        shim_worker_close(worker);
    }
}

static void it_is_started_again_for_the_next_question(void **state)
{
    char once[] = "/tmp/farmiq-once-XXXXXX", script[256];
    struct farmiq_str answer;
    struct shim_worker *worker;

    (void)state;
    close(mkstemp(once));
    snprintf(script, sizeof script,
             GREETING "rm %s 2>/dev/null && exit 1; head -c 5 >/dev/null; "
                      "printf '\\003\\000\\000\\000yes'; cat >/dev/null",
             once);
    worker = hire_shell(script, 5000);
    assert_int_equal(shim_worker_ask(worker, str("?"), &answer, NULL),
                     FARMIQ_E_UNREACHABLE);
    assert_int_equal(shim_worker_ask(worker, str("?"), &answer, NULL), FARMIQ_OK);
    assert_int_equal(answer.len, 3);
    assert_memory_equal(answer.ptr, "yes", 3);
    shim_worker_close(worker);
}

/* A model that cannot be loaded says so and ends; what it said must not stand for ever.
 */
static void one_that_ended_after_its_greeting_is_started_again(void **state)
{
    char once[] = "/tmp/farmiq-once-XXXXXX", script[256];
    struct timespec tick = { 0, 5000000 };
    struct shim_worker *worker;
    struct farmiq_str greeting;
    int starts = 0;

    (void)state;
    close(mkstemp(once));
    snprintf(
        script, sizeof script,
        "rm %s 2>/dev/null && { printf '\\002\\000\\000\\000no'; exit 1; }; " GREETING
        "cat >/dev/null",
        once);
    worker = hire_shell(script, 5000);
    assert_int_equal(shim_worker_start(worker, &greeting, NULL), FARMIQ_OK);
    assert_memory_equal(greeting.ptr, "no", 2);
    do {
        nanosleep(&tick, NULL);
        assert_int_equal(shim_worker_start(worker, &greeting, NULL), FARMIQ_OK);
    } while (memcmp(greeting.ptr, "hi", 2) != 0 && ++starts < 1000);
    assert_memory_equal(greeting.ptr, "hi", 2);
    shim_worker_close(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_animals_are_weighed_within_5_percent),
        cmocka_unit_test(confidence_tells_good_pictures_from_bad),
        cmocka_unit_test(a_picture_of_nothing_has_no_weight),
        cmocka_unit_test(a_rectangle_is_measured_exactly),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(only_what_was_meant_is_loaded),
        cmocka_unit_test(a_model_answers_from_its_process),
        cmocka_unit_test(the_stub_is_the_references),
        cmocka_unit_test(a_worker_that_fails_costs_one_question),
        cmocka_unit_test(it_is_started_again_for_the_next_question),
        cmocka_unit_test(one_that_ended_after_its_greeting_is_started_again),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
