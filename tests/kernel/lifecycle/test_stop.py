"""SIGTERM ends the daemon within a second, whatever it waits for. (A name that does not resolve: test_apiserver_daemon;
a disk that does not answer: test_checkpoint; conntrack: test_conntrack_thread; hostile objects: test_hostile_objects.)"""
import socket
import struct
import time
import unittest

import lab
import manifests
import patience
import scenes
from dns_client import Client, query

LIMIT_S = 2 * patience.FACTOR  # a second, and what a busy machine adds


class StopTest(scenes.NodeTest):
    def ends(self, process, why):
        begin = time.monotonic()
        process.terminate()
        self.assertEqual(process.wait(lab.LIMIT_S), 0, why)
        self.assertLess(time.monotonic() - begin, LIMIT_S, why)

    def test_a_tls_handshake_that_hangs(self):
        silent = self.node.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 6443))
        silent.listen(8)
        silent.settimeout(lab.LIMIT_S)
        folder = self.lab.folder / "hangs"
        folder.mkdir()
        daemon = lab.Daemon(self.node, ["--apiserver", "https://127.0.0.1:6443", "--no-dns", "--insecure-skip-tls-verify"],
                            folder)
        self.lab.daemons.append(daemon)
        daemon.start(ready=False)
        conn, _ = silent.accept()
        self.addCleanup(conn.close)
        self.assertGreater(len(conn.recv(100)), 0)  # its hello, which nothing answers
        self.ends(daemon.process, "TLS")

    def test_manifests_that_take_long_to_read(self):
        """A file that takes seconds, read before the loop runs: the signal comes in the midst of it."""
        item = ("apiVersion: v1\nkind: Service\nmetadata: {name: s%d, namespace: default}\n"
                "spec: {clusterIP: 10.%d.%d.%d, ports: [{port: 80}]}\n")
        texts = [item % (i, 96 + i // 62500, i // 250 % 250, i % 250 + 1) for i in range(150000)]
        (self.folder.path / "many.yaml").write_text("---\n".join(texts))
        daemon = self.lab.daemon(self.node, self.folder, "--no-dns", ready=False)
        lab.wait_until(lambda: "memory: limit" in daemon.log() or daemon.process.poll() is not None)
        time.sleep(0.3)
        self.assertNotIn("source: complete", daemon.log(), "else this shows nothing: it must take longer")
        self.ends(daemon.process, daemon.log()[-2000:])

    def test_a_big_load(self):
        """From the first sign of the table on."""
        self.folder.put("many", *(thing for i in range(6000) for thing in (
            manifests.service(f"s{i}", f"10.96.{i // 250}.{i % 250 + 1}", [80]),
            manifests.slice(f"s{i}", [f"10.{n + 1}.{i // 250}.{i % 250 + 1}" for n in range(10)], [8080]))))
        daemon = self.lab.daemon(self.node, self.folder, "--no-dns", ready=False)
        lab.wait_until(lambda: "inet fairlead" in self.node.nft("list", "tables"), every_s=0.001)
        self.ends(daemon.process, daemon.log()[-2000:])

    def test_a_zone_transfer_under_way(self):
        for name in ("tcp_wmem", "tcp_rmem"):
            self.node.sysctl(f"net.ipv4.{name}", "4096 4096 4096")
        self.folder.put("many", *(manifests.service(f"s{i}", f"10.96.{i // 250}.{i % 250 + 1}", [80]) for i in range(3000)))
        daemon = self.lab.daemon(self.node, self.folder, "--no-proxy", "--dns-transfer", "127.0.0.0/8")
        client = Client(self.node, "127.0.0.1").stream()
        self.addCleanup(client.close)
        message = query("cluster.local.", "AXFR")
        client.sendall(struct.pack("!H", len(message)) + message)
        self.assertGreater(len(client.recv(100)), 0)  # the rest waits for this client
        self.ends(daemon.process, daemon.log()[-2000:])


if __name__ == "__main__":
    unittest.main()
