"""The proxy end to end: what connects to what, from where, and who the endpoint sees."""
import statistics
import time
import unittest

from cluster import ClusterTest, PODS, addr_of, pair
import lab
import manifests as m
import traffic

PROTOS = ("tcp", "udp", "sctp")
NODE = {4: "192.168.0.2", 6: "fd00::2"}
CLIENT = {4: "192.168.0.1", 6: "fd00::1"}


class ProxyTest(ClusterTest):
    def sources(self):
        return {"client": self.client, "pod": self.pods["a"], "node": self.node}

    def dual(self, name, number, pods="bc", **spec):
        """A service on 10.96.1.N and fd00:96::1:N with port 80 in every protocol."""
        vips = (f"10.96.1.{number}", f"fd00:96::1:{number}")
        ports = [m.port(80, p, p.upper(), target=8080) for p in PROTOS]
        if spec.get("type") == "NodePort":
            ports = [dict(p, nodePort=30000 + number) for p in ports]
        slices = [m.slice(name, [addr_of(p, f) for p in pods], [(p, 8080, p.upper()) for p in PROTOS],
                          family=f"IPv{f}") for f in (4, 6)]
        self.put(name, m.service(name, vips, ports, ipFamilies=["IPv4", "IPv6"], **spec), *slices)
        return dict(zip((4, 6), vips))

    def test_cluster_ip_every_protocol_family_and_source(self):
        vips = self.dual("all", 1)
        for source, ns in self.sources().items():
            for family, vip in vips.items():
                for proto in PROTOS:
                    with self.subTest(source=source, vip=vip, proto=proto):
                        replies = self.reaches(ns, vip, 80, "bc", proto)
                        own = {"pod": PODS["a"][family != 4], "client": None, "node": None}[source]
                        for reply in replies:
                            self.assertEqual(reply.local_port, 8080)
                            # pods keep their address; what is not in --cluster-cidr is masqueraded (A.5)
                            self.assertIn(reply.client, [own] if own else self.node_addrs)

    def test_node_port_every_protocol_family_and_source(self):
        self.dual("np", 2, type="NodePort")
        for source, ns in self.sources().items():
            for family in (4, 6):
                for proto in PROTOS:
                    with self.subTest(source=source, family=family, proto=proto):
                        for reply in self.reaches(ns, NODE[family], 30002, "bc", proto):
                            self.assertIn(reply.client, self.node_addrs)  # A.5: external traffic is masqueraded

    def test_node_port_is_not_on_other_addresses(self):
        self.dual("np-primary", 3, type="NodePort")
        self.assertEqual(self.outcome(self.node, "127.0.0.1", 30003), "refused")
        self.assertEqual(self.outcome(self.client, "10.96.0.10", 30003), "refused")

    def test_data_passes_both_ways(self):
        vips = self.dual("data", 4)
        for vip in vips.values():
            for proto in ("tcp", "udp"):  # the UDP datagram is fragmented on its way
                self.assertEqual(self.outcome(self.pods["a"], vip, 80, proto, data=b"o" * 2000), "ok")

    def test_several_named_ports_go_to_their_own_targets(self):
        self.put("many", m.service("many", "10.96.1.5", [m.port(80, "web"), m.port(443, "tls"), m.port(53, "dns", "UDP"),
                                                          m.port(53, "dns-tcp")]),
                 m.slice("many", [addr_of("b")], [("web", 8080), ("tls", 8081), ("dns", 8081, "UDP")]),
                 m.slice("many", [addr_of("c")], [("dns-tcp", 8080)], name="many-2"))
        for port, proto, server, target in ((80, "tcp", "b", 8080), (443, "tcp", "b", 8081), (53, "udp", "b", 8081),
                                            (53, "tcp", "c", 8080)):
            with self.subTest(port=port, proto=proto):
                (reply, *_) = self.reaches(self.client, "10.96.1.5", port, server, proto)
                self.assertEqual(reply.local_port, target)

    def test_http_with_curl(self):
        self.put("web", *pair("web", "10.96.1.6", "abc", target=80), *pair("web6", "fd00:96::1:6", "abc", target=80))
        for url in ("http://10.96.1.6/hostname", "http://[fd00:96::1:6]/hostname"):
            for ns in self.sources().values():
                reply = traffic.curl(ns, url)
                self.assertEqual((reply.exit, reply.code), (0, 200))
                self.assertIn(reply.body, PODS)
        self.assertEqual(traffic.curl(self.pods["a"], "http://10.96.1.6/clientip").code, 200)

    def test_connections_spread_evenly(self):
        self.put("even", *pair("even", "10.96.1.7"))
        count = traffic.spread([traffic.connect(self.client, "10.96.1.7", 80) for _ in range(300)])
        self.assertEqual(set(count), set("abc"))
        # 100 expected each, deviation 8.2: outside of six deviations once in 10**8 runs
        self.assertTrue(all(50 < n < 150 for n in count.values()), count)

    def test_only_ready_endpoints(self):
        self.put("ready", m.service("ready", "10.96.1.8", [80]), m.slice("ready", [
            m.endpoint(addr_of("a"), ready=False), m.endpoint(addr_of("b"), ready=True), m.endpoint(addr_of("c"))],
            [8080]))
        self.reaches(self.client, "10.96.1.8", 80, "bc")
        self.assertEqual({traffic.connect(self.client, "10.96.1.8", 80).server for _ in range(60)}, set("bc"))

    def test_no_endpoint_is_refused(self):
        ports = [m.port(80, p, p.upper(), 30009) for p in PROTOS]
        self.put("none", m.service("none", ["10.96.1.9", "fd00:96::1:9"], ports, type="NodePort"),
                 m.slice("none", [m.endpoint(addr_of("a"), ready=False)], [(p, 8080, p.upper()) for p in PROTOS]))
        for source, ns in self.sources().items():
            for addr, port in (("10.96.1.9", 80), ("fd00:96::1:9", 80), (NODE[4], 30009), (NODE[6], 30009)):
                for proto in PROTOS:
                    with self.subTest(source=source, addr=addr, proto=proto):
                        self.assertEqual(self.outcome(ns, addr, port, proto, limit_s=10), "refused")

    def test_refused_at_once_however_often(self):
        """
        ICMP errors are limited to 6 at once and 1 a second for each client, and a client whose SYN gets no answer sends
        it again after one second: all but the first ones would wait.
        """
        self.put("often", *pair("often", "10.96.1.17", ""), *pair("often6", "fd00:96::1:17", ""))
        for vip in ("10.96.1.17", "fd00:96::1:17"):
            for port in (80, 81):
                took_s = []
                for _ in range(20):
                    start = time.monotonic()
                    self.assertEqual(self.outcome(self.client, vip, port), "refused")
                    took_s.append(time.monotonic() - start)
                self.assertLess(statistics.median(took_s), 0.9, took_s)

    def test_wrong_port_on_a_live_cluster_ip_is_refused(self):
        vips = self.dual("port", 10)
        self.put("tcp-only", *pair("tcp-only", "10.96.1.11"))
        for source, ns in self.sources().items():
            with self.subTest(source=source):
                for proto in PROTOS:
                    for vip in vips.values():
                        self.assertEqual(self.outcome(ns, vip, 81, proto, limit_s=10), "refused")
                self.assertEqual(self.outcome(ns, "10.96.1.11", 80, "udp", limit_s=10), "refused")

    def test_hairpin_a_pod_reaches_itself(self):
        vips = self.dual("self", 12, pods="a")
        for family, vip in vips.items():
            for proto in PROTOS:
                with self.subTest(vip=vip, proto=proto):
                    reply = traffic.connect(self.pods["a"], vip, 80, proto)
                    self.assertEqual((reply.outcome, reply.server), ("ok", "a"))
                    self.assertIn(reply.client, self.node_addrs)  # masqueraded, or the pod would answer itself directly

    def test_an_endpoint_added_and_removed(self):
        self.put("scale", *pair("scale", "10.96.1.13", "a"))
        self.reaches(self.client, "10.96.1.13", 80, "a")
        self.put("scale", *pair("scale", "10.96.1.13", "abc"))
        self.reaches(self.client, "10.96.1.13", 80, "abc")
        self.put("scale", *pair("scale", "10.96.1.13", "c"))
        self.assertEqual({traffic.connect(self.client, "10.96.1.13", 80).server for _ in range(40)}, {"c"})
        self.put("scale", *pair("scale", "10.96.1.13", ""))
        self.assertEqual(self.outcome(self.client, "10.96.1.13", 80), "refused")

    def test_a_removed_service_is_gone_and_may_come_back(self):
        self.put("gone", *pair("gone", "10.96.1.14", "a", type="NodePort"))
        self.put("gone", m.service("gone", "10.96.1.14", [m.port(80, node_port=30014)], type="NodePort"),
                 m.slice("gone", [addr_of("a")], [8080]))
        self.reaches(self.client, "10.96.1.14", 80, "a")
        self.reaches(self.client, NODE[4], 30014, "a")
        self.remove("gone")
        self.assertNotIn("ok", {self.outcome(self.client, "10.96.1.14", 80, limit_s=0.5),
                                self.outcome(self.client, NODE[4], 30014, limit_s=0.5)})
        self.put("gone", *pair("gone", "10.96.1.14", "b"))
        self.reaches(self.client, "10.96.1.14", 80, "b")

    def test_ports_added_and_removed(self):
        def write(*numbers):
            self.put("ports", m.service("ports", "10.96.1.15", [m.port(n, f"p{n}") for n in numbers]),
                     m.slice("ports", [addr_of("a")], [(f"p{n}", 8080) for n in numbers]))

        write(80)
        write(80, 81)
        self.reaches(self.client, "10.96.1.15", 81, "a")
        write(81)
        self.assertEqual(self.outcome(self.client, "10.96.1.15", 80), "refused")
        self.reaches(self.client, "10.96.1.15", 81, "a")

    def test_established_connections_survive_the_loss_of_readiness(self):
        self.put("keep", *pair("keep", "10.96.1.16", "a"))
        sock = traffic.open_flow(self.client, "10.96.1.16", "tcp")
        self.addCleanup(sock.close)
        self.assertEqual(traffic.exchange(sock, "10.96.1.16", 80, "tcp").server, "a")
        self.put("keep", *pair("keep", "10.96.1.16", "b"))
        sock.sendall(b"still there?")
        self.assertEqual(sock.recv(100), b"still there?")
        self.reaches(self.client, "10.96.1.16", 80, "b")

    def test_pod_to_pod_and_pod_to_node_are_left_alone(self):
        self.assertEqual(traffic.connect(self.pods["a"], addr_of("b"), 8080).client, addr_of("a"))
        self.assertEqual(traffic.connect(self.client, addr_of("b"), 8080).client, CLIENT[4])
        self.assertIn(traffic.connect(self.node, addr_of("b"), 8080).client, self.node_addrs)


class RulesetTest(ClusterTest):
    def test_stock_nft_lists_it_and_no_service_adds_a_chain_a_rule_or_a_set(self):
        def objects():
            kinds = {}
            for item in self.node.table():
                for kind in ("chain", "rule", "set", "map"):
                    kinds[kind] = kinds.get(kind, 0) + (kind in item)
            return kinds

        before = objects()
        self.put("some", *[o for n in range(40) for o in pair(f"some-{n}", f"10.96.2.{n + 1}", "abc"[:n % 4],
                                                               type="NodePort" if n % 2 else "ClusterIP")])
        self.reaches(self.client, "10.96.2.4", 80, "abc")
        self.assertEqual(objects(), before)
        text = self.node.nft("list", "ruleset")
        self.assertIn("10.96.2.4 . tcp . 80", text)
        self.assertIn("table inet fairlead", text)

    def test_nothing_but_its_own_table(self):
        tables = self.node.nft("list", "tables").split("\n")
        self.assertEqual([t for t in tables if t and not t.startswith("table inet fairlead")], [])


class NoDetectorTest(ClusterTest):
    flags = ()

    def test_without_cluster_cidr_cluster_ip_is_never_masqueraded_but_for_hairpin(self):
        self.put("plain", *pair("plain", "10.96.1.1", "a"))
        self.assertEqual(traffic.connect(self.client, "10.96.1.1", 80).client, CLIENT[4])
        self.assertEqual(traffic.connect(self.pods["b"], "10.96.1.1", 80).client, addr_of("b"))
        self.assertIn(traffic.connect(self.pods["a"], "10.96.1.1", 80).client, self.node_addrs)


class TwoServicesOneAddressTest(ClusterTest):
    def test_the_first_by_namespace_and_name_wins_with_one_warning(self):
        self.put("second", *pair("b-second", "10.96.1.1", "b"))
        self.reaches(self.client, "10.96.1.1", 80, "b")
        self.put("first", *pair("a-first", "10.96.1.1", "a"))
        self.assertEqual({traffic.connect(self.client, "10.96.1.1", 80).server for _ in range(30)}, {"a"})
        lines = [line for line in self.daemon.log().splitlines() if "b-second" in line and "10.96.1.1" in line]
        self.assertEqual(len(lines), 1, self.daemon.log())
        self.remove("first")
        lab.equals_within(lambda: traffic.connect(self.client, "10.96.1.1", 80).server, "b")


if __name__ == "__main__":
    unittest.main()
