"""The DNS server on real sockets: TCP that no client can hold, replies from the asked address, workers, order, pods."""
import collections
import contextlib
import os
import re
import resource
import select
import socket
import struct
import time
import unittest
from pathlib import Path

import lab
import manifests
import traffic
from dns_client import Client, Reply, query, read_tcp

WEB = "web.default.svc.cluster.local"
BIG = "big.default.svc.cluster.local"
TCP_PER_CLIENT, TCP_IDLE_S = 128, 10  # dns/server/tcp.h


def framed(message):
    return struct.pack("!H", len(message)) + message


class ServerTest(lab.LabTest):
    LISTEN, FLAGS = ["127.0.0.1:53"], []

    @classmethod
    def prepare(cls):
        """Before the daemon starts."""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.end)
        cls.ns = cls.lab.ns("dns")
        for addr in ("10.96.0.10", "10.96.0.11", "fd00:96::a"):
            cls.ns.add_addr(addr)
        cls.prepare()
        cls.folder = manifests.Folder(cls.lab.folder / "m")
        cls.folder.put("web", manifests.service("web", "10.96.0.1", [manifests.port(80, "http")]))
        cls.folder.put("big", manifests.service("big", "None", [manifests.port(80, "http")]),
                       manifests.slice("big", [f"10.244.9.{n}" for n in range(1, 101)], [("http", 80)]))
        listen = [word for addr in cls.LISTEN for word in ("--dns-listen", addr)]
        cls.daemon = cls.lab.daemon(cls.ns, cls.folder, "--no-proxy", "--healthz-bind-address", "",
                                    "--metrics-bind-address", "", "--node-name", "node-7", *listen, *cls.FLAGS)
        cls.client = Client(cls.ns)


class Tcp(ServerTest):
    LISTEN = ["127.0.0.1:53", "192.168.7.1:53"]

    @classmethod
    def prepare(cls):
        cls.other = cls.lab.ns("other")
        cls.ns.ip(f"link add p0 type veth peer name eth0 netns {cls.other.name}", "link set p0 up",
                  "addr add 192.168.7.1/24 dev p0")
        cls.other.ip("link set eth0 up", "addr add 192.168.7.2/24 dev eth0")

    def test_pipelined_queries_are_all_answered(self):
        with self.client.stream() as sock:
            sock.sendall(b"".join(framed(query(WEB, serial=n)) for n in range(200)))
            self.assertEqual({Reply(read_tcp(sock)).id for _ in range(200)}, set(range(200)))

    def test_more_replies_than_the_server_keeps_waiting(self):
        """Many queries at once whose replies pass the limit of unsent bytes: all are answered without a nudge."""
        with self.client.stream() as sock:
            sock.sendall(framed(query(BIG)) * 60)  # 100 KB of replies
            self.assertEqual([len(Reply(read_tcp(sock)).answer) for _ in range(60)], [100] * 60)

    def test_a_query_may_arrive_byte_by_byte(self):
        with self.client.stream() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in framed(query(WEB)):
                sock.sendall(bytes([byte]))
            self.assertEqual(Reply(read_tcp(sock)).answer, [f"{WEB}. 5 IN A 10.96.0.1"])

    def test_the_last_queries_before_the_client_closes_its_side_are_answered(self):
        with self.client.stream() as sock:
            sock.sendall(framed(query(WEB)) + framed(query(BIG)))
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(len(Reply(read_tcp(sock)).answer), 1)
            self.assertEqual(len(Reply(read_tcp(sock)).answer), 100)
            self.assertIsNone(read_tcp(sock))

    def test_large_answers_are_whole(self):
        self.assertEqual(len(self.client.ask(BIG, "SRV", tcp=True).extra), 100)

    def test_a_response_ends_the_connection(self):
        message = bytearray(query(WEB))
        message[2] |= 0x80
        with self.client.stream() as sock:
            sock.sendall(framed(bytes(message)))
            self.assertIsNone(read_tcp(sock))

    def test_a_query_without_measure_ends_the_connection(self):
        with self.client.stream() as sock:
            sock.sendall(struct.pack("!H", 60_000) + b"x" * 5000)
            self.assertTrue(self.ended(sock))

    @staticmethod
    def ended(sock):
        try:
            return read_tcp(sock) is None
        except ConnectionResetError:  # closed with bytes unread
            return True

    def test_an_idle_connection_is_closed(self):
        with self.client.stream() as sock:
            sock.settimeout(3 * TCP_IDLE_S)
            start = time.monotonic()
            sock.sendall(b"\0")  # half a length: not progress
            self.assertIsNone(read_tcp(sock))
            self.assertGreater(time.monotonic() - start, TCP_IDLE_S / 2)

    def test_a_client_that_reads_nothing_holds_no_other(self):
        """Its replies fill its buffers and then nothing more is read from it; others are answered all the while."""
        with self.client.stream() as slow:
            slow.setblocking(False)
            sent, stuck = 0, 0
            many = framed(query(BIG, "SRV")) * 100
            while stuck < 20:  # until the server stops to read
                try:
                    sent += slow.send(many)
                    stuck = 0
                except BlockingIOError:
                    stuck += 1
                    select.select([], [slow], [], 0.01)
                self.assertEqual(self.client.ask(WEB, tcp=True).rcode, "NOERROR")
            self.assertGreater(sent, 0)
            if "san-" not in str(lab.BUILD):  # a sanitizer keeps what was freed
                self.assertLess(self.daemon.rss_kb(), 60_000)
            self.assertEqual(self.client.ask(WEB).rcode, "NOERROR")

    def test_a_client_has_so_many_connections_and_a_new_one_is_served(self):
        """The one idle for longest makes room for it."""
        remote = Client(self.other, server="192.168.7.1")
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(remote.stream()) for _ in range(TCP_PER_CLIENT + 20)]
            lab.wait_until(lambda: len(select.select(socks, [], [], 0)[0]) >= 20, what="the surplus is closed")
            self.assertEqual(select.select(socks, [], [], 0)[0], socks[:20])
            self.assertEqual(remote.ask(WEB, tcp=True).rcode, "NOERROR")
            self.assertEqual(self.client.ask(WEB, tcp=True).rcode, "NOERROR")

    def test_a_few_clients_leave_others_their_connections(self):
        """Six of them would have more than all: before, the idle connection of another one was closed."""
        addrs = [f"192.168.7.{20 + i}" for i in range(6)]
        self.other.ip(*(f"addr add {addr}/24 dev eth0" for addr in addrs))
        quiet = Client(self.other, server="192.168.7.1")
        with contextlib.ExitStack() as stack:
            kept = stack.enter_context(quiet.stream())
            socks = []
            for addr in addrs:
                many = Client(self.other, server="192.168.7.1", source=addr)
                socks += [stack.enter_context(many.stream()) for _ in range(TCP_PER_CLIENT)]
            kept.sendall(framed(query(WEB)))
            self.assertEqual(Reply(read_tcp(kept)).rcode, "NOERROR")
            self.assertEqual(Client(self.other, server="192.168.7.1", source=addrs[-1]).ask(WEB, tcp=True).rcode, "NOERROR")
            self.assertEqual(select.select([kept], [], [], 0)[0], [])
            lab.wait_until(lambda: len(select.select(socks, [], [], 0)[0]) > len(addrs) * TCP_PER_CLIENT // 4)

    def test_the_nodes_own_addresses_stand_for_many_clients(self):
        for server in ("127.0.0.1", "192.168.7.1"):  # the client's address is the same
            with self.subTest(server), contextlib.ExitStack() as stack:
                local = Client(self.ns, server=server)
                socks = [stack.enter_context(local.stream()) for _ in range(TCP_PER_CLIENT + 20)]
                self.assertEqual(local.ask(WEB, tcp=True).rcode, "NOERROR")
                self.assertEqual(select.select(socks, [], [], 0)[0], [])

    def test_keepalive_is_told_to_who_asks(self):
        reply = self.client.ask(WEB, tcp=True, edns=1232, options=struct.pack("!2H", 11, 0))
        self.assertEqual(reply.opt["options"][11], struct.pack("!H", TCP_IDLE_S * 10))


class NoDescriptor(ServerTest):
    """No client can be accepted for a while: clients wait, and no thread spins."""
    FLAGS = ["--metrics-bind-address", "127.0.0.1:10249"]

    def setUp(self):
        pid = self.daemon.process.pid
        _, hard = self.limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, hard))
        self.addCleanup(resource.prlimit, pid, resource.RLIMIT_NOFILE, self.limit)

    def cpu_s(self):
        """Processor time that the daemon takes in a second."""
        def ticks():
            fields = Path(f"/proc/{self.daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])
        before = ticks()
        time.sleep(1)
        return (ticks() - before) / os.sysconf("SC_CLK_TCK")

    def relent(self):
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, self.limit)

    def test_dns(self):
        with self.client.stream() as sock:
            sock.sendall(framed(query(WEB)))
            self.assertLess(self.cpu_s(), 0.3)  # one that spins takes what it can get
            self.relent()
            self.assertEqual(Reply(read_tcp(sock)).rcode, "NOERROR")
        page = traffic.curl(self.ns, "http://127.0.0.1:10249/metrics").body
        self.assertIn(int(re.search(r"^fairlead_dns_tcp_starved_total (\d+)$", page, re.M)[1]), range(1, 100))

    def test_the_connection_idle_for_longest_makes_room(self):
        self.relent()
        with contextlib.ExitStack() as stack:
            def served():
                sock = stack.enter_context(self.client.stream())
                sock.sendall(framed(query(WEB)))
                self.assertEqual(Reply(read_tcp(sock)).rcode, "NOERROR")
                return sock

            idle = served()
            resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, (self.first_free(), self.limit[1]))
            younger = [served()]  # more of them where the daemon has closed a descriptor since
            while not select.select([idle], [], [], 0)[0] and len(younger) < 20:
                younger.append(served())
            self.assertIsNone(read_tcp(idle))
            self.assertEqual(select.select(younger, [], [], 0)[0], [])

    def first_free(self):
        used = set(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))
        return next(fd for fd in range(len(used) + 1) if str(fd) not in used)

    def test_control_socket(self):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(lab.LIMIT_S)
            sock.connect(self.daemon.control)
            sock.sendall(b"status\n")
            self.assertLess(self.cpu_s(), 0.3)
            self.relent()
            self.assertTrue(sock.recv(100).startswith(b"0\n"))


class Everywhere(ServerTest):
    """Bound to wildcards with two workers."""

    LISTEN, FLAGS = ["0.0.0.0:53", "[::]:53"], ["--dns-workers", "2", "--dns-identify"]

    def test_replies_leave_from_the_asked_address(self):
        for server in ("127.0.0.1", "127.0.0.9", "10.96.0.10", "10.96.0.11", "fd00:96::a", "::1"):
            # connected sockets: a reply from elsewhere is never seen
            self.assertEqual(Client(self.ns, server).ask(WEB).rcode, "NOERROR", server)
            self.assertEqual(Client(self.ns, server).ask(WEB, tcp=True).rcode, "NOERROR", server)

    def test_every_worker_answers(self):
        def thread_times():
            done = self.ns.run("sh", "-c", f"cat /proc/{self.daemon.process.pid}/task/*/stat").stdout
            return done.count("(dns-udp)")
        self.assertEqual(thread_times(), 8)  # two for each address: wildcards, and the cluster DNS address of both families
        for _ in range(64):  # a new source port each: both sockets of the group get some
            self.assertEqual(self.client.ask(WEB).rcode, "NOERROR")

    def test_addresses_take_turns(self):
        first = collections.Counter(self.client.ask(BIG).answer[0] for _ in range(100))
        self.assertGreater(len(first), 30)

    def test_who_we_are(self):
        self.assertEqual(self.client.ask(WEB, edns=1232, options=struct.pack("!2H", 3, 0)).opt["options"][3], b"node-7")
        self.assertIn('"node-7"', self.client.ask("id.server", "TXT", qclass="CH").answer[0])
        self.assertIn('"fairlead ', self.client.ask("version.bind", "TXT", qclass="CH").answer[0])

    def test_wildcard_addresses_are_no_name_servers(self):
        reply = self.client.ask("cluster.local", "NS")
        self.assertEqual((reply.rcode, reply.answer, reply.extra), ("NOERROR", [], []))

    def test_dig_sees_the_explanation(self):
        self.folder.put("gone", manifests.service("gone", "None", [manifests.port(80, "http")]))
        lab.wait_until(lambda: "0 of 0 endpoints ready" in self.ns.run("dig", "@127.0.0.1", f"gone.{WEB[4:]}").stdout)

    def test_counts(self):
        before = self.daemon.status()["dns"]["queries"]
        self.client.ask(WEB)
        self.client.ask(WEB, tcp=True)
        self.assertGreaterEqual(self.daemon.status()["dns"]["queries"], before + 2)


class FixedOrder(ServerTest):
    FLAGS = ["--dns-fixed-order", "--dns-pods", "verified", "--dns-debug-names=false"]

    def test_debug_names_are_off(self):
        self.assertEqual(self.client.ask("whoami.dns.cluster.local", "TXT").rcode, "NXDOMAIN")

    def test_addresses_keep_their_order(self):
        self.assertEqual(len({tuple(self.client.ask(BIG, tcp=True).answer) for _ in range(20)}), 1)

    def test_verified_pods(self):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
               "spec": {"nodeName": "node-7", "containers": []},
               "status": {"phase": "Running", "podIP": "10.244.0.77", "podIPs": [{"ip": "10.244.0.77"}]}}
        name = "10-244-0-77.default.pod.cluster.local"
        self.assertEqual(self.client.ask(name).rcode, "NXDOMAIN")
        self.folder.put("pod", pod)
        lab.wait_until(lambda: self.client.ask(name).rcode == "NOERROR", what="the pod has a name")
        self.assertEqual(self.client.ask(name.replace("default", "kube-system")).rcode, "NXDOMAIN")
        self.folder.remove("pod")
        lab.wait_until(lambda: self.client.ask(name).rcode == "NXDOMAIN", what="the pod's name is gone")


class QueryLog(ServerTest):
    FLAGS = ["--dns-log", "--dns-log-suffix", "default.svc.cluster.local"]

    def test_lines_with_the_pods_name(self):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "default"},
               "spec": {"nodeName": "node-7", "containers": []},
               "status": {"phase": "Running", "podIP": "10.96.0.11", "podIPs": [{"ip": "10.96.0.11"}]}}
        self.folder.put("pod", pod, manifests.service("mark", "10.96.0.99", [manifests.port(80, "http")]))
        lab.wait_until(lambda: self.client.ask("99.0.96.10.in-addr.arpa", "PTR").rcode == "NOERROR")
        whoami = self.ns.run("dig", "@127.0.0.1", "-b", "10.96.0.11#4242", "+short", "whoami.dns.cluster.local", "TXT").stdout
        self.assertEqual(whoami.strip(), '"address=10.96.0.11" "port=4242" "transport=UDP" "pod=web-0" "namespace=default" '
                         '"search=default.svc.cluster.local" "search=svc.cluster.local" "search=cluster.local"')
        Client(self.ns, source="10.96.0.11").ask(WEB)
        self.client.ask("nx.default.svc.cluster.local", "AAAA", tcp=True)
        self.client.ask("cluster.local", "SOA")

        def told():
            return sorted(line.split("query: ")[1] for line in self.daemon.log().splitlines() if "query: " in line)

        lab.wait_until(lambda: len(told()) >= 2, what="lines")
        lines = told()
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[0], fr'^10\.96\.0\.11:\d+ default/web-0 \d+ "A IN {WEB}\. udp 47 ')
        self.assertRegex(lines[1], r'^127\.0\.0\.1:\d+ - \d+ "AAAA IN nx\.default\.svc\.cluster\.local\. tcp .*NXDOMAIN')


if __name__ == "__main__":
    unittest.main()
