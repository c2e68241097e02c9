/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DNS names as targets (beyond Windows, semantics N18): looked up without anybody waiting */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define DNS_NAME_MAX      253 /* RFC 1035 2.3.4, as text */
#define DNS_LABEL_MAX     63
#define DNS_LOOKUPS_MAX   32 /* at the same time; each is a thread */
#define DNS_USER_MAX      8  /* of them, for one user: a dead server holds them for long */
#define DNS_ADDRESSES_MAX 16

/* Codes of this module. */
enum
{
    DNS_OK,
    DNS_BAD_NAME, /* can not be a DNS name, or is an address in some notation */
};

struct dns;

/*
 * `n` is 0 if the name has no IPv4 address, whatever the reason. The addresses are a host's (no
 * broadcast, no multicast, not 0.0.0.0), each once, and valid during the call only. May look up
 * more names; must not free the dns.
 */
typedef void (*dns_done_fn)(void *userdata, const struct in_addr *addresses, size_t n);

/* Answers arrive through `event`. A negative errno. One thread, as all that follow. */
int dns_new(struct dns **ret_dns, sd_event *event) __attribute__((warn_unused_result));

/*
 * Lookups that are still open end with nothing, and new ones are refused. Does not wait for the C
 * library: threads that are still in there end by themselves.
 */
struct dns *dns_free(struct dns *dns);

/*
 * Looks up as the host does (nsswitch.conf), and takes as long as that takes; done() is called
 * exactly once and never before this returns. `user`: see struct net_request.
 * Returns 0, DNS_BAD_NAME (empty, more than 253 bytes, a label empty or over 63, other characters
 * than letters, digits, '-' and '_'; one dot at the end is allowed), -ENOBUFS (too many are open),
 * -ENOMEM, -EAGAIN (no thread to be had), -ESHUTDOWN (inside dns_free()): on all but 0, done() will
 * not be called.
 */
int dns_lookup(struct dns *dns, uint32_t user, const char *name, dns_done_fn done, void *userdata)
    __attribute__((warn_unused_result));
