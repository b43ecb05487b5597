#!/usr/bin/env python3
"""Prints the addresses that c-ares finds for a name, as /etc/resolv.conf says: IPv4, then IPv6. Exit code 1: none."""
import ctypes
import select
import socket
import sys

LIBRARY = "libcares.so.2"  # nghttpx brings it
SOCKETS = 16


class Host(ctypes.Structure):
    """struct hostent"""
    _fields_ = [("name", ctypes.c_char_p), ("aliases", ctypes.c_void_p), ("family", ctypes.c_int), ("bytes", ctypes.c_int),
                ("addresses", ctypes.POINTER(ctypes.c_void_p))]


def resolve(lib, channel, name, family):
    found = []

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.POINTER(Host))
    def done(_arg, _status, _timeouts, host):
        at = 0
        while host and host.contents.addresses[at]:
            raw = ctypes.string_at(host.contents.addresses[at], host.contents.bytes)
            found.append(socket.inet_ntop(host.contents.family, raw))
            at += 1

    lib.ares_gethostbyname(channel, name.encode(), family, done, None)
    sockets = (ctypes.c_int * SOCKETS)()
    while wanted := lib.ares_getsock(channel, sockets, SOCKETS):
        reads = [sockets[i] for i in range(SOCKETS) if wanted >> i & 1]
        writes = [sockets[i] for i in range(SOCKETS) if wanted >> (i + SOCKETS) & 1]
        readable, writable, _ = select.select(reads, writes, [], 0.5)
        for fd in readable or writable or [-1]:  # -1: only looks at time-outs
            lib.ares_process_fd(channel, fd if fd in readable else -1, fd if fd in writable else -1)
    return found


def main():
    lib, channel = ctypes.CDLL(LIBRARY), ctypes.c_void_p()
    lib.ares_library_init(1)
    lib.ares_gethostbyname.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    lib.ares_getsock.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    lib.ares_process_fd.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    if lib.ares_init(ctypes.byref(channel)) != 0:
        sys.exit("c-ares cannot start")
    found = [a for family in (socket.AF_INET, socket.AF_INET6) for a in resolve(lib, channel, sys.argv[1], family)]
    print("\n".join(found))
    sys.exit(not found)


if __name__ == "__main__":
    main()
