"""The API server source alone, driven as the daemon drives it: starts build/tests/kernel/follow and mirrors what it
tells its sink."""
import concurrent.futures
import os
import selectors
import signal
import subprocess
import threading
import time
import unittest
from pathlib import Path

import apiserver
from kernel import patience

TOP = Path(__file__).resolve().parent.parent
LIMIT_S = 30 * patience.FACTOR
SOON_S = 4 * patience.FACTOR  # from the end of an outage; unit/test_apiserver_restart holds 2 s in simulated time
PROGRAM = Path(os.environ.get("FAIRLEAD_BUILD", TOP / "build")) / "tests/kernel/follow"


def wait_until(condition, limit_s=LIMIT_S, what="condition"):
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit_s} s: {what}")
        time.sleep(0.01)


def at_once(function, arguments):
    """{argument: result}; each waits a lot and works little."""
    with concurrent.futures.ThreadPoolExecutor(len(arguments)) as pool:
        return dict(zip(arguments, pool.map(function, arguments)))


def _available(pipe):
    """What the pipe holds now, None at its end."""
    data = b""
    while True:
        part = pipe.read(65536)
        if part is None:
            return data
        if part == b"":
            return data or None
        data += part


class Follow:
    """objects: {kind: {"ns/name": details}}, as a store that sweeps lists has them."""

    def __init__(self, *flags, prefix=(), env=None):
        self.lines, self.log = [], []
        self.objects, self.shown = {}, set()
        self.complete = False
        self._mentioned = {}
        self.process = subprocess.Popen([*prefix, str(PROGRAM), *map(str, flags)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, bufsize=0, env=env)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        """What was logged before a line of stdout is there before it: stderr is read after stdout and heard first."""
        pipes = {self.process.stdout: self._hear, self.process.stderr: self.log.append}
        rest = dict.fromkeys(pipes, b"")
        with selectors.DefaultSelector() as selector:
            for pipe in pipes:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                selector.select()
                new = {pipe: _available(pipe) for pipe in pipes if pipe in selector.get_map()}
                for pipe, data in reversed(new.items()):
                    *lines, rest[pipe] = (rest[pipe] + (data or b"")).split(b"\n")
                    for line in lines:
                        pipes[pipe](line.decode(errors="replace"))
                    if data is None:
                        selector.unregister(pipe)

    def _hear(self, line):
        self.lines.append(line)
        verb, *rest = line.split(" ", 3)
        if verb == "complete":
            self.complete = True
        if not rest:
            return
        kind = rest[0]
        objects = self.objects.setdefault(kind, {})
        mentioned = self._mentioned.get(kind)
        if verb == "begin":
            self._mentioned[kind] = set()
        elif verb == "end":
            for name in set(objects) - self._mentioned.pop(kind):
                del objects[name]
        elif verb == "remove":
            objects.pop(rest[1], None)
        else:
            if verb == "upsert":
                detail = rest[2] if len(rest) > 2 else ""
                objects[rest[1]] = detail
                self.shown.add((kind, rest[1], detail))
            if mentioned is not None:
                mentioned.add(rest[1])

    def names(self, kind):
        return set(self.objects.get(kind, {}))

    def logged(self, *words):
        return any(all(word in line for word in words) for line in list(self.log))

    def wait_complete(self, limit_s=LIMIT_S):
        self.wait(lambda: self.complete, "complete", limit_s)

    def wait(self, condition, what="condition", limit_s=LIMIT_S):
        try:
            wait_until(condition, limit_s, what)
        except AssertionError as late:
            raise AssertionError(f"{late}\n" + "\n".join(self.log[-40:]) + "\n" + "\n".join(self.lines[-20:])) from None

    def stop(self, expected=0):
        """Ends it; the exit code must be 0 (a sanitizer that found something ends it with another)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(LIMIT_S)
        self._thread.join(LIMIT_S)
        self.process.stdout.close()
        self.process.stderr.close()
        if code != expected:
            raise AssertionError(f"exit code {code}\n" + "\n".join(self.log[-60:]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def service(name, port=80, namespace="default", **more):
    spec = {"clusterIP": "10.96.0.1", "ports": [{"port": port, "protocol": "TCP"}], **more.pop("spec", {})}
    return {"kind": "Service", "metadata": {"name": name, "namespace": namespace, **more}, "spec": spec}


def slice_of(name, addrs=("10.244.0.1",), port=80, labels=True, namespace="default"):
    return {"kind": "EndpointSlice", "metadata": {"name": name, "namespace": namespace,
                                                  "labels": {"kubernetes.io/service-name": name} if labels else {}},
            "addressType": "IPv4", "ports": [{"name": "", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [addr]} for addr in addrs]}


def cluster(**more):
    server = apiserver.Server(**more)
    server.put({"kind": "Namespace", "metadata": {"name": "default"}},
               {"kind": "Node", "metadata": {"name": "node-a"}, "spec": {"podCIDRs": ["10.244.0.0/24"]}},
               {"kind": "Node", "metadata": {"name": "node-b"}, "spec": {"podCIDRs": ["10.244.1.0/24"]}},
               {"kind": "ServiceCIDR", "metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/16"]}},
               service("one"), slice_of("one"))
    return server


class Case(unittest.TestCase):
    def follow(self, server, *flags):
        f = Follow("--apiserver", server.url, *flags)
        self.addCleanup(f.stop)
        return f

    def expect_in_sync(self, f, server, limit_s=30):
        """Same Services and slices as the server, by name and port."""
        def want(kind):
            ports = {"Service": lambda o: o["spec"]["ports"][0]["port"], "EndpointSlice": lambda o: o["ports"][0]["port"]}
            return {f"{ns}/{name}": ports[kind](obj) for (ns, name), obj in server.state(kind).items()}

        def have(kind):
            at = {"Service": 1, "EndpointSlice": 0}[kind]
            return {name: int(detail.split()[at]) for name, detail in dict(f.objects.get(kind, {})).items()}

        f.wait(lambda: all(have(kind) == want(kind) for kind in ("Service", "EndpointSlice")), "in sync", limit_s)

    def follow_one(self, **more):
        """A server with one Service, followed until complete and watching."""
        server = cluster(**more)
        self.addCleanup(server.stop)
        f = self.follow(server)
        f.wait_complete()
        wait_until(lambda: server.watching() == 6, what="six watches")
        return server, f
