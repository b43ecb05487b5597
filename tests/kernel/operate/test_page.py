"""`--page`: with and without scripts, in a real browser, and what a hostile name or a site elsewhere can do there."""
import re
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

import browser
import lab
import manifests
import scenes
from manifests import endpoint

URL = "http://127.0.0.1:8080"


class Page(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.put("web", ready=True)
        self.folder.put("db", manifests.service("db", "None", [manifests.port(5432, "sql")], ns="prod"),
                        manifests.slice("db", [endpoint("10.244.0.20", hostname="db-0")], [("sql", 5432)], ns="prod"))
        self.daemon = self.lab.daemon(self.node, self.folder, "--page", "8080", "--dns-listen", "127.0.0.1:53")

    def put(self, name, ready):
        self.folder.put(name, manifests.service(name, "10.96.0.1", [manifests.port(80, "http")]),
                        manifests.slice(name, [endpoint("10.244.0.10"), endpoint("10.244.0.11", ready=ready)],
                                        [("http", 8080)]))

    def get(self, path, *flags):
        """(status, headers and body as one text)."""
        text = self.node.run("curl", "-s", "-i", *flags, URL + path).stdout
        return int(text.split()[1]), text

    def text(self, path):
        return self.get(path)[1]

    def test_without_scripts(self):
        status, text = self.get("/")
        self.assertEqual(status, 200)
        for word in ("Kernel in sync", "default/<b>web</b>", "10.96.0.1:80/TCP http", "2 of 2", "10.244.0.10:8080",
                     "prod/<b>db</b>", "headless", "10.244.0.20 db-0", "Recent changes", "first state in the kernel"):
            self.assertIn(word, text)
        self.assertEqual(re.findall(r"(?:src|href)=\"(?!/)[^\"]*", text), [], "a file or a link outside")
        for header in ("Content-Security-Policy: default-src 'none'; ", "X-Content-Type-Options: nosniff"):
            self.assertIn(header, text)
        self.assertNotIn("Set-Cookie", text)

    def test_a_change_and_why(self):
        self.put("web", ready=False)
        lab.wait_until(lambda: "default/web: 1 of 2 endpoints in use, before 2 of 2" in self.text("/live"))
        self.assertIn("10.244.0.11:8080 <i>not ready</i>", self.text("/"))
        self.assertIn("10.244.0.11:8080 <i>not ready</i>", self.text("/services/default/web"))
        self.folder.remove("db")
        lab.wait_until(lambda: "prod/db removed" in self.text("/live"))
        self.assertEqual(self.get("/services/prod/db")[0], 404)
        self.assertNotIn("prod/<b>db</b>", self.text("/"))

    def test_endpoints_that_match_nothing(self):
        self.folder.put("odd", manifests.service("odd", "10.96.0.9", [manifests.port(80, "http")]),
                        manifests.slice("odd", [endpoint("10.244.0.30")], [("https", 8443)]))
        lab.wait_until(lambda: "10.244.0.30:8443 not used" in self.text("/services/default/odd"))

    def test_rates(self):
        lab.wait_until(lambda: "New connections a second</h2><strong>" in self.text("/live"))

        def asked():
            for _ in range(20):
                self.node.run("dig", "@127.0.0.1", "+tries=1", "web.default.svc.cluster.local")
            found = re.search(r"DNS queries a second</h2><strong>([0-9.]+)", self.text("/live"))
            return found is not None and float(found[1]) > 0

        lab.wait_until(asked)

    def test_strips_of_probes(self):
        """Cells of what passed and what failed, on both pages."""
        self.lab.servers.tcp(self.node, "probed", 9100)
        self.folder.put("probed", {**manifests.service("probed", "10.96.0.3", [manifests.port(80)]), "metadata": {
            "name": "probed", "namespace": "default", "annotations": {
                "fairlead/endpoints": "192.168.0.2:9100, 192.168.0.2:9101", "fairlead/probe": "tcp every 300ms failures 1"}}})
        failing = '<a href="/services/default/probed">default/probed</a></span> <code>192.168.0.2:9101</code> <em>'
        for path in ("/", "/live", "/services/default/probed"):
            lab.wait_until(lambda: failing in self.text(path) and '<i title="passed"></i><i title="passed"></i>' in self.text(path) and
                           '<i class="f" title="connection refused"></i>' in self.text(path), what=path)
        self.assertIn("Probes: 1 of 2 pass", self.text("/live"))
        self.assertNotIn("Probes", self.text("/services/default/web"))
        self.assertIn("title=\"connection refused\"", browser.dom(self.node, self.lab.folder, URL + "/services/default/probed"))

    def test_a_browser(self):
        """The search of the address, a change that comes by itself, and a picture that shows something."""
        text = browser.dom(self.node, self.lab.folder, URL + "/#web")
        self.assertRegex(text, r"<tr class=\"ok\"><td><a href=\"/services/default/web")
        self.assertRegex(text, r"<tr class=\"ok\" hidden=\"\"><td><a href=\"/services/prod/db")
        self.assertNotIn("class=\"away\"", text)
        for width in (1200, 400):
            self.assertGreater(browser.picture(self.node, self.lab.folder, URL, width).stat().st_size, 10_000)

    def test_other_sites(self):
        """A name of the Internet that leads here (DNS rebinding) is told nothing; nor can anything be changed."""
        self.assertEqual(self.get("/", "-H", "Host: attacker.example.com")[0], 421)
        for host in ("127.0.0.1:8080", "[::1]", "localhost:8080", "nas", "nas.lan", "box.local."):
            self.assertEqual(self.get("/", "-H", f"Host: {host}")[0], 200, host)
        self.assertEqual(self.get("/nothing")[0], 404)
        self.assertEqual(self.get("/services/%3Cscript%3E/x")[0], 404)
        self.assertNotIn("<script>/x", self.text("/services/%3Cscript%3E/x"))


class Hostile(lab.LabTest):
    """What a browser makes of a Service whose names are scripts, under the page's own policy."""

    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.ns = self.lab.ns("browser")
        self.policy, self.body = self.ns.run(lab.BUILD / "tests/kernel/page_hostile").stdout.split("\n", 1)

    def shown(self, body, later=None, after_ms=1000):
        """The document after a second in a browser that has a function `hurt` only if a script could run. later: what is served then."""
        policy, pages = self.policy, [body, later or body]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path != "/":  # an icon
                    self.send_error(404)
                    return
                page = pages.pop(0) if len(pages) > 1 else pages[0]
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *_):
                pass

        self.ns.ip("link set lo up")
        with self.ns.inside():
            server = HTTPServer(("127.0.0.1", 8080), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            return browser.dom(self.ns, self.lab.folder, URL + "/", after_ms=after_ms)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def test_names_are_text(self):
        text = self.shown(self.body)
        self.assertNotIn("<img", text)
        self.assertEqual(text.count("<script"), 1, "our own alone")
        self.assertIn("&lt;img src=x onerror=hurt()&gt;", text)
        self.assertIn("</span> <span><a href=\"/services/&lt;img", text, "the hostile probe")

    def test_the_page_of_one_service_follows(self):
        def one(text):
            return re.sub(r"(?s)<main .*</main>", f"<main id=\"one\"><p>{text}</p></main>", self.body)
        text = self.shown(one("as it was"), one("as it is"), after_ms=5000)
        self.assertIn("as it is", text)
        self.assertNotIn("as it was", text)

    def test_the_policy_stops_what_is_not_ours(self):
        """If a name ever got through, the policy would still hold; our own script runs."""
        evil = "<script>document.title = 'hurt'</script><img src=x onerror=\"document.title = 'hurt'\">"
        text = self.shown(self.body.replace("<header>", evil + "<header>"))
        self.assertNotIn("<title>hurt", text)
        self.assertNotRegex(text, r"<input[^>]*type=\"search\"[^>]*hidden", "our own script did not run")


if __name__ == "__main__":
    unittest.main()
