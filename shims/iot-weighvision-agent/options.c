/* SPDX-License-Identifier: Apache-2.0 */
/* The weigh station's own options. Names and defaults of the spec (edge 2.13) where it
 * has them. */
#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "weighing.h"

const struct shim_option station_option_table[] = {
    { "STATION_ID", SHIM_STRING, "st-01", "this station, in topics and at the broker" },
    { "DEVICE_ID", SHIM_STRING, "wv-001", "the device in it, in its events" },
    { "BATCH_ID", SHIM_STRING, "", "the batch of the animals, if it is known" },
    { "SCALE", SHIM_CHOICE, "simulator", "simulator|serial: where weights come from" },
    { "SCALE_PORT", SHIM_STRING, "",
      "serial: the indicator's line, such as /dev/ttyUSB0; it sends a line a reading, "
      "such "
      "as 'ST,GS,+  12.34kg'" },
    { "SCALE_BAUD", SHIM_COUNT, "9600", "serial: bits a second, 1200 to 115200" },
    { "SESSION_START_KG", SHIM_STRING, "0.5",
      "a session begins at this weight, and ends below half of it" },
    { "SESSION_WEIGHT_STABILITY_THRESHOLD", SHIM_STRING, "0.1",
      "readings that differ by at most this many kg are stable; their mean counts" },
    { "SESSION_MAX_WEIGHT_READINGS", SHIM_COUNT, "5", "so many in a row must be stable" },
    { "SESSION_READING_INTERVAL", SHIM_MS, "100ms", "between two of them, at least" },
    { "SESSION_LIMIT", SHIM_MS, "5m", "a session ends after this, animal or not" },
    { "SPOOL_DIR", SHIM_STRING, "/var/lib/farmiq/iot-weighvision-agent",
      "a folder for the session in progress, and for images until they are uploaded" },
    { "SPOOL_MAX_IMAGES", SHIM_COUNT, "2000",
      "no more pictures are taken while so many wait to be uploaded" },
    { "IMAGE_SOURCE", SHIM_CHOICE, "none",
      "none|generator|directory|v4l2: where pictures come from; the generator draws an "
      "animal of the weight that was found" },
    { "IMAGE_DIR", SHIM_STRING, "", "directory: its JPEG files, one after the other" },
    { "IMAGE_DEVICE", SHIM_STRING, "/dev/video0", "v4l2: the camera" },
    { "IMAGE_WIDTH", SHIM_COUNT, "640", "v4l2: pixels; the camera may give a size near" },
    { "IMAGE_HEIGHT", SHIM_COUNT, "480", "v4l2: the same" },
    { "IMAGE_FPS", SHIM_COUNT, "0", "v4l2: pictures a second; 0: as the camera likes" },
    { "IMAGE_TIMEOUT", SHIM_MS, "2s",
      "v4l2: how long the scale may wait for a picture; then the session has none" },
    { "IMAGE_QUALITY", SHIM_COUNT, "85",
      "generator, and v4l2 without MJPEG: of the JPEG, 1 to 100" },
    { "MEDIA_STORE_URL", SHIM_URL, "http://edge-media-store:3000",
      "where images are uploaded" },
    { "MEDIA_STORE_PRESIGN_ENDPOINT", SHIM_STRING, "/api/v1/media/images/presign",
      "its path for asking where to" },
    { "MEDIA_STORE_TOKEN", SHIM_SECRET, "", "sent to it as a bearer, unless empty" },
    { "MEDIA_STORE_CA_FILE", SHIM_STRING, "",
      "https: trust these authorities instead of the system's" },
    { "MEDIA_STORE_TIMEOUT", SHIM_SECONDS, "30", "for one request to it" },
    { "MEDIA_STORE_MAX_RETRIES", SHIM_COUNT, "3",
      "after 1 s, 2 s, 4 s and so on; then every 30 s" },
    { "ANIMAL", SHIM_CHOICE, "pig", "pig|broiler: what is simulated" },
    { "SESSION_INTERVAL", SHIM_MS, "60s", "simulator: an animal in this time" },
    { "SPEED", SHIM_COUNT, "1", "simulator: time passes this many times faster" },
    { "COUNT", SHIM_COUNT, "0",
      "simulator: end after this many animals, once all is acknowledged; 0: never" },
    { "SEED", SHIM_COUNT, "1", "simulator: the same seed gives the same animals" },
    { "DATABASE_URL", SHIM_URL, "sqlite:/var/lib/farmiq/iot-weighvision-agent.db",
      "the durable buffer" },
    { "BUFFER_MAX_MESSAGES", SHIM_COUNT, "10000",
      "keep at most this many events; then the oldest goes, but beginnings and ends of "
      "sessions last" },
    { "BUFFER_MAX_AGE", SHIM_MS, "72h", "an event older than this is not sent any more" },
    { "REPLAY_RATE", SHIM_COUNT, "20",
      "old events a second after an outage; 0: no limit" },
    { 0 },
};

const struct agent_limit station_limits[] = {
    { "SCALE_BAUD", 1200, 115200 },
    { "SESSION_MAX_WEIGHT_READINGS", 1, WEIGHING_READINGS_MAX },
    { "SESSION_READING_INTERVAL", 1, 60000 },
    { "SESSION_LIMIT", 1000, INT32_MAX },
    { "SPOOL_MAX_IMAGES", 1, 1000000 },
    { "IMAGE_WIDTH", 16, 16384 },
    { "IMAGE_HEIGHT", 16, 16384 },
    { "IMAGE_FPS", 0, 1000 },
    { "IMAGE_TIMEOUT", 10, 60000 },
    { "IMAGE_QUALITY", 1, 100 },
    { "MEDIA_STORE_TIMEOUT", 100, 600000 },
    { "MEDIA_STORE_MAX_RETRIES", 0, 5 },
    { "SESSION_INTERVAL", 2000, INT32_MAX },
    { "SPEED", 1, 100000 },
    { 0 },
};

/* A weight that is more than nothing. 0: it is none. */
static double read_kg(const struct shim_options *options, const char *name)
{
    const char *text = shim_options_text(options, name);
    char *end;
    double kg = strtod(text, &end);

    return *text && !*end && isfinite(kg) && kg > 0 ? kg : 0;
}

static void read_pictures(struct station_options *o, const struct shim_options *options)
{
    o->image_source = shim_options_text(options, "IMAGE_SOURCE");
    o->image_dir = shim_options_text(options, "IMAGE_DIR");
    o->image_device = shim_options_text(options, "IMAGE_DEVICE");
    o->image_width_px = (uint32_t)shim_options_number(options, "IMAGE_WIDTH");
    o->image_height_px = (uint32_t)shim_options_number(options, "IMAGE_HEIGHT");
    o->image_fps = (uint32_t)shim_options_number(options, "IMAGE_FPS");
    o->image_timeout_ms = (uint32_t)shim_options_number(options, "IMAGE_TIMEOUT");
    o->image_quality = (int)shim_options_number(options, "IMAGE_QUALITY");
    o->spool_max_images = (uint32_t)shim_options_number(options, "SPOOL_MAX_IMAGES");
    o->media_url = shim_options_text(options, "MEDIA_STORE_URL");
    o->presign_path = shim_options_text(options, "MEDIA_STORE_PRESIGN_ENDPOINT");
    o->media_token = shim_options_text(options, "MEDIA_STORE_TOKEN");
    o->media_ca_file = shim_options_text(options, "MEDIA_STORE_CA_FILE");
    o->media_timeout_ms = shim_options_number(options, "MEDIA_STORE_TIMEOUT");
    o->media_retries = (uint32_t)shim_options_number(options, "MEDIA_STORE_MAX_RETRIES");
}

void station_options_read(struct station_options *o, const struct shim_options *options)
{
    read_pictures(o, options);
    o->station_id = shim_options_text(options, "STATION_ID");
    o->device_id = shim_options_text(options, "DEVICE_ID");
    o->batch_id = shim_options_text(options, "BATCH_ID");
    o->spool_dir = shim_options_text(options, "SPOOL_DIR");
    o->scale = shim_options_text(options, "SCALE");
    o->scale_port = shim_options_text(options, "SCALE_PORT");
    o->scale_baud = (uint32_t)shim_options_number(options, "SCALE_BAUD");
    o->start_kg = read_kg(options, "SESSION_START_KG");
    o->threshold_kg = read_kg(options, "SESSION_WEIGHT_STABILITY_THRESHOLD");
    o->readings = (uint32_t)shim_options_number(options, "SESSION_MAX_WEIGHT_READINGS");
    o->reading_ms = shim_options_number(options, "SESSION_READING_INTERVAL");
    o->longest_ms = shim_options_number(options, "SESSION_LIMIT");
    o->is_broiler = strcmp(shim_options_text(options, "ANIMAL"), "broiler") == 0;
    o->interval_ms = shim_options_number(options, "SESSION_INTERVAL");
    o->speed = (uint32_t)shim_options_number(options, "SPEED");
    o->count = (uint64_t)shim_options_number(options, "COUNT");
    o->seed = (uint64_t)shim_options_number(options, "SEED");
}

int station_options_check(const struct agent_kind *kind,
                          const struct shim_options *options)
{
    struct station_options o;

    station_options_read(&o, options);
    if (o.start_kg == 0)
        return agent_refuse(kind, "SESSION_START_KG", "must be a weight in kg");
    if (o.threshold_kg == 0)
        return agent_refuse(kind, "SESSION_WEIGHT_STABILITY_THRESHOLD",
                            "must be a weight in kg");
    if (*o.batch_id && !farmiq_id_is_valid(o.batch_id, strlen(o.batch_id)))
        return agent_refuse(kind, "BATCH_ID",
                            "must be 1 to 128 of A-Z a-z 0-9 . _ : @ -");
    if (strcmp(o.scale, "serial") == 0 && !*o.scale_port)
        return agent_refuse(kind, "SCALE_PORT", "is needed for the scale serial");
    if (strcmp(o.image_source, "directory") == 0 && !*o.image_dir)
        return agent_refuse(kind, "IMAGE_DIR",
                            "is needed for the image source directory");
    if (strcmp(o.image_source, "v4l2") == 0 && !*o.image_device)
        return agent_refuse(kind, "IMAGE_DEVICE", "is needed for the image source v4l2");
    if (!*o.spool_dir)
        return agent_refuse(kind, "SPOOL_DIR", "is needed");
    return FARMIQ_OK;
}
