"""The table itself, without traffic: what is loaded is there, listed by stock nft, read back, kept apart from others."""
import os
import re
import socket
import struct
import unittest

import lab
import user_namespaces
from driver import Driver, Refused

SOURCES = "sources:10.244.0.0/16"
BOTH = SOURCES + ",fd00:244::/64"
EVERYTHING = [
    "cluster-ips 10.96.0.1", "cluster-ips fd00:96::1",
    "dispatch 10.96.0.1 tcp 80 cluster 4", "dispatch fd00:96::1 udp 53 cluster 2 affinity",
    "dispatch 192.0.2.1 tcp 443 by-source", "dispatch 192.0.2.2 tcp 443 by-source", "dispatch 192.0.2.3 sctp 5 external 65536",
    "dispatch 192.0.2.4 tcp 1 reject", "dispatch 192.0.2.4 tcp 2 drop",
    "dispatch 192.0.2.5 tcp 1 external 16384 maglev", "dispatch 192.0.2.5 tcp 2 cluster 65536 affinity maglev",
    "source-ranges 192.0.2.1 tcp 443 external 1", "local 192.0.2.2 tcp 443 pick 1",
    "internal 192.0.2.2 tcp 443 pick-internal 2",
    "endpoints 10.96.0.1 tcp 80 0 10.244.0.1 8080", "endpoints 10.96.0.1 tcp 80 3 10.244.0.2 8080",
    "endpoints fd00:96::1 udp 53 1 fd00:244::1 5353", "internal-endpoints 192.0.2.2 tcp 443 1 10.244.0.3 8443",
    "service-cidrs 10.96.0.0/16", "service-cidrs 10.97.0.0/16", "service-cidrs fd00:96::/112",
    "service-cidrs 255.0.0.0/8",
    "restricted 192.0.2.1 tcp 443", "allowed-sources 192.0.2.1 tcp 443 203.0.113.0/24", "allowed-sources 192.0.2.1 tcp 443 198.51.100.7/32",
    "allowed-sources fd00:96::9 tcp 443 ::/0",
    "affinity-frontends fd00:96::1 udp 53 affinity-record 600", "affinity-frontends 10.96.0.1 tcp 80 affinity-record 10800",
]

NETLINK_NETFILTER, NFTABLES, BATCH_BEGIN, BATCH_END = 12, 10, 0x10, 0x11


class TableTest(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.ns("node")

    def driver(self, *options, **kwargs):
        driver = Driver(self.node, *options, **kwargs)
        self.addCleanup(driver.__exit__)
        return driver

    def loaded(self, *options):
        driver = self.driver(*options)
        driver.elements(*EVERYTHING)
        driver("load")
        return driver

    def test_what_is_loaded_is_read_back(self):
        for options in ((), (BOTH, "counters"), ("interface:br0",), ("prefix:veth",),
                        ("masquerade-all", "bit:31")):
            with self.subTest(options=options):
                driver = self.loaded(*options)
                self.assertEqual(driver.state(), "ours")
                lines = driver("dump")
                self.assertEqual(len(lines), len(EVERYTHING))
                self.assertIn("dispatch4 { 192.0.2.5 . tcp . 2 : goto cluster4-affinity-maglev-65536 }", lines)
                self.assertIn("service-cidrs4 { 255.0.0.0/8 }", lines)
                self.assertIn("allowed-sources4 { 192.0.2.1 . tcp . 443 . 203.0.113.0/24 }", lines)
                self.assertIn("internal-endpoints4 { 192.0.2.2 . tcp . 443 . 1 : 10.244.0.3 . 8443 }", lines)
                driver("cleanup")
                self.assertIsNone(self.node.table())

    def test_one_element_is_asked_for(self):
        driver = self.loaded("counters")
        self.node.nft("add element inet fairlead dispatch4 { 10.96.7.7 . tcp . 80 : accept }")
        self.assertEqual(driver("get endpoints 10.96.0.1 tcp 80 3 0.0.0.0 0"),
                         ["endpoints4 { 10.96.0.1 . tcp . 80 . 3 : 10.244.0.2 . 8080 }"])
        for key, said in (("10.96.7.8", r"10\.96\.7\.8 \. tcp \. 80 .*: No such file"),
                          ("10.96.7.7", r"10\.96\.7\.7 \. tcp \. 80 .*: Bad message")):  # not one of our verdicts
            with self.assertRaisesRegex(Refused, r"reading dispatch4 \{ " + said):
                driver(f"get dispatch {key} tcp 80 reject")

    def test_stock_nft_lists_all_of_it(self):
        driver = self.loaded(BOTH, "counters")
        driver.commit("add affinity 10.96.0.1 tcp 80 10.1.1.1 10.244.0.1 8080",
                      "add affinity fd00:96::1 udp 53 fd00::9 fd00:244::1 5353")
        text = self.node.nft("list", "ruleset")
        for line in ("10.96.0.1 . tcp . 80", "goto cluster4-4", "jump affinity-record6-600", "goto pick-internal4-2", "@same-byte",
                     "dnat ip6 to ip6 daddr . meta l4proto . th dport . numgen random mod 8 map @endpoints6",
                     "jhash ip saddr mod 16384", "masquerade fully-random", "reject with tcp reset", "10.96.0.0/16, 10.97.0.0/16",
                     "fd00:96::1 . udp . 53 . 0x00000001", "203.0.113.0/24", "10.1.1.1 . 10.96.0.1 . tcp . 80",
                     "update @affinity6 { ip6 saddr . ct original ip6 daddr", "iif 0 "):
            with self.subTest(line=line):
                self.assertTrue(line in text)  # assertIn would print 100 kB
        for line in text.splitlines():
            self.assertNotRegex(line, r"unknown|invalid")

    def test_chains_and_sets_do_not_depend_on_services(self):
        def shape():
            return sorted(next(iter(item)) + item[next(iter(item))].get("name", "") for item in self.node.table()
                          if next(iter(item)) in ("chain", "map", "set"))

        driver = self.driver()
        driver("load")
        empty = shape()
        driver.commit("add dispatch 10.96.0.1 tcp 80 cluster 65536", "add endpoints 10.96.0.1 tcp 80 0 10.0.0.1 1")
        self.assertEqual(shape(), empty)

    def test_affinity_chains_come_and_go_with_their_timeout(self):
        driver = self.loaded()

        def chains():
            return {item["chain"]["name"] for item in self.node.table()
                    if re.fullmatch(r"affinity-record[46]-\d+", item.get("chain", {}).get("name", ""))}

        self.assertEqual(chains(), {"affinity-record4-10800", "affinity-record6-600"})
        driver.commit("add affinity-frontends 10.96.0.9 tcp 80 affinity-record 10800", "add affinity-frontends 10.96.0.9 tcp 81 affinity-record 7")
        self.assertEqual(chains(), {"affinity-record4-7", "affinity-record4-10800", "affinity-record6-600"})
        # another process adopts the table and knows the users of each chain
        other = self.driver()
        self.assertEqual(other.state(), "ours")
        other.commit("del affinity-frontends 10.96.0.1 tcp 80 affinity-record 10800", "del affinity-frontends 10.96.0.9 tcp 81 affinity-record 7")
        self.assertEqual(chains(), {"affinity-record4-10800", "affinity-record6-600"})
        other.commit("del affinity-frontends 10.96.0.9 tcp 80 affinity-record 10800", "add affinity-frontends 10.96.0.9 tcp 80 affinity-record 8")
        self.assertEqual(chains(), {"affinity-record4-8", "affinity-record6-600"})
        self.assertEqual(other.state(), "ours")

        def looks():
            return re.findall(r"chain (affinity-(?:forwarded|input))", self.node.nft("list", "table", "inet", "fairlead"))

        other.commit("del affinity-frontends 10.96.0.9 tcp 80 affinity-record 8")
        self.assertEqual(looks(), ["affinity-forwarded", "affinity-input"])
        other.commit("del affinity-frontends fd00:96::1 udp 53 affinity-record 600")  # the last one: nothing is looked up any more
        self.assertEqual(looks(), [])
        self.assertEqual(other.state(), "ours")
        third = self.driver()
        self.assertEqual(third.state(), "ours")
        third.commit("add affinity-frontends 10.96.0.9 tcp 80 affinity-record 8")
        self.assertEqual(looks(), ["affinity-forwarded", "affinity-input"])
        self.assertEqual(third.state(), "ours")
        self.assertEqual(self.driver().state(), "ours")
        self.node.nft("flush chain inet fairlead affinity-forwarded")
        self.assertEqual(third.state(), "damaged")

    def test_a_refused_transaction_changes_nothing_and_names_the_element(self):
        driver = self.loaded()
        before = driver("dump")
        with self.assertRaisesRegex(Refused, r"delete cluster-ips4 \{ 10\.9\.9\.9 \}: No such file"):
            driver.commit("add cluster-ips 10.96.0.77", "del cluster-ips 10.9.9.9")
        with self.assertRaisesRegex(Refused, r"add endpoints4 \{ 10\.96\.0\.1 \. tcp \. 80 \. 0 : 10\.1\.1\.1 \. 1 \}"):
            driver.commit("add endpoints 10.96.0.1 tcp 80 0 10.1.1.1 1", "add affinity-frontends 10.96.0.8 tcp 1 affinity-record 55")
        self.assertEqual(driver("dump"), before)
        self.assertEqual(driver.state(), "ours")
        driver.commit("add cluster-ips 10.96.0.77")  # the refused ones are forgotten
        self.assertEqual(len(driver("dump")), len(before) + 1)

    def test_more_errors_than_the_socket_holds(self):
        """Each message that is refused has an answer; what went wrong first is told, and the rest belongs to no request."""
        driver = self.loaded()
        before = driver("dump")
        for i in range(1, 500):  # neighbours in another set each: as many messages
            driver(f"del cluster-ips 10.98.{i >> 8}.{i & 255}")
            driver(f"del restricted 10.98.{i >> 8}.{i & 255} tcp 80")
        with self.assertRaisesRegex(Refused, r"delete cluster-ips4 \{ 10\.98\.0\.1 \}: No such file"):
            driver("commit")
        self.assertEqual(driver("dump"), before)

    def test_a_forgotten_client_may_have_timed_out(self):
        driver = self.loaded()
        driver.commit("add affinity 10.96.0.1 tcp 80 10.1.1.1 10.244.0.1 8080")
        driver.commit("del affinity 10.96.0.1 tcp 80 10.1.1.9 10.244.0.1 8080",
                      "del affinity 10.96.0.1 tcp 80 10.1.1.1 10.244.0.1 8080")
        self.assertNotIn("affinity4", " ".join(driver("dump affinity")))

    def test_a_failure_says_nothing_about_the_kernel(self):
        """What it can do is asked with the first deletion of a client, at whatever moment that is."""
        client = "affinity 10.96.0.1 tcp 80 10.1.1.1"

        def deleted_elsewhere(driver):
            driver.commit(f"add {client} 10.244.0.1 8080")
            try:
                driver.commit(f"del {client} 10.244.0.2 8080")
            except Refused:
                return False  # before Linux 6.3
            return True

        usual = deleted_elsewhere(self.loaded())
        driver = self.loaded()
        self.node.nft("delete table inet fairlead")
        with self.assertRaisesRegex(Refused, "No such file"):
            driver.commit(f"del {client} 10.244.0.1 8080")
        driver("load")
        self.assertEqual(deleted_elsewhere(driver), usual)

    def test_counters_start_where_they_are_told(self):
        driver = self.loaded("counters")
        driver.commit("del endpoints 10.96.0.1 tcp 80 0 10.244.0.1 8080",
                      "add endpoints 10.96.0.1 tcp 80 0 10.244.0.9 8080 41 2460")
        self.assertIn("endpoints4 { 10.96.0.1 . tcp . 80 . 0 : 10.244.0.9 . 8080 } packets 41 bytes 2460", driver("dump"))

    def test_damage_is_seen(self):
        for damage in ("flush chain inet fairlead postrouting", "delete chain inet fairlead affinity-input",
                       "add chain inet fairlead extra", "add rule inet fairlead refuse accept",
                       "insert rule inet fairlead prerouting ip daddr 1.2.3.4 drop",
                       "add set inet fairlead extra { type ipv4_addr; }", "flush chain inet fairlead affinity-record4-10800",
                       "flush set inet fairlead same-byte"):
            with self.subTest(damage=damage):
                driver = self.loaded()
                self.assertEqual(driver.state(), "ours")
                if damage.startswith("delete chain"):
                    self.node.nft("flush", "chain", "inet", "fairlead", "affinity-input")
                self.node.nft(damage)
                in_place = not damage.startswith(("add set", "flush set"))
                self.assertEqual(driver.state(), "damaged" if in_place else "other")
                driver("commit" if in_place else "load")
                self.assertEqual(driver.state(), "ours")
                self.assertEqual(len(driver("dump")), len(EVERYTHING))
                driver("cleanup")
                self.assertEqual(self.node.nft("list", "ruleset"), "")

    def test_an_unknown_element_ends_the_reading(self):
        """The kernel does not count a catch-all element: a set with one never has as many as it says."""
        driver = self.loaded()
        self.node.nft("add element inet fairlead dispatch4 { * : drop }")

        def waits():
            with open(f"/proc/{driver.process.pid}/status", encoding="ascii") as status:
                return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read(), re.M)[1])

        before = waits()
        with self.assertRaisesRegex(Refused, "dispatch4 has 1 elements that are not ours"):
            driver("dump")
        self.assertLess(waits() - before, 20)  # it waits before it reads once more

    def test_user_data_that_are_none(self):
        """A table of our name whose user data say that they are longer than they are: nft 1.0.6 crashes there."""
        def message(kind, body=b""):
            return struct.pack("=IHHII", 20 + len(body), kind, 0x401, 1, 0) + struct.pack(">BBH", 1, 0, NFTABLES) + body

        for data in (b"\0", b"\0\xff", b"\0\2x", b"\1\0\0", b"\0\2xy\0\1"):
            with self.subTest(data):
                padded = data + bytes(-len(data) % 4)
                table = struct.pack("=HH9s3xHH", 13, 1, b"fairlead\0", 4 + len(data), 6) + padded
                with self.node.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as sock:
                    sock.send(message(BATCH_BEGIN) + message(NFTABLES << 8, table) + message(BATCH_END))
                driver = self.driver()
                self.assertEqual(driver.state(), "other")
                driver("cleanup")

    def test_another_ruleset_is_another_table(self):
        self.loaded(SOURCES)
        for options in ((), (SOURCES, "counters"), (SOURCES, "bit:13"), (SOURCES, "masquerade-all"), (BOTH,),
                        (SOURCES.replace("244", "245"),), ("interface:br0",), ("interface:br1",), ("prefix:br1",)):
            with self.subTest(options=options):
                driver = self.driver(*options)
                self.assertIn(driver.state(), ("other", "damaged"))  # other sources are other rules of the same table
                driver("load")
                self.assertEqual(driver.state(), "ours")

    def test_what_a_crash_left_behind(self):
        for leftovers in (["add table inet fairlead"],  # died in the first load
                          ["add table inet fairlead-next"],  # … while building aside
                          ["add table inet fairlead-next", "add chain inet fairlead-next p { type nat hook prerouting "
                           "priority -100; }", "add table inet fairlead"]):  # … while building the real one again
            with self.subTest(leftovers=leftovers):
                for line in leftovers:
                    self.node.nft(line)
                driver = self.loaded()
                self.assertEqual(driver.state(), "ours")
                self.assertEqual(self.node.nft("list", "tables").split("\n"), ["table inet fairlead", ""])
                driver("cleanup")
        for name in ("fairlead", "fairlead-next"):
            self.node.nft("add table inet " + name)
        self.driver()("cleanup")
        self.assertEqual(self.node.nft("list", "tables"), "")

    def test_other_tables_stay(self):
        self.node.nft("add table inet other")
        self.node.nft("add table ip fairlead")
        driver = self.loaded()
        driver("load")
        driver("cleanup")
        driver("cleanup")  # nothing there: fine
        self.assertEqual(self.node.nft("list", "tables"), "table inet other\ntable ip fairlead\n")

    def test_probe(self):
        driver = self.driver(SOURCES, "counters")
        driver("probe")
        self.assertEqual(self.node.nft("list", "tables"), "")
        with self.assertRaisesRegex(Refused, "run as root or with CAP_NET_ADMIN"):
            self.driver(prefix=("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"))("probe")

    def test_what_a_kernel_lacks_is_named(self):
        """An administrator has to know which option to build: the kernel's own answer is "No such file or directory"."""
        for expression, option in (("numgen", "NFT_NUMGEN"), ("ct", "NFT_CT"), ("hash", "NFT_HASH"), ("masq", "NFT_MASQ"),
                                   ("nat", "NFT_NAT"), ("reject", "NFT_REJECT_INET"), ("counter", "NFT_COUNTER"),
                                   ("lookup", "NF_TABLES")):
            with self.subTest(expression=expression):
                said = self.node.run(lab.BUILD / "tests/kernel/nft_lacking", expression).stdout
                self.assertRegex(said, rf"^Linux {re.escape(os.uname().release)} may lack CONFIG_{option}: table .*\n$")
        self.assertEqual(self.node.run(lab.BUILD / "tests/kernel/nft_lacking", "unheard-of").stdout,
                         "nothing is missing\n")
        self.assertEqual(self.node.nft("list", "tables"), "")

    @user_namespaces.needed
    def test_oversized_transactions_in_a_user_namespace(self):
        """No SO_SNDBUFFORCE there: a load is chunked, and so is what a transaction of 30 000 operations sends."""
        driver = self.driver("counters", prefix=user_namespaces.PREFIX)
        driver("probe")
        driver("generate 1000 10")
        driver("load")
        self.assertEqual(driver.state(), "ours")
        self.assertEqual(driver("count"), ["12000"])
        driver("forget")
        driver("generate 2500 10")
        driver("addall")  # 12 000 of these are there already: the same again is no error
        driver("commit")
        self.assertEqual(driver("count"), ["30000"])
        driver("addall")
        driver("delall")  # replaces each
        driver("commit")
        self.assertEqual(driver("count"), ["30000"])
        driver("delall")
        driver("commit")
        self.assertEqual(driver("count"), ["0"])
        self.assertEqual(driver.state(), "ours")

    @user_namespaces.needed
    def test_more_rules_than_fit_into_a_datagram_are_repaired(self):
        """Under the same table."""
        driver = self.driver(BOTH, "counters", prefix=user_namespaces.PREFIX)

        def nft(*command):
            return self.node.run("nsenter", "-t", driver.process.pid, "-U", "-n", "--preserve-credentials", "nft",
                                 *command).stdout

        driver("generate 100 10")
        driver("load")
        before, rules = nft("-a", "list", "tables"), sorted(nft("-s", "-t", "list", "ruleset").split("\n"))
        nft("flush table inet fairlead")
        self.assertEqual(driver.state(), "damaged")
        driver("commit")
        self.assertEqual(driver.state(), "ours")
        self.assertEqual((nft("-a", "list", "tables"), sorted(nft("-s", "-t", "list", "ruleset").split("\n"))),
                         (before, rules))

    @user_namespaces.needed
    def test_more_timeouts_than_fit_into_a_datagram(self):
        """Each has a chain of its own, in the kernel before the elements that lead there."""
        driver = self.driver(prefix=user_namespaces.PREFIX)
        lines = [f"affinity-frontends 10.96.{i >> 8}.{i & 255} tcp 80 affinity-record {i}" for i in range(1, 1200)]
        driver("load")
        driver.commit(*["add " + line for line in lines])
        self.assertEqual((driver.state(), driver("count")), ("ours", [str(len(lines))]))
        driver.commit(*["del " + line for line in lines])
        self.assertEqual((driver.state(), driver("count")), ("ours", ["0"]))
        driver("cleanup")
        driver.elements(*lines)
        driver("load")
        self.assertEqual((driver.state(), driver("count")), ("ours", [str(len(lines))]))


if __name__ == "__main__":
    unittest.main()
