"""ExternalName Services: the answer goes on outside the cluster, so that a client gets alias and addresses at once."""
import unittest

import lab
import manifests
from dns_client import Client, Reply, query
from upstream import Upstream

PORT = 5301
DOMAIN = "default.svc.cluster.local"


def external(name, target):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"type": "ExternalName", "externalName": target}}


class ExternalName(lab.LabTest):
    def setUp(self):
        self.lab = self.enterContext(lab.Lab())
        self.node = self.lab.node()
        self.up = Upstream(self.node, PORT)
        self.addCleanup(self.up.close)
        self.folder = manifests.Folder(self.lab.folder / "m")
        self.folder.put("external", external("docs", "www.example.com"), external("again", f"docs.{DOMAIN}"),
                        external("near", "localhost"), external("corp", "a.corp.example"))
        self.client = Client(self.node, limit_s=20)

    def start(self, *flags):
        return self.lab.daemon(self.node, self.folder, "--no-proxy", "--forward-timeout", "1s",
                               *(flags or ("--forward", f"127.0.0.1:{PORT}")))

    def names(self, reply):
        """(owner, type, data) of the answer, without TTLs."""
        return [(owner, kind, data) for owner, _, _, kind, data in (record.split(maxsplit=4) for record in reply.answer)]

    def test_alias_and_address_in_one_answer(self):
        self.start()
        for tcp in (False, True, False):
            reply = self.client.ask(f"DOCS.{DOMAIN}", tcp=tcp, edns=1232)
            self.assertEqual((reply.rcode, "aa" in reply.flags), ("NOERROR", True))
            self.assertEqual(self.names(reply), [(f"DOCS.{DOMAIN}.", "CNAME", "www.example.com."),
                                                 ("www.example.com.", "A", "192.0.2.1")])
        self.assertEqual(self.up.names(), ["www.example.com"], "cached")
        reply = self.client.ask(f"docs.{DOMAIN}", "CNAME")
        self.assertEqual(len(reply.answer), 1)

    def test_alias_of_an_alias(self):
        self.start()
        self.assertEqual(self.names(self.client.ask(f"again.{DOMAIN}")),
                         [(f"again.{DOMAIN}.", "CNAME", f"docs.{DOMAIN}."), (f"docs.{DOMAIN}.", "CNAME", "www.example.com."),
                          ("www.example.com.", "A", "192.0.2.1")])

    def test_many_who_wait_for_one_target(self):
        """The records are moved once for all that ask alike; each reply stands behind its own question."""
        self.start()
        self.up.silent = True
        aliases = {f"docs.{DOMAIN}": [], f"DOCS.{DOMAIN}": [], f"again.{DOMAIN}": [f"docs.{DOMAIN}."]}
        asked = [name for name in aliases for _ in range(3)] + list(aliases)
        with self.client._socket(2) as sock:
            for serial, name in enumerate(asked):
                sock.send(query(name, serial=serial))
            lab.wait_until(lambda: self.up.names())
            self.up.silent = False
            for _ in asked:
                reply = Reply(sock.recv(512))
                name = asked[reply.id]
                targets = [*aliases[name], "www.example.com."]
                self.assertEqual([data for _, _, data in self.names(reply)], [*targets, "192.0.2.1"])
                self.assertEqual([owner for owner, *_ in self.names(reply)], [name + ".", *targets])

    def test_the_rcode_is_that_of_the_target(self):
        self.start()
        self.up.rcode = 3
        reply = self.client.ask(f"docs.{DOMAIN}")
        self.assertEqual((reply.rcode, len(reply.answer)), ("NXDOMAIN", 1), "RFC 6604")
        self.up.rcode, self.up.records = 0, 0
        reply = self.client.ask(f"docs.{DOMAIN}", "AAAA")
        self.assertEqual((reply.rcode, len(reply.answer)), ("NOERROR", 1))

    def test_an_upstream_that_is_silent(self):
        self.start()
        self.up.silent = True
        reply = self.client.ask(f"docs.{DOMAIN}", edns=1232)
        self.assertEqual((reply.rcode, reply.answer, reply.opt["options"][15][:2]), ("SERVFAIL", [], b"\0\x16"))

    def test_what_does_not_fit_comes_over_tcp(self):
        self.start()
        self.up.records = 100
        self.up.truncate = True
        reply = self.client.ask(f"docs.{DOMAIN}")
        self.assertIn("tc", reply.flags)
        self.assertEqual(len(self.client.ask(f"docs.{DOMAIN}", tcp=True).answer), 101)

    def test_a_stub_domain(self):
        self.start("--forward", "none", "--stub-domain", f"corp.example=127.0.0.1:{PORT}")
        self.assertEqual(len(self.client.ask(f"corp.{DOMAIN}").answer), 2)
        self.assertEqual(len(self.client.ask(f"docs.{DOMAIN}").answer), 1, "no server is there for it")
        self.assertEqual(self.up.names(), ["a.corp.example"])

    def test_a_local_name_is_not_asked_for(self):
        self.start()
        self.assertEqual(self.names(self.client.ask(f"near.{DOMAIN}")), [(f"near.{DOMAIN}.", "CNAME", "localhost.")])
        self.assertEqual(self.up.asked, [])


if __name__ == "__main__":
    unittest.main()
