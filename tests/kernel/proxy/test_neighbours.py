"""What stands beside fairlead in a node's kernel: another proxy's rules, conntrack's settings, saved rule sets."""
from pathlib import Path

import lab
import manifests as m


class Neighbours(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.folder = m.Folder(self.lab.folder / "manifests")
        self.folder.put("web", m.service("web", "10.96.0.10", [80]), m.slice("web", ["10.244.0.10", "10.244.0.11"],
                                                                             [("", 8080)]))

    def test_rules_of_kube_proxy_are_named(self):
        daemon = self.lab.daemon(self.node, self.folder)
        self.assertNotIn("kube-proxy", daemon.log())
        # what kubelet leaves there is none of kube-proxy's
        self.node.nft("add table ip mangle; add chain ip mangle KUBE-KUBELET-CANARY; add chain ip mangle KUBE-FIREWALL")
        for make, modes in (("add table ip6 kube-proxy; add chain ip6 kube-proxy services", "nftables mode"),
                            ("add table ip nat; add chain ip nat KUBE-SVC-ABC", "nftables mode, iptables mode"),
                            (None, "nftables mode, iptables mode, IPVS mode")):
            daemon.stop()
            self.assertEqual(daemon.log().count(f"rules of kube-proxy ({modes})"), 0)
            if make:
                self.node.nft(make)
            else:
                self.node.ip("link add kube-ipvs0 type veth peer name other")
            daemon.start()
            self.assertEqual(daemon.log().count(f"kernel: rules of kube-proxy ({modes}) are here"), 1, daemon.log())

    def test_cleanup_says_what_it_removed(self):
        daemon = self.lab.daemon(self.node, self.folder)
        daemon.stop()
        done = daemon.call("cleanup")
        self.assertEqual(done.stdout, "table inet fairlead: removed, with all its rules\n")
        self.assertIn("Services are not reached from this node until a proxy runs", done.stderr)
        self.assertIsNone(self.node.table())
        self.node.nft("add table ip kube-proxy; add chain ip kube-proxy services")
        done = daemon.call("cleanup")
        self.assertEqual((done.stdout, done.stderr), ("table inet fairlead: was not there\n"
                                                      "rules of kube-proxy (nftables mode) are here and stay\n", ""))

    def conntrack(self, name):
        with self.node.inside():
            return Path(f"/proc/sys/net/netfilter/nf_conntrack_{name}").read_text().strip()

    def test_conntrack_settings_are_written_where_asked_for(self):
        names = ("tcp_timeout_established", "tcp_timeout_close_wait", "udp_timeout", "udp_timeout_stream", "tcp_be_liberal")
        daemon = self.lab.daemon(self.node, self.folder)
        before = {name: self.conntrack(name) for name in names}
        daemon.stop()
        daemon.flags += ["--conntrack-tcp-timeout-established=7h", "--conntrack-tcp-timeout-close-wait=1h",
                         "--conntrack-udp-timeout=33s", "--conntrack-tcp-be-liberal", "--conntrack-udp-timeout-stream=0"]
        daemon.start()
        self.assertEqual([self.conntrack(name) for name in names], ["25200", "3600", "33", before["udp_timeout_stream"], "1"])
        self.assertIn("nf_conntrack_udp_timeout is 33 now, was ", daemon.log())

    def test_a_saved_rule_set(self):
        """Other tables are saved and loaded one by one; nft 1.0.6 does not read its own listing of ours (docs/rules.md)."""
        self.lab.daemon(self.node, self.folder)
        self.node.nft("add table inet filter; add chain inet filter input { type filter hook input priority 0; }; "
                      "add rule inet filter input tcp dport 23 drop")
        mine, everything = self.lab.folder / "mine.nft", self.lab.folder / "all.nft"
        mine.write_text(self.node.nft("list", "table", "inet", "filter"))
        everything.write_text(self.node.nft("list", "ruleset"))
        fresh = self.lab.ns("fresh")
        fresh.nft("-f", mine)
        self.assertIn("tcp dport 23 drop", fresh.nft("list", "ruleset"))
        done = fresh.run("nft", "-f", everything, check=False)
        if done.returncode != 0:  # as documented; a newer nft may read it all, and then has to read it right
            self.assertIn("mapping expression has type concatenation", done.stderr)
        else:
            self.assertIn("try4-2", fresh.nft("list", "ruleset"))
        # what loads the firewall at boot flushes everything: ours comes back by itself
        self.node.nft("flush ruleset")
        self.node.nft("-f", mine)
        lab.wait_until(lambda: self.node.table() is not None and self.node.elements("endpoints4"))
