"""`fairlead resolvconf`: the pod's resolv.conf, with and without a daemon."""
import subprocess
import unittest

import manifests
import scenes
from lab import BUILD


def resolvconf(*flags, given=None):
    return subprocess.run([BUILD / "fairlead", "resolvconf", "--control", "/nonexistent/socket", *flags], input=given, text=True,
                          capture_output=True, check=False)


class WithoutDaemon(unittest.TestCase):
    CLUSTER = ("--cluster-dns", "10.96.0.10,fd00::a", "--node-resolv-conf", "-")

    def lines(self, *flags, given=""):
        done = resolvconf(*flags, given=given)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_cluster_first(self):
        self.assertEqual(self.lines("--namespace", "shop", *self.CLUSTER, given="search corp.example\noptions rotate"),
                         ["search shop.svc.cluster.local svc.cluster.local cluster.local corp.example",
                          "nameserver 10.96.0.10", "nameserver fd00::a", "options ndots:5"])

    def test_host_network(self):
        host = "nameserver 192.0.2.1\nsearch corp.example\noptions rotate\n"
        want = ["search corp.example", "nameserver 192.0.2.1", "options rotate"]
        self.assertEqual(self.lines("--host-network", *self.CLUSTER, given=host), want)
        self.assertEqual(self.lines("--policy", "Default", *self.CLUSTER, given=host), want)
        self.assertIn("nameserver 10.96.0.10", self.lines("--policy", "ClusterFirstWithHostNet", "--host-network",
                                                          *self.CLUSTER, given=host))

    def test_dns_config(self):
        flags = ("--policy", "None", "--dns-config", "-", "--node-resolv-conf", "")
        want = ["search a.example", "nameserver 192.0.2.7", "options ndots:2 edns0"]
        yaml = ("dnsConfig:\n  nameservers: [192.0.2.7]\n  searches: [a.example]\n"
                "  options:\n  - {name: ndots, value: '2'}\n  - name: edns0\n")
        self.assertEqual(self.lines(*flags, given=yaml), want)
        self.assertEqual(self.lines(*flags, given='{"nameservers":["192.0.2.7"],"searches":["a.example"],'
                                                  '"options":[{"name":"ndots","value":"2"},{"name":"edns0"}]}'), want)

    def test_bad_input_is_one_line(self):
        for flags, given, word in ((("--policy", "Foo"), "", "--policy Foo: unknown value"),
                                   (("--policy", "None"), "", "at least one nameserver"),
                                   (("--namespace", "A_b"), "", "--namespace A_b"),
                                   (("--dns-config", "/nonexistent"), "", "/nonexistent: No such file"),
                                   (("--dns-config", "-"), "nameservers: [nas]", "dnsConfig.nameservers: not an IP"),
                                   (("--dns-config", "-"), "options: [{value: x}]", "dnsConfig.options"),
                                   (("--dns-config", "-"), "a: [", "-:"),
                                   (("--node-resolv-conf", "-"), "nameserver", "line 1: nameserver without")):
            done = resolvconf(*flags, given=given)
            self.assertEqual((done.returncode, done.stdout), (2, ""), flags)
            self.assertIn(word, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_limits_are_kubelets(self):
        host = "search " + " ".join(f"d{i}.example" for i in range(40))
        done = resolvconf(*self.CLUSTER, given=host)
        self.assertEqual(len(done.stdout.splitlines()[0].split()), 1 + 32)
        self.assertIn("warning: Search Line limits were exceeded", done.stderr)


class WithDaemon(scenes.NodeTest):
    def test_the_daemon_knows_domain_and_address(self):
        self.folder.put("dns", manifests.service("kube-dns", "10.96.0.10", [manifests.port(53, "dns", "UDP")],
                                                 ns="kube-system"))
        daemon = self.lab.daemon(self.node, self.folder, "--no-dns", "--cluster-domain", "lab.example")
        done = daemon.call("resolvconf", "--namespace", "shop", "--node-resolv-conf", "")
        self.assertEqual(done.stdout, "search shop.svc.lab.example svc.lab.example lab.example\n"
                                      "nameserver 10.96.0.10\noptions ndots:5\n")
        done = daemon.call("resolvconf", "--cluster-dns", "192.0.2.1", "--cluster-domain", "x", "--node-resolv-conf", "")
        self.assertEqual(done.stdout, "search default.svc.x svc.x x\nnameserver 192.0.2.1\noptions ndots:5\n")


if __name__ == "__main__":
    unittest.main()
