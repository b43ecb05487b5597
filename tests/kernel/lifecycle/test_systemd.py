"""The installed unit under a real systemd: started when it serves, restarted without a loss, watched, and its journal."""
import json
import os
import re
import signal
import time
import unittest
from pathlib import Path

import lab
import manifests
import patience
import scenes
import systemd
from dns_client import Client
from dns_load import Load

WEB, WEB_VIP, LISTEN = "web.default.svc.cluster.local", "10.96.0.1", "192.168.0.2"
WATCHDOG_S = 2 * patience.FACTOR


@unittest.skipIf(systemd.why_not(), systemd.why_not())
class Systemd(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.client = self.lab.pod(self.node, "client", "10.244.0.99")
        self.machine = systemd.Machine(self.node, self.lab.folder)
        self.addCleanup(self.machine.end)
        self.etc = self.machine.root / "etc"
        manifests.Folder(self.etc / "fairlead").put("web", manifests.service("web", WEB_VIP, [80]))
        self.flags("--manifests /etc/fairlead", f"--dns-listen {LISTEN}")
        self.drop_in(f"WatchdogSec={WATCHDOG_S}")
        for folder in (self.machine.root, *self.machine.root.rglob("*")):
            folder.chmod(0o755 if folder.is_dir() or os.access(folder, os.X_OK) else 0o644)
        self.machine.start()

    def flags(self, *words):
        (self.etc / "default/fairlead").write_text(f"FAIRLEAD_FLAGS={' '.join(words)}\n")

    def drop_in(self, line):
        folder = self.machine.units / "fairlead.service.d"
        folder.mkdir()
        (folder / "test.conf").write_text(f"[Service]\n{line}\n")

    def answers(self):
        try:
            return Client(self.client, LISTEN).ask(WEB).answer == [f"{WEB}. 5 IN A {WEB_VIP}"]
        except OSError:
            return False

    def test_started_when_it_serves(self):
        self.machine.systemctl("start", "fairlead")
        self.assertTrue(self.answers())
        self.assertEqual(self.machine.property("ActiveState"), "active")
        self.assertEqual(self.machine.property("StatusText"), "in sync, 1 services")
        status = Path(f"/proc/{self.pid_outside()}/status").read_text()
        self.assertNotIn("Uid:\t0\t", status)
        lines = [json.loads(line) for line in self.machine.journal("-o", "json").splitlines()]
        priorities = {line["MESSAGE"]: line["PRIORITY"] for line in lines if line.get("_COMM") == "fairlead"}
        start = next(message for message in priorities if "starts on node" in message)
        self.assertEqual((start[:8], priorities[start]), ("notice: ", "5"))
        self.assertIn("6", priorities.values())
        self.machine.systemctl("stop", "fairlead")
        self.assertEqual(self.machine.property("Result"), "success")

    def test_a_source_that_is_away_is_no_failure(self):
        """`systemctl start` ends after 10 s, and the status line says what is missing."""
        self.machine.run("sh", "-c", f"echo 'FAIRLEAD_FLAGS=--manifests /etc/fairlead --dns-listen {LISTEN},203.0.113.1' "
                         ">/etc/default/fairlead")
        since = time.monotonic()
        self.machine.systemctl("start", "fairlead", limit_s=60 * patience.FACTOR)
        self.assertGreater(time.monotonic() - since, 9)
        self.assertIn("not in sync yet", self.machine.property("StatusText"))
        self.assertTrue(self.answers())
        self.node.add_addr("203.0.113.1")
        lab.equals_within(lambda: self.machine.property("StatusText"), "in sync, 1 services")

    def test_a_restart_loses_nothing(self):
        self.machine.systemctl("start", "fairlead")
        load = Load(self.client, LISTEN, 300 / patience.FACTOR, WEB, late_s=lab.LIMIT_S)
        time.sleep(0.5)
        for _ in range(2):
            self.machine.systemctl("restart", "fairlead")
        time.sleep(0.5)
        rows = load.stop()
        self.assertEqual([row for row in rows if row.answered is None], [])
        self.assertEqual({row.by for row in rows}, {WEB_VIP})
        self.assertIn("4 sockets of the process before", self.machine.journal())

    def test_a_process_that_hangs_is_replaced(self):
        self.machine.systemctl("start", "fairlead")
        time.sleep(2 * WATCHDOG_S)
        self.assertEqual(self.machine.property("NRestarts"), "0")
        before = self.machine.property("MainPID")
        os.kill(self.pid_outside(), signal.SIGSTOP)
        lab.wait_until(lambda: self.machine.property("MainPID") not in (before, "0"), what="another process")
        lab.wait_until(self.answers, what="DNS answers")
        self.assertIn("Watchdog timeout", self.machine.journal())

    def test_exec_probes(self):
        """With the drop-in of docs/manifests.md."""
        text = re.search(r"(?m)^    \[Service\]\n(?:    .+\n)+", (systemd.TOP / "docs/manifests.md").read_text())[0]
        (self.machine.units / "fairlead.service.d/exec.conf").write_text(text)
        look = "test $(id -un) = nobody && grep -q ^CapPrm:.0000000000000000 /proc/self/status && echo $$ says so && exit 3"
        manifests.Folder(self.etc / "fairlead").put("probed", manifests.service("probed", "10.96.0.2", [80], selector={"app": "probed"}), {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probed", "namespace": "default", "labels": {"app": "probed"},
                                                            "annotations": {"fairlead/pod-ip": "10.244.0.9"}},
            "spec": {"containers": [{"name": "c", "image": "x", "readinessProbe": {
                "exec": {"command": ["sh", "-c", look]}, "periodSeconds": 1}}]}})
        (self.etc / "fairlead/probed.json").chmod(0o644)
        self.flags("--manifests /etc/fairlead", f"--dns-listen {LISTEN}", "--allow-exec-probes")
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("start", "fairlead")
        lab.wait_until(lambda: "probe failing: exit code 3: 2 says so" in self.machine.run("fairlead", "endpoints", "default/probed").stdout,
                       what="a command in a process namespace")

    def pid_outside(self):
        inside = self.machine.property("MainPID")
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            ids = next((line.split() for line in text.splitlines() if line.startswith("NSpid:")), [])
            if text.startswith("Name:\tfairlead\n") and ids[-1:] == [inside] and len(ids) == 3:
                return int(status.parent.name)
        raise AssertionError(f"no process {inside} of the machine")


if __name__ == "__main__":
    unittest.main()
