"""DNS addresses that come later, or whose port another program has: the rest works meanwhile, and they are told."""
import contextlib
import json
import socket
import unittest

import lab
import manifests
import traffic
from dns_client import Client

WEB = "web.default.svc.cluster.local"
LATE, LATE6, HERE = "10.9.9.9", "fd00:9::9", "127.0.0.1"
ABSENT, TAKEN = "this host does not have the address", "in use by another program"


class Listen(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80]), manifests.slice("web", ["10.244.0.7"], [80]))

    def start(self, *addrs, flags=()):
        listen = [word for addr in addrs for word in ("--dns-listen", addr)]
        self.daemon = self.lab.daemon(self.node, self.folder, *listen, *flags, start=False)
        self.daemon.start(ready=False)
        lab.wait_until(lambda: "source: complete" in self.daemon.log() and self.is_served(HERE), what="it runs")

    def is_served(self, server, ns=None):
        """UDP and TCP; a reset, or no reply within a short time, is none."""
        client = Client(ns or self.node, server, limit_s=0.3)
        with contextlib.suppress(OSError):
            return all(client.ask(WEB, tcp=tcp).answer == [f"{WEB}. 5 IN A 10.96.0.1"] for tcp in (False, True))
        return False

    def not_served(self):
        return {p["address"]: p["reason"] for p in self.daemon.status()["dns"]["notServed"]}

    def readyz(self):
        page = traffic.curl(self.node, "http://127.0.0.1:10256/readyz")
        body = json.loads(page.body)
        return page.code, {p["address"]: p["reason"] for p in body.get("dnsNotServed", [])}

    def assert_waits(self, expected):
        lab.equals_within(self.not_served, expected)
        self.assertEqual(self.readyz(), (503, expected))
        self.assertFalse(self.daemon.status()["ready"])
        self.assertTrue(self.daemon.status()["kernel"]["inSync"], "the proxy works meanwhile")
        for address, reason in expected.items():
            self.assertIn(f"         not served: {address}: {reason}\n", self.daemon.call("status", check=False).stdout)
        self.assertTrue(self.is_served(HERE))

    def assert_all_served(self, *addrs):
        lab.equals_within(self.not_served, {})
        for addr in addrs:
            self.assertTrue(self.is_served(addr), addr)
        lab.equals_within(self.readyz, (200, {}))
        self.daemon.wait_ready()

    def test_an_address_that_comes_later(self):
        self.start(HERE, LATE, LATE6, flags=("--dns-workers", "2"))
        waits = {f"{LATE}:53": ABSENT, f"[{LATE6}]:53": ABSENT}
        self.assert_waits(waits)
        self.node.add_addr(LATE)
        lab.wait_until(lambda: self.is_served(LATE))
        self.assert_waits({f"[{LATE6}]:53": ABSENT})
        self.node.add_addr(LATE6)
        self.assert_all_served(HERE, LATE, LATE6)
        self.node.del_addr(LATE)
        self.assert_waits({f"{LATE}:53": ABSENT})
        self.node.add_addr(LATE)
        self.assert_all_served(HERE, LATE, LATE6)
        self.assertEqual(self.daemon.log().count(f"does not have the address {LATE};"), 2)

    def hold(self, addr, kind):
        sock = self.node.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, kind)
        self.addCleanup(sock.close)
        sock.bind((addr, 53))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        return sock

    def test_a_port_that_is_free_later(self):
        self.node.add_addr(LATE)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with self.subTest(kind):
                sock = self.hold(LATE, kind)
                self.start(HERE, LATE)
                self.assert_waits({f"{LATE}:53": TAKEN})
                sock.close()
                self.assert_all_served(HERE, LATE)
                self.assertEqual(self.daemon.log().count("cannot listen on"), 1)
                self.assertIn(f"dns: now listening on {LATE}:53", self.daemon.log())
                self.daemon.stop()

    def test_another_daemon_has_the_address(self):
        """It keeps all queries until it ends: two never share them."""
        self.node.add_addr(LATE)
        first = self.lab.daemon(self.node, self.folder, "--dns-listen", LATE, "--no-proxy", "--healthz-bind-address", "",
                                "--metrics-bind-address", "")
        self.start(HERE, LATE)
        self.assert_waits({f"{LATE}:53": TAKEN})
        before = self.daemon.status()["dns"]["queries"]
        for _ in range(64):
            self.assertEqual(Client(self.node, LATE).ask(WEB).rcode, "NOERROR")
        self.assertEqual(self.daemon.status()["dns"]["queries"], before)
        first.stop()
        self.assert_all_served(HERE, LATE)

    def test_stops_while_an_address_waits(self):
        self.hold(HERE, socket.SOCK_STREAM)
        self.daemon = self.lab.daemon(self.node, self.folder, "--dns-listen", HERE, "--forward", "127.0.0.1:9", "--dns-log",
                                      start=False)
        self.daemon.start(ready=False)
        lab.wait_until(lambda: "retrying" in self.daemon.log() and "source: complete" in self.daemon.log())
        self.daemon.stop()


if __name__ == "__main__":
    unittest.main()
