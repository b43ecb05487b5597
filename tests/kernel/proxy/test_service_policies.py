"""What a Service may ask for beyond balancing, end to end: affinity, detectors, service ranges, changes of its type."""
import time
import unittest

from cluster import ClusterTest, DOMAIN, PODS, addr_of, pair
import lab
import manifests as m
import patience
import traffic

VIP = "10.96.6.1"


def service_cidr(name, *cidrs):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": name},
            "spec": {"cidrs": list(cidrs)}}


class AffinityTest(ClusterTest):
    def affinity(self, timeout_s=None, **spec):
        if timeout_s:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": timeout_s}}
        self.put("affinity", m.service("affinity", [VIP, "fd00:96::6:1"], [m.port(80, node_port=30061)], type="NodePort",
                                     sessionAffinity="ClientIP", **spec),
                 m.slice("affinity", [addr_of(p) for p in "abc"], [8080]),
                 m.slice("affinity", [addr_of(p, 6) for p in "abc"], [8080]))

    def servers(self, addr=VIP, port=80, count=15, ns=None):
        return {traffic.connect(ns or self.client, addr, port).server for _ in range(count)}

    def test_a_client_stays_on_one_endpoint(self):
        self.affinity()
        for addr, port in ((VIP, 80), ("fd00:96::6:1", 80), ("192.168.0.2", 30061), ("fd00::2", 30061)):
            for ns in (self.client, self.pods["a"], self.node):
                with self.subTest(addr=addr, source=ns.short):
                    self.assertEqual(len(self.servers(addr, port, ns=ns)), 1)

    def test_in_every_protocol(self):
        protos = ("tcp", "udp", "sctp")
        self.put("affinity", m.service("affinity", [VIP, "fd00:96::6:1"], [m.port(80, p, p.upper()) for p in protos],
                                     sessionAffinity="ClientIP"),
                 *[m.slice("affinity", [addr_of(p, family) for p in "abc"], [(p, 8080, p.upper()) for p in protos])
                   for family in (4, 6)])
        for vip in (VIP, "fd00:96::6:1"):
            for proto in protos:
                with self.subTest(vip=vip, proto=proto):
                    reached = {traffic.connect(self.client, vip, 80, proto).server for _ in range(12)}
                    self.assertEqual(len(reached), 1)

    def test_clients_are_spread(self):
        self.affinity()
        seen = set()
        for number in range(2, 66):
            host = f"192.168.0.{100 + number}"
            self.client.add_addr(host, "eth0", 24)
            self.addCleanup(self.client.del_addr, host, "eth0", 24)
            seen.add(traffic.connect(self.client, VIP, 80, src=host).server)
        self.assertEqual(seen, set("abc"))  # 64 clients miss one of three once in 10**10 runs

    def test_switched_on_and_off_it_counts_at_once(self):
        self.put("affinity", *pair("affinity", VIP))
        self.reaches(self.client, VIP, 80, "abc")
        self.affinity()
        self.assertEqual(len(self.servers()), 1)
        self.put("affinity", *pair("affinity", VIP))
        self.reaches(self.client, VIP, 80, "abc")

    def test_clients_outside_leave_other_nodes_when_the_policy_becomes_local(self):
        def put(pods, policy, here="a"):
            endpoints = [m.endpoint(addr_of(p), nodeName="node" if p == here else "other") for p in pods]
            self.put("affinity", m.service("affinity", VIP, [m.port(80, node_port=30061)], type="NodePort",
                                         sessionAffinity="ClientIP", externalTrafficPolicy=policy),
                     m.slice("affinity", endpoints, [8080]))

        at = ("192.168.0.2", 30061)
        put("b", "Cluster")
        lab.equals_within(lambda: self.servers(*at, count=3), {"b"})
        put("abc", "Cluster")
        self.assertEqual(self.servers(*at), {"b"})
        put("abc", "Local")
        lab.equals_within(lambda: self.servers(*at, count=3), {"a"})
        for ns in (self.pods["c"], self.node):
            lab.wait_until(lambda ns=ns: len(self.servers(*at, ns=ns)) == 1, what="pods and the node stick again")
        put("abc", "Local", here="b")  # virtual machines that change their node keep their address
        lab.equals_within(lambda: self.servers(*at, count=3), {"b"})

    def test_it_ends_after_its_own_time(self):
        self.affinity(timeout_s=3)
        steady, end = False, time.monotonic() + 4 * lab.LIMIT_S
        while not steady and time.monotonic() < end:  # once more where the machine let more than the time pass
            steady = self.stays(3, for_s=5)
        self.assertTrue(steady, "the machine is too busy to tell")
        (first,) = self.servers(count=1)

        def another():
            time.sleep(3.2)
            return self.servers(count=1) != {first}

        # each time one of three is the same again: 40 times, once in 10**19 runs
        lab.wait_until(another, limit_s=130 * patience.FACTOR, what="another endpoint once the time is over")

    def stays(self, timeout_s, for_s):
        """Whether connections came often enough to renew it all the time: then all were to one endpoint."""
        start = last = time.monotonic()
        servers, in_time = set(), True
        while last < start + for_s:
            begun, servers = time.monotonic(), servers | self.servers(count=1)
            in_time &= time.monotonic() - last < timeout_s
            last = begun
            time.sleep(0.3)
        if in_time:
            self.assertEqual(len(servers), 1)
        return in_time


class DetectorTest(ClusterTest):
    """Which sources count as pods: here those behind interfaces named v…"""

    flags = ("--detect-local-mode", "InterfaceNamePrefix", "--pod-interface-name-prefix", "v")

    def test_by_interface_name(self):
        self.put("web", *pair("web", VIP, "a"), *pair("web6", "fd00:96::6:1", "a"))
        for vip, number in ((VIP, 0), ("fd00:96::6:1", 1)):
            self.assertEqual(traffic.connect(self.pods["b"], vip, 80).client, PODS["b"][number])
            self.assertIn(traffic.connect(self.client, vip, 80).client, self.node_addrs)
            self.assertIn(traffic.connect(self.node, vip, 80).client, self.node_addrs)


class BridgeDetectorTest(ClusterTest):
    """Pods are what comes in through one interface; here that of the first pod, in place of a bridge."""

    flags = ("--detect-local-mode", "BridgeInterface", "--pod-bridge-interface", "v2")

    def test_by_bridge(self):
        behind = {pod: self.node.run("ip", "-o", "route", "get", addr_of(pod)).stdout.split(" dev ")[1].split()[0]
                  for pod in PODS}
        self.assertIn("v2", behind.values())
        self.put("web", m.service("web", [VIP, "fd00:96::6:1"], [80]), m.slice("web", ["192.168.0.1"], [8099]),
                 m.slice("web", ["fd00::1"], [8099]))
        self.lab.servers.tcp(self.client, "outside", 8099)
        for pod, device in behind.items():
            for number, vip in enumerate((VIP, "fd00:96::6:1")):
                seen = traffic.connect(self.pods[pod], vip, 80).client
                self.assertEqual(seen == PODS[pod][number], device == "v2", (pod, device, seen))


class MasqueradeAllTest(ClusterTest):
    flags = (*ClusterTest.flags, "--masquerade-all", "--masquerade-bit", "5")

    def test_every_source_is_masqueraded(self):
        self.put("web", *pair("web", VIP, "a"))
        for ns in (self.client, self.pods["b"], self.node):
            self.assertIn(traffic.connect(ns, VIP, 80).client, self.node_addrs)
        self.assertEqual(traffic.connect(self.pods["b"], addr_of("a"), 8080).client, addr_of("b"))


    def test_the_mark_is_ours_for_no_longer_than_needed(self):
        """A mark that stays gets a tunnel's outer packet masqueraded too (k/k#92035); other bits are others'."""
        self.node.run("nft", "-f", "-", input="""
            table inet watcher {
                chain first { type filter hook prerouting priority -300; meta mark set 0x40; }
                chain before { type filter hook postrouting priority 50; tcp dport 8080 meta mark 0x60 counter; }
                chain after {
                    type filter hook postrouting priority 150
                    tcp dport 8080 meta mark 0x40 counter
                    tcp dport 8080 meta mark & 0x20 != 0 counter
                }
            }""")
        self.addCleanup(self.node.nft, "delete", "table", "inet", "watcher")
        for number, vip in enumerate((VIP, "fd00:96::6:1")):
            self.put("web", *pair("web", vip, "a"))
            self.assertIn(traffic.connect(self.client, vip, 80).client, self.node_addrs)
            counts = [expression["counter"]["packets"] for item in self.node.table("watcher")
                      for expression in item.get("rule", {}).get("expr", ()) if "counter" in expression]
            self.assertEqual((counts[0], counts[1] > number, counts[2]), (number + 1, True, 0), counts)


class ServiceCidrTest(ClusterTest):
    def test_unallocated_addresses_are_dropped_and_ranges_are_followed(self):
        # whatever the node does not drop is sent back out of eth0, to a client that owns these addresses
        for addr in ("10.120.7.7", "10.121.7.7"):
            self.client.add_addr(addr, "lo")
        self.lab.servers.tcp(self.client, "outside", 80)
        pod = self.pods["a"]
        self.node.ip("route replace default via 192.168.0.1 dev eth0")
        self.assertEqual(traffic.connect(pod, "10.120.7.7", 80).server, "outside")
        self.put("cidr", service_cidr("kubernetes", "10.120.0.0/16"))
        self.assertEqual(self.outcome(pod, "10.120.7.7", 80, limit_s=0.5), "timeout")
        self.assertEqual(traffic.connect(pod, "10.121.7.7", 80).server, "outside")
        self.put("cidr-2", service_cidr("more", "10.121.0.0/16"))
        self.assertEqual(self.outcome(pod, "10.121.7.7", 80, limit_s=0.5), "timeout")
        self.put("web", *pair("web", "10.120.7.7", "b"))  # allocated now
        self.reaches(pod, "10.120.7.7", 80, "b")
        self.assertEqual(self.outcome(pod, "10.120.7.7", 81), "refused")
        self.remove("cidr-2")
        self.assertEqual(traffic.connect(pod, "10.121.7.7", 80).server, "outside")

    def test_a_local_address_in_the_range_stays_reachable(self):
        self.node.add_addr("10.122.0.10", "lo")
        self.lab.servers.tcp(self.node, "local", 8053)
        self.assertEqual(traffic.connect(self.client, "10.122.0.10", 8053).server, "local")
        self.put("cidr-3", service_cidr("local", "10.122.0.0/16"))
        self.assertEqual(traffic.connect(self.client, "10.122.0.10", 8053, limit_s=2).server, "local")
        self.remove("cidr-3")


class HintsTest(ClusterTest):
    def test_node_hints(self):
        """A.6: they count while every ready endpoint has one and one is for this node ("node"), zones or not."""
        def write(a, b):
            self.put("hints", m.service("hints", VIP, [80]),
                     m.slice("hints", [m.endpoint(addr_of("a"), **a), m.endpoint(addr_of("b"), **b)], [8080]))

        here, there = ({"hints": {"forNodes": [{"name": n}], "forZones": [{"name": "z"}]}} for n in ("node", "other"))
        leaving = {"ready": False, "serving": True, "terminating": True}
        write(here, there)
        self.reaches(self.client, VIP, 80, "a")
        for both in (({}, there), (here, {}), (there, there)):
            write(*both)
            self.reaches(self.client, VIP, 80, "ab")
        write({**here, **leaving}, there)  # of those that are ready, none is for us
        self.reaches(self.client, VIP, 80, "b")
        write({**here, **leaving}, {**there, **leaving})  # hints say nothing about the fallback
        self.reaches(self.client, VIP, 80, "ab")


class TypesTest(ClusterTest):
    def test_a_service_changes_its_type(self):
        name, slice = f"many.default.{DOMAIN}", m.slice("many", [addr_of("a"), addr_of("b")], [8080])

        def answer():
            reply = self.dig(name)
            return reply.status, sorted((r.type, r.data) for r in reply.answer)

        self.put("many", m.service("many", type="ExternalName", externalName="www.example.org"), slice)
        self.assertEqual(answer(), ("NOERROR", [("CNAME", "www.example.org.")]))
        self.put("many", m.service("many", VIP, [m.port(80, target=8080)]), slice)
        self.assertEqual(answer(), ("NOERROR", [("A", VIP)]))
        self.reaches(self.client, VIP, 80, "ab")
        self.put("many", m.service("many", VIP, [m.port(80, node_port=30062)], type="NodePort"), slice)
        self.reaches(self.client, "192.168.0.2", 30062, "ab")
        self.put("many", m.service("many", "None", [m.port(80)]), slice)
        self.assertEqual(answer(), ("NOERROR", [("A", addr_of("a")), ("A", addr_of("b"))]))
        self.assertNotEqual(self.outcome(self.client, "192.168.0.2", 30062, limit_s=0.5), "ok")
        self.assertNotEqual(self.outcome(self.client, VIP, 80, limit_s=0.5), "ok")
        self.put("many", m.service("many", type="ExternalName", externalName="www.example.org"), slice)
        self.assertEqual(answer(), ("NOERROR", [("CNAME", "www.example.org.")]))

    def test_external_ip_on_no_node(self):
        self.put("ext", m.service("ext", "10.96.6.2", [80], externalIPs=["203.0.113.250"]),
                 m.slice("ext", [addr_of("a")], [8080]))
        for ns in (self.client, self.pods["b"], self.node):
            self.reaches(ns, "203.0.113.250", 80, "a")

    def test_another_proxys_service_is_left_alone_while_it_has_the_label(self):
        for label, value in (("service-proxy-name", "other"), ("headless", "")):
            with self.subTest(label=label):
                service, slice = pair("label", "10.96.6.3", "a")
                self.put("label", service, slice)
                self.reaches(self.client, "10.96.6.3", 80, "a")
                service["metadata"]["labels"] = {f"service.kubernetes.io/{label}": value}
                self.put("label", service, slice)
                self.assertNotEqual(self.outcome(self.client, "10.96.6.3", 80, limit_s=0.5), "ok")
                del service["metadata"]["labels"]
                self.put("label", service, slice)
                self.reaches(self.client, "10.96.6.3", 80, "a")

    def test_growing_and_shrinking_under_traffic_loses_nothing(self):
        def write(count):
            targets = [(p, 8080) for p in "abc"] + [(p, 8081) for p in "abc"]
            slices = [m.slice("grow", [addr_of(p)], [number], name=f"grow-{n}")
                      for n, (p, number) in enumerate(targets[:count])]
            self.folder.put("grow", m.service("grow", "10.96.6.4", [80]), *slices)

        write(1)
        self.settle()
        end, turn, outcomes = time.monotonic() + 5, 0, []
        while time.monotonic() < end:
            turn += 1
            write(1 + turn * 5 % 6)
            outcomes += [traffic.connect(self.client, "10.96.6.4", 80).outcome for _ in range(20)]
        self.assertEqual(set(outcomes), {"ok"})


if __name__ == "__main__":
    unittest.main()
