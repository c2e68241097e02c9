# SPDX-License-Identifier: LGPL-2.1-or-later
# Windows test executables (NAME_test.exe), the benchmark and the demo programs, both architectures.

# What is no test: the benchmarks, the demo, and examples that are of use by themselves.
WINETEST_OTHERS = bench bench_net demo_client demo_server trace_exercise \
	browse_list browse_request netlogon_responder
WINETEST_TESTS = $(filter-out $(WINETEST_OTHERS), \
	$(notdir $(basename $(wildcard $(srcdir)/winetest/*.c))))
WINETESTFLAGS = -std=gnu11 $(WARNING_FLAGS) -O2 $(PE_PREFIX_MAP) -I$(srcdir)/winetest \
	$(CROSSCFLAGS) $(CROSSLDFLAGS)

winetest/x86_64/%_test.exe: winetest/%.c $(wildcard $(srcdir)/winetest/*.h)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_x86_64)-gcc $(WINETESTFLAGS) -o $@ $<
winetest/i386/%_test.exe: winetest/%.c $(wildcard $(srcdir)/winetest/*.h)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_i386)-gcc $(WINETESTFLAGS) -o $@ $<
winetest/x86_64/%.exe: winetest/%.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_x86_64)-gcc $(WINETESTFLAGS) -o $@ $<
winetest/i386/%.exe: winetest/%.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_i386)-gcc $(WINETESTFLAGS) -o $@ $<

# The graphical demo: a program of three files, without a console.
CHAT_C = winetest/demo-chat/chat.c winetest/demo-chat/lan.c winetest/demo-chat/text.c
CHAT_ALL = $(CHAT_C) winetest/demo-chat/chat.h
CHATFLAGS = $(WINETESTFLAGS) -municode -mwindows
winetest/x86_64/chat.exe: $(CHAT_ALL)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_x86_64)-gcc $(CHATFLAGS) -o $@ \
		$(addprefix $(srcdir)/,$(CHAT_C))
winetest/i386/chat.exe: $(CHAT_ALL)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_i386)-gcc $(CHATFLAGS) -o $@ \
		$(addprefix $(srcdir)/,$(CHAT_C))

BUILT_WINDOWS += winetest/x86_64/chat.exe winetest/i386/chat.exe
BUILT_WINDOWS += $(foreach arch,x86_64 i386, \
	$(addprefix winetest/$(arch)/,$(addsuffix _test.exe,$(WINETEST_TESTS)) \
		$(addsuffix .exe,$(WINETEST_OTHERS))))

EXTRA_DIST += $(wildcard $(srcdir)/winetest/*.c) $(wildcard $(srcdir)/winetest/*.h) \
	winetest/README.md $(CHAT_ALL) winetest/demo-chat/README.md
