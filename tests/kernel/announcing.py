"""A network whose hosts have no route but to itself, with boxes that announce addresses there (--announce)."""
import json

import lab
import manifests as m
import traffic

VIP, VIP6, OTHER, FAR = "192.168.0.200", "fd00::200", "192.168.0.201", "203.0.113.5"
SERVICE = ["10.96.0.10", "fd00:10:96::10"]


class AnnounceTest(lab.LabTest):
    """A switch with hosts that have no route but that of their network, and boxes that run fairlead."""

    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.switch = self.lab.ns("switch")
        self.switch.ip("link add br0 type bridge", "link set br0 up")
        self.box = self.machine("box", "192.168.0.2", "fd00::2", forwards=True)
        self.client = self.machine("client", "192.168.0.10", "fd00::10")
        self.backend = self.machine("backend", "192.168.0.20", "fd00::20")
        self.lab.servers.tcp(self.backend, "backend", 8080)
        self.folder = m.Folder(self.lab.folder / "manifests")
        self.put(VIP, VIP6)

    def machine(self, short, *addrs, forwards=False):
        ns = self.lab.ns(short)
        if forwards:
            ns.sysctl("net.ipv4.ip_forward", 1)
            ns.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.plug(ns, short, *addrs)
        return ns

    def plug(self, ns, short, *addrs):
        self.switch.ip(f"link add {short} type veth peer name eth0 netns {ns.name}", f"link set {short} master br0 up")
        ns.sysctl("net.ipv6.conf.eth0.accept_dad", 0)
        ns.ip("link set eth0 up")
        for addr in addrs:
            ns.add_addr(addr, "eth0", 64 if ":" in addr else 24)

    def put(self, *external):
        self.folder.put("web", m.service("web", SERVICE, [80], externalIPs=list(external)),
                        m.slice("web", ["192.168.0.20"], [8080]), m.slice("web", ["fd00::20"], [8080]))

    def daemon(self, *flags, box=None, folder=None, **kwargs):
        return self.lab.daemon(box or self.box, folder or self.folder, "--announce", "eth0", *flags, **kwargs)

    def reaches(self, addr, host=None):
        return traffic.connect(host or self.client, addr, 80, limit_s=2).server == "backend"

    def assert_reaches(self, *addrs):
        for addr in addrs:
            lab.wait_until(lambda: self.reaches(addr), what=addr)

    def ip_json(self, ns, *words):
        return json.loads(lab.call("ip", "-n", ns.name, "-j", *words) or "[]")

    def mac(self, ns):
        return self.ip_json(ns, "link", "show", "dev", "eth0")[0]["address"]

    def neighbour(self, addr, host=None):
        """The hardware address that a host knows for it; None: none."""
        found = self.ip_json(host or self.client, "neigh", "show", addr, "dev", "eth0")
        return found[0].get("lladdr") if found else None

    def routes(self, ns=None, protocol=103):
        found = set()
        for family in ("-4", "-6"):
            listed = self.ip_json(ns or self.box, family, "route", "show", "table", "local", "proto", str(protocol))
            found |= {r["dst"] for r in listed}
        return found

    def proxies(self, ns=None):
        return {(n["dst"], n["dev"]) for n in self.ip_json(ns or self.box, "-6", "neigh", "show", "proxy")}

    def assert_kernel(self, routes, proxies, ns=None):
        lab.equals_within(lambda: (self.routes(ns), self.proxies(ns)), (set(routes), {(p, "eth0") for p in proxies}))

    def announced(self, daemon):
        """{address: None, or why it is not announced}"""
        return {a["address"]: a.get("reason") for a in daemon.status()["announce"]["addresses"]}

    def assert_logs(self, daemon, line, times=1):
        lab.wait_until(lambda: line in daemon.log(), what=line)
        self.assertEqual(daemon.log().count(line), times, daemon.log())

    def told(self):
        body = traffic.curl(self.box, "http://127.0.0.1:10249/metrics").body
        return float(body.split('fairlead_announcements_total{interface="eth0"} ')[1].split("\n")[0])

    def forget(self, *addrs):
        self.client.run("ip", "neigh", "flush", "dev", "eth0")
        for addr in addrs:
            self.assertIsNone(self.neighbour(addr))
