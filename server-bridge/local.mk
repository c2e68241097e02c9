# SPDX-License-Identifier: LGPL-2.1-or-later
# The Unix side: queue, control, client (which Wine's library compiles, too), net, daemon, tools.

# Sources that also go into winemailslot.so, in both bitnesses.
MAILSLOT_C = \
	server-bridge/queue/queue.c server-bridge/queue/operation.c server-bridge/queue/push.c \
	server-bridge/queue/pop.c server-bridge/queue/pages.c server-bridge/queue/map.c \
	server-bridge/queue/lock.c server-bridge/queue/wake.c \
	server-bridge/control/packet.c server-bridge/control/address.c server-bridge/control/lease.c \
	server-bridge/client/connection.c server-bridge/client/slot.c \
	server-bridge/client/message.c server-bridge/client/send.c server-bridge/client/start.c \
	server-bridge/client/strerror.c
MAILSLOT_H = \
	server-bridge/queue/queue.h server-bridge/queue/operation.h server-bridge/queue/pages.h \
	server-bridge/queue/map.h \
	server-bridge/queue/lock.h server-bridge/queue/layout.h server-bridge/queue/wake.h \
	server-bridge/control/packet.h server-bridge/control/protocol.h \
	server-bridge/control/address.h server-bridge/control/lease.h \
	server-bridge/client/mailslot.h server-bridge/client/connection.h \
	server-bridge/client/slot.h server-bridge/client/start.h

noinst_LIBRARIES += server-bridge/libmailslot.a server-bridge/libnet.a server-bridge/libdaemon.a

server_bridge_libmailslot_a_SOURCES = $(MAILSLOT_C) $(MAILSLOT_H) server-bridge/client/monitor.c

server_bridge_libnet_a_SOURCES = \
	server-bridge/net/net.c server-bridge/net/net.h \
	server-bridge/net/transport.c server-bridge/net/transport.h \
	server-bridge/net/netbios/codepage.c server-bridge/net/netbios/codepage.h \
	server-bridge/net/netbios/datagram.c server-bridge/net/netbios/datagram.h \
	server-bridge/net/netbios/dedupe.c server-bridge/net/netbios/dedupe.h \
	server-bridge/net/netbios/interfaces.c server-bridge/net/netbios/interfaces.h \
	server-bridge/net/netbios/interfaces_explain.c \
	server-bridge/net/netbios/name.c server-bridge/net/netbios/name.h \
	server-bridge/net/netbios/netbios.c server-bridge/net/netbios/netbios.h \
	server-bridge/net/policy.c server-bridge/net/policy.h \
	server-bridge/net/denial_log.c server-bridge/net/denial_log.h \
	server-bridge/net/source_rate.c server-bridge/net/source_rate.h \
	server-bridge/net/netbios/answer.c server-bridge/net/netbios/answer.h \
	server-bridge/net/netbios/cache.c server-bridge/net/netbios/cache.h \
	server-bridge/net/netbios/claim.c server-bridge/net/netbios/claim.h \
	server-bridge/net/netbios/claim_state.h server-bridge/net/netbios/claim_wins.h \
	server-bridge/net/netbios/claim_messages.c server-bridge/net/netbios/claim_wins.c \
	server-bridge/net/netbios/dns.c server-bridge/net/netbios/dns.h \
	server-bridge/net/netbios/lan.c server-bridge/net/netbios/lan.h \
	server-bridge/net/netbios/lan_port.c server-bridge/net/netbios/lan_port.h \
	server-bridge/net/netbios/outbox.c server-bridge/net/netbios/outbox.h \
	server-bridge/net/netbios/name_service.c server-bridge/net/netbios/node.h \
	server-bridge/net/netbios/ns_link.c server-bridge/net/netbios/ns_link.h \
	server-bridge/net/netbios/ns_message.c server-bridge/net/netbios/ns_message.h \
	server-bridge/net/netbios/peers.c server-bridge/net/netbios/peers.h \
	server-bridge/net/netbios/query.c server-bridge/net/netbios/query.h \
	server-bridge/net/netbios/query_answer.c server-bridge/net/netbios/query_answer.h \
	server-bridge/net/netbios/address_cache.c server-bridge/net/netbios/address_cache.h \
	server-bridge/net/netbios/receive.c server-bridge/net/netbios/send.c \
	server-bridge/net/netbios/state.h \
	server-bridge/net/netbios/unexpected.c server-bridge/net/netbios/unexpected.h \
	server-bridge/net/netbios/own.c server-bridge/net/netbios/own.h \
	server-bridge/net/netbios/resolve.c server-bridge/net/netbios/resolve.h \
	server-bridge/net/netbios/socket.c server-bridge/net/netbios/socket.h \
	server-bridge/net/netbios/transaction.c server-bridge/net/netbios/transaction.h

server_bridge_libdaemon_a_SOURCES = \
	server-bridge/daemon/access.c server-bridge/daemon/access.h \
	server-bridge/daemon/keep.c server-bridge/daemon/keep.h \
	server-bridge/daemon/keeper.c server-bridge/daemon/keeper.h \
	server-bridge/daemon/config.c server-bridge/daemon/config.h \
	server-bridge/daemon/config_file.c \
	server-bridge/daemon/deliver.c server-bridge/daemon/deliver.h \
	server-bridge/daemon/fold.c server-bridge/daemon/fold.h \
	server-bridge/daemon/host.c server-bridge/daemon/host.h \
	server-bridge/daemon/monitor.c server-bridge/daemon/monitor.h \
	server-bridge/daemon/network.c server-bridge/daemon/network.h \
	server-bridge/daemon/log.c server-bridge/daemon/log.h \
	server-bridge/daemon/reload.c server-bridge/daemon/reload.h \
	server-bridge/daemon/smbconf.c server-bridge/daemon/smbconf.h \
	server-bridge/daemon/listen.c server-bridge/daemon/listen.h \
	server-bridge/daemon/peer.c server-bridge/daemon/peer.h \
	server-bridge/daemon/lease.c server-bridge/daemon/registry_parts.h \
	server-bridge/daemon/registry.c server-bridge/daemon/registry.h \
	server-bridge/daemon/user.c server-bridge/daemon/user.h \
	server-bridge/daemon/request.c \
	server-bridge/daemon/status.c server-bridge/daemon/status.h

DAEMON_LIBS = server-bridge/libdaemon.a server-bridge/libnet.a server-bridge/libmailslot.a \
	$(SYSTEMD_LIBS) $(JANSSON_LIBS) $(INIH_LIBS)

bin_PROGRAMS += server-bridge/mailslotd server-bridge/mailslotctl

server_bridge_mailslotd_SOURCES = server-bridge/daemon/main.c \
	server-bridge/daemon/main_activation.c server-bridge/daemon/main_activation.h \
	server-bridge/daemon/main_autostart.c server-bridge/daemon/main_autostart.h \
	server-bridge/daemon/main_notify.c server-bridge/daemon/main_notify.h \
	server-bridge/daemon/main_options.c server-bridge/daemon/main_options.h
server_bridge_mailslotd_LDADD = $(DAEMON_LIBS)

server_bridge_mailslotctl_SOURCES = \
	server-bridge/tools/main.c server-bridge/tools/ctl.h \
	server-bridge/tools/configuration.c server-bridge/tools/exchange.c \
	server-bridge/tools/monitor.c server-bridge/tools/name.c server-bridge/tools/name.h \
	server-bridge/tools/output.c server-bridge/tools/output.h server-bridge/tools/status.c
server_bridge_mailslotctl_LDADD = $(DAEMON_LIBS)

# --- libmailslot for other programs --------------------------------------------------------------
# One object whose only global names are those of mailslot.h: a program may have a queue_push() of
# its own. Static, as the protocol between library and daemon is not frozen yet.
server-bridge/installed/libmailslot.a: server-bridge/libmailslot.a
	$(AM_V_AR)$(MKDIR_P) $(@D) && rm -f $@ && \
		$(CC) $(CFLAGS) -r -nostdlib -o $(@D)/libmailslot.o \
			-Wl,--whole-archive server-bridge/libmailslot.a -Wl,--no-whole-archive && \
		$(OBJCOPY) --wildcard --keep-global-symbol='mailslot_*' $(@D)/libmailslot.o && \
		$(AR) $(ARFLAGS) $@ $(@D)/libmailslot.o && $(RANLIB) $@
libmailslot.pc: packaging/libmailslot.pc.in Makefile
	$(AM_V_GEN)sed -e 's|@prefix[@]|$(prefix)|' -e 's|@libdir[@]|$(libdir)|' \
		-e 's|@includedir[@]|$(includedir)|' -e 's|@bindir[@]|$(bindir)|' \
		-e 's|@PACKAGE_VERSION[@]|$(PACKAGE_VERSION)|' $(srcdir)/packaging/libmailslot.pc.in > $@
completions/mailslotctl: packaging/mailslotctl.bash-completion
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp $(srcdir)/packaging/mailslotctl.bash-completion $@

OBJCOPY = objcopy
mailslotlibdir = $(libdir)
mailslotlib_DATA = server-bridge/installed/libmailslot.a
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = libmailslot.pc
include_HEADERS = server-bridge/client/mailslot.h
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = completions/mailslotctl
examplesdir = $(docdir)/examples
dist_examples_DATA = docs/examples/counter.c docs/examples/README
EXTRA_DIST += packaging/libmailslot.pc.in packaging/mailslotctl.bash-completion
CLEANFILES += server-bridge/installed/libmailslot.a server-bridge/installed/libmailslot.o \
	libmailslot.pc completions/mailslotctl
