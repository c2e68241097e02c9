/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slot names as people write them. */
#pragma once

#include <stddef.h>

struct name
{
    const char *host; /* NULL: this machine */
    size_t host_size;
    const char *slot;
    size_t slot_size;
};

/*
 * Takes `text` apart: \\.\mailslot\x, \\HOST\mailslot\x, \\*\mailslot\x, HOST/x, ./x, or x; each
 * also with the other kind of slash. Turns slashes in `text`, which the result points into. On
 * failure *ret_why is a static sentence, and the result 2 (the exit status for wrong usage).
 */
__attribute__((warn_unused_result)) int name_parse(char *text, struct name *ret,
                                                   const char **ret_why);
