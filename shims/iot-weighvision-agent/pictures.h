/* SPDX-License-Identifier: Apache-2.0 */
/* The station's pictures: taken, spooled, uploaded, told. */
#ifndef WEIGHVISION_PICTURES_H
#define WEIGHVISION_PICTURES_H

#include "session.h"

struct pictures;

/* What was spooled by an earlier process is uploaded whatever IMAGE_SOURCE says.
 * FARMIQ_OK; FARMIQ_E_*: `error`. */
int pictures_open(struct pictures **out, const struct agent_options *agent,
                  const struct station_options *options, struct farmiq_error *error);
void pictures_close(struct pictures *pictures);   /* NULL is fine */
int pictures_fd(const struct pictures *pictures); /* can be read when there is news */

/* Take one of what stands on the scale, and count it in the record. */
void pictures_take(struct pictures *pictures, struct record *record,
                   struct drafts *drafts, struct moment now);
/* Tell the edge of what has been uploaded. */
void pictures_tell(struct pictures *pictures, struct teller *teller);
/* What was told is durable. */
void pictures_taken(struct pictures *pictures);
/* 1 if nothing waits to be uploaded or told. */
int pictures_are_done(const struct pictures *pictures);

#endif
