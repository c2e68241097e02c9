/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies and addresses for their tests */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/policy.h"

#include <arpa/inet.h>

static inline struct in_addr address(const char *text)
{
    return (struct in_addr){inet_addr(text)};
}

static inline struct in_addr numbered(uint32_t number)
{
    return (struct in_addr){htonl(0x0a000000 + number)};
}

static inline struct policy *make(const struct policy_config *config)
{
    struct policy *policy = NULL;
    const char *invalid = "untouched";

    assert_int_equal(policy_new(&policy, config, &invalid), 0);
    assert_string_equal(invalid, "untouched");
    return policy;
}
