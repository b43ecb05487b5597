"""A process that starts with --take-over replaces the running one: no query, no connection and no page goes unanswered."""
import json
import os
import signal
import socket
import struct
import threading
import time
import unittest

import lab
import manifests
import patience
import scenes
from dns_client import Client, query, read_tcp, Reply
from dns_load import Load
from upstream import Upstream

WEB, WEB_VIP, DNS, ENDPOINT = "web.default.svc.cluster.local", "10.96.0.1", "10.96.0.10", "10.244.0.20"
LISTEN = "192.168.0.2"


class TakeOver(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.client = self.lab.pod(self.node, "client", "10.244.0.99")
        self.endpoint = self.lab.pod(self.node, "dns-0", ENDPOINT)
        upstream = Upstream(self.endpoint, 53, ENDPOINT)
        self.addCleanup(upstream.close)
        self.folder.put("web", manifests.service("web", WEB_VIP, [80]))
        self.folder.put("dns", manifests.service("kube-dns", DNS, [manifests.port(53, "dns", "UDP")], ns="kube-system"),
                        manifests.slice("kube-dns", [ENDPOINT], [("dns", 53, "UDP")], ns="kube-system"))
        self.path = self.lab.folder / "take-over.sock"

    def daemon(self, *flags, start=True):
        return self.lab.daemon(self.node, self.folder, "--cluster-cidr", "10.244.0.0/16", "--take-over", self.path,
                               "--dns-listen", LISTEN, *flags, start=start)

    def replaced(self, old, *flags):
        """A new one, which serves; the old one has ended well."""
        new = self.daemon(*flags)
        self.assertEqual(old.process.wait(lab.LIMIT_S), 0, old.log())
        lab.equals_within(lambda: [a["steered"] for a in new.status()["dns"]["steering"]["addresses"]], [True])
        return new

    def pages(self, until, seen):
        while not until.is_set():
            with self.node.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
                sock.settimeout(lab.LIMIT_S)
                try:
                    sock.connect(("127.0.0.1", 10256))
                    sock.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
                    seen.append(sock.recv(12).decode())
                except ConnectionRefusedError:
                    seen.append("refused")
                except ConnectionError:  # cut: the old one had it
                    seen.append("")

    def streams(self, until, seen):
        """A connection for each query."""
        while not until.is_set():
            try:
                seen.append(Client(self.client, LISTEN).ask(WEB, tcp=True).rcode)
            except OSError as error:
                seen.append(repr(error))

    def test_upgrades_lose_nothing(self):
        daemon = self.daemon("--dns-workers", "2")
        until, pages, streams = threading.Event(), [], []
        threads = [threading.Thread(target=run, args=(until, seen)) for run, seen in
                   ((self.pages, pages), (self.streams, streams))]
        loads = [Load(self.client, server, 300 / patience.FACTOR, WEB, late_s=lab.LIMIT_S) for server in (DNS, LISTEN)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            daemon = self.replaced(daemon, "--dns-workers", "2")
        until.set()
        for thread in threads:
            thread.join()
        for load in loads:
            rows = load.stop()
            self.assertGreater(len(rows), 100)
            self.assertEqual([row for row in rows if row.answered is None], [])
            self.assertIn(WEB_VIP, {row.by for row in rows})
            print(f"of {len(rows)} queries {sum(row.by != WEB_VIP for row in rows)} were answered by an endpoint")
        self.assertNotIn("refused", pages)
        self.assertIn("HTTP/1.1 200", pages)
        self.assertEqual(set(streams), {"NOERROR"})
        self.assertNotIn("in use", daemon.log())
        self.assertEqual(daemon.status()["kernel"]["start"], "adopted")

    def test_what_was_asked_before_is_answered(self):
        """A query that waits for an upstream, and a connection with more to ask."""
        upstream = Upstream(self.node, 5301)
        self.addCleanup(upstream.close)
        old = self.daemon("--forward", "127.0.0.1:5301", "--forward-timeout", "10s")
        held = threading.Event()
        upstream.spoil = lambda reply, proto: held.wait(20) and [reply]
        stream = Client(self.client, LISTEN).stream()
        self.addCleanup(stream.close)
        with self.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as waits:
            waits.settimeout(lab.LIMIT_S)
            waits.connect((LISTEN, 53))
            waits.send(query("slow.example.org"))
            lab.wait_until(lambda: "slow.example.org" in upstream.names())
            new = self.daemon("--forward", "none")
            lab.wait_until(lambda: "hand over: another process serves now" in old.log())
            self.assertIsNone(old.process.poll(), "it finishes what it has")
            message = query(WEB)
            stream.sendall(struct.pack("!H", len(message)) + message)
            self.assertEqual(Reply(read_tcp(stream)).answer, [f"{WEB}. 5 IN A {WEB_VIP}"])
            held.set()
            self.assertEqual(Reply(waits.recv(4096)).rcode, "NOERROR")
        stream.close()
        self.assertEqual(old.process.wait(lab.LIMIT_S), 0)
        new.stop()

    def test_the_same_control_socket(self):
        old = self.daemon()
        new = self.daemon(start=False)
        new.control, new.folder = old.control, old.folder
        new.start(ready=False)
        self.assertEqual(old.process.wait(lab.LIMIT_S), 0, old.log())
        new.wait_ready()
        self.assertLess(new.status()["uptimeMillis"], 60000 * patience.FACTOR)
        new.stop()

    def test_one_that_ends_early_leaves_the_old_one_as_it_was(self):
        old = self.daemon()
        with self.successor() as successor:
            self.ask(successor, b"hold")
            self.folder.put("late", manifests.service("late", "10.96.0.5", [80]))
            time.sleep(0.3)
            self.assertNotIn("10.96.0.5", json.dumps(self.node.elements("cluster-ips4")), "the kernel is the other one's")
            self.ask(successor, b"sockets", b"sockets")
        lab.wait_until(lambda: "this process goes on" in old.log())
        lab.wait_until(lambda: "10.96.0.5" in json.dumps(self.node.elements("cluster-ips4")))
        self.assertEqual(Client(self.client, DNS).ask(WEB).rcode, "NOERROR")
        self.replaced(old).stop()

    def test_words_out_of_order(self):
        old = self.daemon()
        for word in (b"leave", b"sockets", b"nonsense", b"x" * 100):
            with self.subTest(word), self.successor() as successor:
                successor.send(word)
                self.assertEqual(successor.recv(100), b"")
        with self.successor() as first, self.successor() as second:
            self.ask(first, b"hold")
            self.assertEqual(second.recv(100), b"", "one at a time")
        self.assertEqual(Client(self.client, DNS).ask(WEB).rcode, "NOERROR")
        old.stop()

    def successor(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(lab.LIMIT_S)
        sock.connect(str(self.path))
        return sock

    def ask(self, sock, word, answer=b"ok"):
        sock.send(word)
        self.assertEqual(sock.recv(100), answer)

    def test_a_stopped_process_is_not_waited_for(self):
        """It has the ports, and the new one waits for them; what it serves goes to the endpoints."""
        old = self.daemon()
        old.process.send_signal(signal.SIGSTOP)
        new = self.daemon(start=False)
        new.start(ready=False)
        lab.wait_until(lambda: "take over: the running process does not answer (hold)" in new.log())
        lab.equals_within(lambda: Client(self.client, DNS).ask(WEB).answer, [f"{WEB}. 60 IN A 192.0.2.1"])
        old.kill()
        new.wait_ready()
        lab.equals_within(lambda: Client(self.client, DNS).ask(WEB).answer, [f"{WEB}. 5 IN A {WEB_VIP}"])
        self.replaced(new)  # once it serves, it can be replaced itself


class Systemd(scenes.NodeTest):
    """What systemd does with FileDescriptorStoreMax=: it takes sockets at the end, and gives them to the next process."""

    def setUp(self):
        super().setUp()
        self.client = self.lab.pod(self.node, "client", "10.244.0.99")
        self.folder.put("web", manifests.service("web", WEB_VIP, [80]))
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notify.close)
        self.path = self.lab.folder / "notify"
        self.notify.bind(str(self.path))
        self.notify.settimeout(lab.LIMIT_S)
        self.stored = []

    def start(self):
        """As systemd starts it: stored descriptors from 3 on."""
        daemon = self.lab.daemon(self.node, self.folder, "--dns-listen", LISTEN, start=False)
        numbers = range(100, 100 + len(self.stored))
        for number, fd in zip(numbers, self.stored):
            os.dup2(fd, number, inheritable=True)
            os.close(fd)
        moves = " ".join(f"{3 + i}<&{number} {number}<&-" for i, number in enumerate(numbers))
        daemon.launcher = ("bash", "-c", f'exec {moves}; export NOTIFY_SOCKET={self.path} LISTEN_FDS={len(self.stored)} '
                           'LISTEN_PID=$$; exec "$@"', "bash")
        with open(daemon.log_path, "ab") as log:
            daemon.process = self.node.popen(*daemon.launcher, daemon.program, "run", "--control", daemon.control, "--state-dir",
                                             daemon.folder / "state", *daemon.flags, stdout=log, stderr=log, pass_fds=numbers)
        for number in numbers:
            os.close(number)
        daemon.wait_ready()
        return daemon

    def stop(self, daemon):
        daemon.process.send_signal(signal.SIGTERM)
        self.stored, told = [], []
        while True:
            message, fds, *_ = socket.recv_fds(self.notify, 4096, 256)
            if message == b"BARRIER=1":
                os.close(fds[0])
                break
            lines = message.split(b"\n")
            if fds:
                self.assertIn(b"FDSTORE=1", lines)
                self.assertIn(b"READY=1", told)
                self.assertIn(b"STOPPING=1", told)
            told += lines
            self.stored += fds
        self.assertEqual(daemon.process.wait(lab.LIMIT_S), 0)

    def test_a_restart_loses_nothing(self):
        daemon = self.start()
        load = Load(self.client, LISTEN, 300 / patience.FACTOR, WEB, late_s=lab.LIMIT_S)
        time.sleep(0.5)
        for _ in range(2):
            self.stop(daemon)
            # DNS and two pages, no more: 1 UDP, 3 TCP
            self.assertEqual(len(self.stored), 4)
            daemon = self.start()
            self.assertIn("4 sockets of the process before", daemon.log())
            self.assertNotIn("in use", daemon.log())
        time.sleep(0.5)
        rows = load.stop()
        self.assertEqual([row for row in rows if row.answered is None], [])
        self.assertEqual({row.by for row in rows}, {WEB_VIP}, "no SERVFAIL before the names are known")

    def test_without_systemd(self):
        """Variables of another process are not for this one."""
        daemon = self.lab.daemon(self.node, self.folder, "--dns-listen", LISTEN, start=False)
        daemon.launcher = ("env", "LISTEN_PID=1", "LISTEN_FDS=7", f"NOTIFY_SOCKET={self.path}.absent")
        daemon.start()
        daemon.stop()
        self.assertIn("systemd: ", daemon.log())


if __name__ == "__main__":
    unittest.main()
