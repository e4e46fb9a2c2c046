/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data (RFC 7578) in a file. */
#ifndef FORM_H
#define FORM_H

#include "common/text.h"
#include "kit/shim.h"

#define FORM_PARTS_MAX 24

struct form_part {
    struct farmiq_str name;
    struct farmiq_str file_name, type; /* of a part that is a file */
    struct farmiq_str value;           /* of one that is none */
    int64_t begin, end;                /* in the file */
};
struct form {
    struct shim_call *call;
    struct shim_file *file;
    struct form_part parts[FORM_PARTS_MAX];
    uint32_t count;
};

/* FARMIQ_OK; FARMIQ_E_SYNTAX: it is none, or a part is too long or one too many;
 * FARMIQ_E_NOMEM, FARMIQ_E_STORE. */
int form_read(struct form *form, struct shim_call *call, struct shim_file *file,
              struct farmiq_str content_type);

#endif
