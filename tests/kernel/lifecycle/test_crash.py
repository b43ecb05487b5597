"""Killed at any moment: what was last committed goes on working, and no half state is ever reachable."""
import json
import random
import time
import unittest

import manifests
import scenes

SERVICES = 1500


def many(first, endpoint):
    objects = []
    for i in range(first, first + 100):
        objects += [manifests.service(f"s{i}", f"10.97.{i // 250}.{i % 250}", [manifests.port(80, "http")]),
                    manifests.slice(f"s{i}", [endpoint, "10.244.0.50"], [("http", 8080)])]
    return objects


class CrashTest(scenes.WebTest):
    def setUp(self):
        super().setUp()
        for first in range(0, SERVICES, 100):
            self.folder.put(f"many-{first}", *many(first, self.POD))
        self.started = self.daemon(start=False)
        self.random = random.Random(7)

    def counts(self):
        return tuple(len(self.node.elements(f"{name}4")) for name in ("dispatch", "endpoints", "cluster-ips"))

    def test_killed_while_loading(self):
        """A cold start: the table is absent, or not hooked, or whole. A client never meets a part of it."""
        want = (SERVICES + 1, 2 * SERVICES + 1, SERVICES + 1)
        start = time.monotonic()
        self.started.start()
        whole_s = time.monotonic() - start
        self.assertEqual(self.counts(), want)
        for _ in range(8):
            self.started.kill()
            self.node.nft("flush", "ruleset")
            self.started.start(ready=False)
            time.sleep(self.random.uniform(0, whole_s * 1.2))
            self.started.kill()
            table = self.node.table()
            hooked = table is not None and any("hook" in item.get("chain", {}) for item in table)
            if hooked:
                self.assertEqual(self.counts(), want)
        self.started.start()
        self.assertEqual(self.counts(), want)
        self.assertTrue(self.reaches_web())

    def test_killed_while_changing(self):
        """Each change of a file is one transaction: either all hundred services of it have moved, or none."""
        self.started.start()
        endpoints = ["10.244.0.10", "10.244.0.60"]
        for i in range(10):
            first = self.random.randrange(0, SERVICES, 100)
            self.folder.put(f"many-{first}", *many(first, endpoints[i % 2]))
            time.sleep(self.random.uniform(0, 0.02))
            self.started.kill()
            self.assertTrue(self.reaches_web(), f"round {i}")
            moved = sum("10.244.0.60" in json.dumps(e) for e in self.node.elements("endpoints4"))
            self.assertEqual(moved % 100, 0)
            self.started.start()
            self.assertTrue(self.reaches_web(), f"round {i}")
        self.assertEqual(self.started.status()["kernel"]["start"], "adopted")


if __name__ == "__main__":
    unittest.main()
