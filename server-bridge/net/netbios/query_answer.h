/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What answers to our questions say (RFC 1002 4.2.13, 4.2.18) */
#pragma once

#include "net/netbios/cache.h"
#include "net/netbios/interfaces.h"
#include "net/netbios/ns_message.h"

/* What a positive answer by `from` says. False: nothing that can be used. */
bool query_answer_read(const struct interfaces *interfaces, const struct ns_message *message,
                       struct in_addr from, bool by_broadcast, struct resolution *ret_resolution);

/*
 * The computer name of a node status, in the message, or NULL. Names that begin with '*' are
 * nobody's (MS-NBTE).
 */
const struct netbios_name *query_answer_computer(const struct ns_message *message);
