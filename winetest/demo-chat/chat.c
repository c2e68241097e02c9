/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chat.exe - a small chat for the LAN over mailslots, without a server */
#include "chat.h"

#include <shellapi.h>
#include <stdlib.h>

#define CHAT_CLASS   L"wine-mailslot-chat"
#define ID_TALK      100
#define ID_INPUT     101
#define ID_TIMER_END 1

#define CHAT_INPUT_MAX 1000   /* UTF-16 units that can be typed in one go */
#define CHAT_TALK_MAX  100000 /* units that the window keeps; older ones go */
#define CHAT_LINE_MAX  700    /* units of a line of the conversation */

static const WCHAR chat_usage[] =
    L"chat.exe [NICK] [--say TEXT] [--autoclose SECONDS] [--place X,Y,WIDTH,HEIGHT]\n"
    L"chat.exe --type TEXT    types into the chat that runs here\n"
    L"chat.exe --dump         prints the conversation of the chat that runs here\n"
    L"chat.exe --close        closes it";

static struct chat_message chat_self; /* nick and computer of this one */
static DWORD chat_session, chat_number;
static HWND chat_window;
static WNDPROC chat_talk_proc;
static HFONT chat_font;

/* --- the conversation ------------------------------------------------------------------------ */

static void talk_append(const WCHAR *text)
{
    HWND talk = GetDlgItem(chat_window, ID_TALK);
    int length = GetWindowTextLengthW(talk);

    if (length > CHAT_TALK_MAX)
    {
        /* The older half goes, in whole lines. */
        LRESULT line = SendMessageW(talk, EM_LINEFROMCHAR, (WPARAM)length / 2, 0);
        LRESULT end = SendMessageW(talk, EM_LINEINDEX, (WPARAM)line + 1, 0);

        SendMessageW(talk, EM_SETSEL, 0, end > 0 ? end : length / 2);
        SendMessageW(talk, EM_REPLACESEL, FALSE, (LPARAM)L"");
        length = GetWindowTextLengthW(talk);
    }
    SendMessageW(talk, EM_SETSEL, (WPARAM)length, length);
    if (length)
        SendMessageW(talk, EM_REPLACESEL, FALSE, (LPARAM)L"\r\n");
    SendMessageW(talk, EM_REPLACESEL, FALSE, (LPARAM)text);
    SendMessageW(talk, EM_SCROLLCARET, 0, 0);
}

static void talk_note(const WCHAR *text, const WCHAR *more)
{
    WCHAR line[CHAT_LINE_MAX];

    wsprintfW(line, L"* %.300s%.300s", text, more);
    talk_append(line);
}

static void talk_message(const struct chat_message *message)
{
    WCHAR line[CHAT_LINE_MAX], whom[CHAT_NAME_MAX + 8] = L"";
    SYSTEMTIME now;

    GetLocalTime(&now);
    if (lstrcmpW(message->to, L"*") && message->to[0])
        wsprintfW(whom, L" to %s", message->to);
    if (message->nick[0])
        wsprintfW(line, L"%02u:%02u  %s (%s)%s: %s", now.wHour, now.wMinute, message->nick,
                  message->host, whom, message->text);
    else
        wsprintfW(line, L"%02u:%02u  (no chat program): %s", now.wHour, now.wMinute, message->text);
    talk_append(line);
}

static void talk_error(const WCHAR *what, const WCHAR *whom, DWORD error)
{
    WCHAR reason[300] = L"", text[100];

    FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                       FORMAT_MESSAGE_MAX_WIDTH_MASK,
                   NULL, error, 0, reason, ARRAYSIZE(reason), NULL);
    wsprintfW(text, L"%s%s, error %lu: ", what, whom, error);
    talk_note(text, reason);
}

/* --- what is typed --------------------------------------------------------------------------- */

static void chat_show_title(void)
{
    WCHAR title[100];

    wsprintfW(title, L"LAN chat \x2013 %s on %s", chat_self.nick, chat_self.host);
    SetWindowTextW(chat_window, title);
}

/* Takes the next word off the text. */
static const WCHAR *chat_word(const WCHAR *text, WCHAR *word, DWORD capacity)
{
    WCHAR raw[CHAT_INPUT_MAX];
    DWORD n = 0;

    while (*text == ' ')
        text++;
    while (*text && *text != ' ' && n + 1 < ARRAYSIZE(raw))
        raw[n++] = *text++;
    raw[n] = 0;
    chat_clean(word, capacity, n < capacity ? raw : L"");
    while (*text == ' ')
        text++;
    return text;
}

/* In as many datagrams as it takes. Everybody's messages come back to us; those to one do not. */
static void chat_say_to(const WCHAR *host, const WCHAR *text)
{
    while (*text)
    {
        struct chat_message shown;
        char bytes[CHAT_MESSAGE_MAX];
        DWORD used, size;

        lstrcpynW(chat_self.to, host, ARRAYSIZE(chat_self.to));
        size = chat_encode(&chat_self, chat_session, chat_number++, text, bytes, &used);
        text += used;
        if (!chat_lan_send(host, bytes, size))
        {
            talk_note(L"not sent: ", L"out of memory");
            return;
        }
        chat_seen(bytes, size);
        chat_decode(bytes, size, &shown);
        talk_message(&shown);
    }
}

static BOOL chat_is_computer(const WCHAR *name)
{
    for (const WCHAR *c = name; *c; c++)
        if (*c == '\\' || *c == '/' || *c == 0x00b7)
            return FALSE;
    return name[0] != 0;
}

static void chat_input(const WCHAR *raw)
{
    WCHAR input[CHAT_INPUT_MAX + 1], word[CHAT_NAME_MAX + 1];
    const WCHAR *text;

    chat_clean(input, ARRAYSIZE(input), raw);
    text = chat_word(input, word, ARRAYSIZE(word));
    if (!lstrcmpW(word, L"/to"))
    {
        text = chat_word(text, word, ARRAYSIZE(word));
        if (!chat_is_computer(word) || !*text)
            talk_note(L"/to COMPUTER TEXT", L"   (a name has at most 15 characters)");
        else
            chat_say_to(word, text);
    }
    else if (!lstrcmpW(word, L"/nick"))
    {
        chat_word(text, word, ARRAYSIZE(word));
        if (word[0])
            lstrcpyW(chat_self.nick, word);
        else
            talk_note(L"/nick NAME", L"   (a name has at most 15 characters)");
        chat_show_title();
    }
    else if (word[0] == '/')
        talk_note(L"There are /to COMPUTER TEXT and /nick NAME", L"");
    else
        chat_say_to(L"*", input);
}

static void chat_send(void)
{
    WCHAR input[CHAT_INPUT_MAX + 1];

    GetDlgItemTextW(chat_window, ID_INPUT, input, ARRAYSIZE(input));
    SetDlgItemTextW(chat_window, ID_INPUT, L"");
    chat_input(input);
}

/* --- the window ------------------------------------------------------------------------------ */

/* Whoever types while the conversation has the focus means the input line. */
static LRESULT CALLBACK talk_proc(HWND window, UINT message, WPARAM wparam, LPARAM lparam)
{
    if (message == WM_CHAR && wparam >= ' ')
    {
        HWND input = GetDlgItem(chat_window, ID_INPUT);

        SetFocus(input);
        return SendMessageW(input, WM_CHAR, wparam, lparam);
    }
    return CallWindowProcW(chat_talk_proc, window, message, wparam, lparam);
}

static HWND chat_control(HWND parent, const WCHAR *class, const WCHAR *text, DWORD style, int id)
{
    HWND control = CreateWindowExW(lstrcmpW(class, L"BUTTON") ? WS_EX_CLIENTEDGE : 0, class, text,
                                   WS_CHILD | WS_VISIBLE | WS_TABSTOP | style, 0, 0, 10, 10, parent,
                                   (HMENU)(INT_PTR)id,
                                   (HINSTANCE)GetWindowLongPtrW(parent, GWLP_HINSTANCE), NULL);

    SendMessageW(control, WM_SETFONT, (WPARAM)chat_font, FALSE);
    return control;
}

static void chat_create(HWND window)
{
    NONCLIENTMETRICSW metrics = {.cbSize = sizeof(metrics)};
    DWORD error;

    chat_window = window;
    if (SystemParametersInfoW(SPI_GETNONCLIENTMETRICS, sizeof(metrics), &metrics, 0))
    {
        metrics.lfMessageFont.lfHeight = metrics.lfMessageFont.lfHeight * 5 / 4;
        chat_font = CreateFontIndirectW(&metrics.lfMessageFont);
    }
    chat_talk_proc = (WNDPROC)SetWindowLongPtrW(
        chat_control(window, L"EDIT", L"",
                     WS_VSCROLL | ES_MULTILINE | ES_AUTOVSCROLL | ES_READONLY | ES_NOHIDESEL,
                     ID_TALK),
        GWLP_WNDPROC, (LONG_PTR)talk_proc);
    SendDlgItemMessageW(window, ID_TALK, EM_SETLIMITTEXT, 2 * CHAT_TALK_MAX, 0);
    chat_control(window, L"EDIT", L"", ES_AUTOHSCROLL, ID_INPUT);
    SendDlgItemMessageW(window, ID_INPUT, EM_SETLIMITTEXT, CHAT_INPUT_MAX, 0);
    chat_control(window, L"BUTTON", L"&Send", BS_DEFPUSHBUTTON, IDOK);
    chat_show_title();
    talk_note(L"Enter sends to everybody, /to COMPUTER TEXT to one", L"");
    error = chat_lan_start(window);
    if (error == ERROR_ALREADY_EXISTS)
        talk_note(L"A chat already runs on this computer: this one can send, but hears nothing",
                  L"");
    else if (error)
        talk_error(L"nothing can be received", L"", error);
}

static void chat_layout(int width, int height)
{
    enum
    {
        GAP = 6,
        LINE = 26,
        BUTTON = 76,
    };
    int top = height - LINE - GAP;

    MoveWindow(GetDlgItem(chat_window, ID_TALK), GAP, GAP, width - 2 * GAP, top - 2 * GAP, TRUE);
    MoveWindow(GetDlgItem(chat_window, ID_INPUT), GAP, top, width - BUTTON - 3 * GAP, LINE, TRUE);
    MoveWindow(GetDlgItem(chat_window, IDOK), width - BUTTON - GAP, top, BUTTON, LINE, TRUE);
}

static void chat_received(struct chat_bytes *got)
{
    struct chat_message message;

    if (!chat_seen(got->bytes, got->size))
    {
        chat_decode(got->bytes, got->size, &message);
        talk_message(&message);
    }
    free(got);
}

static void chat_failed(DWORD error, WCHAR *host)
{
    if (!host)
        talk_error(L"nothing can be received any more", L"", error);
    else if (!lstrcmpW(host, L"*"))
        talk_error(L"not sent", L"", error);
    else
        talk_error(L"not sent to ", host, error);
    free(host);
}

static LRESULT CALLBACK chat_proc(HWND window, UINT message, WPARAM wparam, LPARAM lparam)
{
    switch (message)
    {
    case WM_CREATE:
        chat_create(window);
        return 0;
    case WM_SIZE:
        chat_layout(LOWORD(lparam), HIWORD(lparam));
        return 0;
    case WM_GETMINMAXINFO:
        ((MINMAXINFO *)lparam)->ptMinTrackSize.x = 260;
        ((MINMAXINFO *)lparam)->ptMinTrackSize.y = 160;
        return 0;
    case WM_SETFOCUS:
        SetFocus(GetDlgItem(window, ID_INPUT));
        return 0;
    case DM_GETDEFID: /* for IsDialogMessage: Enter presses Send */
        return MAKELONG(IDOK, DC_HASDEFID);
    case WM_COMMAND:
        if (LOWORD(wparam) == IDOK)
        {
            chat_send();
            SetFocus(GetDlgItem(window, ID_INPUT));
        }
        return 0;
    case WM_CTLCOLORSTATIC: /* a read-only edit control; white is easier to read */
        return (LRESULT)GetSysColorBrush(COLOR_WINDOW);
    case CHAT_RECEIVED:
        chat_received((struct chat_bytes *)lparam);
        return 0;
    case CHAT_FAILED:
        chat_failed((DWORD)wparam, (WCHAR *)lparam);
        return 0;
    case WM_TIMER:
        DestroyWindow(window);
        return 0;
    case WM_DESTROY:
        PostQuitMessage(0);
        return 0;
    }
    return DefWindowProcW(window, message, wparam, lparam);
}

/* --- the chat that runs already -------------------------------------------------------------- */

static int remote_dump(HWND window)
{
    static WCHAR text[2 * CHAT_TALK_MAX];
    static char bytes[6 * CHAT_TALK_MAX];
    int units, size;
    DWORD written;

    units = (int)SendDlgItemMessageW(window, ID_TALK, WM_GETTEXT, ARRAYSIZE(text), (LPARAM)text);
    size = WideCharToMultiByte(CP_UTF8, 0, text, units, bytes, sizeof(bytes) - 1, NULL, NULL);
    bytes[size++] = '\n';
    return !WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes, (DWORD)size, &written, NULL);
}

/* Exit code; 1 also if none runs. */
static int remote_control(const WCHAR *option, const WCHAR *text)
{
    HWND window = FindWindowW(CHAT_CLASS, NULL);

    if (!window)
        return 1;
    if (!lstrcmpW(option, L"--dump"))
        return remote_dump(window);
    if (!lstrcmpW(option, L"--close"))
        return !PostMessageW(window, WM_CLOSE, 0, 0);
    SendDlgItemMessageW(window, ID_INPUT, WM_SETTEXT, 0, (LPARAM)text);
    SendMessageW(window, WM_COMMAND, IDOK, 0);
    return 0;
}

/* --- start ----------------------------------------------------------------------------------- */

static DWORD start_number(const WCHAR **text)
{
    DWORD number = 0;

    for (; **text >= '0' && **text <= '9' && number < 100000; (*text)++)
        number = number * 10 + (DWORD)(**text - '0');
    if (**text == ',')
        (*text)++;
    return number;
}

static HWND start_window(HINSTANCE instance, const WCHAR *place)
{
    WNDCLASSW class = {
        .lpfnWndProc = chat_proc,
        .hInstance = instance,
        .hIcon = LoadIconW(NULL, (const WCHAR *)IDI_APPLICATION),
        .hCursor = LoadCursorW(NULL, (const WCHAR *)IDC_ARROW),
        .hbrBackground = (HBRUSH)(COLOR_BTNFACE + 1),
        .lpszClassName = CHAT_CLASS,
    };
    int at[4] = {CW_USEDEFAULT, CW_USEDEFAULT, 460, 360};

    for (int i = 0; place && i < 4; i++)
        at[i] = (int)start_number(&place);
    RegisterClassW(&class);
    return CreateWindowExW(WS_EX_CONTROLPARENT, CHAT_CLASS, L"LAN chat",
                           WS_OVERLAPPEDWINDOW | WS_CLIPCHILDREN, at[0], at[1], at[2], at[3], NULL,
                           NULL, instance, NULL);
}

static void start_names(void)
{
    WCHAR name[256];
    DWORD size = ARRAYSIZE(name);
    LARGE_INTEGER counter;

    if (!GetUserNameW(name, &size))
        lstrcpyW(name, L"somebody");
    chat_clean(chat_self.nick, ARRAYSIZE(chat_self.nick), name);
    size = ARRAYSIZE(name);
    if (!GetComputerNameW(name, &size))
        lstrcpyW(name, L"?");
    chat_clean(chat_self.host, ARRAYSIZE(chat_self.host), name);
    QueryPerformanceCounter(&counter);
    chat_session = counter.LowPart ^ GetTickCount() << 16 ^ GetCurrentProcessId() << 8;
}

static int start_loop(void)
{
    MSG message;

    while (GetMessageW(&message, NULL, 0, 0) > 0)
    {
        if (IsDialogMessageW(chat_window, &message))
            continue;
        TranslateMessage(&message);
        DispatchMessageW(&message);
    }
    chat_lan_stop();
    return 0;
}

int WINAPI wWinMain(HINSTANCE instance, HINSTANCE previous, WCHAR *command_line, int show)
{
    const WCHAR *place = NULL, *autoclose = NULL;
    int count, first_say = 0;
    WCHAR **words = CommandLineToArgvW(GetCommandLineW(), &count);

    (void)previous;
    (void)command_line;
    start_names();
    for (int i = 1; words && i < count; i++)
    {
        const WCHAR *next = i + 1 < count ? words[i + 1] : NULL;

        if (!lstrcmpW(words[i], L"--dump") || !lstrcmpW(words[i], L"--close"))
            return remote_control(words[i], NULL);
        if (!lstrcmpW(words[i], L"--type") && next)
            return remote_control(words[i], next);
        if (!lstrcmpW(words[i], L"--say") && next)
            first_say = first_say ? first_say : i;
        else if (!lstrcmpW(words[i], L"--autoclose") && next)
            autoclose = next;
        else if (!lstrcmpW(words[i], L"--place") && next)
            place = next;
        else if (i == 1 && words[i][0] != '-' && words[i][0])
        {
            chat_clean(chat_self.nick, ARRAYSIZE(chat_self.nick), words[i]);
            continue;
        }
        else
        {
            MessageBoxW(NULL, chat_usage, L"LAN chat", MB_ICONINFORMATION);
            return 2;
        }
        i++;
    }
    if (!start_window(instance, place))
        return 1;
    ShowWindow(chat_window, show);
    SetFocus(GetDlgItem(chat_window, ID_INPUT));
    if (autoclose)
        SetTimer(chat_window, ID_TIMER_END, start_number(&autoclose) * 1000, NULL);
    for (int i = first_say; first_say && i + 1 < count; i += 2)
        if (!lstrcmpW(words[i], L"--say"))
            chat_input(words[i + 1]);
    return start_loop();
}
