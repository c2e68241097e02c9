/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mailslotd that a program has started: into the background, and the word that it listens. */
#pragma once

/*
 * Closes what the program had open and goes on in a child of its own session; the process that was
 * called ends when the child calls main_autostart_ready() or dies. *ret_ready is for that call.
 */
__attribute__((warn_unused_result)) int main_autostart_fork(int *ret_ready);

/* Does nothing for -1. */
void main_autostart_ready(int ready);
