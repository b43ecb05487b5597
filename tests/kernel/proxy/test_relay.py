"""Localhost node ports: 127.0.0.1 and [::1] on the node reach services through the relay."""
import resource
import selectors
import unittest

import lab
import manifests
import scenes
import traffic
from manifests import endpoint

FLAGS = ("--no-dns", "--node-name", "node-a", "--nodeport-addresses", "primary,localhost", "--cluster-cidr",
         "10.244.0.0/16,fd00:244::/64")
BOTH = ("127.0.0.1", "::1")


class Relay(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.pods = {}
        for i, name in enumerate(("a", "b")):
            pod = self.lab.pod(self.node, name, f"10.244.0.1{i}", f"fd00:244::1{i}")
            self.lab.servers.tcp(pod, name, 8080)
            self.lab.servers.udp(pod, name, 8080)
            self.pods[name] = pod

    def put(self, endpoints=("a", "b"), nodes=None, **spec):
        ports = [manifests.port(80, "t", node_port=30080), manifests.port(80, "u", "UDP", node_port=30080)]
        service = manifests.service("web", ["10.96.0.1", "fd00:96::1"], ports, type="NodePort",
                                    ipFamilies=["IPv4", "IPv6"], **spec)
        slices = [manifests.slice("web", [endpoint(self.pods[e].addrs[i], nodeName=(nodes or {}).get(e, "node-a"))
                                          for e in endpoints], [("t", 8080), ("u", 8080, "UDP")],
                                  family=("IPv4", "IPv6")[i]) for i in (0, 1)]
        self.folder.put("web", service, *slices)

    def daemon(self):
        """The relay listens a moment after the kernel has the service: it is a thread of its own."""
        daemon = self.lab.daemon(self.node, self.folder, *FLAGS)
        for host in BOTH:
            lab.equals_within(lambda h=host: traffic.connect(self.node, h, 30080).outcome, "ok")
            lab.equals_within(lambda h=host: traffic.connect(self.node, h, 30080, "udp").outcome, "ok")
        return daemon

    def reached(self, want):
        for host in BOTH:
            for proto in ("tcp", "udp"):
                with self.subTest(host=host, proto=proto):
                    traffic.servers_reached(self.node, host, 30080, want, proto)

    def test_both_families_and_protocols(self):
        self.put()
        self.daemon()
        self.reached({"a", "b"})
        for host in BOTH:
            self.assertEqual(traffic.connect(self.node, host, 30080, data=b"x" * 50000).outcome, "ok")
            self.assertEqual(traffic.connect(self.node, host, 30080, "udp", data=b"x" * 2000).outcome, "ok")
        # an ordinary node port is none of the relay's business
        self.assertEqual(traffic.connect(self.node, "192.168.0.2", 30080).outcome, "ok")

    def test_policies_of_other_traffic_do_not_count(self):
        """externalTrafficPolicy Local short-circuits for the node itself; internalTrafficPolicy is for ClusterIPs."""
        self.put(nodes={"a": "node-b", "b": "node-b"}, externalTrafficPolicy="Local", internalTrafficPolicy="Local")
        self.daemon()
        self.reached({"a", "b"})

    def test_endpoints_and_services_that_change(self):
        self.put(["a"])
        self.daemon()
        self.reached({"a"})
        flows = {host: traffic.open_flow(self.node, host) for host in BOTH}
        for host, flow in flows.items():
            self.assertEqual(traffic.exchange(flow, host, 30080).server, "a")
        self.put(["b"])
        for host, flow in flows.items():  # datagrams of the same source port move
            lab.equals_within(lambda h=host, f=flow: traffic.exchange(f, h, 30080).server, "b")
        lab.equals_within(lambda: traffic.connect(self.node, "127.0.0.1", 30080).server, "b")
        self.put([])
        for host in BOTH:
            lab.equals_within(lambda h=host: traffic.connect(self.node, h, 30080).outcome, "refused")
        self.put(["a"])
        for host in BOTH:
            lab.equals_within(lambda h=host: traffic.connect(self.node, h, 30080).server, "a")
        self.folder.remove("web")
        for host in BOTH:
            lab.equals_within(lambda h=host: traffic.connect(self.node, h, 30080).outcome, "refused")

    def test_a_renamed_service_keeps_its_node_port(self):
        """The new name is there before the old one goes, in whichever order names are."""
        def put(name, address, pod):
            ports = [manifests.port(80, "t", node_port=30080), manifests.port(80, "u", "UDP", node_port=30080)]
            self.folder.put("web", manifests.service(name, address, ports, type="NodePort"),
                            manifests.slice(name, [self.pods[pod].addrs[0]], [("t", 8080), ("u", 8080, "UDP")]))

        put("mmm", "10.96.0.1", "a")
        self.lab.daemon(self.node, self.folder, *FLAGS)
        for name, address, pod in (("zzz", "10.96.0.2", "b"), ("aaa", "10.96.0.3", "a")):
            put(name, address, pod)
            for proto in ("tcp", "udp"):
                lab.equals_within(lambda p=proto: traffic.connect(self.node, "127.0.0.1", 30080, p).server, pod)

    def test_session_affinity(self):
        self.put(sessionAffinity="ClientIP")
        self.daemon()
        for host in BOTH:
            seen = {traffic.connect(self.node, host, 30080).server for _ in range(15)}
            self.assertEqual(len(seen), 1)

    def test_off_unless_asked_for(self):
        self.put()
        self.lab.daemon(self.node, self.folder, "--no-dns")
        for host in BOTH:
            self.assertEqual(traffic.connect(self.node, host, 30080).outcome, "refused")

    def test_port_of_another_program_stays_theirs(self):
        self.lab.servers.tcp(self.node, "theirs", 30080)
        self.put()
        daemon = self.lab.daemon(self.node, self.folder, *FLAGS)
        lab.wait_until(lambda: "localhost node port TCP: cannot listen on 127.0.0.1:30080: in use by another program"
                       in daemon.log())
        self.assertEqual(traffic.connect(self.node, "127.0.0.1", 30080).server, "theirs")
        traffic.servers_reached(self.node, "127.0.0.1", 30080, {"a", "b"}, "udp")

    def test_loopback_stays_closed_to_the_outside(self):
        self.put()
        client = self.lab.host(self.node, "client", "192.168.0.1")
        self.daemon()
        self.assertEqual(traffic.connect(self.node, "127.0.0.1", 30080).outcome, "ok")
        # a neighbour that sends to 127.0.0.1 through the node
        client.sysctl("net.ipv4.conf.all.route_localnet", 1)
        client.ip("route del local 127.0.0.0/8 dev lo table local", "route del local 127.0.0.1 dev lo table local",
                  "route add 127.0.0.0/8 via 192.168.0.2 dev eth0")
        for proto in ("tcp", "udp"):
            reply = traffic.connect(client, "127.0.0.1", 30080, proto, src="192.168.0.1", limit_s=1)
            self.assertEqual(reply.outcome, "timeout")
        for conf in ("all", "default", "eth0"):
            self.assertEqual(self.node.run("cat", f"/proc/sys/net/ipv4/conf/{conf}/route_localnet").stdout, "0\n")

    def test_more_clients_than_places_wait(self):
        """1024 connections at a time: the next ones are served when others end, none is refused."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.put(["a"])
        self.daemon()
        flows = [traffic.open_flow(self.node, "127.0.0.1", "tcp") for _ in range(1100)]
        for flow in flows:
            self.addCleanup(flow.close)
            flow.settimeout(lab.LIMIT_S)
            flow.connect(("127.0.0.1", 30080))
        waiting, served = selectors.DefaultSelector(), []
        self.addCleanup(waiting.close)
        for flow in flows:
            waiting.register(flow, selectors.EVENT_READ)

        def serve():
            """Which ones come first is the kernel's choice where the relay is slower than the clients."""
            for key, _ in waiting.select(0.3):
                self.assertIn(b'"server": "a"', key.fileobj.recv(1000))
                served.append(waiting.unregister(key.fileobj).fileobj)
            return len(served)

        lab.wait_until(lambda: serve() >= 1024)
        self.assertEqual(serve(), 1024)
        for flow in served[:200]:
            flow.close()
        lab.wait_until(lambda: serve() == 1100)

    def test_figures(self):
        self.put()
        self.daemon()
        self.reached({"a", "b"})
        page = traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body
        self.assertIn('fairlead_localhost_nodeport_listeners{protocol="TCP"} 2\n', page)
        self.assertIn('fairlead_localhost_nodeport_listeners{protocol="UDP"} 2\n', page)


if __name__ == "__main__":
    unittest.main()
