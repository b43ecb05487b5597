"""DNS cookies towards upstream servers (RFC 7873): kept for each server, and a reply without them is not believed."""
import shutil
import struct
import unittest

import lab
import manifests
from dns_client import Client, Reply
from upstream import Upstream

PORT, COOKIE, FORMERR, BADCOOKIE = 5301, 10, 1, 23


def opt(cookie, rcode=0):
    """An OPT record with the bits of an rcode above 15."""
    option = struct.pack("!2H", COOKIE, len(cookie)) + cookie if cookie else b""
    return b"\0" + struct.pack("!2H4BH", 41, 1232, rcode >> 4, 0, 0, 0, len(option)) + option


def with_opt(reply, cookie, rcode=0):
    return reply[:3] + bytes([reply[3] & 0xF0 | rcode & 15]) + reply[4:11] + b"\1" + reply[12:] + opt(cookie, rcode)


class CookieUpstream(Upstream):
    """server: its half of the cookie, None: it has none. demand: it answers none else; never: not even this. shown:
    cookies that came. forge: a function that gets the reply and our half, and returns what comes before the reply over UDP."""

    def __init__(self, ns):
        self.server, self.demand, self.never, self.refuse = b"S" * 16, False, False, False
        self.forge, self.shown = None, []
        super().__init__(ns, PORT)

    def _replies(self, query, port, proto):
        sent = Reply(query).opt
        cookie = sent and sent["options"].get(COOKIE)
        if cookie:
            self.shown.append(cookie)
        plain = super()._replies(query, port, proto)
        if not cookie:
            return plain
        good = cookie[:8] + self.server if self.server else b""
        if self.refuse:
            return [with_opt(reply, b"", FORMERR) for reply in plain]
        if self.never or (self.demand and cookie != good):
            return [with_opt(reply, good, BADCOOKIE) for reply in plain]
        forged = [f for reply in plain for f in self.forge(reply, cookie[:8])] if self.forge and proto == "udp" else []
        return forged + [with_opt(reply, good) for reply in plain]


def evil(reply):
    return reply[:-4] + bytes([6, 6, 6, 6])


class Cookies(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.client = Client(self.node, limit_s=20)

    def start(self, *flags):
        return self.lab.daemon(self.node, self.folder, "--no-proxy", "--forward-timeout", "2s", "--forward", *flags)

    def upstream(self):
        up = CookieUpstream(self.node)
        self.addCleanup(up.close)
        self.start(f"127.0.0.1:{PORT}")
        return up

    def good(self, name):
        reply = self.client.ask(name, edns=1232)
        self.assertEqual((reply.rcode, [r.split()[-1] for r in reply.answer]), ("NOERROR", ["192.0.2.1"]))

    def test_the_servers_half_comes_back(self):
        up = self.upstream()
        for i in range(3):
            self.good(f"n{i}.example.com")
        self.assertEqual([len(cookie) for cookie in up.shown], [8, 24, 24])
        self.assertEqual(up.shown[1], up.shown[0] + up.server)

    def test_forgers_do_not_know_it(self):
        up = self.upstream()
        self.good("first.example.com")
        up.forge = lambda reply, ours: [with_opt(evil(reply), bytes(8) + up.server), with_opt(evil(reply), bytes(24))]
        self.good("wrong.example.com")
        for number, forge in enumerate((lambda reply, ours: [evil(reply)], lambda reply, ours: [with_opt(evil(reply), b"")],
                                        lambda reply, ours: [with_opt(evil(reply), b"", FORMERR)])):
            up.forge = forge
            self.good(f"without{number}.example.com")
        self.assertEqual([proto for *_, proto in up.asked], ["udp"] * 2 + ["udp", "tcp"] * 3)

    def test_a_server_that_wants_another_one(self):
        up = self.upstream()
        up.demand = True
        self.good("a.example.com")
        up.server = b"T" * 8
        self.good("b.example.com")
        self.assertEqual([len(cookie) for cookie in up.shown], [8, 24, 24, 16])

    def test_a_server_that_never_likes_it(self):
        """Asked over TCP at last, and then it is a failure: never an rcode that only servers know."""
        up = self.upstream()
        up.never = True
        self.assertEqual(self.client.ask("never.example.com", edns=1232).rcode, "SERVFAIL")

    def test_a_server_that_does_not_take_the_option(self):
        up = self.upstream()
        up.refuse = True
        self.good("a.example.com")
        self.good("b.example.com")
        self.assertEqual(len(up.shown), 1)

    def test_a_server_that_has_none_any_more(self):
        up = self.upstream()
        self.good("a.example.com")
        up.server = None
        self.good("tcp-tells.example.com")
        self.good("then-udp.example.com")
        self.assertEqual([proto for *_, proto in up.asked], ["udp", "udp", "tcp", "udp"])
        up.server = b"S" * 16
        self.good("again.example.com")
        up.server = None
        up.tcp.close()  # and no TCP
        self.good("no-tcp.example.com")

    @unittest.skipUnless(shutil.which("knotd"), "Debian's knot is not installed")
    def test_knot(self):
        """It answers BADCOOKIE to every query without a cookie of its own."""
        conf = self.lab.folder / "knot.conf"
        (self.lab.folder / "example.com.zone").write_text(
            "@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.9\nwww 60 IN A 192.0.2.1\n")
        conf.write_text(f"server:\n  listen: 127.0.0.1@{PORT}\n  rundir: {self.lab.folder}\n"
                        f"database:\n  storage: {self.lab.folder}\n"
                        "mod-cookies:\n  - id: strict\n    badcookie-slip: 1\n"
                        f"template:\n  - id: default\n    storage: {self.lab.folder}\n    global-module: mod-cookies/strict\n"
                        "zone:\n  - domain: example.com\n    file: example.com.zone\n")
        self.node.popen("knotd", "-c", str(conf))
        direct = Client(self.node, port=PORT, limit_s=1)
        lab.wait_until(lambda: self._answers(direct))
        self.start(f"127.0.0.1:{PORT}")
        self.good("www.example.com")

    @staticmethod
    def _answers(client):
        try:
            return client.ask("www.example.com").rcode == "NOERROR"
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
