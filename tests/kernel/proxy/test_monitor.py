"""What the kernel's notifications tell of changes by other programs."""
import signal
import time
import unittest

import lab
import user_namespaces
from driver import Driver


class MonitorTest(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.ns("node")
        self.driver = Driver(self.node)
        self.addCleanup(self.driver.__exit__)
        self.driver("load")
        self.driver("watch")

    def test_own_changes_are_quiet(self):
        self.driver.commit("add cluster-ips 10.96.0.1")
        self.driver("generate 3000 10")  # more notifications than any socket holds
        self.driver("load")
        self.assertEqual(self.driver("wait 100"), ["quiet"])

    def test_changes_by_others_are_told(self):
        self.driver.commit("add cluster-ips 10.96.0.1", "add dispatch 10.96.0.1 tcp 80 reject",
                           "add endpoints fd00::1 udp 53 7 fd00:1::1 5353")
        for change in ("delete element inet fairlead cluster-ips4 { 10.96.0.1 }",
                       "flush map inet fairlead dispatch4",
                       "delete element inet fairlead endpoints6 { fd00::1 . udp . 53 . 7 }",
                       "add element inet fairlead allowed-sources4 { 10.96.0.1 . tcp . 80 . 10.0.0.0/8 . ipv4 }",
                       "add element inet fairlead service-cidrs4 { 10.96.0.0/12 }",
                       "add element inet fairlead affinity4 { * : 10.1.1.1 . 1 }",  # no client
                       "add rule inet fairlead output accept",
                       "flush chain inet fairlead output",
                       "add set inet fairlead s { type ipv4_addr; }",
                       "flush ruleset"):
            with self.subTest(change=change):
                self.node.nft(change)
                self.assertEqual(self.driver("wait 20000"), ["changed"])
        self.assertEqual(self.driver("wait 50"), ["quiet"])

    def builds_after_a_moment(self):
        """Stopped in the middle of the replacement of the table? `nft list` waits for an end of commits."""
        self.driver.process.send_signal(signal.SIGCONT)
        time.sleep(0.005)
        self.driver.process.send_signal(signal.SIGSTOP)
        return "fairlead-next" in self.node.nft("list", "tables")

    def test_an_external_commit_during_a_load_is_told(self):
        """The daemon does not listen meanwhile: the number of commits gives it away."""
        self.driver("generate 20000 10")
        self.driver.send("load")
        lab.wait_until(self.builds_after_a_moment)
        self.node.nft("add table inet other")
        self.driver.process.send_signal(signal.SIGCONT)
        self.driver.answer()
        self.assertEqual(self.driver("wait 20000"), ["changed, lost"])
        self.node.nft("delete element inet fairlead cluster-ips4 { 10.128.0.1 }")
        self.assertEqual(self.driver("wait 20000"), ["changed"])

    def test_remembered_clients_are_the_packet_paths(self):
        self.node.nft("add element inet fairlead affinity4 { 10.0.0.1 . 10.96.0.1 . tcp . 80 : 10.1.1.1 . 80 }")
        self.assertEqual(self.driver("wait 100"), ["quiet"])

    def test_other_tables_do_not_matter(self):
        self.node.nft("add table inet other; add set inet other fairlead { type ipv4_addr; }; "
                      "add element inet other fairlead { 1.2.3.4 }")
        self.node.nft("add table ip fairlead")
        self.node.nft("delete table inet other")
        self.assertEqual(self.driver("wait 100"), ["quiet"])

    def test_lost_notifications_count_as_a_change(self):
        """200 000 elements of another table while nothing reads: the socket overflows."""
        with Driver(self.node, "table:other") as other:
            other("generate 40000 4")
            other("load")
        self.assertEqual(self.driver("wait 20000")[-1], "changed, lost")

    @user_namespaces.needed
    def test_the_end_of_a_change_is_lost_too(self):
        """The kernel drops all that comes after the buffer is full; what it holds is a change without an end."""
        with Driver(self.node, prefix=user_namespaces.PREFIX) as driver:  # a small buffer
            driver("generate 5000 2")
            driver("load")
            driver("watch")
            self.node.run("nsenter", "-t", driver.process.pid, "-U", "-n", "--preserve-credentials",
                          "nft", "flush map inet fairlead endpoints4; flush map inet fairlead dispatch4")
            self.assertEqual(driver("wait 20000")[-1], "changed, lost")


if __name__ == "__main__":
    unittest.main()
