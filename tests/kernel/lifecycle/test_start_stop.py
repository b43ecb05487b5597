"""The daemon's life end to end: order of kernel and DNS, start, restart, kill, and the commands people type."""
import random
import re
import signal
import time
import unittest
from pathlib import Path

from cluster import ClusterTest, DNS4, DOMAIN, addr_of, pair
import lab
import manifests as m
import traffic
from traffic import NOERROR, NXDOMAIN, SERVFAIL, Asker


class OrderTest(ClusterTest):
    def test_a_name_that_resolves_has_an_address_that_works(self):
        asker = Asker(self.client, DNS4)
        for number in range(1, 31):
            vip, name = f"10.96.4.{number}", f"order-{number}.default.{DOMAIN}"
            self.folder.put("order", *pair(f"order-{number}", vip, "abc"))
            lab.wait_until(lambda n=name: asker.ask(n) == (NOERROR, 1), every_s=0)
            self.assertEqual(self.outcome(self.client, vip, 80), "ok")

    def test_an_endpoint_leaves_dns_and_the_kernel_in_one_turn(self):
        def write(pods):
            slices = [m.slice("turn", [addr_of(p) for p in pods], [8080]),
                      m.slice("turn-vip", [addr_of(p) for p in pods], [8080])]
            self.folder.put("turn", m.service("turn", "None", [8080]), m.service("turn-vip", "10.96.4.99", [80]), *slices)

        asker, name = Asker(self.client, DNS4), f"turn.default.{DOMAIN}"
        for _ in range(10):
            write("ab")
            lab.wait_until(lambda: asker.ask(name) == (NOERROR, 2))
            write("b")
            lab.wait_until(lambda: asker.ask(name) == (NOERROR, 1), every_s=0)
            self.assertEqual({traffic.connect(self.client, "10.96.4.99", 80).server for _ in range(8)}, {"b"})


class BareTest(lab.LabTest):
    """A node and a client; each test starts the daemon itself."""

    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.node.add_addr(DNS4, "lo")
        self.pod = self.lab.pod(self.node, "a", addr_of("a"))
        self.client = self.lab.host(self.node, "client", "192.168.0.1")
        self.lab.servers.tcp(self.pod, "a", 8080)
        self.folder = m.Folder(self.lab.folder / "manifests")

    def make(self, *flags, **kwargs):
        return self.lab.daemon(self.node, self.folder, "--node-name", "node", "--dns-listen", DNS4, *flags, **kwargs)

    def many(self, count):
        """That many services, all on pod a; VIPs 10.100.x.y."""
        vips = [f"10.100.{n // 250}.{n % 250 + 1}" for n in range(count)]
        self.folder.put("many", *[o for n, vip in enumerate(vips) for o in pair(f"many-{n}", vip, "a")])
        return vips

    def outcome(self, vip, **kwargs):
        return traffic.connect(self.client, vip, 80, **kwargs).outcome



class StartTest(BareTest):
    def test_before_the_first_complete_read_names_are_servfail_and_rules_all_or_none(self):
        vips = self.many(3000)
        asker = Asker(self.client, DNS4)
        first, last = f"many-0.default.{DOMAIN}", f"many-2999.default.{DOMAIN}"
        daemon = self.make(ready=False)
        seen, end = set(), time.monotonic() + lab.LIMIT_S
        while (NOERROR, 1) not in seen and time.monotonic() < end:
            seen.add(asker.ask(random.choice((first, last))))
            if self.outcome(vips[0], limit_s=0.2) == "ok":
                # the whole state is committed at once: when one works, the last one does
                self.assertEqual(self.outcome(vips[-1]), "ok")
        self.assertLessEqual(seen, {(None, 0), (SERVFAIL, 0), (NOERROR, 1)})
        self.assertIn((NOERROR, 1), seen, daemon.log())
        self.assertEqual(self.outcome(vips[-1]), "ok")

    def test_an_empty_folder_is_complete(self):
        daemon = self.make()
        self.assertEqual(Asker(self.client, DNS4).ask(f"web.default.{DOMAIN}")[0], NXDOMAIN)
        daemon.stop()

    def test_a_folder_that_is_missing_is_a_start_error(self):
        daemon = self.lab.daemon(self.node, self.lab.folder / "nowhere", ready=False)
        self.assertIn(daemon.process.wait(lab.LIMIT_S), (1, 2))
        self.assertIn("nowhere", daemon.log())


class RestartTest(BareTest):
    def monitor(self):
        """Starts nft monitor; returns a function that ends it and gives the lines about the table."""
        path = self.lab.folder / "monitor"
        with open(path, "w") as out:
            process = self.node.popen("stdbuf", "-oL", "nft", "monitor", stdout=out)
        # it is listening once it sees a table of ours
        def heard():
            self.node.nft("add table ip probe; delete table ip probe")
            return "probe" in path.read_text()

        lab.wait_until(heard, what="nft monitor listens", every_s=0.1)

        def end():
            self.node.nft("add", "table", "ip", "last")
            lab.wait_until(lambda: "table ip last" in path.read_text())
            process.kill()
            return [line for line in path.read_text().splitlines() if "fairlead" in line]

        return end

    def test_sigterm_stops_dns_and_leaves_the_rules(self):
        vip = self.many(1)[0]
        daemon = self.make()
        asker = Asker(self.client, DNS4)
        self.assertEqual(asker.ask(f"many-0.default.{DOMAIN}"), (NOERROR, 1))
        daemon.stop()
        self.assertEqual(asker.ask(f"many-0.default.{DOMAIN}"), (None, 0))
        self.assertEqual(self.outcome(vip), "ok")

    def test_sigint_stops_it_too(self):
        daemon = self.make()
        daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(daemon.process.wait(lab.LIMIT_S), 0)

    def test_a_restart_changes_nothing_in_the_kernel(self):
        self.many(50)
        self.make().stop()
        changes = self.monitor()
        daemon = self.make()
        self.assertEqual(changes(), [], daemon.log())

    def test_a_restart_sends_only_the_differences(self):
        self.many(50)
        self.folder.put("one", *pair("one", "10.96.5.1", "a"))
        self.folder.put("two", *pair("two", "10.96.5.2", "a"))
        self.make().stop()
        self.folder.remove("one")
        self.folder.put("three", *pair("three", "10.96.5.3", "a"))
        changes = self.monitor()
        self.make()
        lines = changes()
        self.assertEqual([line for line in lines if "10.100." in line or "10.96.5.2" in line], [])
        self.assertTrue([line for line in lines if line.startswith("delete element") and "10.96.5.1" in line], lines)
        self.assertTrue([line for line in lines if line.startswith("add element") and "10.96.5.3" in line], lines)
        self.assertEqual([line for line in lines if " element " not in line and "new generation" not in line], [])
        self.assertEqual(self.outcome("10.96.5.3"), "ok")

    def test_kill_at_any_moment_leaves_working_rules(self):
        vip = self.many(300)[-1]
        rng = random.Random(1)
        for turn in range(12):
            daemon = self.make(ready=turn == 0)
            for n in range(rng.randrange(6)):
                self.folder.put("turn", *[o for k in range(100) for o in pair(
                    f"turn-{k}", f"10.101.{turn}.{k + 1}", "a" * (n % 2))])
                time.sleep(rng.random() / 50)
            daemon.kill()
            self.assertEqual(self.outcome(vip), "ok", f"turn {turn}\n{daemon.log()}")
            self.assertIsNotNone(self.node.table())
        self.make()
        self.assertEqual(self.outcome(vip), "ok")

    def test_cleanup_removes_everything(self):
        self.many(3)
        daemon = self.make()
        daemon.stop()
        self.assertIsNotNone(self.node.table())
        self.assertEqual(daemon.call("cleanup").returncode, 0)
        self.assertEqual(self.node.nft("list", "ruleset").strip(), "")
        self.assertEqual(daemon.call("cleanup").returncode, 0)

    def test_another_table_name(self):
        self.many(1)
        daemon = self.make("--table", "second")
        self.assertIsNotNone(self.node.table("second"))
        self.assertIsNone(self.node.table("fairlead"))
        daemon.stop()
        daemon.call("cleanup", "--table", "second")
        self.assertIsNone(self.node.table("second"))


class CommandsTest(BareTest):
    def fairlead(self, *args):
        return self.node.run(lab.BUILD / "fairlead", *args, check=False)

    def test_version_and_help(self):
        self.assertRegex(self.fairlead("version").stdout, r"^fairlead \S+")
        text = self.fairlead("help").stdout
        for command in ("run", "status", "check", "cleanup", "version", "help"):
            self.assertRegex(text, rf"(?m)\b{command}\b")
        text = self.fairlead("help", "run").stdout
        for flag in ("--manifests", "--cluster-cidr", "--dns-listen", "--control"):
            self.assertIn(flag, text)

    def test_the_man_page_has_every_flag(self):
        script = Path(__file__).resolve().parents[3] / "docs/manpage.sh"
        page = self.node.run(script, lab.BUILD / "fairlead").stdout.replace("\\-", "-")
        self.assertTrue(page.isascii())  # what every roff reads
        flags = re.findall(r"(?m)^  (--?[a-z-]+)", self.fairlead("help", "run").stdout)
        self.assertGreater(len(flags), 20)
        for flag in flags:
            self.assertRegex(page, rf"(?m)^\.B {flag}\b")

    def test_usage_errors_are_one_line_that_names_the_flag(self):
        for args, word in ((("run", "--nonsense", "1"), "nonsense"), (("run", "--cluster-cidr", "10.0.0.0/33"), "cluster-cidr"),
                           (("run", "--masquerade-bit", "32"), "masquerade-bit"), (("nonsense",), "nonsense"),
                           (("run", "--dns-listen", "300.1.1.1"), "dns-listen"), (("run", "--v"), "v"), ((), ""),
                           (("help", "nonsense"), "nonsense")):
            done = self.fairlead(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(word, done.stderr)
            if args:
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_status(self):
        done = self.fairlead("status", "--control", str(self.lab.folder / "no.sock"))
        self.assertEqual(done.returncode, 3)
        self.many(4)
        daemon = self.make(ready=False)
        self.assertEqual(daemon.call("status", "--wait", "20s").returncode, 0)
        text = daemon.call("status").stdout
        self.assertRegex(text, r"4 services, 4 endpoint slices")
        daemon.stop()
        self.assertEqual(daemon.call("status", check=False).returncode, 3)

    def test_check(self):
        good, bad = self.lab.folder / "good.yaml", self.lab.folder / "bad.yaml"
        text = ("apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: shop}\nspec:\n  clusterIP: 10.96.0.1\n"
                "  ports:\n  - port: 80\n")
        good.write_text(text)
        bad.write_text(text.replace("10.96.0.1", "10.96.0.256"))
        self.assertEqual(self.fairlead("check", good).returncode, 0)
        done = self.fairlead("check", good, bad)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(re.search(r"bad\.yaml:\d+: Service shop/x: spec\.clusterIP.*: .*10\.96\.0\.256",
                                  done.stdout + done.stderr), done.stdout + done.stderr)
        self.assertNotIn("good.yaml", done.stdout + done.stderr)
        self.assertIn(self.fairlead("check", self.lab.folder / "none.yaml").returncode, (1, 2))


if __name__ == "__main__":
    unittest.main()
