/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is true once a wait for a program has ended (Y9). */
#pragma once

#include "winemailslot/nt.h"

/*
 * The wait for this handle has ended because its object is signalled. If that is a process or a
 * thread, the slots of programs that have ended are gone when this returns. Costs nothing in a
 * process that has had no slot.
 */
void ended_wait(HANDLE handle);
