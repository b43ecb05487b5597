"""The rules under traffic, without the daemon: what each verdict does to a packet, and what the rules remember."""
import collections
import re
import socket
import time
import unittest

import lab
import traffic
from driver import Driver

VIP4, VIP6 = "10.96.0.1", "fd00:96::1"
OPTIONS = ("sources:10.244.0.0/16,fd00:244::/64", "counters")


class Node(lab.LabTest):
    """A node with three pods that serve, one pod that asks, and a client outside."""

    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.pods = [self.lab.pod(self.node, name, f"10.244.0.1{i}", f"fd00:244::1{i}")
                     for i, name in enumerate(("a", "b", "c"))]
        self.asking = self.lab.pod(self.node, "asking", "10.244.0.20", "fd00:244::20")
        self.client = self.lab.host(self.node, "client", "192.168.0.1", "fd00:0::1")
        for pod in self.pods:
            for proto in ("tcp", "udp", "sctp"):
                getattr(self.lab.servers, proto)(pod, pod.short, 8080)

    def load(self, *lines, options=OPTIONS):
        driver = Driver(self.node, *options)
        self.addCleanup(driver.__exit__)
        driver.elements(f"cluster-ips {VIP4}", f"cluster-ips {VIP6}", *lines)
        driver("load")
        return driver

    def slots(self, vip, proto, targets, port=80, pool="endpoints"):
        family = 1 if ":" in vip else 0
        return [f"{pool} {vip} {proto} {port} {slot} {self.pods[target].addrs[family]} 8080"
                for slot, target in enumerate(targets)]

    def service(self, vip, proto, verdict, targets, port=80):
        return [f"dispatch {vip} {proto} {port} {verdict}", *self.slots(vip, proto, targets, port)]

    def ask(self, source, vip, proto="tcp", port=80, **more):
        return traffic.connect(source, vip, port, proto, **more)

    def alias(self, addr):
        """One more address for the asking pod."""
        self.asking.add_addr(addr, "eth0", 128 if ":" in addr else 32)
        way = self.node.run("ip", "-o", "route", "get", self.asking.addrs[0]).stdout
        self.node.ip(f"route add {addr} dev {way.split(' dev ')[1].split()[0]}")
        return addr


class VerdictTest(Node):
    def test_every_protocol_and_family_from_everywhere(self):
        lines = []
        for vip in (VIP4, VIP6):
            for proto in ("tcp", "udp", "sctp"):
                lines += self.service(vip, proto, "cluster 1", [0])
        self.load(*lines)
        for vip in (VIP4, VIP6):
            for proto in ("tcp", "udp", "sctp"):
                for source in (self.asking, self.client, self.node):
                    with self.subTest(vip=vip, proto=proto, source=source.short):
                        reply = self.ask(source, vip, proto)
                        self.assertEqual((reply.outcome, reply.server), ("ok", "a"))
                        if source is not self.node:  # its own address is chosen by its routes, before and after
                            self.assertEqual(reply.client in source.addrs, source is self.asking)

    def test_verdicts_by_source(self):
        """masquerade (m), kept source (k), refused (r) or dropped (d) for pod, outside and node."""
        mine = "192.0.2."
        lines = [*self.service(mine + "1", "tcp", "cluster 1", [0]), *self.service(mine + "2", "tcp", "external 1", [0]),
                 *self.service(mine + "3", "tcp", "pick 1", [0]), f"dispatch {mine}4 tcp 80 reject",
                 f"dispatch {mine}5 tcp 80 drop", f"dispatch {mine}6 tcp 80 by-source", f"local {mine}6 tcp 80 pick 1",
                 *self.slots(mine + "6", "tcp", [0]), f"internal {mine}6 tcp 80 pick-internal 1",
                 *self.slots(mine + "6", "tcp", [1], pool="internal-endpoints"), f"dispatch {mine}7 tcp 80 by-source",
                 f"local {mine}7 tcp 80 drop", f"internal {mine}7 tcp 80 pick-internal 1",
                 *self.slots(mine + "7", "tcp", [1], pool="internal-endpoints"),
                 f"dispatch {mine}8 tcp 80 by-source", f"restricted {mine}8 tcp 80", f"source-ranges {mine}8 tcp 80 external 1", *self.slots(mine + "8", "tcp", [0]),
                 f"allowed-sources {mine}8 tcp 80 192.168.0.0/30",
                 f"dispatch {mine}9 tcp 80 by-source", f"restricted {mine}9 tcp 80", f"local {mine}9 tcp 80 drop",
                 f"internal {mine}9 tcp 80 pick-internal 1", *self.slots(mine + "9", "tcp", [1], pool="internal-endpoints"),
                 f"allowed-sources {mine}9 tcp 80 10.244.0.0/16", "service-cidrs 192.0.2.128/25"]
        self.load(*lines)
        wanted = {"1": "k m k", "2": "m m m", "3": "k k k", "4": "r r r", "5": "d d d", "6": "kb ka mb", "7": "kb d mb",
                  "8": "d m m", "9": "kb d d", "200": "d d d"}
        for last, kinds in wanted.items():
            for source, want in zip((self.asking, self.client, self.node), kinds.split()):
                with self.subTest(vip=mine + last, source=source.short, want=want):
                    reply = self.ask(source, mine + last, limit_s=0.3 if want == "d" else 10)
                    if want in "rd":
                        self.assertEqual(reply.outcome, {"r": "refused", "d": "timeout"}[want])
                        continue
                    self.assertEqual((reply.outcome, reply.server), ("ok", want[1:] or "a"))
                    if source is not self.node:
                        self.assertEqual(reply.client in source.addrs, want[0] == "k")

    def test_wrong_port_and_protocol_of_a_cluster_ip(self):
        self.load(*self.service(VIP4, "tcp", "cluster 1", [0]), *self.service(VIP6, "udp", "cluster 1", [0]))
        for vip in (VIP4, VIP6):
            for source in (self.asking, self.client, self.node):
                for proto, port in (("tcp", 81), ("udp", 81)):
                    with self.subTest(vip=vip, source=source.short, proto=proto):
                        self.assertEqual(self.ask(source, vip, proto, port).outcome, "refused")

    def test_an_address_of_the_node_inside_a_service_range(self):
        """A DNS cache on the cluster's DNS address; the drop of unallocated addresses must not hit it."""
        self.load("service-cidrs 10.96.0.0/16", "service-cidrs fd00:96::/112")
        self.lab.servers.tcp(self.node, "cache", 53)
        for vip, other in (("10.96.0.10", "10.96.0.11"), ("fd00:96::10", "fd00:96::11")):
            self.node.add_addr(vip, "lo", 128 if ":" in vip else 32)
            for source in (self.asking, self.client, self.node):
                with self.subTest(vip=vip, source=source.short):
                    self.assertEqual(self.ask(source, vip, "tcp", 53).server, "cache")
                    self.assertEqual(self.ask(source, other, "tcp", 53, limit_s=0.3).outcome, "timeout")

    def test_interface_detectors(self):
        port = self.node.run("ip", "-o", "route", "get", "10.244.0.20").stdout.split(" dev ")[1].split()[0]
        for option in (f"interface:{port}", f"prefix:{port[:1]}"):
            with self.subTest(option=option):
                driver = self.load(*self.service(VIP4, "tcp", "cluster 1", [0]), options=(option,))
                self.assertIn(self.ask(self.asking, VIP4).client, self.asking.addrs)
                self.assertNotIn(self.ask(self.client, VIP4).client, self.client.addrs)
                # the node has no input interface, so it is not local, and is masqueraded as itself
                self.assertEqual(self.ask(self.node, VIP4).outcome, "ok")
                driver("cleanup")

    def test_masquerade_all_and_no_detector(self):
        driver = self.load(*self.service(VIP4, "tcp", "cluster 1", [0]), options=("masquerade-all",))
        self.assertNotIn(self.ask(self.asking, VIP4).client, self.asking.addrs)
        driver("cleanup")
        self.load(*self.service(VIP4, "tcp", "cluster 1", [0]), options=())
        for source in (self.asking, self.client):
            self.assertIn(self.ask(source, VIP4).client, source.addrs)

    def test_hairpin(self):
        """A pod that reaches itself is masqueraded; a neighbour whose address shares any number of bytes is not."""
        self.load(*[line for vip in (VIP4, VIP6) for proto in ("tcp", "udp")
                    for line in self.service(vip, proto, "pick 1", [0])])
        for vip in (VIP4, VIP6):
            for proto in ("tcp", "udp"):
                with self.subTest(vip=vip, proto=proto):
                    reply = self.ask(self.pods[0], vip, proto)
                    self.assertEqual((reply.outcome, reply.server), ("ok", "a"))
                    self.assertNotIn(reply.client, self.pods[0].addrs)
        for neighbour in ("10.244.0.99", "10.244.1.10", "10.245.0.10", "11.244.0.10", "fd00:244::99", "fd00:245::10",
                          "fd01:244::10", "fd00:244:0:1::10", "fd00:244::1:0:10"):
            with self.subTest(neighbour=neighbour):
                reply = self.ask(self.asking, VIP6 if ":" in neighbour else VIP4, src=self.alias(neighbour))
                self.assertEqual((reply.outcome, reply.client), ("ok", neighbour))

    def test_choice_is_uniform_whatever_is_filled(self):
        """3 of 4 and 5 of 8 slots: 3 000 flows, chi-square far below what chance allows once in a million."""
        for size, targets in ((4, [0, 1, 2]), (8, [0, 1, 2, 0, 1])):
            with self.subTest(size=size):
                driver = self.load(*self.service(VIP4, "udp", f"pick {size}", targets), options=("counters",))
                self.flood(3000)
                counts = [int(line.split("packets ")[1].split()[0]) for line in driver("dump") if "endpoints4" in line]
                self.assertEqual(sum(counts), 3000)
                fair = 3000 / len(targets)
                self.assertLess(sum((n - fair) ** 2 / fair for n in counts), 35, counts)
                driver("cleanup")

    def flood(self, flows):
        """That many new UDP flows, without waiting for answers."""
        for sport in range(20000, 20000 + flows):
            with self.asking.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind(("", sport))
                sock.sendto(b"x", (VIP4, 80))
        self.node.run("conntrack", "-F")

    def test_missing_slots_never_lose_a_flow(self):
        self.load(*self.service(VIP4, "tcp", "cluster 65536", [0]))
        for _ in range(20):
            self.assertEqual(self.ask(self.asking, VIP4).server, "a")

    def test_maglev_follows_the_client(self):
        self.maglev_follows_the_client(16384)

    def test_maglev_of_the_smallest_table_follows_the_client(self):
        self.maglev_follows_the_client(256)

    def maglev_follows_the_client(self, size):
        lines = []
        for vip, family in ((VIP4, 0), (VIP6, 1)):
            lines.append(f"dispatch {vip} tcp 80 cluster {size} maglev")
            lines += [f"endpoints {vip} tcp 80 {slot} {self.pods[slot % 3].addrs[family]} 8080" for slot in range(size)]
        self.load(*lines)
        for vip in (VIP4, VIP6):
            for source in (self.asking, self.client, self.pods[0]):
                reached = {self.ask(source, vip).server for _ in range(8)}
                self.assertEqual(len(reached), 1, reached)
        spread = collections.Counter()
        for last in range(30, 60):
            spread[self.ask(self.asking, VIP4, src=self.alias(f"10.244.0.{last}")).server] += 1
        self.assertEqual(len(spread), 3, spread)


class AffinityTest(Node):
    def affinity(self, vip, proto, timeout_s, verdict="cluster"):
        return [f"dispatch {vip} {proto} 80 {verdict} 4 affinity", f"affinity-frontends {vip} {proto} 80 affinity-record {timeout_s}",
                *self.slots(vip, proto, [0, 1, 2])]

    def test_a_client_stays_where_it_was(self):
        lines = []
        for vip in (VIP4, VIP6):
            for proto in ("tcp", "udp", "sctp"):
                lines += self.affinity(vip, proto, 600)
        driver = self.load(*lines)
        for vip in (VIP4, VIP6):
            for proto in ("tcp", "udp", "sctp"):
                for source in (self.asking, self.client, self.node):
                    with self.subTest(vip=vip, proto=proto, source=source.short):
                        reached = {self.ask(source, vip, proto).server for _ in range(10)}
                        self.assertEqual(len(reached), 1, reached)
        entries = [line for line in driver("dump affinity") if re.match("affinity[46] ", line)]
        self.assertEqual(len(entries), 18)
        # the client as it is known before masquerade, the frontend it dialled, the endpoint it reached
        self.assertTrue(any(line.startswith("affinity4 { 192.168.0.1 . 10.96.0.1 . tcp . 80 : 10.244.0.1")
                            for line in entries), entries)

    def test_local_endpoint_from_outside_is_recorded_in_input(self):
        self.lab.servers.tcp(self.node, "node", 9090)
        driver = self.load(f"dispatch {VIP4} tcp 80 pick 1 affinity", f"affinity-frontends {VIP4} tcp 80 affinity-record 600",
                           f"endpoints {VIP4} tcp 80 0 192.168.0.2 9090")
        self.assertEqual(self.ask(self.client, VIP4).server, "node")
        self.assertIn("affinity4 { 192.168.0.1 . 10.96.0.1 . tcp . 80 : 192.168.0.2 . 9090 }", driver("dump affinity"))

    def test_it_ends_after_its_own_time_and_a_new_connection_renews_it(self):
        driver = self.load(*self.affinity(VIP4, "tcp", 3), *self.affinity("10.96.0.2", "tcp", 600))
        self.ask(self.asking, "10.96.0.2")
        while not (first := self.stays_for(5, timeout_s=3)):
            pass  # the machine paused for longer than the time-out, which says nothing
        lab.wait_until(lambda: not any(" . 10.96.0.1 . " in line for line in driver("dump affinity")
                                       if line.startswith("affinity")), what="time-out")
        self.assertTrue(any(" . 10.96.0.2 . " in line for line in driver("dump affinity")))
        reached = {first}
        for _ in range(100):  # forgotten: chance decides again
            reached.add(server := self.ask(self.asking, VIP4).server)
            addr = next(pod.addrs[0] for pod in self.pods if pod.short == server)
            driver.commit(f"del affinity {VIP4} tcp 80 10.244.0.20 {addr} 8080")
            if len(reached) > 1:
                break
        self.assertGreater(len(reached), 1)

    def stays_for(self, seconds, timeout_s):
        """The one server that all connections of so long a time reached; None where two were too far apart for that."""
        start = last = time.monotonic()
        first = self.ask(self.asking, VIP4).server
        while last < start + seconds:
            time.sleep(0.2)
            begun, server = time.monotonic(), self.ask(self.asking, VIP4).server
            if time.monotonic() - last >= timeout_s:
                return None
            self.assertEqual(server, first)
            last = begun
        return first

    def test_affinity_follows_a_removed_endpoint_once_swept(self):
        driver = self.load(*self.affinity(VIP4, "tcp", 600))
        first = self.ask(self.asking, VIP4).server
        index = [pod.short for pod in self.pods].index(first)
        addr = self.pods[index].addrs[0]
        others = [i for i in range(3) if i != index]
        driver.commit(*["del " + line for line in self.slots(VIP4, "tcp", [0, 1, 2])],
                      *["add " + line for line in self.slots(VIP4, "tcp", others)],
                      f"del affinity {VIP4} tcp 80 10.244.0.20 {addr} 8080")
        reached = {self.ask(self.asking, VIP4).server for _ in range(10)}
        self.assertEqual(len(reached), 1)
        self.assertNotIn(first, reached)


class ReplaceTest(Node):
    def test_traffic_flows_while_the_table_is_replaced(self):
        """Loads with other rulesets over a table in use: no connection is refused, lost or left untranslated."""
        lines = self.service(VIP4, "tcp", "cluster 1", [0])
        drivers = [self.load(*lines, options=options) for options in (OPTIONS[:1], OPTIONS)]
        outcomes = collections.Counter()
        for round_ in range(4):
            driver = drivers[round_ % 2]
            driver("generate 1000 4")
            driver.send("load")
            for _ in range(60):
                outcomes[self.ask(self.asking, VIP4, limit_s=5).outcome] += 1
            driver.answer()
            driver.elements(f"cluster-ips {VIP4}", *lines)
        self.assertEqual(outcomes, {"ok": 240})


if __name__ == "__main__":
    unittest.main()
