/* SPDX-License-Identifier: Apache-2.0 */
/* Was the last stop clean? A file beside the database answers, and the kernel keeps it
 * honest: a lock dies with its holder, what was written in the file does not. */
#include "sqlite_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *marker_path(const char *database)
{
    static const char suffix[] = "-open";
    size_t len = strlen(database);
    char *path = malloc(len + sizeof suffix);

    if (!path)
        return NULL;
    memcpy(path, database, len);
    memcpy(path + len, suffix, sizeof suffix);
    return path;
}

static int open_file(const char *database)
{
    char *path = marker_path(database);
    int marker;

    if (!path)
        return -1;
    marker = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    free(path);
    return marker;
}

/* Whoever gets the exclusive lock is alone with the file, and judges it. */
static enum farmiq__marker judge(int marker)
{
    struct stat status;

    if (flock(marker, LOCK_EX | LOCK_NB) != 0)
        return FARMIQ__IN_USE;
    return fstat(marker, &status) == 0 && status.st_size == 0 ? FARMIQ__CLEAN
                                                              : FARMIQ__UNCLEAN;
}

int farmiq__marker_open(const char *database, enum farmiq__marker *found)
{
    int marker = open_file(database);

    if (marker < 0)
        return -1;
    *found = judge(marker);
    if (*found == FARMIQ__IN_USE)
        farmiq__marker_share(marker);
    return marker;
}

void farmiq__marker_share(int marker)
{
    (void)flock(marker, LOCK_SH); /* waits for whoever is creating or checking */
    if (pwrite(marker, "open\n", 5, 0) != 5)
        return; /* a full disk: at worst a check is missed, and the next stop is not */
}

void farmiq__marker_close(int marker)
{
    if (marker < 0)
        return;
    if (flock(marker, LOCK_EX | LOCK_NB) == 0 && ftruncate(marker, 0) != 0) {
        /* It stays marked, and the next open checks once too often. */
    }
    (void)close(marker);
}

void farmiq__marker_leave(int marker)
{
    if (marker >= 0)
        (void)close(marker);
}
