/* SPDX-License-Identifier: Apache-2.0 */
/* A camera at V4L2, for which v4l2_stand_in.c stands in: what is asked of a driver is
 * real, the driver is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "camera.h"
#include "kit/jpeg.h"
#include "kit/video.h"
#include "kit/video_frame.h"

#define DEVICE "/dev/video-of-a-test"
#define WIDTH 640
#define HEIGHT 480
#define LONG_MS 60000 /* what must come comes before */
#define SHORT_MS 200  /* what must not come has had its time */

static char says[] = "/tmp/farmiq-camera-XXXXXX", jpeg_path[] = "/tmp/farmiq-jpeg-XXXXXX";
static uint8_t *file;
static size_t file_len;

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *out = fopen(path, "we");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

/* In one step: the stand-in never reads half of it. */
static void say(const char *words)
{
    char beside[64];

    snprintf(beside, sizeof beside, "%s.new", says);
    write_file(beside, words, strlen(words));
    assert_int_equal(rename(beside, says), 0);
}

static int set_up(void **state)
{
    struct shim_pixels pixels = { WIDTH, HEIGHT, calloc(WIDTH * HEIGHT, 3) };

    (void)state;
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT * 3; i++)
        pixels.rgb[i] = (uint8_t)(i / 977 * 7);
    assert_int_equal(shim_jpeg_encode(&pixels, 85, &file, &file_len), FARMIQ_OK);
    free(pixels.rgb);
    close(mkstemp(says));
    close(mkstemp(jpeg_path));
    setenv("V4L2_STAND_IN", DEVICE, 1);
    setenv("V4L2_STAND_IN_SAYS", says, 1);
    setenv("V4L2_STAND_IN_JPEG", jpeg_path, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(says);
    unlink(jpeg_path);
    free(file);
    return 0;
}

static int well(void **state)
{
    (void)state;
    say("");
    write_file(jpeg_path, file, file_len);
    return 0;
}

static struct shim_video_wish wish = { DEVICE, WIDTH, HEIGHT, 0, 85 };

static struct shim_video *opened(void)
{
    struct shim_video *video = NULL;
    struct farmiq_error error;

    farmiq_error_init(&error, sizeof error);
    assert_int_equal(shim_video_open(&video, &wish, &error), FARMIQ_OK);
    return video;
}

static struct shim_pixels decoded(const uint8_t *jpeg, size_t len)
{
    struct shim_pixels pixels = { 0 };

    assert_int_equal(shim_jpeg_decode(&pixels,
                                      (struct farmiq_str){ (const char *)jpeg, len },
                                      UINT64_C(100000000), NULL),
                     FARMIQ_OK);
    return pixels;
}

static struct shim_pixels taken(struct shim_video *video)
{
    struct shim_pixels pixels;
    uint8_t *jpeg = NULL;
    size_t len = 0;

    assert_int_equal(shim_video_take(video, LONG_MS, &jpeg, &len, NULL), FARMIQ_OK);
    pixels = decoded(jpeg, len);
    free(jpeg);
    return pixels;
}

static void assert_take_fails(struct shim_video *video, int code, const char *why)
{
    struct farmiq_error error;
    uint8_t *jpeg = NULL;
    size_t len = 0;

    farmiq_error_init(&error, sizeof error);
    assert_int_equal(shim_video_take(video, SHORT_MS, &jpeg, &len, &error), code);
    assert_null(jpeg);
    assert_string_equal(error.detail, why);
}

/* ## What it gives */

static void test_mjpeg_comes_as_the_camera_made_it(void **state)
{
    struct shim_video *video = opened();
    uint8_t *jpeg = NULL;
    size_t len = 0;

    (void)state;
    assert_string_equal(shim_video_format(video), "640 x 480 MJPEG");
    for (int i = 0; i < 12; i++) { /* more than there are buffers */
        assert_int_equal(shim_video_take(video, LONG_MS, &jpeg, &len, NULL), FARMIQ_OK);
        assert_int_equal(len, file_len);
        assert_memory_equal(jpeg, file, len);
        free(jpeg);
    }
    shim_video_close(video);
}

static void test_what_a_driver_pads_is_cut_off(void **state)
{
    struct shim_video *video;
    uint8_t *jpeg = NULL;
    size_t len = 0;

    (void)state;
    say("padded");
    video = opened();
    assert_int_equal(shim_video_take(video, LONG_MS, &jpeg, &len, NULL), FARMIQ_OK);
    assert_int_equal(len, file_len);
    free(jpeg);
    shim_video_close(video);
}

/* Leaves out the segments that begin with FF C4. */
static size_t without_tables(uint8_t *out)
{
    size_t at = 2, len = 2;

    memcpy(out, file, 2);
    while (file[at + 1] != 0xda) {
        size_t segment = 2 + ((size_t)file[at + 2] << 8 | file[at + 3]);

        if (file[at + 1] != 0xc4) {
            memcpy(out + len, file + at, segment);
            len += segment;
        }
        at += segment;
    }
    memcpy(out + len, file + at, file_len - at);
    return len + file_len - at;
}

static void test_mjpeg_without_tables_becomes_a_file_that_all_can_read(void **state)
{
    uint8_t *bare = malloc(file_len), *jpeg = NULL;
    size_t bare_len = without_tables(bare), len = 0;
    struct shim_video *video;

    (void)state;
    assert_true(bare_len < file_len);
    write_file(jpeg_path, bare, bare_len);
    video = opened();
    assert_int_equal(shim_video_take(video, LONG_MS, &jpeg, &len, NULL), FARMIQ_OK);
    assert_non_null(memmem(jpeg, len, "\xff\xc4", 2));
    free(decoded(jpeg, len).rgb);
    free(jpeg);
    free(bare);
    shim_video_close(video);
}

static void test_yuyv_is_encoded_in_the_size_that_the_camera_gives(void **state)
{
    struct shim_video *video;
    struct shim_pixels pixels;

    (void)state;
    say("yuyv small light=200");
    video = opened();
    assert_string_equal(shim_video_format(video), "322 x 242 YUYV");
    pixels = taken(video);
    assert_int_equal(pixels.width_px, 322);
    assert_int_equal(pixels.height_px, 242);
    for (size_t i = 0; i < (size_t)322 * 242 * 3; i++)
        assert_in_range(pixels.rgb[i], 195, 205);
    free(pixels.rgb);
    shim_video_close(video);
}

static void assert_is_of_now(const char *before, const char *after)
{
    struct shim_video *video;
    struct shim_pixels pixels;

    say(before);
    video = opened();
    usleep(300 * 1000); /* all buffers are full of what was */
    say(after);
    pixels = taken(video);
    assert_in_range(pixels.rgb[0], 195, 205);
    free(pixels.rgb);
    shim_video_close(video);
}

/* The animal before this one must not be in the picture. */
static void test_a_picture_is_of_now_and_not_of_when_the_buffers_were_full(void **state)
{
    (void)state;
    assert_is_of_now("yuyv light=50", "yuyv light=200");
    assert_is_of_now("yuyv untimed light=50", "yuyv untimed light=200");
}

/* ## What goes wrong */

static void test_broken_frames_are_passed_over(void **state)
{
    static const char *const ways[] = { "flagged", "cut", "noise", "toolong" };
    struct shim_video *video = opened();
    uint8_t *jpeg = NULL;
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        say(ways[i]);
        assert_take_fails(video, FARMIQ_NONE, "gave only broken pictures");
        say("");
        assert_int_equal(shim_video_take(video, LONG_MS, &jpeg, &len, NULL), FARMIQ_OK);
        free(jpeg);
        jpeg = NULL;
    }
    shim_video_close(video);
}

static void test_yuyv_that_is_cut_off_is_no_picture(void **state)
{
    struct shim_video *video;

    (void)state;
    say("yuyv cut");
    video = opened();
    assert_take_fails(video, FARMIQ_NONE, "gave only broken pictures");
    shim_video_close(video);
}

static void test_a_camera_that_is_slow_or_stops(void **state)
{
    struct shim_video *video;
    struct shim_pixels pixels;

    (void)state;
    say("slow");
    video = opened();
    pixels = taken(video);
    free(pixels.rgb);
    say("stopped");
    usleep(300 * 1000);
    assert_take_fails(video, FARMIQ_NONE, "gave no picture in time");
    shim_video_close(video);
}

static void test_a_camera_that_is_pulled_out(void **state)
{
    struct shim_video *video = opened();

    (void)state;
    say("gone");
    assert_take_fails(video, FARMIQ_E_UNREACHABLE, "is gone");
    shim_video_close(video);
    well(state);
    video = opened();
    say("badindex");
    assert_take_fails(video, FARMIQ_E_UNREACHABLE, "gives buffers that it has not");
    shim_video_close(video);
}

static void test_why_a_camera_cannot_be_opened(void **state)
{
    static const struct {
        const char *says, *path;
        int code;
        const char *why;
    } cases[] = {
        { "absent", DEVICE, FARMIQ_E_UNREACHABLE, "is not there" },
        { "gone", DEVICE, FARMIQ_E_UNREACHABLE, "is not there" },
        { "openbusy", DEVICE, FARMIQ_E_BUSY, "is in use by another program" },
        { "busy", DEVICE, FARMIQ_E_BUSY, "is in use by another program" },
        { "neither", DEVICE, FARMIQ_E_ARG, "gives neither MJPEG nor YUYV" },
        { "", "/dev/null", FARMIQ_E_ARG, "is no camera" },
        { "metadata", DEVICE, FARMIQ_E_ARG,
          "takes no pictures: a camera often has a second device that does" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shim_video_wish of = { cases[i].path, WIDTH, HEIGHT, 5, 85 };
        struct shim_video *video = NULL;
        struct farmiq_error error;

        say(cases[i].says);
        farmiq_error_init(&error, sizeof error);
        assert_int_equal(shim_video_open(&video, &of, &error), cases[i].code);
        assert_null(video);
        assert_string_equal(error.field, cases[i].path);
        assert_string_equal(error.detail, cases[i].why);
    }
}

/* ## The station's camera */

static struct station_options options = { .image_source = "v4l2",
                                          .image_device = DEVICE,
                                          .image_width_px = WIDTH,
                                          .image_height_px = HEIGHT,
                                          .image_quality = 85,
                                          .image_timeout_ms = SHORT_MS };

static int take_once(struct camera *camera)
{
    const struct camera_scene scene = { 0 };
    uint8_t *jpeg = NULL;
    size_t len = 0;
    int r = camera->kind->take(camera, &scene, &jpeg, &len);

    free(jpeg);
    return r;
}

static void wait_for_picture(struct camera *camera)
{
    time_t until = time(NULL) + 60;

    while (take_once(camera) != FARMIQ_OK) {
        assert_true(time(NULL) < until);
        usleep(20 * 1000);
    }
}

static void
test_a_station_goes_on_while_its_camera_is_away_and_finds_it_again(void **state)
{
    struct camera *camera = NULL;

    (void)state;
    say("absent");
    assert_int_equal(camera_open(&camera, &options, NULL), FARMIQ_OK);
    assert_int_equal(take_once(camera), FARMIQ_NONE);
    say("");
    wait_for_picture(camera);
    say("gone");
    assert_int_equal(take_once(camera), FARMIQ_NONE);
    assert_int_equal(take_once(camera), FARMIQ_NONE);
    say("");
    wait_for_picture(camera);
    camera_close(camera);
}

static void test_a_station_does_not_begin_with_what_is_no_camera(void **state)
{
    struct camera *camera = NULL;
    struct farmiq_error error;

    (void)state;
    say("metadata");
    farmiq_error_init(&error, sizeof error);
    assert_int_equal(camera_open(&camera, &options, &error), FARMIQ_E_ARG);
    assert_null(camera);
    assert_string_equal(error.field, "IMAGE_DEVICE");
}

/* ## Bytes of a device are not believed */

/* Each in memory of its own length, where a sanitizer sees a step too far. */
static void read_mutant(uint64_t chance)
{
    const struct video_frame_shape shape = { .is_jpeg = 1, WIDTH, HEIGHT, 0 };
    size_t len = chance % 3 ? file_len : (chance >> 8) % (file_len + 1), made_len = 0;
    uint8_t *bytes = malloc(len ? len : 1), *made = NULL;
    int r;

    memcpy(bytes, file, len);
    for (uint64_t i = 0; i < 1 + chance % 7 && len; i++)
        bytes[(chance >> (3 * i)) % (i % 2       ? len
                                     : len < 700 ? len
                                                 : 700)] ^= (uint8_t)(chance >> (8 + i));
    r = video_frame_read(&shape, bytes, len, 85, &made, &made_len);
    assert_true(r == FARMIQ_NONE || (r == FARMIQ_OK && made_len > 100));
    free(made);
    free(bytes);
}

static void test_damaged_jpeg_is_a_picture_or_none(void **state)
{
    uint64_t chance = 88172645463325252u;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        read_mutant(chance);
    }
}

static void test_shapes_that_cannot_be(void **state)
{
    static const struct video_frame_shape shapes[] = {
        { 1, 0, 480, 0 },          { 1, 640, 0, 0 },      { 1, UINT32_MAX, 480, 0 },
        { 1, 16384, 16384, 0 },    { 0, 640, 480, 1279 }, { 0, 640, 480, 0 },
        { 0, 640, UINT32_MAX, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        assert_false(video_frame_check_shape(&shapes[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_mjpeg_comes_as_the_camera_made_it, well),
        cmocka_unit_test_setup(test_what_a_driver_pads_is_cut_off, well),
        cmocka_unit_test_setup(test_mjpeg_without_tables_becomes_a_file_that_all_can_read,
                               well),
        cmocka_unit_test_setup(test_yuyv_is_encoded_in_the_size_that_the_camera_gives,
                               well),
        cmocka_unit_test_setup(
            test_a_picture_is_of_now_and_not_of_when_the_buffers_were_full, well),
        cmocka_unit_test_setup(test_broken_frames_are_passed_over, well),
        cmocka_unit_test_setup(test_yuyv_that_is_cut_off_is_no_picture, well),
        cmocka_unit_test_setup(test_a_camera_that_is_slow_or_stops, well),
        cmocka_unit_test_setup(test_a_camera_that_is_pulled_out, well),
        cmocka_unit_test_setup(test_why_a_camera_cannot_be_opened, well),
        cmocka_unit_test_setup(
            test_a_station_goes_on_while_its_camera_is_away_and_finds_it_again, well),
        cmocka_unit_test_setup(test_a_station_does_not_begin_with_what_is_no_camera,
                               well),
        cmocka_unit_test_setup(test_damaged_jpeg_is_a_picture_or_none, well),
        cmocka_unit_test_setup(test_shapes_that_cannot_be, well),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
