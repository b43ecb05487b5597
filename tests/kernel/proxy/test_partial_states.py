"""
No partial state can be reached: a client that tries VIPs all the time, while a table of 10 000 services with 10 endpoints
each is loaded, deleted, replaced or changed as a whole, finds no rules or the right ones.
"""
import resource
import selectors
import socket
import threading
import time
import unittest

import lab
import manifests
import scenes

SERVICES, ENDPOINTS, FILES = 10000, 10, 25
PROBED = range(0, SERVICES, SERVICES // 8)  # have one endpoint, which answers
SILENT = 77  # has none: refused while there are rules


def vip(i):
    return f"10.96.{i // 250}.{i % 250}"


class Prober:
    """UDP to each VIP in turn, every time from another port; without waiting for an answer before the next one."""

    PAUSE_S = 0.002

    def __init__(self, ns, vips):
        self.ns, self.vips = ns, vips
        self.sent = []
        self.thread = threading.Thread(target=self._run)
        self.stopping = False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()

    def _run(self):
        with self.ns.inside():
            while not self.stopping:
                to = self.vips[len(self.sent) % len(self.vips)]
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.connect((to, 80))
                sock.send(b"?")
                self.sent.append((to, sock))
                time.sleep(self.PAUSE_S)

    def outcomes(self):
        """[(VIP, the server's name, "refused" or "none")] in the order in which they were sent."""
        last = next(sock for to, sock in reversed(self.sent) if to != vip(SILENT))
        with selectors.DefaultSelector() as selector:
            selector.register(last, selectors.EVENT_READ)
            selector.select(lab.LIMIT_S)  # they are answered in this order
        time.sleep(0.5)
        return [(to, self._outcome(sock)) for to, sock in self.sent]

    @staticmethod
    def _outcome(sock):
        with sock:
            try:
                return lab.json.loads(sock.recv(4096, socket.MSG_DONTWAIT).partition(b"\n")[0])["server"]
            except BlockingIOError:
                return "none"
            except OSError as error:
                return "refused" if isinstance(error, ConnectionRefusedError) else f"error {error}"


class ProbedTest(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # a slow machine needs more sockets
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.client = self.lab.pod(self.node, "client", "10.244.0.99")
        for name, addr in (("first", "10.244.0.10"), ("second", "10.244.0.11")):
            self.lab.servers.udp(self.lab.pod(self.node, name, addr), name, 8080)
        self.node.ip("route del default")  # what no rule translates gets lost, and nothing answers
        self.node.ip("route add blackhole default")
        self.put(0)

    def put(self, turn):
        step = SERVICES // FILES
        for first in range(0, SERVICES, step):
            self.folder.put(f"many-{first}", *[o for i in range(first, first + step) for o in self.service(i, turn)])

    @staticmethod
    def service(i, turn):
        yield manifests.service(f"s{i}", vip(i), [manifests.port(80, proto="UDP")])
        endpoints = [f"10.{100 + 10 * turn + n}.{i // 250}.{i % 250}" for n in range(ENDPOINTS)]
        if i in PROBED:
            endpoints = ["10.244.0.10"]
        if i in PROBED and turn:  # the first one answers what is on its way to it
            endpoints = [manifests.endpoint("10.244.0.10", ready=False, serving=True, terminating=True), "10.244.0.11"]
        if i != SILENT:
            yield manifests.slice(f"s{i}", endpoints, [("", 8080, "UDP")])

    def prober(self):
        self.node.run("conntrack", "-F")  # a port that is used again must be a new flow
        return Prober(self.client, [vip(i) for i in (*PROBED, SILENT)])

    def check(self, outcomes, *servers, gap):
        """
        Nothing, if there may be nothing for a while, and the right answers before and after it. The kernel empties the maps
        of a table that another program deletes, not its sets, some moments before the chains are unhooked: refused.
        """
        silent = {got for to, got in outcomes if to == vip(SILENT)}
        told = [got for to, got in outcomes if to != vip(SILENT)]
        if gap:
            told = [got for got, after in zip(told, [*told[1:], ""]) if got != "refused" or after not in ("refused", "none")]
        self.assertGreater(len(told), 20)
        self.assertIn("refused", silent)
        self.assertLessEqual(silent, {"refused", "none"})  # the kernel limits how often it says so
        self.assertLessEqual(set(told), {*servers, "none"})
        nothing = [i for i, got in enumerate(told) if got == "none"]
        if not gap:
            self.assertEqual(nothing, [])
        else:
            self.assertEqual(set(told[nothing[0]:nothing[-1] + 1]), {"none"}, "answers amid silence")
        self.assertEqual(told[-1], servers[-1])

    def test_all_of_life(self):
        with self.subTest("first load"), self.prober() as prober:
            started = self.daemon_of()
        self.check(prober.outcomes(), "first", gap=True)
        with self.subTest("table deleted"), self.prober() as prober:
            time.sleep(0.1)
            self.node.nft("delete table inet fairlead")
            lab.wait_until(lambda: started.status()["kernel"]["repairs"] == 1)
            time.sleep(0.1)
        self.check(prober.outcomes(), "first", gap=True)
        with self.subTest("every endpoint replaced"), self.prober() as prober:
            self.put(1)
            lab.wait_until(lambda: "10.110." in str(self.node.run(
                "nft", "get", "element", "inet", "fairlead", "endpoints4",
                f"{{ {vip(SERVICES - 1)} . udp . 80 . 0 }}").stdout))
            time.sleep(0.1)
        self.check(prober.outcomes(), "first", "second", gap=False)
        started.kill()
        with self.subTest("replaced by other rules"), self.prober() as prober:
            started = self.daemon_of("--masquerade-bit", "13")
            time.sleep(0.1)
        self.assertEqual(started.status()["kernel"]["start"], "loaded")
        self.check(prober.outcomes(), "second", gap=False)
        with self.subTest("adopted"), self.prober() as prober:
            started.kill()
            started.start()
        self.assertEqual(started.status()["kernel"]["startOperations"], 0)
        self.check(prober.outcomes(), "second", gap=False)

    def daemon_of(self, *flags):
        return self.lab.daemon(self.node, self.folder, "--cluster-cidr", "10.244.0.0/16", *flags)


if __name__ == "__main__":
    unittest.main()
