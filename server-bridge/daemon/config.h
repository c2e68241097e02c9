/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's options: one table serves file, environment and command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_OPTIONS_MAX 48

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
    char *smb_conf;    /* path; "": Samba's usual one; "none": it is not read */
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

    /* UDP sockets that the service manager has opened, borrowed; -1: none */
    int datagram_fd;
    int name_fd;

    char *origins[CONFIG_OPTIONS_MAX]; /* see config_origin() */
};

/* A diagnosis for people: "file:line: what is wrong". */
typedef void (*config_report_fn)(void *userdata, bool fatal, const char *text);

__attribute__((warn_unused_result)) int config_init(struct config *config);
void config_deinit(struct config *config);

/* One option. -EINVAL with *ret_why a static sentence; -ENOENT for an unknown key. */
__attribute__((warn_unused_result)) int config_set(struct config *config, const char *key,
                                                   const char *value, const char **ret_why);

/* As config_set(). `origin` is copied: what config_origin() says from now on. */
__attribute__((warn_unused_result)) int config_set_from(struct config *config, const char *key,
                                                        const char *value, const char *origin,
                                                        const char **ret_why);

/* The built-in value again. */
__attribute__((warn_unused_result)) int config_reset(struct config *config, const char *key);

/*
 * Where the value comes from: "FILE:LINE", "environment MAILSLOTD_KEY", "--key"; NULL: it is built
 * in, or the key is unknown. Belongs to the config, until the option is set again.
 */
const char *config_origin(const struct config *config, const char *key);

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
 * A file in INI form, of 1 MB at most. A list may go on in indented lines. A missing file is fine
 * when `optional`; one that may not be read is not, as it may hold what restricts us: -EACCES.
 * Unknown keys are reported and skipped, bad values reported as fatal: -EINVAL then, after the
 * whole file was read.
 */
__attribute__((warn_unused_result)) int config_read_file(struct config *config, const char *path,
                                                         bool optional, config_report_fn report,
                                                         void *userdata);

/* Where all options come from, to be read more than once. All borrowed. */
struct config_source
{
    const char *file;          /* instead of the usual ones, or NULL */
    const char *const *values; /* of the command line, by option index, NULL: not given */
    uint32_t idle_timeout;     /* s; built in for this daemon */
};

/*
 * All options: built in, smb.conf, files, environment, command line; each goes before the one in
 * front of it. -EINVAL after all was read and reported; nothing is to be freed then.
 */
__attribute__((warn_unused_result)) int config_load(struct config *ret,
                                                    const struct config_source *source,
                                                    config_report_fn report, void *userdata);

/* /etc/mailslotd.conf, then $XDG_CONFIG_HOME/mailslotd.conf, then MAILSLOTD_<KEY> variables. */
__attribute__((warn_unused_result)) int config_read_all(struct config *config, const char *file,
                                                        config_report_fn report, void *userdata);

/* All options with their defaults: what --help shows. */
void config_describe(FILE *out);

/* A mailslotd.conf with all options, each commented out, with its default and possible values. */
void config_print(FILE *out);

/* Key of option `index` as getopt_long wants it (with '-'), or NULL at the end. */
const char *config_option_name(size_t index);

/* The same as files have it (with '_'). */
const char *config_option_key(size_t index);

/* What a running daemon has to do for another value of the option. */
enum config_effect
{
    CONFIG_AT_ONCE, /* nothing: the value is looked at when it is needed */
    CONFIG_NETWORK, /* make the net anew */
    CONFIG_RESTART, /* it can not, without being started again */
};

enum config_effect config_option_effect(size_t index);

bool config_option_differs(const struct config *a, const struct config *b, size_t index);

/* The value of option `index` as a file would say it, cut to `size` bytes with the 0. */
void config_option_value(const struct config *config, size_t index, char *ret_text, size_t size);

/* Whether `key`, with '_' or '-', is that of option `index`. */
bool config_option_is(size_t index, const char *key);
