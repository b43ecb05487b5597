"""The SOA serial of the real daemon over restarts: always newer, also when the clock cannot tell."""
import time
import unittest

import lab
import manifests
from dns_client import Client

CHANGES = 300  # within a second or two, so the serial runs ahead of the clock


class Serial(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.ns("node")
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80]))
        self.daemon = self.lab.daemon(self.node, self.folder, "--no-proxy", start=False)
        self.kept = self.daemon.folder / "state" / "dns.serial"

    def serial(self):
        return int(Client(self.node).ask("cluster.local", "SOA").answer[0].split()[6])

    def change_much(self):
        first = self.serial()
        self.folder.put("many", *(manifests.service(f"s{n}", f"10.96.1.{n % 200}", [80]) for n in range(CHANGES)))
        lab.wait_until(lambda: self.serial() >= first + CHANGES, what="all are published")
        return self.serial()

    def test_after_a_kill(self):
        self.daemon.start()
        before = self.change_much()
        self.assertGreater(before, time.time() + CHANGES / 2)
        self.daemon.kill()
        self.daemon.start()
        self.assertGreater(self.serial(), before)

    def test_after_a_stop(self):
        self.daemon.start()
        before = self.change_much()
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual(self.serial(), before + 1)

    def test_a_clock_that_stepped_back(self):
        self.daemon.start()
        self.daemon.stop()
        tomorrow = int(time.time()) + 86400
        self.kept.write_text(f"{tomorrow}\n")
        self.daemon.start()
        self.assertEqual(self.serial(), tomorrow)
        self.assertGreater(int(self.kept.read_text()), tomorrow)

    def test_what_cannot_be_used(self):
        self.daemon.start()
        for content in ("", "12", "x\n", "-1\n", "4294967296\n", "99999999999999999999\n"):
            self.daemon.stop()
            self.kept.write_text(content)
            self.daemon.start()
            self.assertAlmostEqual(self.serial(), time.time(), delta=lab.LIMIT_S)
            self.assertIn("dns.serial is ignored: dns.serial does not hold a serial", self.daemon.log())
        self.daemon.stop()
        self.kept.unlink()
        self.kept.symlink_to("/dev/zero")
        self.daemon.start()
        self.assertAlmostEqual(self.serial(), time.time(), delta=lab.LIMIT_S)
        self.assertFalse(self.kept.is_symlink(), "the file has taken its place")

    def test_a_folder_that_cannot_be_written(self):
        self.daemon.folder.joinpath("state").write_text("a file")
        self.daemon.start()
        self.assertEqual(self.daemon.log().count("cannot keep it in"), 1)
        self.assertAlmostEqual(self.serial(), time.time(), delta=lab.LIMIT_S)


if __name__ == "__main__":
    unittest.main()
