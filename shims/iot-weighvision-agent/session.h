/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a session as events (seed 002, 3.4), put on the feed. */
#ifndef WEIGHVISION_SESSION_H
#define WEIGHVISION_SESSION_H

#include "agent/draft.h"
#include "options.h"
#include "record.h"
#include "uploader.h"

#define SESSION_CREATED_TYPE "weighvision.session.created"
#define SESSION_FINALIZED_TYPE "weighvision.session.finalized"

/* Who tells, and where to. */
struct teller {
    struct agent_feed *feed;
    struct drafts *drafts;
    const struct station_options *options;
};

/* Give a new session its ids. FARMIQ_OK, FARMIQ_E_BUSY, FARMIQ_E_RANGE. */
int session_begin(struct record *out, struct drafts *drafts, struct moment now);

/* FARMIQ_OK, FARMIQ_E_NOSPACE. */
int session_tell_created(struct teller *teller, const struct record *record);
int session_tell_weight(struct teller *teller, const struct record *record);
int session_tell_finalized(struct teller *teller, const struct record *record);
/* An image of any session. */
int session_tell_image(struct teller *teller, const struct uploaded *image);
/* All that has happened so far. */
int session_tell_again(struct teller *teller, const struct record *record);

/* iot/weighvision/T/F/B/station/session/S/event type. FARMIQ_OK; FARMIQ_E_SCHEMA. */
int session_topic(const struct farmiq_event *event, char *out);

#endif
