"""
The stage of proxy/test_model.py: a node with pods of its own and of another node behind it, a machine outside, a world
that answers for every address that the proxy leaves alone, and a daemon. Random steps change what the daemon is told,
and `model` says what it should make of it.
"""
import lab
import manifests
import rawdns
import scenes
import traffic
from proxy_model import Model, Node, Source
from random_services import CLUSTER_IPS, EXTERNALS, NODE_ADDRS, NODE_PORTS, NODE_VIP, Objects, PODS, TARGET_PORTS, VIPS

NAMES = 7  # of Services
OTHER_PORT = 82  # of none of them
COMING = "192.168.0.4"  # an address of the node that comes and goes
SECOND_IP = "203.0.113.77"  # another one of the Node object
POD_CIDRS = [["10.244.0.0/24", "fd00:244::/64"], ["10.244.1.0/24", "fd00:244:0:1::/64"], ["10.244.0.0/24"], []]
CLUSTER_CIDRS = ["10.244.0.0/16", "fd00:244::/48"]
DETECTORS = {"ClusterCIDR": ("--cluster-cidr", ",".join(CLUSTER_CIDRS)), "NodeCIDR": (), "none": (),
             "BridgeInterface": ("--pod-bridge-interface", "v2"),  # of the first pod
             "InterfaceNamePrefix": ("--pod-interface-name-prefix", "v")}


class ModelStage(scenes.NodeTest):
    def start(self, seed):
        self.objects = Objects(seed)
        r = self.random = self.objects.random
        self.detect = r.choice(sorted(DETECTORS))
        self.nodeport = r.choice(["primary", "all", "192.168.0.3/32", "192.168.0.0/24,fd00::3/128"])
        self.masquerade_all = r.random() < 0.2
        self.build()
        flags = ["--node-name", "n1", "--nodeport-addresses", self.nodeport, *DETECTORS[self.detect]]
        if self.detect != "none":
            flags += ["--detect-local-mode", self.detect]
        if self.masquerade_all:
            flags += ["--masquerade-all"]
        self.written, self.serial = {}, 0
        self.change_node()
        for number in range(NAMES):
            self.change_service(f"s{number}")
        self.started = self.lab.daemon(self.node, self.folder, *flags)

    def build(self):
        node = self.node
        node.addrs[:] = NODE_ADDRS[:2]
        for addr in NODE_ADDRS[2:]:
            node.add_addr(addr, "eth0", 64 if ":" in addr else 24)
        if self.random.random() < 0.3:
            node.add_addr(NODE_VIP, "lo")
        for family, none in (("ipv4.icmp_", 0), ("ipv6.icmp.", 4)):  # 4: a type of ICMPv6 that is not sent here
            node.sysctl(f"net.{family}ratemask", none)  # else only fifty refusals at once, of all clients together
            node.sysctl(f"net.{family}ratelimit", 0)
        pods = {name: self.lab.pod(node, name, *addrs) for name, addrs in PODS.items()}
        client = self.lab.pod(node, "client", "10.244.0.99", "fd00:244::99")
        outside = self.lab.host(node, "outside", "192.168.0.1", "fd00::1")
        places = ((client, "v6"), (pods["p0"], "v2"), (pods["q0"], "v4"), (outside, "eth0"))
        self.sources = [(ns, Source(addr, device)) for ns, device in places for addr in ns.addrs]
        self.sources += [(node, Source(addr, "")) for addr in node.addrs[2:]]
        # everything that the proxy leaves alone ends here
        world = self.lab.pod(node, "world", "192.0.2.1", "2001:db8:9::1")
        for addr in (a for pool in (CLUSTER_IPS, VIPS, EXTERNALS) for family in pool for a in family):
            if addr not in world.addrs + node.addrs:
                world.add_addr(addr, "eth0")
        device = f"v{len(self.lab.namespaces)}"
        node.ip(*[f"route replace default dev {device} src {addr}" for addr in NODE_ADDRS[:2]])
        for name, pod in pods.items():
            self.serve(pod, name, TARGET_PORTS)
        self.serve(node, "node", TARGET_PORTS)
        for ns in (node, world):
            self.serve(ns, "left alone", (80, 81, OTHER_PORT, *NODE_PORTS))

    def serve(self, ns, name, ports):
        for port in ports:
            for proto in traffic.KINDS:
                getattr(self.lab.servers, proto)(ns, name, port)

    # ---- changes ----

    def change_node(self):
        r = self.random
        self.facts = {"zone": r.choice(["a", "b", None]),
                      "ips": r.choice([NODE_ADDRS[:2], NODE_ADDRS[:1], (*NODE_ADDRS[1::-1], SECOND_IP)])}
        pod_cidrs = POD_CIDRS[0] if r.random() < 0.7 else r.choice(POD_CIDRS)
        self.reloads = self.detect == "NodeCIDR" and pod_cidrs != getattr(self, "pod_cidrs", None)
        self.pod_cidrs = pod_cidrs
        self.service_cidrs = r.choice([(), ("10.96.0.0/16",), ("10.96.0.0/16", "fd00:96::/64", "10.96.0.0/24")])
        self.folder.put("node", manifests.node("n1", *self.facts["ips"], zone=self.facts["zone"],
                                               pod_cidrs=self.pod_cidrs))
        self.folder.put("cidrs", *[{"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
                                    "metadata": {"name": f"cidr-{n}"}, "spec": {"cidrs": [cidr]}}
                                   for n, cidr in enumerate(self.service_cidrs)])

    def step(self):
        """A few changes, sometimes while no daemon runs."""
        r = self.random
        self.reloads = False
        down = r.random() < 0.2
        if down:
            r.choice([self.started.stop, self.started.kill])()
        for name in r.sample([f"s{n}" for n in range(NAMES)] + ["node", "address"], r.randrange(1, 5)):
            if name == "node":
                self.change_node()
            elif name == "address":
                (self.node.del_addr if COMING in self.node.addrs else self.node.add_addr)(COMING, "eth0", 24)
            elif name in self.written and r.random() < 0.15:
                del self.written[name]
                self.folder.remove(name)
            else:
                self.change_service(name)
        if down:
            self.started.start()

    def change_service(self, name):
        """A new Service, or another state of its endpoints."""
        old = [o for o in self.written.get(name, ()) if o["kind"] == "Service"]
        service = old[0] if old and self.random.random() < 0.5 else self.objects.service(name)
        self.written[name] = [*([service] if self.random.random() < 0.95 else []), *self.objects.slices(service)]
        self.folder.put(name, *self.written[name])

    def settle(self):
        """Waits until all that was written is in force, and makes the model of it."""
        self.serial += 1
        last = f"192.0.2.{self.serial}"
        self.folder.put("zz-last", manifests.service("last", "None", [80], ns="marker"),
                        manifests.slice("last", [last], [80], ns="marker"))
        dns = rawdns.Client(self.node)
        lab.equals_within(lambda: (dns.a("last.marker.svc.cluster.local") or (None, []))[1], [last])
        dns.close()
        node = Node("n1", self.facts["ips"], list(self.node.addrs), self.facts["zone"], self.pod_cidrs, self.service_cidrs,
                    self.nodeport, self.detect, CLUSTER_CIDRS, self.masquerade_all)
        self.model = Model(node, [o for part in self.written.values() for o in part])
