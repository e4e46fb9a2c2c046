/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target without a fuzzer: each file of a corpus as it is, cut at every byte,
 * and with every bit of it flipped once. usage: fuzz_<name> <folder> */
#include <dirent.h>
#include <stdio.h>

#include "fuzz.h"

#define INPUT_MAX_BYTES 65536

/* The copy is exactly as long as the input, so that a sanitizer sees a read past it. */
static void try(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);

    must(copy || size == 0);
    if (size > 0)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void try_around(uint8_t *data, size_t size)
{
    for (size_t cut = 0; cut <= size; cut++)
        try(data, cut);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        try(data, size);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static int replay(const char *folder, const char *name)
{
    static uint8_t data[INPUT_MAX_BYTES];
    char path[4096];
    size_t size;
    FILE *in;

    if (name[0] == '.')
        return 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    in = fopen(path, "rb");
    must(in != NULL);
    size = fread(data, 1, sizeof data, in);
    fclose(in);
    try_around(data, size);
    return 1;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    int files = 0;

    if (!folder) {
        fprintf(stderr, "usage: %s <folder of inputs>\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(folder)) != NULL)
        files += replay(argv[1], entry->d_name);
    closedir(folder);
    printf("%d inputs\n", files);
    return files == 0;
}
