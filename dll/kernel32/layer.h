/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the rest of kernel32 asks the mailslot layer */
#pragma once

#include "kernel32/nt.h"

/* Whether the layer is in this process. FALSE: mailslots are Wine's own. */
BOOL layer_attached(void);

/* Whether a handle is a mailslot of ours; FALSE without the layer. Cheap for any other handle. */
BOOL layer_has_mailslot(HANDLE handle);
