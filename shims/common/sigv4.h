/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 in the query of a URL ("Authenticating Requests: Using Query
 * Parameters", Amazon S3 API Reference): leave for one request, to whoever has it. */
#ifndef COMMON_SIGV4_H
#define COMMON_SIGV4_H

#include "kit/shim.h"

struct sigv4 {
    const char *method;
    struct farmiq_str host; /* and ":port", where it is not the scheme's own */
    struct farmiq_str path; /* from '/', escaped already */
    struct farmiq_str region, access_key, secret_key;
    int64_t now_unix_ms;
    int64_t life_s;
    /* Headers that the request must then carry; empty: as it likes. */
    struct farmiq_str content_length, content_type;
};

/* The query, without '?', in the call's memory; empty: no memory. */
struct farmiq_str sigv4_query(struct shim_call *call, const struct sigv4 *what);

/* RFC 3986, 2.1: everything but the unreserved characters, and '/' where it is `kept`. */
struct farmiq_str sigv4_escape(struct shim_call *call, struct farmiq_str text,
                               const char *kept);

#endif
