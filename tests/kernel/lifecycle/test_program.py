"""The program as people and scripts meet it: usage, start, stop, two at a time, cleanup, exit codes."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time
import unittest
from pathlib import Path

import lab
import manifests
import scenes
import traffic

PROGRAM = str(lab.BUILD / "fairlead")


def fairlead(*args, **kwargs):
    return subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=lab.LIMIT_S,
                          stdin=subprocess.DEVNULL, check=False, **kwargs)


class UsageTest(unittest.TestCase):
    def refused(self, *args, says):
        done = fairlead(*args)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def test_usage_errors_exit_2_with_one_line(self):
        self.refused(says="a command is missing")
        self.refused("frobnicate", says="frobnicate: unknown command")
        self.refused("run", says="no source: give --manifests, --kubeconfig or --apiserver")
        self.refused("run", "--manifests", "/tmp", "--frobnicate", says="--frobnicate: unknown flag")
        self.refused("run", "--manifests", "/tmp", "--masquerade-bit", "32", says="--masquerade-bit 32: out of range")
        self.refused("run", "--manifests", "/tmp", "--cluster-cidr", "10.0.0.0", says="--cluster-cidr 10.0.0.0: must")
        self.refused("run", "--manifests", "/tmp", "--nodeport-addresses", "primary,nowhere",
                     says="--nodeport-addresses primary,nowhere")
        self.refused("run", "--manifests", "/tmp", "extra", says="extra: unexpected argument")
        self.refused("run", "--manifests", "/nonexistent/dir", says="--manifests /nonexistent/dir: No such file")
        self.refused("status", "--manifests", "/tmp", says="--manifests: unknown flag")
        self.refused("status", "-o", "yaml", says="-o yaml: unknown value (text, json)")
        self.refused("check", says="PATH")
        self.refused("help", "frobnicate", says="frobnicate: unknown command")

    def test_help_names_every_command_and_flag(self):
        text = fairlead("help").stdout
        for command in ("run", "status", "check", "cleanup", "version", "help"):
            self.assertRegex(text, rf"(?m)^  {command}\b")
            self.assertEqual(fairlead("help", command).returncode, 0)
        flags = fairlead("help", "run").stdout
        for flag in ("--manifests DIR", "--node-name NAME", "--dns-listen LIST", "-v N", "--no-dns"):
            self.assertIn(flag, flags)
        for arguments in (["--help"], ["-h"], ["--manifests", "/tmp", "--frobnicate", "--help"]):
            self.assertEqual(fairlead("run", *arguments).stdout, flags)
        self.assertIn("cannot be read", fairlead("check", "--", "-h").stdout)

    def test_version(self):
        done = fairlead("version")
        self.assertEqual(done.returncode, 0)
        release = (Path(__file__).parents[3] / "VERSION").read_text(encoding="ascii").strip()
        self.assertRegex(done.stdout, rf"\Afairlead {re.escape(release)} \(\S+\)\n\Z")

    def test_what_cannot_be_written_is_an_error(self):
        for command in (["version"], ["help"], ["help", "run"], ["--help"], ["run", "--help"], ["check", "/dev/null"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1, command)
            self.assertRegex(done.stderr, r"\Afairlead \w+: cannot write: No space left on device\n\Z")

    def test_status_without_daemon_is_3(self):
        done = fairlead("status", "--control", "/tmp/fairlead-test-none.sock", "--wait", "50ms")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stderr, "fairlead status: no daemon answers on /tmp/fairlead-test-none.sock: "
                                      "No such file or directory\n")

    def test_without_root(self):
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", PROGRAM, "run",
                               "--manifests", "/tmp", "--control", f"/tmp/fl-{os.getpid()}.sock", "--no-dns"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=lab.LIMIT_S, check=False)
        self.addCleanup(lambda: os.path.exists(f"/tmp/fl-{os.getpid()}.sock.lock")
                        and os.unlink(f"/tmp/fl-{os.getpid()}.sock.lock"))
        self.assertEqual(done.returncode, 1, done.stderr)
        why = "run as root or with CAP_NET_ADMIN: Operation not permitted"
        self.assertEqual(done.stderr.splitlines()[-1].split(" ", 1)[1], f"fatal: nftables: {why}")
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", PROGRAM, "cleanup",
                               "--control", f"/tmp/fl-{os.getpid()}.sock"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=lab.LIMIT_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, f"fairlead cleanup: {why}\n"))

    def test_as_another_user_with_two_capabilities(self):
        """As deploy/systemd/fairlead.service runs it: no root, CAP_NET_ADMIN and CAP_NET_BIND_SERVICE."""
        caps = "-all,+net_admin,+net_bind_service"
        with lab.Lab() as l:
            node = l.node()
            folder, own = manifests.Folder(l.folder / "m"), l.folder / "own"
            folder.put("web", manifests.service("web", "10.96.0.1", [80]))
            own.mkdir()
            for path in (l.folder, folder.path):
                os.chmod(path, 0o755)
            os.chown(own, 65534, 65534)
            process = node.popen("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
                                 f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set={caps}", PROGRAM, "run",
                                 "--manifests", folder.path, "--control", own / "c.sock", "--state-dir", own / "state",
                                 stderr=subprocess.PIPE)
            done = node.run(PROGRAM, "status", "--control", own / "c.sock", "--wait", "10s", check=False)
            for _ in range(100):  # until the socket is there
                if done.returncode != 3:
                    break
                time.sleep(0.1)
                done = node.run(PROGRAM, "status", "--control", own / "c.sock", "--wait", "10s", check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(traffic.dig(node, "127.0.0.1", "web.default.svc.cluster.local").status, "NOERROR")
            self.assertTrue(any("10.96.0.1" in json.dumps(e) for e in node.elements("dispatch4")))
            shown = json.loads(node.run(PROGRAM, "status", "-o", "json", "--control", own / "c.sock").stdout)["rights"]
            self.assertEqual([shown[key] for key in ("user", "noNewPrivileges", "dumpable")], [65534, True, False])
            held = {thread["name"]: thread["capabilities"] for thread in shown["threads"]}
            self.assertEqual({name for name in held if held[name]}, {"fairlead", "sockets", "conntrack"})
            self.assertEqual(held["fairlead"], "CAP_NET_ADMIN,CAP_NET_BIND_SERVICE")
            page = node.run("curl", "-s", "http://127.0.0.1:10249/metrics").stdout
            self.assertRegex(page, r"(?m)^process_open_fds [1-9]")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=lab.LIMIT_S)
            self.assertEqual(process.returncode, 0)


class CheckTest(unittest.TestCase):
    def test_good_and_bad(self):
        with lab.Lab() as l:
            folder = manifests.Folder(l.folder / "m")
            folder.put("web", manifests.service("web", "10.96.0.1", [80]))
            done = fairlead("check", str(folder.path))
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            folder.put("bad.yaml", "kind: Service\napiVersion: v1\nmetadata: {name: bad, namespace: x}\n"
                                   "spec: {clusterIP: 10.0.0.1, ports: [{port: 99999}]}\n")
            done = fairlead("check", str(folder.path))
            self.assertEqual(done.returncode, 1, done)
            self.assertRegex(done.stdout + done.stderr, r"bad\.yaml:\d+: Service x/bad: spec\.ports\[0\]\.port: ")
            self.assertEqual(fairlead("check", "/nonexistent").returncode, 1)


class LifecycleTest(scenes.WebTest):
    def test_status_text_and_json(self):
        daemon = self.daemon()
        done = daemon.call("status")
        self.assertEqual(done.returncode, 0)
        self.assertIn("in sync", done.stdout)
        self.assertIn("127.0.0.1:53", done.stdout)
        status = daemon.status()
        self.assertTrue(status["ready"])
        self.assertEqual(status["objects"]["Service"], 1)
        self.assertEqual(status["kernel"]["start"], "loaded")
        mode = os.stat(daemon.control).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_waiting_is_for_the_first_full_state(self):
        """A later change that the kernel does not have yet is told without --wait only."""
        daemon = self.daemon("--min-sync-period", "1h")
        self.folder.put("new", manifests.service("new", "10.96.0.2", [80]))
        lab.wait_until(lambda: "not in sync" in daemon.call("status", check=False).stdout)
        self.assertEqual(daemon.call("status", check=False).returncode, 1)
        for form in ((), ("-o", "json")):
            self.assertEqual(daemon.call("status", "--wait", "1s", *form, check=False).returncode, 0)

    def test_sigterm_leaves_rules_and_stops_dns(self):
        daemon = self.daemon()
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "web.default.svc.cluster.local").status, "NOERROR")
        daemon.stop()
        self.assertTrue(self.reaches_web())
        self.assertIsNone(traffic.dig(self.node, "127.0.0.1", "web.default.svc.cluster.local").status)
        self.assertEqual(daemon.call("status", check=False).returncode, 3)
        self.assertFalse(os.path.exists(daemon.control))

    def test_sigint_too(self):
        daemon = self.daemon()
        daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(daemon.process.wait(lab.LIMIT_S), 0)

    def test_signals_while_starting(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.daemon(start=False).start(ready=False)
            lab.wait_until(lambda: os.path.exists(daemon.control + ".lock"), every_s=0.0005)
            daemon.process.send_signal(signal.SIGHUP)
            daemon.process.send_signal(number)
            self.assertEqual(daemon.process.wait(lab.LIMIT_S), 0, daemon.log())

    def test_restart_sends_nothing_when_nothing_changed(self):
        daemon = self.daemon()
        before = self.node.table()
        daemon.stop()
        daemon.start()
        status = daemon.status()["kernel"]
        self.assertEqual((status["start"], status["startOperations"]), ("adopted", 0))
        self.assertEqual(strip_handles(self.node.table()), strip_handles(before))

    def test_restart_sends_only_the_difference(self):
        daemon = self.daemon()
        daemon.stop()
        self.folder.put("new", manifests.service("new", "10.96.0.2", [manifests.port(80, "http")]))
        daemon.start()
        status = daemon.status()["kernel"]
        self.assertEqual(status["start"], "adopted")
        # its verdict (refused: no endpoint) and its ClusterIP
        self.assertEqual(status["startOperations"], 2)
        self.assertTrue(self.reaches_web())

    def test_restart_after_kill_replaces_the_stale_socket(self):
        daemon = self.daemon()
        daemon.kill()
        self.assertTrue(os.path.exists(daemon.control))
        self.assertTrue(self.reaches_web())
        daemon.start()
        self.assertEqual(daemon.status()["kernel"]["start"], "adopted")

    def test_other_ruleset_is_replaced(self):
        self.daemon().stop()
        daemon = self.daemon("--masquerade-bit", "15")
        self.assertEqual(daemon.status()["kernel"]["start"], "loaded")
        self.assertTrue(self.reaches_web())

    def test_only_a_socket_gives_way_to_the_socket(self):
        daemon = self.daemon(start=False)
        for there in (self.lab.folder / "file", self.lab.folder / "folder", self.lab.folder / "link"):
            if there.name == "file":
                there.write_text("precious")
            elif there.name == "folder":
                there.mkdir()
            else:
                there.symlink_to("nowhere")
            done = self.node.run(PROGRAM, "run", *daemon.flags, "--control", there, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"fatal: control socket {there}: something else is there, no socket", done.stderr)
            self.assertTrue(there.is_symlink() or there.is_dir() or there.read_text() == "precious")

    def test_no_place_for_the_socket(self):
        os.chmod(self.lab.folder, 0o755)
        for path, why in (("/proc/nowhere/control.sock", "No such file or directory"),
                          (self.lab.folder / "a/b/control.sock", "No such file or directory"),
                          (self.lab.folder / "new/control.sock", "Permission denied")):
            done = self.node.run("setpriv", "--reuid=65534", "--clear-groups", PROGRAM, "run", "--manifests", "/tmp",
                                 "--control", path, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"fatal: control socket {path}: {why}", done.stderr)

    def test_second_daemon_is_refused(self):
        first = self.daemon()
        second = self.node.run(PROGRAM, "run", "--manifests", self.folder.path, "--control", first.control,
                               "--dns-listen", "127.0.0.1:5353", check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another fairlead is running", second.stderr)
        self.assertEqual(first.call("status").returncode, 0)

    def test_port_in_use_is_one_clear_line_and_the_proxy_runs(self):
        busy = self.node.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(busy.close)
        busy.bind(("127.0.0.1", 53))
        daemon = self.daemon(start=False).start(ready=False)
        lab.wait_until(lambda: self.node.table() is not None, what="the proxy's table")
        lines = [line for line in daemon.log().splitlines() if "cannot listen" in line]
        self.assertEqual(len(lines), 1, daemon.log())
        self.assertIn("warning: dns: cannot listen on UDP 127.0.0.1:53: in use by another program; retrying", lines[0])

    def test_cleanup(self):
        daemon = self.daemon()
        refused = daemon.call("cleanup", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("a daemon is running", refused.stderr)
        self.assertIsNotNone(self.node.table())
        daemon.stop()
        self.assertEqual(daemon.call("cleanup").returncode, 0)
        self.assertIsNone(self.node.table())
        self.assertEqual(daemon.call("cleanup").returncode, 0)  # again: nothing to do is fine

    def test_other_table_name(self):
        daemon = self.daemon("--table", "other")
        self.assertIsNone(self.node.table())
        self.assertIsNotNone(self.node.table("other"))
        daemon.stop()
        self.node.run(PROGRAM, "cleanup", "--table", "other", "--control", daemon.control)
        self.assertIsNone(self.node.table("other"))

    def test_halves(self):
        daemon = self.daemon("--no-dns")
        self.assertTrue(self.reaches_web())
        self.assertIsNone(traffic.dig(self.node, "127.0.0.1", "web.default.svc.cluster.local").status)
        daemon.stop()
        daemon.call("cleanup")
        daemon = self.daemon("--no-proxy")
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "web.default.svc.cluster.local").status, "NOERROR")
        self.assertIsNone(self.node.table())

    def test_control_socket_holds_against_bad_clients(self):
        daemon = self.daemon()
        idle = []
        for _ in range(20):  # more than it has places for
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.connect(daemon.control)
            idle.append(client)
        for client in idle:
            client.close()
        lab.wait_until(lambda: daemon.call("status", check=False).returncode == 0)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(daemon.control)
            client.sendall(b"x" * 2000)
            client.settimeout(lab.LIMIT_S)
            try:
                self.assertEqual(client.recv(10), b"")
            except ConnectionResetError:
                pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(daemon.control)
            client.sendall(b"frobnicate now\n")
            client.settimeout(lab.LIMIT_S)
            self.assertRegex(client.recv(1000).decode(), r"\A2\n")
        self.assertEqual(daemon.call("status").returncode, 0)


def strip_handles(table):
    """Rules and elements without counters, which move by themselves."""
    return re.sub(r'"(packets|bytes)": \d+', "", json.dumps(table))


if __name__ == "__main__":
    unittest.main()
