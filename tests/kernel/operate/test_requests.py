"""Clients of a daemon whose main thread is busy: the thread that reads requests goes on."""
import contextlib
import ctypes
import os
import select
import signal
import socket
import unittest

import lab
import manifests
import scenes
import traffic
from manifests import endpoint

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WAIT_ALL = 0x40000000  # __WALL
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


class Held:
    """One thread of a process stands still, the others run."""

    def __init__(self, tid):
        self.tid = tid

    def ptrace(self, request):
        if libc.ptrace(request, self.tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.ptrace(PTRACE_SEIZE)
        self.ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, WAIT_ALL)
        return self

    def __exit__(self, *_):
        self.ptrace(PTRACE_DETACH)


def readable(socks):
    return set(select.select(socks, [], [], 0)[0])


class BusyMainThread(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.client = self.lab.host(self.node, "client", "192.168.0.1")
        self.folder.put("web", manifests.service("web", "10.96.0.1", [manifests.port(80, node_port=30080)],
                                                 type="LoadBalancer", externalTrafficPolicy="Local",
                                                 healthCheckNodePort=32000),
                        manifests.slice("web", [endpoint("10.244.0.10", nodeName="node-a")], [80]))
        self.daemon = self.lab.daemon(self.node, self.folder, "--node-name", "node-a", "--node-ip", "192.168.0.2",
                                      "--no-dns")

    def held(self):
        return Held(self.daemon.process.pid)

    def ask(self, address, port, request, ns=None):
        sock = (ns or self.node).socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(sock.close)
        sock.settimeout(lab.LIMIT_S)
        sock.connect((address, port))
        sock.sendall(request)
        return sock

    def pages_answer(self):
        for path in ("healthz", "livez", "readyz"):
            self.assertEqual(traffic.curl(self.client, f"http://192.168.0.2:10256/{path}").code, 200, path)
        self.assertEqual(traffic.curl(self.client, "http://192.168.0.2:32000/").code, 200)
        self.assertEqual(traffic.curl(self.node, "http://127.0.0.1:10249/proxyMode").body, "nftables")

    def test_pages_do_not_wait_for_the_main_thread(self):
        with self.held():
            self.pages_answer()

    def test_what_only_the_main_thread_knows_waits(self):
        """Up to 16 at a time (HTTP_ASKED_MAX)."""
        with self.held():
            socks = {self.ask("127.0.0.1", 10249, b"GET /metrics HTTP/1.0\r\n\r\n") for _ in range(40)}
            lab.equals_within(lambda: len(readable(socks)), 40 - 16)
            refused = readable(socks)
            self.assertEqual({sock.recv(100)[:13] for sock in refused}, {b"HTTP/1.1 503 "})
            self.pages_answer()
            self.assertEqual(readable(socks - refused), set())
        self.assertEqual({sock.recv(100)[:13] for sock in socks - refused}, {b"HTTP/1.1 200 "})

    def test_one_address_does_not_wait_for_all(self):
        """It has as many as are left: 8 of 16. Another one still gets its page."""
        self.daemon.stop()
        self.daemon = self.lab.daemon(self.node, self.folder, "--no-dns", "--metrics-bind-address", "192.168.0.2:10249")
        other = self.lab.host(self.node, "other", "192.168.0.3")
        request = b"GET /metrics HTTP/1.0\r\n\r\n"
        with self.held():
            socks = {self.ask("192.168.0.2", 10249, request, self.client) for _ in range(30)}
            lab.equals_within(lambda: len(readable(socks)), 30 - 8)
            late = self.ask("192.168.0.2", 10249, request, other)
            refused = self.ask("192.168.0.2", 10249, request, self.client)
            self.assertEqual(refused.recv(100)[:13], b"HTTP/1.1 503 ")
        self.assertEqual(late.recv(100)[:13], b"HTTP/1.1 200 ")

    def control(self, request):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(sock.close)
        sock.connect(self.daemon.control)
        sock.settimeout(lab.LIMIT_S)
        with contextlib.suppress(BrokenPipeError):  # the daemon has hung up already
            sock.sendall(request)
        return sock

    def test_commands_wait_for_the_main_thread(self):
        """Up to 16 at a time (CONTROL_CLIENTS); what is no command is answered at once."""
        with self.held():
            self.assertIn(b"2\nthis daemon does not know the command", self.control(b"nonsense\n").recv(1000))
            socks = {self.control(b"ready\n") for _ in range(20)}
            lab.equals_within(lambda: len(readable(socks)), 20 - 16)
            refused = readable(socks)
            self.assertEqual({self.end_of(sock) for sock in refused}, {b""})
            self.pages_answer()
            self.assertEqual(readable(socks - refused), set())
        self.assertEqual({sock.recv(100) for sock in socks - refused}, {b"0\n"})
        self.assertEqual(self.daemon.call("status").returncode, 0)

    def end_of(self, sock):
        try:
            return sock.recv(100)
        except ConnectionResetError:  # it was not read
            return b""

    def test_a_stop_does_not_wait_for_clients(self):
        for port in (10249, 10256) * 10:
            self.ask("127.0.0.1", port, b"GET")
        with self.held():
            self.ask("127.0.0.1", 10249, b"GET /metrics HTTP/1.0\r\n\r\n")
            self.control(b"status text\n")
            self.control(b"stat")
            self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(lab.LIMIT_S), 0)
        self.assertIn("notice: stopped\n", self.daemon.log())


if __name__ == "__main__":
    unittest.main()
