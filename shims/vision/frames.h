/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of kit/worker.h. */
#ifndef VISION_FRAMES_H
#define VISION_FRAMES_H

#include <stddef.h>

/* The next frame, which the caller frees; NULL at the end, and for one that is too long.
 */
char *frame_receive(size_t most_bytes, size_t *len);
/* Ends the process if nobody listens any more. */
void frame_send(int fd, const char *bytes, size_t len);

#endif
