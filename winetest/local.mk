# SPDX-License-Identifier: LGPL-2.1-or-later
# Windows test executables (NAME_test.exe), the benchmark and the demo programs, both architectures.

WINETEST_TESTS = $(notdir $(basename $(filter-out %/bench.c %/demo_client.c %/demo_server.c, \
	$(wildcard $(srcdir)/winetest/*.c))))
WINETEST_OTHERS = bench demo_client demo_server
WINETESTFLAGS = -std=gnu11 $(WARNING_FLAGS) -O2 -I$(srcdir)/winetest

winetest/x86_64/%_test.exe: winetest/%.c $(wildcard $(srcdir)/winetest/*.h)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_x86_64)-gcc $(WINETESTFLAGS) -o $@ $<
winetest/i386/%_test.exe: winetest/%.c $(wildcard $(srcdir)/winetest/*.h)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_i386)-gcc $(WINETESTFLAGS) -o $@ $<
winetest/x86_64/%.exe: winetest/%.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_x86_64)-gcc $(WINETESTFLAGS) -o $@ $<
winetest/i386/%.exe: winetest/%.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(MINGW_i386)-gcc $(WINETESTFLAGS) -o $@ $<

BUILT_WINDOWS += $(foreach arch,x86_64 i386, \
	$(addprefix winetest/$(arch)/,$(addsuffix _test.exe,$(WINETEST_TESTS)) \
		$(addsuffix .exe,$(WINETEST_OTHERS))))

EXTRA_DIST += $(wildcard $(srcdir)/winetest/*.c) $(wildcard $(srcdir)/winetest/*.h) \
	winetest/README.md
