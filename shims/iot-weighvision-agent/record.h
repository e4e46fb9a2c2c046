/* SPDX-License-Identifier: Apache-2.0 */
/* The session in progress, as a small file that is written before the events it stands
 * for: after a kill what it says is said again under the same ids, and the edge knows it.
 */
#ifndef WEIGHVISION_RECORD_H
#define WEIGHVISION_RECORD_H

#include <farmiq/farmiq.h>

/* The device's own states of a session (spec edge 2.13). */
enum session_state {
    SESSION_CREATED = 1,
    SESSION_CAPTURING,
    SESSION_FINALIZED,
    SESSION_FAILED /* over, and no stable weight was found */
};

enum { RECORD_SESSION, RECORD_CREATED, RECORD_WEIGHT, RECORD_FINALIZED, RECORD_IDS };

struct record {
    char ids[RECORD_IDS][FARMIQ_UUID_STRLEN + 1]; /* the session's, its events' */
    int64_t began_unix_ms;
    int64_t weighed_unix_ms; /* 0: not yet */
    int64_t ended_unix_ms;   /* 0: not yet */
    double weight_kg;
    uint32_t image_count;
};

int record_state(const struct record *record); /* enum session_state */
const char *record_state_name(int state);

/* Atomic and durable. FARMIQ_OK, FARMIQ_E_STORE. */
int record_write(const struct record *record, const char *dir);
/* FARMIQ_OK; FARMIQ_NONE: no session was in progress; FARMIQ_E_SYNTAX: the file is no
 * record. */
int record_read(struct record *out, const char *dir);
void record_remove(const char *dir);

#endif
