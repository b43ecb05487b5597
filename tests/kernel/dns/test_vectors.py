"""
tests/vectors/dns.json against the real daemon: every question and sequence that belongs to cluster zones is
asked over the wire. Where `about.deviations` says that another answer is better than CoreDNS's, that one is expected
(BETTER below); what is left out is listed with its reason and counted (LEFT_OUT_*), so that nothing is lost silently.
"""
import collections
import json
import re
import unittest
from pathlib import Path

import lab
from dns_client import Client

VECTORS = json.loads((Path(__file__).resolve().parents[2] / "vectors" / "dns.json").read_text())
SUITES = {suite["id"]: suite for suite in VECTORS["suites"]}
ANY_TTL = " 303 "

FORWARD = "asks outside of the cluster: test_forward, test_upstreams, test_external_name"
SEARCH = "search path on the server: test_autopath"
LEFT_OUT_SUITES = {
    "k8s/serve-multicluster": "multicluster services are not offered",
    "k8s/zonal": "zonal names are not offered",
    "k8s/not-synced": "a daemon that never completes: unit test before_complete, kernel test test_lifecycle",
    "k8s/ignore-empty-service": "`ignore empty_service` is not offered: a ClusterIP without endpoints keeps its name",
    "k8s_external/external": "k8s_external is not offered",
    "k8s_external/apex": "k8s_external is not offered",
    "ci/autopath": SEARCH, "ci/kubernetai-autopath": SEARCH, "wire/autopath": SEARCH,
    "autopath/unit": "a search list in CoreDNS's configuration is not offered; the steps: unit test test_forward_search",
    "autopath/acl": "rules by name are not offered: --dns-allow goes by the client's address",
    "ci/fallthrough": "falls through to a zone file: there is no file plugin",
    "ci/fallthrough-filtered": "falls through to a zone file: there is no file plugin",
    "ci/kubernetai-address": "two CoreDNS stanzas for one zone are not offered",
}

# Suites that run against a daemon of their own, with its flags. Reverse zones of the suites are --service-cidr.
RUN = {
    "k8s/serve": ["--dns-pods", "disabled"],
    "k8s/serve-namespaces": ["--dns-pods", "disabled"],
    "k8s/pods-disabled": ["--dns-pods", "disabled"],
    "k8s/pods-insecure": [],
    "k8s/apex": [],
    "k8s/zonal-off": [],
    "k8s/derived-default": ["--dns-pods", "disabled"],
    "k8s/derived-pods-insecure": [],
    "k8s/reverse": ["--service-cidr", "10.0.0.0/16,1234:abcd::/64"],
    "k8s/derived-reverse": ["--service-cidr", "10.0.0.0/16,1234:abcd::/64"],
    "ci/address-new-object": [],
    "ci/endpoint-pod-names": ["--dns-endpoint-pod-names"],
    "ci/excluster": [],
    "ci/ns-exposed": [],
    "ci/pods-insecure": [],
    "ci/pods-verified": ["--dns-pods", "verified"],
    "ci/srv": [],
    "ci/deployment": [],
    "wire/default-corefile": [],
}

SOA = ["cluster.local. 5 IN SOA ns.dns.cluster.local."]
NODATA = {"rcode": "NOERROR", "answer": [], "ns": SOA, "extra": []}
NXDOMAIN = {"rcode": "NXDOMAIN", "answer": [], "ns": SOA, "extra": []}
REFUSED = {"rcode": "REFUSED", "answer": [], "ns": [], "extra": []}
RANGE_SOA = ["0.10.in-addr.arpa. 5 IN SOA ns.dns.0.10.in-addr.arpa."]
ARPA_SOA = ["in-addr.arpa. 5 IN SOA ns.dns.in-addr.arpa."]

# (suite pattern, name pattern, type pattern) → what is better, and why. First match counts.
BETTER = [
    # about.deviations
    ("", r"^_tcp\.(svc1\.testns|multi\.default)\.svc", "", NODATA, "RFC 8020: a named port stands below"),
    ("", r"^((pod|svc|[a-z0-9-]+\.(svc|pod))\.)?cluster\.local\.$", "TXT", "nxdomain is nodata",
     "these names exist, whatever type is asked"),
    ("", r"^dns\.cluster\.local\.$", "", NODATA, "ns.dns stands below"),
    ("", r"^dns-version\.cluster\.local\.$", "^A$", NODATA, "TXT exists"),
    ("", r"^dns-version\.cluster\.local\.$", "^TXT$", {"answer": ["dns-version.cluster.local. 28800 IN TXT \"1.1.0\""]},
     "CoreDNS's cache caps the TTL to 30"),
    ("k8s/derived-reverse", r"^10\.in-addr", "", {"rcode": "NOERROR", "ns": ARPA_SOA}, "something exists below"),
    ("k8s/derived-reverse", r"^0\.0\.10\.in-addr", "", {"rcode": "NOERROR", "ns": RANGE_SOA}, "something exists below"),
    ("k8s/derived-reverse", r"^100\.0\.0\.10\.", "^A$", {"rcode": "NOERROR", "ns": RANGE_SOA}, "PTR exists"),
    ("k8s/derived-reverse", r"^100\.1\.168\.192\.", "^A$", {"rcode": "NOERROR", "ns": ARPA_SOA}, "PTR exists"),
    ("k8s/derived-reverse", r"^0\.10\.in-addr", "^NS$", {"answer": [], "ns": RANGE_SOA, "extra": []},
     "a server on loopback only is named nowhere, as in the cluster zone"),
    ("wire/", r"^10\.in-addr", "", {"rcode": "NOERROR", "ns": ARPA_SOA}, "something exists below"),
    ("wire/", r"in-addr\.arpa\.$", "ANY", {"rcode": "NOERROR", "answer": "hinfo", "ns": []}, "RFC 8482"),
    ("", r"^(nosvc\.default|nosuchns)\.svc", "SOA", NXDOMAIN, "SOA at a name that does not exist"),
    ("", r"^_http\._tcp\.(svc1|svc6|hdls1|multi)\.", "^(A|AAAA)$", NODATA, "only SRV lives there"),
    ("", r"^http\.tcp\.", "SRV", NXDOMAIN, "no underscores, no SRV name"),
    ("", r"^1-2-3-4\.[a-z]+\.pod", "SRV", NODATA, "a pod has no ports"),
    ("", r"^x\.1-2-3-4\.", "", NXDOMAIN, "nothing is below a pod name"),
    ("", r"^external-to-service\.testns", "AAAA",
     {"answer": ["external-to-service.testns.svc.cluster.local. 5 IN CNAME svc1.testns.svc.cluster.local."]},
     "CNAME + SOA"),
    ("", r"^external\.testns", "^(TXT|HINFO)$",
     {"answer": ["external.testns.svc.cluster.local. 5 IN CNAME ext.interwebs.test."], "ns": []}, "CNAME for every type"),
    ("wire/", r"^ext-int\.default", "^(AAAA|TXT)$",
     {"answer": ["ext-int.default.svc.cluster.local. 5 IN CNAME kubernetes.default.svc.cluster.local."]}, "CNAME + SOA"),
    ("wire/", r"^ext-int\.default", "SRV",
     {"answer": ["ext-int.default.svc.cluster.local. 5 IN CNAME kubernetes.default.svc.cluster.local.",
                 "kubernetes.default.svc.cluster.local. 5 IN SRV 0 100 443 kubernetes.default.svc.cluster.local."],
      "ns": [], "extra": ["kubernetes.default.svc.cluster.local. 5 IN A 10.96.0.1"]}, "CNAME for every type, chased"),
    ("wire/", r"^ext-intnx\.default", "^(A|AAAA|TXT)$",
     {"rcode": "NXDOMAIN",
      "answer": ["ext-intnx.default.svc.cluster.local. 5 IN CNAME nope.default.svc.cluster.local."]},
     "RFC 6604: the rcode is that of the end of the chain"),
    ("wire/", r"^ext-nx\.default", "^(A|SRV)$",
     {"rcode": "NOERROR", "answer": ["ext-nx.default.svc.cluster.local. 5 IN CNAME nx.example.test."], "ns": []},
     "bare CNAME: these run with --forward none; test_external_name has the rest"),
    ("wire/", r"^ext\.default", "^(AAAA|TXT)$",
     {"rcode": "NOERROR", "answer": ["ext.default.svc.cluster.local. 5 IN CNAME www.example.test."], "ns": []},
     "bare CNAME: these run with --forward none; test_external_name has the rest"),
    ("", r"^external\.testns", "^A$",
     {"answer": ["external.testns.svc.cluster.local. 5 IN CNAME ext.interwebs.test."]},
     "bare CNAME: these run with --forward none; test_external_name has the rest"),
    ("wire/", r"^ext-ip\.default", "^(A|AAAA|CNAME|TXT)$",
     {"rcode": "NOERROR", "answer": ["ext-ip.default.svc.cluster.local. 5 IN CNAME 192.0.2.9."], "ns": []},
     "decided: a name of digits, as the Kubernetes documentation says"),
    # issue: ANY as RFC 8482 says; QCLASS other than IN is refused
    ("", r"^kubernetes\.default", "^ANY$", {"answer": "hinfo", "ns": []}, "RFC 8482"),
    ("wire/", r"^kubernetes\.default", "qclass", REFUSED, "class other than IN"),
    # reverse names without a record that are in none of our ranges go to the forwarder
    ("wire/", r"^(13\.1\.244\.10|9\.9\.9\.9)\.in-addr", "", REFUSED, "not ours: refused with --forward none"),
    ("wire/", r"^0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.0\.4\.4\.2", "", REFUSED,
     "not ours: refused with --forward none"),
    ("k8s/reverse", r"^99\.0\.0\.10\.", "PTR",
     {"answer": ["99.0.0.10.in-addr.arpa. 5 IN PTR double-ep.svc1.testns.svc.cluster.local."]},
     "svc2 has an EndpointSlice but no Service: its names do not exist"),
    ("wire/", r"^1\.0\.96\.10\.IN-ADDR", "PTR",
     {"answer": ["1.0.96.10.IN-ADDR.arpa. 5 IN PTR kubernetes.default.svc.cluster.local."]},
     "0x20: CoreDNS's cache tells the first asker's case"),
    # limits: we send at most 1232 bytes over UDP and compress, CoreDNS up to what the client claims
    ("wire/", r"^big\.", "edns [46]", "truncated at 1232", "own EDNS size"),
    ("wire/", r"^big\.", "edns 1232 SRV", "truncated at 1232", "SRV targets take the same, owners less"),
]
LEFT_OUT_CASES = [
    ("wire/", r"^noports\.default", "the API server refuses a ClusterIP without ports, and so does the decoder: unit "
     "test test_answer"),
    ("wire/", r"^(nx|www|many)\.example\.test\.|^a\.slow\.test\.", FORWARD),
]


def left_out(suite, case):
    for pattern, name, reason in LEFT_OUT_CASES:
        if re.search(pattern, suite["id"]) and re.search(name, case["qname"]):
            return reason
    return None


def kind_of(case):
    """What BETTER's type pattern is matched against: odd questions are told by what is odd."""
    if case.get("qclass", "IN") != "IN":
        return "qclass"
    if case["qname"].startswith("big.") and "edns_udp_size" in case:
        return f"edns {case['edns_udp_size']} {case['qtype']}"
    return case["qtype"]


def better(suite, case):
    for pattern, name, kind, answer, _ in BETTER:
        if re.search(pattern, suite["id"]) and re.search(name, case["qname"]) and re.search(kind, kind_of(case)):
            return answer
    return None


def expected(suite, case):
    """{rcode, answer, ns, extra, tc, aa}; a section that is None is not compared."""
    want = {key: case.get(key) for key in ("rcode", "answer", "ns", "extra")}
    want.update({key: case[key] for key in ("answer_count", "extra_count") if key in case and "edns_udp_size" not in case})
    want["tc"] = case.get("flags", {}).get("tc", False)
    change = better(suite, case)
    if change == "nxdomain is nodata":
        nothing = "nosuchns" in case["qname"] or "svc-nons" in case["qname"]
        change = NXDOMAIN if nothing else NODATA
    if change == "truncated at 1232":
        return dict(want, tc=True, aa=True, answer=None, extra=None)
    want.update(change or {})
    want["aa"] = want["rcode"] in ("NOERROR", "NXDOMAIN")
    if change and change.get("answer") == "hinfo":
        want["answer"] = [f"{case['qname']} 5 IN HINFO \"RFC8482\" \"\""]
    if case.get("answer_count") is not None or (want["answer"] and "..." in want["answer"]):
        want["answer"] = want["extra"] = None
    return want


def normal(record, ttl, case_sensitive=True):
    """Comparable: SOA by owner, TTL and MNAME, TTL 303 as any, names of data in lower case."""
    owner, seconds, rrclass, kind, *data = record.split(" ", 5)
    if kind == "SOA":
        data = [data[0].split(" ")[0]]
        owner = owner.lower()
    data = [" ".join(data).lower() if kind != "TXT" else " ".join(data)]
    seconds = "*" if seconds == "303" or ttl == "any" else seconds
    return " ".join([owner if case_sensitive else owner.lower(), seconds, rrclass, kind, *data])


def section(records, want, ttl):
    any_ttl = "any" if ttl == "any" or any(ANY_TTL in record for record in want) else ttl
    return collections.Counter(normal(r, any_ttl) for r in records)


def with_ttl(records, ttl):
    """The table above is written with TTL 5; suites with another TTL run a daemon with that."""
    return [re.sub(r"^(\S+) 5 IN", rf"\1 {ttl} IN", r) for r in records]


def manifests_of(suite):
    fixtures = VECTORS["fixture_sets"].get(suite.get("fixtures"), {})
    items = [item for kind in fixtures.values() if isinstance(kind, list) for item in kind
             if isinstance(item, dict) and "kind" in item]
    apply = suite.get("apply_first", [])
    return items + (apply if isinstance(apply, list) else [apply])


class Server:
    """A daemon that only answers DNS, fed from objects."""

    def __init__(self, objects, ttl, flags=(), listen="127.0.0.1:53"):
        self.lab = lab.Lab()
        self.ns = self.lab.ns("dns")
        if not listen.startswith("127."):
            self.ns.add_addr(listen.rsplit(":", 1)[0])
        self.folder = self.lab.folder / "m"
        self.folder.mkdir()
        self.objects = {}
        self.apply(objects)
        self.daemon = self.lab.daemon(self.ns, self.folder, "--no-proxy", "--dns-listen", listen, "--dns-ttl",
                                      str(ttl), "--dns-negative-ttl", str(ttl), "--healthz-bind-address", "",
                                      "--metrics-bind-address", "", "--node-name", "n", *flags)
        self.client = Client(self.ns)

    def apply(self, objects, remove=()):
        def key(o):
            return o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]

        self.objects.update({key(o): o for o in objects})
        for o in remove:
            self.objects.pop(key(o), None)
        new = self.folder / ".all.json.new"
        new.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(self.objects.values())}))
        new.rename(self.folder / "all.json")

    def end(self):
        self.lab.end()


def difference(reply, want, ttl):
    """None, or what is wrong with a reply."""
    if reply.rcode != want["rcode"]:
        return f"rcode {reply.rcode}, expected {want['rcode']}"
    if "ra" not in reply.flags or ("aa" in reply.flags) != want["aa"] or ("tc" in reply.flags) != want["tc"]:
        return f"flags {sorted(reply.flags)}, expected {want}"
    for name in ("answer", "ns", "extra"):
        if want[name] is None:
            if len(getattr(reply, name)) != want.get(f"{name}_count", len(getattr(reply, name))):
                return f"{len(getattr(reply, name))} records in {name}, expected {want[f'{name}_count']}"
            continue
        got, wanted = (section(records, want[name], ttl) for records in (getattr(reply, name), want[name]))
        if got != wanted:
            return f"{name}\n    got      {sorted(got.elements())}\n    expected {sorted(wanted.elements())}"
    return None


def ask(client, case):
    # The suites k8s/* know no UDP limit: our SRV targets are not compressed (RFC 2782), so glue may not fit into 512.
    plain_srv = case["qtype"] == "SRV" and "edns_udp_size" not in case
    edns = case.get("edns_udp_size", 1232 if "edns_version" in case else None)
    return client.ask(case["qname"], case["qtype"], tcp=case.get("tcp", plain_srv), qclass=case.get("qclass", "IN"),
                      opcode=case.get("opcode", "QUERY"), cd=case.get("cd", False), edns=edns,
                      edns_version=case.get("edns_version", 0))


class Suites(unittest.TestCase):
    def check_suite(self, suite):
        ttl = suite.get("config", {}).get("ttl", 5)
        server = Server(manifests_of(suite), ttl, RUN[suite["id"]])
        self.addCleanup(server.end)
        asked, skipped = 0, collections.Counter()
        for case in suite["cases"]:
            reason = left_out(suite, case)
            if reason:
                skipped[reason] += 1
                continue
            want = expected(suite, case)
            for name in ("answer", "ns", "extra"):
                if want[name]:
                    want[name] = with_ttl(want[name], ttl)
            with self.subTest(suite=suite["id"], name=case["qname"], type=case["qtype"]):
                reply = ask(server.client, case)
                wrong = difference(reply, want, ttl)
                self.assertIsNone(wrong, f"{case['qname']} {case['qtype']}: {wrong}")
                for record in reply.answer if "target_regex" in case else []:
                    self.assertRegex(record.split(" ")[-1], case["target_regex"])
            asked += 1
        print(f"{suite['id']}: {asked} asked" + "".join(f", {n} left out ({why})" for why, n in skipped.items()))


def add_suite_test(suite_id):
    def test(self):
        self.check_suite(SUITES[suite_id])
    setattr(Suites, "test_" + re.sub(r"\W", "_", suite_id), test)


for _suite_id in RUN:
    add_suite_test(_suite_id)


# (sequence, step or None = every, name pattern) → what is better, as in BETTER
BETTER_STEPS = [
    ("fqdn-addresstype-slice", None, "", NXDOMAIN, "FQDN slices are ignored, as kube-proxy does"),
    ("same-hostname-two-slices", 1, "^multi-addr.*SRV$",
     {"answer": ["multi-addr.seq.svc.cluster.local. 5 IN SRV 0 33 80 h.multi-addr.seq.svc.cluster.local."]},
     "an endpoint that two slices repeat counts once in the weight"),
    ("clusterip-not-yet-allocated", None, "", NXDOMAIN, "no name until the ClusterIP is allocated"),
]


class Sequences(unittest.TestCase):
    """Objects come and go; the answers follow within the limit of one wait, and nothing older is seen afterwards."""

    TTL = 30

    @classmethod
    def setUpClass(cls):
        cls.server = Server([], cls.TTL, ["--service-cidr", "10.96.0.0/16"])

    @classmethod
    def tearDownClass(cls):
        cls.server.end()

    def wrong(self, sequence, at, case):
        want = dict({key: case.get(key) for key in ("rcode", "answer", "ns", "extra")}, tc=False)
        for name, step, pattern, answer, _ in BETTER_STEPS:
            if sequence == name and step in (None, at) and re.search(
                    pattern, f"{case['qname']} {case['qtype']}"):
                want.update({k: with_ttl(v, self.TTL) if isinstance(v, list) else v for k, v in answer.items()})
        want["aa"] = want["rcode"] in ("NOERROR", "NXDOMAIN")
        reply = self.server.client.ask(case["qname"], case["qtype"], tcp=case["qtype"] == "SRV")
        return difference(reply, want, self.TTL)

    def settled(self, sequence, at, cases):
        wrong = [f"{c['qname']} {c['qtype']}: {self.wrong(sequence, at, c)}" for c in cases
                 if self.wrong(sequence, at, c)]
        self.last = wrong
        return not wrong

    @staticmethod
    def unallocated(sequence):
        """With manifests a ClusterIP is allocated, unless there is no range of its family."""
        for step in sequence["steps"]:
            for o in step["objects"]:
                if o["kind"] == "Service" and "clusterIP" not in o["spec"]:
                    o["spec"] |= {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}

    def play(self, sequence):
        if sequence["id"] == "clusterip-not-yet-allocated":
            self.unallocated(sequence)
        namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "seq"}}
        self.server.apply([] if sequence["id"] == "namespace-lifecycle" else [namespace],
                          list(self.server.objects.values()))
        for at, step in enumerate(sequence["steps"]):
            gone = step["objects"] if step["op"] == "delete" else []
            self.server.apply([] if gone else step["objects"], gone)
            try:
                lab.wait_until(lambda: self.settled(sequence["id"], at, step["then"]), every_s=0.002)
            except AssertionError:
                self.fail(f"{sequence['id']} step {at}: " + "; ".join(self.last))


def add_sequence_test(sequence):
    def test(self):
        self.play(sequence)
    setattr(Sequences, "test_" + re.sub(r"\W", "_", sequence["id"]), test)


for _sequence in VECTORS["sequences"]["list"]:
    add_sequence_test(_sequence)


class Complete(unittest.TestCase):
    def test_every_suite_is_run_or_left_out_with_a_reason(self):
        self.assertEqual(sorted(SUITES), sorted([*RUN, *LEFT_OUT_SUITES]))
        for suite_id, reason in LEFT_OUT_SUITES.items():
            print(f"{suite_id}: {len(SUITES[suite_id]['cases'])} left out: {reason}")

    def test_every_better_answer_is_used(self):
        for pattern, name, kind, answer, why in BETTER:
            self.assertTrue(any(re.search(pattern, suite_id) and re.search(name, case["qname"]) and
                                re.search(kind, kind_of(case)) for suite_id in RUN
                                for case in SUITES[suite_id]["cases"]), (name, kind, why))


if __name__ == "__main__":
    unittest.main()
