/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the verbs of mailslotctl get, and what they may return. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/mailslot.h"

enum ctl_exit
{
    CTL_DONE = 0,
    CTL_FAILED = 1,
    CTL_USAGE = 2,
    CTL_NO_DAEMON = 3,
};

/* Raised when a field of a JSON document changes its meaning or goes away: docs/json.md. */
#define CTL_JSON_VERSION 1

/* The largest message that is sent or received, bytes. */
#define CTL_MESSAGE_MAX (1u << 20)

struct ctl
{
    struct mailslot_client *client;
    bool json, hex, raw;
    uint32_t count;   /* messages, 0: no end */
    uint32_t timeout; /* ms */
};

/* "mailslotctl: ..." on standard error. */
__attribute__((format(printf, 1, 2))) void ctl_complain(const char *format, ...);

/*
 * Says what went wrong with `what`, a word of the user's; returns the exit status for `result`, an
 * enum mailslot_result or a negative errno.
 */
__attribute__((warn_unused_result)) int ctl_fail(struct ctl *ctl, const char *what, int result);

/* The verbs: arguments are those behind the verb. Each returns enum ctl_exit. */
int status_verb(struct ctl *ctl, int argc, char **argv);
int status_slots_verb(struct ctl *ctl, int argc, char **argv);
int status_names_verb(struct ctl *ctl, int argc, char **argv);
int status_peers_verb(struct ctl *ctl, int argc, char **argv);
int status_stats_verb(struct ctl *ctl, int argc, char **argv);
int monitor_verb(struct ctl *ctl, int argc, char **argv);
int exchange_send_verb(struct ctl *ctl, int argc, char **argv);
int exchange_listen_verb(struct ctl *ctl, int argc, char **argv);
int configuration_reload_verb(struct ctl *ctl, int argc, char **argv);
int configuration_check_verb(struct ctl *ctl, int argc, char **argv);
