/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The net as the options describe it. */
#pragma once

#include "daemon/host.h"

/*
 * Makes host->net from host->config; host->event and host->registry must be there. The sockets of
 * the config stay the caller's: the net gets copies. -EINVAL: *ret_invalid is the name of an option
 * that the net refuses. It goes on counting in host->net_counters.
 */
__attribute__((warn_unused_result)) int network_make(struct host *host, const char **ret_invalid);

/*
 * Whether the net would take the options, without opening a port. What it does not take is reported
 * with its place, down to the word of a list. A value out of smb.conf is given up with a warning;
 * any other is fatal: -EINVAL.
 */
__attribute__((warn_unused_result)) int network_check(struct config *config,
                                                      config_report_fn report, void *userdata);
