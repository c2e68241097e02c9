/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hook.h - a jump over the first bytes of a function, and a copy of them to call on through */
#pragma once

#include "winetest.h"

#define HOOK_MOVED 32 /* most bytes that are moved */

struct hook
{
    BYTE *target;   /* the function, NULL: no hook is set */
    void *original; /* to call the function without the hook */
    BYTE saved[HOOK_MOVED];
    unsigned int length; /* of the jump */
};

/* The first bytes in hexadecimal; valid until the next call. */
static inline const char *hook_bytes(const BYTE *code)
{
    static char text[3 * 16 + 1];

    for (int i = 0; i < 16; i++)
        sprintf(text + 3 * i, "%02x ", code[i]);
    return text;
}

/* "rm" stands for any register with [esp + n] or [rsp + n], n being one byte. */
static inline bool hook_begins(const BYTE *code, const char *bytes)
{
    unsigned int value;

    for (; *bytes; bytes += 3, code++)
    {
        if (!strncmp(bytes, " rm", 3))
        {
            if ((*code & 0xc7) != 0x44)
                return false;
        }
        else if (sscanf(bytes, " %2x", &value) != 1 || *code != value)
            return false;
    }
    return true;
}

/*
 * Instructions that functions begin with and that may stand elsewhere unchanged, with their
 * lengths. A jump through a slot (ff 25) may, too, in 32 bit; in 64 bit it is made anew.
 */
static const struct
{
    const char *bytes;
    unsigned int length;
} hook_movable[] = {
#ifdef _WIN64
    {" 4c 8b d1", 3},    /* mov r10, rcx */
    {" 49 89 ca", 3},    /* the same */
    {" f6 04 25", 8},    /* test byte [absolute], n */
    {" 48 83 ec", 4},    /* sub rsp, n */
    {" 48 81 ec", 7},    /* sub rsp, n */
    {" 48 8d a4 24", 8}, /* lea rsp, [rsp + n] */
    {" 48 8d 6c 24", 5}, /* lea rbp, [rsp + n] */
    {" 48 8d ac 24", 8}, /* lea rbp, [rsp + n] */
    {" 48 89 e5", 3},    /* mov rbp, rsp */
    {" 48 8b ec", 3},    /* mov rbp, rsp */
    {" 48 8b c4", 3},    /* mov rax, rsp */
    {" 48 89 rm 24", 5}, /* mov [rsp + n], register */
    {" 4c 89 rm 24", 5}, /* mov [rsp + n], register */
    {" 44 89 rm 24", 5}, /* mov [rsp + n], register */
    {" 89 rm 24", 4},    /* mov [rsp + n], register */
    {" 0f 29 rm 24", 5}, /* movaps [rsp + n], xmm */
    {" f3 0f 1e fa", 4}, /* endbr64 */
    {" 40 53", 2},       /* push rbx */
    {" 41 50", 2},       {" 41 51", 2}, {" 41 52", 2}, {" 41 53", 2}, {" 41 54", 2},
    {" 41 55", 2},       {" 41 56", 2}, {" 41 57", 2}, /* push r8 to r15 */
#else
    {" 8b ff", 2},       /* mov edi, edi */
    {" 8b ec", 2},       /* mov ebp, esp */
    {" 89 e5", 2},       /* mov ebp, esp */
    {" 83 ec", 3},       /* sub esp, n */
    {" 81 ec", 6},       /* sub esp, n */
    {" 8d 4c 24", 4},    /* lea ecx, [esp + n] */
    {" 83 e4", 3},       /* and esp, n */
    {" ba", 5},          /* mov edx, n */
    {" 31 c0", 2},       /* xor eax, eax */
    {" 6a", 2},          /* push n */
    {" 68", 5},          /* push n */
    {" 8b 44 24", 4},    /* mov eax, [esp + n] */
    {" f3 0f 1e fb", 4}, /* endbr32 */
    {" 8b 9c 24", 7},    /* mov ebx, [esp + n] */
    {" 8b 5c 24", 4},    /* mov ebx, [esp + n] */
    {" ff 25", 6},       /* jmp [absolute] */
#endif
    {" b8", 5},                                                                   /* mov eax, n */
    {" 53", 1},          {" 55", 1},    {" 56", 1},    {" 57", 1},    {" 90", 1}, /* push, nop */
};

/* The length of an instruction that can be moved, or 0. */
static inline unsigned int hook_instruction(const BYTE *code)
{
    for (unsigned int i = 0; i < ARRAYSIZE(hook_movable); i++)
    {
        if (hook_begins(code, hook_movable[i].bytes))
            return hook_movable[i].length;
    }
    return 0;
}

/* Writes an absolute jump; returns its length. */
static inline unsigned int hook_jump(BYTE *at, const void *to)
{
#ifdef _WIN64
    /* jmp [rip + 0], address */
    memcpy(at, "\xff\x25\0\0\0\0", 6);
    memcpy(at + 6, &to, 8);
    return 14;
#else
    DWORD distance = (DWORD)to - (DWORD)at - 5;

    at[0] = 0xe9;
    memcpy(at + 1, &distance, 4);
    return 5;
#endif
}

/* Memory to execute that a jump of 5 bytes can reach. */
static inline BYTE *hook_near(const BYTE *target, SIZE_T size)
{
    BYTE *memory;

    for (ULONG_PTR distance = 0x10000; distance < 0x40000000; distance += 0x10000)
    {
        ULONG_PTR at = ((ULONG_PTR)target & ~(ULONG_PTR)0xffff) + distance;

        memory = VirtualAlloc((void *)at, size, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
        if (memory)
            return memory;
    }
    return NULL;
}

static inline void hook_write(BYTE *target, const void *bytes, unsigned int length)
{
    DWORD old;

    VirtualProtect(target, length, PAGE_EXECUTE_READWRITE, &old);
    memcpy(target, bytes, length);
    VirtualProtect(target, length, old, &old);
    FlushInstructionCache(GetCurrentProcess(), target, length);
}

/* Copies whole instructions of at least length bytes; returns where the copy ends, or NULL. */
static inline BYTE *hook_move(BYTE *copy, const BYTE *target, unsigned int length)
{
    unsigned int moved = 0, size;

    while (moved < length)
    {
#ifdef _WIN64
        /* jmp [rip + n] ends the way: the same through r11, which no call hands anything over in.
         */
        if (hook_begins(target + moved, " ff 25"))
        {
            int offset;
            const BYTE *slot;

            memcpy(&offset, target + moved + 2, 4);
            slot = target + moved + 6 + offset;
            /* What the jump covers is gone: then there is nothing to jump through. */
            if (slot >= target && slot < target + length)
                return NULL;
            memcpy(copy, "\x49\xbb", 2);
            memcpy(copy + 2, &slot, 8);
            memcpy(copy + 10, "\x41\xff\x23", 3);
            return copy + 13;
        }
#endif
        size = hook_instruction(target + moved);
        if (!size || moved + size > HOOK_MOVED)
            return NULL;
        memcpy(copy, target + moved, size);
        copy += size;
        moved += size;
    }
    return copy + hook_jump(copy, target + moved);
}

/*
 * Puts a jump of 5 or 14 bytes to mine over the function's first bytes. False: they cannot be
 * moved, nothing is changed.
 */
static inline bool hook_set(struct hook *hook, void *target, void *mine, unsigned int length)
{
    BYTE *memory = hook_near(target, 4096), jump[14];

    memset(hook, 0, sizeof(*hook));
    if (!memory || !hook_move(memory + 64, target, length))
        return false;
    if (length == 5)
    {
        DWORD distance = (DWORD)(memory - (BYTE *)target - 5);

        jump[0] = 0xe9;
        memcpy(jump + 1, &distance, 4);
        hook_jump(memory, mine);
    }
    else
        hook_jump(jump, mine);
    hook->target = target;
    hook->original = memory + 64;
    hook->length = length;
    memcpy(hook->saved, target, length);
    FlushInstructionCache(GetCurrentProcess(), memory, 4096);
    hook_write(target, jump, length);
    return true;
}

/* The function as it was; the memory stays, as a thread may be in it. */
static inline void hook_remove(struct hook *hook)
{
    if (hook->target)
        hook_write(hook->target, hook->saved, hook->length);
    hook->target = NULL;
}
