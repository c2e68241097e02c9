# SPDX-License-Identifier: LGPL-2.1-or-later
# The Windows programs that the script wine-mailslot runs in a prefix; they lie beside our libraries.

SESSION_NAMES = wine-mailslot-session wine-mailslot-probe
SESSIONFLAGS = -std=gnu11 $(WARNING_FLAGS) -O2 -s -municode $(PE_PREFIX_MAP) \
	-Wl,--no-insert-timestamp $(CROSSCFLAGS) $(CROSSLDFLAGS)

dll/%-windows/wine-mailslot-session.exe: dll/session/session.c dll/session/local.mk
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_$*)-gcc $(SESSIONFLAGS) $(PE_HARDENING_$*) -o $@ \
		$(srcdir)/dll/session/session.c -lntdll
dll/%-windows/wine-mailslot-probe.exe: dll/session/probe.c dll/session/local.mk
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_$*)-gcc $(filter-out -municode,$(SESSIONFLAGS)) \
		$(PE_HARDENING_$*) -o $@ $(srcdir)/dll/session/probe.c

SESSION_x86_64 = $(SESSION_NAMES:%=dll/x86_64-windows/%.exe)
SESSION_i386 = $(SESSION_NAMES:%=dll/i386-windows/%.exe)
EXTRA_DIST += dll/session/session.c dll/session/probe.c
BUILT_WINDOWS += $(SESSION_x86_64) $(SESSION_i386)

if WINDOWS
session64dir = $(pkglibdir)/x86_64-windows
session64_DATA = $(SESSION_x86_64)
session32dir = $(pkglibdir)/i386-windows
session32_DATA = $(SESSION_i386)

# After everything else: the folders are shared with our libraries.
uninstall-hook:
	-rmdir "$(DESTDIR)$(session64dir)" "$(DESTDIR)$(session32dir)" "$(DESTDIR)$(pkglibdir)" 2>/dev/null
endif
