"""Which upstream servers are asked for which names: a followed resolv.conf, stub domains, policies, probes, loops."""
import os
import time
import unittest

import lab
import manifests
from dns_client import Client
from upstream import Upstream


class Upstreams(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.client = Client(self.node, limit_s=20)

    def upstream(self, port, address="127.0.0.1"):
        up = Upstream(self.node, port, address)
        self.addCleanup(up.close)
        return up

    def daemon(self, *flags):
        return self.lab.daemon(self.node, self.folder, "--no-proxy", "--forward-timeout", "1s", *flags)

    def test_none_is_refused(self):
        self.daemon("--forward", "none")
        reply = self.client.ask("www.example.com", edns=1232)
        self.assertEqual(reply.rcode, "REFUSED")

    def test_stub_domains(self):
        other, corp, deep = (self.upstream(port) for port in (5301, 5302, 5303))
        self.daemon("--forward", "127.0.0.1:5301", "--stub-domain", "corp.example=127.0.0.1:5302",
                    "--stub-domain", "lab.corp.example=127.0.0.1:5303", "--stub-domain", "10.in-addr.arpa=127.0.0.1:5303")
        for name in ("www.example.com", "a.Corp.example", "corp.example", "x.lab.corp.example", "notcorp.example"):
            self.assertEqual(self.client.ask(name).rcode, "NOERROR")
        self.client.ask("1.0.0.10.in-addr.arpa", "PTR")  # answered here without the stub domain
        self.assertEqual(other.names(), ["www.example.com", "notcorp.example"])
        self.assertEqual(corp.names(), ["a.corp.example", "corp.example"])
        self.assertEqual(deep.names(), ["x.lab.corp.example", "1.0.0.10.in-addr.arpa"])

    def test_stub_domains_beside_none(self):
        corp = self.upstream(5302)
        self.daemon("--forward", "none", "--stub-domain", "corp.example=127.0.0.1:5302")
        self.assertEqual(self.client.ask("a.corp.example").rcode, "NOERROR")
        self.assertEqual(self.client.ask("a.example").rcode, "REFUSED")
        self.assertEqual(self.client.ask("localhost").rcode, "NOERROR")
        self.assertEqual(corp.names(), ["a.corp.example"])

    def test_tcp_only(self):
        up = self.upstream(5301)
        self.daemon("--forward", "127.0.0.1:5301", "--forward-tcp")
        self.assertEqual(self.client.ask("www.example.com").rcode, "NOERROR")
        self.assertEqual({proto for *_, proto in up.asked + up.probes}, {"tcp"})

    def test_round_robin_and_sequential(self):
        ups = [self.upstream(port) for port in (5301, 5302)]
        both = ("--forward", "127.0.0.1:5301,127.0.0.1:5302", "--forward-policy")
        daemon = self.daemon(*both, "round_robin")
        for i in range(10):
            self.client.ask(f"r{i}.example.com")
        self.assertEqual([len(up.asked) for up in ups], [5, 5])
        daemon.stop()
        self.daemon(*both, "sequential")
        for i in range(10):
            self.client.ask(f"s{i}.example.com")
        self.assertEqual([len(up.asked) for up in ups], [15, 5])

    def test_back_within_a_second_of_its_return(self):
        """Without a question of a client: a probe finds it."""
        first, second = (self.upstream(port) for port in (5301, 5302))
        self.daemon("--forward", "127.0.0.1:5301,127.0.0.1:5302", "--forward-policy", "sequential")
        first.silent = True
        for i in range(3):
            self.client.ask(f"down{i}.example.com")
        asked = len(first.asked)
        self.client.ask("aside.example.com")
        self.assertEqual(len(first.asked), asked, "left aside")
        best = 9
        for i in range(5):
            first.silent = False
            start, probes = time.monotonic(), len(first.probes)
            lab.wait_until(lambda: len(first.probes) > probes)
            lab.wait_until(lambda i=i: self.client.ask(f"up{i}-{time.monotonic_ns()}.example.com").rcode == "NOERROR"
                           and len(first.asked) > asked)
            best = min(best, time.monotonic() - start)
            first.silent = True
            for k in range(3):
                self.client.ask(f"again{i}-{k}.example.com")
            asked = len(first.asked)
        self.assertLess(best, 1)
        self.assertTrue(second.asked)

    # ---- resolv.conf ----

    def _asks(self, up, others=()):
        """Names go to `up` soon, and no more to the others."""
        def there():
            before = len(up.asked)
            self.client.ask(f"t{time.monotonic_ns()}.example.com")
            return len(up.asked) > before
        lab.wait_until(there)
        counts = [len(other.asked) for other in others]
        self.client.ask(f"t{time.monotonic_ns()}.example.com")
        self.assertEqual([len(other.asked) for other in others], counts)

    def test_a_resolv_conf_is_followed(self):
        one, two = self.upstream(53, "127.0.0.11"), self.upstream(53, "127.0.0.12")
        real = self.lab.folder / "etc" / "real"
        real.mkdir(parents=True)
        conf, other = real / "resolv.conf", self.lab.folder / "other.conf"
        conf.write_text("nameserver 127.0.0.11\n")
        other.write_text("nameserver 127.0.0.12\nsearch x\n")
        link = self.lab.folder / "resolv.conf"
        link.symlink_to("etc/real/resolv.conf")
        daemon = self.daemon("--forward", link)
        self._asks(one, [two])
        conf.write_text("nameserver 127.0.0.12\n")  # in place
        self._asks(two, [one])
        (real / "new").write_text("nameserver 127.0.0.11\n")
        os.rename(real / "new", conf)  # replaced
        self._asks(one, [two])
        (self.lab.folder / "new").symlink_to(other)
        os.rename(self.lab.folder / "new", link)  # a changed link
        self._asks(two, [one])
        other.unlink()  # nothing is forgotten
        lab.wait_until(lambda: "the servers that it named before are asked" in daemon.log())
        self._asks(two, [one])
        other.write_text("# no server\n")
        other.write_text("nameserver 127.0.0.11\n")
        self._asks(one, [two])
        (self.lab.folder / "v2").mkdir()
        (self.lab.folder / "v2" / "resolv.conf").write_text("nameserver 127.0.0.12\n")
        os.rename(self.lab.folder / "etc" / "real", self.lab.folder / "etc" / "v1")
        (self.lab.folder / "etc" / "real").symlink_to("../v2")
        link.unlink()
        link.symlink_to("etc/real/resolv.conf")  # a link on the way
        self._asks(two, [one])

    def test_a_resolv_conf_that_comes_later(self):
        up = self.upstream(53, "127.0.0.11")
        conf = self.lab.folder / "later" / "resolv.conf"
        daemon = self.daemon("--forward", conf)
        self.assertIn("names outside the cluster are answered SERVFAIL", daemon.log())
        self.assertEqual(self.client.ask("www.example.com").rcode, "SERVFAIL")
        conf.parent.mkdir()
        conf.write_text("nameserver 127.0.0.11\n")
        self._asks(up)

    # ---- loops ----

    def test_own_address_as_upstream(self):
        up = self.upstream(5301)
        daemon = self.daemon("--forward", "127.0.0.1,127.0.0.1:5301", "--forward-policy", "sequential")
        lab.wait_until(lambda: "upstream 127.0.0.1:53 leads back to this server" in daemon.log())
        for i in range(5):
            start = time.monotonic()
            self.assertEqual(self.client.ask(f"n{i}.example.com").rcode, "NOERROR")
            self.assertLess(time.monotonic() - start, 0.9, "not asked any more")
        self.assertEqual(len(up.asked), 5)
        self.assertEqual(daemon.log().count("leads back"), 1)

    def test_loop_through_a_stub_domain_and_another_server(self):
        """The other server forwards all to us."""
        self.daemon("--forward", "none")
        second = lab.Daemon(self.node, ["--manifests", self.folder.path, "--no-proxy", "--dns-listen", "127.0.0.1:5353",
                                        "--healthz-bind-address", "", "--metrics-bind-address", "",
                                        "--forward", "127.0.0.1:5354"], self.lab.folder / "second")
        first = lab.Daemon(self.node, ["--manifests", self.folder.path, "--no-proxy", "--dns-listen", "127.0.0.1:5354",
                                       "--healthz-bind-address", "", "--metrics-bind-address", "",
                                       "--forward", "none", "--stub-domain", "corp.example=127.0.0.1:5353"],
                           self.lab.folder / "first")
        for daemon in (second, first):
            daemon.folder.mkdir()
            self.lab.daemons.append(daemon)
            daemon.start()
        lab.wait_until(lambda: "upstream 127.0.0.1:5353 leads back to this server" in first.log())


if __name__ == "__main__":
    unittest.main()
