"""
What most end-to-end tests start from: a node with a running daemon, three pods, a client outside, and a folder of
manifests. One daemon serves all tests of a class; each test uses names and addresses of its own.
"""
import itertools

import lab
import manifests
import traffic

DNS4, DNS6 = "10.96.0.10", "fd00:96::a"
POD_CIDRS = "10.244.0.0/16,fd00:244::/64"
PODS = {"a": ("10.244.0.10", "fd00:244::10"), "b": ("10.244.0.11", "fd00:244::11"), "c": ("10.244.0.12", "fd00:244::12")}
PORTS = (8080, 8081)  # of tcp, udp and sctp servers in every pod; 80 is HTTP
DOMAIN = "svc.cluster.local"
NODE_ADDRS = ("192.168.0.2", "fd00::2", DNS4, DNS6)  # a masqueraded connection may have any of its family


class ClusterTest(lab.LabTest):
    flags = ("--cluster-cidr", POD_CIDRS)
    node_addrs = NODE_ADDRS
    objects = ()  # that are there before the daemon starts

    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.end)
        cls.node = cls.lab.node()
        for addr in (DNS4, DNS6):
            cls.node.add_addr(addr, "lo")
        cls.pods = {name: cls.lab.pod(cls.node, name, *addrs) for name, addrs in PODS.items()}
        cls.client = cls.lab.host(cls.node, "client", "192.168.0.1", "fd00:0::1")
        for name, pod in cls.pods.items():
            for port in PORTS:
                cls.lab.servers.tcp(pod, name, port)
                cls.lab.servers.udp(pod, name, port)
                cls.lab.servers.sctp(pod, name, port)
            cls.lab.servers.http(pod, name, 80)
        cls.folder = manifests.Folder(cls.lab.folder / "manifests")
        if cls.objects:
            cls.folder.put("at-start", *cls.objects)
        cls.daemon = cls.lab.daemon(cls.node, cls.folder, "--node-name", "node", "--dns-listen", DNS4,
                                    "--dns-listen", DNS6, *cls.flags)
        cls.markers = itertools.count(1)

    @classmethod
    def put(cls, name, *objects):
        """Writes a manifest and returns once it is in the kernel and in DNS."""
        cls.folder.put(name, *objects)
        cls.settle()

    @classmethod
    def remove(cls, name):
        cls.folder.remove(name)
        cls.settle()

    @classmethod
    def settle(cls):
        """
        Files are read in the order of their changes, and DNS shows a change only after the kernel has it: when the
        name of a service written now resolves, everything written before is in force.
        """
        number = next(cls.markers)
        cls.folder.put("zz-marker", manifests.service(f"marker-{number}", "10.96.255.254", [1], ns="marker"))
        name = f"marker-{number}.marker.{DOMAIN}"
        lab.wait_until(lambda: cls.dig(name, "A").status == "NOERROR", what=f"{name} in DNS")

    @classmethod
    def dig(cls, *args, server=DNS4, ns=None):
        return traffic.dig(ns or cls.client, server, *args)

    def addresses(self, name, kind="A", **kwargs):
        """The addresses of a name, sorted; dig must have nothing to complain about."""
        reply = self.dig(name, kind, **kwargs)
        self.assertEqual((reply.status, reply.warnings), ("NOERROR", []), reply.text)
        return sorted(r.data for r in reply.answer if r.type == kind)

    def reaches(self, ns, addr, port, want, proto="tcp", **kwargs):
        return traffic.servers_reached(ns, addr, port, want, proto, **kwargs)

    def outcome(self, ns, addr, port, proto="tcp", **kwargs):
        return traffic.connect(ns, addr, port, proto, **kwargs).outcome


def addr_of(pod, family=4):
    return PODS[pod][0 if family == 4 else 1]


def pair(name, vip, pods="abc", number=80, target=8080, proto="TCP", ns="default", **spec):
    """The usual two objects: a Service with one unnamed port and its slice of those pods. vip: one of either family."""
    family = 6 if ":" in vip else 4
    return (manifests.service(name, vip, [manifests.port(number, proto=proto, target=target)], ns=ns, **spec),
            manifests.slice(name, [addr_of(p, family) for p in pods], [("", target, proto)], ns=ns,
                            family="IPv6" if family == 6 else "IPv4"))
