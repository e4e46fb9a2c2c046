/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger file: one event id a line. */
#include "agent/ledger.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/kind.h"
#include "kit/fail.h"

#define LINE_BYTES (FARMIQ_UUID_STRLEN + 1)

int ledger_open(int *fd, const char *path, struct farmiq_error *error)
{
    *fd = *path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (*path && *fd < 0)
        return shim_fail(error, FARMIQ_E_ARG, "LEDGER", "cannot be opened");
    return FARMIQ_OK;
}

void ledger_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* One write and one fdatasync for the group. The ledger never says more than the buffer
 * holds; after a kill in between it may say less. */
int ledger_note(int fd, const struct farmiq_outbox_row *first)
{
    char lines[AGENT_ROWS_MAX * LINE_BYTES], *end = lines;

    if (fd < 0 || !first)
        return FARMIQ_OK;
    for (const struct farmiq_outbox_row *row = first; row; row = row->next) {
        assert(end < lines + sizeof lines && row->event->event_id.len == LINE_BYTES - 1);
        memcpy(end, row->event->event_id.ptr, LINE_BYTES - 1);
        end[LINE_BYTES - 1] = '\n';
        end += LINE_BYTES;
    }
    return write(fd, lines, (size_t)(end - lines)) == end - lines && fdatasync(fd) == 0
               ? FARMIQ_OK
               : FARMIQ_E_STORE;
}
