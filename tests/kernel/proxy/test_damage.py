"""
Whatever another program can do to our table with stock nft, while the daemon runs or while it is dead: all of it is put
right, connections go on, and the next start finds nothing to do.
"""
import signal
import subprocess
import unittest

import lab
import manifests
import scenes
import traffic

TABLE = "inet fairlead"
WEB = "10.96.0.1 . tcp . 80"
AFFINITY = "type ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; flags dynamic,timeout"
RESTRICTED = "198.51.100.7 . tcp . 80"

# lines for nft -f: one transaction
REPAIRED = (
    "flush ruleset",
    "delete table TABLE",
    "flush table TABLE",
    "flush set TABLE cluster-ips4",
    "flush set TABLE service-cidrs4",
    "flush set TABLE allowed-sources4",
    "flush map TABLE dispatch4",
    "flush map TABLE source-ranges4",
    "flush map TABLE endpoints4",
    "flush map TABLE affinity-frontends4",
    f"delete element TABLE dispatch4 {{ {WEB} }}",
    f"delete element TABLE dispatch4 {{ {WEB} }}\nadd element TABLE dispatch4 {{ {WEB} : drop }}",
    f"delete element TABLE endpoints4 {{ {WEB} . 0 }}\nadd element TABLE endpoints4 {{ {WEB} . 0 : 10.1.1.1 . 1 }}",
    "add element TABLE dispatch4 { 10.96.7.7 . tcp . 80 : goto refuse }",
    "add element TABLE dispatch4 { 10.96.7.7 . tcp . 80 : accept }",  # not one of our verdicts
    "add element TABLE dispatch4 { * : drop }",  # what no other element matches
    "add element TABLE endpoints4 { * : 10.1.1.1 . 1 }",
    "add element TABLE affinity4 { * : 10.1.1.1 . 1 }",
    "add element TABLE allowed-sources4 { 10.0.0.0/8 . tcp . 80 . 0.0.0.0/0 . ipv4 }",
    f"delete element TABLE allowed-sources4 {{ {RESTRICTED} . 10.244.0.0/16 . ipv4 }}\n"
    "add element TABLE allowed-sources4 { 198.51.100.7 . tcp . 80-99 . 10.244.0.0/16 . ipv4 }",  # looks like ours at its start
    f"delete element TABLE allowed-sources4 {{ {RESTRICTED} . 10.244.0.0/16 . ipv4 }}\n"
    f"add element TABLE allowed-sources4 {{ {RESTRICTED} . 10.244.0.0/16 . ipv6 }}",  # which no packet matches
    "add element TABLE allowed-sources6 { fd00::1 . fd01::/64 . 80 . tcp }",
    "flush chain TABLE prerouting",
    "flush chain TABLE output\ndelete chain TABLE output",
    "insert rule TABLE prerouting drop",
    "add chain TABLE other\nadd rule TABLE other drop\ninsert rule TABLE output jump other",
    "add chain TABLE other { type filter hook input priority 0; policy drop; }",
    "add chain TABLE prerouting { policy drop; }",
    "rename chain TABLE prerouting other",
    "rename chain TABLE refuse other",
    "add table TABLE { flags dormant; }",  # everything is there, and nothing works
    "add table TABLE { flags dormant; }\nflush chain TABLE output",
    "add set TABLE other { type ipv4_addr; }",
    "flush table TABLE\ndelete map TABLE affinity-frontends6",
    f"add map TABLE affinity4 {{ {AFFINITY}; size 5; timeout 1s; }}",  # a client more is refused
    "delete element TABLE same-byte { 0x00000007 . 0x00000007 }",
)
HARMLESS = ("flush map TABLE affinity4", "add counter TABLE other", "add table ip fairlead",
            f"delete element TABLE dispatch4 {{ {WEB} }}\nadd element TABLE dispatch4 {{ {WEB} : goto cluster4-1 }}")


class Damaged(scenes.WebTest):
    def setUp(self):
        super().setUp()
        self.folder.put("affinity", manifests.service("affinity", "10.96.0.5", [80], sessionAffinity="ClientIP"),
                        manifests.slice("affinity", [self.POD], [8080]))
        restricted = manifests.service("source-ranges", "10.96.0.6", [80], type="LoadBalancer",
                                   allocateLoadBalancerNodePorts=False, loadBalancerSourceRanges=["10.244.0.0/16"])
        restricted["status"] = {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}
        self.folder.put("source-ranges", restricted, manifests.slice("source-ranges", [self.POD], [8080]))
        self.started = self.daemon("--service-cidr", "10.96.0.0/16")
        self.right = self.listing()

    def damage(self, lines):
        self.node.run("nft", "-f", "-", input=lines.replace("TABLE", TABLE) + "\n")

    def listing(self):
        """The lines of all tables in any order, without the clients that they remember."""
        return sorted(line for line in self.node.nft("-s", "list", "ruleset").split("\n") if "10.244.0.99" not in line)

    def kernel(self):
        return self.started.status()["kernel"]

    def handle(self):
        return next(x["table"]["handle"] for x in self.node.table() if "table" in x)

    def works(self):
        for vip in ("10.96.0.1", "10.96.0.5", "198.51.100.7"):
            self.assertEqual(traffic.connect(self.client, vip, 80).server, "web-0")

    def restart(self):
        """The next one has nothing to do; and its repairs do not wait."""
        self.started.stop()
        handle = self.handle()
        self.started.start()
        self.assertEqual((self.kernel()["start"], self.kernel()["startOperations"]), ("adopted", 0))
        self.assertEqual(self.handle(), handle)


class DamageTest(Damaged):
    def test_all_of_it_is_put_right(self):
        for lines in REPAIRED:
            with self.subTest(lines):
                self.damage(lines)
                lab.equals_within(self.listing, self.right)
                self.works()
                lab.wait_until(lambda: self.kernel()["repairs"] == 1 and self.kernel()["inSync"])
                self.restart()

    def test_what_does_no_harm_is_no_repair(self):
        for lines in HARMLESS:
            with self.subTest(lines):
                before = self.kernel()["operations"]
                self.damage(lines)
                self.damage(f"delete element TABLE endpoints4 {{ {WEB} . 0 }}")  # told of after the former
                lab.wait_until(lambda: self.kernel()["repairs"] == 1 and self.kernel()["inSync"])
                self.assertEqual(self.kernel()["operations"], before + 1)
                self.works()
                self.restart()

    def test_two_chains_change_their_names(self):
        """Elements lead to chains, not to names."""
        self.started.process.send_signal(signal.SIGSTOP)  # nft does not see its own renames in one transaction
        for names in ("cluster4-1 other", "cluster4-2 cluster4-1", "other cluster4-2"):
            self.damage(f"rename chain TABLE {names}")
        self.started.process.send_signal(signal.SIGCONT)
        lab.equals_within(self.listing, self.right)
        self.works()
        lab.wait_until(lambda: self.kernel()["inSync"])
        self.restart()

    def test_a_client_is_sent_elsewhere(self):
        self.damage("add element TABLE affinity4 { 10.244.0.99 . 10.96.0.5 . tcp . 80 : 10.1.1.1 . 1 }")
        lab.equals_within(lambda: self.node.elements("affinity4"), [])
        self.works()
        self.assertEqual(self.kernel()["repairs"], 0)

    def test_the_firewall_is_restarted(self):
        """`systemctl restart nftables`: everything is flushed, then a file of others' rules is read."""
        own = "table inet filter {\n chain input {\n type filter hook input priority 0; policy accept;\n }\n}\n"
        for lines in ("flush ruleset\n" + own, own + "flush table inet filter\ndelete table TABLE"):
            with self.subTest(lines):
                self.damage(lines)
                lab.wait_until(lambda: self.kernel()["repairs"] == 1 and self.kernel()["inSync"])
                self.assertIsNotNone(self.node.table("filter"))
                self.node.nft("delete table inet filter")
                self.assertEqual(self.listing(), self.right)
                self.works()
                self.restart()


class DeadTest(Damaged):
    """No notification names these."""

    def while_dead(self, lines):
        self.started.kill()
        self.damage(lines)
        self.started.start()
        self.assertEqual(self.listing(), self.right)
        self.works()
        return self.kernel()["start"], self.kernel()["startOperations"]

    def test_elements_are_the_only_differences(self):
        handle = self.handle()
        for operations, lines in ((1, f"delete element TABLE endpoints4 {{ {WEB} . 0 }}"),
                                  (1, "add element TABLE cluster-ips4 { 10.96.9.9 }"),
                                  (2, f"delete element TABLE dispatch4 {{ {WEB} }}\n"
                                      f"add element TABLE dispatch4 {{ {WEB} : drop }}"),
                                  (4, "flush map TABLE dispatch4"),
                                  (3, f"flush set TABLE cluster-ips4")):
            with self.subTest(lines):
                self.assertEqual(self.while_dead(lines), ("adopted", operations))
        self.assertEqual(self.handle(), handle)

    def test_all_else_is_put_right_too(self):
        """Chains and rules in place; sets, hooks and elements that are not ours cost another table."""
        in_place = (" rule ", " chain TABLE other", "rename chain", "flags dormant")
        for lines in REPAIRED:
            if " element " not in lines and not lines.startswith("flush") or "*" in lines or "same-byte" in lines:
                with self.subTest(lines):
                    adopted = any(word in lines for word in in_place)
                    self.assertEqual(self.while_dead(lines)[0], "adopted" if adopted else "loaded")

    def test_a_client_is_sent_elsewhere(self):
        self.while_dead("add element TABLE affinity4 { 10.244.0.99 . 10.96.0.5 . tcp . 80 : 10.1.1.1 . 1 }")

    def test_a_table_of_other_rules(self):
        """The old one works until the new one does: the transaction that deletes it brings the new hooks."""
        self.started.kill()
        changes = self.lab.folder / "changes"
        with open(changes, "wb") as out:
            monitor = self.node.popen("nft", "monitor", stdout=out)
            lab.wait_until(lambda: self.marked(changes))
            other = self.daemon("--masquerade-bit", "13")
            lab.wait_until(lambda: changes.read_text().count("delete table inet fairlead") == 2)
            monitor.terminate()
            monitor.wait()
        self.assertEqual(other.status()["kernel"]["start"], "loaded")
        self.assertIn("0x00002000", "\n".join(self.listing()))
        self.works()
        for part in changes.read_text().split("# new generation"):
            for old, new in (("fairlead", "fairlead-next"), ("fairlead-next", "fairlead")):
                if f"delete table inet {old}\n" in part:
                    self.assertIn(f"add chain inet {new} prerouting ", part)

    def marked(self, changes):
        self.node.nft("add table ip marker; delete table ip marker")
        return "marker" in changes.read_text()


class OwnedTest(scenes.WebTest):
    def test_a_table_of_another_program(self):
        """The kernel lets no other program in there: we say so, and come back."""
        owner = self.node.popen("nft", "-i", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        owner.stdin.write("add table inet fairlead { flags owner; }\n")
        owner.stdin.flush()
        lab.wait_until(lambda: "fairlead" in self.node.nft("list", "tables"))
        started = self.daemon(ready=False)
        lab.wait_until(lambda: "delete table fairlead: Operation not permitted; next try in" in started.log())
        owner.stdin.close()
        owner.wait(lab.LIMIT_S)
        started.wait_ready()
        self.assertTrue(self.reaches_web())


if __name__ == "__main__":
    unittest.main()
