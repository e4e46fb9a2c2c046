/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are there whole or not at all. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_path(char *out, const char *dir, const char *name, const char *suffix)
{
    int len = snprintf(out, FOLDER_PATH_BYTES, "%s/%s%s", dir, name, suffix);

    return len < FOLDER_PATH_BYTES ? FARMIQ_OK : FARMIQ_E_STORE;
}

int folder_open(const char *dir)
{
    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        return FARMIQ_E_ARG;
    return access(dir, R_OK | W_OK | X_OK) == 0 ? FARMIQ_OK : FARMIQ_E_ARG;
}

static int sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

    if (fd < 0)
        return -1;
    r = fsync(fd);
    close(fd);
    return r;
}

static int write_whole(const char *path, struct farmiq_str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    size_t done = 0;
    int r = fd < 0 ? -1 : 0;

    while (r == 0 && done < text.len) {
        ssize_t wrote = write(fd, text.ptr + done, text.len - done);

        if (wrote <= 0)
            r = -1;
        else
            done += (size_t)wrote;
    }
    if (r == 0)
        r = fsync(fd);
    if (fd >= 0 && close(fd) != 0)
        r = -1;
    return r;
}

int folder_write(const char *dir, const char *name, struct farmiq_str text)
{
    char path[FOLDER_PATH_BYTES], fresh[FOLDER_PATH_BYTES];

    if (write_path(path, dir, name, "") != FARMIQ_OK ||
        write_path(fresh, dir, name, ".new") != FARMIQ_OK)
        return FARMIQ_E_STORE;
    if (write_whole(fresh, text) == 0 && rename(fresh, path) == 0)
        return sync_folder(dir) == 0 ? FARMIQ_OK : FARMIQ_E_STORE;
    unlink(fresh);
    return FARMIQ_E_STORE;
}

int folder_read(const char *dir, const char *name, char *buf, size_t buf_bytes,
                size_t *len)
{
    char path[FOLDER_PATH_BYTES];
    size_t got;
    FILE *file;
    int r;

    if (write_path(path, dir, name, "") != FARMIQ_OK)
        return FARMIQ_E_STORE;
    file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? FARMIQ_NONE : FARMIQ_E_STORE;
    got = fread(buf, 1, buf_bytes, file);
    r = ferror(file) ? FARMIQ_E_STORE : got == buf_bytes ? FARMIQ_E_NOSPACE : FARMIQ_OK;
    fclose(file);
    *len = got;
    return r;
}

int folder_rename(const char *dir, const char *from, const char *to)
{
    char old[FOLDER_PATH_BYTES], fresh[FOLDER_PATH_BYTES];

    if (write_path(old, dir, from, "") != FARMIQ_OK ||
        write_path(fresh, dir, to, "") != FARMIQ_OK || rename(old, fresh) != 0)
        return FARMIQ_E_STORE;
    return sync_folder(dir) == 0 ? FARMIQ_OK : FARMIQ_E_STORE;
}

void folder_remove(const char *dir, const char *name)
{
    char path[FOLDER_PATH_BYTES];

    if (write_path(path, dir, name, "") == FARMIQ_OK)
        unlink(path);
}
