/* SPDX-License-Identifier: Apache-2.0 */
/* Every old file and folder below a folder, shown to somebody who says what becomes of
 * it. What goes is taken by the folder that it was found in, never by a path: nobody can
 * have put a link in the way meanwhile. */
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
    return strncmp(walk->name, SHIM_FILES_INCOMING, strlen(SHIM_FILES_INCOMING)) == 0;
}

static int kind_of(const struct walk *walk, const struct stat *is)
{
    return S_ISDIR(is->st_mode)    ? SHIM_FILE_FOLDER
           : !S_ISREG(is->st_mode) ? 0
           : is_leftover(walk)     ? SHIM_FILE_LEFTOVER
                                   : SHIM_FILE_KEPT;
}

/* Asks what becomes of it, and does that. A folder that is not empty stays. */
static int show(struct walk *walk, int above, const char *part, const struct stat *is)
{
    struct shim_file_found found = {
        .name = { walk->name, strlen(walk->name) },
        .kind = kind_of(walk, is),
        .bytes = is->st_size,
    };
    int r;

    if (!found.kind || changed_unix_ms(is) >= walk->before_unix_ms)
        return FARMIQ_OK;
    r = walk->visit(walk->ctx, &found);
    if (r != SHIM_FILE_GOES)
        return r;
    unlinkat(above, part, found.kind == SHIM_FILE_FOLDER ? AT_REMOVEDIR : 0);
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
    walk->name[len + (size_t)added] = '\0';
    return r != FARMIQ_OK || (S_ISDIR(is.st_mode) && depth == 0)
               ? r
               : show(walk, above, part, &is);
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
