# SPDX-License-Identifier: LGPL-2.1-or-later
# `make check`: cmocka tests of the Unix side. Tests with Wine and networks: tests/run (see there).

UNIT_QUEUE = tests/unit/test_queue tests/unit/test_queue_pages tests/unit/test_queue_process \
	tests/unit/test_queue_wake \
	tests/unit/test_queue_step tests/unit/test_queue_hostile
UNIT_NET = tests/unit/test_nbt_codepage tests/unit/test_nbt_dedupe tests/unit/test_nbt_interfaces \
	tests/unit/test_nbt_name tests/unit/test_nbt_transaction tests/unit/test_nbt_tshark \
	tests/unit/test_net_bad_inputs tests/unit/test_net_ways tests/unit/test_net_send \
	tests/unit/test_net_receive tests/unit/test_net_denied \
	tests/unit/test_ns_message tests/unit/test_ns_hostile tests/unit/test_ns_tshark \
	tests/unit/test_own tests/unit/test_claim tests/unit/test_claim_wins tests/unit/test_claim_multihomed tests/unit/test_answer \
	tests/unit/test_query tests/unit/test_query_wins tests/unit/test_query_again \
	tests/unit/test_cache tests/unit/test_dns tests/unit/test_unexpected \
	tests/unit/test_unexpected_end \
	tests/unit/test_lan tests/unit/test_lan_nmbd tests/unit/test_outbox tests/unit/test_nbt_socket \
	tests/unit/test_policy tests/unit/test_policy_rate tests/unit/test_denial_log \
	tests/unit/test_resolve
UNIT_DAEMON = tests/unit/test_packet tests/unit/test_fold tests/unit/test_config \
	tests/unit/test_config_sources \
	tests/unit/test_registry tests/unit/test_client tests/unit/test_daemon \
	tests/unit/test_daemon_remote tests/unit/test_smbconf tests/unit/test_listen \
	tests/unit/test_reload tests/unit/test_log tests/unit/test_access tests/unit/test_users \
	tests/unit/test_users_hostile tests/unit/test_users_traps tests/unit/test_users_share tests/unit/test_address \
	tests/fault/test_fault_restart tests/fault/test_fault_clients tests/fault/test_fault_fds \
	tests/fault/test_fault_storm

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_QUEUE) $(UNIT_NET) $(UNIT_DAEMON) tests/unit/queue_peer
TESTS += $(UNIT_QUEUE) $(UNIT_NET) $(UNIT_DAEMON)
endif

AM_TESTS_ENVIRONMENT = srcdir=$(abs_srcdir); export srcdir; \
	QUEUE_PEER=$(abs_builddir)/tests/unit/queue_peer; export QUEUE_PEER; \
	QUEUE_PEER32=$(abs_builddir)/tests/unit/queue_peer32; export QUEUE_PEER32; \
	MAILSLOTD=$(abs_builddir)/server-bridge/mailslotd; export MAILSLOTD;

# A program is one file of its name, and links with all of the Unix side (LDADD in Makefile.am).
tests_unit_queue_peer_LDADD = server-bridge/libmailslot.a

# The unix-call structs have one layout in both bitnesses. The list of fields comes from the header,
# which may hold nothing else than fixed-width integers and arrays of them.
tests/unit/unixcalls_layout.inc: dll/unixlib/unixcalls.h tests/local.mk
	$(AM_V_GEN)$(MKDIR_P) $(@D) && awk ' \
		/^struct [a-z_]+/ { name = $$2; print "SIZE(" name ")"; next } \
		/^};/ { name = ""; next } \
		name && /^    u?int[0-9]+_t [a-z_]+(\[[A-Z_0-9]+\])?;/ { \
			field = $$2; sub(/[[;].*/, "", field); print "FIELD(" name ", " field ")"; next } \
		name && /;/ { print FILENAME ": struct " name ": " $$0 > "/dev/stderr"; exit 1 } \
		' $(srcdir)/dll/unixlib/unixcalls.h > $@.tmp && mv $@.tmp $@
tests/unit/unixcalls_layout64 tests/unit/unixcalls_layout32: tests/unit/unixcalls_layout.inc \
		tests/unit/test_unixcalls_layout.c dll/unixlib/unixcalls.h
	$(AM_V_CCLD)$(CC) -m$(subst tests/unit/unixcalls_layout,,$@) -std=gnu11 $(WARNING_FLAGS) \
		-I$(srcdir)/dll -Itests/unit -o $@ $(srcdir)/tests/unit/test_unixcalls_layout.c
unixcalls-layout-check: tests/unit/unixcalls_layout64 tests/unit/unixcalls_layout32
	$(AM_V_at)tests/unit/unixcalls_layout64 > tests/unit/unixcalls_layout64.txt
	$(AM_V_at)tests/unit/unixcalls_layout32 > tests/unit/unixcalls_layout32.txt
	$(AM_V_at)grep -q '^unix_attach ' tests/unit/unixcalls_layout64.txt
	$(AM_V_at)cmp tests/unit/unixcalls_layout64.txt tests/unit/unixcalls_layout32.txt
	@echo "PASS: unixcalls layout, 64 and 32 bit"
.PHONY: unixcalls-layout-check
CLEANFILES += tests/unit/unixcalls_layout.inc tests/unit/unixcalls_layout.inc.tmp \
	tests/unit/unixcalls_layout64 tests/unit/unixcalls_layout64.txt \
	tests/unit/unixcalls_layout32 tests/unit/unixcalls_layout32.txt

# The 32-bit half of the exchange between bitnesses: libc only, so no 32-bit cmocka is needed.
tests/unit/queue_peer32: tests/unit/queue_peer.c tests/unit/queue_support.h $(MAILSLOT_C)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) -m32 -std=gnu11 $(WARNING_FLAGS) -O2 -D_GNU_SOURCE \
		-I$(srcdir)/server-bridge -I$(srcdir)/tests/unit -o $@ \
		$(srcdir)/tests/unit/queue_peer.c \
		$(addprefix $(srcdir)/,$(filter server-bridge/queue/%,$(MAILSLOT_C))) -lpthread

if HAVE_CMOCKA
check-local: unixcalls-layout-check tests/unit/queue_peer32
$(TESTS): tests/unit/queue_peer32
else
check-local: unixcalls-layout-check
endif
CLEANFILES += tests/unit/queue_peer32

# The other end of `make bench`'s network cases
EXTRA_PROGRAMS += tests/bench/udp_pair tests/bench/queue
tests_bench_udp_pair_LDADD = server-bridge/libnet.a
tests_bench_queue_LDADD = server-bridge/libmailslot.a -lpthread
CLEANFILES += tests/bench/udp_pair tests/bench/queue

EXTRA_DIST += tests/data/golden.txt tests/data/bad_inputs.txt \
	tests/unit/test_unixcalls_layout.c $(wildcard $(srcdir)/tests/unit/*.h) \
	tests/matrix/chroot.sh tests/matrix/run.sh tests/matrix/chat.py tests/matrix/README.md \
	tests/run tests/bench/bench.sh tests/bench/net.py packaging/deps.sh docs/conformance.md \
	$(wildcard $(srcdir)/tests/host/*.py) $(wildcard $(srcdir)/tests/wine/*.sh) \
	$(wildcard $(srcdir)/tests/wine/lib/*.sh) $(srcdir)/tests/wine/known_dlls.c \
	$(addprefix $(srcdir)/tests/invisible/,run battery.sh probe.c hammer.c version_server.py \
		wine_tests.py wine_tests_make.py) \
	$(addprefix $(srcdir)/tests/conformance/,make-table.py rows.txt)
