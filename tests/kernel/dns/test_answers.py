"""DNS end to end with real dig: record types, absence, message level, TCP, what dig would complain about."""
import unittest

from cluster import ClusterTest, DNS4, DNS6, DOMAIN
import lab
import manifests as m
import traffic

WEB = f"web.shop.{DOMAIN}"
DB = f"db.shop.{DOMAIN}"


class DnsTest(ClusterTest):
    objects = (
        m.namespace("shop"),
        m.namespace("empty"),
        m.service("web", ["10.96.1.1", "fd00:96::1:1"], [m.port(80, "http"), m.port(443, "https"),
                                                         m.port(53, "dns", "UDP")], ns="shop"),
        m.service("v4", "10.96.1.2", [m.port(80)], ns="shop"),
        m.service("db", "None", [m.port(5432, "sql")], ns="shop"),
        m.slice("db", [m.endpoint("10.244.1.1", hostname="db-0"), m.endpoint("10.244.1.2", hostname="db-1"),
                       m.endpoint("10.244.1.3", hostname="db-2", ready=False), m.endpoint("10.244.1.4")],
                [("sql", 5433)], ns="shop"),
        m.slice("db", [m.endpoint("fd00:244::1:1", hostname="db-0")], [("sql", 5433)], ns="shop"),
        m.service("idle", "None", [m.port(80, "http")], ns="shop"),
        m.slice("idle", [m.endpoint("10.244.1.9", ready=False)], [("http", 80)], ns="shop"),
        m.service("docs", ns="shop", type="ExternalName", externalName="www.example.org"),
        m.service("alias", ns="shop", type="ExternalName", externalName=WEB),
        m.service("big", "None", [m.port(80, "http")], ns="shop"),
        m.slice("big", [f"10.245.{n // 100}.{n % 100 + 1}" for n in range(300)], [("http", 80)], ns="shop"),
    )

    def ask(self, name, kind="A", *args, status="NOERROR", server=DNS4):
        """dig must not complain, the answer must be authoritative."""
        reply = self.dig(name, kind, *args, server=server)
        self.assertEqual((reply.status, reply.warnings), (status, []), reply.text)
        self.assertIn("aa", reply.flags, reply.text)
        return reply

    def data(self, *args, **kwargs):
        return sorted(r.data for r in self.ask(*args, **kwargs).answer)

    def absent(self, name, kind, status):
        """No answer, and the SOA says how long that may be believed."""
        reply = self.ask(name, kind, status=status)
        self.assertEqual(reply.answer, [], reply.text)
        self.assertEqual([(r.name.lower(), r.type) for r in reply.authority], [("cluster.local.", "SOA")], reply.text)
        self.assertLessEqual(reply.authority[0].ttl, 5)

    def test_cluster_ip(self):
        self.assertEqual(self.data(WEB, "A"), ["10.96.1.1"])
        self.assertEqual(self.data(WEB, "AAAA"), ["fd00:96::1:1"])
        self.assertEqual(self.ask(WEB).answer[0].ttl, 5)

    def test_over_tcp_and_ipv6(self):
        for server in (DNS4, DNS6):
            for args in ((), ("+tcp",)):
                self.assertEqual(self.data(WEB, "A", *args, server=server), ["10.96.1.1"])

    def test_headless_lists_ready_addresses(self):
        self.assertEqual(self.data(DB, "A"), ["10.244.1.1", "10.244.1.2", "10.244.1.4"])
        self.assertEqual(self.data(DB, "AAAA"), ["fd00:244::1:1"])

    def test_pods_have_names(self):
        self.assertEqual(self.data(f"db-0.{DB}", "A"), ["10.244.1.1"])
        self.assertEqual(self.data(f"db-0.{DB}", "AAAA"), ["fd00:244::1:1"])
        self.assertEqual(self.data(f"10-244-1-4.{DB}", "A"), ["10.244.1.4"])
        self.absent(f"db-1.{DB}", "AAAA", "NOERROR")
        self.absent(f"db-2.{DB}", "A", "NXDOMAIN")  # not ready

    def test_srv(self):
        for reply, port in ((self.ask(f"_http._tcp.{WEB}", "SRV"), 80), (self.ask(f"_dns._udp.{WEB}", "SRV"), 53)):
            fields = [r.data.split() for r in reply.answer]
            self.assertEqual([(int(f[2]), f[3]) for f in fields], [(port, f"{WEB}.")], reply.text)
            self.assertEqual(sorted(r.data for r in reply.additional if r.type in ("A", "AAAA")),
                             ["10.96.1.1", "fd00:96::1:1"])
        fields = [r.data.split() for r in self.ask(f"_sql._tcp.{DB}", "SRV").answer]
        self.assertEqual(sorted((int(f[2]), f[3]) for f in fields),
                         [(5433, f"10-244-1-4.{DB}."), (5433, f"db-0.{DB}."), (5433, f"db-1.{DB}.")])
        self.absent(f"_http._udp.{WEB}", "SRV", "NXDOMAIN")
        self.absent(f"_nothing._tcp.{WEB}", "SRV", "NXDOMAIN")

    def test_ptr(self):
        for addr, names in (("10.96.1.1", [f"{WEB}."]), ("fd00:96::1:1", [f"{WEB}."]),
                            ("10.244.1.1", [f"db-0.{DB}."]), ("fd00:244::1:1", [f"db-0.{DB}."])):
            reply = self.dig("-x", addr)
            self.assertEqual((reply.status, reply.warnings), ("NOERROR", []), reply.text)
            self.assertEqual([r.data for r in reply.answer], names, reply.text)

    def test_txt_soa_ns(self):
        self.assertEqual(self.data("dns-version.cluster.local", "TXT"), ['"1.1.0"'])
        soa = self.ask("cluster.local", "SOA").answer[0].data.split()
        self.assertEqual(soa[:2], ["ns.dns.cluster.local.", "hostmaster.cluster.local."])
        self.assertEqual(soa[3:], ["7200", "1800", "86400", "5"])
        reply = self.ask("cluster.local", "NS")
        self.assertEqual([r.data for r in reply.answer], ["ns.dns.cluster.local."], reply.text)
        self.assertIn(DNS4, self.data("ns.dns.cluster.local", "A"))
        self.assertIn(DNS6, self.data("ns.dns.cluster.local", "AAAA"))

    def test_external_name(self):
        self.assertEqual([(r.type, r.data) for r in self.ask(f"docs.shop.{DOMAIN}", "CNAME").answer],
                         [("CNAME", "www.example.org.")])
        self.assertEqual(self.ask(f"docs.shop.{DOMAIN}", "A").answer[0].data, "www.example.org.")
        # a target inside of the cluster is followed
        self.assertEqual([(r.type, r.data) for r in self.ask(f"alias.shop.{DOMAIN}", "A").answer],
                         [("CNAME", f"{WEB}."), ("A", "10.96.1.1")])

    def test_what_does_not_exist_is_nxdomain(self):
        for name in (f"nope.shop.{DOMAIN}", f"web.nope.{DOMAIN}", f"nope.{DOMAIN}", "nope.cluster.local",
                     f"x.{WEB}", f"a.b.c.d.{WEB}", f"idle.shop.{DOMAIN}", f"*.shop.{DOMAIN}"):
            for kind in ("A", "AAAA", "SRV", "TXT"):
                with self.subTest(name=name, kind=kind):
                    self.absent(name, kind, "NXDOMAIN")

    def test_what_exists_without_such_a_record_is_nodata(self):
        for name, kind in ((f"v4.shop.{DOMAIN}", "AAAA"), (WEB, "TXT"), (WEB, "HTTPS"), (WEB, "MX"),
                           ("dns-version.cluster.local", "A")):
            with self.subTest(name=name, kind=kind):
                self.absent(name, kind, "NOERROR")

    def test_empty_non_terminals_exist(self):
        for name in ("cluster.local", DOMAIN, "pod.cluster.local", f"shop.{DOMAIN}", f"empty.{DOMAIN}",
                     "dns.cluster.local", f"_tcp.{WEB}"):
            for kind in ("A", "TXT"):
                with self.subTest(name=name, kind=kind):
                    self.absent(name, kind, "NOERROR")

    def test_the_case_of_the_question_is_kept(self):
        name = f"WeB.sHoP.{DOMAIN}"
        reply = self.ask(name)
        self.assertEqual([(r.name, r.data) for r in reply.answer], [(f"{name}.", "10.96.1.1")])
        self.assertIn(f";{name}.", reply.text)

    def test_edns(self):
        self.assertRegex(self.ask(WEB, "A", "+bufsize=4096").edns, r"version: 0.*udp: 1232")
        self.assertIsNone(self.ask(WEB, "A", "+noedns").edns)
        self.assertEqual(self.dig(WEB, "A", "+edns=1", "+noednsnegotiation").status, "BADVERS")
        self.ask(WEB, "A", "+nocookie", "+nsid", "+subnet=10.0.0.0/8")

    def test_large_answers_are_truncated_and_fetched_over_tcp(self):
        name = f"big.shop.{DOMAIN}"
        cut = self.dig(name, "A", "+ignore")
        self.assertIn("tc", cut.flags)
        self.assertEqual(cut.status, "NOERROR")
        whole = self.dig(name, "A")
        self.assertIn("Truncated, retrying in TCP mode", whole.text)
        self.assertNotIn("tc", whole.flags)
        self.assertEqual(len({r.data for r in whole.answer}), 300)
        self.assertEqual([w for w in whole.warnings if "Truncated" not in w], [])

    def test_recursion_is_not_complained_about(self):
        reply = self.ask(WEB, "A", "+recurse")
        self.assertIn("ra", reply.flags)
        self.assertNotIn("recursion requested but not available", reply.text)

    def test_outside_of_the_cluster_domain_is_refused(self):
        for name in ("www.example.org", "local", "cluster.locale"):
            self.assertEqual(self.dig(name, "A").status, "REFUSED")
        self.assertEqual(self.dig(WEB, "A", "-c", "CH").status, "REFUSED")

    def test_dig_tells_the_cause(self):
        for name, kind, status, said in (
                (f"nope.shop.{DOMAIN}", "A", "NXDOMAIN", "no Service nope in namespace shop"),
                (f"wbe.shop.{DOMAIN}", "A", "NXDOMAIN", f"did you mean {WEB}"),
                (f"web.shp.{DOMAIN}", "A", "NXDOMAIN", f"did you mean {WEB}"),
                (f"web.nope.{DOMAIN}", "A", "NXDOMAIN", "no namespace nope"),
                ("web.shop.cluster.local", "A", "NXDOMAIN", f"did you mean {WEB}"),
                (f"shop.web.{DOMAIN}", "A", "NXDOMAIN", f"did you mean {WEB}"),
                (f"{WEB}.shop.{DOMAIN}", "A", "NXDOMAIN", "search list was appended twice; end the name with a dot"),
                (f"_htp._tcp.{WEB}", "SRV", "NXDOMAIN", "ports of web: dns/UDP, http/TCP, https/TCP"),
                (f"db-2.{DB}", "A", "NXDOMAIN", "endpoint db-2 exists, not ready; "),
                (f"idle.shop.{DOMAIN}", "A", "NXDOMAIN", "0 of 1 endpoints ready"),
                (WEB, "A", "NOERROR", "0 of 0 endpoints ready: connections are refused"),
                (f"v4.shop.{DOMAIN}", "AAAA", "NOERROR", "Service is IPv4 only"),
                ("www.example.org", "A", "REFUSED", "name is outside the cluster domain: ask another server")):
            with self.subTest(name=name, kind=kind):
                reply = self.dig(name, kind)
                self.assertEqual(reply.status, status, reply.text)
                self.assertIn(f"({said}", reply.text)
                self.assertEqual(self.dig(name, kind, "+noedns").text.count("EDE"), 0)

    def test_names_to_ask(self):
        """For programs that show no extended errors; dig +short shows them."""
        def txt(name):
            return [r.data for r in self.ask(name, "TXT").answer]

        status = txt("status.dns.cluster.local")[0]
        for text in ('"node=node"', f'"source=manifests {self.folder.path}"', '"upstreams=none"', '"sync=in sync"', '"serial='):
            self.assertIn(text, status)
        self.assertIn("not used: not ready", txt("db.shop.why.dns.cluster.local")[0])
        self.assertIn('"service=shop/web" "kind=cluster-ip"', txt("web.shop.why.dns.cluster.local")[0])
        self.absent("why.dns.cluster.local", "TXT", "NOERROR")
        self.absent("nope.shop.why.dns.cluster.local", "TXT", "NXDOMAIN")

    def test_pod_addresses_as_names(self):
        self.assertEqual(self.data("10-1-2-3.shop.pod.cluster.local", "A"), ["10.1.2.3"])
        self.absent("10-1-2-3.nope.pod.cluster.local", "A", "NXDOMAIN")
        self.absent("web.shop.pod.cluster.local", "A", "NXDOMAIN")

    def test_who_asks_does_not_matter(self):
        for ns in (self.client, self.pods["a"], self.node):
            self.assertEqual(self.addresses(WEB, ns=ns), ["10.96.1.1"])

    def test_changes_are_answered_at_once(self):
        self.absent(f"new.shop.{DOMAIN}", "A", "NXDOMAIN")
        self.put("new", m.service("new", "10.96.1.77", [80], ns="shop"))
        self.assertEqual(self.data(f"new.shop.{DOMAIN}"), ["10.96.1.77"])
        self.put("new", m.service("new", "None", [m.port(80)], ns="shop"), m.slice("new", ["10.244.1.77"], [80], ns="shop"))
        self.assertEqual(self.data(f"new.shop.{DOMAIN}"), ["10.244.1.77"])
        self.remove("new")
        self.absent(f"new.shop.{DOMAIN}", "A", "NXDOMAIN")

    def test_the_serial_moves_with_visible_changes_only(self):
        def serial():
            return int(self.ask("cluster.local", "SOA").answer[0].data.split()[2])

        self.put("serial", m.service("serial", "10.96.1.78", [80], ns="shop"))
        one = serial()
        # written again with another annotation only: the marker of settle() is visible, so it is left out here
        changed = m.service("serial", "10.96.1.78", [80], ns="shop")
        changed["metadata"]["annotations"] = {"note": "nothing that DNS shows"}
        self.folder.put("serial", changed)
        self.assertEqual(serial(), one)
        self.put("serial", m.service("serial", "10.96.1.79", [80], ns="shop"))
        lab.wait_until(lambda: serial() != one, what="new serial")


class OtherDomainTest(ClusterTest):
    flags = ("--cluster-domain", "K8s.Example.NET", "--dns-ttl", "30", "--dns-negative-ttl", "7")

    @classmethod
    def settle(cls):
        """The marker of the base class lives in cluster.local."""

    def test_domain_and_ttls(self):
        self.put("web", m.service("web", "10.96.1.1", [80]))
        reply = lab.wait_until(lambda: [r for r in [self.dig("web.default.svc.k8s.example.net")] if r.answer])[0]
        self.assertEqual((reply.answer[0].ttl, reply.answer[0].data), (30, "10.96.1.1"))
        reply = self.dig("nope.default.svc.k8s.example.net")
        self.assertEqual((reply.status, reply.authority[0].ttl), ("NXDOMAIN", 7))
        self.assertEqual(self.dig(f"web.default.{DOMAIN}").status, "REFUSED")


class PortsTest(ClusterTest):
    def test_an_address_in_use_is_left_to_who_has_it(self):
        other = self.lab.daemon(self.node, self.folder, "--dns-listen", DNS4, "--table", "other", start=False)
        other.start(ready=False)
        lab.wait_until(lambda: f"cannot listen on TCP {DNS4}:53: in use by another program; retrying" in other.log())
        self.assertEqual(traffic.dig(self.client, DNS4, f"x.default.{DOMAIN}").status, "NXDOMAIN")


if __name__ == "__main__":
    unittest.main()
