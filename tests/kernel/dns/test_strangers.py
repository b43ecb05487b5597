"""Clients outside --dns-allow: nothing is reflected to them, names outside the cluster are refused; others see no change."""
import re
import unittest

import lab
import manifests
import traffic
from dns_client import Client, query

PORT = 5301
SERVER, SERVER6 = "192.168.7.1", "fd00:7::1"
STRANGER, STRANGER6 = "203.0.113.5", "2001:db8::5"
MANY = "many.default.svc.cluster.local"


class Strangers(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node, self.outside = self.lab.ns("node"), self.lab.ns("out")
        self.node.ip(f"link add p0 type veth peer name eth0 netns {self.outside.name}", "link set p0 up",
                     f"addr add {SERVER}/30 dev p0", f"addr add {SERVER6}/64 dev p0 nodad")
        self.outside.ip("link set eth0 up", f"addr add {STRANGER}/32 dev eth0", f"addr add {STRANGER6}/128 dev eth0 nodad",
                        f"route add {SERVER}/32 dev eth0", f"route add {SERVER6}/128 dev eth0 src {STRANGER6}")
        self.node.ip(f"route add {STRANGER}/32 dev p0", f"route add {STRANGER6}/128 dev p0")
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.folder.put("many", manifests.service("many", "None", [manifests.port(80, "http")]),
                        manifests.slice("many", [f"10.244.9.{n}" for n in range(1, 41)], [("http", 80)]))
        self.start()

    def start(self, *flags):
        self.daemon = self.lab.daemon(self.node, self.folder, "--no-proxy", "--dns-listen", SERVER, "--dns-listen", SERVER6,
                                      "--dns-listen", "127.0.0.1", "--forward", f"127.0.0.1:{PORT}", *flags)

    def dig(self, *words, ns=None, server=SERVER):
        return (ns or self.outside).run("dig", f"@{server}", "+tries=1", *words).stdout

    @staticmethod
    def flags(text):
        return re.search(r"flags: ([a-z ]*);", text)[1].split()

    @staticmethod
    def size(text):
        return int(re.search(r"MSG SIZE +rcvd: (\d+)", text)[1])

    @staticmethod
    def records(text):
        return len(re.findall(r"\sIN\s+A\s", text)) - 1  # the question

    def test_large_answers_only_over_tcp(self):
        for server in (SERVER, SERVER6):
            cut = self.dig("+ignore", "+nocookie", MANY, server=server)
            self.assertIn("tc", self.flags(cut))
            self.assertLess(self.size(cut), 1.5 * len(query(MANY, edns=1232)))
            self.assertEqual(self.records(self.dig("+nocookie", MANY, server=server)), 40)
        known = self.dig("+ignore", MANY, ns=self.node, server="127.0.0.1")
        self.assertNotIn("tc", self.flags(known))
        self.assertEqual(self.records(known), 40)

    def test_a_server_cookie_opens_udp(self):
        first = self.dig("+ignore", MANY)
        self.assertIn("tc", self.flags(first))
        cookie = re.search(r"COOKIE: ([0-9a-f]{48})", first)[1]
        good = self.dig("+ignore", f"+cookie={cookie}", MANY)
        self.assertNotIn("tc", self.flags(good))
        self.assertEqual(self.records(good), 40)
        wrong = self.dig("+ignore", f"+cookie={cookie[:-2]}{int(cookie[-2:], 16) ^ 1:02x}", MANY)
        self.assertIn("tc", self.flags(wrong))

    def test_names_outside_are_refused(self):
        for words in ((), ("+tcp",)):
            text = self.dig(*words, "www.example.com")
            self.assertIn("status: REFUSED", text)
            self.assertIn("EDE: 18 (Prohibited)", text)
        self.assertIn("(names outside the cluster are answered to --dns-allow only)", text)  # TCP has room for it

    def test_no_query_leaves_for_them(self):
        """Of a name that leads outside they get what the zone says; whom we know gets an answer from the (dead) server."""
        self.folder.put("out", manifests.service("out", type="ExternalName", externalName="www.example.com"))
        name = "out.default.svc.cluster.local"
        alias, known = [f"{name}. 5 IN CNAME www.example.com."], Client(self.node, SERVER, limit_s=30)
        lab.wait_until(lambda: known.ask(name, "CNAME").answer == alias)
        self.assertEqual(Client(self.outside, SERVER).ask(name, tcp=True).answer, alias)
        self.assertEqual(known.ask(name).rcode, "SERVFAIL")

    def test_a_flood_is_not_reflected(self):
        """2 000 forged questions: a part is answered; a client that we know gets all its answers meanwhile."""
        sock = Client(self.outside, SERVER)._socket(2)
        sock.setblocking(False)
        known, sent, replies, got = Client(self.node, SERVER), 0, 0, 0

        def read():
            nonlocal replies, got
            while True:
                try:
                    got += len(sock.recv(4096))
                    replies += 1
                except BlockingIOError:
                    return
        for n in range(2000):
            message = query("www.example.com", serial=n)
            sock.send(message)
            sent += len(message)
            if n % 20 == 0:
                self.assertEqual(len(known.ask(MANY).answer), 29)
                read()
        lab.wait_until(lambda: self.daemon.status()["dns"]["queries"] >= 2000, what="all were taken")
        read()
        self.assertLess(got, 0.7 * sent)
        page = self.metrics()
        dropped, truncated = (int(re.search(
            rf'^fairlead_dns_strangers_limited_total{{action="{action}"}} (\d+)', page, re.M)[1]) for action in ("drop", "truncate"))
        self.assertEqual(dropped, 2000 - replies)
        self.assertGreater(dropped, 500)
        self.assertGreater(truncated, 500)

    def metrics(self):
        return traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body

    def is_known(self):
        """A stranger that asks often gets no answer now and then."""
        try:
            return "tc" not in Client(self.outside, SERVER, limit_s=1).ask(MANY, edns=1232).flags
        except TimeoutError:
            return False

    def test_many_nodes_are_looked_at_once(self):
        """A source tells 8 000 of them one by one; looking at all each time took minutes."""
        self.folder.put("nodes", *(manifests.node(f"n{n}", f"198.18.{n // 250}.{n % 250}") for n in range(8000)),
                        manifests.node("last", STRANGER))
        lab.wait_until(self.is_known, what="the last of them is known")

    def test_who_is_known(self):
        """Nodes and what is on a link of ours; a flag instead of all that."""
        self.assertFalse(self.is_known())
        self.folder.put("node", manifests.node("other-node", STRANGER))
        lab.wait_until(self.is_known, what="the address of a node is known")
        self.folder.remove("node")
        lab.wait_until(lambda: not self.is_known(), what="the node is forgotten")
        self.node.ip("addr add 203.0.113.77/24 dev p0 noprefixroute")
        lab.wait_until(self.is_known, what="a network on our link is known")
        self.daemon.stop()
        self.start("--dns-allow", "198.51.100.0/24")
        self.assertFalse(self.is_known())
        self.daemon.stop()
        self.start("--dns-allow", "198.51.100.0/24,203.0.113.5")
        self.assertTrue(self.is_known())


if __name__ == "__main__":
    unittest.main()
