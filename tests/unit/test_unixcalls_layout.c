/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the layout of every struct of unixcalls.h: built with -m64 and -m32, the same text. */

#include <stddef.h>
#include <stdio.h>

#include "unixlib/unixcalls.h"

#define SIZE(type) printf(#type " %u\n", (unsigned int)sizeof(struct type));
#define FIELD(type, field)                                                                         \
    printf(#type "." #field " %u %u\n", (unsigned int)offsetof(struct type, field),                \
           (unsigned int)sizeof(((struct type *)0)->field));

int main(void)
{
/* A line for each struct and field, made from the header (tests/local.mk) */
#include "unixcalls_layout.inc"
    printf("calls %u version %u\n", (unsigned int)UNIX_CALLS, UNIXCALLS_VERSION);
    return 0;
}
