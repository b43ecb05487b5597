"""Ranges that overlap what they replace, in transactions that are sent in parts: the kernel refuses both at once."""
import unittest

import lab
import user_namespaces
from driver import Driver


class RangePartsTest(lab.LabTest):
    def driver(self, **kwargs):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        driver = Driver(self.lab.ns("node"), **kwargs)
        self.addCleanup(driver.__exit__)
        return driver

    RANGES = [f"allowed-sources 192.0.2.1 tcp 80 {r}" for r in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]

    def replaces_ranges(self, old, new, parts):
        """From `old` to `new` in parts of one element; then back, and again as the pieces of a huge transaction."""
        driver = self.driver()
        other = [line.replace("192.0.2.1", "192.0.2.2") for line in self.RANGES] + ["allowed-sources fd00::1 tcp 80 ::/0"]
        driver.elements(*old, *other)
        driver("load")
        before = driver("dump")

        def replace(gone, come):
            for line in [f"del {e}" for e in gone if e not in come] + [f"add {e}" for e in come if e not in gone]:
                driver(line)
        replace(old, new)
        self.assertEqual(driver("parts 1"), [f"parts {parts}"])
        after = driver("dump")
        driver("cleanup")
        driver.elements(*new, *other)
        driver("load")
        self.assertEqual(after, driver("dump"))
        replace(new, old)
        driver("parts 1")
        self.assertEqual(driver("dump"), before)
        driver("forget")
        driver("generate 1000 10")
        driver("addall")
        replace(old, new)
        driver("commit")
        driver("delall")
        replace(new, old)
        driver("commit")
        self.assertEqual(driver("dump"), before)

    def test_source_ranges_are_narrowed_in_parts(self):
        """The kernel refuses a range that overlaps one that is there."""
        new = ["allowed-sources 192.0.2.1 tcp 80 " + r for r in ("10.1.0.0/16", "10.3.0.0/16", "172.16.0.0/13", "192.168.0.0/16",
                                                                 "11.0.0.0/8")]
        self.replaces_ranges(self.RANGES, new, parts=4)  # 11.0.0.0/8; 10.0.0.0/8; 172.16.0.0/12; the end

    def test_source_ranges_are_widened_in_parts(self):
        old = ["allowed-sources 192.0.2.1 tcp 80 " + r for r in ("10.0.0.0/16", "10.1.0.0/16", "172.31.0.0/24", "192.168.0.0/24",
                                                                 "192.168.2.0/24")]
        self.replaces_ranges(old, self.RANGES, parts=4)

    def test_service_cidrs_change_in_parts(self):
        self.replaces_ranges(["service-cidrs 10.96.0.0/12", "service-cidrs 172.20.0.0/16"],
                             ["service-cidrs 10.96.0.0/16", "service-cidrs 10.100.0.0/16", "service-cidrs 172.20.0.0/15"], parts=3)

    def test_many_ranges_are_not_one_transaction(self):
        """The kernel takes a second for 4 000, in which nothing else goes on: the old ones go first."""
        driver = self.driver()
        wide = "allowed-sources 192.0.2.1 tcp 80 10.0.0.0/8"
        narrow = [f"allowed-sources 192.0.2.1 tcp 80 10.{i >> 8}.{i & 255}.0/25" for i in range(1000)]
        driver.elements(wide)
        driver("load")
        before = driver("dump")
        for line in [f"del {wide}"] + [f"add {line}" for line in narrow]:
            driver(line)
        self.assertGreaterEqual(int(driver("parts 100")[0].split()[1]), 10)
        self.assertEqual(driver("count"), ["1000"])
        for line in [f"del {line}" for line in narrow] + [f"add {wide}"]:
            driver(line)
        self.assertGreaterEqual(int(driver("parts 100")[0].split()[1]), 10)
        self.assertEqual(driver("dump"), before)

    @user_namespaces.needed
    def test_ranges_that_no_datagram_takes_at_once(self):
        driver = self.driver(prefix=user_namespaces.PREFIX)
        wide = "allowed-sources 192.0.2.1 tcp 80 10.0.0.0/8"
        narrow = [f"allowed-sources 192.0.2.1 tcp 80 10.{i >> 8}.{i & 255}.0/25" for i in range(4000)]
        driver.elements(wide)
        driver("load")
        for line in [f"del {wide}"] + [f"add {line}" for line in narrow]:
            driver(line)
        driver("parts 4096")
        self.assertEqual(driver("count"), ["4000"])
        for line in [f"del {line}" for line in narrow] + [f"add {wide}"]:
            driver(line)
        driver("parts 4096")
        self.assertEqual(driver("dump"), ["allowed-sources4 { 192.0.2.1 . tcp . 80 . 10.0.0.0/8 }"])


if __name__ == "__main__":
    unittest.main()
