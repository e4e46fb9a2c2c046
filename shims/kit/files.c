/* SPDX-License-Identifier: Apache-2.0 */
/* Files below one folder, written whole or not at all: bytes go to a name of their own
 * in .incoming, reach the disk, and only then get the name that others know; the folders
 * above reach the disk before the caller hears of it. */
#include "kit/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/crypto.h"

#define FOLDER_MODE 0750
#define FILE_MODE 0640
#define PIECE_BYTES ((size_t)64 * 1024)
#define PART_MAX_BYTES 255

struct shim_file {
    int root_fd, fd;
    int is_new; /* not kept yet, and gone with the last who knows of it */
    char incoming[sizeof SHIM_FILES_INCOMING + FARMIQ_UUID_STRLEN + 2];
    struct shim_crypto_digest *digest; /* of what was written */
    struct shim_file_facts facts;
};

static int failure(void)
{
    return errno == ENOSPC || errno == EDQUOT ? FARMIQ_E_NOSPACE
           : errno == ENOMEM                  ? FARMIQ_E_NOMEM
                                              : FARMIQ_E_STORE;
}

/* ## Names */

static int is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
}

/* The next part of a name; the name moves behind it. 0: no part that may stand there. */
static int next_part(struct farmiq_str *name, char part[PART_MAX_BYTES + 1])
{
    size_t len = 0;

    while (len < name->len && name->ptr[len] != '/') {
        if (len == PART_MAX_BYTES || !is_plain(name->ptr[len]))
            return 0;
        part[len] = name->ptr[len];
        len++;
    }
    part[len] = '\0';
    if (len == 0 || part[0] == '.')
        return 0;
    name->ptr += len;
    name->len -= len;
    if (name->len == 0)
        return 1;
    name->ptr++;
    name->len--;
    return name->len > 0;
}

int shim_file_name_is_valid(struct farmiq_str name)
{
    char part[PART_MAX_BYTES + 1];

    if (name.len == 0 || name.len > SHIM_FILE_NAME_MAX_BYTES)
        return 0;
    while (name.len)
        if (!next_part(&name, part))
            return 0;
    return 1;
}

/* ## Folders */

static int open_folder(int above, const char *name)
{
    return openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A folder that is not there yet is made, and there for good when this returns. */
static int make_folder(int above, const char *name)
{
    int fd = open_folder(above, name);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkdirat(above, name, FOLDER_MODE) < 0 && errno != EEXIST)
        return -1;
    return fsync(above) < 0 ? -1 : open_folder(above, name);
}

int shim_files_root(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 || errno != ENOENT || mkdir(folder, FOLDER_MODE) < 0)
        return fd;
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The folder that `name` lies in, and its last part. Below `root_fd` one part after the
 * other, so that no link leads away. */
static int descend(int root_fd, struct farmiq_str name, int (*step)(int, const char *),
                   char last[PART_MAX_BYTES + 1])
{
    int fd = dup(root_fd), below;

    while (fd >= 0 && next_part(&name, last) && name.len) {
        below = step(fd, last);
        close(fd);
        fd = below;
    }
    return fd;
}

/* ## A new file */

static struct shim_file *file_new(const char *folder)
{
    struct shim_file *file = calloc(1, sizeof *file);

    if (!file)
        return NULL;
    file->fd = -1;
    file->root_fd = shim_files_root(folder);
    return file;
}

static int open_incoming(struct shim_file *file)
{
    uint8_t id[FARMIQ_UUID_BYTES];
    char text[FARMIQ_UUID_STRLEN + 1];
    int folder_fd = make_folder(file->root_fd, SHIM_FILES_INCOMING);

    if (folder_fd < 0)
        return failure();
    close(folder_fd);
    if (shim_crypto_random(id, sizeof id) < 0)
        return FARMIQ_E_STORE;
    farmiq_uuid_format(id, text);
    snprintf(file->incoming, sizeof file->incoming, "%s/%s", SHIM_FILES_INCOMING, text);
    file->fd = openat(file->root_fd, file->incoming,
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    file->is_new = file->fd >= 0;
    return file->fd < 0 ? failure() : FARMIQ_OK;
}

int shim_files_new(struct shim_file **out, const char *folder)
{
    struct shim_file *file = file_new(folder);
    int r = file ? FARMIQ_OK : FARMIQ_E_NOMEM;

    if (file && file->root_fd < 0)
        r = failure();
    if (r == FARMIQ_OK)
        r = open_incoming(file);
    if (r == FARMIQ_OK) {
        file->digest = shim_crypto_digest_open();
        r = file->digest ? FARMIQ_OK : FARMIQ_E_NOMEM;
    }
    if (r == FARMIQ_OK)
        *out = file;
    else
        shim_files_close(file);
    return r;
}

static void note_head(struct shim_file_facts *facts, struct farmiq_str bytes)
{
    for (size_t i = 0; i < bytes.len && facts->head_bytes < sizeof facts->head; i++)
        facts->head[facts->head_bytes++] = (unsigned char)bytes.ptr[i];
}

int shim_files_write(struct shim_file *file, struct farmiq_str bytes)
{
    note_head(&file->facts, bytes);
    while (bytes.len) {
        ssize_t n = write(file->fd, bytes.ptr, bytes.len);
        struct farmiq_str written = { bytes.ptr, n > 0 ? (size_t)n : 0 };

        if (n < 0 && errno != EINTR)
            return failure();
        if (shim_crypto_digest_add(file->digest, written) < 0)
            return FARMIQ_E_NOMEM;
        file->facts.bytes += (int64_t)written.len;
        bytes.ptr += written.len;
        bytes.len -= written.len;
    }
    return FARMIQ_OK;
}

void shim_files_look(struct shim_file *file, struct shim_file_facts *facts)
{
    shim_crypto_digest_close(file->digest, file->facts.sha256);
    file->digest = NULL;
    *facts = file->facts;
}

/* ## Keeping it */

/* Of a file that was there: read it, a piece at a time. */
int shim_files_digest(struct shim_file *file)
{
    char piece[PIECE_BYTES];
    int64_t n = 0, at = 0;

    shim_crypto_digest_close(file->digest, NULL);
    file->digest = shim_crypto_digest_open();
    do {
        struct farmiq_str read = { piece, (size_t)n };

        if (shim_crypto_digest_add(file->digest, read) < 0)
            return FARMIQ_E_NOMEM;
        at += n;
        n = shim_files_read(file, (uint64_t)at, piece, sizeof piece);
    } while (n > 0);
    file->facts.bytes = at;
    return n < 0 ? (int)n : FARMIQ_OK;
}

static int have_same_bytes(struct shim_file *a, struct shim_file *b)
{
    struct shim_file_facts of_a, of_b;

    shim_files_look(a, &of_a);
    if (shim_files_digest(b) < 0)
        return 0;
    shim_files_look(b, &of_b);
    return of_a.bytes == of_b.bytes && strcmp(of_a.sha256, of_b.sha256) == 0;
}

/* The name is taken, perhaps by an upload of the same that did not hear its answer. */
static int compare(struct shim_file *file, int folder_fd, const char *last)
{
    struct shim_file there = { .root_fd = -1 };
    int is_same;

    there.fd = openat(folder_fd, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (there.fd < 0)
        return failure();
    is_same = have_same_bytes(file, &there);
    close(there.fd);
    return is_same ? FARMIQ_NONE : FARMIQ_E_REFUSED;
}

static int give_name(struct shim_file *file, int folder_fd, const char *last)
{
    int r = FARMIQ_OK;

    if (linkat(file->root_fd, file->incoming, folder_fd, last, 0) < 0)
        r = errno == EEXIST ? compare(file, folder_fd, last) : failure();
    if (r >= 0 && fsync(folder_fd) < 0)
        r = failure();
    if (r >= 0) {
        unlinkat(file->root_fd, file->incoming, 0);
        file->is_new = 0;
    }
    return r;
}

int shim_files_keep(struct shim_file *file, struct farmiq_str name)
{
    char last[PART_MAX_BYTES + 1];
    int folder_fd, r;

    if (!shim_file_name_is_valid(name))
        return FARMIQ_E_ARG;
    if (fsync(file->fd) < 0)
        return failure();
    folder_fd = descend(file->root_fd, name, make_folder, last);
    if (folder_fd < 0)
        return failure();
    r = give_name(file, folder_fd, last);
    close(folder_fd);
    return r;
}

/* ## A file that is there */

static int open_there(struct shim_file *file, struct farmiq_str name)
{
    char last[PART_MAX_BYTES + 1];
    int folder_fd = descend(file->root_fd, name, open_folder, last);
    struct stat is;

    if (folder_fd >= 0) {
        file->fd = openat(folder_fd, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        close(folder_fd);
    }
    if (file->fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? FARMIQ_NONE
                                                                     : failure();
    if (fstat(file->fd, &is) < 0)
        return failure();
    if (!S_ISREG(is.st_mode))
        return FARMIQ_NONE;
    file->facts.bytes = is.st_size;
    file->facts.changed_unix_ms =
        (int64_t)is.st_mtim.tv_sec * 1000 + is.st_mtim.tv_nsec / 1000000;
    return FARMIQ_OK;
}

int shim_files_open(struct shim_file **out, const char *folder, struct farmiq_str name)
{
    struct shim_file *file;
    int64_t head;
    int r;

    if (!shim_file_name_is_valid(name))
        return FARMIQ_NONE;
    file = file_new(folder);
    if (!file)
        return FARMIQ_E_NOMEM;
    r = file->root_fd < 0 ? failure() : open_there(file, name);
    if (r == FARMIQ_OK) {
        head = shim_files_read(file, 0, file->facts.head, sizeof file->facts.head);
        file->facts.head_bytes = head < 0 ? 0 : (uint32_t)head;
        *out = file;
    } else {
        shim_files_close(file);
    }
    return r;
}

int64_t shim_files_read(const struct shim_file *file, uint64_t offset, void *out,
                        size_t bytes)
{
    size_t got = 0;

    while (got < bytes) {
        ssize_t n =
            pread(file->fd, (char *)out + got, bytes - got, (off_t)(offset + got));

        if (n < 0 && errno != EINTR)
            return FARMIQ_E_STORE;
        if (n == 0)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    return (int64_t)got;
}

int shim_files_remove(const char *folder, struct farmiq_str name)
{
    char last[PART_MAX_BYTES + 1];
    int root_fd = shim_file_name_is_valid(name) ? shim_files_root(folder) : -1;
    int folder_fd = root_fd < 0 ? -1 : descend(root_fd, name, open_folder, last);
    int is_gone = folder_fd < 0 ? errno == ENOENT
                                : unlinkat(folder_fd, last, 0) == 0 || errno == ENOENT;

    if (root_fd >= 0)
        close(root_fd);
    if (folder_fd >= 0)
        close(folder_fd);
    return is_gone ? FARMIQ_OK : FARMIQ_E_STORE;
}

int shim_files_descriptor(const struct shim_file *file)
{
    return fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
}

void shim_files_close(struct shim_file *file)
{
    if (!file)
        return;
    if (file->is_new)
        unlinkat(file->root_fd, file->incoming, 0);
    shim_crypto_digest_close(file->digest, NULL);
    if (file->fd >= 0)
        close(file->fd);
    if (file->root_fd >= 0)
        close(file->root_fd);
    free(file);
}
