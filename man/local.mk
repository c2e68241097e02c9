# SPDX-License-Identifier: LGPL-2.1-or-later
# The man pages, as they are: nothing is generated. And what tries the documentation out.
dist_man_MANS = man/mailslotctl.1 man/wine-mailslot.1 man/libmailslot.3 man/mailslotd.conf.5 \
	man/mailslot.7 man/mailslotd.8

EXTRA_DIST += NEWS CONTRIBUTING.md SECURITY.md \
	$(addprefix $(srcdir)/tests/docs/,run commands.py pages.py sandbox.py commands.list chat.c)
