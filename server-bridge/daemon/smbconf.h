/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Samba's configuration says that counts for us, too. */
#pragma once

#include "daemon/config.h"

#define SMBCONF_PATH "/etc/samba/smb.conf"

/*
 * Sets workgroup, computer_name, wins_servers and interfaces from [global] of smb.conf, as far as
 * nothing else has set them (config_origin). The file is not ours: what is of no use to us is
 * reported as a warning at most, and a missing file only if the option smb_conf names it. -ENOMEM.
 */
__attribute__((warn_unused_result)) int smbconf_apply(struct config *config,
                                                      config_report_fn report, void *userdata);

/* Whether config_origin() of an option means smb.conf. */
bool smbconf_is_origin(const struct config *config, const char *origin);
