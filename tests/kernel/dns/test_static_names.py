"""--dns-hosts: static names beside those of Services, followed as the file changes."""
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
        self.hosts.write_text("# empty\n")
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


if __name__ == "__main__":
    unittest.main()
