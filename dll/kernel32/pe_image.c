/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bounds-checked view of a PE image that the loader has mapped
 *
 * Packers and copy protections write headers that the loader happens to accept. We only look for
 * import slots, so the rule is simple: what is not inside a section that can be read is not there.
 */
#include "kernel32/pe_image.h"

#ifdef __i386__
#define PE_IMAGE_MACHINE IMAGE_FILE_MACHINE_I386
#define PE_IMAGE_MAGIC   IMAGE_NT_OPTIONAL_HDR32_MAGIC
#else
#define PE_IMAGE_MACHINE IMAGE_FILE_MACHINE_AMD64
#define PE_IMAGE_MAGIC   IMAGE_NT_OPTIONAL_HDR64_MAGIC
#endif

int pe_image_open(struct pe_image *ret_image, void *base, ULONG size)
{
    const IMAGE_DOS_HEADER *dos = base;
    const ULONG page = 0x1000; /* the loader maps at least this much of the headers */
    ULONG nt_offset, limit, optional_size, count;

    if (!base || size < page || dos->e_magic != IMAGE_DOS_SIGNATURE || dos->e_lfanew < 0)
        return PE_IMAGE_STRANGE;
    nt_offset = dos->e_lfanew;
    if (nt_offset > page - sizeof(IMAGE_NT_HEADERS) || (nt_offset & 3))
        return PE_IMAGE_STRANGE;

    const IMAGE_NT_HEADERS *nt = (const void *)((unsigned char *)base + nt_offset);
    if (nt->Signature != IMAGE_NT_SIGNATURE || nt->FileHeader.Machine != PE_IMAGE_MACHINE ||
        nt->OptionalHeader.Magic != PE_IMAGE_MAGIC)
        return PE_IMAGE_STRANGE;
    optional_size = nt->FileHeader.SizeOfOptionalHeader;
    if (optional_size < FIELD_OFFSET(IMAGE_OPTIONAL_HEADER, DataDirectory))
        return PE_IMAGE_STRANGE;
    count = (optional_size - FIELD_OFFSET(IMAGE_OPTIONAL_HEADER, DataDirectory)) /
            sizeof(IMAGE_DATA_DIRECTORY);
    if (count > nt->OptionalHeader.NumberOfRvaAndSizes)
        count = nt->OptionalHeader.NumberOfRvaAndSizes;
    if (count > IMAGE_NUMBEROF_DIRECTORY_ENTRIES)
        count = IMAGE_NUMBEROF_DIRECTORY_ENTRIES;

    limit = nt->OptionalHeader.SizeOfHeaders;
    if (limit > size)
        limit = size;
    if (limit > page)
        limit = page; /* more is unusual and not surely mapped */
    ULONG sections_offset =
        nt_offset + FIELD_OFFSET(IMAGE_NT_HEADERS, OptionalHeader) + optional_size;
    ULONG sections_size = nt->FileHeader.NumberOfSections * sizeof(IMAGE_SECTION_HEADER);
    if (sections_offset > limit || sections_size > limit - sections_offset)
        return PE_IMAGE_STRANGE;

    *ret_image = (struct pe_image){
        .base = base,
        .size = size,
        .headers_size = limit,
        .sections = (const void *)((unsigned char *)base + sections_offset),
        .section_count = nt->FileHeader.NumberOfSections,
        .directories = nt->OptionalHeader.DataDirectory,
        .directory_count = count,
    };
    return 0;
}

/* The bytes that may be read at rva, and the characteristics of the section that holds them. */
static ULONG pe_image_find(const struct pe_image *image, ULONG rva, ULONG *ret_characteristics)
{
    if (rva < image->headers_size)
    {
        *ret_characteristics = 0;
        return image->headers_size - rva;
    }
    for (ULONG i = 0; i < image->section_count; i++)
    {
        const IMAGE_SECTION_HEADER *section = &image->sections[i];
        ULONG start = section->VirtualAddress;
        ULONG length = section->Misc.VirtualSize;

        if (!length)
            length = section->SizeOfRawData;
        if (start >= image->size || rva < start)
            continue;
        if (length > image->size - start)
            length = image->size - start;
        if (rva - start >= length)
            continue;
        if (!(section->Characteristics & IMAGE_SCN_MEM_READ))
            return 0;
        *ret_characteristics = section->Characteristics;
        return length - (rva - start);
    }
    return 0;
}

void *pe_image_at(const struct pe_image *image, ULONG rva, ULONG length, ULONG *ret_characteristics)
{
    ULONG characteristics;

    if (pe_image_find(image, rva, &characteristics) < length || !length)
        return NULL;
    if (ret_characteristics)
        *ret_characteristics = characteristics;
    return image->base + rva;
}

ULONG pe_image_extent(const struct pe_image *image, ULONG rva)
{
    ULONG characteristics;

    return pe_image_find(image, rva, &characteristics);
}

const IMAGE_DATA_DIRECTORY *pe_image_directory(const struct pe_image *image, ULONG index)
{
    if (index >= image->directory_count)
        return NULL;
    const IMAGE_DATA_DIRECTORY *directory = &image->directories[index];
    return directory->VirtualAddress && directory->Size ? directory : NULL;
}
