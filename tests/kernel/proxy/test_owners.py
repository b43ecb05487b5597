"""Whose address it is: what tenants write never takes over what others own or what the node itself needs."""
import json
import subprocess

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


def elements(ns, name):
    """Pairs of key and value of a map, without counters."""
    return [(key.get("elem", {}).get("val", key), value) for key, value in ns.elements(name)]


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

    def test_external_addresses_of_the_api_server_are_refused(self):
        """By the URL, and as endpoints of default/kubernetes: kubelet and pods reach it, too."""
        second, port = "192.168.0.10", self.server.port
        self.control.add_addr(second, "eth0", 24)
        self.lab.servers.tcp(self.control, "second", 7000)
        evil, behind = web("evil", "10.96.0.66", POD_B, 7000, externalIPs=[CONTROL, second])
        self.server.put(evil, behind)
        daemon = self.daemon()
        reaches(self.node, second, 7000, "b")
        self.server.put(m.service("kubernetes", "10.96.0.1", [m.port(443, "https")]),
                        m.slice("kubernetes", [second], [("https", port)]))
        reaches(self.node, second, 7000, "second")
        self.server.put(*web("after", "10.96.0.11", POD_B))
        reaches(self.client, "10.96.0.11", 80, "b")
        self.assertIn(f"external address {CONTROL}: refused: an address of the API server", daemon.log())

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

    def test_what_the_node_needs_is_refused(self):
        """Every address that a tenant may write against what the node itself needs, with a line for each kind."""
        refused = ["10.96.0.1", NODE, "127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0"]
        evil, behind = web("evil", "10.96.0.66", POD_B, externalIPs=["203.0.113.1", "10.96.0.1", NODE])
        evil["status"] = {"loadBalancer": {"ingress": [{"ip": ip} for ip in refused[2:]]}}
        self.lab.servers.tcp(self.node, "node", 80)
        self.folder.put("evil", evil, behind)
        daemon = self.lab.daemon(self.node, self.folder, "--service-cidr", "10.96.0.0/16")
        reaches(self.client, "203.0.113.1", 80, "b")
        for ns in (self.client, self.pods["b"], self.node):
            reaches(ns, NODE, 80, "node")
        reaches(self.node, "127.0.0.1", 80, "node")
        keys = {key["concat"][0] for key, _ in elements(self.node, "dispatch4")}
        self.assertEqual(keys, {"203.0.113.1", "10.96.0.66"})
        for line in ("external address 10.96.0.1: refused: inside a service range",
                     f"external address {NODE}: refused: an address of this node (--external-ips may allow it)",
                     "load balancer address 127.0.0.1: refused: loopback, link-local, multicast or unspecified; and 3 more"):
            self.assertEqual(daemon.log().count(f"service default/evil: {line}\n"), 1, daemon.log())
        self.assertIn("external address 10.96.0.1: refused", json.dumps(
            json.loads(daemon.call("services", "default/evil", "-o", "json").stdout)[0]["addressNotes"]))

    def test_operators_may_allow_the_nodes_address(self):
        """As an ingress controller on bare metal has it; a load balancer's status needs no word of them (k3s, kube-vip)."""
        self.folder.put("web", *web("web", VIP, POD_A, externalIPs=[NODE, "203.0.113.1"]))
        self.folder.put("balanced", *web("balanced", "10.96.0.11", POD_B, 81, type="LoadBalancer"))
        folder = json.loads((self.folder.path / "balanced.json").read_text())["items"]
        self.folder.put("balanced", at_balancer(folder[0], NODE), folder[1])
        daemon = self.lab.daemon(self.node, self.folder, "--external-ips", f"{NODE}/32")
        reaches(self.client, NODE, 80, "a")
        reaches(self.client, NODE, 81, "b")
        self.assertIn("external address 203.0.113.1: refused: not in --external-ips\n", daemon.log())
        daemon.stop()
        daemon.flags[-1] = "none"
        daemon.start()
        lab.equals_within(lambda: {k["concat"][0] for k, _ in elements(self.node, "dispatch4")}, {VIP, "10.96.0.11", NODE})
        reaches(self.client, NODE, 81, "b")

    def test_a_name_server_that_comes_later_is_needed(self):
        """The daemon has an /etc of its own, where another program names another server."""
        etc = self.lab.folder / "etc"
        subprocess.run(["cp", "-a", "/etc", etc], check=True)
        (etc / "resolv.conf").unlink(missing_ok=True)
        (etc / "resolv.conf").write_text("nameserver 192.0.2.1\n")
        self.folder.put("evil", *web("evil", "10.96.0.66", POD_B, externalIPs=["203.0.113.1", "203.0.113.2"]))
        daemon = self.lab.daemon(self.node, self.folder, start=False)
        daemon.launcher = ("unshare", "-m", "sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh")
        daemon.start()
        served = lambda: {key["concat"][0] for key, _ in elements(self.node, "dispatch4")}
        self.assertEqual(served(), {"10.96.0.66", "203.0.113.1", "203.0.113.2"})
        (etc / "new").write_text("nameserver 203.0.113.1\n")
        (etc / "new").rename(etc / "resolv.conf")
        lab.equals_within(served, {"10.96.0.66", "203.0.113.2"})
        self.assertIn("external address 203.0.113.1: refused: an address of a name server of this node", daemon.log())
        (etc / "resolv.conf").write_text("nameserver 203.0.113.2\n")
        lab.equals_within(served, {"10.96.0.66", "203.0.113.1"})

    def test_an_address_that_comes_to_the_node_is_the_nodes(self):
        self.folder.put("web", *web("web", VIP, POD_A, externalIPs=["203.0.113.1"]))
        self.lab.servers.tcp(self.node, "node", 80)
        self.lab.daemon(self.node, self.folder)
        reaches(self.client, "203.0.113.1", 80, "a")
        self.node.add_addr("203.0.113.1")
        reaches(self.client, "203.0.113.1", 80, "node")
        self.node.del_addr("203.0.113.1")
        reaches(self.client, "203.0.113.1", 80, "a")

    def test_a_cluster_ip_typed_as_the_nodes_address_locks_nothing_out(self):
        """Only the Service's own ports are translated; ssh of the gateway, its DNS and its pages go on."""
        ports = [m.port(80, "web"), m.port(53, "dns", "UDP"), m.port(10256, "pages")]
        self.folder.put("web", m.service("web", NODE, ports),
                        m.slice("web", [POD_A], [("web", 8080), ("dns", 8053, "UDP"), ("pages", 8080)]))
        self.lab.servers.tcp(self.node, "ssh", 22)
        daemon = self.lab.daemon(self.node, self.folder, "--dns-listen", NODE)
        reaches(self.client, NODE, 80, "a")
        for ns in (self.client, self.pods["b"], self.node):
            reaches(ns, NODE, 22, "ssh")
            self.assertEqual(traffic.dig(ns, NODE, "web.default.svc.cluster.local", "A").answer[0].data, NODE)
            self.assertEqual(traffic.curl(ns, f"http://{NODE}:10256/healthz").code, 200)
        self.assertIn(f"ClusterIP {NODE}: an address of this node: only the Service's own ports", daemon.log())
        for port in ("53/UDP", "10256/TCP"):
            note = f"ClusterIP {NODE} port {port}: refused: fairlead itself listens there"
            self.assertIn(note, daemon.call("services").stdout)
            self.assertIn(note, daemon.call("services", "-o", "json").stdout)

    def test_endpoints_never_lead_into_the_node(self):
        """CVE-2021-25737; an API server refuses some of them."""
        self.lab.servers.tcp(self.node, "node", 8080)
        bad = m.slice("web", ["127.0.0.1", "169.254.169.254", "224.0.0.1"], [("", 8080)], name="bad")
        self.folder.put("web", *web("web", VIP, POD_A), bad)
        self.lab.daemon(self.node, self.folder)
        self.assertEqual({traffic.connect(self.node, VIP, 80).server for _ in range(20)}, {"a"})

    def test_a_node_that_holds_the_cluster_ip_refuses_at_once(self):
        """A left-over kube-ipvs0: the reset to our own connection passes the rules that made it."""
        self.node.add_addr(VIP)
        self.folder.put("web", *web("web", VIP, POD_A), m.service("empty", "10.96.0.12", [80]))
        self.node.add_addr("10.96.0.12")
        self.lab.daemon(self.node, self.folder)
        self.assertEqual(traffic.connect(self.node, VIP, 81).outcome, "refused")
        self.assertEqual(traffic.connect(self.node, "10.96.0.12", 80).outcome, "refused")
        reaches(self.node, VIP, 80, "a")
