/* SPDX-License-Identifier: Apache-2.0 */
/* The station's pictures. */
#include "pictures.h"

#include <stdio.h>
#include <stdlib.h>

#include "camera.h"
#include "kit/log.h"

struct pictures {
    const struct station_options *options;
    struct camera *camera; /* NULL: none */
    struct uploader *uploader;
    struct uploaded *waiting; /* uploaded, and not told yet */
    struct uploaded *told;    /* and not durable yet */
    int has_complained;
};

int pictures_open(struct pictures **out, const struct agent_options *agent,
                  const struct station_options *options, struct farmiq_error *error)
{
    struct pictures *p = calloc(1, sizeof *p);
    int r;

    if (!p)
        return FARMIQ_E_NOMEM;
    p->options = options;
    r = camera_open(&p->camera, options, error);
    if (r == FARMIQ_OK)
        r = uploader_open(&p->uploader, agent, options, error);
    if (r == FARMIQ_OK)
        *out = p;
    else
        pictures_close(p);
    return r;
}

static void free_list(struct uploaded *first)
{
    while (first) {
        struct uploaded *next = first->next;

        free(first);
        first = next;
    }
}

void pictures_close(struct pictures *p)
{
    if (!p)
        return;
    uploader_close(p->uploader);
    camera_close(p->camera);
    free_list(p->waiting);
    free_list(p->told);
    free(p);
}

int pictures_fd(const struct pictures *p) { return uploader_fd(p->uploader); }

/* ## Taking */

static int spool(struct pictures *p, const struct record *record, struct drafts *drafts,
                 struct moment now, struct farmiq_str jpeg)
{
    struct spooled image = { .is_sent = 0 };
    int r = drafts_new_id(drafts, now, image.event_id);

    snprintf(image.session_id, sizeof image.session_id, "%s",
             record->ids[RECORD_SESSION]);
    return r ? r : uploader_add(p->uploader, &image, jpeg);
}

void pictures_take(struct pictures *p, struct record *record, struct drafts *drafts,
                   struct moment now)
{
    struct camera_scene scene = { .weight_kg = record->weight_kg,
                                  .seed = (uint64_t)record->began_unix_ms };
    uint8_t *jpeg = NULL;
    size_t len = 0;
    int r;

    if (!p->camera)
        return;
    r = p->camera->kind->take(p->camera, &scene, &jpeg, &len);
    if (r == FARMIQ_OK)
        r = spool(p, record, drafts, now, (struct farmiq_str){ (char *)jpeg, len });
    free(jpeg);
    record->image_count += r == FARMIQ_OK;
    if (r != FARMIQ_OK && !p->has_complained)
        shim_log_line(SHIM_WARN, "image.missed", "no picture: %s",
                      r == FARMIQ_NONE        ? "the source has none"
                      : r == FARMIQ_E_NOSPACE ? "SPOOL_MAX_IMAGES wait already"
                                              : farmiq_errname(r));
    p->has_complained = r != FARMIQ_OK;
}

/* ## Telling */

static void append(struct uploaded **list, struct uploaded *more)
{
    while (*list)
        list = &(*list)->next;
    *list = more;
}

void pictures_tell(struct pictures *p, struct teller *teller)
{
    append(&p->waiting, uploader_take(p->uploader));
    while (p->waiting && teller->feed->count < AGENT_ROWS_MAX) {
        struct uploaded *image = p->waiting;

        p->waiting = image->next;
        image->next = NULL;
        if (session_tell_image(teller, image) != FARMIQ_OK)
            teller->feed->skipped++;
        append(&p->told, image);
    }
}

void pictures_taken(struct pictures *p)
{
    for (struct uploaded *image = p->told; image; image = image->next)
        uploader_forget(p->uploader, &image->image);
    free_list(p->told);
    p->told = NULL;
}

int pictures_are_done(const struct pictures *p)
{
    return uploader_held(p->uploader) == 0;
}
