"""
The daemon does not wait for conntrack: while a dump is under way, changes reach the kernel, health checks and commands are
answered, and SIGTERM ends it. With a kernel that is held (fairlead_slowconntrack) and with a table that is large.
"""
import os
import socket
import time
import unittest

import lab
import manifests
import patience
import scenes
import traffic

VIP, PODS = "10.96.0.1", ["10.244.0.10", "10.244.0.11"]
FILL = lab.BUILD / "tests/kernel/conntrack_fill"


class ThreadCase(scenes.NodeTest):
    FLAGS = ("--no-dns", "--healthz-bind-address", "127.0.0.1:10256")

    def put(self, *pods, name="web"):
        """With node ports: more addresses and ports than the kernel is asked for one by one, so that it sends all UDP."""
        numbers = range(53, 56)
        self.folder.put(name, manifests.service(name, VIP, [manifests.port(n, f"x{n}", "UDP", 30000 + n) for n in numbers],
                                                type="NodePort"),
                        manifests.slice(name, pods, [(f"x{n}", 5353, "UDP") for n in numbers]))

    def flow(self, pod, count=1):
        """Entries as of flows that this pod has answered."""
        self.node.run(FILL, count, VIP, 53, pod, 5353)

    def flows(self):
        return len(self.node.run("conntrack", "-L", "-p", "udp", "--orig-dst", VIP).stdout.splitlines())

    def chosen(self, pod):
        return pod in self.node.nft("list", "map", "inet", "fairlead", "endpoints4")


class HeldKernel(ThreadCase):
    """No answer about conntrack comes while a file says so."""

    def setUp(self):
        super().setUp()
        self.hold = self.lab.folder / "hold"
        os.environ["FAIRLEAD_HOLD"] = str(self.hold)
        self.addCleanup(os.environ.pop, "FAIRLEAD_HOLD")
        self.addCleanup(self.release)
        self.hold.write_bytes(b"\1\0")
        self.put(PODS[0])
        folder = self.lab.folder / "daemon"
        folder.mkdir()
        self.daemon = lab.Daemon(self.node, ["--manifests", self.folder.path, *self.FLAGS], folder,
                                 program=lab.BUILD / "tests/kernel/fairlead_slowconntrack")
        self.lab.daemons.append(self.daemon)

    def wait_for_dump(self):
        lab.wait_until(lambda: self.hold.read_bytes()[1] == 1, what="the daemon asks for conntrack")

    def release(self):
        with open(self.hold, "r+b") as file:  # it is mapped: must not be cut
            file.write(b"\0")

    def test_changes_and_health_checks_do_not_wait(self):
        self.daemon.start()
        self.wait_for_dump()
        self.flow(PODS[0])
        for turn in range(3):
            self.put(PODS[1 - turn % 2])
            lab.wait_until(lambda t=turn: self.chosen(PODS[1 - t % 2]) and not self.chosen(PODS[t % 2]))
            self.assertEqual(traffic.curl(self.node, "http://127.0.0.1:10256/healthz").code, 200)
            self.assertTrue(self.daemon.status()["kernel"]["inSync"])
        self.assertEqual(self.flows(), 1)
        self.release()
        lab.equals_within(self.flows, 0)
        self.daemon.stop()

    def test_sigterm_does_not_wait(self):
        self.daemon.start()
        self.wait_for_dump()
        begin = time.monotonic()
        self.daemon.stop()
        self.assertLess(time.monotonic() - begin, 1 * patience.FACTOR)


class LargeTable(ThreadCase):
    ENTRIES, ROUNDS = 60000, 5

    def page(self, port, path):
        """A page of the daemon's, and how long it took; without a process that takes its time, too."""
        begin, text = time.monotonic(), b""
        with socket.create_connection(("127.0.0.1", port), timeout=lab.LIMIT_S) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            while data := sock.recv(65536):
                text += data
        self.assertTrue(text.startswith(b"HTTP/1.1 200"))
        return text.decode(), time.monotonic() - begin

    def deleted(self):
        text, took_s = self.page(10249, "/metrics")
        name = 'kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family="IPv4"} '
        return int(text.split(name)[1].split()[0]), took_s

    def longest_s(self, gone, other):
        """The longest wait for a page from a change until conntrack has followed it."""
        self.flow(gone)
        end = time.monotonic() + lab.LIMIT_S
        with self.node.inside():
            done, longest = self.deleted()[0], 0
            self.put(other)
            while time.monotonic() < end:
                deleted, page_s = self.deleted()
                longest = max(longest, page_s, self.page(10256, "/healthz")[1])
                if deleted > done:
                    return longest
        raise AssertionError("the stale flow is still there")

    def test_a_health_check_is_answered_during_a_dump(self):
        """The best of some rounds: this machine may be busy elsewhere, but where the main loop reads, none is good."""
        self.put(PODS[0])
        self.daemon = self.lab.daemon(self.node, self.folder, *self.FLAGS)
        self.node.run(FILL, self.ENTRIES, "10.99.0.1", 53, "10.99.0.1", 53)
        dump_s = min(float(self.node.run(FILL, "dump").stdout.split()[1]) for _ in range(3)) / 1000
        longest_s = []
        for turn in range(self.ROUNDS):
            longest_s.append(self.longest_s(PODS[turn % 2], PODS[1 - turn % 2]))
            if longest_s[-1] < dump_s / 2:
                return
        self.fail(f"a dump takes {dump_s:.3f} s, and health checks waited for it: {longest_s}")


if __name__ == "__main__":
    unittest.main()
