"""
The kernel's search among source ranges: a new connection to a frontend with thousands of them takes no longer than to one
with a few. Packets are sent from outside the ranges: they are dropped, and leave no connection behind. What counts is the
CPU time of the call that sends, in which a veth delivers, as a ratio of two medians.
"""
import ipaddress
import socket
import statistics
import struct
import time
import unittest

import driver
import lab

SOURCES = "sources:10.244.0.0/16"
CLIENT4, CLIENT6 = "192.168.0.1", "fd00:0::1"
IPV6_HDRINCL = 36
PACKETS, ROUNDS = 500, 9


def packet(client, to):
    text = struct.pack("!HHHH", 4000, 80, 8, 0)
    ends = ipaddress.ip_address(client).packed + ipaddress.ip_address(to).packed
    if len(ends) == 8:
        return struct.pack("!BBHHHBBH", 0x45, 0, 28, 1, 0, 64, socket.IPPROTO_UDP, 0) + ends + text
    return struct.pack("!IHBB", 6 << 28, 8, socket.IPPROTO_UDP, 64) + ends + text


class Search(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.client = self.lab.host(self.node, "client", CLIENT4, CLIENT6)

    def send(self, client, to):
        """CPU nanoseconds of a packet, the median of some rounds."""
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        with self.client.inside():
            sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        took = []
        with sock:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
            for _ in range(ROUNDS):
                start = time.thread_time_ns()
                for _ in range(PACKETS):
                    sock.sendto(packet(client, to), (to, 0))
                took.append((time.thread_time_ns() - start) / PACKETS)
        return statistics.median(took)

    def ratio(self, client, addresses, ranges):
        few, many = addresses
        lines = []
        for address in addresses:
            lines += [f"dispatch {address} udp 80 by-source", f"restricted {address} udp 80",
                      f"source-ranges {address} udp 80 reject"]
        lines += [f"allowed-sources {few} udp 80 {ranges[0]}", *(f"allowed-sources {many} udp 80 {r}" for r in ranges)]
        with driver.Driver(self.node, SOURCES) as d:
            d.elements(*lines)
            d("load")
            self.node.sysctl("net.netfilter.nf_conntrack_checksum", 0)  # conntrack is there now
            one = self.send(client, few)
            return self.send(client, many) / one

    def test_ipv4(self):
        ranges = [f"10.{i >> 8}.{i & 255}.0/25" for i in range(4000)]
        self.assertLess(self.ratio(CLIENT4, ("192.0.2.1", "192.0.2.2"), ranges), 4)

    def test_ipv6(self):
        """All in one /96: what is compared first does not tell them apart."""
        ranges = [f"2001:db8::{i:x}:0/112" for i in range(1, 3001)]
        self.assertLess(self.ratio(CLIENT6, ("fd00:203::1", "fd00:203::2"), ranges), 6)


if __name__ == "__main__":
    unittest.main()
