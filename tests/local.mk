# SPDX-License-Identifier: LGPL-2.1-or-later
# `make check`: cmocka tests of the Unix side. Tests with Wine and networks: tests/run (see there).

UNIT_QUEUE = tests/unit/test_queue tests/unit/test_queue_ring tests/unit/test_queue_process \
	tests/unit/test_queue_step tests/unit/test_queue_hostile
UNIT_NET = tests/unit/test_nbt_codepage tests/unit/test_nbt_dedupe tests/unit/test_nbt_interfaces \
	tests/unit/test_nbt_name tests/unit/test_nbt_transaction tests/unit/test_nbt_tshark \
	tests/unit/test_net_bad_inputs tests/unit/test_net_send

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_QUEUE) $(UNIT_NET) tests/unit/queue_peer
TESTS += $(UNIT_QUEUE) $(UNIT_NET)
endif

AM_TESTS_ENVIRONMENT = srcdir=$(abs_srcdir); export srcdir; \
	QUEUE_PEER=$(abs_builddir)/tests/unit/queue_peer; export QUEUE_PEER; \
	QUEUE_PEER32=$(abs_builddir)/tests/unit/queue_peer32; export QUEUE_PEER32;

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
tests_unit_test_nbt_tshark_CFLAGS = $(UNITFLAGS)
tests_unit_test_nbt_tshark_LDADD = $(NET_TEST_LIBS)
tests_unit_test_net_bad_inputs_SOURCES = tests/unit/test_net_bad_inputs.c tests/unit/nbt_vectors.h
tests_unit_test_net_bad_inputs_CFLAGS = $(UNITFLAGS)
tests_unit_test_net_bad_inputs_LDADD = $(NET_TEST_LIBS)
tests_unit_test_net_send_CFLAGS = $(UNITFLAGS)
tests_unit_test_net_send_LDADD = $(NET_TEST_LIBS)

# The 32-bit half of the exchange between bitnesses: libc only, so no 32-bit cmocka is needed.
tests/unit/queue_peer32: tests/unit/queue_peer.c tests/unit/queue_support.h $(MAILSLOT_C)
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) -m32 -std=gnu11 $(WARNING_FLAGS) -O2 -D_GNU_SOURCE \
		-I$(srcdir)/server-bridge -I$(srcdir)/tests/unit -o $@ \
		$(srcdir)/tests/unit/queue_peer.c \
		$(addprefix $(srcdir)/,$(filter server-bridge/queue/%,$(MAILSLOT_C))) -lpthread

if HAVE_CMOCKA
check-local: tests/unit/queue_peer32
$(TESTS): tests/unit/queue_peer32
endif
CLEANFILES += tests/unit/queue_peer32

EXTRA_DIST += tests/data/golden.txt tests/data/bad_inputs.txt \
	tests/matrix/chroot.sh tests/matrix/run.sh tests/matrix/README.md
