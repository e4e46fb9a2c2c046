/* SPDX-License-Identifier: Apache-2.0 */
/* Images on the disk until the edge knows of them. Each is one file, whose name says what
 * it is of and whose ending how far it has come: .jpg is to be uploaded, .sent is at the
 * media store and to be told. Beside it .place says where, from before the upload. */
#ifndef WEIGHVISION_SPOOL_H
#define WEIGHVISION_SPOOL_H

#include "upload.h"

struct spooled {
    char event_id[FARMIQ_UUID_STRLEN + 1]; /* of its image.captured, made when taken */
    char session_id[FARMIQ_UUID_STRLEN + 1];
    int is_sent;
};

/* When it was taken. */
int64_t spool_time(const struct spooled *image);

/* How many images are there. */
uint32_t spool_count(const char *dir);
/* The oldest that is still to be uploaded, or with `is_sent` those to be told, behind
 * `after`, which may be empty. FARMIQ_OK, FARMIQ_NONE. */
int spool_next(const char *dir, int is_sent, const char *after, struct spooled *out);

/* FARMIQ_OK, FARMIQ_E_STORE. */
int spool_add(const char *dir, const struct spooled *image, struct farmiq_str jpeg);
/* `*jpeg` is the caller's to free(). FARMIQ_OK, FARMIQ_E_STORE, FARMIQ_E_NOMEM. */
int spool_load(const char *dir, const struct spooled *image, char **jpeg, size_t *len);
int spool_note_place(const char *dir, const struct spooled *image,
                     const struct upload_place *place);
/* FARMIQ_OK, FARMIQ_NONE. */
int spool_read_place(const char *dir, const struct spooled *image,
                     struct upload_place *place);
/* It is at the media store. FARMIQ_OK, FARMIQ_E_STORE. */
int spool_mark_sent(const char *dir, struct spooled *image);
void spool_remove(const char *dir, const struct spooled *image);

#endif
