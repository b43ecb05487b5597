"""The snippets of docs/lab.md for dnsmasq and unbound, run as they stand beside fairlead, with a client behind them."""
import re
import unittest
from pathlib import Path

import lab
import manifests
from dns_client import Client

PAGE = Path(__file__).resolve().parents[3] / "docs" / "lab.md"
FAIRLEAD, ROUTER, MACHINE = "192.168.0.2", "192.168.0.1", "192.168.0.9"  # as on the page
WEB = "web.default.svc.cluster.local"


def snippet(language):
    return re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.S | re.M)[1]


class Snippets(lab.LabTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.node = cls.lab.node(addrs=(f"{FAIRLEAD}/24",))
        cls.router = cls.lab.host(cls.node, "router", ROUTER)
        cls.machine = cls.lab.host(cls.node, "machine", MACHINE)
        folder = manifests.Folder(cls.lab.folder / "m")
        folder.put("web", manifests.service("web", "10.96.0.1", [80], type="LoadBalancer"),
                   manifests.slice("web", ["192.168.0.30"], [80]))
        cls.lab.daemon(cls.node, folder, "--no-proxy", "--forward", "none", "--dns-listen", FAIRLEAD, "--dns-zone", "lan",
                       "--lb-pool", "192.168.0.200/29")
        cls.vip = lab.wait_until(lambda: cls.ask(FAIRLEAD, "web.lan"))

    @classmethod
    def ask(cls, server, name):
        try:
            return [record.split()[-1] for record in Client(cls.machine, server, limit_s=1).ask(name).answer]
        except OSError:
            return None

    def assert_names_pass(self):
        lab.equals_within(lambda: self.ask(ROUTER, "web.lan"), self.vip)
        self.assertEqual(self.ask(ROUTER, WEB), ["10.96.0.1"])

    def conf(self, name, text):
        path = self.lab.folder / name
        path.write_text(text)
        return path

    def start(self, *command):
        server = self.router.popen(*command)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

    def test_dnsmasq(self):
        conf = self.conf("dnsmasq.conf", snippet("dnsmasq") + "no-resolv\nno-hosts\n"
                         "user=root\npid-file=\ndhcp-range=192.168.0.100,192.168.0.150\nleasefile-ro\n")
        self.start("dnsmasq", "--keep-in-foreground", "--conf-file=" + str(conf))
        self.assert_names_pass()

    def test_dnsmasq_needs_the_exception(self):
        text = re.sub("^rebind-domain-ok.*\n", "", snippet("dnsmasq"), flags=re.M)
        conf = self.conf("dnsmasq-strict.conf", text + "no-resolv\nno-hosts\nuser=root\npid-file=\n"
                         "dhcp-range=192.168.0.100,192.168.0.150\nleasefile-ro\n")
        self.start("dnsmasq", "--keep-in-foreground", "--conf-file=" + str(conf))
        lab.wait_until(lambda: self.ask(ROUTER, "web.lan") is not None)
        self.assertEqual(self.ask(ROUTER, "web.lan"), [])

    def unbound(self, name, text):
        conf = self.conf(name, f"server:\n    interface: {ROUTER}\n    access-control: 192.168.0.0/24 allow\n"
                         "    username: \"\"\n    chroot: \"\"\n    pidfile: \"\"\n    use-syslog: no\n    do-daemonize: no\n"
                         f"remote-control:\n    control-enable: no\n{text}")
        self.start("unbound", "-d", "-c", conf)

    def test_unbound(self):
        self.unbound("unbound.conf", snippet("unbound"))
        self.assert_names_pass()

    def test_unbound_needs_the_exception(self):
        self.unbound("unbound-strict.conf", re.sub(".*private-domain.*\n", "", snippet("unbound")))
        lab.wait_until(lambda: self.ask(ROUTER, "web.lan") is not None)
        self.assertEqual(self.ask(ROUTER, "web.lan"), [])


if __name__ == "__main__":
    unittest.main()
