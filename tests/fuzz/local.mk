# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzz targets, see tests/fuzz/README.md. `make check` runs each over its corpus, with any compiler;
# configure --with-fuzzer makes the fuzzers themselves, too.
FUZZ_REPLAY = tests/fuzz/replay_datagram tests/fuzz/replay_name tests/fuzz/replay_transaction \
	tests/fuzz/replay_ns_message tests/fuzz/replay_control tests/fuzz/replay_queue \
	tests/fuzz/replay_config
check_PROGRAMS += $(FUZZ_REPLAY)
TESTS += $(FUZZ_REPLAY)

FUZZ_REPLAY_C = tests/fuzz/replay.c tests/fuzz/target.h
FUZZ_CONTROL_C = tests/fuzz/fuzz_control.c tests/fuzz/guard.c tests/fuzz/guard.h
FUZZ_QUEUE_C = tests/fuzz/fuzz_queue.c tests/fuzz/guard.c tests/fuzz/guard.h

tests_fuzz_replay_datagram_SOURCES = tests/fuzz/fuzz_datagram.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_name_SOURCES = tests/fuzz/fuzz_name.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_transaction_SOURCES = tests/fuzz/fuzz_transaction.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_ns_message_SOURCES = tests/fuzz/fuzz_ns_message.c $(FUZZ_REPLAY_C)
tests_fuzz_replay_control_SOURCES = $(FUZZ_CONTROL_C) $(FUZZ_REPLAY_C)
tests_fuzz_replay_queue_SOURCES = $(FUZZ_QUEUE_C) $(FUZZ_REPLAY_C)
tests_fuzz_replay_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_REPLAY_C)

if FUZZER
FUZZERS = tests/fuzz/fuzz_datagram tests/fuzz/fuzz_name tests/fuzz/fuzz_transaction \
	tests/fuzz/fuzz_ns_message tests/fuzz/fuzz_control tests/fuzz/fuzz_queue \
	tests/fuzz/fuzz_config
noinst_PROGRAMS = $(FUZZERS)
fuzzers: $(FUZZERS) $(FUZZ_REPLAY)

FUZZLDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_control_SOURCES = $(FUZZ_CONTROL_C)
tests_fuzz_fuzz_queue_SOURCES = $(FUZZ_QUEUE_C)
tests_fuzz_fuzz_datagram_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_name_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_transaction_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_ns_message_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_control_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_queue_LDFLAGS = $(FUZZLDFLAGS)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZLDFLAGS)
endif

.PHONY: fuzzers

EXTRA_DIST += tests/fuzz/README.md $(wildcard $(srcdir)/tests/fuzz/corpus/*/*)
