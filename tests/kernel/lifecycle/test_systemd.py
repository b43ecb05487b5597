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
import traffic
from dns_client import Client
from dns_load import Load

WEB, WEB_VIP, LISTEN = "web.default.svc.cluster.local", "10.96.0.1", "192.168.0.2"
LAN_VIP = "192.168.0.200"
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
        # a process without the right to trace cannot look for its leaks
        self.drop_in(f"[Service]\nWatchdogSec={WATCHDOG_S}\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n")

    def readable(self):
        for path in (self.machine.root, *self.machine.root.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)

    def start(self):
        self.readable()
        self.machine.start()
        self.machine.systemctl("start", "fairlead")

    def flags(self, *words):
        (self.etc / "default/fairlead").write_text(f"FAIRLEAD_FLAGS={' '.join(words)}\n")

    def drop_in(self, text, name="test"):
        folder = self.machine.units / "fairlead.service.d"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.conf").write_text(text)

    def answers(self):
        try:
            return Client(self.client, LISTEN).ask(WEB).answer == [f"{WEB}. 5 IN A {WEB_VIP}"]
        except OSError:
            return False

    def test_started_when_it_serves(self):
        self.start()
        self.assertTrue(self.answers())
        self.assertEqual(self.machine.property("ActiveState"), "active")
        self.assertEqual(self.machine.property("StatusText"), "in sync, 1 service")
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
        self.flags("--manifests /etc/fairlead", f"--dns-listen {LISTEN},203.0.113.1")
        self.readable()
        self.machine.start()
        since = time.monotonic()
        self.machine.systemctl("start", "fairlead", limit_s=60 * patience.FACTOR)
        self.assertGreater(time.monotonic() - since, 9)
        self.assertIn("not in sync yet", self.machine.property("StatusText"))
        self.assertTrue(self.answers())
        self.node.add_addr("203.0.113.1")
        lab.equals_within(lambda: self.machine.property("StatusText"), "in sync, 1 service")

    def test_conntrack_flags(self):
        """Of the kernel's tunables, those of conntrack can be written, by a user that is not root."""
        file = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait"
        self.flags("--manifests /etc/fairlead", f"--dns-listen {LISTEN}", "--conntrack-tcp-timeout-close-wait=77m")
        self.assertNotEqual(self.node.run("cat", file).stdout, "4620\n")
        self.start()
        self.assertEqual(self.node.run("cat", file).stdout, "4620\n")
        other = self.machine.run("nsenter", f"--mount=/proc/{self.machine.property('MainPID')}/ns/mnt", "sh", "-c",
                                 "echo 1 >/proc/sys/net/ipv4/ip_forward", check=False)
        self.assertIn("Read-only file system", other.stderr)

    def test_a_restart_loses_nothing(self):
        self.start()
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
        self.start()
        time.sleep(2 * WATCHDOG_S)
        self.assertEqual(self.machine.property("NRestarts"), "0")
        before = self.machine.property("MainPID")
        os.kill(self.pid_outside(), signal.SIGSTOP)
        lab.wait_until(lambda: self.machine.property("MainPID") not in (before, "0"), what="another process")
        lab.wait_until(self.answers, what="DNS answers")
        self.assertIn("Watchdog timeout", self.machine.journal())

    def test_exec_probes(self):
        """With the drop-in of docs/manifests.md."""
        self.drop_in(re.search(r"(?m)^    \[Service\]\n(?:    .+\n)+", (systemd.TOP / "docs/manifests.md").read_text())[0], "exec")
        look = "test $(id -un) = nobody && grep -q ^CapPrm:.0000000000000000 /proc/self/status && echo $$ says so && exit 3"
        manifests.Folder(self.etc / "fairlead").put("probed", manifests.service("probed", "10.96.0.2", [80], selector={"app": "probed"}), {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probed", "namespace": "default", "labels": {"app": "probed"},
                                                            "annotations": {"fairlead/pod-ip": "10.244.0.9"}},
            "spec": {"containers": [{"name": "c", "image": "x", "readinessProbe": {
                "exec": {"command": ["sh", "-c", look]}, "periodSeconds": 1}}]}})
        self.flags("--manifests /etc/fairlead", f"--dns-listen {LISTEN}", "--allow-exec-probes")
        self.start()
        lab.wait_until(lambda: "probe failing: exit code 3: 2 says so" in self.machine.run("fairlead", "endpoints", "default/probed").stdout,
                       what="a command in a process namespace")

    def test_announce_with_the_drop_in_of_the_docs(self):
        page = (systemd.TOP / "docs/lab.md").read_text()
        block = re.search(r"fairlead\.service\.d/announce\.conf`:\n\n((?:    .*\n)+)", page)[1]
        self.drop_in(block, "announce")
        self.node.sysctl("net.ipv6.conf.all.proxy_ndp", 1)
        self.node.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.flags("--manifests /etc/fairlead", f"--dns-listen {LISTEN}", "--announce eth0")
        manifests.Folder(self.etc / "fairlead").put("web", manifests.service("web", WEB_VIP, [80], externalIPs=[LAN_VIP]))
        self.start()
        lab.wait_until(lambda: f"this machine answers for {LAN_VIP}" in self.machine.journal(), what="announced")
        self.assertEqual(self.machine.journal("-p", "warning").strip(), "-- No entries --")
        host = self.lab.host(self.node, "host", "192.168.0.50")
        self.assertEqual(traffic.connect(host, LAN_VIP, 80).outcome, "refused")  # it has no endpoints

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
