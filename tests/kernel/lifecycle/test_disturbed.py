"""What disturbs the daemon at its work and is no damage: commits of others, signals, a second daemon, no descriptors."""
import os
import signal
import subprocess
import threading
import time
import unittest

import lab
import manifests
import scenes
import traffic

BARE = ("--no-dns", "--healthz-bind-address", "", "--metrics-bind-address", "")


class All(threading.Thread):
    """Calls `act` with 0, 1, 2 … all the time until it is left."""

    def __init__(self, act, pause_s):
        super().__init__()
        self.act, self.pause_s, self.count, self.stopping = act, pause_s, 0, False

    def run(self):
        while not self.stopping:
            self.act(self.count)
            self.count += 1
            time.sleep(self.pause_s)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.join()


class DisturbedTest(scenes.WebTest):
    def kernel(self, daemon):
        return daemon.status()["kernel"]

    def many(self, count, endpoint):
        self.folder.put("many", *[o for i in range(count) for o in (
            manifests.service(f"s{i}", f"10.97.{i // 250}.{i % 250}", [80]),
            manifests.slice(f"s{i}", [endpoint, "10.244.0.50"], [8080]))])

    def repaired(self, daemon, damage):
        count = self.kernel(daemon)["repairs"] + 1
        self.node.nft(damage)
        lab.wait_until(lambda: self.kernel(daemon)["repairs"] == count and self.kernel(daemon)["inSync"], what=damage)
        self.assertTrue(self.reaches_web())

    def test_commits_of_others_do_not_interrupt(self):
        """To the kernel any commit in this namespace interrupts every reader of a list of rules."""
        started = self.daemon()
        nft = self.node.popen("nft", "-i", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        nft.stdin.write("add table ip other\nadd set ip other s { type ipv4_addr; }\n")

        def commit(turn):
            nft.stdin.write(f"{'delete' if turn % 2 else 'add'} element ip other s {{ 1.2.3.4 }}\n")
            nft.stdin.flush()

        # The chains of all tables are read between two commits; sanitizers take several times longer for it.
        with All(commit, 0.005 if "san-" in str(lab.BUILD) else 0.001) as others:
            lab.wait_until(lambda: others.count > 100)
            started.kill()
            started.start()
            self.assertEqual((self.kernel(started)["start"], self.kernel(started)["startOperations"]), ("adopted", 0))
            self.repaired(started, "insert rule inet fairlead prerouting drop")
            self.repaired(started, "delete table inet fairlead")
        nft.stdin.close()
        self.assertEqual(self.kernel(started)["refused"], 0, started.log())

    def test_signals_do_not_interrupt(self):
        """Stopped and continued a thousand times a second, and told to read everything again as well."""
        self.many(1000, "10.244.0.10")
        started = self.daemon(ready=False)
        pid = started.process.pid

        def disturb(turn):
            os.kill(pid, signal.SIGCONT if turn % 2 else signal.SIGSTOP)
            if turn % 200 == 1:
                os.kill(pid, signal.SIGHUP)

        lab.wait_until(lambda: "starts on node" in started.log())  # its handlers are there
        with All(disturb, 0.0005):
            started.wait_ready()
            before = self.kernel(started)["operations"]
            self.many(1000, "10.244.0.60")
            lab.wait_until(lambda: self.kernel(started)["operations"] == before + 2000)
            self.repaired(started, "flush map inet fairlead endpoints4")
            self.repaired(started, "delete table inet fairlead")
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.kernel(started)["refused"], 0, started.log())
        self.assertEqual(len(self.node.elements("endpoints4")), 2001)

    def test_two_daemons_of_one_mind(self):
        """As for the time of an upgrade: what one has done the other finds done, in the end."""
        both = [self.daemon(*BARE), self.daemon(*BARE)]
        self.assertEqual([self.kernel(daemon)["start"] for daemon in both], ["loaded", "adopted"])
        for turn in range(20):
            self.put_web(*(f"10.244.0.{10 + 10 * n}" for n in range(turn % 5 + 1)))
            time.sleep(0.05)
        self.put_web()
        lab.equals_within(lambda: len(self.node.elements("endpoints4")), 1)
        for daemon in both:
            lab.wait_until(lambda d=daemon: self.kernel(d)["inSync"])
        self.assertTrue(self.reaches_web())

    def test_two_daemons_that_disagree(self):
        """A fight that neither side can win gets slower and slower, and both say so."""
        other = manifests.Folder(self.lab.folder / "other")
        other.put("web", manifests.service("web", self.VIP, [80]), manifests.slice("web", ["10.244.0.77"], [8080]))
        both = [self.daemon(*BARE), self.lab.daemon(self.node, other, *BARE)]
        for daemon in both:
            lab.wait_until(lambda d=daemon: "keeps changing it; repairs slow down" in d.log())
        before = [self.kernel(daemon)["repairs"] for daemon in both]
        time.sleep(3)
        for daemon, count in zip(both, before):
            self.assertLess(self.kernel(daemon)["repairs"] - count, 8)
            self.assertEqual(daemon.log().count("repairs slow down"), 1)

    def test_no_descriptors_left(self):
        """The engine needs none that it has not got."""
        started = self.daemon()
        pid = started.process.pid
        count = len(os.listdir(f"/proc/{pid}/fd"))
        subprocess.run(["prlimit", "-p", str(pid), f"--nofile={count + 3}"], check=True)
        taken = []
        for _ in range(30):  # they wait in the backlog, or are turned away
            taken.append(traffic.open_flow(self.node, "127.0.0.1", "tcp"))
            taken[-1].connect(("127.0.0.1", 10256))
        self.node.nft("delete table inet fairlead")
        lab.wait_until(self.reaches_web)
        before = self.cpu_s(pid)
        time.sleep(1)
        self.assertLess(self.cpu_s(pid) - before, 0.3, "it asks for a connection all the time")
        for sock in taken:
            sock.close()
        lab.wait_until(lambda: self.kernel(started)["inSync"])

    def endpoints(self):
        """The map's listing; empty while the table is being replaced under its name."""
        return self.node.run("nft", "list", "map", "inet", "fairlead", "endpoints4", check=False).stdout

    def test_a_kernel_short_of_everything(self):
        """Whatever fails is tried again, from what the kernel has then; nothing is left out or done twice."""
        self.many(100, "10.244.0.10")
        started = lab.Daemon(self.node, ["--manifests", self.folder.path, "--cluster-cidr", "10.244.0.0/16", *BARE],
                             self.lab.folder, program=lab.BUILD / "tests/kernel/fairlead_failing")
        self.lab.daemons.append(started)
        started.start()
        turn = 0
        while self.kernel(started)["refused"] < 2:
            turn += 1
            self.put_web(f"10.{turn // 250}.9.{turn % 250}")
            lab.wait_until(lambda: f"10.{turn // 250}.9.{turn % 250} " in self.endpoints() + " ")
        self.put_web()
        lab.wait_until(self.reaches_web)
        self.node.nft("flush map inet fairlead dispatch4")  # repaired, or replaced by a retry: that one is not counted
        lab.equals_within(lambda: len(self.node.elements("dispatch4")), 101)
        lab.wait_until(lambda: self.kernel(started)["inSync"])
        lab.equals_within(lambda: len(self.node.elements("endpoints4")), 201)
        self.assertTrue(self.reaches_web())
        started.stop()
        kept = self.daemon()
        self.assertEqual((self.kernel(kept)["start"], self.kernel(kept)["startOperations"]), ("adopted", 0))

    @staticmethod
    def cpu_s(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            words = stat.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main()
