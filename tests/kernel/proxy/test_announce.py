"""--announce: hosts of a network reach external and load balancer addresses without a route; the kernel answers them."""
import json
import unittest
from pathlib import Path

import lab
import manifests as m
import traffic
from announcing import AnnounceTest, FAR, OTHER, SERVICE, VIP, VIP6

NET_RAW = 1 << 13


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
        notes = {line.split()[3]: line for line in daemon.call("services").stdout.splitlines()}
        self.assertRegex(notes[f"{VIP}:80/TCP"], "announced on eth0$")
        self.assertRegex(notes[f"[{VIP6}]:80/TCP"], "announced on eth0$")
        self.assertRegex(notes[f"{FAR}:80/TCP"], "not announced on eth0: in no network")
        self.assertNotIn("announced", notes[f"{SERVICE[0]}:80/TCP"])
        self.assertIn(", announced on eth0\n", daemon.call("explain", f"{VIP}:80", "--from", "192.168.0.10").stdout)
        frontends = {f["address"]: f for f in json.loads(daemon.call("services", "-o", "json").stdout)[0]["frontends"]}
        self.assertEqual([frontends[a].get("announced") for a in (VIP, VIP6, FAR, SERVICE[0])], [True, True, False, None])
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


    def test_node_ports_and_dns_stay_where_they_are(self):
        self.folder.put("web", m.service("web", SERVICE[0], [m.port(80, node_port=30080)], type="NodePort", externalIPs=[VIP]),
                        m.slice("web", ["192.168.0.20"], [8080]))
        self.daemon("--nodeport-addresses", "all", "--dns-listen", "192.168.0.2")
        self.assert_reaches(VIP)
        self.assertEqual(traffic.connect(self.client, "192.168.0.2", 30080).server, "backend")
        self.assertEqual(traffic.connect(self.client, VIP, 30080).outcome, "refused")
        servers = traffic.dig(self.client, "192.168.0.2", "ns.dns.cluster.local", "A").answer
        self.assertEqual([r.data for r in servers], ["192.168.0.2"])

    def test_many_at_once(self):
        """They are asked for side by side, and told in one line."""
        self.box.add_addr("10.0.0.2", "eth0", 16)
        self.client.ip("route add 10.0.0.0/16 dev eth0")
        addresses = [f"10.0.{1 + i // 250}.{1 + i % 250}" for i in range(1030)]
        services = [m.service(f"s{i}", "None", [80], externalIPs=addresses[i:i + 10]) for i in range(0, 1030, 10)]
        for i, service in enumerate(services):
            service["spec"] |= {"clusterIP": f"10.96.1.{i + 1}", "clusterIPs": [f"10.96.1.{i + 1}"]}
        self.folder.put("web", *services)
        daemon = self.daemon()
        lab.equals_within(self.routes, set(addresses[:1024]))
        self.assert_logs(daemon, "10.0.1.8 and 1016 more\n")
        self.assertEqual(daemon.log().count("this machine answers for"), 1)
        self.assertEqual(self.announced(daemon)[addresses[1024]], "1024 addresses are announced already")
        for addr in (addresses[0], addresses[1023]):
            self.assertEqual(traffic.connect(self.client, addr, 80).outcome, "refused")
        self.folder.remove("web")
        lab.equals_within(self.routes, set())


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
        explained = daemon.call("explain", f"{VIP}:80", "--from", "192.168.0.10", check=False)
        self.assertEqual(explained.returncode, 1)
        self.assertIn(f"{VIP} is not announced on eth0: {reason}", explained.stdout.split("\n", 1)[0])
        # the first box loses its power: the second one asks again, and takes over
        first.kill()
        self.switch.ip("link set box down")
        self.assert_kernel([VIP, VIP6], [VIP6], second)
        self.assert_reaches(VIP, VIP6)
        for addr in (VIP, VIP6):
            self.assertEqual(self.neighbour(addr), self.mac(second))

    def test_two_that_begin_together_share(self):
        """Each hears the other's claim while it waits for an answer itself. A few may have two holders: of one moment."""
        second = self.second()
        self.put("192.168.0.7")
        daemons = [self.daemon(), self.daemon(box=second)]
        addresses = {f"192.168.0.{100 + i}" for i in range(60)}
        self.put(*addresses)

        def settled():
            said = [self.announced(d) for d in daemons]
            return all(set(s) == addresses and "asking" not in str(s.values()) for s in said) and said

        first, other = lab.wait_until(settled)
        held = [{addr for addr in addresses if said[addr] is None} for said in (first, other)]
        self.assertEqual(held[0] | held[1], addresses)
        self.assertLess(len(held[0] & held[1]), len(addresses) // 2)
        self.assertTrue(held[0] and held[1])


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
