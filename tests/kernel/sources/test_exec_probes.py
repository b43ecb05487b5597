"""Exec probes: commands of manifests decide, as the user nobody, in a network namespace when asked, and end with the daemon."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import lab
import manifests as m
import patience
import scenes
import traffic
from cluster import ClusterTest, PODS

FLAG, USER = "--allow-exec-probes", "nobody"
VIP = "10.96.7.%d"


def pod(name, addr, annotations=None, **probes):
    """Labels: app is the part of the name before its dash."""
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": name.split("-")[0]},
                         "annotations": {"fairlead/pod-ip": addr, **(annotations or {})}},
            "spec": {"containers": [{"name": "c", "image": "x", **probes}]}}


def command(*words, **times):
    return {"exec": {"command": [*words]}, "periodSeconds": 1, "failureThreshold": 1, **times}


def processes(word):
    """Those that have this word in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_text(errors="replace").replace("\0", " "):
                found.append(int(path.parent.name))
        except OSError:  # it ended
            pass
    return found


class Shared:
    """A folder that commands may read and write."""

    def shared_folder(self):
        folder = Path(tempfile.mkdtemp(prefix="fairlead-exec-"))
        folder.chmod(0o1777)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder


class ExecProbes(Shared, ClusterTest):
    flags = (*ClusterTest.flags, FLAG)

    def setUp(self):
        self.shared = self.shared_folder()

    def give(self, name, number, *pods):
        self.put(name, m.service(name, VIP % number, [m.port(80, target=8080)], selector={"app": name}), *pods)
        return VIP % number

    def leads_to(self, vip, want):
        def reached():
            return {traffic.connect(self.client, vip, 80).server for _ in range(20)}
        lab.wait_until(lambda: reached() == set(want), what=f"{vip} leads to {want}")

    def says(self, name, at, text):
        def row():
            rows = self.daemon.call("endpoints", f"default/{name}").stdout.splitlines()
            return "".join(r for r in rows if f" {PODS[at][0]}:" in r)
        lab.wait_until(lambda: text in row(), what=f"{name}: {at}: {text}")

    def test_readiness(self):
        """The exit code decides; a command that hangs is a failure, and is ended."""
        files = {at: self.shared / at for at in "ab"}
        for file in files.values():
            file.touch()
        word = f"98701.{os.getpid()}"
        vip = self.give("ready", 1, *(pod(f"ready-{at}", PODS[at][0], readinessProbe=command("test", "-e", str(file)))
                                      for at, file in files.items()),
                        pod("ready-c", PODS["c"][0], readinessProbe=command("sleep", word)))
        self.leads_to(vip, "ab")
        self.says("ready", "c", "probe failing: timeout")
        files["a"].unlink()
        self.leads_to(vip, "b")
        self.says("ready", "a", "probe failing: exit code 1")
        files["a"].touch()
        self.leads_to(vip, "ab")
        self.remove("ready")
        lab.wait_until(lambda: not processes(word), what="the command is ended")

    def test_startup_gates_the_others(self):
        asked, started = self.shared / "asked", self.shared / "started"
        vip = self.give("slow", 2, pod("slow-a", PODS["a"][0], startupProbe=command("test", "-e", str(started)),
                                       readinessProbe=command("sh", "-c", f"touch {asked}")))
        self.says("slow", "a", "startup probe failing: exit code 1")
        self.assertFalse(asked.exists())
        started.touch()
        self.leads_to(vip, "a")
        self.assertTrue(asked.exists())

    def test_network_namespaces(self):
        """An address that only the pod's namespace has."""
        look = command("sh", "-c", "ip -4 -o addr show | grep -q 10.244.0.11")
        vip = self.give("inside", 3, pod("inside-a", PODS["a"][0], readinessProbe=look),
                        pod("inside-b", PODS["b"][0], {"fairlead/probe-netns": self.pods["b"].name}, readinessProbe=look),
                        pod("inside-c", PODS["c"][0], {"fairlead/probe-netns": "no-such"}, readinessProbe=look))
        self.leads_to(vip, "b")
        self.says("inside", "a", "probe failing: exit code 1")
        self.says("inside", "c", "probe failing: exit code 126: network namespace no-such: No such file or directory")

    def test_given_endpoints(self):
        """The program knows which of them it is asked about, and is not root."""
        program = self.shared / "check"
        program.write_text(f'#!/bin/sh\necho "$PROBE_ADDRESS $PROBE_PORT $(id -un)" >>{self.shared}/seen\n'
                           f'test "$PROBE_ADDRESS" = {PODS["b"][0]} || exec sh -c "echo not this one; exit 4"\n')
        program.chmod(0o755)
        service = m.service("given", VIP % 4, [m.port(80, target=8080)])
        service["metadata"]["annotations"] = {"fairlead/endpoints": ", ".join(PODS[p][0] for p in "ab"),
                                              "fairlead/probe": f"exec:{program} every 300ms failures 1"}
        self.put("given", service)
        self.leads_to(VIP % 4, "b")
        self.says("given", "a", "probe failing: exit code 4: not this one")
        self.assertEqual(set((self.shared / "seen").read_text().splitlines()),
                         {f"{PODS[p][0]} 8080 {USER}" for p in "ab"})

    def test_status_tells(self):
        state = self.daemon.status()["execProbes"]
        self.assertEqual((state["user"], state["isolated"], state["problem"]), (USER, True, ""))
        self.assertIn(state["pid"], processes("fairlead run"))
        self.assertRegex(self.daemon.call("status").stdout, rf"(?m)^exec     exec probes run as {USER} by process \d+, \d+ at present$")
        fields = Path(f"/proc/{state['pid']}/status").read_text()
        self.assertRegex(fields, r"CapEff:\t00000000002000e0\n")  # SYS_ADMIN, SETUID, SETGID, KILL
        self.assertRegex(fields, r"CapBnd:\t00000000002000e0\n")
        self.assertRegex(fields, r"NoNewPrivs:\t1\n")
        own = os.readlink(f"/proc/{state['pid']}/fd/3")
        self.assertRegex(own, "socket:")
        opened = {os.readlink(fd) for fd in Path(f"/proc/{state['pid']}/fd").iterdir()} - {own}
        self.assertEqual({what for what in opened if what.startswith("socket:")}, set(), "a socket of the daemon")


class Lives(Shared, scenes.WebTest):
    """What ends when, with a daemon for each test and a probe that hangs."""

    def setUp(self):
        super().setUp()
        self.word = f"98702.{os.getpid()}"
        self.folder.put("hang", m.service("hang", "10.96.0.7", [m.port(80, target=8080)], selector={"app": "hang"}),
                        pod("hang-a", self.POD, livenessProbe=command(
                            "sh", "-c", f"setsid sleep {self.word} & sleep {self.word}; true", timeoutSeconds=3600)))

    def hanging(self):
        daemon = self.daemon(FLAG)
        lab.wait_until(lambda: len(processes(self.word)) >= 3, what="the probe runs")
        return daemon, daemon.status()["execProbes"]["pid"]

    def nothing_is_left(self, helper):
        lab.wait_until(lambda: not processes(self.word), what="the commands are ended")
        lab.wait_until(lambda: not Path(f"/proc/{helper}/cmdline").exists() or not Path(f"/proc/{helper}/cmdline").read_bytes(),
                       what="the helper is ended")

    def test_a_stop_does_not_wait(self):
        daemon, helper = self.hanging()
        began = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - began, 2 * patience.FACTOR)  # a second, and what a busy machine adds
        self.nothing_is_left(helper)

    def test_a_killed_daemon(self):
        daemon, helper = self.hanging()
        daemon.kill()
        self.nothing_is_left(helper)

    def test_a_killed_helper(self):
        """The daemon goes on, says so, and endpoints stay as they are; new ones are not ready."""
        self.folder.put("stays", m.service("stays", "10.96.0.8", [m.port(80, target=8080)], selector={"app": "stays"}),
                        pod("stays-a", self.POD, readinessProbe=command("true")))
        daemon, helper = self.hanging()
        lab.wait_until(lambda: traffic.connect(self.client, "10.96.0.8", 80).outcome == "ok", what="the endpoint is in use")
        os.kill(helper, signal.SIGKILL)
        self.nothing_is_left(helper)
        problem = "the process that runs them has ended; a restart makes another one"
        lab.equals_within(lambda: daemon.status()["execProbes"]["problem"], problem)
        self.assertIn(f"exec probes cannot be made: {problem}", daemon.call("status").stdout)
        self.assertEqual(daemon.log().count("the process that runs exec probes has ended; a restart of the daemon makes another one"), 1)
        self.folder.put("new", m.service("new", "10.96.0.9", [m.port(80, target=8080)], selector={"app": "new"}),
                        pod("new-a", "10.244.0.77", readinessProbe=command("true")))
        lab.wait_until(lambda: "probe failing: the process that runs exec probes has ended" in daemon.call("endpoints", "default/new").stdout,
                       what="the reason")
        self.assertEqual(traffic.connect(self.client, "10.96.0.8", 80).outcome, "ok")
        self.assertTrue(self.reaches_web())

    def test_another_user_than_root(self):
        """As under the systemd unit: with the capabilities of the drop-in, and with the unit's alone."""
        unit, more = "+net_admin,+net_bind_service", "+setuid,+setgid,+kill,+sys_admin"
        look = command("sh", "-c", "grep -q ^CapPrm:.0000000000000000 /proc/self/status && test $(id -un) = nobody")
        self.folder.put("hang", m.service("hang", "10.96.0.7", [m.port(80, target=8080)], selector={"app": "hang"}),
                        pod("hang-a", self.POD, readinessProbe=look, livenessProbe=command("sleep", self.word, timeoutSeconds=3600)))
        for capabilities, says in ((f"{unit},{more}", r"10\.244\.0\.10:8080 .*\bused\b"),
                                   (unit, r"probe failing: the daemon needs CAP_SETUID, CAP_SETGID and CAP_KILL")):
            daemon = self.daemon(FLAG, start=False)
            subprocess.run(["chown", "-R", "1:1", self.lab.folder], check=True)
            daemon.launcher = ("setpriv", "--reuid=1", "--regid=1", "--clear-groups", f"--bounding-set=-all,{capabilities}",
                               f"--inh-caps=-all,{capabilities}", f"--ambient-caps=-all,{capabilities}", "--no-new-privs")
            daemon.start()
            lab.wait_until(lambda: re.search(says, daemon.call("endpoints", "default/hang").stdout, re.M), what=says)
            self.assertEqual(daemon.status()["rights"]["user"], 1)
            if capabilities != unit:
                pid, = lab.wait_until(lambda: processes(self.word), what="a command that goes on")
                first = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]  # of its process namespace
                self.assertRegex(Path(f"/proc/{first}/status").read_text(), r"(?s)NSpid:\t\d+\t1\n.*CapPrm:\t0000000000000000\n")
            daemon.stop()

    def test_only_of_manifests(self):
        done = self.node.run(lab.BUILD / "fairlead", "run", FLAG, "--apiserver", "https://192.0.2.1", check=False)
        self.assertEqual((done.returncode, done.stderr), (2, "fairlead run: --allow-exec-probes: only with --manifests: a cluster's "
                                                             "kubelets run them\n"))

    def test_without_the_flag(self):
        """One line, no process, and the probe counts as not there."""
        self.folder.put("hang", m.service("hang", "10.96.0.7", [m.port(80, target=8080)], selector={"app": "hang"}),
                        pod("hang-a", self.POD, readinessProbe=command("sleep", self.word)))
        daemon = self.daemon()
        lab.wait_until(lambda: traffic.connect(self.client, "10.96.0.7", 80).outcome == "ok", what="it is in use")
        line = ("Pod default/hang-a: spec.containers: exec probes of container c are not run without --allow-exec-probes: "
                "it counts as if it had none")
        self.assertEqual(daemon.log().count(line), 1, daemon.log())
        self.assertEqual(processes(self.word), [])
        self.assertNotIn("execProbes", daemon.status())


if __name__ == "__main__":
    unittest.main()
