"""
What people type and rely on when they learn and run Kubernetes, as scenarios: scale, probes, rolling updates, blue and
green, StatefulSets, load balancers. The number in a test's name is the row of the users' notes it comes from.
"""
import collections
import threading
import time
import unittest

from cluster import ClusterTest, DOMAIN, addr_of, pair
import lab
import manifests as m
import traffic


class Load:
    """Connects again and again from one namespace, in a thread of its own, and counts how that went."""

    def __init__(self, ns, addr, port=80):
        self.ns, self.addr, self.port = ns, addr, port
        self.results, self._stop = [], threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.is_set():
            start = time.monotonic()
            self.results.append((start, traffic.connect(self.ns, self.addr, self.port)))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def more(self, count=100):
        """Waits for that many further connections that began after this call; returns them."""
        since = time.monotonic()
        lab.wait_until(lambda: sum(start >= since for start, _ in self.results) >= count, what="load goes on")
        return [reply for start, reply in list(self.results) if start >= since]

    def failures(self):
        return [reply for _, reply in self.results if reply.outcome != "ok"]


class ScenarioTest(ClusterTest):
    def share(self, replies):
        self.assertEqual({r.outcome for r in replies}, {"ok"})
        return collections.Counter(r.server for r in replies)

    def test_01_expose_and_scale(self):
        self.put("demo", *pair("demo", "10.96.5.1", "a", 8080))
        self.assertEqual(self.addresses(f"demo.default.{DOMAIN}"), ["10.96.5.1"])
        self.reaches(self.pods["c"], "10.96.5.1", 8080, "a")
        self.put("demo", *pair("demo", "10.96.5.1", "ab", 8080))
        self.assertEqual(self.addresses(f"demo.default.{DOMAIN}"), ["10.96.5.1"])
        share = self.share([traffic.connect(self.pods["c"], "10.96.5.1", 8080) for _ in range(200)])
        # 100 expected, deviation 7.1: outside of six deviations once in 10**8 runs
        self.assertTrue(57 < share["b"] < 143, share)

    def test_02_node_port_from_outside(self):
        self.put("np", m.service("np", "10.96.5.2", [m.port(8080, node_port=31234, target=80)], type="NodePort"),
                 m.slice("np", [addr_of("a"), m.endpoint(addr_of("b"), ready=False)], [80]))
        for _ in range(10):
            self.assertEqual(traffic.curl(self.client, "http://192.168.0.2:31234/hostname").body, "a")

    def test_03_a_deleted_pod_with_a_slow_pre_stop(self):
        def write(*endpoints):
            self.put("stop", m.service("stop", "10.96.5.3", [80]), m.slice("stop", endpoints, [8080]))

        write(addr_of("a"), addr_of("b"))
        with Load(self.client, "10.96.5.3") as load:
            load.more(20)
            leaving = m.endpoint(addr_of("a"), ready=False, serving=True, terminating=True)
            write(leaving, addr_of("b"))
            self.assertEqual(set(self.share(load.more())), {"b"})
            write(leaving, addr_of("b"), m.endpoint(addr_of("c"), ready=False))
            self.assertEqual(set(self.share(load.more())), {"b"})
            write(addr_of("b"), addr_of("c"))
            share = self.share(load.more(200))
            self.assertEqual(set(share), {"b", "c"})
            self.assertGreater(min(share.values()) / sum(share.values()), 0.28, share)
        self.assertEqual(load.failures(), [])

    def test_04_a_slow_starter(self):
        def write(ready):
            self.put("slow", m.service("slow", "10.96.5.4", [80]),
                     m.slice("slow", [addr_of("a"), m.endpoint(addr_of("b"), ready=ready)], [8080]))

        write(False)
        with Load(self.client, "10.96.5.4") as load:
            self.assertEqual(set(self.share(load.more())), {"a"})
            write(True)
            self.assertEqual(set(self.share(load.more())), {"a", "b"})
        self.assertEqual(load.failures(), [])

    def test_05_a_readiness_probe_fails_and_passes_again(self):
        def write(ready):
            endpoints = [addr_of("a"), m.endpoint(addr_of("b"), ready=ready), addr_of("c")]
            self.put("probe", m.service("probe", "10.96.5.5", [80]), m.slice("probe", endpoints, [8080]),
                     m.service("probe-hl", "None", [8080]), m.slice("probe-hl", endpoints, [8080]))

        write(True)
        name = f"probe-hl.default.{DOMAIN}"
        self.assertEqual(self.addresses(name), [addr_of(p) for p in "abc"])
        held = None
        while held is None:  # an existing connection to b
            sock = traffic.open_flow(self.client, "10.96.5.5", "tcp")
            if traffic.exchange(sock, "10.96.5.5", 80, "tcp").server == "b":
                held = sock
            else:
                sock.close()
        self.addCleanup(held.close)
        with Load(self.client, "10.96.5.5") as load:
            write(False)
            self.assertEqual(self.addresses(name), [addr_of("a"), addr_of("c")])
            self.assertEqual(set(self.share(load.more())), {"a", "c"})
            held.sendall(b"not cut")
            self.assertEqual(held.recv(100), b"not cut")
            write(True)
            self.assertEqual(self.addresses(name), [addr_of(p) for p in "abc"])
            self.assertEqual(set(self.share(load.more())), {"a", "b", "c"})
        self.assertEqual(load.failures(), [])

    def test_06_an_init_container_waits_for_a_name(self):
        name = f"myservice.wait.{DOMAIN}"
        before = self.dig(name)
        self.assertEqual((before.status, before.authority[0].type), ("NXDOMAIN", "SOA"))
        self.assertLessEqual(before.authority[0].ttl, 5)
        self.put("wait", m.service("myservice", "10.96.5.6", [80], ns="wait"))
        self.assertEqual(self.addresses(name), ["10.96.5.6"])

    def test_07_endpoints_written_by_hand(self):
        self.put("hand", m.service("hand", "10.96.5.7", [m.port(80)]),
                 {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "hand", "namespace": "default"},
                  "subsets": [{"addresses": [{"ip": addr_of("a")}, {"ip": addr_of("b")}], "ports": [{"port": 8080}]}]})
        self.reaches(self.client, "10.96.5.7", 80, "ab")
        self.assertEqual(self.addresses(f"hand.default.{DOMAIN}"), ["10.96.5.7"])

    def test_08_a_stateful_set_with_a_reading_service(self):
        pods = [m.endpoint(addr_of(p), hostname=f"mysql-{n}") for n, p in enumerate("abc")]
        self.put("mysql", m.service("mysql", "None", [m.port(3306, "mysql")]), m.slice("mysql", pods, [("mysql", 8080)]),
                 m.service("mysql-read", "10.96.5.8", [m.port(3306, "mysql")]),
                 m.slice("mysql-read", pods, [("mysql", 8080)]))
        self.assertEqual(self.addresses(f"mysql-0.mysql.default.{DOMAIN}"), [addr_of("a")])
        self.assertEqual(self.addresses(f"mysql.default.{DOMAIN}"), [addr_of(p) for p in "abc"])
        self.assertEqual(self.addresses(f"mysql-read.default.{DOMAIN}"), ["10.96.5.8"])
        self.reaches(self.pods["a"], "10.96.5.8", 3306, "abc")

    def test_09_a_pod_comes_back_with_another_address(self):
        def write(pod):
            self.put("again", m.service("again", "None", [8080]),
                     m.slice("again", [m.endpoint(addr_of(pod), hostname="again-0")], [8080]))

        for pod in "abc":
            write(pod)
            reply = self.dig(f"again-0.again.default.{DOMAIN}")
            self.assertEqual([r.data for r in reply.answer], [addr_of(pod)])
            self.assertLessEqual(reply.answer[0].ttl, 5)

    def test_10_blue_and_green(self):
        self.put("colour", *pair("colour", "10.96.5.10", "ab"))
        with Load(self.client, "10.96.5.10") as load:
            self.assertEqual(set(self.share(load.more())), {"a", "b"})
            self.put("colour", *pair("colour", "10.96.5.10", "c"))
            self.assertEqual(set(self.share(load.more())), {"c"})
            self.assertEqual(self.addresses(f"colour.default.{DOMAIN}"), ["10.96.5.10"])
        self.assertEqual(load.failures(), [])

    def test_11_a_rolling_update_under_load(self):
        def ready(pod):
            return m.endpoint(addr_of(pod), ready=True)

        def starting(pod):
            return m.endpoint(addr_of(pod), ready=False)

        def leaving(pod):
            return m.endpoint(addr_of(pod), ready=False, serving=True, terminating=True)

        steps = ([ready("a"), ready("b")], [ready("a"), ready("b"), starting("c")],
                 [ready("a"), ready("b"), ready("c")], [leaving("a"), ready("b"), ready("c")],
                 [ready("b"), ready("c")], [starting("a"), leaving("b"), ready("c")], [starting("a"), ready("c")],
                 [ready("a"), ready("c")])
        self.put("roll", m.service("roll", "10.96.5.11", [80]), m.slice("roll", steps[0], [8080]))
        with Load(self.client, "10.96.5.11") as outside, Load(self.pods["c"], "10.96.5.11") as inside:
            for endpoints in steps * 3:
                self.put("roll", m.service("roll", "10.96.5.11", [80]), m.slice("roll", endpoints, [8080]))
                self.assertEqual({r.outcome for r in outside.more(20) + inside.more(20)}, {"ok"})
        self.assertEqual(outside.failures() + inside.failures(), [])

    def test_16_a_load_balancer_address(self):
        service = m.service("lb", "10.96.5.16", [m.port(80, node_port=31616)], type="LoadBalancer")
        service["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.16"}]}}
        self.put("lb", service, m.slice("lb", [addr_of("a"), addr_of("b")], [8080]))
        for source in (self.client, self.pods["c"], self.node):
            self.reaches(source, "203.0.113.16", 80, "ab")
        self.reaches(self.client, "192.168.0.2", 31616, "ab")

    def test_19_plain_pods_and_host_network_endpoints(self):
        # no Service: pods reach pods, with their own address
        self.assertEqual(traffic.connect(self.pods["a"], addr_of("b"), 8081).client, addr_of("a"))
        self.assertEqual(traffic.curl(self.client, f"http://{addr_of('b')}/clientip").body, "192.168.0.1")
        # an endpoint on the node's own address
        self.lab.servers.tcp(self.node, "host", 9000)
        self.put("host", m.service("host", "10.96.5.19", [80]), m.slice("host", ["192.168.0.2"], [9000]))
        for source in (self.client, self.pods["a"], self.node):
            self.assertEqual(traffic.connect(source, "10.96.5.19", 80).server, "host")
        self.assertEqual(traffic.connect(self.pods["a"], "10.96.5.19", 80).client, addr_of("a"))
        # delivered on the node itself, past postrouting: nothing to masquerade
        self.assertEqual(traffic.connect(self.client, "10.96.5.19", 80).client, "192.168.0.1")


if __name__ == "__main__":
    unittest.main()
