"""Upstream servers over connections: kept and shared, DNS over TLS (RFC 7766, 7858), and what servers do to them."""
import itertools
import os
import socket
import ssl
import threading
import time
import unittest
from unittest import mock

import lab
import manifests
import patience
from certificates import make_tls
from dns_client import Client, query
from upstream import StreamUpstream

PORT, NAME = 8853, "dns.lab.example"


class Streams(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.client = Client(self.node, limit_s=20)

    def upstream(self, context=None):
        up = StreamUpstream(self.node, PORT, context)
        self.addCleanup(up.close)
        return up

    def tls(self, names=(f"DNS:{NAME}",), trusted=True):
        """A server whose certificate is for these names; daemons that start from now on trust its authority, or none."""
        ca, certificate, key, *_ = make_tls(self.lab.folder, names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.enterContext(mock.patch.dict(os.environ, SSL_CERT_FILE=ca if trusted else "/dev/null", SSL_CERT_DIR="/dev/null"))
        return self.upstream(context)

    def daemon(self, server, *flags):
        return self.lab.daemon(self.node, self.folder, "--no-proxy", "--forward-timeout", "1s", "--forward", server, *flags)

    def ask_many(self, count, word="n"):
        """Rcodes of as many different names, asked at once."""
        got = []
        threads = [threading.Thread(target=lambda i=i: got.append(self.client.ask(f"{word}{i}.example.com").rcode))
                   for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return got

    def test_one_connection_for_all(self):
        up = self.upstream()
        self.daemon(f"127.0.0.1:{PORT}", "--forward-tcp")
        self.assertEqual(self.ask_many(30), ["NOERROR"] * 30)
        self.assertEqual(up.connections, 1)

    def test_replies_in_another_order(self):
        up = self.upstream()
        self.daemon(f"127.0.0.1:{PORT}", "--forward-tcp")
        self.client.ask("first.example.com")
        up.batch = 5
        self.assertEqual(self.ask_many(20), ["NOERROR"] * 20)
        self.assertEqual(up.connections, 1)

    def test_a_server_that_closes(self):
        """A query that leaves as the server closes goes out once more, and its client sees nothing of it."""
        up = self.upstream()
        up.close_after = 1
        self.daemon(f"127.0.0.1:{PORT}", "--forward-tcp")
        for i in range(20):
            start = time.monotonic()
            self.assertEqual(self.client.ask(f"c{i}.example.com").rcode, "NOERROR")
            self.assertLess(time.monotonic() - start, 0.45, "no time-out")
        self.assertGreaterEqual(up.connections, 20)

    def test_a_dead_connection_is_given_up(self):
        up = self.upstream()
        self.daemon(f"127.0.0.1:{PORT}", "--forward-tcp")
        self.client.ask("first.example.com")
        up.batch = 1000  # it reads, and answers no more on this connection
        self.assertEqual(self.client.ask("lost.example.com").rcode, "SERVFAIL")
        up.batch = 1
        lab.wait_until(lambda: self.client.ask(f"back{time.monotonic_ns()}.example.com").rcode == "NOERROR")
        self.assertGreater(up.connections, 1)

    def test_a_server_that_does_not_read(self):
        """It sends, so that its connection is not dead; what it does not take is not kept for it without end."""
        self.node.ip("link set lo mtu 1500")  # else the kernel's buffers take megabytes
        up = self.upstream()
        up.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        up.deaf = True
        self.addCleanup(setattr, up, "deaf", False)
        self.daemon(f"127.0.0.1:{PORT}", "--forward-tcp", "--forward-timeout", "4s")
        with self.client._socket(socket.SOCK_DGRAM) as sock:
            serial = itertools.count()
            label = "x" * 60

            def ask_more():
                for i in itertools.islice(serial, 100):
                    sock.send(query(f"d{i}.{label}.{label}.{label}.example.com", serial=i % 65536))
                return up.connections >= 2
            lab.wait_until(ask_more)
        up.deaf = False
        lab.wait_until(lambda: self.client.ask(f"back{time.monotonic_ns()}.example.com").rcode == "NOERROR")

    def test_servers_that_change_while_a_query_waits(self):
        """The question under way is the last that holds the old server's connection."""
        old, new = (StreamUpstream(self.node, 53, address=f"127.0.0.1{i}") for i in (1, 2))
        self.addCleanup(old.close)
        self.addCleanup(new.close)
        conf = self.lab.folder / "resolv.conf"
        conf.write_text("nameserver 127.0.0.11\n")
        daemon = self.daemon(conf, "--forward-tcp", "--forward-timeout", "20s")
        for i in range(3):
            self.client.ask(f"before{i}.example.com")
            old.held, seen, got = True, old.seen, []
            thread = threading.Thread(target=lambda i=i, g=got: g.append(self.client.ask(f"slow{i}.example.com").rcode))
            thread.start()
            lab.wait_until(lambda n=seen: old.seen > n)
            conf.write_text("nameserver 127.0.0.12\n")
            lab.wait_until(lambda n=i + 1: daemon.log().count("the first is 127.0.0.12") == n)
            old.held = False
            thread.join()
            self.assertEqual(got, ["NOERROR"])
            self.assertIn(f"slow{i}.example.com", old.names())
            conf.write_text("nameserver 127.0.0.11\n")
            lab.wait_until(lambda n=i + 2: daemon.log().count("the first is 127.0.0.11") == n)
        self.assertEqual(self.client.ask("after.example.com").rcode, "NOERROR")

    def flooded(self, up, server):
        good = StreamUpstream(self.node, PORT + 1)
        self.addCleanup(good.close)
        daemon = self.daemon(server, "--forward-tcp", "--stub-domain", f"good.example=127.0.0.1:{PORT + 1}")
        up.flood = True
        self.addCleanup(setattr, up, "flood", False)
        flooded = threading.Thread(target=lambda: self.client.ask("flood.example.com"))
        flooded.start()
        lab.wait_until(lambda: up.seen > 0)
        for i in range(5):
            self.assertEqual(self.client.ask(f"n{i}.good.example").rcode, "NOERROR")
        flooded.join()
        start = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - start, 1 * patience.FACTOR + 0.5)
        self.assertIn("stopped", daemon.log())

    def test_a_server_that_sends_without_end(self):
        """Others are answered meanwhile, and the daemon stops when it is told to."""
        self.flooded(self.upstream(), f"127.0.0.1:{PORT}")

    def test_a_server_that_sends_without_end_over_tls(self):
        self.flooded(self.tls(), f"tls://127.0.0.1:{PORT}#{NAME}")

    def test_tls(self):
        up = self.tls()
        self.daemon(f"tls://127.0.0.1:{PORT}#{NAME}")
        self.assertEqual(self.ask_many(30), ["NOERROR"] * 30)
        self.assertEqual((up.connections, up.refused), (1, 0))

    def test_tls_by_address(self):
        up = self.tls(("IP:127.0.0.1",))
        self.daemon(f"tls://127.0.0.1:{PORT}")
        self.assertEqual(self.client.ask("www.example.com").rcode, "NOERROR")
        self.assertEqual(up.connections, 1)

    def test_tls_sessions_are_resumed(self):
        up = self.tls()
        up.close_after = 3
        self.daemon(f"tls://127.0.0.1:{PORT}#{NAME}")
        for i in range(12):
            self.assertEqual(self.client.ask(f"r{i}.example.com").rcode, "NOERROR")
        self.assertGreaterEqual(up.connections, 4)
        self.assertGreaterEqual(up.resumed, up.connections - 1)

    def test_tls_another_name_or_authority_is_refused(self):
        up = self.tls()
        trusted = os.environ["SSL_CERT_FILE"]
        for server, trust, why in ((f"tls://127.0.0.1:{PORT}#other.example", trusted, "hostname mismatch"),
                                   (f"tls://127.0.0.1:{PORT}", trusted, "IP address mismatch"),
                                   (f"tls://127.0.0.1:{PORT}#{NAME}", "/dev/null", "unable to get local issuer certificate")):
            with self.subTest(why), mock.patch.dict(os.environ, SSL_CERT_FILE=trust):
                daemon = self.daemon(server)
                self.assertEqual(self.client.ask("www.example.com").rcode, "SERVFAIL")
                self.assertEqual(daemon.log().count(f"upstream 127.0.0.1:{PORT}: TLS: "), 1, daemon.log())
                self.assertIn(why, daemon.log())
                daemon.stop()
        self.assertEqual(up.asked, [])

    def test_tls_old_versions_are_refused(self):
        up = self.tls()
        up.context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
        up.context.set_ciphers("ALL:@SECLEVEL=0")
        self.daemon(f"tls://127.0.0.1:{PORT}#{NAME}")
        self.assertEqual(self.client.ask("www.example.com").rcode, "SERVFAIL")
        self.assertEqual(up.asked, [])

    def test_tls_that_stalls(self):
        up = self.tls()
        up.stall = True
        self.daemon(f"tls://127.0.0.1:{PORT}#{NAME}")
        start = time.monotonic()
        self.assertEqual(self.client.ask("www.example.com").rcode, "SERVFAIL")
        self.assertLess(time.monotonic() - start, 2 * 1 + 3, "twice --forward-timeout")
        up.stall = False
        lab.wait_until(lambda: self.client.ask(f"back{time.monotonic_ns()}.example.com").rcode == "NOERROR")


if __name__ == "__main__":
    unittest.main()
