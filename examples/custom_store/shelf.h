/* SPDX-License-Identifier: Apache-2.0 */
/* A store of your own, as small as it gets: a ledger of seen events in a fixed table. */
#ifndef SHELF_H
#define SHELF_H

#include <farmiq/store.h>

#define SHELF_SLOTS 512
#define SHELF_KEY_BYTES 80

struct shelf_slot {
    int64_t expires_at_unix_ms;
    uint64_t content_hash;
    uint32_t key_bytes;
    char key[SHELF_KEY_BYTES]; /* ledger, tenant and event, each with a NUL behind it */
};

/* Zero it to begin with an empty one; put it into memory that survives what it should. */
struct shelf {
    uint32_t count;
    struct shelf_slot slots[SHELF_SLOTS];
};

/* `shelf` must outlive `out`. It can record sightings and purge them, and nothing else:
 * every verb of a queue answers FARMIQ_E_UNSUPPORTED. */
void shelf_open(struct farmiq_store *out, struct shelf *shelf);

#endif
