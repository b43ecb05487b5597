"""The short way: one Service with the annotation fairlead/endpoints; addresses, and host names that move."""
import re
import struct
import unittest
from pathlib import Path

import lab
import manifests as m
import traffic
from cluster import DOMAIN, PODS
from upstream import Upstream

PORT = 5300


class Names(Upstream):
    """Answers A from `hosts` (a name to addresses), AAAA with nothing, other names with NXDOMAIN."""

    def __init__(self, *where):
        self.hosts = {}
        super().__init__(*where)
        self.ttl = 1

    def reply(self, serial, question, proto):
        labels, at = [], 0
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
            at += 1 + question[at]
        known = self.hosts.get(".".join(labels))
        addresses = known if known and struct.unpack_from("!H", question, at + 1)[0] == 1 else []
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, self.ttl, 4)
        head = serial + struct.pack("!5H", 0x8180 | (0 if known is not None else 3), 1, len(addresses), 0, 0)
        return head + question + b"".join(record + bytes(map(int, a.split("."))) for a in addresses)


class GivenEndpoints(lab.LabTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.end)
        cls.node = cls.lab.node()
        cls.servers = {name: cls.lab.pod(cls.node, name, *PODS[name]) for name in "ab"}
        cls.client = cls.lab.host(cls.node, "client", "192.168.0.1", "fd00:0::1")
        for name, pod in cls.servers.items():
            for port in (8080, 8443):
                cls.lab.servers.tcp(pod, name, port)
        cls.upstream = Names(cls.node, PORT)
        cls.addClassCleanup(cls.upstream.close)
        cls.folder = m.Folder(cls.lab.folder / "manifests")
        cls.daemon = cls.lab.daemon(cls.node, cls.folder, "--dns-listen", "192.168.0.2", "--forward", f"127.0.0.1:{PORT}",
                                    "--lb-pool", "192.0.2.0/24")

    def give(self, name, endpoints, *ports, **spec):
        """Writes the one object; its ClusterIP."""
        service = m.service(name, ports=ports, **spec)
        service["metadata"]["annotations"] = {"fairlead/endpoints": endpoints}
        self.folder.put(name, service)

        def address():
            return [r.data for r in traffic.dig(self.client, "192.168.0.2", f"{name}.default.{DOMAIN}", "A").answer]

        return lab.wait_until(address, what=f"{name} in DNS")[0]

    def reaches(self, vip, port, want):
        """Every one of these servers, and no other, as soon as a change has come through."""
        lab.wait_until(lambda: {traffic.connect(self.client, vip, port).server for _ in range(20)} == set(want),
                       what=f"{vip}:{port} leads to {want}")

    def test_one_object(self):
        vip = self.give("web", f"{PODS['a'][0]}:8080, {PODS['b'][0]}:8080", 80)
        self.reaches(vip, 80, "ab")
        self.give("web", f"{PODS['b'][0]}:8080", 80)
        self.reaches(vip, 80, "b")

    def test_client_and_endpoint_on_one_network(self):
        """The usual lab: everything is plugged into one switch. Replies come back through the gateway, all the time."""
        server = self.lab.host(self.node, "server", "192.168.0.10", "fd00:0::10")
        self.lab.servers.tcp(server, "server", 8080)
        vip = self.give("switch", "192.168.0.10:8080", 80)
        self.reaches(vip, 80, {"server"})
        for _ in range(50):  # no redirect leads the client past the gateway
            self.assertEqual(traffic.connect(self.client, vip, 80).server, "server")

    def test_by_port(self):
        vip = self.give("two", f"http={PODS['a'][0]}:8080;https={PODS['b'][0]}:8443", m.port(80, "http"), m.port(443, "https"),
                        type="LoadBalancer")
        self.reaches(vip, 80, "a")
        self.reaches(vip, 443, "b")

    def test_host_name_is_followed(self):
        self.upstream.hosts["nas.lan"] = [PODS["a"][0]]
        vip = self.give("nas", "NAS.lan:8080", 80)
        self.reaches(vip, 80, "a")
        self.upstream.hosts["nas.lan"] = [PODS["b"][0]]  # its TTL is a second
        self.reaches(vip, 80, "b")
        self.upstream.rcode, self.upstream.silent = 0, True  # nothing is known: what was known stays
        self.reaches(vip, 80, "b")
        self.upstream.silent = False
        self.upstream.hosts["nas.lan"] = [PODS["a"][0], PODS["b"][0]]
        self.reaches(vip, 80, "ab")

    def test_name_that_is_not_there(self):
        self.give("gone", "gone.lan:8080", 80)
        line = "Service default/gone: metadata.annotations.fairlead/endpoints: gone.lan: no such name"
        lab.wait_until(lambda: line in self.daemon.log(), what="the line")
        self.assertEqual(self.daemon.log().count(line), 1)
        self.upstream.hosts["gone.lan"] = [PODS["a"][0]]
        vip = self.give("gone", "gone.lan:8080", 80)
        self.reaches(vip, 80, "a")

    def test_readme(self):
        """The object of README's chapter, as it stands there but for the addresses."""
        text = (Path(__file__).resolve().parents[3] / "README.md").read_text()
        found = re.search(r"cat >/etc/fairlead/web.yaml <<'END'\n(.*?)    END\n", text, re.S)[1]
        self.upstream.hosts["nas.lan"] = [PODS["b"][0]]
        self.folder.put("readme.yaml", found.replace("192.168.1.10", PODS["a"][0]).replace("name: web", "name: readme"))

        def answers():
            name = traffic.dig(self.client, "192.168.0.2", f"readme.default.{DOMAIN}", "A")
            return name.answer and traffic.connect(self.client, name.answer[0].data, 80).server

        for want in "ab":
            lab.wait_until(lambda: answers() == want, what=f"an answer of {want}")

    def test_name_that_goes(self):
        self.upstream.hosts["away.lan"] = [PODS["a"][0]]
        vip = self.give("away", "away.lan:8080", 80)
        self.reaches(vip, 80, "a")
        del self.upstream.hosts["away.lan"]
        lab.wait_until(lambda: traffic.connect(self.client, vip, 80).outcome == "refused", what="no endpoint any more")

    def test_cluster_name(self):
        self.give("db", PODS["a"][0], m.port(80, target=8080), clusterIP="None")
        vip = self.give("alias", f"db.default.{DOMAIN}:8080", 80)
        self.reaches(vip, 80, "a")

    def test_mistake_keeps_the_last_version(self):
        vip = self.give("typo", f"{PODS['a'][0]}:8080", 80)
        self.reaches(vip, 80, "a")
        self.give("typo", "10.1.0.256:8080", 80)
        lab.wait_until(lambda: "fairlead/endpoints: \"10.1.0.256:8080\" is not an address" in self.daemon.log(), what="the line")
        self.reaches(vip, 80, "a")


if __name__ == "__main__":
    unittest.main()
