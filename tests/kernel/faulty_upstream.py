"""
An upstream server that fails at random: what it says is right unless it carries a wrong id, port or question. The right
answer follows from the name alone (`truth`), so that a client can tell a wrong one.
"""
import asyncio
import collections
import random
import socket
import struct
import threading
import zlib

A, NS, HINFO = 1, 2, 13
EVIL = bytes([203, 0, 113, 66])
UDP_FAULTS = ("drop", "late", "twice", "truncated", "cut", "wrong id", "wrong port", "wrong question", "lost case", "garbage",
              "SERVFAIL", "REFUSED", "FORMERR")
TCP_FAULTS = ("reset", "closed", "late", "half", "never", "garbage")
SHORT_S, LATE_S, NEVER_S = 0.02, 1.5, 8


def truth(name):
    """The address of a name, or None: it does not exist."""
    name = name.lower()
    return None if name.startswith("nx") else b"\x0a" + struct.pack("!I", zlib.crc32(name.encode()))[1:]


def read_name(message):
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), at + 5


def reply_to(query, address=None, rcode=0, flags=0, ttl=60):
    """The reply to a query, without OPT; address: instead of the truth."""
    name, end = read_name(query)
    kind = struct.unpack_from("!H", query, end - 4)[0]
    found = address or truth(name)
    if rcode or flags & 0x200:
        return query[:2] + struct.pack("!5H", 0x8180 | flags | rcode, 1, 0, 0, 0) + query[12:end]
    if found and kind == A:
        record = b"\xc0\x0c" + struct.pack("!HHIH", A, 1, ttl, 4) + found
        return query[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + query[12:end] + record
    soa = b"\0\0" + struct.pack("!5I", 1, 2, 3, 4, ttl)
    record = b"\0" + struct.pack("!HHIH", 6, 1, ttl, len(soa)) + soa
    return query[:2] + struct.pack("!5H", 0x8180 | (3 if found is None else 0), 1, 0, 1, 0) + query[12:end] + record


class FaultyUpstream:
    """share: of its replies that are spoiled. dead: it says nothing at all. counts: how often each fault was."""

    def __init__(self, ns, port, seed, share=0.4, context=None, address="127.0.0.1"):
        self.random, self.share, self.dead, self.counts = random.Random(seed), share, False, collections.Counter()
        self.decks = {}  # faults that are still to come
        self.udp, self.other = (ns.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.udp.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.udp.bind((address, port))
        self.other.bind((address, 0))
        self.tcp = ns.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, port))
        self.tcp.listen(128)
        for sock in (self.udp, self.other, self.tcp):
            sock.setblocking(False)
        self.context, self.loop = context, asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        for sock in (self.udp, self.other, self.tcp):
            sock.close()

    def _run(self):
        self.loop.add_reader(self.udp, self._on_udp)
        self.loop.run_until_complete(asyncio.start_server(self._on_tcp, sock=self.tcp))
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    def _fault(self, faults):
        """None most of the time. Probes for loops and life are part of it."""
        fault = None
        if self.random.random() < self.share:
            if not self.decks.get(faults):  # all of them come, however few replies there are
                self.decks[faults] = self.random.sample(faults, len(faults))
            fault = self.decks[faults].pop()
        self.counts[fault] += 1
        return fault

    # ---- UDP ----

    def _on_udp(self):
        for _ in range(64):
            try:
                query, client = self.udp.recvfrom(4096)
            except BlockingIOError:
                return
            if not self.dead:
                self._answer_udp(query, client)

    def _send(self, message, client, sock=None, after=0.0):
        def send():
            try:
                (sock or self.udp).sendto(message, client)
            except OSError:
                pass  # as lost as others
        if after > 0:
            self.loop.call_later(after, send)
        else:
            send()

    def _answer_udp(self, query, client):
        fault = self._fault(UDP_FAULTS)
        good = reply_to(query, ttl=self.random.choice((1, 2, 60)))
        evil = reply_to(query, EVIL)
        wait_s = self.random.uniform(0, SHORT_S) if self.random.random() < 0.2 else 0.0  # replies change places
        if fault == "drop":
            return
        if fault == "late":
            wait_s = self.random.uniform(0, LATE_S)
        elif fault == "twice":
            self._send(good, client, after=self.random.uniform(0, LATE_S))
        elif fault == "truncated":
            good = reply_to(query, flags=0x200)
        elif fault == "cut":
            good = good[:self.random.randrange(len(good))]
        elif fault == "wrong id":
            self._send(bytes([evil[0] ^ self.random.randrange(1, 256)]) + evil[1:], client)
        elif fault == "wrong port":
            self._send(evil, client, self.other)
        elif fault == "wrong question":
            self._send(evil[:13] + bytes([ord("q")]) + evil[14:], client)
        elif fault == "lost case":
            good = reply_to(query[:12] + query[12:].lower())
        elif fault == "garbage":
            self._send(query[:2] + self.random.randbytes(self.random.randrange(200)), client)
        elif fault is not None:
            good = reply_to(query, rcode={"SERVFAIL": 2, "REFUSED": 5, "FORMERR": 1}[fault])
        self._send(good, client, after=wait_s)

    # ---- TCP and TLS ----

    async def _on_tcp(self, reader, writer):
        try:
            if self.context:
                if self._fault(("stalled handshake",)):
                    await asyncio.sleep(NEVER_S)
                await writer.start_tls(self.context)
            while True:
                query = await reader.readexactly(struct.unpack("!H", await reader.readexactly(2))[0])
                if self.dead or not await self._answer_tcp(query, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        writer.transport.abort()

    async def _answer_tcp(self, query, writer):
        """False: the connection is over."""
        fault = self._fault(TCP_FAULTS)
        good = reply_to(query, ttl=self.random.choice((1, 2, 60)))
        if fault == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if fault == "closed":
            return False
        if fault == "never":
            await asyncio.sleep(NEVER_S)
            return False
        if fault == "late":
            await asyncio.sleep(self.random.uniform(0, LATE_S))
        elif fault == "garbage":
            good = query[:2] + self.random.randbytes(self.random.randrange(200))
        message = struct.pack("!H", len(good)) + good
        writer.write(message[:len(message) // 2] if fault == "half" else message)
        await writer.drain()
        return fault != "half"
