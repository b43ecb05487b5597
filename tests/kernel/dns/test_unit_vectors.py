"""The `unit` rows of tests/vectors/dns.json that are about cluster zones, asked of the real daemon; others with reasons."""
import socket
import unittest

import lab
from test_vectors import VECTORS, Server, manifests_of

UNIT = VECTORS["unit"]
HERE = {"services_lookup", "endpoint_hostname", "config_ttl", "parse_request", "soa_serial_changes"}
LEFT_OUT = {
    "ns_addrs": "decided: NS is always ns.dns with the addresses that the server listens on",
    "external_lookup": "k8s_external is not offered",
    "metadata": "CoreDNS's internal labels of a query",
    "namespace_filter": "`namespaces` and `namespace_labels` are not offered",
    "in_search_path": "test_autopath",
}


def service(name, ports=("http",), **spec):
    ports = [{"name": p, "protocol": "TCP", "port": 80 + n} for n, p in enumerate(ports)]
    spec = {"type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ports": ports, **spec}
    if spec["type"] == "ExternalName":
        spec = {key: value for key, value in spec.items() if not key.startswith("clusterIP")}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "ns"}, "spec": spec}


def headless(name, endpoint, family):
    return [service(name, clusterIP="None", clusterIPs=["None"]),
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
             "metadata": {"name": name, "namespace": "ns", "labels": {"kubernetes.io/service-name": name}},
             "endpoints": [endpoint], "ports": [{"name": "http", "protocol": "TCP", "port": 80}]}]


class Units(unittest.TestCase):
    def server(self, objects, flags=(), ttl=5):
        server = Server(objects, ttl, flags)
        self.addCleanup(server.end)
        return server

    def test_every_unit_is_here_or_left_out_with_a_reason(self):
        self.assertEqual(set(UNIT), HERE | set(LEFT_OUT))
        for name, reason in LEFT_OUT.items():
            print(f"unit {name}: left out: {reason}")

    def test_services_lookup(self):
        client = self.server(manifests_of({"fixtures": "services"}), ["--cluster-domain", "interwebs.test"]).client
        asked = 0
        for row in UNIT["services_lookup"]["rows"]:
            if "clusterset" in row["Qname"]:
                continue  # multicluster services are not offered
            reply = client.ask(row["Qname"], row["Qtype"])
            records = reply.extra if row["Qtype"] == "SRV" else reply.answer
            self.assertEqual(sorted(r.split(" ")[4].rstrip(".") for r in records),
                             sorted(host.split(" ")[0] for host in row["Hosts"]), row["Qname"])
            asked += 1
        self.assertEqual(asked, 6)

    def test_endpoint_hostname(self):
        rows = UNIT["endpoint_hostname"]["rows"]
        for pod_names in (False, True):
            objects, names = [], {}
            for n, row in enumerate(r for r in rows if r["endpoint_pod_names"] == pod_names):
                endpoint = {"addresses": [row["ip"]], "conditions": {"ready": True}}
                if row["hostname"]:
                    endpoint["hostname"] = row["hostname"]
                if row["pod_name"]:
                    endpoint["targetRef"] = {"kind": "Pod", "name": row["pod_name"], "namespace": "ns"}
                objects += headless(f"s{n}", endpoint, "IPv6" if ":" in row["ip"] else "IPv4")
                names[f"{row['expected']}.s{n}.ns.svc.cluster.local"] = row["ip"]
            client = self.server(objects, ["--dns-endpoint-pod-names"] if pod_names else []).client
            for name, ip in names.items():
                family = socket.AF_INET6 if ":" in ip else socket.AF_INET
                reply = client.ask(name, "AAAA" if ":" in ip else "A")
                self.assertEqual([socket.inet_pton(family, r.split(" ")[4]) for r in reply.answer],
                                 [socket.inet_pton(family, ip)], name)

    def test_config_ttl(self):
        self.assertTrue(UNIT["config_ttl"]["rows"])
        program = lab.BUILD / "fairlead"
        with lab.Lab() as place:
            ns = place.ns("ttl")
            for bad in ("-1", "3601"):
                done = ns.run(program, "run", "--manifests", place.folder, "--dns-ttl", bad, check=False)
                self.assertEqual(done.returncode, 2, bad)
                self.assertIn("--dns-ttl", done.stderr)
        client = self.server([service("s")], ttl=56).client
        self.assertEqual(client.ask("s.ns.svc.cluster.local").answer, ["s.ns.svc.cluster.local. 56 IN A 10.96.0.1"])

    def test_parse_request_invalid_names_do_not_exist(self):
        client = self.server([service("webs")], ["--cluster-domain", "inter.webs.tests"]).client
        for row in UNIT["parse_request"]["invalid"]:
            name = row["qname"].replace("webs.test.", "webs.tests.").replace("mynamespace", "ns")
            self.assertEqual(client.ask(name).rcode, "NXDOMAIN", name)
        for name in ("inter.webs.tests.", "svc.inter.webs.tests.", "pod.inter.webs.tests.",
                     "webs.ns.svc.inter.webs.tests."):
            self.assertEqual(client.ask(name).rcode, "NOERROR", name)

    def test_soa_serial_changes(self):
        """
        The rows that must move it. Those that must not are test_answers' test_the_serial_moves_with_visible_changes_only,
        those about pods test_zone's serial_moves_only_when_visible.
        """
        server = self.server([])
        objects = {None: [], "service": [service("s")],
                   "service with externalIPs": [service("s", externalIPs=["10.0.0.1"])],
                   "externalName a": [service("s", (), type="ExternalName", externalName="a.test")],
                   "externalName b": [service("s", (), type="ExternalName", externalName="b.test")],
                   "port name test1": [service("s", ("test1",))], "port name test2": [service("s", ("test2",))],
                   "port test1": [service("s", ("test1",))], "ports test2,test3": [service("s", ("test2", "test3"))]}

        def serial():
            return int(server.client.ask("cluster.local", "SOA").answer[0].split()[6])

        def apply(key):
            before = serial()
            server.apply(objects[key], [] if objects[key] else [service("s")])
            lab.wait_until(lambda: serial() != before, what=f"serial moves to {key}")

        at, asked = None, 0
        for row in UNIT["soa_serial_changes"]["rows"]:
            if not row["internal"] or "pod" in str(row["old"]):
                continue
            if row["old"] != at:
                apply(row["old"])
            apply(row["new"])
            at, asked = row["new"], asked + 1
        self.assertEqual(asked, 7)


if __name__ == "__main__":
    unittest.main()
