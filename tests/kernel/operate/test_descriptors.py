"""A limit of 1024 descriptors and more Services than that: what the daemon needs for itself stays."""
import os
import socket
import unittest

import lab
import manifests
import scenes
import traffic
from dns_client import Client, query
from manifests import endpoint

LIMIT = 1024
COUNT = 700
FLAGS = ("--node-name", "node-a", "--node-ip", "192.168.0.2,fd00::2", "--dns-listen", "192.168.0.2:53")


class Descriptors(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.client = self.lab.host(self.node, "client", "192.168.0.1", "fd00:0::1")

    def limited_daemon(self, *flags):
        program = self.lab.folder / "fairlead-limited"
        program.write_text(f"#!/bin/sh\nexec prlimit --nofile={LIMIT}:{LIMIT} {lab.BUILD / 'fairlead'} \"$@\"\n")
        program.chmod(0o755)
        daemon = lab.Daemon(self.node, ["--manifests", self.folder.path, *FLAGS, *flags], self.lab.folder, program)
        self.lab.daemons.append(daemon)
        return daemon.start()

    def put(self, first, last):
        """LoadBalancer Services with externalTrafficPolicy Local: two health check sockets each."""
        objects = []
        for i in range(first, last):
            objects.append(manifests.service(
                f"web-{i}", [f"10.96.{i // 250}.{i % 250 + 1}", f"fd00:96::{i + 1:x}"], [manifests.port(80)],
                ns="prod", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=31000 + i,
                ipFamilies=["IPv4", "IPv6"]))
            objects.append(manifests.slice(f"web-{i}", [endpoint("10.244.0.10", nodeName="node-a")], [80], ns="prod"))
        self.folder.put(f"web-{first}", *objects)

    def answered(self, first, last):
        """How many of these health check node ports say 200, over IPv4."""
        count = 0
        for i in range(first, last):
            with self.client.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
                sock.settimeout(lab.LIMIT_S)
                if sock.connect_ex(("192.168.0.2", 31000 + i)) != 0:
                    continue
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                count += b" 200 " in sock.recv(100)
        return count

    def own_ports_answer(self, daemon):
        for path in ("healthz", "livez", "readyz"):
            self.assertEqual(traffic.curl(self.client, f"http://192.168.0.2:10256/{path}").code, 200, path)
        self.assertEqual(traffic.curl(self.node, "http://127.0.0.1:10249/metrics").code, 200)
        self.assertEqual(daemon.call("status").returncode, 0)
        for transport in ("+notcp", "+tcp"):
            reply = traffic.dig(self.client, "192.168.0.2", transport, "web-0.prod.svc.cluster.local", "A")
            self.assertEqual(reply.status, "NOERROR", transport)

    def test_services_of_tenants_leave_the_daemon_its_own(self):
        self.put(0, COUNT - 200)
        self.put(COUNT - 200, COUNT)
        daemon = self.limited_daemon()
        lab.wait_until(lambda: self.answered(0, 200) == 200, what="the first ports answer")
        lab.wait_until(lambda: "retrying this and further ports" in daemon.log(), what="a line about descriptors")
        self.own_ports_answer(daemon)
        self.assertLess(self.answered(COUNT - 50, COUNT), 50)
        idle = [self.client.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(300)]
        for i, sock in enumerate(idle):  # and clients that ask for nothing
            sock.settimeout(lab.LIMIT_S)
            sock.connect(("192.168.0.2", 31000 + i % 200))
        self.own_ports_answer(daemon)
        for sock in idle:
            sock.close()
        self.assertLess(len(os.listdir(f"/proc/{daemon.process.pid}/fd")), LIMIT)
        self.folder.remove("web-0")
        lab.wait_until(lambda: self.answered(COUNT - 50, COUNT) == 50, what="the others have a descriptor")
        self.assertEqual(daemon.log().count("retrying this and further ports"), 1)

    def test_names_that_no_server_answers_leave_the_daemon_its_own(self):
        """Each question has a socket of its own: before, six clients took every descriptor."""
        self.put(0, 1)
        daemon = self.limited_daemon("--forward", "127.0.0.1:5399", "--forward-timeout", "30s")
        silent = self.node.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 5399))
        for i in range(6):
            self.client.add_addr(f"192.168.0.{10 + i}", "eth0", 24)
            with Client(self.client, "192.168.0.2", 53, source=f"192.168.0.{10 + i}")._socket(socket.SOCK_DGRAM) as sock:
                for k in range(400):
                    sock.send(query(f"w{k}.c{i}.example.com", serial=k))
                self.assertEqual(sock.recv(512)[3] & 15, 2, "SERVFAIL: no place is left")
        self.own_ports_answer(daemon)
        self.assertLess(len(os.listdir(f"/proc/{daemon.process.pid}/fd")), LIMIT // 2)
        silent.close()


if __name__ == "__main__":
    unittest.main()
