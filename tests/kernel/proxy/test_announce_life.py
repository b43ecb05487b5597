"""--announce over the life of the process and of its interface: restarts, rights, settings, cables."""
import os
import unittest
from pathlib import Path

import lab
from announcing import AnnounceTest, FAR, VIP, VIP6


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

    def monitor(self):
        """Returns what gives the lines of `ip monitor` so far that say that one of the addresses was removed."""
        path = self.lab.folder / "monitor"
        with open(path, "wb") as out:
            self.box.popen("ip", "monitor", "route", "neigh", stdout=out, stderr=out)

        def listens():
            self.box.ip(f"route add {FAR} dev lo", f"route del {FAR} dev lo")
            return f"Deleted {FAR}" in path.read_text()

        lab.wait_until(listens, every_s=0.1)
        return lambda: [line for line in path.read_text().splitlines()
                        if "Deleted" in line and (f" {VIP} " in line or f" {VIP6} " in line)]

    def test_a_successor_removes_nothing(self):
        flags = ("--take-over", self.lab.folder / "take-over.sock")
        daemon = self.daemon(*flags)
        self.assert_kernel([VIP, VIP6], [VIP6])
        removed = self.monitor()
        new = self.daemon(*flags)
        self.assertEqual(daemon.process.wait(lab.LIMIT_S), 0, daemon.log())
        self.assert_logs(new, f"announce: eth0: this machine answers for {VIP}, {VIP6}\n")
        new.kill()
        new.start()
        lab.equals_within(lambda: self.announced(new), {VIP: None, VIP6: None})
        self.assertEqual(removed(), [])
        self.put(VIP6)
        lab.wait_until(removed)  # what the test looks for is seen

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

    def as_unit(self, *capabilities):
        """As the systemd unit runs it, with a drop-in for these: a user of its own, few capabilities."""
        caps = ",".join(f"+{c}" for c in ("net_admin", "net_bind_service", *capabilities))
        daemon = self.daemon(start=False)
        for folder in (self.lab.folder, self.folder.path):
            folder.chmod(0o755)
        os.chown(daemon.folder, 65534, 65534)
        daemon.launcher = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
                           f"--bounding-set=-all,{caps}", f"--inh-caps=-all,{caps}", f"--ambient-caps=-all,{caps}")
        return daemon.start()

    def test_as_an_ordinary_user(self):
        self.as_unit("net_raw")
        self.assert_reaches(VIP, VIP6)
        lab.wait_until(self.told)

    def test_where_settings_may_not_be_changed(self):
        """ProtectKernelTunables= without the sysctl: IPv4 only, and a line says what to set."""
        with self.box.inside():
            self.assertEqual(Path("/proc/sys/net/ipv6/conf/all/proxy_ndp").read_text(), "0\n")
        daemon = self.daemon(start=False)
        daemon.launcher = ("unshare", "-m", "sh", "-c", "mount -o bind,ro /proc/sys /proc/sys && exec \"$@\"", "sh")
        daemon.start()
        self.assert_logs(daemon, "announce: eth0: no IPv6 addresses: net.ipv6.conf.all.proxy_ndp is 0 and may not be set here")
        self.assert_reaches(VIP)
        self.assert_kernel([VIP], [])
        self.box.sysctl("net.ipv6.conf.all.proxy_ndp", 1)
        self.box.ip("link set lo mtu 60000")
        self.assert_reaches(VIP6)

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

    def test_a_port_of_a_bridge(self):
        daemon = self.daemon()
        self.assert_kernel([VIP, VIP6], [VIP6])
        self.box.ip("link add br1 type bridge", "link set eth0 master br1")
        self.assert_logs(daemon, "announce: eth0: it belongs to a bridge, bond or VRF: name that one; waiting")
        self.assert_kernel([], [])
        self.box.ip("link set eth0 nomaster")
        self.assert_kernel([VIP, VIP6], [VIP6])

    def test_a_name_with_a_dot(self):
        self.box.ip("link set eth0 down", "link set eth0 name eth0.7", "link set eth0.7 up")
        self.box.add_addr("fd00::3", "eth0.7", 64)
        daemon = self.daemon()
        daemon.stop()
        daemon.flags[daemon.flags.index("eth0")] = "eth0.7"
        daemon.start()
        self.assert_reaches(VIP, VIP6)

    def test_its_networks_change(self):
        daemon = self.daemon()
        self.put("192.168.7.200")
        lab.equals_within(lambda: self.announced(daemon),
                          {"192.168.7.200": "in no network of the interface: other machines need a route"})
        self.box.add_addr("192.168.7.2", "eth0", 24)
        self.assert_kernel(["192.168.7.200"], [])
        self.box.del_addr("192.168.7.2", "eth0", 24)
        self.assert_kernel([], [])


if __name__ == "__main__":
    unittest.main()
