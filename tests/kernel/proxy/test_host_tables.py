"""What nft/ knows of the host: its addresses as they change, and connection tracking, read and cleaned."""
import socket
import unittest

import lab
import traffic
from driver import Driver


class AddressTest(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.ns("node")
        self.node.ip("link add eth0 type veth peer name eth1")
        for device in ("eth0", "eth1"):  # no link-local addresses, which would come by themselves some seconds later
            self.node.sysctl(f"net.ipv6.conf.{device}.addr_gen_mode", 1)
        self.node.ip("link set eth0 up", "link set eth1 up")
        self.driver = Driver(self.node)
        self.addCleanup(self.driver.__exit__)

    def now(self, command="addresses"):
        """(addresses without the link-local ones, sources of default routes)"""
        lines = [line.split() for line in self.driver(command)]
        return ({words[1] for words in lines if words[0] == "address" and not words[1].startswith("fe80")},
                [words[1] for words in lines if words[0] == "route"])

    def until(self, addresses, routes):
        lab.equals_within(lambda: self.now("addresses 1000"), (addresses, routes))

    def test_addresses_are_followed(self):
        own = {"127.0.0.1", "::1"}
        self.until(own, [])
        self.node.ip("addr add 192.168.0.2/24 dev eth0", "addr add fd00::2/64 dev eth0 nodad")
        self.until(own | {"192.168.0.2", "fd00::2"}, [])
        self.node.ip("addr add 192.168.0.3 peer 10.0.0.1/32 dev eth0")  # the peer's address is not ours
        self.until(own | {"192.168.0.2", "fd00::2", "192.168.0.3"}, [])
        self.node.ip("addr add 192.168.0.2/24 dev eth1", "addr del 192.168.0.3 peer 10.0.0.1/32 dev eth0")
        self.until(own | {"192.168.0.2", "fd00::2"}, [])  # twice on the host, once in the list
        self.node.ip("addr del 192.168.0.2/24 dev eth0", "addr del 192.168.0.2/24 dev eth1")
        self.until(own | {"fd00::2"}, [])

    def test_source_of_the_default_route(self):
        self.node.ip("addr add 192.168.0.2/24 dev eth0", "addr add 192.168.1.2/24 dev eth0",
                     "addr add 192.168.2.2/24 dev eth1", "addr add fd00::2/64 dev eth0 nodad")
        own = {"127.0.0.1", "::1", "192.168.0.2", "192.168.1.2", "192.168.2.2", "fd00::2"}
        for route, source in (("replace default via 192.168.1.1", ["192.168.1.2"]),  # its gateway's subnet
                              ("replace default via 192.168.1.1 src 192.168.0.2", ["192.168.0.2"]),  # as it says
                              ("add default via 192.168.2.1 metric 100", ["192.168.0.2"]),  # a worse one
                              ("del default via 192.168.1.1", ["192.168.2.2"]),
                              ("del default", []),
                              ("add default dev eth0", ["192.168.0.2"]),  # its interface's first
                              ("replace default nexthop via 192.168.2.1 nexthop via 192.168.1.1", ["192.168.2.2"]),
                              ("del default", []),
                              ("add default via fd00::1", ["fd00::2"]),
                              ("add default via 192.168.0.1", ["192.168.0.2", "fd00::2"])):
            with self.subTest(route=route):
                self.node.ip("route " + route)
                self.until(own, source)

    def test_other_routes_change_nothing(self):
        self.node.ip("addr add 192.168.0.2/24 dev eth0")
        lab.wait_until(lambda: self.driver("addresses 300")[0] == "quiet", what="quiet")
        self.node.ip(*[f"route add 10.1.{i}.0/24 via 192.168.0.9" for i in range(50)])
        self.assertEqual(self.driver("addresses 200")[0], "quiet")


class ConntrackTest(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.pod = self.lab.pod(self.node, "pod", "10.244.0.10", "fd00:244::10")
        self.client = self.lab.host(self.node, "client", "192.168.0.1", "fd00:0::1")
        for proto in ("tcp", "udp", "sctp"):
            getattr(self.lab.servers, proto)(self.pod, "pod", 80)
        self.driver = Driver(self.node)
        self.addCleanup(self.driver.__exit__)
        self.driver.elements(*[line for vip, to in (("10.96.0.1", "10.244.0.10"), ("fd00:96::1", "fd00:244::10"))
                               for proto in ("tcp", "udp", "sctp")
                               for line in (f"dispatch {vip} {proto} 80 pick 1", f"endpoints {vip} {proto} 80 0 {to} 80")])
        self.driver("load")

    def entries(self, question):
        return sorted(line for line in self.driver("sweep " + question) if line.startswith("entry"))

    def deleted(self, question):
        lines = self.driver("sweep " + question)
        self.assertIn("result 0", lines)
        return int(lines[-1].split()[1])

    def test_entries_by_protocol(self):
        for vip in ("10.96.0.1", "fd00:96::1"):
            for proto in ("tcp", "udp", "sctp"):
                self.assertEqual(traffic.connect(self.client, vip, 80, proto).outcome, "ok")
        for proto in ("tcp", "udp", "sctp"):
            self.assertEqual(self.entries(proto),
                             [f"entry {proto.upper()} 10.96.0.1:80 answered by 10.244.0.10:80 dnat",
                              f"entry {proto.upper()} [fd00:96::1]:80 answered by [fd00:244::10]:80 dnat"])
            self.assertEqual(self.entries(proto + " unreplied"), [])
            for vip, pod in (("10.96.0.1", "10.244.0.10"), ("[fd00:96::1]", "[fd00:244::10]")):
                self.assertIn(f"entry {proto.upper()} {vip}:80 answered by {pod}:80 dnat",
                              self.entries(f"{proto} to {vip.strip('[]')} 80"))

    def test_only_what_was_asked_for_is_deleted(self):
        for vip in ("10.96.0.1", "fd00:96::1"):
            for proto in ("tcp", "udp", "sctp"):
                traffic.connect(self.client, vip, 80, proto)
        self.assertEqual(self.deleted("udp 10.244.0.10"), 1)
        self.assertEqual(self.deleted("udp 10.244.0.10"), 0)
        self.assertEqual(self.deleted("sctp fd00:244::10"), 1)
        self.assertEqual(self.entries("udp"), ["entry UDP [fd00:96::1]:80 answered by [fd00:244::10]:80 dnat"])
        self.assertEqual(len(self.entries("tcp")), 2)

    def test_many(self):
        """More than one answer of the kernel and more than one datagram of deletions."""
        for sport in range(20000, 22000):
            with self.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind(("", sport))
                sock.sendto(b"x", ("10.96.0.1", 81 if sport % 2 else 82))  # these are neither translated nor answered
        self.assertEqual(len(self.entries("udp unreplied")), 2000)
        self.assertEqual(len(self.entries("udp to any 81")), 1000)
        self.assertEqual(len(self.entries("udp to 10.96.0.1 82")), 1000)
        self.assertEqual(self.entries("udp to 10.96.0.2 82"), [])
        self.assertEqual(self.deleted("udp unreplied 10.96.0.1"), 2000)
        self.assertEqual(self.entries("udp"), [])

    def test_a_syn_without_answer(self):
        """The first SYN came before the Service: until it is deleted, its retries go nowhere."""
        with self.client.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            try:
                sock.connect(("10.96.0.9", 80))
            except BlockingIOError:
                pass
            lab.equals_within(lambda: self.entries("tcp unreplied"),
                              ["entry TCP 10.96.0.9:80 answered by 10.96.0.9:80 unreplied syn-sent"])
            self.driver.commit("add dispatch 10.96.0.9 tcp 80 pick 1", "add endpoints 10.96.0.9 tcp 80 0 10.244.0.10 80")
            self.assertEqual(self.deleted("tcp unreplied 10.96.0.9"), 1)
            sock.setblocking(True)
            sock.settimeout(lab.LIMIT_S)
            self.assertIn(b'"pod"', sock.recv(4096))  # the next retry of the SYN found the Service


if __name__ == "__main__":
    unittest.main()
