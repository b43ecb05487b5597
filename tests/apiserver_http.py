"""The wire side of tests/apiserver.py: one request, its answer or the fault that was ordered for it."""
import base64
import http.server
import json
import os
import re
import socket
import ssl
import struct
import time
import urllib.parse

BATCH = 500  # objects per chunk of a streaming list


class Gone(Exception):
    """This connection has been ended on purpose."""


def status(code, reason, message):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code}


REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired", 422: "Invalid",
           429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


def render(obj):
    return json.dumps(obj, separators=(",", ":"), ensure_ascii=False).encode()


def field_of(obj, path):
    for part in path.split("."):
        obj = obj.get(part, "") if isinstance(obj, dict) else ""
    return obj


class Selector:
    """labelSelector and fieldSelector, as far as they are used here: k, !k, k=v, k!=v, joined by commas."""

    def __init__(self, query):
        self.labels = [term for term in query.get("labelSelector", "").split(",") if term]
        self.fields = [term for term in query.get("fieldSelector", "").split(",") if term]

    def matches(self, obj):
        labels = obj["metadata"].get("labels", {})
        return all(self._label(labels, term) for term in self.labels) and all(
            self._field(obj, term) for term in self.fields)

    @staticmethod
    def _label(labels, term):
        if "=" not in term:
            return term[1:] not in labels if term.startswith("!") else term in labels
        key, value = re.split(r"!=|==|=", term)
        return (labels.get(key) == value) != ("!=" in term)

    @staticmethod
    def _field(obj, term):
        key, value = re.split(r"!=|==|=", term)
        return (field_of(obj, key) == value) != ("!=" in term)


class Watch:
    """One open watch; `orders` are faults for it to carry out."""

    def __init__(self, collection):
        self.collection = collection
        self.orders = []


def reset(connection):
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        fd = connection.detach()
        # Other threads may sleep in this descriptor: shutdown wakes them, close alone would not.
        raw = socket.socket(fileno=fd)
        try:
            raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        raw.close()
    except OSError:
        pass


# What a hostile server sends: a head, then one piece again and again.
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ENDLESS = {
    "endless-refusal": (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"x" * 65536, 0),
    "trickling-refusal": (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"x", 0.2),
    "endless-headers": (_OK, b"X-More: " + b"y" * 1000 + b"\r\n", 0),
    "endless-object": (_OK + b'\r\n{"type":"ADDED","object":{"metadata":{"name":"big","namespace":"default"},"data":"',
                       b"z" * 65536, 0),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state = None

    def setup(self):
        server = self.server_state
        if server.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*server.tls)
            if server.tls_newest is not None:  # and everything older, with ciphers that OpenSSL's own level refuses
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, server.tls_newest
            if server.client_ca:
                context.load_verify_locations(server.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
            self.request = context.wrap_socket(self.request, server_side=True)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()
        server.connections.add(self.request)
        if server.stopping:
            reset(self.request)

    def finish(self):
        self.server_state.connections.discard(self.request)
        super().finish()

    def log_message(self, *_):
        pass

    # answers

    def answer(self, code, obj, headers=()):
        body = obj if isinstance(obj, bytes) else render(obj)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def chunks_begin(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, body):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    def chunks_end(self):
        self.wfile.write(b"0\r\n\r\n")

    def drop(self):
        reset(self.request)
        raise Gone

    def hang(self):
        state = self.server_state
        with state.lock:
            while not state.stopping:
                state.lock.wait(1)
        raise Gone

    # requests

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        state = self.server_state
        c = state.collections.get(url.path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        state.tokens_seen.add(token)
        if state.token is not None and token != state.token:
            return self.answer(401, status(401, "Unauthorized", "Unauthorized"))
        if c is None or c.absent:
            return self.answer(404, status(404, "NotFound", "the server could not find the requested resource"))
        mode = self.mode_of(query)
        with state.lock:
            state.requests.append((time.monotonic(), c.plural, mode, query))
            refusal = self.take_refusal(c, mode)
        verb = "watch" if mode in ("watch", "stream") else "list"
        if self.starting(c):
            return None
        if (c.plural, verb) in state.forbidden:
            return self.answer(403, status(403, "Forbidden", f'{c.plural} is forbidden: User "system:anonymous" cannot '
                                           f'{verb} resource "{c.plural}" in API group "{c.group}"'))
        if refusal:
            return self.refuse(c, *refusal)
        if mode == "stream" and not state.streaming:
            return self.answer(422, status(422, "Invalid", "sendInitialEvents is forbidden for watch"))
        return self.list(c, query) if verb == "list" else self.watch(c, query, mode == "stream")

    def starting(self, c):
        """True: the server is not ready, and has answered so."""
        state = self.server_state
        wait_s = state.not_ready_until - time.monotonic()
        if wait_s <= 0 or (state.says in ("caches", "hang") and sorted(state.by_plural).index(c.plural) % 2 == 0):
            return False
        if state.says == "hang":
            time.sleep(wait_s)
            return False
        if state.says in (429, "caches"):
            self.answer(429, status(429, "TooManyRequests", "storage is (re)initializing"), [("Retry-After", "1")])
        else:
            self.answer(state.says, status(state.says, REASONS[state.says], "starting"))
        return True

    @staticmethod
    def mode_of(query):
        if query.get("watch") in ("true", "1"):
            return "stream" if query.get("sendInitialEvents") == "true" else "watch"
        return "page" if "continue" in query else "list"

    def take_refusal(self, c, mode):
        for refusal in self.server_state.refusals:
            if refusal[0] in (None, c.plural) and refusal[1] in (None, mode):
                refusal[3] -= 1
                if refusal[3] == 0:
                    self.server_state.refusals.remove(refusal)
                return refusal[2], refusal[4]
        return None

    def refuse(self, c, what, detail):
        if what == "reset":
            self.drop()
        elif what == "hang":
            self.hang()
        elif what == "html":
            self.answer(200, b"<html><body>Bad gateway</body></html>")
        elif what in ENDLESS:
            self.endless(*ENDLESS[what])
        elif what == "cut":
            self.chunks_begin()
            self.chunk(b'{"kind":"%sList","metadata":{"resourceVersion":"1"},"items":[{"metadata":{' % c.kind.encode())
            self.drop()
        else:
            headers = [("Retry-After", str(detail["retry_after"]))] if "retry_after" in detail else []
            self.answer(what, status(what, REASONS.get(what, "Unknown"), detail.get("message", f"told to say {what}")),
                        headers)

    def endless(self, head, piece, pause_s):
        """An answer without an end, until the client hangs up or the server stops."""
        try:
            self.connection.sendall(head)
            while not self.server_state.stopping:
                self.connection.sendall(piece)
                time.sleep(pause_s)
        except OSError:
            pass
        self.drop()

    # lists

    def list(self, c, query):
        state = self.server_state
        limit = int(query.get("limit", "0"))
        with state.lock:
            if "continue" in query:
                page = state.pages.get(query["continue"])
                if page is None:
                    page = (None, None)
                version, rest = page
            else:
                selector = Selector(query)
                version = state.version
                rest = [body for _, (obj, body) in sorted(c.objects.items()) if selector.matches(obj)]
            token = ""
            if rest is not None and limit and len(rest) > limit:
                token = base64.urlsafe_b64encode(os.urandom(48)).decode() + "+/="
                state.pages[token] = (version, rest[limit:])
                rest = rest[:limit]
        if rest is None:
            return self.answer(410, status(410, "Expired", "The provided continue parameter is too old"))
        head = {"kind": c.kind + "List", "apiVersion": c.api_version,
                "metadata": {"resourceVersion": str(version), **({"continue": token} if token else {})}}
        # Items of a typed list say neither kind nor apiVersion.
        mark = b',"apiVersion":"%s"' % c.api_version.encode(), b'"kind":"%s",' % c.kind.encode()
        items = b",".join(item.replace(mark[0], b"", 1).replace(mark[1], b"", 1) for item in rest)
        self.answer(200, render(head)[:-1] + b',"items":[' + items + b"]}\n")

    # watches

    def bookmark(self, c, version, initial_end=False):
        metadata = {"resourceVersion": str(version)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        self.chunk(render({"type": "BOOKMARK", "object": {"kind": c.kind, "apiVersion": c.api_version,
                                                          "metadata": metadata}}) + b"\n")

    def watch(self, c, query, initial):
        state = self.server_state
        selector = Selector(query)
        watch = Watch(c)
        with state.lock:
            wanted = int(query.get("resourceVersion") or 0)
            if initial:
                wanted = state.version
                bodies = [body for _, (obj, body) in sorted(c.objects.items()) if selector.matches(obj)]
            expired = wanted < c.floor
            future = wanted > state.version
            if not expired and not future:
                state.watches.append(watch)
        if expired:
            return self.answer(410, status(410, "Expired", f"too old resource version: {wanted} ({c.floor})"))
        if future:
            return self.answer(504, status(504, "Timeout", "Too large resource version"), [("Retry-After", "1")])
        try:
            self.chunks_begin()
            self.wfile.flush()
            if initial and c.plural in state.lists_to_cut:
                state.lists_to_cut.discard(c.plural)
                self.chunk(b'{"type":"ADDED","object":{"kind":"%s","metadata":{"na' % c.kind.encode())
                self.drop()
            if initial:
                for at in range(0, len(bodies), BATCH):
                    self.chunk(b"".join(b'{"type":"ADDED","object":%s}\n' % body for body in bodies[at:at + BATCH]))
                self.bookmark(c, wanted, initial_end=True)
            self.follow(c, watch, selector, wanted, float(query.get("timeoutSeconds", "1800")))
        finally:
            with state.lock:
                state.watches.remove(watch)

    def follow(self, c, watch, selector, position, limit_s):
        state = self.server_state
        end = time.monotonic() + limit_s
        bookmark_at = time.monotonic() + state.bookmark_s
        while True:
            with state.lock:
                while not state.stopping and not watch.orders and state.version == position:
                    now = time.monotonic()
                    if now >= min(end, bookmark_at):
                        break
                    state.lock.wait(min(end, bookmark_at) - now)
                if state.stopping:
                    raise Gone
                events = []
                for event in reversed(c.history):
                    if event.version <= position:
                        break
                    events.append(event)
                position = state.version
                order = watch.orders.pop(0) if watch.orders else None
            for event in reversed(events):
                self.event(selector, event)
            if order and not self.obey(order, c):
                return
            if time.monotonic() >= end:
                return self.chunks_end()
            if time.monotonic() >= bookmark_at:
                self.bookmark(c, position)
                bookmark_at = time.monotonic() + state.bookmark_s

    def event(self, selector, event):
        now = event.type != "DELETED" and selector.matches(event.obj)
        before = event.before is not None and selector.matches(event.before)
        if not now and not before:
            return
        kind = "DELETED" if not now else "MODIFIED" if before else "ADDED"
        self.server_state.sent_ns = time.monotonic_ns()
        self.chunk(b'{"type":"%s","object":%s}\n' % (kind.encode(), event.body))

    def obey(self, order, c):
        """False: the watch is over."""
        if order == "reset":
            self.drop()
        elif order == "hang":
            self.hang()
        elif order == "truncate":
            self.chunk(b'{"type":"ADDED","object":{"kind":"%s","metadata":{"na' % c.kind.encode())
            self.close_connection = True
            self.drop()
        elif order == "garbage":
            self.chunk(b'{"type":"ADDED","object":{"kind":"%s","metadata":{"na\n' % c.kind.encode())
            return True
        elif order in ("gone", "error"):
            code = 410 if order == "gone" else 500
            self.chunk(render({"type": "ERROR", "object": status(code, REASONS[code], "told to say so")}) + b"\n")
        elif isinstance(order, bytes):
            self.chunk(order)
            return True
        self.chunks_end()
        return False
