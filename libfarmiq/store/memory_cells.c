/* SPDX-License-Identifier: Apache-2.0 */
/* Cells, index and journal of the memory store. */
#include "memory_cells.h"

#include <string.h>

_Static_assert(sizeof(struct farmiq__named) <= FARMIQ__CELL_BYTES, "a cell holds it");
_Static_assert(sizeof(struct farmiq__entry) <= FARMIQ__CELL_BYTES, "a cell holds it");

static struct farmiq__head *head_of(const struct farmiq__memory *m, uint32_t cell)
{
    return farmiq__cell(m, cell);
}

/* A quarter of the memory is the journal's, so that a full store can still move what
 * it has; each cell has half a bucket. */
int farmiq__memory_init(struct farmiq__memory **out, void *memory, size_t bytes)
{
    struct farmiq__memory *m = memory;
    size_t left, cell_count;

    if (bytes < sizeof *m + 32 * FARMIQ__CELL_BYTES)
        return FARMIQ_E_NOSPACE;
    memset(m, 0, sizeof *m);
    left = (bytes - sizeof *m) & ~(size_t)7;
    m->journal_room = left / 4 & ~(size_t)7;
    left -= m->journal_room;
    m->bucket_count = 4;
    while ((size_t)m->bucket_count * 2 * FARMIQ__CELL_BYTES <= left)
        m->bucket_count *= 2;
    left -= m->bucket_count * sizeof *m->buckets;
    cell_count = left / FARMIQ__CELL_BYTES;
    m->cell_count = cell_count > UINT32_MAX ? UINT32_MAX : (uint32_t)cell_count;
    m->buckets = (uint32_t *)(m + 1);
    m->cells = (char *)(m->buckets + m->bucket_count);
    m->journal = m->cells + cell_count * FARMIQ__CELL_BYTES;
    memset(m->buckets, 0, m->bucket_count * sizeof *m->buckets);
    m->state.used = 1; /* cell 0 is none */
    *out = m;
    return FARMIQ_OK;
}

/* The journal ---------------------------------------------------------------------- */

/* Stands behind the bytes it describes, so that the journal reads backwards. */
struct undo {
    void *at;
    size_t bytes;
};

static int journal(struct farmiq__memory *m, void *at, size_t bytes)
{
    size_t padded = (bytes + 7) & ~(size_t)7;
    struct undo undo = { at, bytes };

    if (m->depth == 0)
        return FARMIQ_OK;
    if (m->journal_room - m->journal_len < padded + sizeof undo)
        return FARMIQ_E_NOSPACE;
    memcpy(m->journal + m->journal_len, at, bytes);
    memcpy(m->journal + m->journal_len + padded, &undo, sizeof undo);
    m->journal_len += padded + sizeof undo;
    return FARMIQ_OK;
}

/* A cell is journaled once in a transaction: what a second entry would restore, the
 * first restores again. */
int farmiq__touch(struct farmiq__memory *m, uint32_t cell)
{
    int r;

    if (m->depth == 0 || head_of(m, cell)->stamp == m->stamp)
        return FARMIQ_OK;
    r = journal(m, head_of(m, cell), FARMIQ__CELL_BYTES);
    if (!r)
        head_of(m, cell)->stamp = m->stamp;
    return r;
}

int farmiq__memory_begin(void *ctx)
{
    struct farmiq__memory *m = ctx;

    if (m->depth == FARMIQ__NESTING)
        return FARMIQ_E_NOSPACE;
    m->marks[m->depth++] = m->journal_len;
    m->stamp++;
    return FARMIQ_OK;
}

/* The entries of an inner transaction become the outer's. */
int farmiq__memory_commit(void *ctx)
{
    struct farmiq__memory *m = ctx;

    if (m->depth == 0)
        return FARMIQ_E_STATE;
    if (--m->depth == 0)
        m->journal_len = 0;
    return FARMIQ_OK;
}

void farmiq__memory_rollback(void *ctx)
{
    struct farmiq__memory *m = ctx;

    if (m->depth == 0)
        return;
    m->depth--;
    while (m->journal_len > m->marks[m->depth]) {
        struct undo undo;

        m->journal_len -= sizeof undo;
        memcpy(&undo, m->journal + m->journal_len, sizeof undo);
        m->journal_len -= (undo.bytes + 7) & ~(size_t)7;
        memcpy(undo.at, m->journal + m->journal_len, undo.bytes);
    }
}

/* Cells ---------------------------------------------------------------------------- */

int farmiq__cell_new(struct farmiq__memory *m, uint32_t *cell)
{
    uint32_t found = m->state.free;
    int r = journal(m, &m->state, sizeof m->state);

    if (!r && found)
        r = farmiq__touch(m, found);
    if (!found && m->state.used == m->cell_count)
        r = FARMIQ_E_NOSPACE;
    if (r)
        return r;
    if (found)
        m->state.free = head_of(m, found)->link;
    else
        found = m->state.used++;
    memset(head_of(m, found), 0, FARMIQ__CELL_BYTES);
    head_of(m, found)->stamp = m->stamp; /* a rollback forgets it as a whole */
    *cell = found;
    return FARMIQ_OK;
}

static int cell_free(struct farmiq__memory *m, uint32_t cell)
{
    int r = journal(m, &m->state, sizeof m->state);

    if (!r)
        r = farmiq__touch(m, cell);
    if (r)
        return r;
    head_of(m, cell)->link = m->state.free;
    m->state.free = cell;
    return FARMIQ_OK;
}

/* Texts ---------------------------------------------------------------------------- */

static char *chunk_text(const struct farmiq__memory *m, uint32_t cell)
{
    return (char *)farmiq__cell(m, cell) + sizeof(struct farmiq__head);
}

/* The place where text goes on; a new chunk when the last is full. */
struct writer {
    uint32_t *link; /* where the next chunk is hung up */
    uint32_t chunk;
    size_t used;
};

static int write_text(struct farmiq__memory *m, struct writer *w, struct farmiq_str text)
{
    while (text.len) {
        size_t n = FARMIQ__CHUNK_BYTES - w->used;
        int r;

        if (n == 0 || !w->chunk) {
            r = farmiq__cell_new(m, &w->chunk);
            if (r)
                return r;
            *w->link = w->chunk;
            w->link = &head_of(m, w->chunk)->link;
            w->used = 0;
            continue;
        }
        if (n > text.len)
            n = text.len;
        memcpy(chunk_text(m, w->chunk) + w->used, text.ptr, n);
        w->used += n;
        text.ptr += n;
        text.len -= n;
    }
    return FARMIQ_OK;
}

int farmiq__text_add(struct farmiq__memory *m, struct farmiq__entry *entry,
                     const struct farmiq_str *texts, unsigned count)
{
    struct writer w = { &entry->text, 0, 0 };
    int r = FARMIQ_OK;

    for (unsigned i = 0; i < count && !r; i++) {
        if (texts[i].len > UINT32_MAX)
            return FARMIQ_E_NOSPACE;
        entry->lens[i] = (uint32_t)texts[i].len;
        r = write_text(m, &w, texts[i]);
    }
    return r;
}

static size_t text_bytes(const struct farmiq__entry *entry, unsigned before)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < before; i++)
        bytes += entry->lens[i];
    return bytes;
}

void farmiq__text_read(const struct farmiq__memory *m, const struct farmiq__entry *entry,
                       char *out)
{
    size_t left = text_bytes(entry, FARMIQ__EVENT_TEXTS);

    for (uint32_t chunk = entry->text; left; chunk = head_of(m, chunk)->link) {
        size_t n = left < FARMIQ__CHUNK_BYTES ? left : FARMIQ__CHUNK_BYTES;

        memcpy(out, chunk_text(m, chunk), n);
        out += n;
        left -= n;
    }
}

int farmiq__text_is(const struct farmiq__memory *m, const struct farmiq__entry *entry,
                    unsigned index, struct farmiq_str text)
{
    size_t skip = text_bytes(entry, index);
    uint32_t chunk = entry->text;

    if (entry->lens[index] != text.len)
        return 0;
    for (; skip >= FARMIQ__CHUNK_BYTES; skip -= FARMIQ__CHUNK_BYTES)
        chunk = head_of(m, chunk)->link;
    while (text.len) {
        size_t n = FARMIQ__CHUNK_BYTES - skip;

        if (n > text.len)
            n = text.len;
        if (memcmp(chunk_text(m, chunk) + skip, text.ptr, n) != 0)
            return 0;
        text.ptr += n;
        text.len -= n;
        skip = 0;
        chunk = head_of(m, chunk)->link;
    }
    return 1;
}

/* Queues and ledgers --------------------------------------------------------------- */

int farmiq__named_get(struct farmiq__memory *m, uint32_t *chain, const char *name,
                      uint32_t *cell)
{
    size_t len = strlen(name);
    int r;

    if (!len || len >= FARMIQ__NAME_BYTES)
        return FARMIQ_E_ARG;
    for (uint32_t c = *chain; c; c = head_of(m, c)->link)
        if (strcmp(farmiq__named(m, c)->name, name) == 0) {
            *cell = c;
            return FARMIQ_OK;
        }
    r = farmiq__cell_new(m, cell); /* journals the chain's head too */
    if (r)
        return r;
    memcpy(farmiq__named(m, *cell)->name, name, len + 1);
    head_of(m, *cell)->link = *chain;
    *chain = *cell;
    return FARMIQ_OK;
}

/* Lists ---------------------------------------------------------------------------- */

/* Where the links of a neighbour are: in the cell, or in the list when there is none. */
static uint32_t *link_after(struct farmiq__memory *m, struct farmiq__list *list,
                            uint32_t cell)
{
    return cell ? &head_of(m, cell)->next : &list->first;
}

static uint32_t *link_before(struct farmiq__memory *m, struct farmiq__list *list,
                             uint32_t cell)
{
    return cell ? &head_of(m, cell)->prev : &list->last;
}

static int touch_place(struct farmiq__memory *m, uint32_t cell, uint32_t prev,
                       uint32_t next)
{
    int r = farmiq__touch(m, head_of(m, cell)->owner);

    if (!r)
        r = farmiq__touch(m, cell);
    if (!r && prev)
        r = farmiq__touch(m, prev);
    if (!r && next)
        r = farmiq__touch(m, next);
    return r;
}

static struct farmiq__list *list_of(const struct farmiq__memory *m, uint32_t cell,
                                    uint32_t list)
{
    return &farmiq__named(m, head_of(m, cell)->owner)->lists[list];
}

int farmiq__list_remove(struct farmiq__memory *m, uint32_t cell)
{
    struct farmiq__head *head = head_of(m, cell);
    struct farmiq__list *list = list_of(m, cell, farmiq__entry(m, cell)->list);
    int r = touch_place(m, cell, head->prev, head->next);

    if (r)
        return r;
    *link_after(m, list, head->prev) = head->next;
    *link_before(m, list, head->next) = head->prev;
    list->count--;
    return FARMIQ_OK;
}

int farmiq__list_add(struct farmiq__memory *m, uint32_t cell, enum farmiq__lists list,
                     farmiq__order *is_after)
{
    struct farmiq__head *head = head_of(m, cell);
    struct farmiq__list *l = list_of(m, cell, list);
    uint32_t prev = l->last;
    int r;

    while (prev && is_after(farmiq__entry(m, prev), farmiq__entry(m, cell)))
        prev = head_of(m, prev)->prev;
    r = touch_place(m, cell, prev, *link_after(m, l, prev));
    if (r)
        return r;
    head->prev = prev;
    head->next = *link_after(m, l, prev);
    *link_after(m, l, prev) = cell;
    *link_before(m, l, head->next) = cell;
    farmiq__entry(m, cell)->list = list;
    l->count++;
    return FARMIQ_OK;
}

/* The index ------------------------------------------------------------------------ */

uint64_t farmiq__key_hash(uint32_t owner, struct farmiq_str tenant_id,
                          struct farmiq_str event_id)
{
    uint64_t hash = farmiq_content_hash(tenant_id.ptr, tenant_id.len) + owner;

    return (hash << 7 | hash >> 57) ^ farmiq_content_hash(event_id.ptr, event_id.len);
}

static uint32_t *bucket_of(const struct farmiq__memory *m, uint64_t hash)
{
    return &m->buckets[hash & (m->bucket_count - 1)];
}

int farmiq__index_add(struct farmiq__memory *m, uint32_t cell)
{
    uint32_t *bucket = bucket_of(m, farmiq__entry(m, cell)->hash);
    int r = journal(m, bucket, sizeof *bucket);

    if (!r)
        r = farmiq__touch(m, cell);
    if (r)
        return r;
    head_of(m, cell)->link = *bucket;
    *bucket = cell;
    return FARMIQ_OK;
}

uint32_t farmiq__index_find(const struct farmiq__memory *m, uint32_t owner,
                            struct farmiq_str tenant_id, struct farmiq_str event_id)
{
    uint64_t hash = farmiq__key_hash(owner, tenant_id, event_id);
    uint32_t cell = *bucket_of(m, hash);

    for (; cell; cell = head_of(m, cell)->link) {
        const struct farmiq__entry *entry = farmiq__entry(m, cell);

        if (entry->hash == hash && entry->head.owner == owner &&
            farmiq__text_is(m, entry, 0, tenant_id) &&
            farmiq__text_is(m, entry, 1, event_id))
            return cell;
    }
    return 0;
}

static int index_remove(struct farmiq__memory *m, uint32_t cell)
{
    uint32_t *link = bucket_of(m, farmiq__entry(m, cell)->hash);
    uint32_t holder = 0;
    int r;

    for (; *link != cell; link = &head_of(m, holder)->link)
        holder = *link;
    r = holder ? farmiq__touch(m, holder) : journal(m, link, sizeof *link);
    if (!r)
        *link = head_of(m, cell)->link;
    return r;
}

int farmiq__entry_free(struct farmiq__memory *m, uint32_t cell)
{
    uint32_t chunk = farmiq__entry(m, cell)->text;
    int r = farmiq__list_remove(m, cell);

    if (!r)
        r = index_remove(m, cell);
    while (!r && chunk) {
        uint32_t next = head_of(m, chunk)->link;

        r = cell_free(m, chunk);
        chunk = next;
    }
    return r ? r : cell_free(m, cell);
}
