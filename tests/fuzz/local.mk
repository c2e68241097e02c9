# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzz targets, see tests/fuzz/README.md. `make check` runs each over its corpus, with any compiler;
# configure --with-fuzzer makes the fuzzers themselves, too.
FUZZ_REPLAY = tests/fuzz/replay_datagram tests/fuzz/replay_name tests/fuzz/replay_transaction \
	tests/fuzz/replay_ns_message tests/fuzz/replay_control tests/fuzz/replay_queue \
	tests/fuzz/replay_config
check_PROGRAMS += $(FUZZ_REPLAY)
TESTS += $(FUZZ_REPLAY)

FUZZFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
FUZZ_NET_LIBS = server-bridge/libnet.a $(SYSTEMD_LIBS)
FUZZ_REPLAY_C = tests/fuzz/replay.c tests/fuzz/target.h
FUZZ_CONTROL_C = tests/fuzz/fuzz_control.c tests/fuzz/guard.c tests/fuzz/guard.h
FUZZ_QUEUE_C = tests/fuzz/fuzz_queue.c tests/fuzz/guard.c tests/fuzz/guard.h

tests_fuzz_replay_datagram_SOURCES = tests/fuzz/fuzz_datagram.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_datagram_CFLAGS = $(FUZZFLAGS)
tests_fuzz_replay_datagram_LDADD = $(FUZZ_NET_LIBS)
tests_fuzz_replay_name_SOURCES = tests/fuzz/fuzz_name.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_name_CFLAGS = $(FUZZFLAGS)
tests_fuzz_replay_name_LDADD = $(FUZZ_NET_LIBS)
tests_fuzz_replay_transaction_SOURCES = tests/fuzz/fuzz_transaction.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_transaction_CFLAGS = $(FUZZFLAGS)
tests_fuzz_replay_transaction_LDADD = $(FUZZ_NET_LIBS)
tests_fuzz_replay_ns_message_SOURCES = tests/fuzz/fuzz_ns_message.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_ns_message_CFLAGS = $(FUZZFLAGS)
tests_fuzz_replay_ns_message_LDADD = $(FUZZ_NET_LIBS)
tests_fuzz_replay_control_SOURCES = $(FUZZ_CONTROL_C) $(FUZZ_REPLAY_C)
tests_fuzz_replay_control_CFLAGS = $(FUZZFLAGS)
tests_fuzz_replay_control_LDADD = $(DAEMON_LIBS)
tests_fuzz_replay_queue_SOURCES = $(FUZZ_QUEUE_C) $(FUZZ_REPLAY_C)
tests_fuzz_replay_queue_CFLAGS = $(FUZZFLAGS)
tests_fuzz_replay_queue_LDADD = server-bridge/libmailslot.a -lpthread
tests_fuzz_replay_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_config_CFLAGS = $(FUZZFLAGS)
tests_fuzz_replay_config_LDADD = $(DAEMON_LIBS)

if FUZZER
FUZZERS = tests/fuzz/fuzz_datagram tests/fuzz/fuzz_name tests/fuzz/fuzz_transaction \
	tests/fuzz/fuzz_ns_message tests/fuzz/fuzz_control tests/fuzz/fuzz_queue \
	tests/fuzz/fuzz_config
noinst_PROGRAMS = $(FUZZERS)
fuzzers: $(FUZZERS) $(FUZZ_REPLAY)

FUZZLDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_datagram_SOURCES = tests/fuzz/fuzz_datagram.c tests/fuzz/target.h
tests_fuzz_fuzz_datagram_CFLAGS = $(FUZZFLAGS)
tests_fuzz_fuzz_datagram_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_datagram_LDADD = $(FUZZ_NET_LIBS)
tests_fuzz_fuzz_name_SOURCES = tests/fuzz/fuzz_name.c tests/fuzz/target.h
tests_fuzz_fuzz_name_CFLAGS = $(FUZZFLAGS)
tests_fuzz_fuzz_name_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_name_LDADD = $(FUZZ_NET_LIBS)
tests_fuzz_fuzz_transaction_SOURCES = tests/fuzz/fuzz_transaction.c tests/fuzz/target.h
tests_fuzz_fuzz_transaction_CFLAGS = $(FUZZFLAGS)
tests_fuzz_fuzz_transaction_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_transaction_LDADD = $(FUZZ_NET_LIBS)
tests_fuzz_fuzz_ns_message_SOURCES = tests/fuzz/fuzz_ns_message.c tests/fuzz/target.h
tests_fuzz_fuzz_ns_message_CFLAGS = $(FUZZFLAGS)
tests_fuzz_fuzz_ns_message_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_ns_message_LDADD = $(FUZZ_NET_LIBS)
tests_fuzz_fuzz_control_SOURCES = $(FUZZ_CONTROL_C) tests/fuzz/target.h
tests_fuzz_fuzz_control_CFLAGS = $(FUZZFLAGS)
tests_fuzz_fuzz_control_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_control_LDADD = $(DAEMON_LIBS)
tests_fuzz_fuzz_queue_SOURCES = $(FUZZ_QUEUE_C) tests/fuzz/target.h
tests_fuzz_fuzz_queue_CFLAGS = $(FUZZFLAGS)
tests_fuzz_fuzz_queue_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_queue_LDADD = server-bridge/libmailslot.a -lpthread
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/target.h
tests_fuzz_fuzz_config_CFLAGS = $(FUZZFLAGS)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_config_LDADD = $(DAEMON_LIBS)
endif

.PHONY: fuzzers

EXTRA_DIST += tests/fuzz/README.md $(wildcard $(srcdir)/tests/fuzz/corpus/*/*)
