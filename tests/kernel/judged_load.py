"""Queries at a steady rate from several addresses, each reply judged against the truth of faulty_upstream."""
import collections
import random
import select
import socket
import struct
import time

from dns_client import query
from faulty_upstream import read_name, truth

CLIENTS = 8
NOERROR, NXDOMAIN, FAILURES = 0, 3, (1, 2, 5)


def judge(name, reply):
    """"right", "failed" (the upstream's failures are passed on), or what is wrong."""
    try:
        asked, at = read_name(reply)
    except (IndexError, UnicodeDecodeError):
        return "wrong: cannot be read"
    rcode, answers = reply[3] & 15, struct.unpack_from("!H", reply, 6)[0]
    if asked != name:
        return f"wrong: question {asked}"
    if rcode in FAILURES and answers == 0:
        return "failed"
    want = truth(name)
    if rcode == NXDOMAIN and want is None and answers == 0:
        return "right"
    if rcode == NOERROR and want is not None and answers == 1 and reply[at + 12:at + 16] == want:
        return "right"
    return f"wrong: rcode {rcode}, {answers} answers, {reply[at:at + 16].hex()}"


class Load:
    """counts: of "right", "failed" and "lost"; wrong: each with its name; slowest_s: of "right" and "failed"."""

    def __init__(self, ns, seed, names=2000, server="127.0.0.1"):
        self.random = random.Random(seed)
        self.counts, self.wrong, self.slowest_s = collections.Counter(), [], collections.Counter()
        self.names = [f"{'nx' if i % 5 == 0 else 'n'}{i}.example.com" for i in range(names)]
        self.fresh = 0
        self.socks = []
        for i in range(CLIENTS):
            sock = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
            sock.bind((f"127.0.1.{1 + i}", 0))
            sock.connect((server, 53))
            sock.setblocking(False)
            self.socks.append(sock)
        self.waiting = {}  # (socket, id) → (name, when)
        self.serial = 0

    def close(self):
        for sock in self.socks:
            sock.close()

    def _name(self):
        if self.random.random() < 0.3:
            self.fresh += 1
            return f"{'nx' if self.fresh % 5 == 0 else 'f'}{self.fresh}.{self.random.getrandbits(24):x}.example.org"
        return self.names[int(len(self.names) * self.random.random() ** 3)]  # some are popular

    def ask(self, name=None):
        name = name or self._name()
        at = self.serial % CLIENTS
        serial = self.serial // CLIENTS % 65536
        self.serial += 1
        name = "".join(self.random.choice((c.upper(), c)) for c in name)
        if (at, serial) in self.waiting:
            self.counts["lost"] += 1
        self.waiting[at, serial] = (name, time.monotonic())
        self.socks[at].send(query(name, serial=serial))

    def _take(self, at):
        while True:
            try:
                reply = self.socks[at].recv(4096)
            except BlockingIOError:
                return
            asked = self.waiting.pop((at, struct.unpack_from("!H", reply)[0]), None)
            if asked is None:
                self.wrong.append(("", "wrong: a reply to nothing"))
                continue
            name, when = asked
            verdict = judge(name, reply)
            if verdict.startswith("wrong"):
                self.wrong.append((name, verdict))
            else:
                self.counts[verdict] += 1
                self.slowest_s[verdict] = max(self.slowest_s[verdict], time.monotonic() - when)

    def receive(self, limit_s):
        for sock in select.select(self.socks, (), (), max(0.0, limit_s))[0]:
            self._take(self.socks.index(sock))

    def run(self, seconds, rate, names=None):
        """Asks at this rate; then takes what still comes, until all have come or 15 s have passed."""
        start, asked = time.monotonic(), 0
        while (now := time.monotonic() - start) < seconds:
            while asked < now * rate:
                self.ask(self.random.choice(names) if names else None)
                asked += 1
            self.receive(1 / rate)
        end = time.monotonic() + 15
        while self.waiting and time.monotonic() < end:
            self.receive(0.1)
        self.counts["lost"] += len(self.waiting)
        self.waiting.clear()
