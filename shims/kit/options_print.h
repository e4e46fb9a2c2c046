/* SPDX-License-Identifier: Apache-2.0 */
/* An options table as people read it. */
#ifndef SHIM_OPTIONS_PRINT_H
#define SHIM_OPTIONS_PRINT_H

#include "kit/shim.h"

struct shim_options_page {
    const char *program;
    const char *summary;
    const struct shim_option **options;
    size_t count;
};

void shim_options_print_help(const struct shim_options_page *page);
void shim_options_print_version(const struct shim_options_page *page);
void shim_options_print_config(const struct shim_options_page *page); /* a sample file */
void shim_options_print_man(const struct shim_options_page *page);    /* roff */

/* The parts of a man page, for programs that write one of their own. */
void shim_man_title(const char *program, int section, const char *summary);
void shim_man_sources(void); /* where the value of an option may come from */
void shim_man_option(const struct shim_option *option);
void shim_man_text(const char *text); /* one line; nothing in it is roff */

#endif
