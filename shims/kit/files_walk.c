/* SPDX-License-Identifier: Apache-2.0 */
/* Every old file below a folder, and away with folders that have long been empty. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/files.h"

#define DEPTH_MAX 32

struct walk {
    int64_t before_unix_ms;
    shim_file_visit *visit;
    void *ctx;
    char name[SHIM_FILE_NAME_MAX_BYTES + 1]; /* of where we are */
};

static int64_t changed_unix_ms(const struct stat *is)
{
    return (int64_t)is->st_mtim.tv_sec * 1000 + is->st_mtim.tv_nsec / 1000000;
}

static int walk_folder(struct walk *walk, int fd, size_t len, int depth);

static int walk_into(struct walk *walk, int above, const char *part, size_t len,
                     int depth)
{
    int fd = openat(above, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? FARMIQ_OK : walk_folder(walk, fd, len, depth + 1);
}

/* What is in .incoming belongs to nobody once it is old: a process that was killed left
 * it. */
static int is_leftover(const struct walk *walk)
{
    size_t len = strlen(SHIM_FILES_INCOMING);

    return strncmp(walk->name, SHIM_FILES_INCOMING, len) == 0;
}

static int walk_file(struct walk *walk, int above, const char *part)
{
    struct farmiq_str name = { walk->name, strlen(walk->name) };

    if (!is_leftover(walk))
        return walk->visit(walk->ctx, name);
    unlinkat(above, part, 0);
    return FARMIQ_OK;
}

static int walk_entry(struct walk *walk, int above, const char *part, size_t len,
                      int depth)
{
    size_t room = sizeof walk->name - len;
    int added = snprintf(walk->name + len, room, "%s%s", len ? "/" : "", part);
    struct stat is;
    int r = FARMIQ_OK;

    if (added < 0 || (size_t)added >= room || depth == DEPTH_MAX ||
        fstatat(above, part, &is, AT_SYMLINK_NOFOLLOW) < 0)
        return FARMIQ_OK; /* none of ours, or gone meanwhile */
    if (S_ISDIR(is.st_mode))
        r = walk_into(walk, above, part, len + (size_t)added, depth);
    else if (S_ISREG(is.st_mode) && changed_unix_ms(&is) < walk->before_unix_ms)
        r = walk_file(walk, above, part);
    if (S_ISDIR(is.st_mode) && changed_unix_ms(&is) < walk->before_unix_ms && depth > 0)
        unlinkat(above, part, AT_REMOVEDIR); /* does nothing to one that is not empty */
    return r;
}

static int walk_folder(struct walk *walk, int fd, size_t len, int depth)
{
    DIR *folder = fdopendir(fd);
    struct dirent *entry;
    int r = FARMIQ_OK;

    if (!folder) {
        close(fd);
        return FARMIQ_E_NOMEM;
    }
    while (r == FARMIQ_OK && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = walk_entry(walk, fd, entry->d_name, len, depth);
    closedir(folder);
    return r;
}

int shim_files_walk(const char *folder, int64_t before_unix_ms, shim_file_visit *visit,
                    void *ctx)
{
    struct walk walk = { before_unix_ms, visit, ctx, "" };
    int fd = shim_files_root(folder);

    return fd < 0 ? FARMIQ_E_STORE : walk_folder(&walk, fd, 0, 0);
}
