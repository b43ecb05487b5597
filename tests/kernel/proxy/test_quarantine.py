"""One service that the kernel refuses for good: all others go on, and it keeps what it had."""
import json
import unittest

import lab
import manifests
import traffic

REFUSED = 6666  # fairlead_refused.c


class Quarantine(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "manifests")
        for name in ("bad", "web"):
            self.lab.servers.tcp(self.lab.pod(self.node, name, self.pod(name)), name, 8080)
        self.put("bad", 8080)
        self.put("web", 8080)

    @staticmethod
    def pod(name):
        return {"bad": "10.244.0.10", "web": "10.244.0.11"}[name]

    def put(self, name, port, endpoints=None):
        vip = {"bad": "10.96.0.1", "web": "10.96.0.2"}[name]
        self.folder.put(name, manifests.service(name, vip, [80]),
                        manifests.slice(name, [self.pod(name)] if endpoints is None else endpoints, [port]))

    def daemon(self):
        daemon = lab.Daemon(self.node, ["--manifests", self.folder.path], self.lab.folder,
                            program=lab.BUILD / "tests/kernel/fairlead_refused")
        self.lab.daemons.append(daemon)
        return daemon.start()

    def reaches(self, vip, want):
        lab.equals_within(lambda: traffic.connect(self.node, vip, 80, limit_s=0.5).server, want)

    def quarantined(self, daemon):
        return json.loads(daemon.call("status", "-o", "json", check=False).stdout)["kernel"]["quarantined"]

    def test_while_it_runs(self):
        daemon = self.daemon()
        self.reaches("10.96.0.1", "bad")
        self.put("bad", REFUSED)
        lab.wait_until(lambda: self.quarantined(daemon), what="the service is held")
        self.assertEqual([h["service"] for h in self.quarantined(daemon)], ["default/bad"])
        self.reaches("10.96.0.1", "bad")
        self.put("web", 8080, [])
        lab.wait_until(lambda: traffic.connect(self.node, "10.96.0.2", 80, limit_s=0.3).outcome == "refused")
        self.put("web", 8080)
        self.reaches("10.96.0.2", "web")
        self.assertRegex(daemon.call("status").stdout,
                         r"kernel   in sync.*\n +service default/bad in quarantine: .*endpoints4 \{ 10\.96\.0\.1 ")
        self.assertIn("an older version; the newest is not programmed: ", daemon.call("endpoints", "default/bad").stdout)
        self.assertIn("fairlead_services_quarantined 1\n", traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body)
        self.assertEqual(traffic.curl(self.node, "http://127.0.0.1:10256/readyz").code, 200)
        self.assertEqual(daemon.log().count("service default/bad: rejected by the kernel"), 1)
        self.put("bad", 8080)
        lab.equals_within(lambda: self.quarantined(daemon), [])
        self.assertIn("fairlead_services_quarantined 0\n", traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body)

    def test_at_start(self):
        self.put("bad", REFUSED)
        daemon = self.daemon()
        self.reaches("10.96.0.2", "web")
        self.assertEqual([h["service"] for h in self.quarantined(daemon)], ["default/bad"])
        self.assertIn("default/bad: not programmed: rejected by the kernel: ", daemon.call("services", "default/bad", check=False).stderr)
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "bad.default.svc.cluster.local").status, "NXDOMAIN")
        self.put("bad", 8080)
        self.reaches("10.96.0.1", "bad")


if __name__ == "__main__":
    unittest.main()
