/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in the lists that the engines are given. */
#ifndef FARMIQ_STORE_NUMBER_H
#define FARMIQ_STORE_NUMBER_H

#include <stdint.h>

/* In decimal, at most 20 characters. Returns where they end. */
char *farmiq__write_number(char *at, int64_t number);

#endif
