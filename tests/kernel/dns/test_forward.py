"""Names outside the cluster, through the real daemon and a test double for its upstreams."""
import contextlib
import re
import socket
import struct
import unittest

import lab
import manifests
import traffic
from dns_client import Client, Reply, query, read_tcp
from upstream import Upstream, other_question

PORT = 5301
TCP_WAITING = 32  # dns/server/tcp.h
FORWARD_PENDING, FORWARD_PENDING_PER_CLIENT = 2048, 512  # dns/forward/forward.h


def framed(message):
    return struct.pack("!H", len(message)) + message


def large(reply):
    """The same reply with 64 KB of addresses."""
    question = reply[12:reply.index(b"\0", 12) + 5]
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + bytes(4)
    count = (65535 - 12 - len(question)) // len(record)
    return reply[:2] + struct.pack("!5H", 0x8180, 1, count, 0, 0) + question + record * count


class Forward(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.up = Upstream(self.node, PORT)
        self.addCleanup(self.up.close)
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.daemon = self.lab.daemon(self.node, self.folder, "--no-proxy", "--forward", f"127.0.0.1:{PORT}",
                                      "--forward-timeout", "1s")
        self.client = Client(self.node, limit_s=20)

    def test_asked_once_then_cached(self):
        for tcp in (False, True, False):
            reply = self.client.ask("www.Example.com", tcp=tcp)
            self.assertEqual(reply.rcode, "NOERROR")
            self.assertRegex(reply.answer[0], r"^www\.Example\.com\. (60|59|58) IN A 192\.0\.2\.1$")
            self.assertEqual(reply.flags, {"rd", "ra"})
        self.assertEqual(self.up.names(), ["www.example.com"])

    def test_first_query_over_tcp(self):
        self.assertEqual(len(self.client.ask("tcp.example.com", tcp=True).answer), 1)

    def test_cluster_and_local_names_stay(self):
        self.assertEqual(self.client.ask("x.default.svc.cluster.local").rcode, "NXDOMAIN")
        self.assertEqual(self.client.ask("1.0.0.10.in-addr.arpa", "PTR").rcode, "NXDOMAIN")
        self.assertEqual(self.client.ask("localhost").answer, ["localhost. 10800 IN A 127.0.0.1"])
        self.assertEqual(self.up.asked, [])

    def test_identical_questions_are_asked_once(self):
        self.up.silent = True
        socks = [self.client._socket(2) for _ in range(20)]
        for i, sock in enumerate(socks):
            sock.send(query("same.example.com", serial=i))
        lab.wait_until(lambda: self.up.asked)
        self.up.silent = False
        for i, sock in enumerate(socks):
            self.assertEqual(sock.recv(512)[:2], bytes([0, i]))
            sock.close()
        self.assertLessEqual(len(self.up.asked), 3, "retries of one question only")

    def test_truncated_goes_to_tcp(self):
        self.up.truncate = True
        self.up.records = 100
        reply = self.client.ask("big.example.com")
        self.assertIn("tc", reply.flags)
        self.assertEqual(len(self.client.ask("big.example.com", tcp=True).answer), 100)
        self.assertEqual([proto for *_, proto in self.up.asked], ["udp", "tcp"])

    def test_lies_are_not_believed(self):
        def evil(reply):
            return reply[:-4] + bytes([6, 6, 6, 6])

        def spoil(reply, _):
            wrong_id = bytes([reply[0] ^ 1]) + reply[1:]
            return [evil(wrong_id), evil(other_question(reply)), b"", b"garbage", evil(reply)[:11], reply]
        self.up.spoil = spoil
        for i in range(20):
            reply = self.client.ask(f"n{i}.example.com")
            self.assertRegex(reply.answer[0], r"192\.0\.2\.1$")

    def test_server_that_loses_the_case(self):
        self.up.spoil = lambda reply, _: [reply[:12] + reply[12:].lower()]
        for i in range(5):
            self.assertEqual(len(self.client.ask(f"lowercase{i}.example.com").answer), 1)

    def test_flush(self):
        for name in ("One.example.com", "two.example.com"):
            self.client.ask(name)
        self.assertEqual(self.daemon.call("cache", "flush", "oNe.example.com.").stdout, "1 answer forgotten\n")
        for name in ("one.example.com", "two.example.com"):
            self.client.ask(name)
        self.assertEqual(self.up.names(), ["one.example.com", "two.example.com", "one.example.com"])
        self.assertEqual(self.daemon.call("cache", "flush").stdout, "2 answers forgotten\n")
        self.client.ask("two.example.com")
        self.assertEqual(self.up.names()[3:], ["two.example.com"])
        for words in (("flash",), ("flush", "a..b"), ("flush", "a b"), ("flush", "")):
            self.assertEqual(self.daemon.call("cache", *words, check=False).returncode, 2, words)

    def _other_daemon(self, *flags):
        self.daemon.stop()
        self.daemon = self.lab.daemon(self.node, self.folder, "--no-proxy", *flags)

    def test_query_log(self):
        """What was asked, what the cache held, and which server took how long; nothing behind a cluster name."""
        self._other_daemon("--forward", f"127.0.0.1:{PORT}", "--forward-timeout", "1s", "--dns-log")
        self.up.ttl = 1
        server = rf"upstream=127\.0\.0\.1:{PORT} upstream-time=\d+\.\d{{9}}s"

        def ask(name, tcp, behind, rcode="NOERROR"):
            line = rf'query: 127\.0\.0\.1:\d+ - 4660 "A IN {name}\. {"tcp" if tcp else "udp"} .*" {rcode} qr\S* \d+ \d\.\d{{9}}s{behind}$'

            def found():
                self.client.ask(name, tcp=tcp)
                return re.search(line, self.daemon.log(), re.M)
            lab.wait_until(found, what=line, every_s=0.1)
        for tcp in (False, True):
            ask(f"new-{int(tcp)}.example.com", tcp, f" cache=miss {server}")
            ask(f"new-{int(tcp)}.example.com", tcp, " cache=hit")
            ask("x.default.svc.cluster.local", tcp, "", "NXDOMAIN")
            ask("localhost", tcp, "")
        self.up.silent = True
        ask("new-1.example.com", False, f" cache=stale {server}")
        ask("never.example.com", False, f" cache=miss {server}", "SERVFAIL")

    def test_flush_without_forward(self):
        self._other_daemon()
        done = self.daemon.call("cache", "flush", check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "fairlead cache: the daemon has no cache: it runs with --forward none\n"))

    def test_cache_flags(self):
        up = f"127.0.0.1:{PORT}"
        for flags, limit in ((("--dns-cache-max-ttl", "7s"), 7), (("--dns-cache-max-negative-ttl", "7s"), 60)):
            self._other_daemon("--forward", up, *flags)
            self.client.ask("capped.example.com")
            ttl = int(self.client.ask("capped.example.com").answer[0].split()[1])
            self.assertTrue(limit - 6 < ttl <= limit, ttl)
        self._other_daemon("--forward", up, "--dns-cache-size", "0")
        before = len(self.up.asked)
        for _ in range(3):
            self.client.ask("never-kept.example.com")
        self.assertEqual(len(self.up.asked) - before, 3)
        self._other_daemon("--forward", up, "--dns-cache-size", "64K")
        for i in range(600):
            self.client.ask(f"small{i}.example.com")
        self.assertTrue(self._has(r'^coredns_cache_evictions_total\{.*type="success".*\} [1-9]'))
        held = int(re.search(r"^fairlead_cache_bytes (\d+)$", self._metrics(), re.M)[1])
        self.assertTrue(32768 < held <= 65536, held)

    def test_source_ports_and_case_vary(self):
        for i in range(2000):
            self.client.ask(f"p{i}.random-case.example.com")
        asked = self.up.asked[:2000]
        self.assertEqual(len(asked), 2000)
        self.assertGreaterEqual(len({port for _, _, port, _ in asked}), 1000)
        self.assertGreater(len({name.split(".", 1)[1] for name, *_ in asked}), 1750)
        steps = [b[2] - a[2] for a, b in zip(asked, asked[1:])]
        self.assertLess(max(steps.count(step) for step in set(steps)), 20, "ports that follow each other can be guessed")

    def test_dead_upstream_stale_then_back(self):
        self.up.ttl = 1
        self.client.ask("stale.example.com")
        self.up.silent = True
        lab.wait_until(lambda: self._option(self.client.ask("stale.example.com", edns=1232)) == 3)
        reply = self.client.ask("never.example.com", edns=1232)
        self.assertEqual((reply.rcode, self._option(reply)), ("SERVFAIL", 22))
        self.up.silent = False
        lab.wait_until(lambda: self.client.ask("back.example.com").rcode == "NOERROR")

    def _asked_while_stale(self, clients, names_each):
        """Stale answers go out at once; names of the questions that are still asked then."""
        names = [[f"s{i}.c{c}.example.com" for i in range(names_each)] for c in range(clients)]
        self._other_daemon("--forward", f"127.0.0.1:{PORT}", "--forward-timeout", "30s")
        self.up.ttl = 1
        for c in range(clients):
            self.assertEqual({self._told(reply) for reply in self._ask_all(c, names[c])}, {("NOERROR", None)})
        lab.wait_until(lambda: self._has(r"^fairlead_forward_waiting 0$"))
        self.up.close()  # refused at once, and down after two of them
        for c in range(clients):
            lab.wait_until(lambda c=c: self._option(self.client.ask(names[c][-1], edns=1232)) == 3)
        asked = set()
        with self.node.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
            silent.bind(("127.0.0.1", PORT))
            lab.wait_until(lambda: self._option(self.client.ask(names[0][0], edns=1232)) == 3)
            for c in range(clients):
                self.assertEqual({self._told(reply) for reply in self._ask_all(c, names[c])}, {("NOERROR", 3)})
            with contextlib.suppress(BlockingIOError):
                while True:
                    asked.add(silent.recv(512, socket.MSG_DONTWAIT)[12:].partition(b"\0")[0].lower())
        return asked

    def test_questions_for_which_no_client_waits_are_bounded(self):
        asked = self._asked_while_stale(6, FORWARD_PENDING // 6 + 50)
        self.assertIn(len(asked), range(FORWARD_PENDING // 2, FORWARD_PENDING + 2))  # a probe is one of them

    def test_such_questions_of_one_client_are_bounded(self):
        asked = self._asked_while_stale(2, FORWARD_PENDING_PER_CLIENT + 100)
        for client in (b"c0", b"c1"):
            self.assertIn(sum(client in name for name in asked),
                          range(FORWARD_PENDING_PER_CLIENT // 2, FORWARD_PENDING_PER_CLIENT + 2))  # one is ours

    def _ask_all(self, number, names):
        """One client's replies in any order; a few at once. None waits for an attempt of 15 s."""
        with Client(self.node, limit_s=10, source=f"127.0.0.{10 + number}")._socket(2) as sock:
            for i in range(0, len(names), 50):
                some = names[i:i + 50]
                for k, name in enumerate(some):
                    sock.send(query(name, serial=k, edns=1232))
                yield from [Reply(sock.recv(1500)) for _ in some]

    def _told(self, reply):
        return reply.rcode, self._option(reply)

    @staticmethod
    def _option(reply):
        option = reply.opt["options"].get(15)
        return int.from_bytes(option[:2], "big") if option else None

    def _metrics(self):
        return traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body

    def _has(self, *lines):
        page = self._metrics()
        return all(re.search(line, page, re.M) for line in lines)

    def test_metrics(self):
        self.client.ask("found.example.com")
        self.client.ask("found.example.com", tcp=True)
        self.up.rcode = 9
        self.client.ask("odd.example.com", tcp=True)
        lab.wait_until(lambda: self._has(
            r'^coredns_dns_responses_total\{.*rcode="NOERROR",plugin="forward"\} 1$',
            r'^coredns_dns_responses_total\{.*rcode="NOERROR",plugin="kubernetes"\} 1$',
            r'^coredns_dns_responses_total\{.*rcode="NOTAUTH",plugin="forward"\} 1$',
            r'^coredns_dns_request_duration_seconds_count\{.*\} 3$',
            r'^coredns_dns_response_size_bytes_count\{.*proto="udp"\} 1$',
            r'^coredns_dns_response_size_bytes_count\{.*proto="tcp"\} 2$',
            r'^coredns_cache_entries\{server="dns://:53",type="success",zones="\.",view=""\} 1$',
            r'^coredns_cache_hits_total\{.*type="success".*\} 1$',
            r'^coredns_cache_hits_total\{.*type="denial".*\} 0$',
            r'^coredns_cache_requests_total\{.*\} 3$',
            r'^coredns_cache_misses_total\{.*\} 2$',
            r'^fairlead_cache_bytes [1-9]',
            r'^fairlead_forward_waiting 0$',
            r'^coredns_proxy_request_duration_seconds_count\{proxy_name="forward",to="127.0.0.1:5301",rcode="NOERROR"\}'
            r' 1$',
            r'^coredns_proxy_request_duration_seconds_count\{.*rcode="NOTAUTH"\} [1-9]',
            r'^coredns_proxy_healthcheck_failures_total\{proxy_name="forward",to="127.0.0.1:5301"\} 0$'))
        series = [line.rsplit(" ", 1)[0] for line in self._metrics().splitlines() if line[0] != "#"]
        self.assertEqual(len(series), len(set(series)))

    def test_metrics_of_a_dead_upstream(self):
        self.up.silent = True
        for i in range(3):
            self.assertEqual(self.client.ask(f"dead{i}.example.com").rcode, "SERVFAIL")
        self.assertTrue(self._has(r'^coredns_dns_responses_total\{.*rcode="SERVFAIL",plugin="forward"\} 3$',
                                  r'^coredns_forward_healthcheck_broken_total [1-9]',
                                  r'^coredns_proxy_healthcheck_failures_total\{.*\} [1-9]'))

    def test_stop_while_queries_wait(self):
        self.up.silent = True
        udp, tcp = self.client._socket(2), self.client._socket(1)
        for i in range(40):
            message = query(f"s{i}.example.com", serial=i)
            udp.send(message)
            tcp.send(len(message).to_bytes(2, "big") + message)
        lab.wait_until(lambda: self._has(rf"^fairlead_forward_waiting {40 + TCP_WAITING}$"))
        self.daemon.stop()
        udp.close()
        tcp.close()

    def test_pipelined_queries_that_wait_are_bounded_and_all_answered(self):
        """The rest of them has arrived already: no further byte of the client wakes the server."""
        self.up.silent = True
        with self.client.stream() as sock:
            sock.sendall(b"".join(framed(query(f"w{i}.example.com", serial=i)) for i in range(100)))
            lab.wait_until(lambda: len(set(self.up.names())) >= TCP_WAITING)
            self.assertTrue(self._has(rf"^fairlead_forward_waiting {TCP_WAITING}$"))
            self.up.silent = False
            self.assertEqual({Reply(read_tcp(sock)).id for _ in range(100)}, set(range(100)))

    def test_a_client_that_leaves_large_replies_unread_is_closed(self):
        """Not cached, so the same question brings one again and again; others are answered meanwhile."""
        self.node.ip("link set lo mtu 1500")  # else the kernel's buffers take megabytes
        self.up.truncate, self.up.silent = True, True
        self.up.spoil = lambda reply, proto: [large(reply) if proto == "tcp" else reply]
        with self.client.stream() as sock:
            sock.sendall(framed(query("large.example.com")) * 512)
            lab.wait_until(lambda: self._has(rf"^fairlead_forward_waiting {TCP_WAITING}$"))
            self.up.silent = False
            lab.wait_until(lambda: self._has(r"^fairlead_forward_waiting 0$"))
            self.client.ask("behind-them.example.com", tcp=True)  # its reply takes the same way
            got = 0
            with contextlib.suppress(ConnectionResetError):
                while read_tcp(sock):
                    got += 1
            self.assertLess(got, TCP_WAITING)

    def test_many_waiting_queries_are_bounded(self):
        self.up.silent = True
        sock = self.client._socket(2)
        for i in range(700):
            sock.send(query(f"w{i}.example.com", serial=i, edns=1232))
        self.assertEqual(sock.recv(512)[3] & 15, 2, "SERVFAIL at once for what passes the limit")
        lab.wait_until(lambda: self._has(r"^fairlead_forward_waiting 512$",
                                         r"^coredns_forward_max_concurrent_rejects_total [1-9]"))
        sock.close()

    def test_a_few_clients_leave_places_for_others(self):
        """Names that no server answers, from eight addresses: before, four of them took all places."""
        self._other_daemon("--forward", f"127.0.0.1:{PORT}", "--forward-timeout", "30s")
        self.up.spoil = lambda reply, proto: [] if b"dead" in reply.lower() else [reply]
        socks = [Client(self.node, limit_s=10, source=f"127.0.0.{20 + c}")._socket(2) for c in range(8)]
        for c, sock in enumerate(socks):
            for i in range(FORWARD_PENDING_PER_CLIENT + 100):
                sock.send(query(f"w{i}.c{c}.dead.example.com", serial=i, edns=1232))
            self.assertEqual(self._told(Reply(sock.recv(512))), ("SERVFAIL", 0), "no place is left for this client")
        self.assertEqual(self.client.ask("alive.example.com").rcode, "NOERROR")
        for sock in socks:
            sock.close()


if __name__ == "__main__":
    unittest.main()
