"""
Just enough SCTP (RFC 9260) to see where a new association is sent: an INIT, answered by an INIT ACK. Written by hand on
raw sockets, since many kernels have no SCTP sockets while their connection tracking and NAT know the protocol.
"""
import json
import os
import socket
import struct
import time

PROTOCOL = 132
INIT, INIT_ACK = 1, 2
COOKIE = 7  # parameter type: state cookie; ours carries the server's line


def _table():
    out = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        out.append(n)
    return out


_TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def packet(sport, dport, tag, chunk):
    head = struct.pack("!HHI", sport, dport, tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk


def _init_chunk(kind, tag, cookie=b""):
    parameter = b""
    if cookie:
        parameter = struct.pack("!HH", COOKIE, 4 + len(cookie)) + cookie + bytes(-len(cookie) % 4)
    body = struct.pack("!IIHHI", tag, 65536, 1, 1, 1) + parameter
    return struct.pack("!BBH", kind, 0, 4 + len(body)) + body


def _payload(sock, data):
    """Raw IPv4 sockets hand out the IP header too, IPv6 ones do not."""
    return data[(data[0] & 15) * 4:] if sock.family == socket.AF_INET else data


def answer(sock, name, port):
    """Server side: reads one packet; an INIT for our port gets its INIT ACK."""
    data, peer = sock.recvfrom(65536)
    packet_in = _payload(sock, data)
    sport, dport = struct.unpack_from("!HH", packet_in)
    if dport != port or packet_in[12] != INIT:
        return
    tag = struct.unpack_from("!I", packet_in, 16)[0]
    line = json.dumps({"server": name, "client": peer[0], "client_port": sport, "local": "", "local_port": dport})
    sock.sendto(packet(dport, sport, tag, _init_chunk(INIT_ACK, 1, line.encode())), (peer[0], 0))


def init(sock, dst, port, limit_s):
    """Client side: sends an INIT, returns (the server's line, b""). Raises what a connect would raise."""
    sock.connect((dst, 0))
    sport = 20000 + int.from_bytes(os.urandom(2), "big") % 20000
    tag = int.from_bytes(os.urandom(4), "big") or 1
    request = packet(sport, port, 0, _init_chunk(INIT, tag))
    end = time.monotonic() + limit_s
    while True:
        try:
            sock.send(request)
        except PermissionError:
            pass  # dropped on the way out; a refusal follows as ICMP
        line = _wait_ack(sock, sport, port, tag, min(end, time.monotonic() + 1))
        if line:
            return line, b""
        if time.monotonic() >= end:
            raise TimeoutError("no INIT ACK")


def _wait_ack(sock, sport, port, tag, end):
    while time.monotonic() < end:
        sock.settimeout(max(0.01, end - time.monotonic()))
        try:
            data = _payload(sock, sock.recv(65536))
        except TimeoutError:
            return None
        if struct.unpack_from("!HHI", data) == (port, sport, tag) and data[12] == INIT_ACK:
            size = struct.unpack_from("!H", data, 34)[0]
            return json.loads(data[36:32 + size])
    return None
