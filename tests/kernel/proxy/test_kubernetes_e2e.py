"""
What Kubernetes' own e2e tests do to Services as far as no other file here does: things that change
while traffic flows. Names of tests say which of them it was.
"""
import unittest

from cluster import ClusterTest, addr_of
from test_user_scenarios import Load
import lab
import manifests as m
import traffic

NODE, VIP, BALANCER = "192.168.0.2", "10.96.7.1", "203.0.113.7"
LEAVING = {"ready": False, "serving": True, "terminating": True}


def on(node, pod, **conditions):
    return m.endpoint(addr_of(pod), nodeName=node, **conditions)


class KubernetesTest(ClusterTest):
    def service(self, *ports, **spec):
        made = m.service("web", VIP, ports or [m.port(80, node_port=30070)],
                         **{"type": "LoadBalancer", "externalTrafficPolicy": "Local", **spec})
        made["status"] = {"loadBalancer": {"ingress": [{"ip": BALANCER}]}}
        return made

    def seen(self, ns, addr=NODE, port=30070, **kwargs):
        reply = traffic.connect(ns, addr, port, **kwargs)
        return reply.outcome, reply.server, reply.client

    # service.go

    def test_one_protocol_of_a_shared_port_is_removed(self):
        both = [m.port(80, "t", node_port=30071), m.port(80, "u", "UDP", 30071)]
        slice = m.slice("web", [addr_of("a")], [("t", 8080), ("u", 8080, "UDP")])
        for gone, left in (("tcp", "udp"), ("udp", "tcp")):
            self.put("web", m.service("web", VIP, both, type="NodePort"), slice)
            for proto in (gone, left):
                self.reaches(self.client, VIP, 80, "a", proto)
                self.reaches(self.client, NODE, 30071, "a", proto)
            self.put("web", m.service("web", VIP, [p for p in both if p["protocol"] == left.upper()], type="NodePort"),
                     slice)
            self.reaches(self.client, VIP, 80, "a", left)
            self.reaches(self.client, NODE, 30071, "a", left)
            self.assertEqual(self.outcome(self.client, VIP, 80, gone), "refused")
            # a UDP client that gets the port of an earlier one by chance meets its entry, until conntrack was looked through
            lab.wait_until(lambda g=gone: self.outcome(self.client, NODE, 30071, g, limit_s=0.5) != "ok")

    def test_external_traffic_policy_changes(self):
        """Local: the client's address is kept, and a node without endpoint drops; Cluster: every node serves."""
        def health():
            return traffic.curl(self.client, f"http://{NODE}:32070/").code

        for where, local in (("node", ("ok", "a", "192.168.0.1")), ("other", ("timeout", None, None))):
            with self.subTest(endpoint_on=where):
                slice = m.slice("web", [on(where, "a")], [8080])
                self.put("web", self.service(healthCheckNodePort=32070), slice)
                wait = {"limit_s": 0.5} if local[0] == "timeout" else {}
                self.assertEqual(self.seen(self.client, **wait), local)
                self.assertEqual(self.seen(self.client, BALANCER, 80, **wait), local)
                lab.equals_within(health, 200 if where == "node" else 503)
                # pods and the node itself are served wherever the endpoint is; pods keep their address
                self.assertEqual(self.seen(self.pods["b"], BALANCER, 80), ("ok", "a", addr_of("b")))
                self.assertEqual(self.seen(self.node, BALANCER, 80)[:2], ("ok", "a"))
                self.put("web", self.service(externalTrafficPolicy="Cluster"), slice)
                for addr, port in ((NODE, 30070), (BALANCER, 80)):
                    outcome, server, client = self.seen(self.client, addr, port)
                    self.assertEqual((outcome, server), ("ok", "a"))
                    self.assertIn(client, self.node_addrs)
                lab.equals_within(health, 0)

    def test_only_a_terminating_endpoint_is_left(self):
        """The health check port sends the load balancer away, while what still comes is served."""
        self.put("web", self.service(healthCheckNodePort=32071), m.slice("web", [on("node", "a", **LEAVING)], [8080]))
        lab.equals_within(lambda: traffic.curl(self.client, f"http://{NODE}:32071/").code, 503)
        self.assertEqual(self.seen(self.client), ("ok", "a", "192.168.0.1"))
        self.assertEqual(self.seen(self.client, BALANCER, 80), ("ok", "a", "192.168.0.1"))

    def test_unready_pods_are_published_as_ready(self):
        """publishNotReadyAddresses: the slice controller says ready, whatever else is true of the pod."""
        def write(**conditions):
            self.put("web", m.service("web", VIP, [m.port(80, node_port=30072)], type="NodePort"),
                     m.slice("web", [m.endpoint(addr_of("a"), **conditions)], [8080]))

        write(ready=True, serving=False, terminating=True)
        self.reaches(self.client, VIP, 80, "a")
        self.reaches(self.client, NODE, 30072, "a")
        write(ready=False, serving=False, terminating=True)
        self.assertEqual(self.outcome(self.client, VIP, 80), "refused")
        self.assertEqual(self.outcome(self.client, NODE, 30072), "refused")

    def test_internal_traffic_policy_local(self):
        """Pods and the node reach what is here; where nothing is here, packets are dropped, not refused."""
        def write(node, address, port):
            self.put("web", m.service("web", VIP, [80], internalTrafficPolicy="Local"),
                     m.slice("web", [m.endpoint(address, nodeName=node)], [port]))

        self.lab.servers.tcp(self.node, "host", 9071)
        for name, address, port in (("a", addr_of("a"), 8080), ("host", NODE, 9071)):
            for ns in (self.pods["b"], self.node):
                with self.subTest(endpoint=name, source=ns.short):
                    write("node", address, port)
                    self.assertEqual(self.seen(ns, VIP, 80)[:2], ("ok", name))
                    write("other", address, port)
                    self.assertEqual(self.outcome(ns, VIP, 80, limit_s=0.5), "timeout")


    # loadbalancer.go

    def test_source_ranges_change(self):
        slice = m.slice("web", [addr_of("a")], [8080])
        for ranges, open_to in ((["192.168.0.1/32"], "client"), ([f"{addr_of('b')}/32"], "b"),
                                (["192.168.0.1/32 ", f" {addr_of('b')}/32"], "client b"), ([], "client b c"),
                                (["198.51.100.0/24"], ""), (["fd00::/8"], "client b c")):
            with self.subTest(ranges=ranges):
                self.put("web", self.service(externalTrafficPolicy="Cluster", loadBalancerSourceRanges=ranges), slice)
                for ns in (self.client, self.pods["b"], self.pods["c"]):
                    if ns.short in open_to.split():
                        self.assertEqual(self.seen(ns, BALANCER, 80)[0], "ok")
                    else:
                        self.assertEqual(self.seen(ns, BALANCER, 80, limit_s=0.5)[0], "timeout")
                self.assertEqual(self.seen(self.client)[0], "ok", "node ports have no source ranges")

    def test_without_node_ports(self):
        self.put("web", self.service(m.port(80), allocateLoadBalancerNodePorts=False),
                 m.slice("web", [on("node", "a")], [8080]))
        self.assertEqual(self.seen(self.client, BALANCER, 80), ("ok", "a", "192.168.0.1"))

    def test_affinity_through_the_balancer(self):
        for policy in ("Local", "Cluster"):
            with self.subTest(policy=policy):
                self.put("web", self.service(sessionAffinity="ClientIP", externalTrafficPolicy=policy),
                         m.slice("web", [on("node", p) for p in "abc"], [8080]))
                for ns in (self.client, self.pods["b"]):
                    self.assertEqual(len({self.seen(ns, BALANCER, 80)[1] for _ in range(15)}), 1)
                self.put("web", self.service(externalTrafficPolicy=policy),
                         m.slice("web", [on("node", p) for p in "abc"], [8080]))
                self.reaches(self.client, BALANCER, 80, "abc")

    def test_a_rolling_update_under_load(self):
        """With the policy Local and one endpoint a node at a time: the one that leaves serves until the next is ready."""
        steps = ([on("node", "a")], [on("node", "a"), on("node", "b", ready=False)], [on("node", "a"), on("node", "b")],
                 [on("node", "a", **LEAVING), on("node", "b")], [on("node", "b")],
                 [on("node", "b", **LEAVING), on("node", "a", ready=False)], [on("node", "b", **LEAVING), on("node", "a")])
        for policy in ("Local", "Cluster"):
            self.put("web", self.service(externalTrafficPolicy=policy), m.slice("web", steps[0], [8080]))
            with Load(self.client, BALANCER) as outside, Load(self.pods["c"], BALANCER) as inside:
                for endpoints in steps * 2:
                    self.put("web", self.service(externalTrafficPolicy=policy), m.slice("web", endpoints, [8080]))
                    outside.more(20)
                    inside.more(20)
            self.assertEqual(outside.failures() + inside.failures(), [])


    # conntrack.go

    def test_udp_follows_its_backend(self):
        """A client that keeps its source port, through every kind of frontend."""
        def write(pod, **spec):
            self.put("web", self.service(m.port(80, proto="UDP", node_port=30073), **spec),
                     m.slice("web", [on("node", pod)] if pod else [], [("", 8080, "UDP")]))

        ways = [(self.client, BALANCER, 80), (self.pods["c"], BALANCER, 80), (self.node, BALANCER, 80),
                (self.client, NODE, 30073), (self.pods["c"], VIP, 80), (self.node, VIP, 80)]
        for spec in ({}, {"externalTrafficPolicy": "Cluster"}, {"internalTrafficPolicy": "Local"}):
            with self.subTest(spec=spec):
                write("a", **spec)
                flows = []
                for ns, addr, port in ways:
                    sock = traffic.open_flow(ns, addr, "udp")
                    self.addCleanup(sock.close)
                    flows.append((sock, addr, port))
                for pod in ("a", "b", None, "a"):
                    write(pod, **spec)
                    for sock, addr, port in flows:
                        lab.equals_within(lambda s=sock, a=addr, p=port: traffic.exchange(s, a, p, limit_s=0.3).server, pod)


if __name__ == "__main__":
    unittest.main()
