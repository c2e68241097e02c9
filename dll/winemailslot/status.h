/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table from the client library's results to NTSTATUS. */
#pragma once

#include "winemailslot/nt.h"

NTSTATUS status_from_result(int result);
