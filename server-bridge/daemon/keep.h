/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon gives to its keeper, and gets back from that of an earlier daemon. */
#pragma once

#include <stdbool.h>

#include "daemon/registry.h"

struct keep;

/*
 * Finds the keeper of an earlier daemon that listened on `path`, and puts all that it has back into
 * the registry; what changes there from now on is kept, too. `revives`: see keeper.h. Without a
 * keeper (that is logged) the daemon works on, but its slots do not outlive it.
 */
__attribute__((warn_unused_result)) int keep_new(struct keep **ret, struct registry *registry,
                                                 const char *path, bool revives);

/* The daemon ends in order. Accepts NULL, returns NULL. */
struct keep *keep_free(struct keep *keep);
