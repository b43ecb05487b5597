"""`fairlead services` and `fairlead endpoints`: what is programmed, why endpoints are left out, live counters."""
import json
import os
import re
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
        theirs = manifests.service("theirs", "10.96.0.3", [80], ns="prod")
        theirs["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "other"}
        self.folder.put("web",
                        manifests.service("web", "10.96.0.1", [manifests.port(80, "http", node_port=30080)],
                                          type="NodePort", externalTrafficPolicy="Local"),
                        manifests.slice("web", [endpoint("10.244.0.10", nodeName="node-a"),
                                                endpoint("10.244.0.11", nodeName="node-b"),
                                                endpoint("10.244.0.12", ready=False),
                                                endpoint("10.244.0.13", ready=False, serving=True, terminating=True)],
                                        [("http", 8080)]),
                        manifests.service("db", "None", [manifests.port(5432, "sql")], ns="prod"),
                        manifests.slice("db", [endpoint("10.244.0.20", hostname="db-0"),
                                               endpoint("10.244.0.21", ready=False)], [("sql", 5432)], ns="prod"),
                        manifests.service("empty", "10.96.0.2", [80], ns="prod"),
                        manifests.service("alias", (), [], ns="prod", type="ExternalName", externalName="db.example.com"),
                        theirs)
        self.daemon = self.lab.daemon(self.node, self.folder, "--no-dns", "--node-name", "node-a")

    def ask(self, *words, code=0):
        done = self.daemon.call(*words, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def ask_json(self, *words):
        return json.loads(self.ask(*words, "-o", "json"))

    def table(self, *words):
        """Rows as dictionaries by header; cells are at least two blanks apart, and begin below their header."""
        header, *lines = self.ask(*words).splitlines()
        names = header.split()
        starts = [re.search(rf"(^|  ){re.escape(name)}( |$)", header).start() for name in names]
        starts = [start + (2 if start else 0) for start in starts]
        ends = starts[1:] + [None]
        return [{name: line[start:end].strip() for name, start, end in zip(names, starts, ends)} for line in lines]

    def test_services(self):
        rows = self.table("services")
        self.assertEqual([(r["NAMESPACE"], r["NAME"], r["KIND"], r["ADDRESS"], r["ACTION"], r["ENDPOINTS"]) for r in rows], [
            ("default", "web", "cluster-ip", "10.96.0.1:80/TCP", "balance", "2/4"),
            ("default", "web", "node-port", "192.168.0.2:30080/TCP", "split", "1/4 outside, 2/4 inside"),
            ("prod", "alias", "external-name", "db.example.com", "DNS only", "-"),
            ("prod", "db", "headless", "None", "DNS only", "1/2"),
            ("prod", "empty", "cluster-ip", "10.96.0.2:80/TCP", "reject", "0/0"),
            ("prod", "theirs", "unproxied", "-", "DNS only", "-")])
        self.assertEqual(rows[-1]["NOTES"], "another proxy's: label service.kubernetes.io/service-proxy-name")
        self.assertEqual(self.table("services", "-A"), rows)
        wide = self.table("services", "-n", "default", "-o", "wide")
        self.assertEqual([(r["SLOTS"], r["BALANCE"], r["AFFINITY"]) for r in wide],
                         [("2 of 2", "random", "-"), ("1 of 1", "random", "-")])
        self.assertEqual([r["NAME"] for r in self.table("services", "-n", "prod")], ["alias", "db", "empty", "theirs"])
        self.assertEqual([r["NAME"] for r in self.table("services", "empty", "-n", "prod")], ["empty"])
        self.assertEqual([s["name"] for s in self.ask_json("services")], ["web", "alias", "db", "empty", "theirs"])
        self.assertEqual([s["kind"] for s in self.ask_json("services", "prod")],
                         ["external-name", "headless", "cluster-ip", "unproxied"])
        self.assertEqual([s["name"] for s in self.ask_json("services", "prod/empty")], ["empty"])
        self.assertIn("no such service", self.ask("services", "prod/web", code=1))
        self.assertEqual(self.ask("services", "absent", code=1).count("\n"), 1)

    def test_endpoints_and_why_not(self):
        rows = self.table("endpoints", "default/web")
        self.assertEqual([(r["PORT"], r["ADDRESS"], r["NODE"], r["STATE"], r["REASON"]) for r in rows], [
            ("http 80/TCP", "10.244.0.10:8080", "this", "used", "-"),
            ("http 80/TCP", "10.244.0.11:8080", "-", "used", "-"),
            ("http 80/TCP", "10.244.0.12:8080", "-", "not used", "not ready"),
            ("http 80/TCP", "10.244.0.13:8080", "-", "not used", "terminating")])
        self.assertEqual([(r["SLOTS"], r["LOCAL-SLOTS"]) for r in self.table("endpoints", "default/web", "-o", "wide")],
                         [("0", "0"), ("1", "-"), ("-", "-"), ("-", "-")])
        rows = self.table("endpoints", "-n", "prod")
        self.assertEqual([(r["SERVICE"], r["ADDRESS"], r["STATE"], r["REASON"]) for r in rows],
                         [("db", "10.244.0.20", "in DNS", "-"), ("db", "10.244.0.21", "not used", "not ready")])
        self.assertIn("no such service", self.ask("endpoints", "prod/web", code=1))

    def test_follow(self):
        """-w: the table, then lines that come, change and go, without what only counts."""
        read, write = os.pipe()
        process = self.node.popen(self.daemon.program, "services", "-n", "prod", "-w", "--control", self.daemon.control,
                                  stdout=write)
        os.close(write)
        out = os.fdopen(read)
        self.addCleanup(out.close)
        self.assertEqual([out.readline().split()[1] for _ in range(5)], ["NAME", "alias", "db", "empty", "theirs"])
        self.folder.put("new", manifests.service("new", "10.96.0.9", [80], ns="prod"))
        self.assertRegex(out.readline(), r"^prod +new +cluster-ip +10\.96\.0\.9:80/TCP .* reject .* 0/0 ")
        self.folder.put("slice", manifests.slice("new", ["10.244.0.10"], [("", 8080)], ns="prod"))
        self.assertRegex(out.readline(), r"^prod +new .* balance .* 1/1 ")
        self.folder.remove("new")
        self.assertRegex(out.readline(), r"^prod +new .*\(gone\)$")
        self.daemon.stop()
        self.assertEqual(process.wait(lab.LIMIT_S), 3)

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
            lines = [line for line in text.splitlines() if address in line.split()]
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
        self.assertEqual([r["CONNECTIONS"] for r in self.table("services", "default/web")], ["7", "0"])
        service = self.ask_json("services", "default/web")[0]
        counts = {f["address"]: f["connections"] for f in service["frontends"]}
        self.assertEqual(counts, {"10.96.0.1": 7, "192.168.0.2": 0})
        for _ in range(3):
            self.assertEqual(traffic.connect(self.node, "192.168.0.2", 30080).outcome, "ok")
        self.assertEqual([r["CONNECTIONS"] for r in self.table("endpoints", "default/web")][2:], ["-", "-"])
        self.assertEqual(sum(int(r["CONNECTIONS"]) for r in self.table("endpoints", "default/web")[:2]), 10)

    def test_connections_of_many(self):
        """From 256 Services on the kernel is read as a whole: each frontend has its own number all the same."""
        self.folder.put("many", *(manifests.service(f"s{n}", f"10.97.{n // 250}.{n % 250 + 1}", [80], ns="many")
                                  for n in range(300)))
        lab.wait_until(lambda: self.daemon.call("services", "many", check=False).stdout.count("\n") == 301, what="all of them")
        for _ in range(3):
            self.assertEqual(traffic.connect(self.node, "10.96.0.1", 80).outcome, "ok")
        rows = self.table("services")
        self.assertEqual(len(rows), 306)
        counts = {r["ADDRESS"]: r["CONNECTIONS"] for r in rows if r["KIND"] in ("cluster-ip", "node-port")}
        self.assertEqual(counts.pop("10.96.0.1:80/TCP"), "3")
        self.assertEqual(set(counts.values()), {"0"})

    def test_usage(self):
        self.ask("services", "-n", "prod", "-A", code=2)
        self.ask("services", "-n", "prod", "prod/web", code=2)
        self.ask("services", "-w", "-o", "json", code=2)
        self.ask("endpoints", "-o", "yaml", code=2)
        self.ask("services", "a b", code=2)
        self.ask("services", "a", "b", code=2)
        self.daemon.stop()
        self.ask("services", code=3)


if __name__ == "__main__":
    unittest.main()
