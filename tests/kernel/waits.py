"""How long a daemon takes to answer, asked again and again while something else goes on: a health page, which another
thread of it serves, and a command of the control socket, which its main loop answers between two steps of its work."""
import socket
import threading
import time

import lab

PAUSE_S = 0.002


class Waits:
    """Around a piece of work: `with Waits(node, daemon) as waits: …`; waits.worst says in seconds what took longest."""

    def __init__(self, node, daemon):
        self.node, self.daemon = node, daemon
        self.worst = {"health": 0, "control": 0}
        self.problem = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()
        if self.problem is not None and error[0] is None:
            raise self.problem

    def run(self):
        try:
            with self.node.inside():
                while not self.over.wait(PAUSE_S):
                    self.measure("health", self.health)
                    self.measure("control", self.control)
        except (OSError, AssertionError) as problem:
            self.problem = problem

    def measure(self, what, ask):
        start = time.monotonic()
        ask()
        self.worst[what] = max(self.worst[what], time.monotonic() - start)

    def health(self):
        self.answer(socket.socket(), ("127.0.0.1", 10256), b"GET /livez HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 ")

    def control(self):
        self.answer(socket.socket(socket.AF_UNIX), self.daemon.control, b"ready\n", b"")

    @staticmethod
    def answer(sock, where, request, begin):
        with sock:
            sock.settimeout(lab.LIMIT_S)
            sock.connect(where)
            sock.sendall(request)
            got = sock.recv(1000)
        assert got and got.startswith(begin), got
