/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bounds-checked view of a PE image that the loader has mapped */
#pragma once

#include <windows.h>

struct pe_image
{
    unsigned char *base;
    ULONG size; /* bytes mapped, as the loader says */
    ULONG headers_size;
    const IMAGE_SECTION_HEADER *sections;
    ULONG section_count;
    const IMAGE_DATA_DIRECTORY *directories;
    ULONG directory_count;
};

enum
{
    PE_IMAGE_STRANGE = 1, /* headers are not those of a plain image of this architecture */
};

/*
 * Fills *ret_image from the module at base; size in bytes is what the loader mapped. Copies
 * nothing: the image must outlive *ret_image. Returns 0 or PE_IMAGE_STRANGE. Any thread.
 * Source: Microsoft PE/COFF specification, "Optional Header", "Section Table".
 */
int pe_image_open(struct pe_image *ret_image, void *base, ULONG size)
    __attribute__((warn_unused_result));

/*
 * Returns the address of the bytes [rva, rva + length), or NULL unless all of them lie in the
 * headers or in one readable section. The section's characteristics go to *ret_characteristics
 * if that is not NULL (0 for the headers). Any thread.
 */
void *pe_image_at(const struct pe_image *image, ULONG rva, ULONG length,
                  ULONG *ret_characteristics);

/*
 * Returns how many bytes from rva to the end of its section (or the headers) may be read; 0 if
 * none. Any thread.
 */
ULONG pe_image_extent(const struct pe_image *image, ULONG rva);

/* Returns data directory number index, or NULL if it is absent or empty. Any thread. */
const IMAGE_DATA_DIRECTORY *pe_image_directory(const struct pe_image *image, ULONG index);
