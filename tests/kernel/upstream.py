"""A test double for upstream servers: what `answer` returns goes out, over UDP and TCP, with what a test spoils."""
import contextlib
import socket
import struct
import threading
import time

from dns_client import read_tcp

NS, HINFO = 2, 13
SO_RCVBUFFORCE = 33


class Upstream:
    """In a namespace, at address:port. asked: (name as sent, type, source port, "udp" or "tcp") of every query; probes: of type NS and
    HINFO, which the forwarder asks for itself."""

    def __init__(self, ns, port, address="127.0.0.1"):
        self.port, self.asked, self.probes, self.lock = port, [], [], threading.Lock()
        self.ttl, self.rcode, self.spoil, self.truncate, self.silent, self.records = 60, 0, None, False, False, 1
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp = ns.socket(family, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)  # what comes while it has no processor
        self.udp.bind((address, port))
        self.tcp = ns.socket(family, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, port))
        self.tcp.listen(64)
        for run in (self._udp, self._tcp):
            threading.Thread(target=run, daemon=True).start()

    def close(self):
        """Its threads wake, so that the ports are free at once."""
        for sock in (self.tcp, self.udp):
            with contextlib.suppress(OSError):  # UDP has no peer, and it may be closed already
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _udp(self):
        while True:
            try:
                query, client = self.udp.recvfrom(4096)
            except OSError:
                return
            if not client:  # shut down
                return
            for reply in self._replies(query, client[1], "udp"):
                self.udp.sendto(reply, client)

    def _tcp(self):
        while True:
            try:
                conn, client = self.tcp.accept()
            except OSError:
                return
            with conn:
                query = read_tcp(conn)
                for reply in self._replies(query, client[1], "tcp") if query else []:
                    conn.sendall(struct.pack("!H", len(reply)) + reply)

    def _replies(self, query, port, proto):
        end = 12
        labels = []
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode())
            end += 1 + query[end]
        kind = struct.unpack_from("!H", query, end + 1)[0]
        with self.lock:
            (self.probes if kind in (NS, HINFO) else self.asked).append((".".join(labels), kind, port, proto))
        if self.silent:
            return []
        reply = self.reply(query[:2], query[12:end + 5], proto)
        return self.spoil(reply, proto) if self.spoil else [reply]

    def reply(self, serial, question, proto):
        truncated = self.truncate and proto == "udp"
        count = 0 if self.rcode or truncated else self.records
        head = serial + struct.pack("!5H", 0x8180 | truncated << 9 | self.rcode, 1, count, 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, self.ttl, 4)
        return head + question + b"".join(record + bytes([192, 0, 2, 1 + i]) for i in range(count))

    def names(self):
        with self.lock:
            return [name.lower() for name, *_ in self.asked]


class StreamUpstream(Upstream):
    """
    The same with TCP connections that stay, with TLS when there is a context. batch: so many queries are read before
    they are answered, last first; close_after: a connection ends after so many replies; stall: no handshake; held: no
    reply yet, but seen grows; flood: after a query, unasked messages without end; deaf: reads nothing, but sends
    unasked messages now and then.
    """

    def __init__(self, ns, port, context=None, address="127.0.0.1"):
        self.context, self.batch, self.close_after, self.stall, self.held, self.flood = context, 1, None, False, False, False
        self.deaf = False
        self.connections, self.resumed, self.refused, self.seen = 0, 0, 0, 0
        super().__init__(ns, port, address)

    def _tcp(self):
        while True:
            try:
                conn, client = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn, client), daemon=True).start()

    def _serve(self, conn, client):
        self.connections += 1
        while self.stall:
            time.sleep(0.05)
        try:
            while self.deaf:
                conn.sendall(b"\0\x0c" + bytes(12))
                time.sleep(0.05)
            if self.context:
                conn = self.context.wrap_socket(conn, server_side=True)
                self.resumed += conn.session_reused
            self._answer(conn, client)
        except OSError:
            self.refused += 1
        conn.close()

    def _answer(self, conn, client):
        answered = 0
        while self.close_after is None or answered < self.close_after:
            queries = []
            while len(queries) < self.batch:
                query = read_tcp(conn)
                if query is None:
                    return
                queries.append(query)
            self.seen += len(queries)
            while self.held:
                time.sleep(0.01)
            while self.flood:
                conn.sendall((b"\0\x0c" + queries[0][:2][::-1] + b"\x80" + bytes(9)) * 10000)  # faster than they are read
            for query in reversed(queries):
                for reply in self._replies(query, client[1], "tcp"):
                    conn.sendall(struct.pack("!H", len(reply)) + reply)
                answered += 1


def other_question(reply):
    """The same reply to another name."""
    return reply[:13] + b"z" + reply[14:]
