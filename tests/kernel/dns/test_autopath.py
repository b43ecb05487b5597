"""--dns-autopath: the search list of a pod is finished on the server, inside the cluster and outside of it."""
import re
import socket
import struct
import unittest

import lab
import manifests
import traffic
from dns_client import TYPES, Client, Reply, encode_name, query
from pod_resolvers import PodResolvers
from test_vectors import SUITES, VECTORS, Server, ask, difference, expected, manifests_of, with_ttl
from upstream import Upstream

PORT, POD, OTHER, OWN_LIST, HOST_NETWORK = 5301, "10.240.0.9", "10.240.0.10", "10.240.0.11", "10.240.0.12"
FIRST = "test-1.svc.cluster.local"


def pod(name, address, ns="test-1", **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": ns}, "spec": spec,
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}


class Zones(Upstream):
    """Answers from names: {name: {type: (TTL, data)}}; other names do not exist. broken: names that get SERVFAIL."""

    def __init__(self, ns, names):
        self.zone, self.broken = names, set()
        super().__init__(ns, PORT)

    def reply(self, serial, question, proto):
        name = self._name(question)
        kind = struct.unpack_from("!H", question, len(question) - 4)[0]
        types = self.zone.get(name)
        code = 2 if name in self.broken else 0 if types is not None else 3
        found = (types or {}).get(kind)
        soa = encode_name("ns.example.") + encode_name("h.example.") + struct.pack("!5I", 1, 2, 3, 4, 60)
        head = serial + struct.pack("!5H", 0x8180 | code, 1, bool(found), not found and code != 2, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, found[0], len(found[1])) + found[1] if found else \
            b"\0" + struct.pack("!HHIH", 6, 1, 60, len(soa)) + soa if code != 2 else b""
        return head + question + record

    @staticmethod
    def _name(question):
        labels, at = [], 0
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
            at += 1 + question[at]
        return ".".join(labels)

    def count(self):
        with self.lock:
            return len(self.asked)


def a(address, ttl=60):
    return {TYPES["A"]: (ttl, socket.inet_aton(address))}


def both(v4, v6, ttl=60):
    return a(v4, ttl) | {TYPES["AAAA"]: (ttl, socket.inet_pton(socket.AF_INET6, v6))}


class Autopath(lab.LabTest):
    HOST = "search Corp.example corp2.example svc.cluster.local\n"

    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        for address in (POD, OTHER, OWN_LIST, HOST_NETWORK):
            self.node.add_addr(address)
        self.up = Zones(self.node, {"www.example.com": both("192.0.2.1", "2001:db8::1"), "v4.example.com": a("192.0.2.4"),
                                    "intranet.corp.example": a("192.0.2.7"), "example.com": {},
                                    "deep.corp2.example": both("192.0.2.8", "2001:db8::8"), "wiki.corp.example": {}})
        self.addCleanup(self.up.close)
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.folder.put("all", manifests.namespace("test-1"), manifests.namespace("other"),
                        manifests.service("web", "10.96.0.10", [80], ns="test-1"),
                        manifests.service("api", "10.96.0.20", [80], ns="other"),
                        manifests.service("other", "10.96.0.30", [80], ns="third"),
                        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "docs", "namespace": "other"},
                         "spec": {"type": "ExternalName", "externalName": "www.example.com"}},
                        pod("p", POD), pod("q", OTHER, ns="other"),
                        pod("own", OWN_LIST, dnsConfig={"searches": ["corp.example"]}),
                        pod("host", HOST_NETWORK, hostNetwork=True))
        self.conf = self.lab.folder / "resolv.conf"
        self.conf.write_text(f"nameserver 127.0.0.1:{PORT}\n" + self.HOST)
        self.daemon = self.start()
        self.client = Client(self.node, source=POD, limit_s=20)

    def start(self, *flags):
        return self.lab.daemon(self.node, self.folder, "--no-proxy", "--forward-timeout", "1s", "--forward",
                               *(flags or (str(self.conf), "--dns-autopath")))

    def ask(self, name, kind="A", client=None, **fields):
        """(rcode, [(owner, type, data)]) of a name as the first step of the pod's search list asks for it."""
        reply = (client or self.client).ask(f"{name}.{FIRST}", kind, **fields)
        for record in reply.answer + reply.ns:
            self.assertRegex(record.split()[1], r"^\d{1,4}$")
        return reply.rcode, [(owner, kind, data) for owner, _, _, kind, data in
                             (record.split(maxsplit=4) for record in reply.answer)]

    def alias(self, name, target, *records):
        return "NOERROR", [(f"{name}.{FIRST}.", "CNAME", target), *records]

    def test_inside_the_cluster(self):
        self.assertEqual(self.ask("web"), ("NOERROR", [(f"web.{FIRST}.", "A", "10.96.0.10")]))
        api = "api.other.svc.cluster.local."
        for name in ("api.other", "api.other.svc", "api.other.svc.cluster.local", "API.Other"):
            self.assertEqual(self.ask(name), self.alias(name, api, (api, "A", "10.96.0.20")))
            self.assertEqual(self.ask(name, "AAAA"), self.alias(name, api), "NODATA, not NXDOMAIN")
            self.assertEqual(self.ask(name, "HTTPS"), self.alias(name, api))
        self.assertEqual(self.ask("no.other.svc.cluster.local"), ("NXDOMAIN", []))
        self.assertEqual(self.up.asked, [], "names of the cluster never leave the node")

    def test_outside_of_it(self):
        for name in ("www.example.com", "WWW.example.com"):
            for tcp in (False, True):
                self.assertEqual(self.ask(name, tcp=tcp), self.alias(name, "www.example.com.",
                                                                     ("www.example.com.", "A", "192.0.2.1")))
                self.assertEqual(self.ask(name, "AAAA", tcp=tcp), self.alias(name, "www.example.com.",
                                                                             ("www.example.com.", "AAAA", "2001:db8::1")))
        self.assertEqual(self.up.names(), [f"www.example.com{d}" for d in (".corp.example", ".corp2.example", "")] * 2)

    def test_a_family_or_type_that_is_missing(self):
        """Everything that is asked of one name leads to one place: musl drops an address beside another family's NXDOMAIN."""
        for name, target in (("v4.example.com", "v4.example.com."), ("intranet", "intranet.corp.example.")):
            for kind in ("AAAA", "HTTPS", "SVCB"):
                self.assertEqual(self.ask(name, kind), self.alias(name, target))
            self.assertEqual(len(self.ask(name)[1]), 2)

    def test_the_order_of_the_list(self):
        self.up.zone["web.other.corp.example"] = self.up.zone["api.other.corp.example"] = a("192.0.2.66")
        self.assertEqual(self.ask("api.other")[1][1][2], "10.96.0.20")
        self.assertEqual(self.ask("web.other")[1][1][2], "192.0.2.66")
        self.assertEqual(self.ask("deep", "AAAA")[1][1][2], "2001:db8::8")

    def test_a_name_without_addresses_does_not_end_the_search(self):
        """wiki.corp.example has no address of any family, and `other` is a namespace (and a Service elsewhere)."""
        self.up.zone["wiki"] = self.up.zone["other"] = a("192.0.2.9")
        for name in ("wiki", "other"):
            for kind in ("A", "AAAA"):
                self.assertEqual(self.ask(name, kind)[1][0], (f"{name}.{FIRST}.", "CNAME", f"{name}."))

    def test_nothing_is_found(self):
        for _ in range(2):
            reply = self.client.ask(f"nx.example.com.{FIRST}", edns=1232)
            self.assertEqual((reply.rcode, reply.answer, [r.split()[0] for r in reply.ns]),
                             ("NXDOMAIN", [], ["cluster.local."]))
        self.assertEqual(self.up.count(), 3, "negative answers are cached")
        reply = self.client.ask(f"wbe.{FIRST}", edns=1232)
        self.assertIn(b"did you mean web", reply.opt["options"][15])

    def test_an_upstream_that_fails(self):
        self.up.broken = {"x.corp.example", "www.example.com.corp.example"}
        self.assertEqual(self.ask("x")[0], "SERVFAIL", "never NXDOMAIN")
        self.assertEqual(self.ask("www.example.com")[1][-1][2], "192.0.2.1", "another domain has it")
        self.up.silent = True
        self.assertEqual(self.ask("silent.example.com")[0], "SERVFAIL")

    def test_stale_answers(self):
        self.up.zone["short.example.com"] = a("192.0.2.5", ttl=1)
        want = self.ask("short.example.com")
        self.up.silent = True
        lab.wait_until(lambda: 3 in self._errors("short.example.com"))
        self.assertEqual(self.ask("short.example.com"), want)

    def _errors(self, name):
        option = self.client.ask(f"{name}.{FIRST}", edns=1232).opt["options"].get(15)
        return [int.from_bytes(option[:2], "big")] if option else []

    def test_ttl(self):
        reply = self.client.ask(f"www.example.com.{FIRST}")
        self.assertEqual([int(record.split()[1]) in range(50, 61) for record in reply.answer], [True, True])
        reply = self.client.ask(f"api.other.{FIRST}")
        self.assertEqual([record.split()[1] for record in reply.answer], ["5", "5"])

    def test_an_alias_that_leads_outside(self):
        self.assertEqual(self.ask("docs.other"), self.alias(
            "docs.other", "docs.other.svc.cluster.local.", ("docs.other.svc.cluster.local.", "CNAME", "www.example.com."),
            ("www.example.com.", "A", "192.0.2.1")))

    def test_who_has_another_list(self):
        for source in (OTHER, OWN_LIST, HOST_NETWORK, "127.0.0.1"):
            client = Client(self.node, source=source)
            for name in ("www.example.com", "api.other"):
                self.assertEqual(self.ask(name, client=client), ("NXDOMAIN", []), source)
        other = Client(self.node, source=OTHER).ask("web.test-1.other.svc.cluster.local")
        self.assertEqual(other.answer[1].split()[-1], "10.96.0.10")

    def test_what_is_not_searched_for(self):
        for kind in ("TXT", "MX", "PTR", "ANY"):
            self.assertEqual(self.ask("www.example.com", kind), ("NXDOMAIN", []))
        for name in (FIRST, "svc.cluster.local", "www.example.com.svc.cluster.local", "www.example.com.cluster.local"):
            self.assertIn(self.client.ask(name).rcode, ("NOERROR", "NXDOMAIN"))
            self.assertEqual(self.client.ask(name).answer, [])
        self.assertEqual(self.ask("localhost"), ("NXDOMAIN", []), "resolvers answer it themselves")
        self.assertEqual([name for name in self.up.names() if not name.startswith("localhost.corp")], [])

    def test_long_names(self):
        """A name that is too long with one domain is left out there."""
        label = "x" * 50
        name = ".".join([label] * 4)
        self.up.zone[name] = a("192.0.2.3")
        self.assertEqual(self.ask(name, edns=1232)[1][-1][2], "192.0.2.3")

    def test_what_does_not_fit_comes_over_tcp(self):
        name = ".".join(["y" * 50] * 4)
        self.up.zone[name] = a("192.0.2.3")
        self.assertIn("tc", self.client.ask(f"{name}.{FIRST}").flags)
        self.assertEqual(len(self.ask(name, tcp=True)[1]), 2)

    def test_many_clients_at_once(self):
        """Those of one name are asked once; each gets its own question back."""
        with self.client._socket(socket.SOCK_DGRAM) as sock:
            names = [f"{word}.example.com" for word in ("www", "WWW", "v4", "nx")] * 25
            for serial, name in enumerate(names):
                sock.send(query(f"{name}.{FIRST}", serial=serial))
            for _ in names:
                reply = Reply(sock.recv(512))
                self.assertEqual(reply.question[0][0], f"{names[reply.id]}.{FIRST}.")
                self.assertEqual(len(reply.answer), 0 if names[reply.id].startswith("nx") else 2)
        self.assertLessEqual(self.up.count(), 9)

    def test_the_hosts_list_is_followed(self):
        self.conf.write_text(f"nameserver 127.0.0.1:{PORT}\nsearch third.example\n")
        self.up.zone["box.third.example"] = a("192.0.2.33")
        lab.wait_until(lambda: self.ask("box")[1][-1:] == [("box.third.example.", "A", "192.0.2.33")])

    def test_without_a_server_for_names_outside(self):
        self.daemon.stop()
        self.daemon = self.start("none", "--dns-autopath")
        self.assertEqual(self.ask("www.example.com"), ("NXDOMAIN", []))
        self.assertEqual(self.ask("api.other")[1][1][2], "10.96.0.20")

    def test_off_by_default(self):
        self.daemon.stop()
        self.daemon = self.start(str(self.conf))
        self.assertEqual(self.ask("api.other"), ("NXDOMAIN", []))

    def test_metrics(self):
        for name in ("www.example.com", "api.other", "web", "nx.example.com"):
            self.ask(name)
        self.up.silent = True
        self.ask("gone.example.com")
        for line in (r"coredns_autopath_success_total\{.*\} 2|coredns_autopath_success_total 2", "fairlead_forward_waiting 0"):
            lab.wait_until(lambda line=line: re.search(f"^({line})$", self._metrics(), re.M), what=line)

    def _metrics(self):
        return traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body


class OwnResolvers(lab.LabTest):
    """A name outside the cluster from a pod with ndots:5 costs two queries, who asks; without autopath ten, or five."""

    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.node.add_addr(POD)  # what is sent to an own address comes from that
        self.up = Zones(self.node, {"www.example.com": both("192.0.2.1", "2001:db8::1"), "v4.example.com": a("192.0.2.4")})
        self.addCleanup(self.up.close)
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.folder.put("all", manifests.namespace("test-1"), pod("p", POD))
        conf = self.lab.folder / "host.conf"
        conf.write_text(f"nameserver 127.0.0.1:{PORT}\nsearch corp.example\n")
        self.own = PodResolvers(self.node, self.lab.folder, POD, f"{FIRST} svc.cluster.local cluster.local corp.example")
        self.flags = ("--no-proxy", "--dns-listen", f"{POD}:53", "--forward", str(conf))

    def _asked(self):
        page = traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body
        return sum(int(n) for n in re.findall(r"^coredns_dns_requests_total\{.*\} (\d+)$", page, re.M))

    def costs(self, resolve, name):
        before = self._asked()
        return resolve(name), self._asked() - before

    def test_two_queries(self):
        both_families, v4 = ["192.0.2.1", "2001:db8::1"], ["192.0.2.4"]
        self.lab.daemon(self.node, self.folder, *self.flags, "--dns-autopath")
        resolvers = {"glibc": self.own.glibc, "c-ares": self.own.c_ares, **({"musl": self.own.of_musl} if self.own.musl else {})}
        for which, resolve in resolvers.items():
            self.assertEqual(self.costs(resolve, "www.example.com"), (both_families, 2), which)
            # c-ares goes on with its list where a family is missing, whatever the server says of it
            self.assertEqual(self.costs(resolve, "v4.example.com"), (v4, 6 if which == "c-ares" else 2), which)
            self.assertEqual(self.costs(resolve, "nx.example.com"), (None, 10), "all of the list, as without")
        self.assertEqual(self.costs(self.own.dig, "www.example.com"), (["www.example.com.", "192.0.2.1"], 1))

    def test_ten_without(self):
        self.lab.daemon(self.node, self.folder, *self.flags)
        for resolve in (self.own.glibc, self.own.c_ares):
            self.assertEqual(self.costs(resolve, "www.example.com"), (["192.0.2.1", "2001:db8::1"], 10))
        self.assertEqual(self.costs(self.own.dig, "www.example.com"), (["192.0.2.1"], 5))


class Vectors(unittest.TestCase):
    """CoreDNS's cases. Authority sections of positive answers from outside are not kept."""

    LEFT_OUT = {r"fluster\.local": "two CoreDNS stanzas are not offered", r"^a\.slow": "test_an_upstream_that_fails"}

    def check(self, suite_id, names):
        suite = SUITES[suite_id]
        ttl = suite["config"].get("ttl", 30)
        server = Server([*manifests_of(suite), pod("client", POD)], ttl,
                        ["--dns-autopath", "--forward", f"127.0.0.1:{PORT}"])
        self.addCleanup(server.end)
        up = Zones(server.ns, names)
        self.addCleanup(up.close)
        server.ns.add_addr(POD)
        client = Client(server.ns, source=POD)
        asked = 0
        for case in suite["cases"]:
            case = dict(case, qname=case.get("wire_qname", case["qname"]))
            if any(re.search(pattern, case["qname"]) for pattern in self.LEFT_OUT):
                continue
            want = expected(suite, case)
            if case["qtype"] == "HTTPS":  # the alias is there, too
                want["answer"] = [f"{case['qname']} 303 IN CNAME www.example.test."]
                want["ns"] = None
            elif any("IN NS" in record for record in want["ns"]):
                want["ns"] = []
            want["aa"] = case["qname"].endswith("cluster.local.")
            with self.subTest(suite=suite_id, name=case["qname"], type=case["qtype"]):
                want["answer"] = with_ttl(want["answer"], ttl)
                wrong = difference(ask(client, case), want, "any")
                self.assertIsNone(wrong, f"{case['qname']} {case['qtype']}: {wrong}")
            asked += 1
        return asked

    def test_ci(self):
        names = {"example.net": a("10.10.10.10"), "foo.example.net": a("10.10.10.11")}
        self.assertEqual(self.check("ci/autopath", names), 5)
        self.assertEqual(self.check("ci/kubernetai-autopath", names), 4)

    def test_observed(self):
        self.assertEqual(self.check("wire/autopath", {"www.example.test": both("192.0.2.80", "2001:db8::80", 30)}), 11)

    def test_in_search_path(self):
        """Which names are below the first domain, seen by which the server looks for elsewhere."""
        rows = VECTORS["unit"]["in_search_path"]["rows"]
        server = Server([manifests.namespace("default"), pod("p", POD, ns="default")], 5,
                        ["--dns-autopath", "--forward", f"127.0.0.1:{PORT}"])
        self.addCleanup(server.end)
        up = Zones(server.ns, {})
        self.addCleanup(up.close)
        server.ns.add_addr(POD)
        client = Client(server.ns, source=POD)
        for row in rows:
            before = up.count()
            client.ask(row["qname"])
            own = row["qname"].removesuffix(".default.svc.cluster.local.")
            searched = row["in_first"] and own != row["qname"]
            outside = not row["qname"].endswith("cluster.local.")
            self.assertEqual(up.names()[before:], [own] if searched else [row["qname"]] if outside else [], row)


if __name__ == "__main__":
    unittest.main()
