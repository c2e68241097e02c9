# SPDX-License-Identifier: LGPL-2.1-or-later
# The Windows side: kernel32.dll, winemailslot.dll and its Unix library, for both architectures.
# The stem % is Wine's name of the architecture: x86_64 or i386.

MINGW_x86_64 = x86_64-w64-mingw32
MINGW_i386 = i686-w64-mingw32
UNIX_BITS_x86_64 = -m64
UNIX_BITS_i386 = -m32

# CFLAGS and the like are for the Unix compiler, and mingw knows only some of what they may hold: these
# two, named as in Wine, are for what a builder wants to add for Windows.
CROSSCFLAGS =
CROSSLDFLAGS =
# No path of the building machine goes into a Windows file.
PE_PREFIX_MAP = -ffile-prefix-map=$(abs_builddir)=. -ffile-prefix-map=$(srcdir)=.
PE_HARDENING = -Wl,--dynamicbase -Wl,--nxcompat
PE_HARDENING_x86_64 = $(PE_HARDENING) -Wl,--high-entropy-va
PE_HARDENING_i386 = $(PE_HARDENING)

# Neither C library nor stack protector exists here; the TEB is read through a segment register,
# which array-bounds takes for an access to address 0.
PECFLAGS = -std=gnu11 $(WARNING_FLAGS) -Wno-array-bounds -O2 -g0 -ffreestanding \
	-fno-stack-protector $(PE_PREFIX_MAP) -I$(srcdir)/dll -I$(srcdir)/server-bridge \
	-D_WIN32_WINNT=0x0601 $(CROSSCFLAGS)
PELINKFLAGS = -shared -s -nostdlib -Wl,--file-alignment,4096 -Wl,--no-insert-timestamp \
	-Wl,--enable-stdcall-fixup $(CROSSLDFLAGS)

KERNEL32_C = dll/kernel32/main.c dll/kernel32/mailslot.c dll/kernel32/file_type.c \
	dll/kernel32/exports.c dll/pe/export_table.c
KERNEL32_ALL = $(KERNEL32_C) dll/kernel32/exports_stubs.S dll/kernel32/kernel32.rc \
	dll/kernel32/exports.h dll/pe/export_table.h dll/kernel32/exports_stubs.h \
	dll/kernel32/kernel32w.def dll/kernel32/exports.txt dll/kernel32/make-def.sh \
	dll/kernel32/layer.h dll/kernel32/nt.h dll/kernel32/wine_kernel32.h
KERNEL32_ENTRY_x86_64 = DllMain
KERNEL32_ENTRY_i386 = _DllMain@12

LAYER_C = dll/pe/export_table.c dll/winemailslot/access.c dll/winemailslot/adopt.c dll/winemailslot/attach.c dll/winemailslot/attributes.c \
	dll/winemailslot/cancel.c dll/winemailslot/close.c dll/winemailslot/complete.c \
	dll/winemailslot/create.c dll/winemailslot/dispatch.c dll/winemailslot/ended.c dll/winemailslot/file.c dll/winemailslot/fsctl.c \
	dll/winemailslot/guard.c \
	dll/winemailslot/handles.c dll/winemailslot/info.c dll/winemailslot/message.c \
	dll/winemailslot/names.c dll/winemailslot/object.c dll/winemailslot/pending.c dll/winemailslot/reader.c \
	dll/winemailslot/security.c \
	dll/winemailslot/status.c dll/winemailslot/trace.c dll/winemailslot/underway.c \
	dll/winemailslot/unix.c dll/winemailslot/wait.c \
	dll/winemailslot/waiter.c
LAYER_ALL = $(LAYER_C) dll/winemailslot/dispatch.S dll/winemailslot/guard.S dll/winemailslot/guard.h dll/winemailslot/winemailslot.def dll/pe/export_table.h dll/winemailslot/access.h dll/winemailslot/adopt.h \
	dll/winemailslot/complete.h dll/winemailslot/create.h dll/winemailslot/dispatch.h dll/winemailslot/ended.h dll/winemailslot/file.h \
	dll/winemailslot/handles.h dll/winemailslot/layer.h dll/winemailslot/names.h \
	dll/winemailslot/nt.h dll/winemailslot/object.h dll/winemailslot/pending.h dll/winemailslot/reader.h \
	dll/winemailslot/security.h \
	dll/winemailslot/status.h dll/winemailslot/syscalls.h dll/winemailslot/trace.h dll/winemailslot/underway.h \
	dll/winemailslot/unix.h dll/winemailslot/waiter.h \
	dll/unixlib/unixcalls.h
LAYER_ENTRY_x86_64 = DllMainCRTStartup
LAYER_ENTRY_i386 = _DllMainCRTStartup@12

UNIXLIB_C = dll/unixlib/unixlib.c $(MAILSLOT_C)
# CPPFLAGS, CFLAGS and LDFLAGS are the builder's (hardening, say); what the library needs comes after
# them. Sanitizers (SANITIZER_FLAGS) stay out: Wine's loader has no room for their memory.
UNIXLIBFLAGS = $(CPPFLAGS) $(CFLAGS) -std=gnu11 $(WARNING_FLAGS) $(PREFIX_MAP) -fPIC \
	-fvisibility=hidden -D_GNU_SOURCE -I$(srcdir)/dll -I$(srcdir)/server-bridge \
	-DMAILSLOTD_PATH='"$(bindir)/mailslotd"'

EXTRA_DIST += $(KERNEL32_ALL) $(LAYER_ALL) dll/unixlib/unixlib.c \
	dll/kernel32/README dll/kernel32/refresh-exports.sh

dll/%-windows/kernel32.dll: $(KERNEL32_ALL)
	$(AM_V_GEN)$(MKDIR_P) $(@D) dll/$*-obj
	$(AM_V_at)$(MINGW_$*)-dlltool -d $(srcdir)/dll/kernel32/kernel32w.def \
		-l dll/$*-obj/libkernel32w.a
	$(AM_V_at)sh $(srcdir)/dll/kernel32/make-def.sh $* $(srcdir)/dll/kernel32/exports.txt \
		> dll/$*-obj/kernel32.def
	$(AM_V_at)sh $(srcdir)/dll/kernel32/make-def.sh stubs $(srcdir)/dll/kernel32/exports.txt \
		> dll/$*-obj/stubs.inc
	$(AM_V_at)$(MINGW_$*)-windres $(srcdir)/dll/kernel32/kernel32.rc dll/$*-obj/version.o
	$(AM_V_at)$(MINGW_$*)-gcc $(PECFLAGS) -DWIN32_NO_STATUS -D_KERNEL32_ $(PELINKFLAGS) \
		$(PE_HARDENING_$*) -Wl,-e,$(KERNEL32_ENTRY_$*) -o $@.tmp \
		-Wa,-I,dll/$*-obj $(addprefix $(srcdir)/,$(KERNEL32_C) dll/kernel32/exports_stubs.S) \
		dll/$*-obj/version.o dll/$*-obj/kernel32.def dll/$*-obj/libkernel32w.a -lntdll -lgcc
	$(AM_V_at)mv $@.tmp $@

# The mark makes it a builtin, which alone may have a Unix library; a later strip would remove it.
dll/%-windows/winemailslot.dll: $(LAYER_ALL)
	$(AM_V_GEN)$(MKDIR_P) $(@D)
	$(AM_V_at)$(MINGW_$*)-gcc $(PECFLAGS) $(PELINKFLAGS) $(PE_HARDENING_$*) \
		-Wl,-e,$(LAYER_ENTRY_$*) -o $@.tmp \
		$(addprefix $(srcdir)/,$(LAYER_C) dll/winemailslot/dispatch.S dll/winemailslot/guard.S) \
		$(srcdir)/dll/winemailslot/winemailslot.def -lntdll -lgcc
	$(AM_V_at)printf 'Wine builtin DLL\0' | dd of=$@.tmp bs=1 seek=64 conv=notrunc status=none
	$(AM_V_at)mv $@.tmp $@

dll/%-unix/winemailslot.so: $(UNIXLIB_C) $(MAILSLOT_H) dll/unixlib/unixcalls.h
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) $(UNIXLIBFLAGS) $(UNIX_BITS_$*) $(LDFLAGS) \
		-shared -Wl,-z,defs -o $@.tmp $(addprefix $(srcdir)/,$(UNIXLIB_C)) && mv $@.tmp $@

BUILT_DLLS = dll/x86_64-windows/kernel32.dll dll/x86_64-windows/winemailslot.dll \
	dll/x86_64-unix/winemailslot.so \
	dll/i386-windows/kernel32.dll dll/i386-windows/winemailslot.dll dll/i386-unix/winemailslot.so
BUILT_WINDOWS += $(BUILT_DLLS)

if WINDOWS
install-data-local: $(BUILT_DLLS)
	for file in $(BUILT_DLLS); do \
		dir=$(DESTDIR)$(pkglibdir)/$$(basename $$(dirname $$file)); \
		$(MKDIR_P) "$$dir" && $(INSTALL_DATA) "$$file" "$$dir/" || exit 1; \
	done

uninstall-local:
	for file in $(BUILT_DLLS); do \
		rm -f "$(DESTDIR)$(pkglibdir)/$${file#dll/}"; \
	done
	-for file in $(BUILT_DLLS); do \
		rmdir "$(DESTDIR)$(pkglibdir)/$$(basename $$(dirname $$file))" 2>/dev/null; \
	done; rmdir "$(DESTDIR)$(pkglibdir)" 2>/dev/null
endif
