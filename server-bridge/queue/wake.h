/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eventfd on which a queue's readers sleep. Internal to queue/. */

#pragma once

#include <stdbool.h>

/* Makes it readable, if it is not, by `signal` or (NULL) by a plain write. What signal returns. */
bool queue_wake(int eventfd, bool (*signal)(int eventfd));

/* Makes it unreadable. */
void queue_wake_drain(int eventfd);
