/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the name service share */

#include "net/netbios/ns_link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

uint16_t ns_random_id(void)
{
    uint16_t id;

    while (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
    {
        /* Every kernel since 3.17 has it; ids that can be guessed would be worse than none. */
        if (errno != EINTR)
        {
            abort();
        }
    }
    return id;
}
