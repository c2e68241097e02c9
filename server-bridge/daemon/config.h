/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's options: one table serves file, environment and command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Lists are words between blanks or commas: config_split() takes them apart. */
struct config
{
    char *socket;         /* path; "": by control/address.h */
    char *computer;       /* NetBIOS computer name; "": the host's */
    char *workgroup;      /* or NetBIOS domain name */
    char *names;          /* list: further own names */
    char *groups;         /* list: further own groups */
    char *scope;          /* NetBIOS scope, nearly always "" */
    char *node_type;      /* "auto", "B", "P", "M", "H" */
    char *wins_servers;   /* list: IPv4 addresses */
    char *peers;          /* list: "ADDRESS" or "ADDRESS/GROUP" */
    char *interfaces;     /* list: names, patterns or addresses; "": all that can broadcast */
    char *allow_networks; /* list: as struct policy_config, as are the next two */
    char *receive_slots;
    char *send_slots;
    char *codepage;    /* of slot names on the wire, as iconv knows it */
    char *nmbd_socket; /* path; "": Samba's usual one; "none": nmbd is never looked for */
    bool network;
    bool name_service;
    uint32_t datagram_port;
    uint32_t name_port;
    uint32_t source_rate; /* datagrams a second from one address; 0: no limit */
    uint32_t slot_quota;  /* bytes */
    uint32_t slots_per_client;
    uint32_t handles_per_client;
    uint32_t
        idle_timeout; /* s without clients and handles after which the daemon ends; 0 = never */
};

/* A diagnosis for people: "file:line: what is wrong". */
typedef void (*config_report_fn)(void *userdata, bool fatal, const char *text);

__attribute__((warn_unused_result)) int config_init(struct config *config);
void config_deinit(struct config *config);

/* One option. -EINVAL with *ret_why a static sentence; -ENOENT for an unknown key. */
__attribute__((warn_unused_result)) int config_set(struct config *config, const char *key,
                                                   const char *value, const char **ret_why);

/* As config_set(), but what a list holds already stays; only lists can be appended to. */
__attribute__((warn_unused_result)) int config_append(struct config *config, const char *key,
                                                      const char *value, const char **ret_why);

/*
 * The words of a list. They and the array live in one block of memory, which the caller frees with
 * free(*ret_words). -ENOMEM.
 */
__attribute__((warn_unused_result)) int config_split(const char *list,
                                                     const char *const **ret_words, size_t *ret_n);

/*
 * A file in INI form. A list may go on in indented lines. A missing file is fine when `optional`.
 * Unknown keys are reported and
 * skipped, bad values reported as fatal: -EINVAL then, after the whole file was read.
 */
__attribute__((warn_unused_result)) int config_read_file(struct config *config, const char *path,
                                                         bool optional, config_report_fn report,
                                                         void *userdata);

/* /etc/mailslotd.conf, then $XDG_CONFIG_HOME/mailslotd.conf, then MAILSLOTD_<KEY> variables. */
__attribute__((warn_unused_result)) int config_read_all(struct config *config, const char *file,
                                                        config_report_fn report, void *userdata);

/* All options with their defaults, commented: what --help and mailslotd.conf show. */
void config_describe(FILE *out);

/* Key of option `index` as getopt_long wants it (with '-'), or NULL at the end. */
const char *config_option_name(size_t index);
