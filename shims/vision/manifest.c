/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and believing a manifest. */
#include "vision/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/crypto.h"
#include "kit/fail.h"

#define SCRATCH_WORDS 1024
#define SHA256_BYTES 32
#define FILE_BYTES_MAX (1ull << 31)

enum { MODEL, VERSION, LIBRARY, LIBRARY_SHA, FILE_NAME, FILE_SHA, MM_PER_PX, MEMBERS };

static const char *const names[MEMBERS] = { "model", "version",     "library",  "sha256",
                                            "file",  "file_sha256", "mm_per_px" };

static int read_all(const char *path, char **bytes, size_t *len)
{
    FILE *file = fopen(path, "re");
    long end = -1;

    *bytes = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0)
        end = ftell(file);
    if (end >= 0 && (uint64_t)end <= FILE_BYTES_MAX) {
        rewind(file);
        *bytes = malloc((size_t)end + 1);
        *len = *bytes ? fread(*bytes, 1, (size_t)end, file) : 0;
    }
    if (file)
        fclose(file);
    return *bytes && *len == (size_t)end ? FARMIQ_OK : FARMIQ_E_STORE;
}

int manifest_path(const char *folder, const char *name, char *out, size_t out_bytes)
{
    int len = snprintf(out, out_bytes, "%s/%s", folder, name);

    return *name && *name != '.' && !strchr(name, '/') && len > 0 &&
                   (size_t)len < out_bytes
               ? FARMIQ_OK
               : FARMIQ_E_SCHEMA;
}

static void write_hex(const uint8_t *bytes, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* The bytes that will be loaded are the ones that were meant. */
static int check_sha(const struct manifest *m, const char *name, const char *member,
                     struct farmiq_str wanted, struct farmiq_error *error)
{
    char path[1024], hex[2 * SHA256_BYTES + 1], *bytes;
    uint8_t sha[SHA256_BYTES];
    size_t len = 0;
    int r = manifest_path(m->folder, name, path, sizeof path);

    if (r != FARMIQ_OK)
        return shim_fail(error, r, member, "must be the name of a file beside it");
    r = read_all(path, &bytes, &len);
    if (r == FARMIQ_OK)
        r = shim_crypto_sha256((struct farmiq_str){ bytes, len }, sha);
    free(bytes);
    if (r != FARMIQ_OK)
        return shim_fail(error, FARMIQ_E_STORE, member, "cannot be read");
    write_hex(sha, sizeof sha, hex);
    return wanted.len == strlen(hex) && memcmp(wanted.ptr, hex, wanted.len) == 0
               ? FARMIQ_OK
               : shim_fail(error, FARMIQ_E_REFUSED, member, "has another SHA-256");
}

static int take(char *to, size_t to_bytes, const struct farmiq_json_member *member,
                struct farmiq_error *error)
{
    if (member->type != FARMIQ_JSON_STRING || member->text.len == 0 ||
        member->text.len >= to_bytes)
        return shim_fail(error, FARMIQ_E_SCHEMA, member->name,
                         "must be a text of up to %zu bytes", to_bytes - 1);
    memcpy(to, member->text.ptr, member->text.len);
    to[member->text.len] = '\0';
    return FARMIQ_OK;
}

static int take_file(const struct manifest *m, const struct farmiq_json_member *members,
                     struct farmiq_error *error)
{
    char name[MANIFEST_NAME_BYTES];
    int r = members[FILE_NAME].type == FARMIQ_JSON_ABSENT
                ? FARMIQ_NONE
                : take(name, sizeof name, &members[FILE_NAME], error);

    if (r == FARMIQ_OK)
        r = check_sha(m, name, "file", members[FILE_SHA].text, error);
    return r == FARMIQ_NONE ? FARMIQ_OK : r;
}

static int take_members(struct manifest *m, struct farmiq_error *error)
{
    struct farmiq_json_member members[MEMBERS];
    int64_t scratch[SCRATCH_WORDS];
    char number[64] = "0";
    int r;

    for (int i = 0; i < MEMBERS; i++)
        members[i] = (struct farmiq_json_member){ .name = names[i] };
    r = farmiq_json_members(m->text, m->len, members, MEMBERS, scratch, sizeof scratch,
                            error);
    if (r == FARMIQ_OK)
        r = take(m->model, sizeof m->model, &members[MODEL], error);
    if (r == FARMIQ_OK)
        r = take(m->version, sizeof m->version, &members[VERSION], error);
    if (r == FARMIQ_OK)
        r = take(m->library, sizeof m->library, &members[LIBRARY], error);
    if (r == FARMIQ_OK && members[MM_PER_PX].type == FARMIQ_JSON_NUMBER)
        r = take(number, sizeof number,
                 &(struct farmiq_json_member){ .name = "mm_per_px",
                                               .type = FARMIQ_JSON_STRING,
                                               .text = members[MM_PER_PX].text },
                 error);
    m->mm_per_px = strtod(number, NULL);
    if (r == FARMIQ_OK)
        r = check_sha(m, m->library, "library", members[LIBRARY_SHA].text, error);
    return r == FARMIQ_OK ? take_file(m, members, error) : r;
}

static void take_folder(struct manifest *m, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash)
        snprintf(m->folder, sizeof m->folder, "%.*s", (int)(slash - path), path);
    else
        snprintf(m->folder, sizeof m->folder, ".");
}

int manifest_read(struct manifest *out, const char *path, struct farmiq_error *error)
{
    char *bytes;
    int r;

    memset(out, 0, sizeof *out);
    take_folder(out, path);
    r = read_all(path, &bytes, &out->len);
    if (r == FARMIQ_OK && out->len >= sizeof out->text)
        r = FARMIQ_E_SCHEMA;
    if (r == FARMIQ_OK)
        memcpy(out->text, bytes, out->len);
    free(bytes);
    return r == FARMIQ_OK
               ? take_members(out, error)
               : shim_fail(error, r, path, "cannot be read, or is longer than %d bytes",
                           MANIFEST_BYTES);
}
