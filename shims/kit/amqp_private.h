/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about AMQP share, and no other sees: the library's types. */
#ifndef SHIM_AMQP_PRIVATE_H
#define SHIM_AMQP_PRIVATE_H

#include <amqp.h>

#include "kit/amqp.h"

/* Deliveries and declarations on one channel, letters on another: an error of a letter
 * must not be mistaken for a declaration's. */
#define SHIM_AMQP_IN 1
#define SHIM_AMQP_OUT 2
#define SHIM_AMQP_RING 2048 /* letters without an answer at most */

struct shim_amqp {
    amqp_connection_state_t connection;
    int is_lost;
    int is_blocked; /* the broker is short of memory or disk, and said so */
    char why[200];
    struct shim_amqp_delivery *inbox;
    struct shim_amqp_delivery **inbox_end;
    struct shim_amqp_letter *ring[SHIM_AMQP_RING]; /* by tag; NULL: answered */
    uint64_t next_tag;
    uint64_t oldest_tag; /* all below are answered */
};

/* A delivery as the library gave it. */
struct shim_amqp_held {
    struct shim_amqp_delivery delivery;
    amqp_message_t message;
    char texts[];
};

/* The link is of no more use, for this reason. Returns FARMIQ_E_UNREACHABLE. */
int shim__amqp_lose(struct shim_amqp *link, const char *why, amqp_bytes_t more);
/* What an RPC came to; a channel that the broker closed over it is opened again. */
int shim__amqp_rpc(struct shim_amqp *link, amqp_rpc_reply_t reply);
int shim__amqp_open_in(struct shim_amqp *link);

/* What comes in by itself: amqp.c reads it, these take it. */
int shim__amqp_take_delivery(struct shim_amqp *link, const amqp_frame_t *frame);
int shim__amqp_take_confirm(struct shim_amqp *link, const amqp_frame_t *frame);
int shim__amqp_take_return(struct shim_amqp *link, const amqp_frame_t *frame);
void shim__amqp_lose_letters(struct shim_amqp *link);

amqp_bytes_t shim__amqp_bytes(struct farmiq_str text);
struct farmiq_str shim__amqp_str(amqp_bytes_t bytes);

#endif
