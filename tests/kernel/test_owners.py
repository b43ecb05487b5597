"""Whose address it is: what tenants write never takes over what others own or what the node itself needs."""
import apiserver
import lab
import manifests as m
import traffic

VIP, POD_A, POD_B, NODE, CONTROL = "10.96.0.10", "10.244.0.10", "10.244.0.11", "192.168.0.2", "192.168.0.9"


def reaches(ns, dst, port, want, proto="tcp"):
    lab.equals_within(lambda: traffic.connect(ns, dst, port, proto, limit_s=0.5).server, want)


def web(name, vip, pod, port=80, ns="default", **spec):
    """A Service and its slice."""
    return m.service(name, vip, [port], ns=ns, **spec), m.slice(name, [pod], [("", 8080)], ns=ns)


def at_balancer(service, addr):
    service["status"] = {"loadBalancer": {"ingress": [{"ip": addr}]}}
    return service


class Cluster(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.pods = {}
        for name, addr in (("a", POD_A), ("b", POD_B)):
            self.pods[name] = self.lab.pod(self.node, name, addr)
            self.lab.servers.tcp(self.pods[name], name, 8080)
        self.client = self.lab.host(self.node, "client", "192.168.0.1")


class ApiServer(Cluster):
    def setUp(self):
        super().setUp()
        control = self.lab.host(self.node, "control", CONTROL)
        with control.inside():
            self.server = apiserver.Server(host=CONTROL)
        self.addCleanup(self.server.stop)
        self.control = control
        self.server.put(m.namespace("default"), m.node("node-a", NODE), *web("web", VIP, POD_A))

    def daemon(self, *flags):
        folder = self.lab.folder / "daemon"
        folder.mkdir()
        daemon = lab.Daemon(self.node, ["--apiserver", self.server.url, "--node-name", "node-a", "--state-dir", "",
                                        *flags], folder)
        self.lab.daemons.append(daemon)
        return daemon.start()

    def restart_server(self):
        """All connections end; new ones are made through whatever the rules say."""
        with self.control.inside():
            self.server.stop()
            self.server.start()

    def test_a_service_at_the_servers_address_does_not_lock_the_daemon_out(self):
        """The daemon's own connections pass its own rules: it hears that the Service is gone."""
        self.daemon()
        evil, behind = web("evil", "10.96.0.66", POD_B, self.server.port, type="LoadBalancer")
        self.server.put(at_balancer(evil, CONTROL), behind)
        reaches(self.node, CONTROL, self.server.port, "b")  # others on the node are led astray
        self.restart_server()
        self.server.delete("Service", "default", "evil")
        lab.wait_until(lambda: traffic.connect(self.node, CONTROL, self.server.port, limit_s=0.3).server is None)
        self.server.put(*web("after", "10.96.0.11", POD_B))
        reaches(self.client, "10.96.0.11", 80, "b")

    def test_the_server_may_be_known_by_a_cluster_ip(self):
        """Own connections to ClusterIPs are translated as everyone's."""
        api = m.service("kubernetes", "10.96.0.1", [m.port(443, "https")])
        self.server.put(api, m.slice("kubernetes", [CONTROL], [("https", self.server.port)]))
        first = self.daemon()
        first.stop()
        first.flags[1] = "http://10.96.0.1:443"
        first.start()
        self.server.put(*web("after", "10.96.0.11", POD_B))
        reaches(self.client, "10.96.0.11", 80, "b")


class Addresses(Cluster):
    def setUp(self):
        super().setUp()
        self.folder = m.Folder(self.lab.folder / "manifests")

    def test_allocated_addresses_win(self):
        """aaa comes first by name and wants the ClusterIP and a node port of others for itself."""
        self.folder.put("web", *web("web", VIP, POD_A))
        self.folder.put("aaa", *web("web", "10.96.0.66", POD_B, ns="aaa", externalIPs=[VIP, "203.0.113.1"]))
        daemon = self.lab.daemon(self.node, self.folder)
        reaches(self.client, "203.0.113.1", 80, "b")
        for ns in (self.node, self.pods["b"], self.client):
            reaches(ns, VIP, 80, "a")
        self.assertIn(f"service aaa/web: {VIP}:80 TCP belongs to service default/web", daemon.log())

    def test_a_node_that_holds_the_cluster_ip_refuses_at_once(self):
        """A left-over kube-ipvs0: the reset to our own connection passes the rules that made it."""
        self.node.add_addr(VIP)
        self.folder.put("web", *web("web", VIP, POD_A), m.service("empty", "10.96.0.12", [80]))
        self.node.add_addr("10.96.0.12")
        self.lab.daemon(self.node, self.folder)
        self.assertEqual(traffic.connect(self.node, VIP, 81).outcome, "refused")
        self.assertEqual(traffic.connect(self.node, "10.96.0.12", 80).outcome, "refused")
        reaches(self.node, VIP, 80, "a")
