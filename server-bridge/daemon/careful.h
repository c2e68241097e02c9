/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waking the readers of a slot whose owner may want the daemon to hang. */
#pragma once

#include <stdbool.h>

/* For queue_set_signal(): false when the write would have waited. SIGALRM is used for it. */
bool careful_signal(int eventfd);
