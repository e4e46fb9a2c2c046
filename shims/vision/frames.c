/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from standard input, and to a file descriptor. */
#include "vision/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int read_all(void *to, size_t len)
{
    char *at = to;

    while (len > 0) {
        ssize_t got = read(STDIN_FILENO, at, len);

        if (got == 0 || (got < 0 && errno != EINTR))
            return -1;
        at += got > 0 ? got : 0;
        len -= got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static void write_all(int fd, const void *from, size_t len)
{
    const char *at = from;

    while (len > 0) {
        ssize_t sent = write(fd, at, len);

        if (sent < 0 && errno != EINTR)
            exit(1);
        at += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
}

void frame_send(int fd, const char *bytes, size_t len)
{
    unsigned char head[4];

    for (int i = 0; i < 4; i++)
        head[i] = (unsigned char)(len >> (8 * i));
    write_all(fd, head, sizeof head);
    write_all(fd, bytes, len);
}

char *frame_receive(size_t most_bytes, size_t *len)
{
    unsigned char head[4];
    char *bytes;

    if (read_all(head, sizeof head) != 0)
        return NULL;
    *len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    bytes = *len <= most_bytes ? malloc(*len + 1) : NULL;
    if (bytes && read_all(bytes, *len) != 0) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}
