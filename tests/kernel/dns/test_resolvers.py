"""
What pods' own resolvers make of our answers: glibc's getent, a static musl program, dig +search, each in a namespace
with the resolv.conf of a pod. The scenarios are those of Kubernetes' e2e tests (vectors/dns.json, e2e) and of people's
notes: waiting for a service, StatefulSet names, a pod that comes back with another address, short names, named ports.
"""
import json
import re
import unittest
from pathlib import Path

import lab
import manifests
from pod_resolvers import PodResolvers

TESTS = Path(__file__).resolve().parents[2]
E2E = json.loads((TESTS / "vectors" / "dns.json").read_text())["e2e"]["tests"]
SERVER, NS, D = "10.96.0.10", "dns-1234", "cluster.local"
SEARCH = f"{NS}.svc.{D} svc.{D} {D}"
HTTP = [manifests.port(80, "http")]

LEFT_OUT = {
    1: "asks outside of the cluster: comes with the forwarder",
    3: "/etc/hosts of the container: the kubelet's",
    9: "content of the pod's resolv.conf: the kubelet's, and `fairlead resolvconf`",
    10: "content of the pod's resolv.conf: the kubelet's, and `fairlead resolvconf`",
    15: "no question asked: the pod's own hostname", 16: "no question asked: the pod's own hostname",
    17: "stub domains: come with the forwarder", 18: "asks outside of the cluster: comes with the forwarder",
    19: "asks outside of the cluster: comes with the forwarder",
}


class Resolvers(lab.LabTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.end)
        cls.pod = cls.lab.ns("pod")
        cls.pod.add_addr(SERVER)
        cls.pod.add_addr("fd00:244::5")  # getent asks for AAAA only where there is an IPv6 address
        cls.folder = manifests.Folder(cls.lab.folder / "m")
        cls.folder.put("base", manifests.namespace(NS), manifests.namespace("prod"),
                       manifests.service("kubernetes", "10.96.0.1", [manifests.port(443, "https")]),
                       manifests.service("web", "10.96.0.20", HTTP, ns=NS),
                       manifests.service("web", "10.96.0.21", HTTP, ns="prod"),
                       manifests.service("1kubernetes", "10.96.0.22", HTTP, ns=NS),
                       manifests.service("dual", ["10.96.0.30", "fd00:96::30"], HTTP, ns=NS),
                       manifests.service("test-service-2", "10.96.0.40", HTTP, ns=NS))
        cls.querier("10.244.0.5")
        cls.lab.daemon(cls.pod, cls.folder, "--no-proxy", "--dns-listen", f"{SERVER}:53", "--healthz-bind-address", "",
                       "--metrics-bind-address", "")
        cls.own = PodResolvers(cls.pod, cls.lab.folder, SERVER, SEARCH)
        cls.in_pod, cls.glibc, cls.dig = cls.own.run, cls.own.glibc, cls.own.dig

    @classmethod
    def querier(cls, addr):
        cls.folder.put("querier", manifests.service("dns-test-service", "None", HTTP, ns=NS),
                       manifests.slice("dns-test-service", [manifests.endpoint(addr, hostname="dns-querier-1")],
                                       [("http", 80)], ns=NS))

    def of_musl(self, name):
        if self.own.musl is None:
            self.skipTest("musl-gcc (package musl-tools) is not installed")
        return self.own.of_musl(name)

    def check(self, name, *addresses):
        self.assertEqual(self.glibc(name), sorted(addresses), f"glibc {name}")
        self.assertEqual(self.of_musl(name), sorted(addresses), f"musl {name}")

    # ---- e2e of Kubernetes, by their place in the file ----

    def test_every_e2e_row_is_here_or_left_out_with_a_reason(self):
        here = {int(n) for name in dir(self) for n in re.findall(r"_e2e((?:_\d+)+)$", name) for n in n.split("_")[1:]}
        self.assertEqual(sorted([*here, *LEFT_OUT]), list(range(len(E2E))))
        for at, reason in LEFT_OUT.items():
            print(f"e2e {at} {E2E[at]['title']}: left out: {reason}")

    def test_cluster_names_e2e_0_2(self):
        for name in ("kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{D}",
                     f"kubernetes.default.svc.{D}."):
            self.check(name, "10.96.0.1")
        self.check(f"dns-querier-1.dns-test-service.{NS}.svc.{D}", "10.244.0.5")

    def test_services_e2e_4_5_14(self):
        for suffix in ("", f".{NS}", f".{NS}.svc", f".{NS}.svc.{D}"):
            self.check(f"dns-test-service{suffix}", "10.244.0.5")
            self.assertEqual(self.dig(f"dns-test-service{suffix}", "A"), ["10.244.0.5"])
            self.assertEqual(self.dig(f"dns-test-service{suffix}", "A", "+tcp"), ["10.244.0.5"])
        for suffix in (f".{NS}.svc", f".{NS}.svc.{D}"):
            self.assertEqual(self.dig(f"_http._tcp.dns-test-service{suffix}", "SRV"),
                             [f"0 100 80 dns-querier-1.dns-test-service.{NS}.svc.{D}."])
            self.assertEqual(self.dig(f"_http._tcp.test-service-2{suffix}", "SRV"),
                             [f"0 100 80 test-service-2.{NS}.svc.{D}."])
        self.assertEqual(self.dig("-x", "10.96.0.40"), [f"test-service-2.{NS}.svc.{D}."])

    def test_pod_hostnames_e2e_6_7(self):
        self.check(f"dns-querier-1.dns-test-service.{NS}.svc.{D}", "10.244.0.5")
        self.check("dns-querier-1.dns-test-service", "10.244.0.5")

    def test_external_name_follows_its_changes_e2e_8(self):
        name = f"dns-test-service-3.{NS}.svc.{D}"
        for target in ("foo.example.com", "bar.example.com"):
            self.folder.put("ext", manifests.service("dns-test-service-3", (), (), ns=NS, type="ExternalName",
                                                     externalName=target))
            lab.wait_until(lambda: self.dig(name, "CNAME") == [f"{target}."], what=target)
        self.folder.put("ext", manifests.service("dns-test-service-3", "10.96.0.50", HTTP, ns=NS))
        lab.wait_until(lambda: self.dig(name, "A") == ["10.96.0.50"], what="ClusterIP")
        self.check("dns-test-service-3", "10.96.0.50")

    def test_long_and_odd_search_paths_e2e_11_12(self):
        long = self.lab.folder / "long.conf"
        extra = [f"d{n}.{'x' * 38}.com" for n in range(6)]
        for search in (" ".join([SEARCH, *extra]), f"{SEARCH} . _sip._tcp.abc_d.example.com"):
            long.write_text(f"nameserver {SERVER}\nsearch {search}\noptions ndots:5\n")
            for name in ("kubernetes.default", "kubernetes.default.svc"):
                self.assertEqual(self.glibc(name, long), ["10.96.0.1"])
                self.assertEqual(self.dig(name, "A", conf=long), ["10.96.0.1"])

    def test_names_that_start_with_a_digit_e2e_13(self):
        for name in (f"1kubernetes.{NS}", f"1kubernetes.{NS}.svc"):
            self.check(name, "10.96.0.22")

    def test_ten_thousand_services_e2e_20(self):
        services = [manifests.service(f"svc-{n}", f"10.100.{n // 250}.{n % 250 + 1}", HTTP, ns="scale")
                    for n in range(10_000)]
        self.folder.put("scale", *services)
        lab.wait_until(lambda: self.dig(f"svc-9999.scale.svc.{D}", "A") == ["10.100.39.250"], what="10 000 services")
        batch = self.lab.folder / "batch"
        asked = range(0, 10_000, 20)
        batch.write_text("".join(f"svc-{n}.scale.svc.{D} A\n" for n in asked))
        done = self.in_pod("dig", "+short", "-f", batch)
        self.assertEqual(done.stdout.split(), [f"10.100.{n // 250}.{n % 250 + 1}" for n in asked])
        self.folder.remove("scale")
        lab.wait_until(lambda: self.dig(f"svc-9999.scale.svc.{D}", "A") == [], what="services gone")

    # ---- notes ----

    def test_short_names(self):
        self.check("web", "10.96.0.20")
        self.check("web.prod", "10.96.0.21")
        self.check("web.prod.svc", "10.96.0.21")
        self.check(f"web.prod.svc.{D}", "10.96.0.21")
        self.check(f"web.prod.svc.{D}.", "10.96.0.21")
        self.check("WEB", "10.96.0.20")
        self.check("dual", "10.96.0.30", "fd00:96::30")

    def test_waiting_for_a_service(self):
        """until nslookup myservice…; do sleep; done: fails cleanly, then succeeds at the next try."""
        name = f"myservice.{NS}.svc.{D}"
        done = self.in_pod("nslookup", name)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("NXDOMAIN", done.stdout)
        self.assertIsNone(self.glibc(f"{name}."))
        self.assertIsNone(self.of_musl(f"{name}."))
        self.folder.put("mine", manifests.service("myservice", "10.96.0.60", HTTP, ns=NS))
        lab.wait_until(lambda: self.in_pod("nslookup", name).returncode == 0, what="nslookup succeeds")
        self.check("myservice", "10.96.0.60")

    def stateful_set(self, *addrs):
        endpoints = [manifests.endpoint(addr, hostname=f"mysql-{n}") for n, addr in enumerate(addrs)]
        ports = [("mysql", 3306)]
        self.folder.put("mysql", manifests.service("mysql", "None", [manifests.port(3306, "mysql")], ns=NS),
                        manifests.slice("mysql", endpoints, ports, ns=NS),
                        manifests.service("mysql-read", "10.96.0.70", [manifests.port(3306, "mysql")], ns=NS),
                        manifests.slice("mysql-read", endpoints, ports, ns=NS))

    def test_stateful_set_and_a_pod_that_comes_back(self):
        self.stateful_set("10.244.1.1", "10.244.1.2")
        lab.wait_until(lambda: self.glibc("mysql") == ["10.244.1.1", "10.244.1.2"], what="both pods")
        self.check("mysql-0.mysql", "10.244.1.1")
        self.check(f"mysql-1.mysql.{NS}.svc.{D}", "10.244.1.2")
        self.check("mysql-read", "10.96.0.70")
        self.stateful_set("10.244.1.99", "10.244.1.2")
        lab.wait_until(lambda: self.glibc("mysql-0.mysql") == ["10.244.1.99"], what="the new address")
        self.check("mysql", "10.244.1.2", "10.244.1.99")
        self.assertEqual(self.dig("-x", "10.244.1.1"), [])

    def test_named_ports(self):
        ports = [manifests.port(80, "http"), manifests.port(443, "https"), manifests.port(53, "dns", "UDP")]
        self.folder.put("many", manifests.service("many", "10.96.0.80", ports, ns=NS))
        want = {"_http._tcp": 80, "_https._tcp": 443, "_dns._udp": 53}
        lab.wait_until(lambda: self.dig(f"many.{NS}.svc.{D}", "A"), what="the service")
        for name, number in want.items():
            self.assertEqual(self.dig(f"{name}.many.{NS}.svc", "SRV"), [f"0 100 {number} many.{NS}.svc.{D}."])
        self.assertEqual(self.dig(f"_dns._tcp.many.{NS}.svc.{D}", "SRV"), [])

    def test_one_family_does_not_hide_the_other(self):
        """musl gives a name up when one family says NXDOMAIN: services of one family must answer NODATA to the other."""
        self.folder.put("six", manifests.service("six", "fd00:96::6", HTTP, ns=NS))
        lab.wait_until(lambda: self.glibc("six") == ["fd00:96::6"], what="the IPv6 service")
        self.check("six", "fd00:96::6")
        self.check("web", "10.96.0.20")

    def test_dig_has_nothing_to_complain_about(self):
        out = self.in_pod("dig", f"web.{NS}.svc.{D}").stdout
        self.assertNotIn("recursion requested but not available", out)
        self.assertIn("flags: qr aa rd ra", out)


if __name__ == "__main__":
    unittest.main()
