/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the chat: what a message is (text.c), its way (lan.c), the window (chat.c). */
#pragma once

#include <windows.h>

#define CHAT_SLOT        L"wmschat"
#define CHAT_MESSAGE_MAX 424 /* bytes: the most that a mailslot datagram carries (MS-MAIL 1.3) */
#define CHAT_NAME_MAX    15  /* UTF-16 units of a nickname or computer; NetBIOS allows no more */

struct chat_message
{
    WCHAR nick[CHAT_NAME_MAX + 1]; /* empty: not from a chat program */
    WCHAR host[CHAT_NAME_MAX + 1];
    WCHAR to[CHAT_NAME_MAX + 1]; /* a computer, or "*" */
    WCHAR text[CHAT_MESSAGE_MAX + 1];
};

/* --- text.c ---------------------------------------------------------------------------------- */

/* Copies what fits, with everything that could disturb a window or a terminal made visible. */
void chat_clean(WCHAR *out, DWORD capacity, const WCHAR *text);

/*
 * Makes a datagram of `bytes` (CHAT_MESSAGE_MAX of them) with the beginning of `text`, at most as
 * much as fits and not half a character. Returns its size; *ret_used: units of text in it, never 0
 * unless the text is empty. `number` is different in each message of this program.
 */
DWORD chat_encode(const struct chat_message *from, DWORD session, DWORD number, const WCHAR *text,
                  char *bytes, DWORD *ret_used);

/* Any bytes are allowed: what no chat program has made is a text without a sender. */
void chat_decode(const char *bytes, DWORD size, struct chat_message *ret);

/*
 * Windows sends a message once on every network that it has, so copies come. Whether this datagram
 * is one; remembers it. Only for datagrams of chat programs: those have numbers. One thread only.
 */
BOOL chat_seen(const char *bytes, DWORD size);

/* --- lan.c ----------------------------------------------------------------------------------- */

#define CHAT_RECEIVED (WM_APP + 0) /* lparam: struct chat_bytes, the window's to free() */
#define CHAT_FAILED   (WM_APP + 1) /* wparam: Windows error; lparam: computer, to be free()d */

struct chat_bytes
{
    DWORD size;
    char bytes[CHAT_MESSAGE_MAX];
};

/* Starts to receive and to send for this window. A Windows error, if only sending is possible. */
DWORD chat_lan_start(HWND window);
void chat_lan_stop(void);

/* Leaves a datagram to the sending thread. FALSE: no memory. */
BOOL chat_lan_send(const WCHAR *host, const char *bytes, DWORD size);
