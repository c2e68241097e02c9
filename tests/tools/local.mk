# SPDX-License-Identifier: LGPL-2.1-or-later
# mailslotctl, its JSON, its completion, the installed library: scripts against a real mailslotd.

TOOLS_TESTS = tests/tools/verbs.sh tests/tools/golden.sh tests/tools/json.sh \
	tests/tools/completion.sh tests/tools/example.sh tests/tools/users.sh tests/tools/settings.sh
TESTS += $(TOOLS_TESTS)

if HAVE_CMOCKA
check_PROGRAMS += tests/tools/test_monitor
TESTS += tests/tools/test_monitor
endif

EXTRA_DIST += $(TOOLS_TESTS) tests/tools/support.sh tests/tools/documented.py \
	$(addprefix $(srcdir)/tests/tools/golden/,help.txt help-verbs.txt listen-hex.txt monitor.txt \
		names.txt no-daemon.txt peers.txt slots.txt stats.txt status.txt status-local.txt \
		status.json slots.json names.json peers.json stats.json send.json listen.json \
		monitor.json reload.json check-config.json check-config-bad.json)
