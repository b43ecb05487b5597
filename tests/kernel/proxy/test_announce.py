"""--announce: hosts of a network reach external and load balancer addresses without a route, and the kernel answers them."""
import json
import unittest
from pathlib import Path

import lab
import manifests as m
import traffic

VIP, VIP6, OTHER, FAR = "192.168.0.200", "fd00::200", "192.168.0.201", "203.0.113.5"
SERVICE = ["10.96.0.10", "fd00:10:96::10"]
NET_RAW = 1 << 13


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

    def forget(self, *addrs):
        self.client.run("ip", "neigh", "flush", "dev", "eth0")
        for addr in addrs:
            self.assertIsNone(self.neighbour(addr))


class Reach(AnnounceTest):
    def test_hosts_without_a_route_reach_addresses_of_their_network(self):
        self.put(VIP, VIP6, FAR)
        daemon = self.daemon()
        self.assert_reaches(VIP, VIP6)
        for addr in (VIP, VIP6):
            self.assertEqual(self.neighbour(addr), self.mac(self.box))
        # another address of the network is not answered for, and none is an address of the box
        self.assertEqual(traffic.connect(self.client, OTHER, 80, limit_s=5).outcome, "unreachable")
        self.assertIsNone(self.neighbour(OTHER))
        held = {a["local"] for i in self.ip_json(self.box, "addr") for a in i["addr_info"]}
        self.assertFalse(held & {VIP, VIP6, FAR})
        self.assertEqual(self.announced(daemon), {VIP: None, VIP6: None, FAR:
                         "in no network of the interface: other machines need a route"})
        self.assert_logs(daemon, f"announce: {FAR} is not announced: in no network")
        self.assert_logs(daemon, f"announce: eth0: this machine answers for {VIP}, {VIP6}\n")
        text = daemon.call("status").stdout
        self.assertIn(f"announce on eth0: 2 addresses: {VIP}, {VIP6}\n", text)
        self.assertIn(f"not announced: {FAR}: in no network", text)
        metrics = traffic.curl(self.box, "http://127.0.0.1:10249/metrics").body
        self.assertIn('fairlead_announced_addresses{interface="eth0"} 2', metrics)
        # nothing else of the box has changed: the rights that it started with are gone
        effective = next(line for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
                         if line.startswith("CapEff"))
        self.assertFalse(int(effective.split()[1], 16) & NET_RAW)

    def test_the_box_itself_reaches_them(self):
        self.daemon()
        self.assert_kernel([VIP, VIP6], [VIP6])
        for addr, own in ((VIP, "192.168.0.2"), (VIP6, "fd00::2")):
            reply = traffic.connect(self.box, addr, 80)
            self.assertEqual((reply.server, reply.client), ("backend", own))

    def test_addresses_change_and_go(self):
        daemon = self.daemon()
        self.assert_reaches(VIP, VIP6)
        self.put(OTHER, "fd00::201")
        self.assert_kernel([OTHER, "fd00::201"], ["fd00::201"])
        self.assert_reaches(OTHER, "fd00::201")
        self.forget(VIP, VIP6)
        for addr in (VIP, VIP6):
            self.assertEqual(traffic.connect(self.client, addr, 80, limit_s=5).outcome, "unreachable")
        # without endpoints the box refuses, as it does on its own addresses
        self.folder.put("web", m.service("web", SERVICE, [80], externalIPs=[OTHER]))
        lab.equals_within(lambda: traffic.connect(self.client, OTHER, 80, limit_s=2).outcome, "refused")
        self.assert_kernel([OTHER], [])
        self.folder.remove("web")
        self.assert_kernel([], [])
        self.assert_logs(daemon, "announce: eth0: no addresses any more\n")

    def test_a_load_balancer_address(self):
        self.folder.put("web", m.service("web", SERVICE[0], [80], type="LoadBalancer"),
                        m.slice("web", ["192.168.0.20"], [8080]))
        self.daemon("--lb-pool", "192.168.0.240/29")
        lab.wait_until(self.routes)
        self.assert_reaches(*self.routes())


class Moves(AnnounceTest):
    def second(self):
        return self.machine("second", "192.168.0.3", "fd00::3", forwards=True)

    def test_hosts_learn_that_an_address_has_moved(self):
        """Their neighbour tables change by what the new box says, without a packet of theirs."""
        daemon = self.daemon()
        self.assert_reaches(VIP, VIP6)
        second = self.second()
        daemon.stop()
        daemon.call("cleanup")
        self.daemon(box=second)
        for addr in (VIP, VIP6):
            lab.equals_within(lambda: self.neighbour(addr), self.mac(second))
        self.assert_reaches(VIP, VIP6)

    def test_another_machine_has_it(self):
        first = self.daemon()
        self.assert_reaches(VIP, VIP6)
        second = self.second()
        daemon = self.daemon(box=second)
        mine = self.mac(self.box)
        reason = f"another machine has it ({mine})"
        lab.equals_within(lambda: self.announced(daemon), {VIP: reason, VIP6: reason})
        for addr in (VIP, VIP6):
            self.assert_logs(daemon, f"announce: {addr} is not announced: another machine on eth0 has it ({mine}); asking")
        self.assert_kernel([], [], second)
        for addr in (VIP, VIP6):
            self.assertEqual(self.neighbour(addr), mine)
        self.assertIn("fairlead_announce_conflicts{interface=\"eth0\"} 2",
                      traffic.curl(second, "http://127.0.0.1:10249/metrics").body)
        # the first box gives them up: the second one asks again, and takes over
        first.stop()
        first.call("cleanup")
        self.assert_kernel([VIP, VIP6], [VIP6], second)
        lab.equals_within(lambda: self.neighbour(VIP), self.mac(second))


class Life(AnnounceTest):
    def test_a_restart_goes_on(self):
        daemon = self.daemon()
        self.assert_kernel([VIP, VIP6], [VIP6])
        daemon.kill()
        self.assert_kernel([VIP, VIP6], [VIP6])
        self.forget(VIP, VIP6)
        self.assert_reaches(VIP, VIP6)
        self.put(VIP)
        self.box.ip(f"route add local {FAR} dev lo table local proto 99", "neigh add proxy fd00::99 dev eth0")
        daemon.start()
        lab.equals_within(self.routes, {VIP})
        lab.equals_within(self.proxies, {("fd00::99", "eth0")})  # another program's
        self.assertEqual(self.routes(protocol=99), {FAR})
        daemon.stop()
        self.assertEqual(self.routes(), {VIP})
        # the flag is gone, and so are the entries
        daemon.flags.remove("--announce")
        daemon.flags.remove("eth0")
        daemon.start()
        self.assertEqual(self.routes(), set())
        self.assertEqual(self.proxies(), {("fd00::99", "eth0")})
        self.assert_logs(daemon, "announce: 1 address of an earlier --announce removed")
        self.assertNotIn("announce", daemon.status())

    def test_cleanup(self):
        daemon = self.daemon()
        self.assert_kernel([VIP, VIP6], [VIP6])
        daemon.stop()
        self.assert_kernel([VIP, VIP6], [VIP6])
        self.assertIn("2 announced addresses: removed\n", daemon.call("cleanup").stdout)
        self.assert_kernel([], [])

    def test_what_other_programs_remove_comes_back(self):
        self.daemon()
        self.assert_kernel([VIP, VIP6], [VIP6])
        self.box.ip(f"route del local {VIP} dev lo table local", f"neigh del proxy {VIP6} dev eth0",
                    "link set lo mtu 60000")  # the look at it, which comes every 30 s, comes now
        self.assert_kernel([VIP, VIP6], [VIP6])

    def test_without_cap_net_raw(self):
        daemon = self.daemon(start=False)
        daemon.launcher = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
        daemon.start()
        self.assert_logs(daemon, "announce: no packet socket: Operation not permitted")
        self.assert_reaches(VIP, VIP6)
        self.assertFalse(daemon.status()["announce"]["tells"])

    def test_settings_that_keep_the_kernel_from_answering(self):
        self.box.sysctl("net.ipv4.conf.all.arp_ignore", 1)
        self.box.sysctl("net.ipv6.conf.all.forwarding", 0)
        self.box.sysctl("net.ipv4.ip_forward", 0)
        daemon = self.daemon()
        self.assert_logs(daemon, "announce: eth0: no IPv4 addresses: arp_ignore is on")
        self.assert_logs(daemon, "announce: eth0: no IPv6 addresses: it does not forward")
        self.assert_logs(daemon, "announce: eth0: net.ipv4.ip_forward is 0: only endpoints on this machine")
        self.assert_kernel([], [])
        self.box.sysctl("net.ipv4.conf.all.arp_ignore", 0)
        self.box.sysctl("net.ipv4.ip_forward", 1)
        self.box.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.box.ip("link set lo mtu 60000")
        self.assert_reaches(VIP, VIP6)


class Interface(AnnounceTest):
    def test_it_comes_and_goes(self):
        self.box.ip("link del eth0")
        self.box.addrs.clear()
        daemon = self.daemon()
        self.assert_logs(daemon, "announce: eth0: no such interface; waiting")
        self.assertIn("announce on eth0: waiting: no such interface\n", daemon.call("status").stdout)
        self.plug(self.box, "again", "192.168.0.2", "fd00::2")
        self.assert_reaches(VIP, VIP6)
        self.box.ip("link set eth0 down", "link set eth0 name lan0")
        self.assert_kernel([], [])
        self.assert_logs(daemon, "announce: eth0: no such interface; waiting", 2)
        self.box.ip("link set lan0 name eth0", "link set eth0 up")
        self.box.add_addr("fd00::3", "eth0", 64)  # IPv6 addresses went with the link
        self.forget(VIP, VIP6)
        self.assert_reaches(VIP, VIP6)
        self.box.ip("addr flush dev eth0 scope global")
        self.assert_logs(daemon, "announce: eth0: it has no address; waiting")
        self.assert_kernel([], [])

    def test_a_cable_that_is_pulled_out(self):
        daemon = self.daemon()
        self.assert_reaches(VIP, VIP6)
        told = self.told()
        self.switch.ip("link set box down")
        self.switch.ip("link set box up")
        lab.wait_until(lambda: self.told() > told)
        self.assert_kernel([VIP, VIP6], [VIP6])
        self.assert_reaches(VIP, VIP6)
        self.assertNotIn("waiting", daemon.log())

    def told(self):
        body = traffic.curl(self.box, "http://127.0.0.1:10249/metrics").body
        return float(body.split('fairlead_announcements_total{interface="eth0"} ')[1].split("\n")[0])

    def test_a_port_of_a_bridge(self):
        daemon = self.daemon()
        self.assert_kernel([VIP, VIP6], [VIP6])
        self.box.ip("link add br1 type bridge", "link set eth0 master br1")
        self.assert_logs(daemon, "announce: eth0: it belongs to a bridge, bond or VRF: name that one; waiting")
        self.assert_kernel([], [])
        self.box.ip("link set eth0 nomaster")
        self.assert_kernel([VIP, VIP6], [VIP6])

    def test_its_networks_change(self):
        daemon = self.daemon()
        self.put("192.168.7.200")
        lab.equals_within(lambda: self.announced(daemon),
                          {"192.168.7.200": "in no network of the interface: other machines need a route"})
        self.box.add_addr("192.168.7.2", "eth0", 24)
        self.assert_kernel(["192.168.7.200"], [])
        self.box.del_addr("192.168.7.2", "eth0", 24)
        self.assert_kernel([], [])


class Flags(lab.LabTest):
    def test_refused(self):
        with lab.Lab() as here:
            node, folder = here.ns("node"), here.folder
            for flags, why in ((["--apiserver", "https://192.0.2.1"], "only with --manifests"),
                               (["--manifests", folder, "--no-proxy"], "not with --no-proxy"),
                               (["--manifests", folder, "--announce", "a/b"], "is not the name of an interface")):
                done = node.run(lab.BUILD / "fairlead", "run", "--announce", "eth0", *flags, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn("--announce", done.stderr)
                self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
