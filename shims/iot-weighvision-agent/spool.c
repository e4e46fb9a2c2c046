/* SPDX-License-Identifier: Apache-2.0 */
/* Images on the disk until the edge knows of them. */
#include "spool.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"

#define IMAGE_BYTES_MAX 10485760
#define NAME_BYTES 96
#define PLACE_BYTES 2048
#define STEM_LEN (2 * FARMIQ_UUID_STRLEN + 1)

static void write_name(char *out, const struct spooled *image, const char *ending)
{
    snprintf(out, NAME_BYTES, "%s_%s%s", image->event_id, image->session_id, ending);
}

static const char *own_ending(const struct spooled *image)
{
    return image->is_sent ? ".sent" : ".jpg";
}

/* EVENT_SESSION.jpg or .sent; anything else is not ours. */
static int read_name(const char *name, struct spooled *out)
{
    const char *session = name + FARMIQ_UUID_STRLEN + 1;
    uint8_t id[FARMIQ_UUID_BYTES];
    struct spooled image = { .is_sent = 0 };

    if (strlen(name) <= STEM_LEN || session[-1] != '_' ||
        farmiq_uuid_parse(id, name, FARMIQ_UUID_STRLEN) != FARMIQ_OK ||
        farmiq_uuid_parse(id, session, FARMIQ_UUID_STRLEN) != FARMIQ_OK)
        return FARMIQ_NONE;
    memcpy(image.event_id, name, FARMIQ_UUID_STRLEN);
    memcpy(image.session_id, session, FARMIQ_UUID_STRLEN);
    image.is_sent = strcmp(name + STEM_LEN, ".sent") == 0;
    if (!image.is_sent && strcmp(name + STEM_LEN, ".jpg") != 0)
        return FARMIQ_NONE;
    *out = image;
    return FARMIQ_OK;
}

int64_t spool_time(const struct spooled *image)
{
    uint8_t id[FARMIQ_UUID_BYTES];
    int64_t unix_ms = 0;

    return farmiq_uuid_parse(id, image->event_id, FARMIQ_UUID_STRLEN) == FARMIQ_OK &&
                   farmiq_uuid_time(id, &unix_ms) == FARMIQ_OK
               ? unix_ms
               : 0;
}

uint32_t spool_count(const char *dir)
{
    struct spooled image;
    struct dirent *entry;
    DIR *folder = opendir(dir);
    uint32_t count = 0;

    while (folder && (entry = readdir(folder)) != NULL)
        count += read_name(entry->d_name, &image) == FARMIQ_OK;
    if (folder)
        closedir(folder);
    return count;
}

/* Ids that are made later are greater, so the least is the oldest. */
int spool_next(const char *dir, int is_sent, const char *after, struct spooled *out)
{
    struct spooled image;
    struct dirent *entry;
    DIR *folder = opendir(dir);
    int r = FARMIQ_NONE;

    while (folder && (entry = readdir(folder)) != NULL) {
        if (read_name(entry->d_name, &image) != FARMIQ_OK || image.is_sent != is_sent ||
            strcmp(image.event_id, after) <= 0 ||
            (r == FARMIQ_OK && strcmp(image.event_id, out->event_id) > 0))
            continue;
        *out = image;
        r = FARMIQ_OK;
    }
    if (folder)
        closedir(folder);
    return r;
}

int spool_add(const char *dir, const struct spooled *image, struct farmiq_str jpeg)
{
    char name[NAME_BYTES];

    write_name(name, image, own_ending(image));
    return folder_write(dir, name, jpeg);
}

int spool_load(const char *dir, const struct spooled *image, char **jpeg, size_t *len)
{
    char name[NAME_BYTES], *bytes = malloc(IMAGE_BYTES_MAX + 1);
    int r;

    if (!bytes)
        return FARMIQ_E_NOMEM;
    write_name(name, image, own_ending(image));
    r = folder_read(dir, name, bytes, IMAGE_BYTES_MAX + 1, len);
    if (r == FARMIQ_OK)
        *jpeg = bytes;
    else
        free(bytes);
    return r == FARMIQ_OK ? r : FARMIQ_E_STORE;
}

int spool_note_place(const char *dir, const struct spooled *image,
                     const struct upload_place *place)
{
    struct farmiq_json_writer w;
    char name[NAME_BYTES], text[PLACE_BYTES];
    size_t len;

    farmiq_json_begin(&w, text, sizeof text);
    farmiq_json_open(&w, '{');
    farmiq_json_key(&w, "object_key");
    farmiq_json_text(&w, place->object_key);
    farmiq_json_key(&w, "media_id");
    farmiq_json_text(&w, place->media_id);
    farmiq_json_close(&w, '}');
    if (farmiq_json_end(&w, &len) != FARMIQ_OK)
        return FARMIQ_E_STORE;
    write_name(name, image, ".place");
    return folder_write(dir, name, (struct farmiq_str){ text, len });
}

int spool_read_place(const char *dir, const struct spooled *image,
                     struct upload_place *place)
{
    struct farmiq_json_member members[] = { { .name = "object_key" },
                                            { .name = "media_id" } };
    char name[NAME_BYTES], text[PLACE_BYTES];
    int64_t scratch[1024];
    size_t len;

    write_name(name, image, ".place");
    if (folder_read(dir, name, text, sizeof text, &len) != FARMIQ_OK ||
        farmiq_json_members(text, len, members, 2, scratch, sizeof scratch, NULL) !=
            FARMIQ_OK ||
        members[0].type != FARMIQ_JSON_STRING || members[1].type != FARMIQ_JSON_STRING ||
        members[0].text.len >= sizeof place->object_key ||
        members[1].text.len >= sizeof place->media_id)
        return FARMIQ_NONE;
    snprintf(place->object_key, sizeof place->object_key, "%.*s",
             (int)members[0].text.len, members[0].text.ptr);
    snprintf(place->media_id, sizeof place->media_id, "%.*s", (int)members[1].text.len,
             members[1].text.ptr);
    return FARMIQ_OK;
}

int spool_mark_sent(const char *dir, struct spooled *image)
{
    char from[NAME_BYTES], to[NAME_BYTES];

    write_name(from, image, ".jpg");
    write_name(to, image, ".sent");
    if (folder_rename(dir, from, to) != FARMIQ_OK)
        return FARMIQ_E_STORE;
    image->is_sent = 1;
    return FARMIQ_OK;
}

void spool_remove(const char *dir, const struct spooled *image)
{
    char name[NAME_BYTES];

    write_name(name, image, own_ending(image));
    folder_remove(dir, name);
    write_name(name, image, ".place");
    folder_remove(dir, name);
}
