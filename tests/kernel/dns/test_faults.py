"""
An upstream that fails at random in every way that we know: no wrong answer, no query without a reply, nothing that leaks
or waits for ever. `make bench-dns-faults` does the same for ten minutes at 1 000 queries a second.
"""
import os
import re
import ssl
import unittest
from unittest import mock

import lab
import manifests
import traffic
from certificates import make_tls
from judged_load import Load
from faulty_upstream import UDP_FAULTS, FaultyUpstream

PORT, TLS_PORT, SECONDS, RATE = 5301, 8853, 3, 150


class Faults(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.ups = []

    def upstream(self, port, seed, context=None):
        up = FaultyUpstream(self.node, port, seed, context=context)
        self.addCleanup(up.close)
        self.ups.append(up)
        return up

    def check(self, seed, forward, *flags):
        daemon = self.lab.daemon(self.node, self.folder, "--no-proxy", "--forward-timeout", "1s", "--forward", forward, *flags)
        load = Load(self.node, seed)
        self.addCleanup(load.close)
        load.run(1, RATE)
        held = self.descriptors(daemon)
        load.run(SECONDS, RATE)
        self.assertEqual(load.wrong, [])
        self.assertEqual(load.counts["lost"], 0)
        self.assertGreater(load.counts["right"], load.serial / 10, load.counts)
        lab.wait_until(lambda: re.search(r"^fairlead_forward_waiting 0$", self.metrics(), re.M))
        lab.wait_until(lambda: self.descriptors(daemon) <= held + 8, what="descriptors of attempts")
        for up in self.ups:
            up.share = 0
        lab.wait_until(lambda: self.all_right(load), what="all well again")

    def all_right(self, load):
        before = load.counts.copy()
        load.run(0.3, 100)
        return load.counts["failed"] == before["failed"] and load.counts["right"] > before["right"]

    @staticmethod
    def descriptors(daemon):
        return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))

    def metrics(self):
        return traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body

    def test_udp(self):
        up = self.upstream(PORT, 1)
        self.check(1, f"127.0.0.1:{PORT}")
        self.assertEqual(set(UDP_FAULTS) - set(up.counts), set(), "each fault was")

    def test_two_servers(self):
        self.upstream(PORT, 2)
        self.upstream(PORT + 1, 3)
        self.check(2, f"127.0.0.1:{PORT},127.0.0.1:{PORT + 1}")

    def test_tcp(self):
        up = self.upstream(PORT, 4)
        up.share = 0.04  # each ends what others wait for
        self.check(4, f"127.0.0.1:{PORT}", "--forward-tcp")
        self.assertGreater(up.counts.total() - up.counts[None], 3)

    def test_tls(self):
        ca, certificate, key, *_ = make_tls(self.lab.folder, ("DNS:dns.lab.example",))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.enterContext(mock.patch.dict(os.environ, SSL_CERT_FILE=ca, SSL_CERT_DIR="/dev/null"))
        up = self.upstream(TLS_PORT, 5, context)
        up.share = 0.04
        self.check(5, f"tls://127.0.0.1:{TLS_PORT}#dns.lab.example")
        self.assertGreater(up.counts.total() - up.counts[None], 3)


if __name__ == "__main__":
    unittest.main()
