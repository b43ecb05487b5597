"""No object that a tenant may write holds up other Services, takes the memory, or keeps the daemon from stopping."""
import os
import re
import time
import unittest

import hostile
import manifests
import patience
import scenes

FLIP_S = 1 * patience.FACTOR  # another Service's change, once the object was read
STOP_S = 1 * patience.FACTOR
MEMORY_KB = 256 * 1024
VERBOSE = "HOSTILE_VERBOSE" in os.environ
SANITIZED = bool(re.search("san", os.environ.get("FAIRLEAD_BUILD", "")))  # shadow memory and quarantines come on top


class Hostile(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.flips = 0
        self.flip()
        self.process = self.lab.daemon(self.node, self.folder, "--max-service-elements", "262144")

    def flip(self):
        self.flips += 1
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80]),
                        manifests.slice("web", [f"10.244.0.{self.flips % 250 + 1}"], [8080]))

    def flip_reaches_kernel(self):
        """Seconds from the rename of a file to the commit that has it."""
        before = self.process.status()["kernel"]["syncs"]
        started = time.monotonic()
        self.flip()
        want = f"10.244.0.{self.flips % 250 + 1}"
        while time.monotonic() - started < 60 * patience.FACTOR:
            if self.process.status()["kernel"]["syncs"] > before and want in self.web_endpoint():
                return time.monotonic() - started
            time.sleep(0.002)
        self.fail("the change never reached the kernel")

    def web_endpoint(self):
        return self.node.run("nft", "get", "element", "inet", "fairlead", "endpoints4",
                             "{ 10.96.0.1 . tcp . 80 . 0 }", check=False).stdout

    def held(self):
        return [h["service"] for h in self.process.status()["kernel"]["quarantined"]]

    def each(self, cases, expanding):
        cases = list(cases)
        slow, big = [], []
        for name, objects in cases:
            with self.subTest(name):
                self.folder.put("hostile", *objects)
                self.flip_reaches_kernel()  # behind the object: it has been read by then
                took = self.flip_reaches_kernel()
                if VERBOSE:
                    print(f"{name:45} flip {took:6.3f} s, peak {self.process.peak_kb() // 1024:3} MB", flush=True)
                if took > FLIP_S:
                    slow.append((name, round(took, 3)))
                if self.process.peak_kb() > MEMORY_KB and not SANITIZED:
                    big.append((name, self.process.peak_kb()))
                if expanding:
                    self.assertEqual(self.held(), [f"{hostile.NS}/hostile"])
                started = time.monotonic()
                self.process.stop()
                stopped = time.monotonic() - started
                self.assertLess(stopped, STOP_S)
                self.folder.remove("hostile")
                self.process.start()
        self.assertEqual((slow, big), ([], []))

    def test_there_are_enough(self):
        self.assertGreaterEqual(len(list(hostile.expanding())) + len(list(hostile.large())), 40)

    def test_above_the_budget(self):
        self.each(hostile.expanding(), True)

    def test_within_the_budget(self):
        self.each(hostile.large(), False)


if __name__ == "__main__":
    unittest.main()
