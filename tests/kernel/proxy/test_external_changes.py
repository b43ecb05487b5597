"""Changes by other programs to our table: every kind is repaired at once, without a fight when they do not stop."""
import datetime
import json
import shutil
import time
import unittest
import unittest.mock

import lab
import manifests
import patience
import traffic


class DriftTest(unittest.TestCase):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.pod = self.lab.pod(self.node, "web-0", "10.244.0.10")
        self.client = self.lab.pod(self.node, "client", "10.244.0.99")
        self.lab.servers.tcp(self.pod, "web-0", 8080)
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.folder.put("web", manifests.service("web", "10.96.0.1", [manifests.port(80, "http")]),
                        manifests.slice("web", ["10.244.0.10"], [("http", 8080)]))
        self.started = self.lab.daemon(self.node, self.folder, "--cluster-cidr", "10.244.0.0/16")

    def kernel(self):
        return json.loads(self.started.call("status", "-o", "json", check=False).stdout)["kernel"]

    def repaired(self, damage):
        """Does the damage and waits until it is repaired."""
        damage()
        lab.wait_until(lambda: self.kernel()["repairs"] >= 1 and self.kernel()["inSync"])
        self.assertEqual(traffic.connect(self.client, "10.96.0.1", 80).server, "web-0")

    def test_table_deleted(self):
        self.repaired(lambda: self.node.nft("delete", "table", "inet", "fairlead"))

    def test_ruleset_flushed(self):
        self.repaired(lambda: self.node.nft("flush", "ruleset"))

    def test_the_log_names_the_program(self):
        """The program and its process id: an operator has to find out who does it."""
        copy = self.lab.folder / "a\nwarning: b"  # a name that would make a line of its own
        copy.symlink_to(shutil.which("nft"))
        for program, line in (("nft", "changed by nft (pid PID), repaired with"),
                              (str(copy), "a?warning:?b (pid PID) keeps changing it; repairs slow down")):
            process = self.node.popen(program, "flush ruleset")
            process.wait(lab.LIMIT_S)
            line = "warning: table inet fairlead: " + line.replace("PID", str(process.pid))
            lab.wait_until(lambda w=line: w in self.started.log(), what=line)

    def test_a_monitor_that_cannot_join_again(self):
        """After the load it hears nothing: the table is read back until it can."""
        self.started.stop()
        self.node.nft("flush", "ruleset")
        deaf = self.lab.folder / "deaf"
        deaf.touch()
        with unittest.mock.patch.dict("os.environ", FAIRLEAD_DEAF=str(deaf)):
            daemon = lab.Daemon(self.node, self.started.flags, self.lab.folder, lab.BUILD / "tests/kernel/fairlead_deaf")
            self.lab.daemons.append(daemon)
            self.started = daemon.start()
        self.assertIn("nftables monitor: Cannot allocate memory; reading the table back until it works again", daemon.log())
        self.node.nft("flush", "map", "inet", "fairlead", "dispatch4")
        lab.wait_until(lambda: traffic.connect(self.client, "10.96.0.1", 80, limit_s=1).server == "web-0")
        deaf.unlink()
        lab.wait_until(lambda: "nftables monitor: works again" in daemon.log())
        self.assertEqual(daemon.log().count("nftables monitor:"), 2)
        before = self.kernel()["repairs"]
        self.node.nft("flush", "map", "inet", "fairlead", "dispatch4")
        lab.wait_until(lambda: self.kernel()["repairs"] > before and self.kernel()["inSync"])
        self.assertEqual(traffic.connect(self.client, "10.96.0.1", 80).server, "web-0")

    def test_rules_flushed(self):
        self.repaired(lambda: self.node.nft("flush", "table", "inet", "fairlead"))

    def test_map_flushed(self):
        self.repaired(lambda: self.node.nft("flush", "map", "inet", "fairlead", "dispatch4"))

    def test_element_changed(self):
        def damage():
            self.node.run("nft", "-f", "-", input=(
                "delete element inet fairlead endpoints4 { 10.96.0.1 . tcp . 80 . 0 }\n"
                "add element inet fairlead endpoints4 { 10.96.0.1 . tcp . 80 . 0 : 10.244.0.77 . 8080 }\n"))
        self.repaired(damage)

    def test_element_added(self):
        self.repaired(lambda: self.node.nft("add", "element", "inet", "fairlead", "cluster-ips4", "{ 10.96.9.9 }"))
        self.assertEqual(len(self.node.elements("cluster-ips4")), 1)

    def test_rule_added(self):
        chains = [x["chain"] for x in self.node.table() if "chain" in x and "hook" in x["chain"]]
        self.repaired(lambda: self.node.nft("insert", "rule", "inet", "fairlead", chains[0]["name"], "drop"))

    def test_rules_are_put_right_in_place(self):
        """The same table all the time, no other chains and rules than before, and connections go on."""
        self.folder.put("affinity", manifests.service("affinity", "10.96.0.5", [manifests.port(80, "x")],
                                                    sessionAffinity="ClientIP"),
                        manifests.slice("affinity", ["10.244.0.10"], [("x", 8080)]))
        lab.wait_until(lambda: self.node.elements("affinity-frontends4"))
        before = self.listing()
        handle = self.handle()
        chain = "inet fairlead"
        damages = (f"insert rule {chain} prerouting drop",
                   f"flush table {chain}",
                   f"add chain {chain} other; add rule {chain} other accept; insert rule {chain} affinity-input jump other",
                   f"flush chain {chain} output; delete chain {chain} output",
                   f"flush chain {chain} affinity-record4-10800; flush chain {chain} affinity-record4",
                   f"flush map {chain} affinity-frontends4; flush table {chain}; delete chain {chain} affinity-record4-10800")
        for count, damage in enumerate(damages, 1):
            with self.subTest(damage):
                self.node.nft(damage)
                lab.wait_until(lambda: self.kernel()["repairs"] == count and self.kernel()["inSync"])
                self.assertEqual(self.listing(), before)
                self.assertEqual(self.handle(), handle)
                self.assertEqual(traffic.connect(self.client, "10.96.0.5", 80).server, "web-0")
        # with its last user the chain goes, as ever: nothing was counted twice
        self.folder.remove("affinity.json")
        lab.wait_until(lambda: "affinity-record4-10800" not in self.node.nft("list", "chains"))

    def listing(self):
        """The table's lines in any order, without the clients that it remembers."""
        lines = self.node.nft("-s", "list", "table", "inet", "fairlead").split("\n")
        return sorted(line for line in lines if "10.244.0.99" not in line)

    def handle(self):
        return next(x["table"]["handle"] for x in self.node.table() if "table" in x)

    def test_other_hooks_replace_the_table(self):
        handle = self.handle()
        self.repaired(lambda: self.node.nft("add chain inet fairlead postrouting { policy drop ; }"))
        self.assertNotEqual(self.handle(), handle)
        self.assertNotIn("policy drop", self.node.nft("list", "chains"))

    def test_other_tables_are_not_ours(self):
        before = self.kernel()
        self.node.run("nft", "-f", "-", input=(
            "add table inet other\nadd set inet other s { type ipv4_addr; }\nadd element inet other s { 1.2.3.4 }\n"))
        self.node.nft("delete", "table", "inet", "other")
        self.folder.put("two", manifests.service("two", "10.96.0.2", [manifests.port(80, "http")]))
        lab.wait_until(lambda: self.kernel()["operations"] > before["operations"])
        self.assertEqual(self.kernel()["repairs"], 0)

    @patience.real_processor
    def test_within_100_ms(self):
        """
        From the end of the other program's command to our line about it. On a busy machine both wait for a core: ours may then
        take as long as ten such commands. Else once more, after the quiet time behind which a repair is immediate again
        (proxy/drift.c, QUIET_MS).
        """
        for attempt in range(1, 4):
            begun = time.monotonic()
            self.node.nft("delete", "table", "inet", "fairlead")
            limit_s = max(0.100, 10 * (time.monotonic() - begun))
            deleted = datetime.datetime.now(datetime.timezone.utc)
            lines = lab.wait_until(lambda n=attempt: (x := [line for line in self.started.log().splitlines()
                                                            if "repaired with" in line]) and len(x) >= n and x)
            took_s = (datetime.datetime.fromisoformat(lines[-1].split()[0]) - deleted).total_seconds()
            if took_s < limit_s:
                return
            time.sleep(12)
        self.fail(f"the last of three repairs came {took_s} s after the deletion, limit {limit_s}: {lines[-1]}")

    def test_one_big_change_is_one_change(self):
        """Its last notifications come after the repair: the changes have stopped."""
        objects = []
        for i in range(2000):
            name = f"many-{i}"
            objects += [manifests.service(name, f"10.97.{i // 250}.{i % 250}", [manifests.port(80, "http")]),
                        manifests.slice(name, ["10.244.0.10", "10.244.0.11", "10.244.0.12"], [("http", 8080)])]
        before = self.kernel()["operations"]
        self.folder.put("many", *objects)
        lab.wait_until(lambda: self.kernel()["operations"] > before + 8000)
        self.repaired(lambda: self.node.nft("flush", "ruleset"))
        syncs = self.kernel()["syncs"]
        self.folder.put("one", manifests.service("one", "10.98.0.1", [manifests.port(80, "http")]))
        lab.wait_until(lambda: self.kernel()["syncs"] > syncs)
        self.assertNotIn("repairs slow down", self.started.log())
        self.assertEqual(self.kernel()["repairs"], 1)

    @patience.real_processor
    def test_no_fight(self):
        """A program flushes all the time: we repair, less and less often, and say so once."""
        start = time.monotonic()
        flushes = 0
        while time.monotonic() < start + 3 or flushes <= 20:
            self.node.run("nft", "flush", "map", "inet", "fairlead", "dispatch4", check=False)
            flushes += 1
        kernel = self.kernel()
        self.assertLess(kernel["repairs"], 9 + (time.monotonic() - start))
        slow = [line for line in self.started.log().splitlines() if "repairs slow down" in line]
        self.assertEqual(len(slow), 1)
        lab.wait_until(lambda: self.kernel()["inSync"])
        self.assertEqual(traffic.connect(self.client, "10.96.0.1", 80).server, "web-0")


@patience.real_processor
class LargeTest(unittest.TestCase):
    """
    10 000 services x 10 endpoints. Above 50 000 endpoints the map is read by key instead of dumped (nft/dump_by_key.h).
    """

    SERVICES = 10000
    KEY = "10.96.3.7 . tcp . 80"

    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "m")
        for first in range(0, self.SERVICES, 400):
            objects = []
            for i in range(first, first + 400):
                objects += [manifests.service(f"s{i}", f"10.96.{i // 250}.{i % 250}", [manifests.port(80, "x")]),
                            manifests.slice(f"s{i}", [f"10.{200 + n}.{i // 250}.{i % 250}" for n in range(10)],
                                            [("x", 8080)])]
            self.folder.put(f"many-{first}", *objects)
        self.started = self.lab.daemon(self.node, self.folder)

    def kernel(self):
        return json.loads(self.started.call("status", "-o", "json", check=False).stdout)["kernel"]

    def repaired(self, *command):
        """The state of the kernel half after the repair of what these lines for nft did."""
        count = self.kernel()["repairs"] + 1
        self.node.run("nft", "-f", "-", input="\n".join(command) + "\n")
        lab.wait_until(lambda: self.kernel()["repairs"] == count and self.kernel()["inSync"])
        return self.kernel()

    def test_restart_and_repair(self):
        self.assertEqual(self.kernel()["startOperations"], 12 * self.SERVICES)
        self.started.kill()
        self.started.start()
        self.assertEqual((self.kernel()["start"], self.kernel()["startOperations"]), ("adopted", 0))
        key = f"inet fairlead endpoints4 {{ {self.KEY}"
        changes = (
            (1, f"delete element {key} . 4 }}"),
            (2, f"delete element {key} . 9 }}", f"add element {key} . 9 : 10.1.1.1 . 1 }}"),
            (1, f"add element {key} . 99 : 10.1.1.1 . 1 }}"),  # no pool's slot
            (2000, *(f"delete element inet fairlead endpoints4 {{ 10.96.{i // 250}.{i % 250} . tcp . 80 . 3 }}"
                     for i in range(2000))))
        for operations, *lines in changes:
            with self.subTest(lines[0]):
                self.assertEqual(self.repaired(*lines)["lastSyncOperations"], operations)
        # what no key says: a rule; the table is as it was, with every slot
        before = self.node.nft("list", "chain", "inet", "fairlead", "prerouting")
        self.repaired("insert rule inet fairlead prerouting accept")
        self.assertEqual(self.node.nft("list", "chain", "inet", "fairlead", "prerouting"), before)
        self.assertEqual(len(self.node.elements("endpoints4")), 10 * self.SERVICES)


if __name__ == "__main__":
    unittest.main()
