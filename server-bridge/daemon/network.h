/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The net as the options describe it. */
#pragma once

#include "daemon/host.h"

/*
 * Makes host->net from host->config; host->event and host->registry must be there. -EINVAL:
 * *ret_invalid is the name of an option that the net refuses.
 */
__attribute__((warn_unused_result)) int network_make(struct host *host, const char **ret_invalid);
