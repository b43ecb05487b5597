"""
A daemon in a user namespace of its own, as container runtimes without root start it: nothing may raise the socket
buffers there, and no datagram to the kernel can be longer than they are.
"""
import json
import subprocess
import unittest

import lab
import manifests
import user_namespaces

SERVICES, ENDPOINTS = 10000, 2


@user_namespaces.needed
class UserNamespaceTest(unittest.TestCase):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.ns("node")
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.control = str(self.lab.folder / "control.sock")

    def put(self, block):
        self.folder.put("many", *[thing for i in range(SERVICES) for thing in (
            manifests.service(f"s{i}", f"10.96.{i // 250}.{i % 250 + 1}", [80]),
            manifests.slice(f"s{i}", [f"10.{block}.{n}.{i % 250 + 1}" for n in range(ENDPOINTS)], [8080]))])

    def kernel(self):
        status = self.node.run(lab.BUILD / "fairlead", "status", "-o", "json", "--control", self.control, check=False)
        return json.loads(status.stdout)["kernel"] if status.stdout else {}  # out of step is an answer, too

    def nft(self, pid, *command):
        return self.node.run("nsenter", "-t", pid, "-U", "-n", "--preserve-credentials", "nft", *command).stdout

    def endpoints(self, pid):
        """What stock nft sees in there."""
        text = self.nft(pid, "-j", "list", "map", "inet", "fairlead", "endpoints4")
        return [value["concat"][0] for item in json.loads(text)["nftables"] if "map" in item
                for _, value in item["map"]["elem"]]

    def rules(self, pid):
        """Their lines in any order: a chain that is made anew comes last."""
        return sorted(self.nft(pid, "-s", "-t", "list", "table", "inet", "fairlead").split("\n"))

    def test_loads_and_changes_larger_than_the_send_buffer(self):
        self.put(1)
        daemon = self.node.popen(*user_namespaces.PREFIX, lab.BUILD / "fairlead", "run",
                                 "--manifests", self.folder.path, "--control", self.control, "--state-dir", self.lab.folder / "state", "--dns-listen",
                                 "127.0.0.1", "--healthz-bind-address", "", "--metrics-bind-address", "",
                                 stderr=subprocess.DEVNULL)
        lab.wait_until(lambda: self.kernel().get("inSync"), what="everything loaded")
        loaded = self.endpoints(daemon.pid)
        self.assertEqual((len(loaded), {addr.split(".")[1] for addr in loaded}), (SERVICES * ENDPOINTS, {"1"}))
        before = self.kernel()["operations"]
        self.put(2)
        lab.wait_until(lambda: self.kernel().get("operations", 0) == before + 2 * SERVICES * ENDPOINTS, what="all moved")
        moved = self.endpoints(daemon.pid)
        self.assertEqual((len(moved), {addr.split(".")[1] for addr in moved}), (SERVICES * ENDPOINTS, {"2"}))
        # more notifications than the monitor's buffer holds: the table is read back
        rules = self.rules(daemon.pid)
        for count, damage in enumerate(("flush map inet fairlead endpoints4", "flush ruleset"), 1):
            self.nft(daemon.pid, damage)
            lab.wait_until(lambda: self.kernel().get("repairs") == count and self.kernel()["inSync"], what=damage)
            self.assertEqual(sorted(self.endpoints(daemon.pid)), sorted(moved))
        # whether it can tell that only rules are gone depends on how fast it reads
        self.nft(daemon.pid, "flush table inet fairlead")
        lab.wait_until(lambda: self.kernel().get("repairs") == 3 and self.kernel()["inSync"], what="rules")
        self.assertEqual(self.rules(daemon.pid), rules)
        self.assertEqual(self.kernel()["refused"], 0)
        daemon.terminate()
        self.assertEqual(daemon.wait(lab.LIMIT_S), 0)


if __name__ == "__main__":
    unittest.main()
