# SPDX-License-Identifier: LGPL-2.1-or-later
# What `make install` puts beside programs and libraries: the system service,
# firewall files, the winetricks verb.

# Read there by the firewalls only if the prefix is /usr; else they are copied by hand.
ufwdir = $(sysconfdir)/ufw/applications.d
dist_ufw_DATA = packaging/firewall/ufw/mailslotd
firewallddir = $(prefix)/lib/firewalld/services
dist_firewalld_DATA = packaging/firewall/firewalld/mailslot.xml
dist_pkgdata_DATA = packaging/winetricks/mailslot.verb

# The system service. Debian's packages name another folder for the units.
systemdsystemunitdir = $(prefix)/lib/systemd/system
systemdsystemunit_DATA = systemd/mailslotd.service systemd/mailslotd.socket
sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = systemd/sysusers/mailslotd.conf
systemd/mailslotd.%: packaging/systemd/mailslotd.%.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed 's|@bindir[@]|$(bindir)|' $< > $@
systemd/mailslotd.socket: packaging/systemd/mailslotd.socket
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp $< $@
systemd/sysusers/mailslotd.conf: packaging/systemd/mailslotd.sysusers
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp $< $@
EXTRA_DIST += packaging/systemd/mailslotd.service.in packaging/systemd/mailslotd.socket \
	packaging/systemd/mailslotd.sysusers packaging/systemd/README.md
CLEANFILES += $(systemdsystemunit_DATA) $(sysusers_DATA)

# Directories whole: automake's dist has no wildcard for them.
EXTRA_DIST += packaging/tarball.sh packaging/tarball/setup.sh packaging/tarball/README \
	$(addprefix $(srcdir)/packaging/debian/,changelog control copyright rules README.source \
		source/format tests/control tests/winetest tests/library) \
	$(wildcard $(srcdir)/packaging/debian/mailslotd.*) \
	$(wildcard $(srcdir)/packaging/debian/wine-mailslot.*) \
	$(wildcard $(srcdir)/packaging/debian/libmailslot-dev.*) \
	$(addprefix $(srcdir)/tests/package/,run chroot.sh build smoke service tarball)
