/* SPDX-License-Identifier: Apache-2.0 */
/* The options of outgoing requests. */
#ifndef SHIM_REQUEST_H
#define SHIM_REQUEST_H

#include "kit/shim.h"

extern const struct shim_option shim_request_options[];

#endif
