"""A Service that would take more memory than the daemon may have is held; others are served, nothing is killed."""
import os
import re
import unittest

import hostile
import lab
import manifests
import memory
import scenes

LIMIT_MB = 64


@unittest.skipIf(re.search("san", os.environ.get("FAIRLEAD_BUILD", "")), "a sanitizer's own memory exceeds the limit")
class MemoryTarget(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.limit = memory.Limit(LIMIT_MB)
        self.addCleanup(self.limit.end)
        self.web("10.244.0.1")
        self.process = self.lab.daemon(self.node, self.folder, start=False)
        self.process.launcher = self.limit.launcher
        self.process.start()
        self.addCleanup(self.process.kill)
        self.pid = self.process.process.pid

    def web(self, address):
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80]), manifests.slice("web", [address], [8080]))

    def endpoints(self):
        return self.process.call("endpoints", "default/web").stdout

    def held(self):
        return {h["service"]: h["reason"] for h in self.process.status()["kernel"]["quarantined"]}

    def test_the_one_that_grows_is_held(self):
        told = self.process.status()["memory"]
        self.assertEqual(told["limitBytes"], LIMIT_MB * memory.MB)
        self.assertEqual(told["targetBytes"], (LIMIT_MB - 24) * memory.MB)
        self.assertEqual(told["limitedBy"], "control group" if self.limit.folder else "RLIMIT_DATA")
        name = f"{hostile.NS}/hostile"
        # within --max-service-elements: 200 000 elements, some 120 MB
        self.folder.put("hostile", *hostile.balanced(1, 2000, externalIPs=hostile.addresses(99)))
        lab.wait_until(lambda: name in self.held(), what="held")
        self.assertRegex(self.held()[name], r"needs about \d+ MB of memory, \d+ MB are left to the target of 40 MB")
        self.assertIn("not programmed: needs about", self.process.call("services", name, check=False).stderr)
        self.web("10.244.0.2")
        lab.wait_until(lambda: "10.244.0.2" in self.endpoints(), what="change of another Service")
        # what fits is served, and what it becomes later is held at that version
        self.folder.put("hostile", *hostile.balanced(1, 3, externalIPs=hostile.addresses(99)))
        lab.wait_until(lambda: not self.held(), what="served")
        self.folder.put("hostile", *hostile.balanced(1, 2000, externalIPs=hostile.addresses(99)))
        lab.wait_until(lambda: name in self.held(), what="held again")
        shown = self.process.call("services", name).stdout
        self.assertIn("3/3", shown)
        self.assertIn("an older version; the newest is not programmed: needs about", shown)
        self.assertEqual(self.process.log().count(f"service {name}: needs about"), 2)
        self.assertEqual(self.process.process.pid, self.pid)
        self.assertIsNone(self.process.process.poll())
        if self.limit.peak_mb() is not None:
            self.assertLess(self.limit.peak_mb(), LIMIT_MB)


if __name__ == "__main__":
    unittest.main()
