/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon's core and every transport exchange: the names of the counters */

#include "net/transport.h"

static const char *const COUNTER_NAMES[] = {
    [NET_COUNTER_RECEIVED] = "received",
    [NET_COUNTER_DELIVERED] = "delivered",
    [NET_COUNTER_DROP_INTERFACE] = "drop_interface",
    [NET_COUNTER_DROP_TRUNCATED] = "drop_truncated",
    [NET_COUNTER_DROP_SHORT] = "drop_short",
    [NET_COUNTER_DROP_TYPE] = "drop_type",
    [NET_COUNTER_DROP_FRAGMENT] = "drop_fragment",
    [NET_COUNTER_DROP_SOURCE_NAME] = "drop_source_name",
    [NET_COUNTER_DROP_DESTINATION_NAME] = "drop_destination_name",
    [NET_COUNTER_DROP_SCOPE] = "drop_scope",
    [NET_COUNTER_DROP_NOT_OURS] = "drop_not_ours",
    [NET_COUNTER_DROP_SMB_SHORT] = "drop_smb_short",
    [NET_COUNTER_DROP_SMB_MAGIC] = "drop_smb_magic",
    [NET_COUNTER_DROP_SMB_COMMAND] = "drop_smb_command",
    [NET_COUNTER_DROP_WORD_COUNT] = "drop_word_count",
    [NET_COUNTER_DROP_SETUP] = "drop_setup",
    [NET_COUNTER_DROP_OPCODE] = "drop_opcode",
    [NET_COUNTER_DROP_SLOT_BOUND] = "drop_slot_bound",
    [NET_COUNTER_DROP_DATA_BOUND] = "drop_data_bound",
    [NET_COUNTER_DROP_DATA_COUNT] = "drop_data_count",
    [NET_COUNTER_DROP_NOT_MAILSLOT] = "drop_not_mailslot",
    [NET_COUNTER_DROP_SLOT_TOO_LONG] = "drop_slot_too_long",
    [NET_COUNTER_DROP_CODEPAGE] = "drop_codepage",
    [NET_COUNTER_DROP_OWN_COPY] = "drop_own_copy",
    [NET_COUNTER_DROP_DUPLICATE] = "drop_duplicate",
    [NET_COUNTER_DROP_NO_SLOT] = "drop_no_slot",
    [NET_COUNTER_DROP_FULL] = "drop_full",
    [NET_COUNTER_DROP_TOO_LARGE] = "drop_too_large",
    [NET_COUNTER_DROP_DENIED] = "drop_denied",
    [NET_COUNTER_DROP_FAILED] = "drop_failed",
    [NET_COUNTER_RECEIVE_FAILED] = "receive_failed",
    [NET_COUNTER_INTERFACE_FAILED] = "interface_failed",
    [NET_COUNTER_SENT] = "sent",
    [NET_COUNTER_SENT_DATAGRAMS] = "sent_datagrams",
    [NET_COUNTER_SENT_NOWHERE] = "sent_nowhere",
    [NET_COUNTER_SEND_FAILED] = "send_failed",
    [NET_COUNTER_SEND_REFUSED] = "send_refused",
    [NET_COUNTER_LOCAL_DELIVERED] = "local_delivered",
    [NET_COUNTER_LOCAL_UNDELIVERED] = "local_undelivered",
};

_Static_assert(sizeof(COUNTER_NAMES) / sizeof(COUNTER_NAMES[0]) == NET_COUNTER_COUNT,
               "every counter has a name");

const char *net_counter_name(enum net_counter counter)
{
    return COUNTER_NAMES[counter];
}
