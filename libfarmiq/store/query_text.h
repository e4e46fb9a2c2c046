/* SPDX-License-Identifier: Apache-2.0 */
/* What a statement says once it is known whose: {queue} becomes a name. */
#ifndef FARMIQ_STORE_QUERY_TEXT_H
#define FARMIQ_STORE_QUERY_TEXT_H

/* The longest name of a queue, with its end. */
#define FARMIQ__QUEUE_BYTES 32

/* Names are part of the text, so they are made of letters that mean nothing in it. */
int farmiq__is_queue_name(const char *queue);
/* The caller frees it; NULL: out of memory. `queue` is a name. */
char *farmiq__query_text(const char *text, const char *queue);

#endif
