"""Reaching an API server: TLS, tokens, client certificates, kubeconfig, the service account of a pod."""
import base64
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import patience
from certificates import make_tls
from follow import SOON_S, Case, Follow, cluster, service, wait_until


class Access(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.ca, cls.crt, cls.key, cls.client_crt, cls.client_key = make_tls(cls.folder.name)
        cls.other_ca, cls.other_crt, cls.other_key, _, _ = make_tls(
            cls.folder.name, names=("DNS:elsewhere.example",), prefix="other-")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def write(self, name, text):
        """As the kubelet does it: no reader sees a half of it."""
        path = f"{self.folder.name}/{name}"
        with open(path + ".new", "w") as f:
            f.write(text)
        os.rename(path + ".new", path)
        return path

    def serve(self, **more):
        server = cluster(**{"tls": (self.crt, self.key), **more})
        self.addCleanup(server.stop)
        return server

    def test_tls_with_its_ca(self):
        f = self.follow(self.serve(), "--ca-file", self.ca)
        f.wait_complete()

    def test_wrong_ca_is_refused(self):
        server = self.serve()
        f = self.follow(server, "--ca-file", self.other_ca)
        f.wait(lambda: f.logged("warning", "certificate"))
        self.assertEqual((f.lines, server.requests), ([], []))

    def test_wrong_name_is_refused(self):
        server = self.serve(tls=(self.other_crt, self.other_key))
        f = self.follow(server, "--ca-file", self.other_ca)
        f.wait(lambda: f.logged("warning", "127.0.0.1"))
        self.assertEqual((f.lines, server.requests), ([], []))

    def test_tls_1_1_is_refused(self):
        """Also where the system's OpenSSL allows it, as curl shows."""
        server = self.serve()
        server.tls_newest = ssl.TLSVersion.TLSv1_1
        weak = self.write("openssl.cnf", "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = weak\n"
                                         "[weak]\nMinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n")
        env = {**os.environ, "OPENSSL_CONF": weak}
        curl = subprocess.run(["curl", "-sS", "--tlsv1.0", "--tls-max", "1.1", "--cacert", self.ca, server.url + "/version"],
                              env=env, capture_output=True, text=True, check=False)
        self.assertEqual(curl.returncode, 0, curl.stderr)
        f = Follow("--apiserver", server.url, "--ca-file", self.ca, env=env)
        self.addCleanup(f.stop)
        f.wait(lambda: f.logged("warning", "alert protocol version") or f.logged("warning", "unsupported protocol"),
               "a refusal")
        self.assertEqual((f.lines, server.requests), ([], []))

    def test_a_token_over_plain_http_is_a_warning(self):
        server = cluster(token="fixed-secret")
        self.addCleanup(server.stop)
        path = self.write("token", "fixed-secret\n")
        config = self.kubeconfig(server, ["token: fixed-secret"], [])
        for flags in (["--apiserver", server.url, "--token-file", path], ["--kubeconfig", config]):
            f = Follow(*flags)
            self.addCleanup(f.stop)
            f.wait_complete()
            self.assertTrue(f.logged("warning", "is not encrypted: the token can be read on the way"))
            self.assertFalse(f.logged("fixed-secret"))

    def test_an_unchecked_server_gets_the_token(self):
        path = self.write("token", "fixed-secret\n")
        f = self.follow(self.serve(token="fixed-secret"), "--insecure", "yes", "--token-file", path)
        f.wait_complete()
        self.assertTrue(f.logged("warning", "TLS verification is off: any server is trusted and gets the token"))

    def test_unchecked_only_with_a_warning(self):
        f = self.follow(self.serve(tls=(self.other_crt, self.other_key)), "--insecure", "yes")
        f.wait_complete()
        self.assertTrue(f.logged("warning", "TLS verification is off"))

    def test_token_rotates_and_is_never_logged(self):
        server = self.serve(token="first-secret")
        path = self.write("token", "first-secret\n")
        f = self.follow(server, "--ca-file", self.ca, "--token-file", path)
        f.wait_complete()
        server.token = "second-secret"
        server.disturb("reset")
        f.wait(lambda: f.logged("unauthorized"), "the old token is refused")
        self.write("token", "second-secret\n")
        server.put(service("two", 81))
        self.expect_in_sync(f, server)
        self.assertEqual(server.tokens_seen, {"first-secret", "second-secret"})
        self.assertFalse(f.logged("-secret"))
        self.assertTrue(f.logged("GET https://127.0.0.1", "/api/v1/services?watch=true"))
        self.assertTrue(f.logged("request ended: status 401"))

    @patience.real_processor
    def test_token_renewed_just_in_time_costs_no_wait(self):
        server = self.serve(token="first-secret")
        path = self.write("token", "first-secret")
        f = self.follow(server, "--ca-file", self.ca, "--token-file", path)
        f.wait_complete()
        wait_until(lambda: server.watching() == 6)
        time.sleep(2.1)
        self.write("token", "second-secret")
        server.token = "second-secret"
        server.disturb("close", "services")
        server.put(service("two", 81))
        self.expect_in_sync(f, server)
        self.assertTrue(f.logged("unauthorized", "next try in 0 ms"), "the rotated token costs no back-off")

    def kubeconfig(self, server, user, cluster_lines):
        return self.write("kubeconfig", "\n".join([
            "apiVersion: v1", "kind: Config", "current-context: here", "contexts:",
            "- {name: here, context: {cluster: c, user: u}}", "clusters:", "- name: c", "  cluster:",
            f"    server: {server.url}/", *[f"    {line}" for line in cluster_lines], "users:", "- name: u", "  user:",
            *[f"    {line}" for line in user]]) + "\n")

    def test_kubeconfig_with_client_certificate(self):
        server = self.serve(client_ca=self.ca)
        config = self.kubeconfig(server, ["client-certificate: client.crt", f"client-key: {self.client_key}"],
                                 ["certificate-authority: ca.crt"])
        f = Follow("--kubeconfig", config)
        self.addCleanup(f.stop)
        f.wait_complete()

    def test_kubeconfig_with_everything_inside(self):
        def inline(path):
            with open(path, "rb") as f:
                return base64.b64encode(f.read()).decode()

        server = self.serve(client_ca=self.ca, token="fixed-secret")
        config = self.kubeconfig(server, ["token: fixed-secret", f"client-certificate-data: {inline(self.client_crt)}",
                                          f"client-key-data: {inline(self.client_key)}"],
                                 [f"certificate-authority-data: {inline(self.ca)}"])
        f = Follow("--kubeconfig", config)
        self.addCleanup(f.stop)
        f.wait_complete()
        self.assertFalse(f.logged("fixed-secret"))

    def test_without_client_certificate(self):
        server = self.serve(client_ca=self.ca)
        f = self.follow(server, "--ca-file", self.ca)
        f.wait(lambda: f.logged("warning"))
        self.assertEqual(server.requests, [])

    def in_cluster(self, server, host):
        """As in a pod: the service account's files below /run/secrets of a mount namespace of its own."""
        script = ("mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && cd $0 && "
                  "cp ca.crt /run/secrets/kubernetes.io/serviceaccount/ && "
                  "printf pod-secret >/run/secrets/kubernetes.io/serviceaccount/token && exec \"$@\"")
        f = Follow(prefix=("unshare", "-m", "sh", "-c", script, self.folder.name),
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "KUBERNETES_SERVICE_HOST": host,
                        "KUBERNETES_SERVICE_PORT": str(server.port)})
        self.addCleanup(f.stop)
        f.wait_complete()

    def test_service_account(self):
        self.in_cluster(self.serve(token="pod-secret"), "127.0.0.1")

    def test_service_account_ipv6(self):
        self.in_cluster(self.serve(token="pod-secret", host="::1"), "::1")

    def test_http2_carries_all_watches_on_one_connection(self):
        server, command, port = self.behind_http2()
        proxy = self.proxy_start(command)
        f = self.follow_url(port)
        wait_until(lambda: server.watching() == 6)
        server.put(service("two", 81))
        self.expect_in_sync(f, server)
        ours = subprocess.run(["ss", "-Htn", "state", "established", f"dport = :{port}"], capture_output=True, text=True,
                              check=True)
        self.assertEqual(len(ours.stdout.splitlines()), 1, ours.stdout)
        proxy.kill()
        proxy.wait()
        server.put(service("three", 82))
        server.delete("Service", "default", "two")
        time.sleep(7)
        self.proxy_start(command)
        start = time.monotonic()
        self.expect_in_sync(f, server)
        self.assertLess(time.monotonic() - start, SOON_S, "in sync soon after an outage, with TLS and HTTP/2 too")

    def test_peer_that_hangs_with_its_connections_open(self):
        """Its kernel still acknowledges and even accepts; only silence tells."""
        server, command, port = self.behind_http2(bookmark_s=0.3)
        proxy = self.proxy_start(command)
        f = self.follow_url(port, "--watch-quiet-ms", "1500")
        wait_until(lambda: server.watching() == 6)
        proxy.send_signal(signal.SIGSTOP)
        server.put(service("two", 81))
        f.wait(lambda: f.logged("the last state stays, trying again"), "the silence is noticed")
        proxy.send_signal(signal.SIGCONT)
        start = time.monotonic()
        self.expect_in_sync(f, server)
        self.assertLess(time.monotonic() - start, SOON_S)

    def behind_http2(self, **more):
        """→ (server, command of a proxy before it that speaks TLS and HTTP/2, its port)"""
        server = cluster(**more)
        self.addCleanup(server.stop)
        held = socket.socket()  # bound without listening: no other program gets the port while there is no proxy
        self.addCleanup(held.close)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        return server, ["nghttpx", "--conf=/dev/null", f"--frontend=127.0.0.1,{port}", f"--backend=127.0.0.1,{server.port}",
                   "--workers=1", "--single-process", "--log-level=FATAL", self.key, self.crt], port

    def follow_url(self, port, *flags):
        f = Follow("--apiserver", f"https://127.0.0.1:{port}", "--ca-file", self.ca, *flags)
        self.addCleanup(f.stop)
        f.wait_complete()
        return f

    def proxy_start(self, command):
        proxy = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (proxy.kill(), proxy.wait()))
        return proxy

    def test_no_source_at_all(self):
        f = Follow(env={})
        self.addCleanup(f.stop, 1)
        self.assertEqual(f.process.wait(30), 1)
        f.wait(lambda: f.log, "a line")
        self.assertTrue(f.logged("KUBERNETES_SERVICE_HOST"))
