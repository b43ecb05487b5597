"""
Localhost node ports are the node's own: what a neighbour sends to 127.0.0.1 or [::1] stays unanswered, also on a node
where route_localnet was left on (CVE-2020-8558). The neighbour's stack would refuse to send such packets, so
they are made by hand; the same packets to the node's own address are answered.
"""
import ipaddress
import itertools
import json
import select
import socket
import struct
import time
import unittest

import lab
import manifests
import traffic

NODE_PORT = 30080
NODE, CLIENT = {4: "192.168.0.2", 6: "fd00:0::2"}, {4: "192.168.0.1", 6: "fd00:0::1"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
TYPES = {4: 0x0800, 6: 0x86dd}
PROTOCOLS = {"tcp": 6, "udp": 17}
SYN, RST = 2, 4


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def transport(proto, src, sport, dst):
    """A SYN or a datagram, with its checksum."""
    if proto == "tcp":
        body, at = struct.pack("!HHIIBBHHH", sport, NODE_PORT, 1, 0, 0x50, 2, 1000, 0, 0), 16
    else:
        body, at = struct.pack("!HHHH", sport, NODE_PORT, 9, 0) + b"?", 6
    pseudo = src.packed + dst.packed + struct.pack("!II", len(body), PROTOCOLS[proto])
    return body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]


def packet(proto, src, sport, dst):
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    body = transport(proto, src, sport, dst)
    if dst.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), PROTOCOLS[proto], 64) + src.packed + dst.packed + body
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, PROTOCOLS[proto], 0, src.packed, dst.packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def answers(frame, version, proto, sport):
    """Whether a frame comes from a listener on the node port."""
    at = 14 + (20 if version == 4 else 40)
    if struct.unpack_from("!H", frame, 12)[0] != TYPES[version] or len(frame) < at + 8:
        return False
    carried = frame[14 + 9] if version == 4 else frame[14 + 6]
    if carried != PROTOCOLS[proto] or frame[at:at + 4] != struct.pack("!HH", NODE_PORT, sport):
        return False
    return proto == "udp" or frame[at + 13] & (SYN | RST) == SYN


class Outside(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        pod = self.lab.pod(self.node, "a", "10.244.0.10", "fd00:244::10")
        self.lab.servers.tcp(pod, "a", 8080)
        self.lab.servers.udp(pod, "a", 8080)
        self.client = self.lab.host(self.node, "client", CLIENT[4], CLIENT[6])
        folder = manifests.Folder(self.lab.folder / "manifests")
        ports = [manifests.port(80, "t", node_port=NODE_PORT), manifests.port(80, "u", "UDP", node_port=NODE_PORT)]
        slices = [manifests.slice("web", [addr], [("t", 8080), ("u", 8080, "UDP")]) for addr in pod.addrs]
        folder.put("web", manifests.service("web", ["10.96.0.1", "fd00:96::1"], ports, type="NodePort",
                                            ipFamilies=["IPv4", "IPv6"]), *slices)
        self.lab.daemon(self.node, folder, "--no-dns", "--nodeport-addresses", "primary,localhost")
        for version in (4, 6):
            for proto in PROTOCOLS:  # the relay listens, and the neighbours know each other
                lab.equals_within(lambda v=version, p=proto: traffic.connect(self.node, LOOPBACK[v], NODE_PORT, p).outcome,
                                  "ok")
                self.assertEqual(traffic.connect(self.client, NODE[version], NODE_PORT, proto).outcome, "ok")
        self.wire = self.client.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.wire.bind(("eth0", 0))
        self.addCleanup(self.wire.close)
        self.sports = itertools.count(40000)

    @staticmethod
    def mac(ns):
        link = json.loads(ns.run("ip", "-j", "link", "show", "dev", "eth0").stdout)[0]
        return bytes.fromhex(link["address"].replace(":", ""))

    def answered(self, version, proto, dst, limit_s):
        head = self.mac(self.node) + self.mac(self.client) + struct.pack("!H", TYPES[version])
        sport = next(self.sports)  # one each: a late answer is none of the next question
        frame = head + packet(proto, CLIENT[version], sport, dst)
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            self.wire.send(frame)
            while select.select([self.wire], [], [], 0.1)[0]:
                got, where = self.wire.recvfrom(2000)
                if where[2] != socket.PACKET_OUTGOING and answers(got, version, proto, sport):
                    return True
        return False

    def check(self):
        for version in (4, 6):
            for proto in PROTOCOLS:
                with self.subTest(version=version, proto=proto):
                    self.assertTrue(self.answered(version, proto, NODE[version], lab.LIMIT_S))
                    self.assertFalse(self.answered(version, proto, LOOPBACK[version], 0.5))

    def test_packets_to_loopback_are_dropped(self):
        self.check()
        for conf in ("all", "default", "eth0"):
            self.assertEqual(self.node.run("cat", f"/proc/sys/net/ipv4/conf/{conf}/route_localnet").stdout, "0\n")

    def test_packets_to_loopback_are_dropped_with_route_localnet(self):
        """The kernel lets them in then, but no listener of ours takes them."""
        self.node.sysctl("net.ipv4.conf.all.route_localnet", 1)
        self.check()
        for proto in PROTOCOLS:
            self.assertEqual(traffic.connect(self.node, "127.0.0.1", NODE_PORT, proto).outcome, "ok")
            self.assertEqual(traffic.connect(self.node, "127.0.0.1", NODE_PORT, proto, src="192.168.0.2").outcome, "ok")


if __name__ == "__main__":
    unittest.main()
