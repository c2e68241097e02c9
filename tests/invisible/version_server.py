#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mailslotd of another version: answers every request with CONTROL_VERSION_MISMATCH.

usage: version_server.py SOCKET; server-bridge/control/protocol.h documents the header
"""
import socket
import struct
import sys
import threading

HEADER = struct.Struct("=IHHIi")
VERSION_MISMATCH = 10


def serve(connection):
    while packet := connection.recv(65536):
        magic, version, kind, serial, _ = HEADER.unpack_from(packet)
        connection.send(HEADER.pack(magic, version + 1, kind, serial, VERSION_MISMATCH))


listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
listener.listen()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
