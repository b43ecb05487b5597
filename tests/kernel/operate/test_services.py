"""`fairlead services` and `fairlead endpoints`: what is programmed, why endpoints are left out, live counters."""
import json
import unittest

import lab
import manifests
import scenes
import traffic
from manifests import endpoint


class Services(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.pods = {name: self.lab.pod(self.node, name, f"10.244.0.1{i}") for i, name in enumerate(("a", "b"))}
        for name, pod in self.pods.items():
            self.lab.servers.tcp(pod, name, 8080)
        self.folder.put("web",
                        manifests.service("web", "10.96.0.1", [manifests.port(80, "http", node_port=30080)],
                                          type="NodePort", externalTrafficPolicy="Local"),
                        manifests.slice("web", [endpoint("10.244.0.10", nodeName="node-a"),
                                                endpoint("10.244.0.11", nodeName="node-b"),
                                                endpoint("10.244.0.12", ready=False),
                                                endpoint("10.244.0.13", ready=False, serving=True, terminating=True)],
                                        [("http", 8080)]),
                        manifests.service("db", "None", [manifests.port(5432, "sql")], ns="prod"),
                        manifests.slice("db", [endpoint("10.244.0.20", hostname="db-0")], [("sql", 5432)], ns="prod"),
                        manifests.service("empty", "10.96.0.2", [80], ns="prod"))
        self.daemon = self.lab.daemon(self.node, self.folder, "--no-dns", "--node-name", "node-a")

    def ask(self, *words, code=0):
        done = self.daemon.call(*words, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def ask_json(self, *words):
        return json.loads(self.ask(*words, "-o", "json"))

    def test_services(self):
        text = self.ask("services")
        lines = text.splitlines()
        self.assertEqual([line.split()[0].rstrip(":") for line in lines],
                         ["default/web", "default/web", "prod/db", "prod/empty"])
        self.assertIn("10.96.0.1:80/TCP", text)
        self.assertIn("192.168.0.2:30080/TCP", text)
        self.assertIn("reject", lines[3])
        self.assertEqual([s["name"] for s in self.ask_json("services")], ["web", "db", "empty"])
        self.assertEqual([s["name"] for s in self.ask_json("services", "prod")], ["db", "empty"])
        self.assertEqual([s["name"] for s in self.ask_json("services", "prod/empty")], ["empty"])
        self.assertIn("no such service", self.ask("services", "prod/web", code=1))
        self.assertEqual(self.ask("services", "nobody", code=1).count("\n"), 1)

    def test_endpoints_and_why_not(self):
        text = self.ask("endpoints", "default/web")
        for address, word in (("10.244.0.10:8080", "used"), ("10.244.0.11:8080", "used"),
                              ("10.244.0.12:8080", "not ready"), ("10.244.0.13:8080", "terminating")):
            line = [line for line in text.splitlines() if address in line]
            self.assertEqual(len(line), 1, text)
            self.assertIn(word, line[0])
        self.assertIn("10.244.0.20", self.ask("endpoints", "prod/db"))
        self.assertIn("no such service", self.ask("endpoints", "prod/web", code=1))

    def test_endpoints_that_never_were(self):
        """Each endpoint with the Service's label says why it is none of the Service's."""
        self.folder.put("odd",
                        manifests.slice("web", ["10.244.0.30"], [("web", 8080)], name="other-name"),
                        manifests.slice("web", ["10.244.0.31"], [("http", 8080, "UDP")], name="other-protocol"),
                        manifests.slice("web", ["fd00:244::32"], [("http", 8080)], name="other-family"),
                        manifests.slice("web", ["10.244.0.33"], [("http", 8080)], ns="prod"),
                        manifests.slice("nothing", ["10.244.0.34"], [("http", 8080)]))
        reasons = {"10.244.0.30:8080": "its port name \"web\" is none of the Service's: http/TCP",
                   "10.244.0.31:8080": "its port \"http\" is UDP, the Service has http/TCP",
                   "[fd00:244::32]:8080": "the Service has no IPv6 address",
                   "10.244.0.33": "it is in namespace prod, the Service in default"}
        lab.wait_until(lambda: "other-family" in self.ask("endpoints", "default/web"))
        text = self.ask("endpoints", "default/web")
        for address, reason in reasons.items():
            lines = [line for line in text.splitlines() if line.split()[0] == address]
            self.assertEqual(len(lines), 1, text)
            self.assertTrue(lines[0].endswith(reason), lines)
        unused = {e["address"]: e["reason"] for e in self.ask_json("endpoints", "default/web")["unusedEndpoints"]}
        self.assertEqual(unused, reasons)
        self.assertIn("10.244.0.34 not used: slice nothing-ipv4: there is no Service default/nothing",
                      self.ask("endpoints", "default/nothing", code=1))
        self.assertIn("there is one in namespace default", self.ask("endpoints", "prod/web", code=1))
        ports = self.ask_json("endpoints", "default/web")["ports"]
        self.assertEqual([e["state"] for e in ports[0]["endpoints"]], ["used", "used", "not ready", "terminating"])
        self.assertNotIn("ports", self.ask_json("services", "default/web")[0])

    def test_connections_are_counted(self):
        for _ in range(7):
            self.assertEqual(traffic.connect(self.node, "10.96.0.1", 80).outcome, "ok")
        service = self.ask_json("services", "default/web")[0]
        counts = {f["address"]: f["connections"] for f in service["frontends"]}
        self.assertEqual(counts, {"10.96.0.1": 7, "192.168.0.2": 0})
        for _ in range(3):
            self.assertEqual(traffic.connect(self.node, "192.168.0.2", 30080).outcome, "ok")
        text = self.ask("endpoints", "default/web")
        total = sum(int(line.split()[-2]) for line in text.splitlines() if "connections" in line)
        self.assertEqual(total, 10, text)

    def test_usage(self):
        self.ask("endpoints", code=2)
        self.ask("endpoints", "web", code=2)
        self.ask("services", "a b", code=2)
        self.ask("services", "a", "b", code=2)
        self.daemon.stop()
        self.ask("services", code=3)


if __name__ == "__main__":
    unittest.main()
