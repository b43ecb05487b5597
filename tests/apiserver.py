"""A small Kubernetes API server for tests: lists, pages, streaming lists, watches, bookmarks, selectors, TLS, tokens.

It keeps objects in memory with one counter of resource versions and a history of events, as etcd and the watch cache
do, and does on demand what real ones do at bad moments: see `Server.refuse`, `Server.disturb`, `Server.compact`,
`Server.stop`. In a test: `with Server() as server: server.put(manifests.service(…))`. On its own it serves a bench:
`apiserver.py [PORT]`, orders on stdin, see main.
"""
import http.server
import json
import socket
import socketserver
import sys
import threading
import time
import weakref

from apiserver_http import Gone, Handler, render, reset

RESOURCES = {
    "/api/v1/services": ("Service", "v1", ""),
    "/apis/discovery.k8s.io/v1/endpointslices": ("EndpointSlice", "discovery.k8s.io/v1", "discovery.k8s.io"),
    "/api/v1/namespaces": ("Namespace", "v1", ""),
    "/api/v1/nodes": ("Node", "v1", ""),
    "/api/v1/pods": ("Pod", "v1", ""),
    "/apis/networking.k8s.io/v1/servicecidrs": ("ServiceCIDR", "networking.k8s.io/v1", "networking.k8s.io"),
}
PLURALS = {kind: path.rsplit("/", 1)[1] for path, (kind, _, _) in RESOURCES.items()}


def key_of(obj):
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Event:
    __slots__ = ("version", "type", "obj", "before", "body")

    def __init__(self, version, kind, obj, before, body):
        self.version, self.type, self.obj, self.before, self.body = version, kind, obj, before, body


class Collection:
    """Objects of one kind, their rendered bytes, and what happened to them."""

    def __init__(self, kind, api_version, group, path):
        self.kind, self.api_version, self.group, self.path = kind, api_version, group, path
        self.plural = path.rsplit("/", 1)[1]
        self.objects = {}  # key → (object, bytes)
        self.history = []  # events, oldest first
        self.floor = 0  # events up to this version are forgotten
        self.absent = False


class Server:
    def __init__(self, port=0, host="127.0.0.1", tls=None, token=None, bookmark_s=60.0, streaming=True, client_ca=None):
        self.lock = threading.Condition()
        self.version = 1000
        self.collections = {path: Collection(*what, path) for path, what in RESOURCES.items()}
        self.by_plural = {c.plural: c for c in self.collections.values()}
        self.host, self.port, self.tls, self.token = host, port, tls, token
        self.client_ca, self.tls_newest = client_ca, None
        self.bookmark_s, self.streaming = bookmark_s, streaming
        self.refusals = []  # (plural or None, mode or None, what, times left, detail)
        self.forbidden = set()  # (plural, verb)
        self.pages = {}  # token → (version, what is left)
        self.watches = []
        self.requests = []  # (time, plural, mode, query)
        self.tokens_seen = set()
        self.ever = {}  # (kind, key) → every rendering it had
        self.connections = set()
        self.sent_ns = 0  # when an event last went out
        self.httpd = None
        self.begin = self.not_ready_until = 0.0  # of this start
        self.says, self.lists_to_cut = None, set()
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.hold()
        self.start()

    # life

    def hold(self):
        """The port is bound for good: between stop and start connections to it are refused, and no other program gets it."""
        held = socket.socket(self.family, socket.SOCK_STREAM)
        weakref.finalize(self, held.close)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((self.host, self.port))
        self.port = held.getsockname()[1]

    def start(self, says=None, for_s=0.0, cut=False):
        """Also again after stop, as a real one: etcd went on meanwhile and its watch caches begin with the newest state, so
        that watches from every older version answer 410. For `for_s` it says: 503, 429 (with Retry-After: 1), 403 (its
        roles are not read yet), "caches" (429 for every other kind) or "hang" (as "caches", without an answer). cut:
        the first list of each kind ends in the middle of an object."""
        server = self
        self.version += 1
        self.compact()
        self.says, self.begin = says, time.monotonic()
        self.not_ready_until = self.begin + for_s
        self.lists_to_cut = set(self.by_plural) if cut else set()

        class Httpd(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128
            allow_reuse_address = True

            def server_bind(self):
                """Without the look-up of the host's name, which takes 10 s in a namespace without a name server."""
                socketserver.TCPServer.server_bind(self)
                self.server_name, self.server_port = self.server_address[:2]

            def handle_error(self, request, client_address):
                if not isinstance(sys.exc_info()[1], (OSError, Gone)):
                    super().handle_error(request, client_address)

        class Bound(Handler):
            pass

        Bound.server_state = server
        Httpd.address_family = self.family
        self.httpd = Httpd((self.host, self.port), Bound)
        self.stopping = False
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self):
        """As if the machine's process had died: the port is closed, every connection reset."""
        self.stopping = True
        self.httpd.shutdown()
        self.httpd.server_close()
        for connection in list(self.connections):
            reset(connection)
        with self.lock:
            self.lock.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    # objects

    def collection_of(self, kind):
        return self.by_plural[PLURALS.get(kind, kind)]

    def put(self, *objects):
        with self.lock:
            for obj in objects:
                self._put(json.loads(json.dumps(obj)))
            self.lock.notify_all()

    def _put(self, obj):
        c = self.collection_of(obj["kind"])
        obj.setdefault("apiVersion", c.api_version)
        if c.kind in ("Service", "EndpointSlice", "Pod"):
            obj["metadata"].setdefault("namespace", "default")
        key = key_of(obj)
        before = c.objects.get(key)
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        body = render(obj)
        c.objects[key] = (obj, body)
        c.history.append(Event(self.version, "MODIFIED" if before else "ADDED", obj, before and before[0], body))
        self.ever.setdefault((c.kind, key), []).append(obj)

    def delete(self, kind, namespace, name):
        with self.lock:
            c = self.collection_of(kind)
            obj, _ = c.objects.pop((namespace, name))
            self.version += 1
            last = dict(obj, metadata=dict(obj["metadata"], resourceVersion=str(self.version)))
            c.history.append(Event(self.version, "DELETED", last, obj, render(last)))
            self.lock.notify_all()

    def compact(self, keep=False):
        """Forgets history: watches from before now answer 410, open ones go on, page tokens expire. keep: an open one still
        gets the events that it has not been sent yet."""
        with self.lock:
            for c in self.collections.values():
                c.floor = self.version
                if not keep:
                    c.history.clear()
            self.pages.clear()

    # faults

    def refuse(self, what, plural=None, mode=None, times=1, **detail):
        """The next `times` requests (of a resource; of a mode: watch, stream, list, page) get an answer of status
        `what`, or: reset, hang (headers never come), html (a 200 that is no JSON), cut (half of a list)."""
        with self.lock:
            self.refusals.append([plural, mode, what, times, detail])

    def disturb(self, what, plural=None):
        """Open watches: close (server timeout), reset, truncate (half an event, then closed), garbage (half an event,
        then the next), hang (nothing any more), gone (ERROR 410), error (ERROR 500)."""
        with self.lock:
            hit = [w for w in self.watches if plural in (None, w.collection.plural)]
            for watch in hit:
                watch.orders.append(what)
            self.lock.notify_all()
        return len(hit)

    # what tests ask

    def count(self, plural, mode=None):
        with self.lock:
            return sum(1 for _, p, m, _ in self.requests if p == plural and mode in (None, m))

    def watching(self, plural=None):
        with self.lock:
            return sum(1 for w in self.watches if plural in (None, w.collection.plural))

    def state(self, kind):
        with self.lock:
            return {key: obj for key, (obj, _) in self.collection_of(kind).objects.items()}


def main():
    """Prints its port, then obeys lines of JSON on stdin and answers each with a moment of CLOCK_MONOTONIC in ns:
    {"load": FILE of objects}, {"put": [object, …]} (the moment at which the event went out to a watch), {"stop": 1},
    {"start": 1}."""
    server = Server(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(server.port, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        begin = moment = time.monotonic_ns()
        if "load" in order:
            with open(order["load"]) as f:
                server.put(*json.load(f))
        elif "put" in order:
            server.put(*order["put"])
            while server.sent_ns < begin and server.watching():
                time.sleep(0.0005)
            moment = max(begin, server.sent_ns)
        elif "stop" in order:
            server.stop()
        elif "start" in order:
            server.start()
        print(moment, flush=True)


if __name__ == "__main__":
    main()
