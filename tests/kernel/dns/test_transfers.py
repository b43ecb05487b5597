"""
Transfers of tests/vectors/dns.json against the real daemon, and what a transfer must be: the answers to every question
that owns a record. What is left out is listed with its reason.
"""
import re
import struct
import unittest

import lab
from dns_client import Client, Reply, encode_name, query, read_tcp
from test_vectors import VECTORS, Server, manifests_of

LEFT_OUT_TRANSFERS = {
    "axfr-multicluster": "multicluster services are not offered",
    "ci-kubernetai-axfr-2": "two CoreDNS stanzas for one zone are not offered",
    "ci-kubernetai-axfr-3": "two CoreDNS stanzas for one zone are not offered",
    "k8s_external-ixfr-current": "k8s_external is not offered; the same of our zone: test_ixfr_with_the_current_serial",
}


class Transfers(unittest.TestCase):
    """
    CoreDNS's transfer must be in ours. Ours holds more, because it holds every record that a question would get:
    dns-version, endpoints of ClusterIP services, SRV at headless names. Weights are those of the answers, and the glue
    of NS has the TTL of the answers (CoreDNS: 0).
    """

    FIXTURES, FLAGS = "serve", []

    @classmethod
    def setUpClass(cls):
        cls.server = Server(manifests_of({"fixtures": cls.FIXTURES}), 5, ["--dns-transfer", "10.0.0.0/8", *cls.FLAGS],
                            listen="10.0.0.10:53")
        cls.ns = cls.server.ns

    @classmethod
    def tearDownClass(cls):
        cls.server.end()

    def transfer(self, kind="AXFR", serial=None, name="cluster.local.", source="10.0.0.10"):
        message = query(name, kind)
        if serial is not None:
            soa = struct.pack("!2HIH", 6, 1, 0, 22) + b"\0\0" + struct.pack("!5I", serial, 0, 0, 0, 0)
            message = message[:8] + struct.pack("!H", 1) + message[10:] + encode_name(name) + soa
        with Client(self.ns, "10.0.0.10", source=source).stream() as sock:
            sock.sendall(struct.pack("!H", len(message)) + message)
            replies = [Reply(read_tcp(sock))]
            while replies[-1].rcode == "NOERROR" and not (
                    len(replies[-1].answer) > 0 and " SOA " in replies[-1].answer[-1]):
                replies.append(Reply(read_tcp(sock)))
        return replies[0].rcode, [record for reply in replies for record in reply.answer]

    def had(self, *args):
        """A transfer that must be had: refused only while the threads of earlier ones have not ended yet."""
        return lab.wait_until(lambda: [reply for reply in [self.transfer(*args)] if reply[0] == "NOERROR"])[0]

    @staticmethod
    def comparable(records):
        def one(record):
            owner, ttl, rrclass, kind, data = record.split(" ", 4)
            if kind == "SRV":
                data = re.sub(r"^0 \d+", "0 *", data)
            return " ".join([owner, kind, data.split(" ")[0] if kind == "SOA" else data]).lower()
        return {one(record) for record in records}

    def check(self, vector):
        rcode, records = self.had("AXFR" if vector["serial_in_request"] == 0 else "IXFR",
                                       vector["serial_in_request"] or None)
        self.assertEqual(rcode, "NOERROR")
        self.assertEqual(records[0], records[-1])
        self.assertIn(" SOA ", records[0])
        self.assertEqual(len(records) - 1, len(set(records)), "a record is there twice")
        ours, theirs = self.comparable(records), self.comparable(vector["expected"])
        self.assertEqual(theirs - ours, set())
        for record in ours - theirs:
            self.assertRegex(record, r"^dns-version\.|unexposedns|^ep1a\.svc1\.|^172-0-0-100\.kubedns\.| srv ", "not in CoreDNS's")

    def test_axfr(self):
        self.check(self.vector("axfr"))

    def test_ixfr_fallback(self):
        self.check(self.vector("ixfr-fallback"))

    @staticmethod
    def vector(name):
        return next(t for t in VECTORS["transfers"] if t["id"] == name)

    def test_nonauth(self):
        self.assertIn("ERR not authoritative for zone", self.vector("nonauth")["records"])
        self.assertEqual(self.transfer(name="example.com.")[0], "REFUSED")

    def test_ixfr_with_the_current_serial(self):
        serial = int(self.had()[1][0].split()[6])
        self.assertEqual(len(self.had("IXFR", serial)[1]), 1)
        self.assertGreater(len(self.had("IXFR", serial - 1)[1]), 2)

    def test_transfer_is_what_answers_say(self):
        """Every record of a transfer is in the answer to its own question, and nothing else is."""
        client = Client(self.ns, "10.0.0.10")
        records = set(self.had()[1])
        asked = {tuple(record.split(" ")[i] for i in (0, 3)) for record in records}
        answered = {record for name, kind in asked for record in client.ask(name, kind, tcp=True).answer}
        self.assertEqual(records, answered)

    def test_others_are_refused(self):
        self.server.ns.add_addr("192.168.77.1")
        self.assertEqual(self.transfer(source="192.168.77.1")[0], "REFUSED")
        self.assertEqual(Client(self.ns, "10.0.0.10").ask("cluster.local", "AXFR").rcode, "REFUSED")  # over UDP

    def test_dig_transfers(self):
        done = self.ns.run("dig", "@10.0.0.10", "cluster.local", "AXFR", "+noall", "+answer")
        self.assertIn("hdls1.testns.svc.cluster.local.", done.stdout)
        self.assertEqual(done.stdout.count("SOA"), 2)


class RecordedTransfer(Transfers):
    """A transfer that CoreDNS's own tests recorded from a cluster: addresses of pods are compared by kind only."""

    FIXTURES, RECORDED = "coredns-ci", "ci-axfr"

    @staticmethod
    def comparable(records):
        def one(record):
            owner, _, _, kind, data = record.split(" ", 4)
            data = "" if kind in ("A", "SOA") else re.sub(r"^0 \d+ ", "0 * ", data) if kind == "SRV" else data
            return re.sub(r"(^| )\d+-\d+-\d+-\d+\.", r"\1ADDRESS.", f"{owner} {kind} {data}")
        return {one(record) for record in records}

    def test_axfr(self):
        missing = self.comparable(self.vector(self.RECORDED)["records"]) - self.comparable(self.had()[1])
        self.assertEqual(missing, {"cluster.local. NS kube-dns.kube-system.svc.cluster.local."},
                         "decided: NS is always ns.dns")

    test_ixfr_fallback = test_nonauth = test_others_are_refused = test_dig_transfers = None


class RecordedPodNamesTransfer(RecordedTransfer):
    RECORDED, FLAGS = "ci-axfr-pods", ["--dns-endpoint-pod-names"]


class Complete(unittest.TestCase):
    def test_every_transfer_is_run_or_left_out_with_a_reason(self):
        run = {"axfr", "ixfr-fallback", "nonauth", "ci-axfr", "ci-axfr-pods"}
        self.assertEqual({t["id"] for t in VECTORS["transfers"]}, run | set(LEFT_OUT_TRANSFERS))
        for name, reason in LEFT_OUT_TRANSFERS.items():
            print(f"transfer {name}: left out: {reason}")


if __name__ == "__main__":
    unittest.main()
