"""
What kube-proxy leaves open about conntrack: which conntrack entries of the daemon's services are
forgotten after a commit (target-port change, new VIP, SCTP, a SYN that ran ahead of the rules), and which never.
"""
import socket
import threading
import unittest

import lab
import manifests
import scenes
import traffic

VIP, VIP6, BALANCER = "10.96.0.1", "fd00:96::1", "203.0.113.9"


class ConntrackTest(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.pods = [self.lab.pod(self.node, f"pod-{i}", f"10.244.0.1{i}", f"fd00:244::1{i}") for i in range(2)]
        self.client = self.lab.pod(self.node, "client", "10.244.0.99", "fd00:244::99")
        self.outside = self.lab.host(self.node, "outside", "192.168.0.1", "fd00:0::1")
        self.node.ip("route replace default via 192.168.0.1 dev eth0")  # it swallows what is not translated
        for pod in self.pods:
            for port in (8080, 9090):
                self.lab.servers.udp(pod, f"{pod.short}:{port}", port)
                self.lab.servers.tcp(pod, f"{pod.short}:{port}", port)
                self.lab.servers.sctp(pod, f"{pod.short}:{port}", port)

    def put(self, *pods, proto="UDP", target=8080, ingress=None):
        service = manifests.service("web", [VIP, VIP6], [manifests.port(80, "x", proto, 30053)], type="LoadBalancer")
        if ingress:
            service["status"] = {"loadBalancer": {"ingress": [{"ip": ingress}]}}
        self.folder.put("web", service, *[
            manifests.slice("web", [self.pods[i].addrs[family] for i in pods], [("x", target, proto)])
            for family in (0, 1)])

    def daemon(self):
        self.started = self.lab.daemon(self.node, self.folder, "--cluster-cidr", "10.244.0.0/16,fd00:244::/64")

    def deleted(self):
        return self.started.status()["kernel"]["flowsDeleted"]

    def entries(self, *match):
        return self.node.run("conntrack", "-L", *match, check=False).stdout.splitlines()

    def flow(self, dst, ns=None):
        sock = traffic.open_flow(ns or self.client, dst, "udp", sport=40000)
        self.addCleanup(sock.close)
        return lambda port, limit_s=traffic.ANSWER_S: traffic.exchange(sock, dst, port, limit_s=limit_s).server

    def test_udp_follows_a_changed_target_port(self):
        """k/k#130542: neither Service nor endpoint addresses change, only the slice's port."""
        self.put(0)
        self.daemon()
        flows = [(self.flow(VIP), 80), (self.flow(VIP6), 80), (self.flow("192.168.0.2", self.outside), 30053),
                 (self.flow(VIP, self.node), 80)]
        self.assertEqual([ask(port) for ask, port in flows], ["pod-0:8080"] * 4)
        self.put(0, target=9090)
        for ask, port in flows:
            lab.equals_within(lambda a=ask, p=port: a(p, 1), "pod-0:9090")

    def test_udp_that_came_before_its_vip(self):
        """A client that kept sending while the load balancer had no address yet."""
        self.put(0)
        self.daemon()
        ask = self.flow(BALANCER)
        self.assertIsNone(ask(80, 1))
        self.assertEqual(len(self.entries("-p", "udp", "--orig-dst", BALANCER)), 1)
        self.put(0, ingress=BALANCER)
        lab.equals_within(lambda: ask(80, 1), "pod-0:8080")

    def test_udp_whose_answer_was_under_way_when_its_vip_appeared(self):
        """Its entry is forgotten, but the answer makes one in which all that the client sends counts as answers."""
        self.outside.add_addr(BALANCER)
        beside = self.outside.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(beside.close)
        beside.bind((BALANCER, 80))
        beside.settimeout(traffic.ANSWER_S)
        self.put(0)
        self.daemon()
        sock = traffic.open_flow(self.client, BALANCER, "udp", sport=40000)
        self.addCleanup(sock.close)
        sock.connect((BALANCER, 80))
        sock.send(b"?")
        client = beside.recvfrom(100)[1]
        self.put(0, ingress=BALANCER)
        lab.wait_until(lambda: self.entries("-p", "udp", "--orig-dst", BALANCER) == [], what="the flow is forgotten")
        beside.sendto(b"late", client)
        sock.settimeout(traffic.ANSWER_S)
        self.assertEqual(sock.recv(100), b"late")
        lab.equals_within(lambda: traffic.exchange(sock, BALANCER, 80, limit_s=1).server, "pod-0:8080")

    def test_one_frontend_of_each_family(self):
        """The kernel is asked for the flows to one address only: those must be the ones that it sends."""
        for vip, family in ((VIP, 0), (VIP6, 1)):
            with self.subTest(vip):
                self.folder.put("web", manifests.service("web", [vip], [manifests.port(80, "x", "UDP")]),
                                manifests.slice("web", [self.pods[0].addrs[family]], [("x", 8080, "UDP")]))
                self.daemon()
                ask = self.flow(vip)
                self.assertEqual(ask(80), "pod-0:8080")
                self.folder.put("web", manifests.service("web", [vip], [manifests.port(80, "x", "UDP")]),
                                manifests.slice("web", [self.pods[1].addrs[family]], [("x", 8080, "UDP")]))
                lab.equals_within(lambda a=ask: a(80, 1), "pod-1:8080")
                self.started.stop()
                self.folder.put("web")
                self.started.start()
                lab.equals_within(lambda a=ask: a(80, 1), None)
                self.started.stop()

    def test_udp_of_a_vip_taken_away(self):
        self.put(0, ingress=BALANCER)
        self.daemon()
        ask, kept = self.flow(BALANCER), self.flow(VIP)
        self.assertEqual((ask(80), kept(80)), ("pod-0:8080", "pod-0:8080"))
        mine = self.entries("-p", "udp", "--orig-dst", VIP, "-o", "id")[0].rsplit("id=")[1]
        self.put(0)
        lab.equals_within(lambda: ask(80, 1), None)
        self.assertEqual(kept(80), "pod-0:8080")
        self.assertEqual(self.entries("-p", "udp", "--orig-dst", VIP, "-o", "id")[0].rsplit("id=")[1], mine)

    def test_sctp_follows_its_backend(self):
        self.put(0, proto="SCTP")
        self.daemon()
        for vip in (VIP, VIP6):
            self.assertEqual(traffic.connect(self.client, vip, 80, "sctp").server, "pod-0:8080")
            self.assertEqual(len(self.entries("-p", "sctp", "--orig-dst", vip, "-f", "ipv6" if ":" in vip else "ipv4")), 1)
        self.put(1, proto="SCTP")
        for family in ("ipv4", "ipv6"):
            lab.wait_until(lambda f=family: self.entries("-p", "sctp", "-f", f) == [], what="SCTP entries forgotten")
        self.assertEqual(self.deleted(), 2)
        self.assertEqual(traffic.connect(self.client, VIP, 80, "sctp").server, "pod-1:8080")

    def test_flows_that_only_share_a_port_stay(self):
        """A node port is an address and a port: others' UDP to the same number is left alone."""
        self.put(0)
        self.daemon()
        self.lab.servers.udp(self.outside, "elsewhere", 30053)
        elsewhere, through = self.flow("192.168.0.1"), self.flow("192.168.0.2", self.outside)
        self.assertEqual((elsewhere(30053), through(30053)), ("elsewhere", "pod-0:8080"))
        before = self.entries("-p", "udp", "--orig-dst", "192.168.0.1", "-o", "id")
        self.put(1)
        lab.equals_within(lambda: through(30053, 1), "pod-1:8080")
        after = self.entries("-p", "udp", "--orig-dst", "192.168.0.1", "-o", "id")
        self.assertEqual([e.rsplit("id=")[1] for e in after], [e.rsplit("id=")[1] for e in before])

    def test_a_syn_that_ran_ahead_of_the_rules(self):
        """k/k#48719: its retries would all follow the entry of the first one, which was not translated."""
        self.put(0, proto="TCP")
        self.daemon()
        replies = []
        ahead = threading.Thread(target=lambda: replies.append(traffic.connect(self.client, BALANCER, 80, limit_s=20)))
        ahead.start()
        lab.wait_until(lambda: self.entries("-p", "tcp", "--orig-dst", BALANCER), what="the first SYN is tracked")
        self.put(0, proto="TCP", ingress=BALANCER)
        ahead.join()
        self.assertEqual((replies[0].outcome, replies[0].server), ("ok", "pod-0:8080"))
        self.assertEqual(self.deleted(), 1)


if __name__ == "__main__":
    unittest.main()
