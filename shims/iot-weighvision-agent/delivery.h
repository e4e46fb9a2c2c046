/* SPDX-License-Identifier: Apache-2.0 */
/* One image of the spool to the media store, wherever an earlier attempt ended. */
#ifndef WEIGHVISION_DELIVERY_H
#define WEIGHVISION_DELIVERY_H

#include "spool.h"

struct delivery {
    struct upload upload; /* client, agent and options are the caller's */
    struct spooled *image;
};

/* FARMIQ_OK: it is there, and marked as sent; FARMIQ_E_REFUSED: the store will never take
 * it; else later, see upload.h. */
int delivery_make(struct delivery *delivery);

#endif
