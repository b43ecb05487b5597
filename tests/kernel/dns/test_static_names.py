"""Names for the local network: --dns-hosts, followed as the file changes, and --dns-zone."""
import os
import signal
import unittest

import lab
import manifests
from dns_client import Client

WEB = "web.default.svc.cluster.local"


class StaticNames(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80]), manifests.slice("web", ["10.244.0.7"], [80]))
        self.client = Client(self.node, limit_s=20)
        self.hosts = self.lab.folder / "hosts"

    def daemon(self, *flags):
        return self.lab.daemon(self.node, self.folder, "--no-proxy", "--forward", "none", "--dns-hosts", self.hosts, *flags)

    def addresses(self, name, kind="A"):
        reply = self.client.ask(name, kind)
        return [record.split()[-1] for record in reply.answer] or reply.rcode

    def assert_becomes(self, name, expected, kind="A"):
        lab.equals_within(lambda: self.addresses(name, kind), expected)

    def replace(self, text):
        new = self.lab.folder / "new"
        new.write_text(text)
        os.rename(new, self.hosts)

    def test_file_is_followed(self):
        self.hosts.write_text("192.168.1.5 nas.lan nas\n2001:db8::5 nas.lan\n")
        daemon = self.daemon()
        self.assertEqual(self.addresses("nas.lan"), ["192.168.1.5"])
        self.assertEqual(self.addresses("NAS.lan.", "AAAA"), ["2001:db8::5"])
        self.assertEqual(self.addresses("5.1.168.192.in-addr.arpa", "PTR"), ["nas.lan."])
        self.assertEqual(self.addresses("nas", "AAAA"), "NOERROR")
        self.assertEqual(self.addresses("other.lan"), "REFUSED")
        self.assertEqual(self.addresses(WEB), ["10.96.0.1"])
        self.hosts.write_text("192.168.1.6 nas.lan\n")  # in place
        self.assert_becomes("nas.lan", ["192.168.1.6"])
        self.replace("192.168.1.7 nas.lan\n")
        self.assert_becomes("nas.lan", ["192.168.1.7"])
        self.hosts.unlink()
        lab.wait_until(lambda: "No such file or directory; the names that it had before stay" in daemon.log())
        self.assertEqual(self.addresses("nas.lan"), ["192.168.1.7"])
        self.replace("<html>\n")
        lab.wait_until(lambda: "no line of a hosts file; the names that it had before stay" in daemon.log())
        self.assertEqual(self.addresses("nas.lan"), ["192.168.1.7"])
        os.mkfifo(self.lab.folder / "new")
        os.rename(self.lab.folder / "new", self.hosts)  # has no writer: to open it would take for ever
        lab.wait_until(lambda: "it is not a regular file; the names that it had before stay" in daemon.log())
        daemon.call("services")  # the main thread does not wait
        self.assertEqual(self.addresses("nas.lan"), ["192.168.1.7"])
        self.replace("# empty\n")
        self.assert_becomes("nas.lan", "REFUSED")

    def test_bad_lines_are_named_once(self):
        self.hosts.write_text("1.2.3 x\n192.168.1.5 nas.lan a..b\n127.0.0.1 localhost\n1.2.3 y\n192.168.1.6 " + WEB + "\n")
        daemon = self.daemon()
        self.assertEqual(self.addresses("nas.lan"), ["192.168.1.5"])
        self.assertEqual(self.addresses(WEB), ["10.96.0.1"])
        for line in ('line 1, 4: "1.2.3" is not an address', 'line 2: "a..b" is not a host name',
                     'line 3: "localhost" is at a loopback address', f'line 5: "{WEB}" is in the cluster domain'):
            self.assertEqual(daemon.log().count(f"{self.hosts}: {line}"), 1, daemon.log())
        daemon.process.send_signal(signal.SIGHUP)
        self.hosts.write_text("192.168.1.9 nas.lan\n")
        self.assert_becomes("nas.lan", ["192.168.1.9"])
        self.assertEqual(daemon.log().count('line 1, 4: "1.2.3"'), 1)

    def test_file_that_comes_later(self):
        daemon = self.daemon()
        self.assertIn(f"{self.hosts}: No such file or directory; no static names are served", daemon.log())
        self.hosts.write_text("192.168.1.5 nas.lan\n")
        self.assert_becomes("nas.lan", ["192.168.1.5"])

    # ---- --dns-zone ----

    def zone(self, *flags):
        """Its names are there some milliseconds after the first state."""
        daemon = self.daemon("--dns-zone", "lan", "--lb-pool", "192.168.0.200/29", *flags)
        lab.wait_until(lambda: self.addresses("nothing.lan") == "NXDOMAIN", what="the zone")
        return daemon

    def put(self, name, *ips, hostname=None, created=None, **spec):
        service = manifests.service(name, ips, [80], **spec)
        if hostname:
            service["metadata"]["annotations"] = {"fairlead/hostname": hostname}
        if created:
            service["metadata"]["creationTimestamp"] = created
        self.folder.put(name, service)

    def test_zone(self):
        self.hosts.write_text("192.168.0.5 nas.lan\n")
        self.put("shop", type="LoadBalancer", hostname="Shop.Example.lan., files.lan")
        self.put("ext", externalIPs=["192.168.0.77"])
        self.folder.put("db", manifests.service("db", "None", [5432]), manifests.slice("db", ["192.168.0.30"], [5432]))
        daemon = self.zone()
        vip = self.addresses("shop.lan")
        self.assertRegex(vip[0], r"^192\.168\.0\.20\d$")
        self.assertEqual(self.addresses("files.lan"), vip)
        self.assertEqual(self.addresses("shop.example.lan"), vip)
        self.assertEqual(self.addresses("example.lan"), "NOERROR")
        self.assertEqual(self.addresses("ext.lan"), ["192.168.0.77"])
        self.assertEqual(self.addresses("web.lan"), ["10.96.0.1"])
        self.assertEqual(self.addresses("db.lan"), ["192.168.0.30"])
        self.assertEqual(self.addresses("nope.lan"), "NXDOMAIN")
        reverse = ".".join(reversed(vip[0].split("."))) + ".in-addr.arpa"
        self.assertEqual(self.addresses(reverse, "PTR"), ["shop.example.lan."])
        self.assertEqual(self.addresses("1.0.96.10.in-addr.arpa", "PTR"), [f"{WEB}."])
        self.assertEqual(self.addresses("30.0.168.192.in-addr.arpa", "PTR"), "REFUSED")
        self.put("nas", "10.96.0.9")
        self.put("zoo", "10.96.0.8", hostname="files.lan, tv.home")
        self.assert_becomes("zoo.lan", ["10.96.0.8"])
        for line in ("service default/nas: not named nas.lan: --dns-hosts has that name",
                     "service default/zoo: not named files.lan: service default/shop is",
                     "service default/zoo: not named tv.home: fairlead/hostname is for names below --dns-zone lan"):
            lab.wait_until(lambda line=line: line in daemon.log(), what=line)
        self.assertEqual(self.addresses("nas.lan"), ["192.168.0.5"])
        self.hosts.write_text("# no names\n")
        self.assert_becomes("nas.lan", ["10.96.0.9"])
        self.folder.remove("shop.json")
        self.assert_becomes("files.lan", ["10.96.0.8"])
        self.assertEqual(daemon.log().count("not named nas.lan"), 1)

    def test_name_of_the_older_service(self):
        self.put("a", "10.96.0.2", hostname="tv.lan")
        self.put("b", "10.96.0.3", hostname="tv.lan", created="2020-01-01T00:00:00Z")
        self.zone()
        self.assert_becomes("tv.lan", ["10.96.0.3"])

    def test_flags_that_contradict(self):
        for flags, said in ((["--dns-zone", "x.cluster.local"], "in the cluster domain"),
                            (["--dns-zone", "lan", "--stub-domain", "a.lan=127.0.0.1"], "a --stub-domain is at or below it"),
                            (["--dns-zone", "-bad-"], "must be a domain name")):
            done = self.node.run(lab.BUILD / "fairlead", "run", "--manifests", self.folder.path, *flags, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"--dns-zone {flags[1]}: {said}", done.stderr)


if __name__ == "__main__":
    unittest.main()
