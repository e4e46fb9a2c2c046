/* SPDX-License-Identifier: Apache-2.0 */
/* Serial lines, read only. */
#ifndef SHIM_SERIAL_H
#define SHIM_SERIAL_H

#include <farmiq/farmiq.h>

/* Open a serial device or a pty, raw, 8 bits without parity; reads do not block.
 * FARMIQ_OK; FARMIQ_E_ARG (no such speed); FARMIQ_E_UNREACHABLE: `error->detail`. */
int shim_serial_open(int *fd, const char *path, uint32_t baud,
                     struct farmiq_error *error);

#endif
