# SPDX-License-Identifier: LGPL-2.1-or-later
# `make check`: cmocka tests of the Unix side. Tests with Wine and networks: tests/run (see there).

UNIT_QUEUE = tests/unit/test_queue tests/unit/test_queue_ring tests/unit/test_queue_process \
	tests/unit/test_queue_step tests/unit/test_queue_hostile
UNIT_NET = tests/unit/test_nbt_codepage tests/unit/test_nbt_dedupe tests/unit/test_nbt_interfaces \
	tests/unit/test_nbt_name tests/unit/test_nbt_transaction tests/unit/test_nbt_tshark \
	tests/unit/test_net_bad_inputs tests/unit/test_net_ways tests/unit/test_net_send tests/unit/test_ns_message tests/unit/test_ns_hostile \
	tests/unit/test_ns_tshark tests/unit/test_own tests/unit/test_claim tests/unit/test_claim_wins tests/unit/test_answer \
	tests/unit/test_query tests/unit/test_query_wins tests/unit/test_query_again \
	tests/unit/test_cache tests/unit/test_dns tests/unit/test_unexpected \
	tests/unit/test_lan tests/unit/test_lan_nmbd tests/unit/test_nbt_socket tests/unit/test_policy \
	tests/unit/test_resolve
UNIT_DAEMON = tests/unit/test_packet tests/unit/test_fold tests/unit/test_config \
	tests/unit/test_config_sources \
	tests/unit/test_registry tests/unit/test_client tests/unit/test_daemon \
	tests/unit/test_daemon_remote tests/unit/test_smbconf tests/unit/test_listen \
	tests/unit/test_reload tests/unit/test_log tests/unit/test_access tests/unit/test_users \
	tests/unit/test_users_hostile tests/unit/test_address \
	tests/fault/test_fault_restart tests/fault/test_fault_clients tests/fault/test_fault_fds

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_QUEUE) $(UNIT_NET) $(UNIT_DAEMON) tests/unit/queue_peer
TESTS += $(UNIT_QUEUE) $(UNIT_NET) $(UNIT_DAEMON)
endif

AM_TESTS_ENVIRONMENT = srcdir=$(abs_srcdir); export srcdir; \
	QUEUE_PEER=$(abs_builddir)/tests/unit/queue_peer; export QUEUE_PEER; \
	QUEUE_PEER32=$(abs_builddir)/tests/unit/queue_peer32; export QUEUE_PEER32; \
	MAILSLOTD=$(abs_builddir)/server-bridge/mailslotd; export MAILSLOTD;

UNITFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
UNIT_LIBS = $(CMOCKA_LIBS) -lpthread

tests_unit_queue_peer_SOURCES = tests/unit/queue_peer.c tests/unit/queue_support.h
tests_unit_queue_peer_LDADD = server-bridge/libmailslot.a
tests_unit_test_queue_SOURCES = tests/unit/test_queue.c tests/unit/queue_support.h
tests_unit_test_queue_CFLAGS = $(UNITFLAGS)
tests_unit_test_queue_LDADD = server-bridge/libmailslot.a $(UNIT_LIBS)
tests_unit_test_queue_ring_SOURCES = tests/unit/test_queue_ring.c tests/unit/queue_support.h
tests_unit_test_queue_ring_CFLAGS = $(UNITFLAGS)
tests_unit_test_queue_ring_LDADD = server-bridge/libmailslot.a $(UNIT_LIBS)
tests_unit_test_queue_process_SOURCES = tests/unit/test_queue_process.c tests/unit/queue_support.h
tests_unit_test_queue_process_CFLAGS = $(UNITFLAGS)
tests_unit_test_queue_process_LDADD = server-bridge/libmailslot.a $(UNIT_LIBS)
tests_unit_test_queue_step_SOURCES = tests/unit/test_queue_step.c tests/unit/queue_support.h
tests_unit_test_queue_step_CFLAGS = $(UNITFLAGS)
tests_unit_test_queue_step_LDADD = server-bridge/libmailslot.a $(UNIT_LIBS)
tests_unit_test_queue_hostile_SOURCES = tests/unit/test_queue_hostile.c tests/unit/queue_support.h
tests_unit_test_queue_hostile_CFLAGS = $(UNITFLAGS)
tests_unit_test_queue_hostile_LDADD = server-bridge/libmailslot.a $(UNIT_LIBS)

NET_TEST_LIBS = server-bridge/libnet.a $(SYSTEMD_LIBS) $(UNIT_LIBS)
tests_unit_test_nbt_codepage_CFLAGS = $(UNITFLAGS)
tests_unit_test_nbt_codepage_LDADD = $(NET_TEST_LIBS)
tests_unit_test_nbt_dedupe_CFLAGS = $(UNITFLAGS)
tests_unit_test_nbt_dedupe_LDADD = $(NET_TEST_LIBS)
tests_unit_test_nbt_interfaces_CFLAGS = $(UNITFLAGS)
tests_unit_test_nbt_interfaces_LDADD = $(NET_TEST_LIBS)
tests_unit_test_nbt_name_SOURCES = tests/unit/test_nbt_name.c tests/unit/nbt_vectors.h
tests_unit_test_nbt_name_CFLAGS = $(UNITFLAGS)
tests_unit_test_nbt_name_LDADD = $(NET_TEST_LIBS)
tests_unit_test_nbt_transaction_SOURCES = tests/unit/test_nbt_transaction.c tests/unit/nbt_vectors.h
tests_unit_test_nbt_transaction_CFLAGS = $(UNITFLAGS)
tests_unit_test_nbt_transaction_LDADD = $(NET_TEST_LIBS)
tests_unit_test_nbt_tshark_SOURCES = tests/unit/test_nbt_tshark.c tests/unit/tshark_support.h
tests_unit_test_nbt_tshark_CFLAGS = $(UNITFLAGS)
tests_unit_test_nbt_tshark_LDADD = $(NET_TEST_LIBS)
tests_unit_test_net_bad_inputs_SOURCES = tests/unit/test_net_bad_inputs.c tests/unit/nbt_vectors.h
tests_unit_test_net_bad_inputs_CFLAGS = $(UNITFLAGS)
tests_unit_test_net_bad_inputs_LDADD = $(NET_TEST_LIBS)
tests_unit_test_net_ways_CFLAGS = $(UNITFLAGS)
tests_unit_test_net_ways_LDADD = $(NET_TEST_LIBS)
tests_unit_test_net_send_CFLAGS = $(UNITFLAGS)
tests_unit_test_net_send_LDADD = $(NET_TEST_LIBS)
tests_unit_test_resolve_CFLAGS = $(UNITFLAGS)
tests_unit_test_resolve_LDADD = $(NET_TEST_LIBS)
tests_unit_test_ns_message_SOURCES = tests/unit/test_ns_message.c tests/unit/nbt_vectors.h \
	tests/unit/ns_vectors.h
tests_unit_test_ns_hostile_SOURCES = tests/unit/test_ns_hostile.c tests/unit/nbt_vectors.h \
	tests/unit/ns_vectors.h
tests_unit_test_ns_hostile_CFLAGS = $(UNITFLAGS)
tests_unit_test_ns_hostile_LDADD = $(NET_TEST_LIBS)
tests_unit_test_ns_message_CFLAGS = $(UNITFLAGS)
tests_unit_test_ns_message_LDADD = $(NET_TEST_LIBS)
tests_unit_test_ns_tshark_SOURCES = tests/unit/test_ns_tshark.c tests/unit/tshark_support.h
tests_unit_test_ns_tshark_CFLAGS = $(UNITFLAGS)
tests_unit_test_ns_tshark_LDADD = $(NET_TEST_LIBS)
tests_unit_test_own_CFLAGS = $(UNITFLAGS)
tests_unit_test_own_LDADD = $(NET_TEST_LIBS)
tests_unit_test_claim_SOURCES = tests/unit/test_claim.c tests/unit/claim_support.h
tests_unit_test_claim_wins_SOURCES = tests/unit/test_claim_wins.c tests/unit/claim_support.h
tests_unit_test_claim_wins_CFLAGS = $(UNITFLAGS)
tests_unit_test_claim_wins_LDADD = $(NET_TEST_LIBS)
tests_unit_test_claim_CFLAGS = $(UNITFLAGS)
tests_unit_test_claim_LDADD = $(NET_TEST_LIBS)
tests_unit_test_answer_CFLAGS = $(UNITFLAGS)
tests_unit_test_answer_LDADD = $(NET_TEST_LIBS)
tests_unit_test_query_SOURCES = tests/unit/test_query.c tests/unit/query_support.h
tests_unit_test_query_wins_SOURCES = tests/unit/test_query_wins.c tests/unit/query_support.h
tests_unit_test_query_wins_CFLAGS = $(UNITFLAGS)
tests_unit_test_query_wins_LDADD = $(NET_TEST_LIBS)
tests_unit_test_query_again_SOURCES = tests/unit/test_query_again.c tests/unit/query_support.h
tests_unit_test_query_again_CFLAGS = $(UNITFLAGS)
tests_unit_test_query_again_LDADD = $(NET_TEST_LIBS)
tests_unit_test_query_CFLAGS = $(UNITFLAGS)
tests_unit_test_query_LDADD = $(NET_TEST_LIBS)
tests_unit_test_cache_CFLAGS = $(UNITFLAGS)
tests_unit_test_cache_LDADD = $(NET_TEST_LIBS)
tests_unit_test_dns_CFLAGS = $(UNITFLAGS)
tests_unit_test_dns_LDADD = $(NET_TEST_LIBS)
tests_unit_test_unexpected_CFLAGS = $(UNITFLAGS)
tests_unit_test_unexpected_LDADD = $(NET_TEST_LIBS)
tests_unit_test_lan_SOURCES = tests/unit/test_lan.c tests/unit/lan_support.h
tests_unit_test_lan_nmbd_SOURCES = tests/unit/test_lan_nmbd.c tests/unit/lan_support.h
tests_unit_test_lan_nmbd_CFLAGS = $(UNITFLAGS)
tests_unit_test_lan_nmbd_LDADD = $(NET_TEST_LIBS)
tests_unit_test_lan_CFLAGS = $(UNITFLAGS)
tests_unit_test_lan_LDADD = $(NET_TEST_LIBS)
tests_unit_test_nbt_socket_CFLAGS = $(UNITFLAGS)
tests_unit_test_nbt_socket_LDADD = $(NET_TEST_LIBS)
tests_unit_test_policy_CFLAGS = $(UNITFLAGS)
tests_unit_test_policy_LDADD = $(NET_TEST_LIBS)

# Against a real mailslotd ($MAILSLOTD), or parts of it
DAEMON_TEST_LIBS = $(DAEMON_LIBS) $(UNIT_LIBS)
tests_unit_test_packet_SOURCES = tests/unit/test_packet.c tests/unit/daemon_support.h
tests_unit_test_packet_CFLAGS = $(UNITFLAGS)
tests_unit_test_packet_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_fold_SOURCES = tests/unit/test_fold.c
tests_unit_test_fold_CFLAGS = $(UNITFLAGS)
tests_unit_test_fold_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_config_SOURCES = tests/unit/test_config.c tests/unit/config_support.h \
	tests/unit/daemon_support.h
tests_unit_test_config_sources_SOURCES = tests/unit/test_config_sources.c \
	tests/unit/config_support.h tests/unit/daemon_support.h
tests_unit_test_config_sources_CFLAGS = $(UNITFLAGS)
tests_unit_test_config_sources_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_config_CFLAGS = $(UNITFLAGS)
tests_unit_test_config_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_registry_SOURCES = tests/unit/test_registry.c tests/unit/daemon_support.h
tests_unit_test_registry_CFLAGS = $(UNITFLAGS)
tests_unit_test_registry_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_client_SOURCES = tests/unit/test_client.c tests/unit/daemon_support.h
tests_unit_test_client_CFLAGS = $(UNITFLAGS)
tests_unit_test_client_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_daemon_SOURCES = tests/unit/test_daemon.c tests/unit/daemon_support.h
tests_unit_test_daemon_CFLAGS = $(UNITFLAGS)
tests_unit_test_daemon_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_smbconf_SOURCES = tests/unit/test_smbconf.c tests/unit/daemon_support.h
tests_unit_test_smbconf_CFLAGS = $(UNITFLAGS)
tests_unit_test_smbconf_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_listen_SOURCES = tests/unit/test_listen.c tests/unit/daemon_support.h
tests_unit_test_listen_CFLAGS = $(UNITFLAGS)
tests_unit_test_listen_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_reload_SOURCES = tests/unit/test_reload.c tests/unit/daemon_support.h
tests_unit_test_reload_CFLAGS = $(UNITFLAGS)
tests_unit_test_reload_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c tests/unit/daemon_support.h
tests_unit_test_log_CFLAGS = $(UNITFLAGS)
tests_unit_test_log_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_access_SOURCES = tests/unit/test_access.c tests/unit/users_support.h \
	tests/unit/daemon_support.h
tests_unit_test_access_CFLAGS = $(UNITFLAGS)
tests_unit_test_access_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_users_SOURCES = tests/unit/test_users.c tests/unit/users_support.h \
	tests/unit/daemon_support.h
tests_unit_test_users_CFLAGS = $(UNITFLAGS)
tests_unit_test_users_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_users_hostile_SOURCES = tests/unit/test_users_hostile.c tests/unit/users_support.h \
	tests/unit/daemon_support.h
tests_unit_test_users_hostile_CFLAGS = $(UNITFLAGS)
tests_unit_test_users_hostile_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_address_SOURCES = tests/unit/test_address.c tests/unit/users_support.h \
	tests/unit/daemon_support.h
tests_unit_test_address_CFLAGS = $(UNITFLAGS)
tests_unit_test_address_LDADD = $(DAEMON_TEST_LIBS)
tests_unit_test_daemon_remote_SOURCES = tests/unit/test_daemon_remote.c tests/unit/daemon_support.h
tests_unit_test_daemon_remote_CFLAGS = $(UNITFLAGS)
tests_unit_test_daemon_remote_LDADD = $(DAEMON_TEST_LIBS)
tests_fault_test_fault_restart_SOURCES = tests/fault/test_fault_restart.c tests/unit/daemon_support.h
tests_fault_test_fault_restart_CFLAGS = $(UNITFLAGS)
tests_fault_test_fault_restart_LDADD = $(DAEMON_TEST_LIBS)
tests_fault_test_fault_clients_SOURCES = tests/fault/test_fault_clients.c tests/unit/daemon_support.h
tests_fault_test_fault_clients_CFLAGS = $(UNITFLAGS)
tests_fault_test_fault_clients_LDADD = $(DAEMON_TEST_LIBS)
tests_fault_test_fault_fds_SOURCES = tests/fault/test_fault_fds.c tests/unit/daemon_support.h
tests_fault_test_fault_fds_CFLAGS = $(UNITFLAGS)
tests_fault_test_fault_fds_LDADD = $(DAEMON_TEST_LIBS)

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
EXTRA_PROGRAMS += tests/bench/udp_pair
tests_bench_udp_pair_SOURCES = tests/bench/udp_pair.c
tests_bench_udp_pair_LDADD = server-bridge/libnet.a
CLEANFILES += tests/bench/udp_pair

EXTRA_DIST += tests/data/golden.txt tests/data/bad_inputs.txt \
	tests/unit/test_unixcalls_layout.c tests/unit/registry_support.h \
	tests/matrix/chroot.sh tests/matrix/run.sh tests/matrix/README.md \
	tests/run tests/bench/bench.sh tests/bench/net.py packaging/deps.sh docs/conformance.md \
	$(wildcard $(srcdir)/tests/host/*.py) $(wildcard $(srcdir)/tests/wine/*.sh) \
	$(addprefix $(srcdir)/tests/invisible/,run battery.sh probe.c hammer.c version_server.py) \
	$(addprefix $(srcdir)/tests/conformance/,make-table.py rows.txt)
