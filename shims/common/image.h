/* SPDX-License-Identifier: Apache-2.0 */
/* Images: which kinds are taken in, and what edge and cloud do with them as files. */
#ifndef COMMON_IMAGE_H
#define COMMON_IMAGE_H

#include "kit/shim.h"

int image_type_is_accepted(struct farmiq_str type);
/* What these first bytes are of; "" for anything else. */
const char *image_type_of(const unsigned char *head, uint32_t head_bytes);
/* ".jpg" where the type is none of ours. */
const char *image_type_extension(struct farmiq_str type);

/* 1 after replying that a file is no image of that type, or none that is taken in; else
 * 0. */
int image_is_refused(struct shim_call *call, struct farmiq_str type, int64_t max_bytes,
                     const struct shim_file_facts *facts);

/* An id as a part of a path: what may not stand there becomes an underscore. In the
 * call's memory; empty: none left. */
struct farmiq_str image_path_part(struct shim_call *call, struct farmiq_str id);

/* Reply with the image of that name. `type` ends with a NUL. */
int image_reply(struct shim_call *call, const char *folder_option, struct farmiq_str name,
                struct farmiq_str type, struct farmiq_str etag);
int image_reply_lost(struct shim_call *call);

#endif
