/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a session as events. */
#include "session.h"

#define PAYLOAD_BYTES 256

int session_begin(struct record *out, struct drafts *drafts, struct moment now)
{
    struct record r = { .began_unix_ms = now.unix_ms };

    for (int i = 0; i < RECORD_IDS; i++) {
        int made = drafts_new_id(drafts, now, r.ids[i]);

        if (made != FARMIQ_OK)
            return made;
    }
    *out = r;
    return FARMIQ_OK;
}

static int tell(struct teller *t, const char *session_id, const char *event_id,
                const struct draft_facts *what)
{
    struct draft_facts facts = *what;
    struct moment unused = { 0 }; /* the id is there */
    int put;

    facts.event_id = event_id;
    facts.device_id = t->options->device_id;
    facts.station_id = t->options->station_id;
    facts.session_id = session_id;
    facts.batch_id = t->options->batch_id;
    put = drafts_put(t->drafts, t->feed->count, &facts, unused);
    if (put != FARMIQ_OK)
        return put;
    t->feed->first = drafts_first(t->drafts);
    t->feed->count++;
    t->feed->produced++;
    return FARMIQ_OK;
}

int session_tell_created(struct teller *t, const struct record *r)
{
    char payload[PAYLOAD_BYTES];
    struct draft_facts facts = { .event_type = SESSION_CREATED_TYPE,
                                 .payload = { .ptr = payload },
                                 .ts_unix_ms = r->began_unix_ms };
    struct farmiq_json_writer w;
    int ended;

    farmiq_json_begin(&w, payload, sizeof payload);
    farmiq_json_open(&w, '{');
    if (*t->options->batch_id) {
        farmiq_json_key(&w, "batch_id");
        farmiq_json_text(&w, t->options->batch_id);
    }
    farmiq_json_close(&w, '}');
    ended = farmiq_json_end(&w, &facts.payload.len);
    return ended ? ended
                 : tell(t, r->ids[RECORD_SESSION], r->ids[RECORD_CREATED], &facts);
}

int session_tell_weight(struct teller *t, const struct record *r)
{
    char payload[PAYLOAD_BYTES];
    struct draft_facts facts = { .event_type = "weighvision.weight.recorded",
                                 .payload = { .ptr = payload },
                                 .ts_unix_ms = r->weighed_unix_ms };
    struct farmiq_json_writer w;
    int ended;

    farmiq_json_begin(&w, payload, sizeof payload);
    farmiq_json_open(&w, '{');
    farmiq_json_key(&w, "weight_kg");
    farmiq_json_double(&w, r->weight_kg);
    farmiq_json_close(&w, '}');
    ended = farmiq_json_end(&w, &facts.payload.len);
    return ended ? ended : tell(t, r->ids[RECORD_SESSION], r->ids[RECORD_WEIGHT], &facts);
}

int session_tell_finalized(struct teller *t, const struct record *r)
{
    char payload[PAYLOAD_BYTES];
    struct draft_facts facts = { .event_type = SESSION_FINALIZED_TYPE,
                                 .payload = { .ptr = payload },
                                 .ts_unix_ms = r->ended_unix_ms };
    struct farmiq_json_writer w;
    int ended;

    farmiq_json_begin(&w, payload, sizeof payload);
    farmiq_json_open(&w, '{');
    farmiq_json_key(&w, "image_count");
    farmiq_json_int(&w, r->image_count);
    farmiq_json_close(&w, '}');
    ended = farmiq_json_end(&w, &facts.payload.len);
    return ended ? ended
                 : tell(t, r->ids[RECORD_SESSION], r->ids[RECORD_FINALIZED], &facts);
}

int session_tell_image(struct teller *t, const struct uploaded *image)
{
    char payload[PAYLOAD_BYTES];
    struct draft_facts facts = { .event_type = "weighvision.image.captured",
                                 .payload = { .ptr = payload },
                                 .ts_unix_ms = spool_time(&image->image) };
    struct farmiq_json_writer w;
    int ended;

    farmiq_json_begin(&w, payload, sizeof payload);
    farmiq_json_open(&w, '{');
    farmiq_json_key(&w, "media_id");
    farmiq_json_text(&w, image->place.media_id);
    farmiq_json_key(&w, "content_type");
    farmiq_json_text(&w, "image/jpeg");
    farmiq_json_close(&w, '}');
    ended = farmiq_json_end(&w, &facts.payload.len);
    return ended ? ended
                 : tell(t, image->image.session_id, image->image.event_id, &facts);
}

int session_tell_again(struct teller *t, const struct record *r)
{
    int told = session_tell_created(t, r);

    if (told == FARMIQ_OK && r->weighed_unix_ms)
        told = session_tell_weight(t, r);
    if (told == FARMIQ_OK && r->ended_unix_ms)
        told = session_tell_finalized(t, r);
    return told;
}

int session_topic(const struct farmiq_event *event, char *out)
{
    struct farmiq_topic topic;
    size_t len;

    farmiq_topic_init(&topic, sizeof topic);
    topic.kind = FARMIQ_TOPIC_WEIGHVISION;
    topic.tenant_id = event->tenant_id;
    topic.farm_id = event->farm_id;
    topic.barn_id = event->barn_id;
    topic.source_id = event->station_id;
    topic.session_id = event->session_id;
    topic.leaf = event->event_type;
    return farmiq_topic_format(&topic, out, FARMIQ_TOPIC_MAX_BYTES + 1, &len) == FARMIQ_OK
               ? FARMIQ_OK
               : FARMIQ_E_SCHEMA;
}
