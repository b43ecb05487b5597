"""A lab's gateway: manifests, no Node object, no flags about addresses."""
import lab
import manifests as m
import traffic

VIP, NODE, LAN, LAN6 = "10.96.0.10", "192.168.0.2", "172.16.0.1", "fd00:16::1"
MAPS = ("dispatch4", "dispatch6")


class Gateway(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.client = self.lab.host(self.node, "client", "192.168.0.1")
        self.backend = self.lab.host(self.node, "backend", "192.168.0.20", "fd00:0::20")
        self.lab.servers.tcp(self.backend, "backend", 8080)
        self.folder = m.Folder(self.lab.folder / "manifests")

    def put(self, vips, endpoint, **spec):
        self.folder.put("web", m.service("web", vips, [m.port(80, node_port=30080)], type="NodePort", **spec),
                        m.slice("web", [endpoint], [("", 8080)]))

    def node_ports(self):
        """Where node ports are, by one listing: the table may be replaced meanwhile."""
        found = set()
        for item in self.node.table() or ():
            for key, _ in item.get("map", {}).get("elem", ()) if item.get("map", {}).get("name", "") in MAPS else ():
                addr, _, port = key.get("elem", {}).get("val", key)["concat"]
                found |= {addr} if port == 30080 else set()
        return found

    def add_lan(self):
        self.node.ip("link add lan0 type bridge", "link set lan0 up")
        self.node.add_addr(LAN, "lan0", 24)
        self.node.add_addr(LAN6, "lan0", 64)

    def behind(self, short, addr):
        """A host on the second network."""
        host = self.lab.ns(short)
        self.node.ip(f"link add {short} type veth peer name eth0 netns {host.name}", f"link set {short} master lan0 up")
        host.ip("link set eth0 up", f"addr add {addr}/24 dev eth0", f"route add default via {LAN}")
        return host

    def test_node_ports_face_the_networks_behind_the_gateway(self):
        self.put(VIP, "192.168.0.20")
        daemon = self.lab.daemon(self.node, self.folder, "--nodeport-addresses=", "--cluster-cidr=", "--service-cidr=",
                                 "--node-ip=", "--external-ips=", "--dns-transfer=")
        lab.equals_within(self.node_ports, {NODE})
        self.assertIn(f"node ports: on {NODE}, fd00::2, the primary address (see --nodeport-addresses)\n", daemon.log())
        self.add_lan()
        lab.equals_within(self.node_ports, {LAN})
        self.put([VIP, "fd00:96::1"], "192.168.0.20")
        lab.equals_within(self.node_ports, {LAN, LAN6})
        self.assertIn(f"node ports: on {LAN}, {LAN6}, behind this gateway (see --nodeport-addresses)\n", daemon.log())
        self.folder.put("node", m.node(daemon.status()["node"], NODE))
        lab.equals_within(self.node_ports, {NODE})

    def test_a_machine_that_does_not_forward_or_is_told_has_them_at_its_primary_address(self):
        self.put([VIP, "fd00:96::1"], "192.168.0.20")
        self.add_lan()
        self.node.sysctl("net.ipv4.ip_forward", 0)
        daemon = self.lab.daemon(self.node, self.folder)
        lab.equals_within(self.node_ports, {NODE, LAN6})
        for flags in (("--nodeport-addresses", "primary"), ("--node-ip", f"{NODE},fd00::2")):
            daemon.stop()
            self.node.sysctl("net.ipv4.ip_forward", 1)
            daemon.flags[2:] = flags
            daemon.start()
            lab.equals_within(self.node_ports, {NODE, "fd00::2"})

    def test_client_and_endpoint_on_one_network(self):
        """The endpoint would answer the client itself, past the gateway that translated its address."""
        self.client.add_addr("fd00::1", "eth0", 64)
        self.client.ip("route add default via fd00::2 dev eth0")
        self.put([VIP, "fd00:96::1"], "192.168.0.20")
        self.folder.put("six", m.slice("web", ["fd00::20"], [("", 8080)]))
        self.lab.daemon(self.node, self.folder)
        for vip, own in ((VIP, NODE), ("fd00:96::1", "fd00::2")):
            reply = traffic.connect(self.client, vip, 80)
            self.assertEqual((reply.server, reply.client), ("backend", own))
        # a network that comes later
        self.add_lan()
        near, far = self.behind("near", "172.16.0.5"), self.behind("far", "172.16.0.6")
        self.lab.servers.tcp(far, "far", 8080)
        self.put(VIP, "172.16.0.6")
        lab.equals_within(lambda: traffic.connect(near, VIP, 80, limit_s=0.5).client, LAN)
        # another network sees the client's own address
        reply = traffic.connect(self.client, VIP, 80)
        self.assertEqual((reply.server, reply.client), ("far", "192.168.0.1"))
