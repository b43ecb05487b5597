"""
A client that asks one DNS server all the time, and knows of every query when it was sent, when it was answered and by whom.

As a program: dns_load.py SERVER RATE NAME LATE. It asks until its standard input ends, waits LATE seconds for late replies,
which is as long as a socket of its own waits for each, and prints a list of
[sent, answered or null, address or null] (CLOCK_MONOTONIC seconds). Half of the queries come from a few sockets that stay,
as a resolver library's in a long process; half from a socket of their own, as a program that asks once.
"""
import collections
import ipaddress
import json
import select
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from dns_client import query

STAYING = 8

Query = collections.namedtuple("Query", "sent answered by")


class Load:
    """The program above, running in a namespace. stop() returns all queries in order."""

    def __init__(self, ns, server, rate, name, late_s=2):
        self.process = ns.popen(sys.executable, Path(__file__).resolve(), server, rate, name, late_s, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)

    def stop(self, limit_s=120):
        out, _ = self.process.communicate(timeout=limit_s)
        return [Query(*row) for row in json.loads(out)]


class Asker:
    def __init__(self, server, name, late_s):
        self.server, self.name, self.late_s, self.unanswered = server, name, late_s, 0
        self.family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.rows, self.waiting = [], collections.deque()  # of sockets that are used once: (socket, since)
        self.epoll, self.sockets = select.epoll(), {}
        self.staying = [self.open() for _ in range(STAYING)]

    def open(self):
        sock = socket.socket(self.family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect((self.server, 53))
        self.sockets[sock.fileno()] = sock
        self.epoll.register(sock, select.EPOLLIN)
        return sock

    def close(self, sock):
        del self.sockets[sock.fileno()]
        self.epoll.unregister(sock)
        sock.close()

    def ask(self):
        number = len(self.rows)
        once = number % 2 == 1
        sock = self.open() if once else self.staying[number // 2 % STAYING]
        self.rows.append([time.monotonic(), None, None])
        self.unanswered += 1
        for _ in range(2):  # the first may tell of the last one's refusal
            try:
                sock.send(query(self.name, serial=number & 0xFFFF))
                break
            except OSError:
                pass
        if once:
            self.waiting.append((sock, time.monotonic()))

    def take(self, sock):
        try:
            message = sock.recv(2048)
        except OSError:  # refused: nothing listens there
            return
        serial = struct.unpack_from("!H", message)[0]
        number = (len(self.rows) - 1) - ((len(self.rows) - 1 - serial) & 0xFFFF)
        if self.rows[number][1] is None:
            self.unanswered -= 1
            self.rows[number][1:] = [time.monotonic(), str(ipaddress.ip_address(message[-4:]))]

    def poll(self, seconds):
        for fd, _ in self.epoll.poll(max(0, seconds)):
            if fd == 0:
                return False
            self.take(self.sockets[fd])
        while self.waiting and self.waiting[0][1] < time.monotonic() - self.late_s:
            self.close(self.waiting.popleft()[0])
        return True

    def run(self, rate):
        self.epoll.register(0, select.EPOLLIN)
        start = time.monotonic()
        running, count = True, 0
        while running:
            due = start + count / rate
            if due <= time.monotonic():
                self.ask()
                count += 1
            running = self.poll(start + count / rate - time.monotonic())
        self.epoll.unregister(0)
        end = time.monotonic() + self.late_s
        while self.unanswered and time.monotonic() < end:
            self.poll(end - time.monotonic())
        print(json.dumps(self.rows))


if __name__ == "__main__":
    Asker(sys.argv[1], sys.argv[3], float(sys.argv[4])).run(float(sys.argv[2]))
