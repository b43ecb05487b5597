"""`fairlead explain`: faults of the host, of its networks and of what is behind it, each with a daemon of its own."""
import os
import socket
import unittest

import apiserver
import explaining
import lab
import manifests
import scenes
import traffic
from cluster import pair

VIP, POD, DNS = "10.96.1.1", "10.244.0.10", "127.0.0.1"


class ExplainHost(explaining.Explaining, scenes.NodeTest):
    CIDRS = ("--cluster-cidr", "10.244.0.0/16")

    def setUp(self):
        super().setUp()
        self.pod = self.lab.pod(self.node, "web-0", POD)
        self.lab.servers.tcp(self.pod, "web-0", 8080)
        self.outside = self.lab.host(self.node, "outside", "192.168.0.1")

    def begin(self, *flags, objects=()):
        self.folder.put("web", *(objects or pair("web", VIP, "a", ns="shop")))
        self.daemon = self.lab.daemon(self.node, self.folder, "--dns-listen", DNS, *self.CIDRS, *flags)

    def bridges_filter(self, value):
        """Without the module br_netfilter they do not."""
        with self.node.inside():
            if os.path.exists("/proc/sys/net/bridge"):
                self.node.sysctl("net.bridge.bridge-nf-call-iptables", value)

    def test_negative_answer_is_cached(self):
        self.begin("--dns-negative-ttl", "600", objects=[manifests.namespace("shop")])
        self.folder.put("late", *pair("web", VIP, "a", ns="shop"))
        lab.wait_until(lambda: self.explain("web.shop").returncode == 0, what="the Service is in DNS")
        first = self.explain("web.shop", code=0).stdout.split("\n", 1)[0]
        self.assertIn("may have the negative answer cached", first)
        self.daemon.stop()
        self.daemon.start()  # what was there at start is not new
        self.assertNotIn("negative", self.explain("web.shop", code=0).stdout)

    def test_upstream_is_dead(self):
        self.begin("--forward", "127.0.0.9")
        self.names(["www.example.com"], "upstream DNS server", "is dead", "127.0.0.9")

    def test_api_server_is_away(self):
        with self.node.inside():
            server = apiserver.Server()
        self.addCleanup(server.stop)
        server.put(manifests.namespace("shop"), manifests.node("node", "192.168.0.2"), *pair("web", VIP, "a", ns="shop"))
        self.daemon = lab.Daemon(self.node, ["--apiserver", server.url, "--node-name", "node", "--dns-listen", DNS,
                                             *self.CIDRS], self.lab.folder)
        self.lab.daemons.append(self.daemon)
        self.daemon.start()
        self.assertNotIn("unreachable", self.explain("web.shop", code=0).stdout)
        server.stop()
        lab.wait_until(lambda: "unreachable" in self.explain("web.shop").stdout.split("\n", 1)[0])
        self.assertIn("the API server " + server.url, self.explain("web.shop", code=0).stdout.split("\n", 1)[0])

    def test_address_is_held_by_the_host(self):
        self.begin(objects=pair("web", VIP, "a", ns="shop", externalIPs=["192.168.0.2"]))
        self.names(["192.168.0.2:80", "--from", "192.168.0.1"], "192.168.0.2:80 is held by this host itself",
                   "Service shop/web")
        self.names(["192.168.0.2:81"], "held by this host itself")

    def test_external_address_is_not_routed_here(self):
        self.begin(objects=pair("web", VIP, "a", ns="shop", externalIPs=["192.168.0.77"]))
        self.outside.ip("route del default")
        self.assertEqual(traffic.connect(self.outside, "192.168.0.77", 80, limit_s=0.5).outcome != "ok", True)
        self.names(["192.168.0.77:80", "--from", "192.168.0.1"], "192.168.0.77 is not routed to this host",
                   "192.168.0.0/24")
        self.explain("192.168.0.77:80", "--from", POD, code=0)

    def test_stale_conntrack_entry(self):
        self.begin()
        self.explain("web.shop", "--from", "10.244.0.99", code=0)
        # a flow that was translated to an endpoint of yesterday
        self.node.run("conntrack", "-I", "-p", "tcp", "--state", "ESTABLISHED", "-t", "600", "-s", "10.244.0.99",
                      "-d", VIP, "--sport", "40000", "--dport", "80", "--dst-nat", "10.244.0.66:8080")
        self.names(["web.shop", "--from", "10.244.0.99"], "stale conntrack entry", "10.244.0.99:40000",
                   "10.244.0.66:8080, which is no endpoint")
        self.explain("web.shop", "--from", "10.244.0.98", code=0)

    def test_no_way_back(self):
        """Client and endpoint on one network, and nothing masquerades."""
        other = self.lab.host(self.node, "other", "192.168.0.7")
        self.bridges_filter(0)
        self.lab.servers.tcp(other, "other", 8080)
        self.CIDRS = ("--cluster-cidr", "192.168.0.0/24")
        self.begin(objects=(manifests.service("web", VIP, [80], ns="shop"),
                            manifests.slice("web", ["192.168.0.7"], [("", 8080)], ns="shop")))
        self.assertNotEqual(traffic.connect(self.outside, VIP, 80, limit_s=1).outcome, "ok")
        self.names([f"{VIP}:80", "--from", "192.168.0.1"], "no route back",
                   "client 192.168.0.1 and endpoint 192.168.0.7 are on one network, 192.168.0.0/24")
        self.daemon.stop()
        self.CIDRS = ()
        self.begin(objects=(manifests.service("web", VIP, [80], ns="shop"),
                            manifests.slice("web", ["192.168.0.7"], [("", 8080)], ns="shop")))
        self.assertEqual(traffic.connect(self.outside, VIP, 80).outcome, "ok")
        self.explain(f"{VIP}:80", "--from", "192.168.0.1", code=0)

    def test_rp_filter(self):
        """The client's packets come in on one interface, the route to it leads to another."""
        router = self.lab.ns("router")
        self.node.ip(f"link add side type veth peer name eth0 netns {router.name}", "link set side up",
                     "addr add 10.9.0.1/24 dev side")
        router.ip("link set eth0 up", "addr add 10.9.0.2/24 dev eth0", "addr add 172.16.0.9/32 dev lo",
                  "route add default via 10.9.0.1")
        self.begin()
        self.explain("web.shop", "--from", "172.16.0.9", code=0)
        self.node.sysctl("net.ipv4.conf.side.rp_filter", 1)
        self.assertEqual(traffic.connect(router, VIP, 80).outcome, "ok")  # ARP is done, too: rp_filter checks it as well
        outcome = traffic.connect(router, VIP, 80, src="172.16.0.9", limit_s=1).outcome
        self.assertNotEqual(outcome, "ok")
        self.names(["web.shop", "--from", "172.16.0.9"], "rp_filter", "they come in on side",
                   "net.ipv4.conf.side.rp_filter", "on eth0")
        self.explain("web.shop", "--from", "10.9.0.2", code=0)

    def test_no_route_to_an_endpoint(self):
        self.begin(objects=(manifests.service("web", VIP, [80], ns="shop"),
                            manifests.slice("web", ["203.0.113.1"], [("", 8080)], ns="shop")))
        self.node.ip("route del default")
        self.names(["web.shop"], "no route to 203.0.113.1")

    def test_without_a_daemon(self):
        self.begin()
        self.daemon.stop()
        self.assertIn("no daemon answers", self.explain("web.shop", code=3).stderr)

    def test_another_program_has_the_port_of_dns(self):
        """A name server that is silent is named."""
        self.begin()
        silent = self.node.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.3", 53))
        conf = self.lab.folder / "silent"
        conf.write_text("nameserver 127.0.0.3\noptions timeout:1 attempts:1\nsearch shop.svc.cluster.local\n")
        self.names(["web", "--namespace", "shop", "--resolv-conf", conf], "DNS server 127.0.0.3", "no reply")


if __name__ == "__main__":
    unittest.main()
