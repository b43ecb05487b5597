"""`fairlead query`: sends what the real resolvers send, against the recordings and against the real programs."""
import ipaddress
import json
import re
import socket
import struct
import unittest
from pathlib import Path

import lab
from upstream import Upstream

ROWS = json.loads((Path(__file__).resolve().parents[2] / "vectors" / "dns.json").read_text())["resolver_search"]["rows"]
FLAGS = {"glibc": "glibc", "musl": "musl", "go": "go", "cares": "c-ares", "dig": "dig"}
RCODES = {"NXDOMAIN": 3, "SERVFAIL": 2, "REFUSED": 5, "NOTIMP": 4}
AA, TC = 0x0400, 0x0200
KINDS = {1: "A", 28: "AAAA"}
EDE = struct.pack("!HHH", 15, 2 + 17, 0) + b"did you mean web\x1b"


class Recorder(Upstream):
    """Answers from a row's zone, and keeps what was asked, as the recordings do."""

    zone = {}

    def reply(self, serial, question, proto):
        name, kind, _, _ = self.asked[-1]
        found = self.zone.get(f"{name}. {KINDS[kind]}", self.zone.get(f"{name}.", "NXDOMAIN"))
        if found == "TC":
            found = "TC" if proto == "udp" else ["192.0.2.99"]
        flags, data = 0x8100, []
        if isinstance(found, list):
            data = [ip.packed for ip in map(ipaddress.ip_address, found) if (ip.version == 6) == (kind == 28)]
        if found != "LAME":
            flags |= AA
        head = serial + struct.pack("!5H", flags | (found == "TC") * TC | RCODES.get(str(found), 0), 1, len(data), 0, 1)
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 5, len(ip)) + ip for ip in data)
        return head + question + records + b"\0" + struct.pack("!2HIH", 41, 1232, 0, len(EDE)) + EDE

    def spoiled(self, reply, _proto):
        name, kind, _, _ = self.asked[-1]
        silent = self.zone.get(f"{name}. {KINDS[kind]}", self.zone.get(f"{name}.")) == "TIMEOUT"
        return [] if silent else [reply]

    def take(self):
        with self.lock:
            asked, self.asked = self.asked, []
        return [f"{name}. {KINDS[kind]}{'/tcp' if proto == 'tcp' else ''}" for name, kind, _, proto in asked]


def by_name(queries):
    """The order of A and AAAA of one name means nothing."""
    groups = []
    for query in queries:
        if not groups or groups[-1][0].split()[0] != query.split()[0]:
            groups.append([])
        groups[-1].append(query)
    return [sorted(group) for group in groups]


class Query(lab.LabTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.end)
        cls.pod = cls.lab.ns("pod")
        cls.server = Recorder(cls.pod, 53)
        cls.server.spoil = cls.server.spoiled
        cls.addClassCleanup(cls.server.close)
        # 127.0.0.3 of the recordings takes everything and says nothing
        cls.silent = cls.pod.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.addClassCleanup(cls.silent.close)
        cls.silent.bind(("127.0.0.3", 53))
        cls.conf = cls.lab.folder / "resolv.conf"

    def query(self, *words, code=None):
        done = self.pod.run(lab.BUILD / "fairlead", "query", "--control", "/nonexistent/socket", *words, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def zone(self, text, zone):
        self.conf.write_text(text)
        self.server.zone = zone
        self.server.take()

    def test_as_the_recorded_resolvers(self):
        for row in ROWS:
            self.zone(row["resolv_conf"], row["zone"])
            for key, flag in FLAGS.items():
                with self.subTest(row["id"], resolver=flag):
                    done = self.query(row["name"], "+search", "--resolver", flag, "--resolv-conf", self.conf)
                    seen, want = self.server.take(), row["observed"][key]["queries"]
                    self.assertEqual(by_name(seen), by_name(want), done.stdout)
                    result = row["observed"][key]["result"]
                    found = [word for word in result.split() if re.fullmatch(r"[0-9a-f]*[.:][0-9a-f.:]+", word)]
                    self.assertEqual(done.returncode, 0 if found else 1, done.stdout + result)
                    for addr in found:
                        self.assertIn(addr, done.stdout)

    def test_as_the_real_dig(self):
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        for row in ROWS:
            if "TIMEOUT" in row["zone"].values() or row["resolv_conf"].count("nameserver") > 1:
                continue  # seconds each; in the recordings, too
            self.zone(row["resolv_conf"], row["zone"])
            self.pod.run("unshare", "--mount", "sh", "-c", script, self.conf, "dig", "+search", row["name"], check=False)
            want = self.server.take()
            self.query(row["name"], "+search", "--resolv-conf", self.conf)
            self.assertEqual(self.server.take(), want, row["id"])

    def test_as_the_real_glibc(self):
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        for name in ("web", "web.other", "www.example.com", "ns1."):
            self.zone("nameserver 127.0.0.1\nsearch a.test b.test\noptions ndots:3\n", {"web.b.test.": ["10.0.0.1"]})
            self.pod.run("unshare", "--mount", "sh", "-c", script, self.conf, "getent", "ahosts", name, check=False)
            want = self.server.take()
            self.assertTrue(want)
            self.query(name, "--resolver", "glibc", "--resolv-conf", self.conf)
            self.assertEqual(by_name(self.server.take()), by_name(want), name)

    def test_each_step_is_shown(self):
        self.zone("nameserver 127.0.0.1\nsearch a.test b.test\n", {"web.b.test.": ["10.0.0.1"]})
        lines = self.query("web", "+search", "--resolv-conf", self.conf, code=0).stdout.splitlines()
        self.assertRegex(lines[0], r"^1  web\.a\.test\. A @127\.0\.0\.1  \d+\.\d ms  NXDOMAIN, no records$")
        self.assertEqual(lines[1], r"     EDE 0 (Other): did you mean web\x1b")
        self.assertRegex(lines[2], r"^2  web\.b\.test\. A @127\.0\.0\.1  \d+\.\d ms  NOERROR, 1 record$")
        self.assertEqual(lines[3].split(), ["web.b.test.", "5", "IN", "A", "10.0.0.1"])
        self.assertEqual(lines[-1], "dig stops: found as web.b.test. after 2 questions")

    def test_json(self):
        self.zone("nameserver 127.0.0.1\nsearch a.test b.test c.test\n", {"web.b.test.": ["10.0.0.1"]})
        told = json.loads(self.query("web", "+search", "--resolv-conf", self.conf, "-o", "json", code=0).stdout)
        self.assertEqual([(s["name"], s["type"], s["server"], s["status"]) for s in told["steps"]],
                         [("web.a.test.", "A", "127.0.0.1", "NXDOMAIN"), ("web.b.test.", "A", "127.0.0.1", "NOERROR")])
        self.assertEqual([s["extendedErrors"] for s in told["steps"]], [[r"0 (Other): did you mean web\x1b"]] * 2)
        self.assertEqual([s["records"] for s in told["steps"]], [[], ["web.b.test. 5 IN A 10.0.0.1"]])
        self.assertEqual((told["found"], told["foundAs"], told["questions"]), (True, "web.b.test.", 2))
        self.zone("nameserver 127.0.0.1\nsearch a.test b.test\n", {"ns.a.test.": "NODATA"})
        told = json.loads(self.query("ns", "--resolver", "musl", "--resolv-conf", self.conf, "-o", "json", code=1).stdout)
        self.assertEqual((told["error"], told["notTried"]), ("EAI_NODATA", ["ns.b.test.", "ns."]))
        self.assertIn("musl stops", told["steps"][-1]["note"])
        told = json.loads(self.query("10.0.0.1", "--resolver", "musl", "-o", "json", code=0).stdout)
        self.assertEqual(told["steps"], [])

    def test_where_it_stops_and_why(self):
        self.zone("nameserver 127.0.0.1\nsearch a.test b.test\n", {"ns.a.test.": "NODATA"})
        done = self.query("ns", "--resolver", "musl", "--resolv-conf", self.conf, code=1)
        self.assertIn("musl stops at a name without addresses", done.stdout)
        self.assertIn("musl stops: EAI_NODATA after 2 questions: the name exists", done.stdout)
        self.assertIn("not tried: ns.b.test. ns.\n", done.stdout)
        done = self.query("ns", "--resolv-conf", self.conf, code=1)
        self.assertEqual(self.server.take()[-1:], ["ns. A"])
        self.assertIn("+search tries the search list", done.stdout)

    def test_as_a_pod(self):
        self.zone("", {"web.shop.svc.cluster.local.": ["10.0.0.1"]})
        for words in (("@127.0.0.1",), ("--cluster-dns", "127.0.0.1"), ("@127.0.0.1:53",)):
            self.query("web", "AAAA", "--namespace", "shop", "--resolver", "go", "--node-resolv-conf", "", *words)
            self.assertEqual(self.server.take()[0], "web.shop.svc.cluster.local. AAAA")
            done = self.query("web", *words, "--namespace", "shop", "+search", "--node-resolv-conf", "", code=0)
            self.assertEqual(self.server.take(), ["web.shop.svc.cluster.local. A"], done.stdout)

    def test_several_servers(self):
        self.zone("nameserver 127.0.0.3\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
                  {"web.": ["10.0.0.1"]})
        lines = self.query("web", "--resolv-conf", self.conf, code=0).stdout.splitlines()
        self.assertRegex(lines[0], r"^1  web\. A @127\.0\.0\.3  \d+\.\d ms  no reply$")
        self.assertIn("@127.0.0.1", lines[1])
        out = self.query("web", "--resolver", "musl", "--resolv-conf", self.conf, code=0).stdout
        self.assertIn("@127.0.0.3", out)
        self.assertIn("not waited for: another server has answered", out)

    def test_no_answer(self):
        done = self.query("web", "@127.0.0.9", "--resolv-conf", "/dev/null", code=1)
        self.assertIn("Connection refused", done.stdout)
        self.assertIn("dig stops: no servers could be reached", done.stdout)

    def test_bad_input_is_one_line(self):
        for words, want in ((("web", "BLA"), "BLA: unknown type"), (("web", "@x"), "x: the server must be"),
                            (("a..b",), "a..b: is no domain name"), (("web", "+trace"), "+trace: unknown"),
                            (("@127.0.0.1",), "NAME: is missing"), (("web", "A", "AAAA"), "AAAA: unexpected"),
                            (("web", "--resolver", "bind"), "--resolver bind: unknown value"),
                            (("web", "--resolv-conf", "/nonexistent"), "/nonexistent: No such file"),
                            (("web", "--resolv-conf", "/dev/null", "--namespace", "x"), "give one of them")):
            done = self.query(*words, code=2)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(want, done.stderr)


if __name__ == "__main__":
    unittest.main()
