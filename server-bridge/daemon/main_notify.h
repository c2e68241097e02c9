/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the service manager is told of a running daemon (sd_notify(3)). */
#pragma once

#include "daemon/host.h"

struct main_notify;

/*
 * Says that we are ready, and from then on what is going on, in one line, and that we are alive if
 * it wants to know. Without a service manager there is nothing to be done: *ret is NULL.
 */
__attribute__((warn_unused_result)) int main_notify_new(struct main_notify **ret,
                                                        struct host *host);

/* Says that we are about to end. */
struct main_notify *main_notify_free(struct main_notify *notify);
