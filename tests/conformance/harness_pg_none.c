/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no PostgreSQL to test on. */
#include "harness.h"

const struct store_kind pg_kind = { "postgresql" };
