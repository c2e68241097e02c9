/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.h - what programs do with a module's image by hand: walk its exports, copy its code */
#pragma once

#include "winetest.h"

static inline IMAGE_NT_HEADERS *image_headers(HMODULE module)
{
    return (void *)((char *)module + ((IMAGE_DOS_HEADER *)module)->e_lfanew);
}

/* Whether an address lies in the image of a module. */
static inline bool image_has(HMODULE module, const void *address)
{
    const char *base = (const char *)module, *at = address;

    return at >= base && at < base + image_headers(module)->OptionalHeader.SizeOfImage;
}

/* An export found as packers and protectors do it: by its name in the export directory. */
static inline void *image_export(HMODULE module, const char *name)
{
    IMAGE_DATA_DIRECTORY *directory =
        &image_headers(module)->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT];
    char *base = (char *)module;
    IMAGE_EXPORT_DIRECTORY *exports = (void *)(base + directory->VirtualAddress);
    const DWORD *names = (void *)(base + exports->AddressOfNames);
    const DWORD *functions = (void *)(base + exports->AddressOfFunctions);
    const WORD *ordinals = (void *)(base + exports->AddressOfNameOrdinals);

    for (DWORD i = 0; i < exports->NumberOfNames; i++)
    {
        if (!strcmp(base + names[i], name))
            return base + functions[ordinals[i]];
    }
    return NULL;
}

/* Copies code into new memory that may be executed; room more bytes are free behind it. */
static inline void *image_copy(const void *code, SIZE_T size, SIZE_T room)
{
    void *copy = VirtualAlloc(NULL, size + room, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);

    if (!copy)
        return NULL;
    memcpy(copy, code, size);
    FlushInstructionCache(GetCurrentProcess(), copy, size + room);
    return copy;
}
