/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waking the readers of a slot whose owner may want the daemon to hang. */
#include "daemon/careful.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * The owner of a slot shares its eventfd, and with it the flag that says whether a write may wait
 * and the counter that makes it wait when full. Between any look at it and the write the owner can
 * change both, and a call that never waits (send's MSG_DONTWAIT, RWF_NOWAIT) does not exist for
 * eventfds. So a timer interrupts the write. It repeats, because its first signal may come before
 * the write has begun. A write that need not wait takes no notice of signals: one that was
 * interrupted would have waited, which no honest owner causes, as its readers never let the counter
 * grow.
 */
#define CAREFUL_USEC 1000

static void careful_on_alarm(int number)
{
    (void)number; /* only to interrupt */
}

static void careful_install(void)
{
    struct sigaction action = {.sa_handler = careful_on_alarm}; /* no SA_RESTART */

    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
}

bool careful_signal(int eventfd)
{
    static const struct itimerval often = {{0, CAREFUL_USEC}, {0, CAREFUL_USEC}}, never;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sigset_t alarm, before;
    uint64_t one = 1;
    bool interrupted;

    pthread_once(&once, careful_install);
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm, &before);
    if (setitimer(ITIMER_REAL, &often, NULL) < 0)
        interrupted = true; /* not without it */
    else
    {
        interrupted = write(eventfd, &one, sizeof(one)) < 0 && errno == EINTR;
        (void)setitimer(ITIMER_REAL, &never, NULL);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !interrupted;
}
