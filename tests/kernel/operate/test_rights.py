"""What the daemon may still do once it runs, as the kernel tells it in /proc and as `fairlead status` shows it."""
import signal
import socket
import struct
import unittest
from pathlib import Path

import lab
import manifests
import scenes
import traffic
from dns_client import Client, query, read_tcp
from upstream import Upstream

NET_ADMIN = 1 << 12
BIND = 1 << 10
WITH = {"fairlead", "sockets", "conntrack"}
WITHOUT = {"requests", "dns-udp", "dns-tcp", "dns-forward", "dns-log", "relay", "rcu"}
PORT = 5301


def threads(pid):
    """name: [{field: text}] of every thread."""
    found = {}
    for path in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)
        except FileNotFoundError:  # it ended
            continue
        found.setdefault(fields["Name"], []).append(fields)
    return found


class ThreadsTest(scenes.WebTest):
    """Every kind of thread at once: forwarder, transfers, query log, relay."""

    FLAGS = ("--dns-listen", "127.0.0.1:53", "--forward", f"127.0.0.1:{PORT}", "--dns-log", "--dns-transfer", "127.0.0.0/8",
             "--nodeport-addresses", "primary,localhost", "--cluster-dns", "none")

    def setUp(self):
        super().setUp()
        self.upstream = Upstream(self.node, PORT)
        self.addCleanup(self.upstream.close)
        self.folder.put("web", manifests.service("web", self.VIP, [manifests.port(80, "http", node_port=30080)],
                                                 type="NodePort"),
                        manifests.slice("web", [self.POD], [("http", 8080)]))

    def transfer(self):
        client = Client(self.node, "127.0.0.1").stream()
        self.addCleanup(client.close)
        message = query("cluster.local.", "AXFR")
        client.sendall(struct.pack("!H", len(message)) + message)
        return client

    def used(self):
        """Each part does its work once."""
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "web.default.svc.cluster.local").status, "NOERROR")
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "example.org").status, "NOERROR")
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "example.net", "+tcp").status, "NOERROR")
        lab.wait_until(lambda: traffic.connect(self.node, "127.0.0.1", 30080, limit_s=5).outcome == "ok")
        with self.transfer() as client:
            self.assertGreater(len(read_tcp(client)), 100)
        self.assertTrue(self.reaches_web())

    def test_each_kind_of_thread(self):
        daemon = self.daemon(*self.FLAGS)
        self.used()
        found = threads(daemon.process.pid)
        self.assertEqual(found.keys() & WITHOUT, WITHOUT)
        for name, fields in ((name, fields) for name in found for fields in found[name]):
            with self.subTest(thread=name):
                capabilities = {int(fields[f"Cap{set}"], 16) for set in ("Eff", "Prm")}
                self.assertEqual(capabilities, {NET_ADMIN if name in WITH else 0})
                self.assertEqual({int(fields[f"Cap{set}"], 16) for set in ("Inh", "Amb")}, {0})
                self.assertEqual(int(fields["CapBnd"], 16), NET_ADMIN | BIND)
                self.assertEqual(fields["NoNewPrivs"], "1")
                self.assertEqual(fields["Seccomp"], "2")

    def test_a_transfer_has_a_thread_of_its_own(self):
        """Its client does not read, so the thread stays."""
        for name in ("tcp_wmem", "tcp_rmem"):
            self.node.sysctl(f"net.ipv4.{name}", "4096 4096 4096")
        self.folder.put("many", *(manifests.service(f"s{i}", f"10.96.{i // 250 + 1}.{i % 250 + 1}", [80])
                                  for i in range(3000)))
        daemon = self.daemon("--dns-transfer", "127.0.0.0/8")
        client = self.transfer()
        found = lab.wait_until(lambda: threads(daemon.process.pid).get("dns-transfer"))
        lab.wait_until(lambda: [t["Seccomp"] for t in threads(daemon.process.pid)["dns-transfer"]] == ["2"])
        self.assertEqual([(int(t["CapEff"], 16), t["NoNewPrivs"]) for t in found], [(0, "1")])
        lab.wait_until(lambda: client.recv(65536))

    def test_status_tells(self):
        daemon = self.daemon(*self.FLAGS)
        rights = daemon.status()["rights"]
        self.assertEqual([rights[key] for key in ("user", "noNewPrivileges", "dumpable", "boundingSetReduced")],
                         [0, True, False, True])
        shown = {thread["name"]: thread for thread in rights["threads"]}
        self.assertEqual(shown["dns-udp"], {"name": "dns-udp", "capabilities": "", "systemCallsListed": True})
        self.assertEqual(shown["sockets"]["capabilities"], "CAP_NET_ADMIN")
        text = daemon.call("status").stdout
        self.assertRegex(text, r"(?m)^rights   user 0, no new privileges, no core files, files (restricted|not restricted)")
        self.assertRegex(text, r"(?m)^         \d+ threads without capabilities, system calls listed$")

    def test_a_port_that_comes_late_keeps_its_capability(self):
        """CAP_NET_BIND_SERVICE stays until the page's port is free."""
        busy = self.node.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(busy.close)
        busy.bind(("127.0.0.1", 99))
        busy.listen(1)
        daemon = self.daemon("--metrics-bind-address", "127.0.0.1:99", "--cluster-dns", "none")
        held = lambda: int(threads(daemon.process.pid)["fairlead"][0]["CapEff"], 16)
        self.assertEqual(held(), NET_ADMIN | BIND)
        busy.close()
        lab.wait_until(lambda: "metrics: now listening" in daemon.log())
        self.folder.put("other", manifests.service("other", "10.96.0.2", [80]))  # a turn
        lab.wait_until(lambda: held() == NET_ADMIN)


    def test_the_address_of_kube_dns_may_come_late(self):
        """Who follows the Service keeps the capability for its port 53; an address that a flag names is bound once."""
        for flags, kept in (((), NET_ADMIN | BIND), (("--cluster-dns", "10.99.0.10"), NET_ADMIN)):
            daemon = self.daemon(*flags)
            self.folder.put("dns", manifests.service("kube-dns", "10.96.0.10", [53], ns="kube-system"))
            lab.wait_until(lambda: [a["steered"] for a in daemon.status()["dns"]["steering"]["addresses"]] == [True])
            self.folder.put("other", manifests.service("other", "10.96.0.2", [80]))  # a turn
            lab.equals_within(lambda: int(threads(daemon.process.pid)["fairlead"][0]["CapEff"], 16), kept)
            daemon.stop()


class IntruderTest(scenes.WebTest):
    """A worker that is not its own master any more (tests/kernel/fairlead_intruder.c)."""

    def setUp(self):
        super().setUp()
        self.program = lab.BUILD / "tests/kernel/fairlead_intruder"
        self.intruded = self.daemon(start=False)
        self.intruded.program = str(self.program)
        self.intruded.start()

    def test_what_an_intruder_calls_ends_the_process(self):
        traffic.dig(self.node, "127.0.0.1", "unshare.example.org", "+tries=1", "+timeout=1")
        self.assertEqual(self.intruded.process.wait(lab.LIMIT_S), -signal.SIGSYS)
        self.assertTrue(self.reaches_web())
        self.intruded.start()
        self.assertEqual(self.intruded.status()["kernel"]["start"], "adopted")

    def test_a_call_that_is_not_listed_is_unknown(self):
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "makesock.example.org").status, "REFUSED")
        self.assertIn("the worker makes a socket: Function not ", self.intruded.log())
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "web.default.svc.cluster.local").status, "NOERROR")


if __name__ == "__main__":
    unittest.main()
