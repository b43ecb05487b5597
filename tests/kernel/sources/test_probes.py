"""Probes: an endpoint whose probe fails leaves rules and DNS, and is back when it passes; connections go on."""
import contextlib
import http.server
import json
import socket
import ssl
import subprocess
import threading
import unittest
from pathlib import Path

import lab
import manifests as m
import traffic
from cluster import ClusterTest, DOMAIN, PODS

VIP = "10.96.6.%d"
PROBED = 9000  # of the servers that are asked
GRPC_SERVER = Path(lab.__file__).with_name("grpc_server.py")


class Asked(http.server.BaseHTTPRequestHandler):
    """Answers with the server's `answer`: a status, a path of the same server to go to, "hang", or "close"."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        answer = self.server.answer
        if answer == "hang":
            self.server.ended.wait()
        if not isinstance(answer, int) and not answer.startswith(("/", "http")):
            self.close_connection = True
            return
        moves = not isinstance(answer, int) and self.path != "/there"
        self.send_response(answer if isinstance(answer, int) else 302 if moves else 200)
        if moves:
            self.send_header("Location", answer)
        body = b"x" * self.server.body_bytes
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # more than is read
            self.close_connection = True

    def log_message(self, *args):
        pass


class Server:
    """An HTTP server of one pod, in threads of the test. `answer` may change at any time."""

    def __init__(self, pod, addr, port=PROBED, tls=None):
        self.pod, self.where, self.tls = pod, (addr, port), tls
        self.http = None
        self.listen()

    def listen(self):
        server = http.server.ThreadingHTTPServer(self.where, Asked, bind_and_activate=False)
        server.socket.close()
        server.socket = self.pod.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.socket.bind(self.where)
        server.socket.listen(50)
        if self.tls:
            server.socket = self.tls.wrap_socket(server.socket, server_side=True)
        server.daemon_threads, server.block_on_close = True, False
        server.answer, server.asked, server.ended, server.body_bytes = 200, [], threading.Event(), 2
        self.http = server
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        if self.http:
            self.http.ended.set()
            self.http.shutdown()
            self.http.server_close()
            self.http = None


class Probes(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.probed = {name: Server(pod, PODS[name][0]) for name, pod in cls.pods.items()}
        for server in cls.probed.values():
            cls.addClassCleanup(server.close)

    def setUp(self):
        for server in self.probed.values():
            server.close()
            server.listen()

    def give(self, name, number, pods, probe, **annotations):
        service = m.service(name, VIP % number, [m.port(80, target=8080)])
        service["metadata"]["annotations"] = {"fairlead/endpoints": ", ".join(PODS[p][0] for p in pods), "fairlead/probe": probe,
                                              **{f"fairlead/{k.replace('_', '-')}": v for k, v in annotations.items()}}
        self.put(name, service)
        return VIP % number

    def reason(self, name, pod):
        rows = self.daemon.call("endpoints", f"default/{name}").stdout.splitlines()
        row = [r for r in rows if f" {PODS[pod][0]}:" in r or f" {PODS[pod][0]} " in r]
        return row[0] if row else ""

    def json_reasons(self, name):
        service = json.loads(self.daemon.call("endpoints", f"default/{name}", "-o", "json").stdout)
        return {e["address"]: e.get("reason", "") for p in service["ports"] for e in p["endpoints"]}

    def says(self, name, pod, text, proxied=True):
        """The table, and JSON, which has no endpoints of headless Services that are not ready."""
        lab.wait_until(lambda: text in self.reason(name, pod), what=f"{name}: {pod}: {text}")
        lab.wait_until(lambda: not proxied or text in self.json_reasons(name).get(PODS[pod][0], ""), what=f"JSON of {name}: {pod}: {text}")

    def leads_to(self, vip, want):
        """Every one of these servers, and no other."""
        def reached():
            return {traffic.connect(self.client, vip, 80).server for _ in range(20)}
        lab.wait_until(lambda: reached() == set(want), what=f"{vip} leads to {want}")

    def test_http_status(self):
        vip = self.give("status", 1, "ab", f"http:/healthz every 200ms failures 2 port {PROBED}")
        self.leads_to(vip, "ab")
        flow = self.client.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(flow.close)
        flow.settimeout(lab.LIMIT_S)
        flow.connect((vip, 80))
        at = json.loads(flow.makefile().readline())["server"]
        other = "b" if at == "a" else "a"
        self.probed[at].http.answer = 503
        self.leads_to(vip, other)
        self.says("status", at, "probe failing: HTTP 503")
        flow.sendall(b"still there")
        self.assertEqual(flow.recv(100), b"still there")
        self.probed[at].http.answer = 399
        self.leads_to(vip, "ab")
        asked = {(path, headers["Host"]) for path, headers in list(self.probed["a"].http.asked)}
        self.assertIn(("/healthz", f"{PODS['a'][0]}:{PROBED}"), asked)

    def test_refused_hanging_closed(self):
        vip = self.give("hard", 2, "abc", f"http every 200ms timeout 300ms failures 1 port {PROBED}")
        self.leads_to(vip, "abc")
        self.probed["a"].close()
        self.says("hard", "a", "probe failing: connection refused")
        self.probed["b"].http.answer = "hang"
        self.says("hard", "b", "probe failing: timeout")
        self.leads_to(vip, "c")
        self.probed["c"].http.answer = "close"
        self.says("hard", "c", "probe failing: closed without a response")
        self.assertEqual(self.outcome(self.client, vip, 80), "refused")
        self.probed["a"].listen()
        self.leads_to(vip, "a")

    def test_when_all_fail(self):
        vip = self.give("all", 3, "ab", f"tcp every 200ms failures 1 port {PROBED}", when_all_fail="all")
        self.leads_to(vip, "ab")
        self.probed["a"].close()
        self.leads_to(vip, "b")
        self.probed["b"].close()
        self.leads_to(vip, "ab")
        self.assertRegex(self.reason("all", "a"), r" used .*probe failing: connection refused")

    def test_headless_names(self):
        service = m.service("names", "None", [m.port(80, target=8080)])
        service["metadata"]["annotations"] = {"fairlead/endpoints": f"{PODS['a'][0]}, {PODS['b'][0]}",
                                              "fairlead/probe": f"tcp every 200ms failures 1 port {PROBED}"}
        self.put("names", service)

        def names_are(*pods):
            lab.wait_until(lambda: sorted(r.data for r in self.dig(f"names.default.{DOMAIN}", "A").answer) ==
                           [PODS[p][0] for p in pods], what=f"names of {pods}")

        names_are("a", "b")
        self.probed["b"].close()
        names_are("a")
        self.says("names", "b", "probe failing: connection refused", proxied=False)

    def test_redirects_and_long_bodies(self):
        vip = self.give("moved", 4, "abc", f"http:/here every 200ms failures 1 timeout 2s port {PROBED}")
        self.leads_to(vip, "abc")
        self.probed["a"].http.answer = "/there"  # followed
        self.probed["b"].http.answer = "http://192.0.2.1/"  # another host: not followed, a success
        self.probed["c"].http.body_bytes = 3_000_000  # not read to its end
        for server in self.probed.values():
            count = len(server.http.asked)
            lab.wait_until(lambda: len(server.http.asked) > count + 4, what="further probes")
        self.leads_to(vip, "abc")
        self.assertIn("/there", [path for path, _ in self.probed["a"].http.asked])
        self.probed["a"].http.answer = "/here"  # without an end
        self.says("moved", "a", "probe failing: more than 10 redirects")

    def test_https_with_any_certificate(self):
        folder = self.lab.folder
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=other", "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "cert", folder / "key")
        server = Server(self.pods["a"], PODS["a"][0], PROBED + 1, tls)
        self.addCleanup(server.close)
        vip = self.give("tls", 5, "a", f"https:/ every 200ms failures 1 timeout 2s port {PROBED + 1}")
        self.leads_to(vip, "a")
        server.http.answer = 500
        self.says("tls", "a", "probe failing: HTTP 500")

    def test_no_traces(self):
        """Connections of probes are over at once for connection tracking and sockets; that of tcp does not wake the program up."""
        listener = self.pods["a"].socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind((PODS["a"][0], PROBED + 3))
        listener.listen(100)
        listener.setblocking(False)
        self.leads_to(self.give("quiet", 10, "a", f"tcp every 100ms failures 1 timeout 2s port {PROBED + 3}"), "a")
        self.leads_to(self.give("seen", 11, "a", f"http every 100ms failures 1 timeout 2s port {PROBED}"), "a")
        asked = self.probed["a"].http.asked
        count = len(asked)
        lab.wait_until(lambda: len(asked) > count + 20, what="further probes")
        accepted = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                listener.accept()[0].close()
                accepted += 1
        self.assertLess(accepted, 3)  # one that was held up for 0.2 s is acknowledged
        for port in (PROBED, PROBED + 3):
            known = self.node.run("conntrack", "-L", "-p", "tcp", "--orig-port-dst", port).stdout
            self.assertIn(" CLOSE ", known)
            self.assertNotIn(" TIME_WAIT ", known)
            self.assertNotIn(f":{port} ", self.node.run("ss", "-Htan", "state", "time-wait").stdout)

    def grpc_server(self, name, port):
        """A real one in the pod; a function that tells it what to answer, and one that waits for a request with these bytes."""
        server = self.pods[name].popen("/usr/bin/python3", GRPC_SERVER, PODS[name][0], port, text=True, bufsize=1,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(server.stdout.readline(), "ready\n")
        asked = []
        reader = threading.Thread(target=lambda: asked.extend(server.stdout), daemon=True)

        def end():
            server.kill()
            reader.join()
            for stream in (server.stdin, server.stdout):
                stream.close()

        reader.start()
        self.addCleanup(end)
        return (lambda answer: server.stdin.write(f"{answer}\n"),
                lambda text: lab.wait_until(lambda: any(text in line for line in list(asked)), what=f"a request with {text}"))

    def test_grpc(self):
        answer, was_asked = self.grpc_server("a", PROBED + 2)
        vip = self.give("grpc", 8, "ab", f"grpc:shop.v1.Cart every 200ms failures 1 timeout 2s port {PROBED + 2}")
        self.leads_to(vip, "a")
        self.says("grpc", "b", "probe failing: connection refused")
        was_asked("0a0c" + b"shop.v1.Cart".hex())
        answer("serving 2")
        self.says("grpc", "a", "probe failing: NOT_SERVING")
        answer("serving 1")
        self.leads_to(vip, "a")
        answer("status UNAVAILABLE")
        self.says("grpc", "a", "probe failing: gRPC status 14 (UNAVAILABLE)")
        answer("hang")
        self.says("grpc", "a", "probe failing: timeout")

    def test_grpc_of_other_servers(self):
        """HTTP/1.1, and one that hangs up."""
        ended = self.pods["b"].socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(ended.close)
        ended.bind((PODS["b"][0], PROBED + 4))
        ended.listen(50)

        def hang_up():
            with contextlib.suppress(OSError):
                while True:
                    with ended.accept()[0] as flow:
                        flow.shutdown(socket.SHUT_WR)
                        while flow.recv(4096):
                            pass

        threading.Thread(target=hang_up, daemon=True).start()
        self.addCleanup(ended.shutdown, socket.SHUT_RDWR)
        self.give("old", 9, "a", f"grpc every 200ms failures 1 timeout 2s port {PROBED}")
        self.give("ends", 12, "b", f"grpc every 200ms failures 1 timeout 2s port {PROBED + 4}")
        self.says("old", "a", "probe failing: no HTTP/2")
        self.says("ends", "b", "probe failing: closed without a response")

    def pod(self, name, at, labels, **probes):
        container = {"name": "c", "image": "x", "ports": [{"name": "web", "containerPort": 8080}], **probes}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "labels": labels,
                                                                "annotations": {"fairlead/pod-ip": PODS[at][0]}},
                "spec": {"containers": [container]}}

    def test_pods(self):
        """A readiness probe decides, a startup probe comes first, a liveness probe is told of (notes 4, 5, 17)."""
        vip, labels = VIP % 6, {"app": "probed"}
        get = {"httpGet": {"port": PROBED, "path": "ready", "httpHeaders": [{"name": "Host", "value": "web.example"}]},
               "periodSeconds": 1, "failureThreshold": 1}
        self.probed["b"].http.answer = 500
        service = m.service("pods", vip, [m.port(80, target=8080)], selector=labels)
        self.put("pods", service, self.pod("pa", "a", labels, readinessProbe=get),
                 self.pod("pb", "b", labels, startupProbe=get, readinessProbe={"tcpSocket": {"port": "web"}, "periodSeconds": 1}),
                 self.pod("pc", "c", labels, livenessProbe=get))
        self.leads_to(vip, "ac")
        self.says("pods", "b", "startup probe failing: HTTP 500")
        hosts = {headers["Host"] for path, headers in list(self.probed["a"].http.asked) if path == "/ready"}
        self.assertEqual(hosts, {"web.example"})
        self.probed["b"].http.answer = 200
        self.leads_to(vip, "abc")
        self.probed["b"].http.answer = 500  # of startup: not asked any more
        self.probed["a"].http.answer = 404
        self.probed["c"].http.answer = 404
        lab.wait_until(lambda: "Pod default/pc container c: liveness probe of 10.244.0.12 fails: HTTP 404" in self.daemon.log(),
                       what="the line")
        self.leads_to(vip, "bc")
        self.says("pods", "a", "probe failing: HTTP 404")

    def test_restart_keeps_what_works(self):
        """Rules stay while the daemon is away, and until first results are there."""
        vip = self.give("stays", 7, "ab", f"tcp every 200ms failures 1 successes 3 port {PROBED}")
        self.leads_to(vip, "ab")
        ended, wrong = threading.Event(), []

        def watch():
            while not ended.is_set():
                outcome = traffic.connect(self.client, vip, 80).outcome
                if outcome != "ok":
                    wrong.append(outcome)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.daemon.stop()
            self.daemon.start()
            self.leads_to(vip, "ab")
        finally:
            ended.set()
            watcher.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
