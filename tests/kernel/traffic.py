"""
Servers and clients of the kernel tests: TCP and UDP echo, HTTP, SCTP by hand, curl and dig.

Every server first says who it is and whom it sees, as one JSON line: {"server", "client", "client_port", "local",
"local_port"}. So one connection tells which endpoint was reached and whether the source was masqueraded. Server
sockets live in their namespace, but one thread of the test serves all of them.
"""
import collections
import contextlib
import errno
import http.server
import json
import random
import re
import selectors
import socket
import struct
import threading
import time

import patience
import sctp

Reply = collections.namedtuple("Reply", "outcome server client client_port local local_port")
"""outcome: ok, refused, timeout or unreachable; the rest is None unless ok."""

Dig = collections.namedtuple("Dig", "status flags answer authority additional edns warnings text")
Record = collections.namedtuple("Record", "name ttl type data")
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3  # rcodes
Curl = collections.namedtuple("Curl", "exit code body")

ANSWER_S = 10 * patience.FACTOR  # to wait for what should come
IP_PKTINFO, SO_SNDBUFFORCE, SO_RCVBUFFORCE = 8, 32, 33  # Python's socket has no names for them
KINDS = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "sctp": (socket.SOCK_RAW, sctp.PROTOCOL)}


class Servers:
    """All servers of one lab. Each of tcp(), udp(), sctp(), http() listens on both families and returns a handle."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_out, selectors.EVENT_READ, lambda s: s.recv(100))
        self._lock = threading.Lock()
        self._web, self._closed, self._thread = [], False, None

    def tcp(self, ns, name, port):
        """Says who it is, then echoes until the client closes."""
        return self._listen(ns, "tcp", port, lambda sock: self._accept(sock, name))

    def udp(self, ns, name, port):
        """Answers each datagram with the line and the datagram."""
        return self._listen(ns, "udp", port, lambda sock: _answer_datagram(sock, name))

    def sctp(self, ns, name, port):
        """Answers each INIT with an INIT ACK that carries the line."""
        return self._listen(ns, "sctp", port, lambda sock: sctp.answer(sock, name, port))

    def http(self, ns, name, port):
        """/hostname, /clientip, anything else: the line. HTTP/1.1 with kept connections."""
        handles = []
        for family in (socket.AF_INET, socket.AF_INET6):
            server = http.server.ThreadingHTTPServer(("", port), _web_handler(name), bind_and_activate=False)
            server.daemon_threads = True
            server.socket.close()
            server.socket = _bound(ns, family, "tcp", port)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            handles.append(server)
        self._web += handles
        return _Handle(lambda: [(h.shutdown(), h.server_close()) for h in handles])

    def close(self):
        with self._lock:
            self._closed = True
            self._wake_in.send(b"x")
            if self._thread:
                self._thread.join()
            for key in list(self._selector.get_map().values()):
                key.fileobj.close()
            self._selector.close()
            self._wake_in.close()
        for server in self._web:
            server.shutdown()
            server.server_close()

    def _listen(self, ns, proto, port, on_readable):
        socks = [_bound(ns, family, proto, port) for family in (socket.AF_INET, socket.AF_INET6)]
        with self._lock:
            for sock in socks:
                sock.setblocking(False)
                self._selector.register(sock, selectors.EVENT_READ, on_readable)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, daemon=True)
                self._thread.start()
        self._wake_in.send(b"x")

        def close():
            for sock in socks:
                self._forget(sock)

        return _Handle(close)

    def _serve(self):
        while not self._closed:
            for key, _ in self._selector.select(1):
                # what goes wrong with one packet or connection ends no server: refused, reset, closed by the lab, malformed
                with contextlib.suppress(OSError, ValueError, KeyError, IndexError, struct.error):
                    key.data(key.fileobj)

    def _forget(self, sock):
        try:
            self._selector.unregister(sock)
        except (KeyError, ValueError, RuntimeError):
            pass
        sock.close()

    def _accept(self, listener, name):
        conn, peer = listener.accept()
        conn.setblocking(False)
        self._selector.register(conn, selectors.EVENT_READ, self._echo)
        self._send(conn, line_of(name, peer, conn.getsockname()))

    def _echo(self, conn):
        try:
            data = conn.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._send(conn, data)

    def _send(self, conn, data):
        """Nothing to send: the peer has closed the connection."""
        try:
            if data:
                conn.send(data)
                return
        except OSError:
            pass
        self._forget(conn)


class _Handle:
    def __init__(self, close):
        self.close = close


def _bound(ns, family, proto, port):
    kind, number = KINDS[proto]
    sock = ns.socket(family, kind, number)
    if family == socket.AF_INET6 and proto != "sctp":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if proto != "sctp":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", port))
    if proto == "tcp":
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20)  # an echo must find room: it is not waited for
        sock.listen(1024)
    if proto == "udp":
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)  # one slow thread answers for all
        sock.setsockopt(*((socket.IPPROTO_IP, IP_PKTINFO) if family == socket.AF_INET else
                          (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)), 1)
    return sock


def line_of(name, peer, local):
    return json.dumps({"server": name, "client": peer[0], "client_port": peer[1], "local": local[0],
                       "local_port": local[1]}).encode() + b"\n"


def _answer_datagram(sock, name):
    """From the address that was asked: one of several addresses would answer otherwise, which no client waits for."""
    data, ancillary, _, peer = sock.recvmsg(65536, 256)
    (level, kind, info), = ancillary
    asked = bytes(4) + info[8:] + info[8:] if level == socket.IPPROTO_IP else info[:16] + bytes(4)
    sock.sendmsg([line_of(name, peer, sock.getsockname()) + data], [(level, kind, asked)], 0, peer)


def _web_handler(name):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            known = {"/hostname": name.encode(), "/clientip": self.client_address[0].encode()}
            body = known.get(self.path) or line_of(name, self.client_address, self.connection.getsockname())
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Quiet: the log belongs to the daemon under test."""

    return Handler


def connect(ns, dst, port, proto="tcp", src=None, sport=0, limit_s=ANSWER_S, data=b""):
    """
    One new connection from ns to dst:port, and who answered, as a Reply. proto: tcp, udp or sctp. src must be an
    address of ns. data is sent and must come back.
    """
    sock = open_flow(ns, dst, proto, src, sport)
    try:
        return exchange(sock, dst, port, proto, limit_s, data)
    finally:
        sock.close()


def open_flow(ns, dst, proto="udp", src=None, sport=0):
    """A client socket in ns, for exchange(): several of them over one socket keep the source port."""
    family = socket.AF_INET6 if ":" in dst else socket.AF_INET
    kind, number = KINDS[proto]
    sock = ns.socket(family, kind, number)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if proto == "sctp":
        sock.bind((src or "", 0))
    elif src or sport:
        sock.bind((src or "", sport))
    return sock


def exchange(sock, dst, port, proto="udp", limit_s=ANSWER_S, data=b""):
    sock.settimeout(limit_s)
    try:
        if proto == "sctp":
            seen, back = sctp.init(sock, dst, port, limit_s)
        elif proto == "udp":
            seen, back = _udp_exchange(sock, dst, port, limit_s, data)
        else:
            sock.connect((dst, port))
            seen, back = _read_line(sock)
            if data:
                sock.sendall(data)
                while len(back) < len(data):
                    back += sock.recv(65536) or _closed()
    except OSError as e:
        return Reply(_outcome(e), None, None, None, None, None)
    if data and back != data:
        raise AssertionError(f"{proto} {dst}:{port}: sent {len(data)} bytes, {len(back)} others came back")
    return Reply("ok", seen["server"], seen["client"], seen["client_port"], seen["local"], seen["local_port"])


def _closed():
    raise ConnectionResetError(errno.ECONNRESET, "closed by the server")


def _outcome(error):
    if isinstance(error, TimeoutError):
        return "timeout"
    if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
        return "refused"
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        return "unreachable"
    raise error


def _read_line(sock):
    got = b""
    while b"\n" not in got:
        got += sock.recv(65536) or _closed()
    line, _, rest = got.partition(b"\n")
    return json.loads(line), rest


def _udp_exchange(sock, dst, port, limit_s, data):
    sock.connect((dst, port))
    end = time.monotonic() + limit_s
    while True:
        try:
            sock.send(data or b"?")
        except PermissionError:
            pass  # dropped on the way out; a refusal follows as ICMP
        sock.settimeout(min(1.0, max(0.01, end - time.monotonic())))
        try:
            line, _, back = sock.recv(65536).partition(b"\n")
            return json.loads(line), back
        except TimeoutError:
            if time.monotonic() >= end:
                raise


def servers_reached(ns, dst, port, want, proto="tcp", limit=None, **kwargs):
    """
    Connects until every server of `want` answered, and returns all replies; fails when another answers, or when one is
    missing after so many tries that chance explains it once in 10**9 runs.
    """
    want, replies, seen = set(want), [], set()
    limit = limit or 40 + 25 * len(want)
    while seen != want and len(replies) < limit:
        reply = connect(ns, dst, port, proto, **kwargs)
        if reply.outcome != "ok" or reply.server not in want:
            raise AssertionError(f"{proto} {dst}:{port}: {reply} where one of {sorted(want)} should answer")
        replies.append(reply)
        seen.add(reply.server)
    if seen != want:
        raise AssertionError(f"{proto} {dst}:{port}: after {limit} connections only {sorted(seen)} of {sorted(want)}")
    return replies


def curl(ns, url, *args, limit_s=2 * ANSWER_S):
    """Real curl. exit 7 is refused, 28 a time-out."""
    done = ns.run("curl", "-sS", "-m", limit_s, "-w", "\n%{http_code}", "--noproxy", "*", *args, url, check=False)
    body, _, code = done.stdout.rpartition("\n")
    return Curl(done.returncode, int(code or 0), body)


def dig(ns, server, *args, port=53):
    """Real dig; warnings holds every line in which it complains."""
    done = ns.run("dig", f"@{server}", "-p", port, "+tries=1", f"+time={ANSWER_S:.0f}", *args, check=False)
    return parse_dig(done.stdout + done.stderr)


def parse_dig(text):
    sections, current = collections.defaultdict(list), None
    for line in text.splitlines():
        head = re.match(r";; (\w+) (?:PSEUDO)?SECTION:", line)
        if head:
            current = head[1]
        elif line and not line.startswith(";") and current:
            name, ttl, _, kind, data = line.split(None, 4)
            sections[current].append(Record(name, int(ttl), kind, data))
    status = re.search(r"status: (\w+)", text)
    flags = re.search(r";; flags: ([\w ]*);", text)
    edns = re.search(r"; EDNS: (.*)", text)
    # what dig says of any name below .local is not about the server
    warnings = [line for line in text.splitlines() if "reserved for Multicast DNS" not in line and
                re.search(r"warn|malformed|bad packet|mismatch|extra bytes|timed out|no servers|\berror|BADCOOKIE",
                             line, re.I)]
    return Dig(status[1] if status else None, flags[1].split() if flags else [], sections["ANSWER"],
               sections["AUTHORITY"], sections["ADDITIONAL"], edns[1] if edns else None, warnings, text)


class Asker:
    """A stub resolver of 20 lines for tight loops: dig takes 10 ms to start."""

    def __init__(self, ns, server):
        self.sock = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect((server, 53))
        self.sock.settimeout(ANSWER_S)

    def ask(self, name):
        """(rcode, number of answers) of an A question; (None, 0) without an answer."""
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        number = random.randrange(65536)
        try:
            self.sock.send(struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1")
            while True:
                reply = self.sock.recv(4096)
                if struct.unpack("!H", reply[:2])[0] == number:
                    return reply[3] & 15, struct.unpack("!H", reply[6:8])[0]
        except (ConnectionRefusedError, TimeoutError):
            return None, 0

    def __del__(self):
        self.sock.close()


def spread(replies):
    """How many connections each server got."""
    return collections.Counter(r.server for r in replies)
