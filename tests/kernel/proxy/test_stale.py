"""What the packet path remembers follows a change: conntrack entries and session affinity."""
import time
import unittest

import lab
import manifests
import scenes
import traffic

VIP = "10.96.0.1"


class StaleTest(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.pods = [self.lab.pod(self.node, f"pod-{i}", f"10.244.0.1{i}") for i in range(3)]
        self.client = self.lab.pod(self.node, "client", "10.244.0.99")
        for i, pod in enumerate(self.pods):
            self.lab.servers.udp(pod, f"pod-{i}", 8080)
            self.lab.servers.tcp(pod, f"pod-{i}", 8080)

    def put(self, *pods, proto="UDP", node_port=None, **spec):
        self.folder.put("web", manifests.service("web", VIP, [manifests.port(80, "x", proto, node_port)], **spec),
                        manifests.slice("web", [f"10.244.0.1{i}" for i in pods], [("x", 8080, proto)]))

    def daemon(self, *flags):
        self.started = self.lab.daemon(self.node, self.folder, "--cluster-cidr", "10.244.0.0/16", *flags)

    def kernel(self):
        return self.started.status()["kernel"]

    def flow(self, dst=VIP, ns=None):
        sock = traffic.open_flow(ns or self.client, dst, "udp", sport=40000)
        self.addCleanup(sock.close)
        return sock

    def test_udp_with_a_fixed_source_port_follows_its_backend(self):
        self.put(0)
        self.daemon()
        sock = self.flow()
        self.assertEqual(traffic.exchange(sock, VIP, 80).server, "pod-0")
        self.put(1)
        lab.equals_within(lambda: traffic.exchange(sock, VIP, 80, limit_s=1).server, "pod-1")
        self.assertGreater(self.kernel()["flowsDeleted"], 0)

    def test_udp_scaled_to_zero_and_back(self):
        self.put(0)
        self.daemon()
        sock = self.flow()
        self.assertEqual(traffic.exchange(sock, VIP, 80).server, "pod-0")
        self.put()
        lab.equals_within(lambda: traffic.exchange(sock, VIP, 80, limit_s=1).outcome, "refused")
        self.put(2)
        lab.equals_within(lambda: traffic.exchange(sock, VIP, 80, limit_s=1).server, "pod-2")

    def test_udp_of_a_deleted_service_stops(self):
        self.put(0)
        self.daemon("--service-cidr", "10.96.0.0/16")
        sock = self.flow()
        self.assertEqual(traffic.exchange(sock, VIP, 80).server, "pod-0")
        self.folder.remove("web")
        lab.wait_until(lambda: traffic.exchange(sock, VIP, 80, limit_s=1).outcome != "ok")

    def deleted_while_no_daemon_ran(self, change=None, *flags):
        self.put(0)
        self.daemon("--service-cidr", "10.96.0.0/16")
        sock = self.flow()
        self.assertEqual(traffic.exchange(sock, VIP, 80).server, "pod-0")
        self.started.stop()
        self.folder.remove("web")
        self.assertEqual(traffic.exchange(sock, VIP, 80).server, "pod-0")
        if change is not None:
            change()
        self.daemon("--service-cidr", "10.96.0.0/16", *flags)
        lab.wait_until(lambda: self.kernel()["flowsDeleted"] >= 1)
        lab.wait_until(lambda: traffic.exchange(sock, VIP, 80, limit_s=1).outcome != "ok")

    def test_udp_of_a_service_deleted_while_no_daemon_ran(self):
        self.deleted_while_no_daemon_ran()

    def test_udp_of_a_service_deleted_while_no_daemon_ran_and_the_rules_are_others(self):
        """As after an upgrade: the old table is replaced, but it says what there was."""
        self.deleted_while_no_daemon_ran(None, "--masquerade-bit", "15")

    def test_udp_of_a_service_deleted_while_no_daemon_ran_and_the_elements_are_others(self):
        """A verdict that this version does not know."""
        self.deleted_while_no_daemon_ran(self.unknown_verdicts)

    def unknown_verdicts(self):
        key = f"{VIP} . udp . 80"
        self.node.nft("add chain inet fairlead of-the-future; "
                      f"delete element inet fairlead dispatch4 {{ {key} }}; "
                      f"add element inet fairlead dispatch4 {{ {key} : goto of-the-future }}")

    def test_udp_node_port(self):
        self.put(0, node_port=30053, type="NodePort")
        outside = self.lab.host(self.node, "outside", "192.168.0.1")
        self.daemon()
        sock = self.flow("192.168.0.2", outside)
        self.assertEqual(traffic.exchange(sock, "192.168.0.2", 30053).server, "pod-0")
        self.put(1, node_port=30053, type="NodePort")
        lab.equals_within(lambda: traffic.exchange(sock, "192.168.0.2", 30053, limit_s=1).server, "pod-1")

    def test_unrelated_flows_and_restarts_delete_nothing(self):
        self.put(0)
        self.daemon()
        direct = self.flow("10.244.0.12")
        through = self.flow(ns=self.node)
        self.assertEqual(traffic.exchange(direct, "10.244.0.12", 8080).server, "pod-2")
        self.assertEqual(traffic.exchange(through, VIP, 80).server, "pod-0")
        self.put(0, 1)
        lab.wait_until(lambda: len(self.node.elements("endpoints4")) == 2)
        self.started.stop()
        self.started.start()
        self.assertEqual(self.kernel()["flowsDeleted"], 0)
        self.assertEqual(traffic.exchange(through, VIP, 80).server, "pod-0")

    def test_affinity_goes_with_its_endpoint(self):
        affinity = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 600}}}
        self.put(0, 1, 2, proto="TCP", **affinity)
        self.daemon()
        first = traffic.connect(self.client, VIP, 80).server
        self.assertEqual({traffic.connect(self.client, VIP, 80).server for _ in range(10)}, {first})
        self.assertEqual(len(self.node.elements("affinity4")), 1)
        gone = int(first[-1])
        rest = [i for i in range(3) if i != gone]
        self.put(*rest, proto="TCP", **affinity)
        lab.wait_until(lambda: self.kernel()["affinityDeleted"] == 1)
        second = traffic.connect(self.client, VIP, 80).server
        self.assertIn(second, [f"pod-{i}" for i in rest])
        self.assertEqual({traffic.connect(self.client, VIP, 80).server for _ in range(10)}, {second})
        self.put(0, 1, 2, proto="TCP")  # and with the affinity itself
        lab.wait_until(lambda: self.node.elements("affinity4") == [])

    def test_affinity_to_an_endpoint_that_left_while_no_daemon_ran(self):
        self.put(0, 1, proto="TCP", sessionAffinity="ClientIP")
        self.daemon()
        first = traffic.connect(self.client, VIP, 80).server
        self.started.stop()
        rest = 1 - int(first[-1])
        self.put(rest, proto="TCP", sessionAffinity="ClientIP")
        self.started.start()
        lab.equals_within(lambda: traffic.connect(self.client, VIP, 80).server, f"pod-{rest}")

    def long_connection(self):
        sock = traffic.open_flow(self.client, VIP, "tcp")
        self.addCleanup(sock.close)
        reply = traffic.exchange(sock, VIP, 80, "tcp", data=b"hello")
        return sock, reply.server

    def echoes(self, sock):
        try:
            sock.settimeout(traffic.ANSWER_S)
            sock.sendall(b"again")
            return sock.recv(100) == b"again"
        except (ConnectionResetError, BrokenPipeError):
            return False

    def test_reset_removed_tcp_cuts_what_is_gone_but_not_what_terminates(self):
        self.put(0, proto="TCP")
        self.daemon("--reset-removed-tcp", "--reset-removed-tcp-grace", "300ms")
        sock, server = self.long_connection()
        self.assertEqual(server, "pod-0")
        terminating = manifests.endpoint("10.244.0.10", ready=False, serving=True, terminating=True)
        self.folder.put("web", manifests.service("web", VIP, [manifests.port(80, "x")]),
                        manifests.slice("web", [terminating, "10.244.0.11"], [("x", 8080)]))
        lab.wait_until(lambda: traffic.connect(self.client, VIP, 80).server == "pod-1")
        time.sleep(0.5)  # longer than the grace period
        self.assertTrue(self.echoes(sock))
        self.put(1, proto="TCP")
        lab.wait_until(lambda: self.kernel()["flowsDeleted"] >= 1)
        self.assertFalse(self.echoes(sock))
        kept, server = self.long_connection()
        self.assertEqual((server, self.echoes(kept)), ("pod-1", True))

    def test_reset_removed_tcp_cuts_what_left_while_no_daemon_ran(self):
        self.put(0, proto="TCP")
        self.daemon("--reset-removed-tcp", "--reset-removed-tcp-grace", "300ms")
        sock, server = self.long_connection()
        self.assertEqual(server, "pod-0")
        self.started.stop()
        self.put(1, proto="TCP")
        self.started.start()
        lab.wait_until(lambda: self.kernel()["flowsDeleted"] >= 1)
        self.assertFalse(self.echoes(sock))

    def test_without_it_tcp_goes_on(self):
        self.put(0, proto="TCP")
        self.daemon()
        sock, _ = self.long_connection()
        self.put(1, proto="TCP")
        lab.wait_until(lambda: traffic.connect(self.client, VIP, 80).server == "pod-1")
        self.assertTrue(self.echoes(sock))


if __name__ == "__main__":
    unittest.main()
