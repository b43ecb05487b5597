"""RFC 8906: what a server must not leave unanswered, asked with the RFC's own dig commands (section 8)."""
import re
import unittest

import lab
import manifests

ZONE = "cluster.local"
PLAIN = ("+noedns", "+noad", "+norec")
EDNS = ("+nocookie", "+edns=0", "+noad", "+norec")


class Answer:
    """What the RFC looks at in dig's text."""

    def __init__(self, text):
        self.text = text
        header = re.search(r"opcode: (\w+), status: (\w+)", text)
        self.opcode, self.status = header[1], header[2]
        self.flags = set(re.search(r";; flags: ([a-z ]*?);", text)[1].split())
        self.must_be_zero = "MBZ" in text
        self.soa = re.search(rf"^{ZONE}\.\s+\d+\s+IN\s+SOA\s", text, re.M) is not None
        opt = re.search(r"; EDNS: version: (\d+), flags:([a-z ]*)(?:; MBZ: \S+)?[,;]", text)
        self.edns_version = int(opt[1]) if opt else None
        self.edns_flags = set(opt[2].split()) if opt else None


class Dig(lab.LabTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.end)
        cls.node = cls.lab.ns("dns")
        folder = manifests.Folder(cls.lab.folder / "m")
        folder.put("many", manifests.service("many", "None", [manifests.port(80, "http")]),
                   manifests.slice("many", [f"10.244.9.{n}" for n in range(1, 101)], [("http", 80)]))
        cls.lab.daemon(cls.node, folder, "--no-proxy", "--healthz-bind-address", "", "--metrics-bind-address", "")

    def dig(self, *words):
        return Answer(self.node.run("dig", "@127.0.0.1", "+tries=1", "+qr", *words).stdout.split("Got answer:")[1])

    def assert_soa(self, answer, edns, flags=frozenset({"qr", "aa", "ra"})):
        self.assertEqual((answer.status, answer.soa, answer.flags), ("NOERROR", True, flags), answer.text)
        self.assertFalse(answer.must_be_zero, answer.text)
        self.assertEqual(answer.edns_version, 0 if edns else None, answer.text)

    def test_the_zone_is_served(self):
        self.assert_soa(self.dig(*PLAIN, "soa", ZONE), edns=False)

    def test_unknown_type(self):
        answer = self.dig(*PLAIN, "type1000", ZONE)
        self.assertEqual((answer.status, "ANSWER: 0," in answer.text), ("NOERROR", True), answer.text)
        self.assertIn("aa", answer.flags)
        self.assertIsNone(answer.edns_version)

    def test_header_bits(self):
        expected = {"qr", "aa", "ra"}
        self.assert_soa(self.dig(*PLAIN, "+cd", "soa", ZONE), False, expected | {"cd"})
        self.assert_soa(self.dig("+noedns", "+norec", "+ad", "soa", ZONE), False, expected)
        self.assert_soa(self.dig(*PLAIN, "+zflag", "soa", ZONE), False, expected)
        self.assert_soa(self.dig("+noedns", "+noad", "+rec", "soa", ZONE), False, expected | {"rd"})

    def test_unknown_opcode(self):
        answer = self.dig(*PLAIN, "+opcode=15", "+header-only")
        self.assertEqual((answer.status, answer.opcode, answer.soa), ("NOTIMP", "RESERVED15", False), answer.text)
        self.assertNotIn("aa", answer.flags)

    def test_tcp(self):
        self.assert_soa(self.dig(*PLAIN, "+vc", "soa", ZONE), edns=False)

    def test_edns(self):
        self.assert_soa(self.dig(*EDNS, "soa", ZONE), edns=True)

    def assert_bad_version(self, answer):
        self.assertEqual((answer.status, answer.soa, answer.edns_version), ("BADVERS", False, 0), answer.text)
        self.assertFalse(answer.must_be_zero, answer.text)

    def test_edns_version(self):
        self.assert_bad_version(self.dig("+nocookie", "+edns=1", "+noednsneg", "+noad", "+norec", "soa", ZONE))

    def test_edns_options(self):
        answer = self.dig(*EDNS, "+ednsopt=100", "soa", ZONE)
        self.assert_soa(answer, edns=True)
        self.assertNotIn("OPT=100", answer.text)

    def test_edns_flags(self):
        answer = self.dig(*EDNS, "+ednsflags=0x40", "soa", ZONE)
        self.assert_soa(answer, edns=True)
        self.assertEqual(answer.edns_flags, set())

    def test_edns_together(self):
        bad = ("+nocookie", "+edns=1", "+noednsneg", "+noad", "+norec")
        self.assert_bad_version(self.dig(*bad, "+ednsflags=0x40", "soa", ZONE))
        self.assert_bad_version(self.dig(*bad, "+ednsopt=100", "soa", ZONE))
        cut = self.dig("+norec", "+dnssec", "+bufsize=512", "+ignore", "a", f"many.default.svc.{ZONE}")
        self.assertEqual((cut.status, "tc" in cut.flags, cut.edns_version), ("NOERROR", True, 0), cut.text)
        do = self.dig("+nocookie", "+edns=0", "+noad", "+norec", "+dnssec", "soa", ZONE)
        self.assert_soa(do, edns=True)
        self.assertEqual(do.edns_flags, {"do"})
        self.assert_bad_version(self.dig(*bad, "+dnssec", "soa", ZONE))
        self.assert_soa(self.dig("+edns=0", "+noad", "+norec", "+cookie", "+nsid", "+expire", "+subnet=0.0.0.0/0", "soa",
                                 ZONE), edns=True)


if __name__ == "__main__":
    unittest.main()
