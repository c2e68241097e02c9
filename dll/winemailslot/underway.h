/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which threads are in the middle of something that others wait for. */
#pragma once

#include "winemailslot/nt.h"

#define UNDERWAY_THREADS 64

/* Zeroed: nobody. */
struct underway
{
    volatile LONG threads[UNDERWAY_THREADS]; /* thread ids, 0 = free */
};

/* The calling thread is in it from begin to end; not nested. One more than fits is not seen. */
void underway_begin(struct underway *underway);
void underway_end(struct underway *underway);

/*
 * Waits until none of the threads that are in it now is any more, but for the calling one: for each
 * `yields` times, then `ms` milliseconds. One that is still in it then is taken for killed, and not
 * waited for again.
 */
void underway_await(struct underway *underway, int yields, int ms);
