/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every fuzz target is: one function that takes bytes and aborts if something is wrong */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * libFuzzer calls it with inputs of its own, replay.c with those of the corpus. `bytes` has exactly
 * `size` bytes, so that reading behind them is found. Returns 0. Keeps nothing between calls: an
 * input does the same whenever it comes.
 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A promise of the code under test. abort() is what libFuzzer and the replay notice. */
#define TARGET_CHECK(condition)                                                                    \
    do                                                                                             \
    {                                                                                              \
        if (!(condition))                                                                          \
        {                                                                                          \
            fprintf(stderr, "%s:%d: error: broken promise: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* An input that is a list of commands is eaten from its front; at its end all numbers are 0. */
struct target_input
{
    const uint8_t *bytes;
    size_t size;
};

static inline const uint8_t *target_take(struct target_input *input, size_t size)
{
    const uint8_t *start = input->bytes;

    input->bytes += size;
    input->size -= size;
    return start;
}

/* A number of up to four bytes, little-endian. */
static inline uint32_t target_number(struct target_input *input, size_t size)
{
    uint32_t number = 0;

    if (size > input->size)
    {
        size = input->size;
    }
    for (size_t i = 0; i < size; i++)
    {
        number |= (uint32_t)*target_take(input, 1) << 8 * i;
    }
    return number;
}
