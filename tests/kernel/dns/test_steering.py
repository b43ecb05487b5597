"""
The cluster DNS address is answered by this process while it lives, and by the Service's endpoints otherwise. The endpoints
are test doubles with another answer, so that every reply tells who gave it.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

import lab
import manifests
import memory
import patience
import scenes
import traffic
from dns_client import Client
from dns_load import Load
from upstream import Upstream

WEB, WEB_VIP = "web.default.svc.cluster.local", "10.96.0.1"
DNS, DNS6, LOCAL = "10.96.0.10", "fd00:96::a", "169.254.20.10"
ENDPOINTS, ENDPOINT6 = ("10.244.0.20", "10.244.0.21"), "fd00:244::20"
US, THEM = WEB_VIP, "192.0.2.1"  # what is answered
RATE = 2000
NETLINK_NETFILTER = "12"  # as in /proc/net/netlink
LIMIT_MB = 128
IN_FLIGHT_S = 0.01 * patience.FACTOR
# The kernel takes a killed process apart within milliseconds, once it gets a processor.
KILLED_S = 0.1 * patience.FACTOR
STOPPED_S = 1.0 + KILLED_S


def dns_service(*cluster_ips):
    ports = [manifests.port(53, "dns", "UDP"), manifests.port(53, "dns-tcp")]
    return manifests.service("kube-dns", cluster_ips, ports, ns="kube-system")


def dns_slice(addresses):
    return manifests.slice("kube-dns", addresses, [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")], ns="kube-system")


class SteeringTest(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.client = self.lab.pod(self.node, "client", "10.244.0.99", "fd00:244::99")
        for i, addr in enumerate(ENDPOINTS):
            self.endpoint(f"dns-{i}", addr)
        self.folder.put("web", manifests.service("web", WEB_VIP, [80]))
        self.put_dns(DNS)

    def endpoint(self, name, *addrs):
        pod = self.lab.pod(self.node, name, *addrs)
        for addr in addrs:
            upstream = Upstream(pod, 53, addr)
            self.addCleanup(upstream.close)

    def put_dns(self, *cluster_ips):
        self.folder.put("dns", dns_service(*cluster_ips), dns_slice(ENDPOINTS))

    def run_daemon(self, *flags, **kwargs):
        self.daemon = self.lab.daemon(self.node, self.folder, "--cluster-cidr", "10.244.0.0/16,fd00:244::/64", *flags, **kwargs)
        return self.daemon

    def steered(self):
        return {a["address"] for a in self.daemon.status()["dns"]["steering"]["addresses"] if a["steered"]}

    def wait_steered(self, *addrs):
        lab.equals_within(self.steered, set(addrs))

    def who(self, ns=None, server=DNS, tcp=False):
        """The address in the answer, or the name of the error."""
        try:
            reply = Client(ns or self.client, server, limit_s=5 * patience.FACTOR).ask(WEB, tcp=tcp)
            return reply.answer[0].split()[-1] if reply.answer else reply.rcode
        except OSError as error:
            return type(error).__name__

    def entries(self):
        """Conntrack entries of port 53 in the node."""
        with self.node.inside():
            return [line for line in Path("/proc/net/nf_conntrack").read_text().splitlines() if "dport=53 " in line]


class Addresses(SteeringTest):
    def test_udp_and_tcp_of_both_families_from_pod_and_node(self):
        self.endpoint("dns-6", ENDPOINT6)
        self.folder.put("dns", dns_service(DNS, DNS6), dns_slice(ENDPOINTS), dns_slice([ENDPOINT6]))
        self.run_daemon("--dns-local-address", LOCAL)
        self.wait_steered(DNS, DNS6, LOCAL)
        for server in (DNS, DNS6, LOCAL):
            for ns in (self.client, self.node):
                for tcp in (False, True):
                    with self.subTest(server=server, ns=ns.short, tcp=tcp):
                        self.assertEqual(self.who(ns, server, tcp), US)
        self.assertEqual(self.entries(), [])
        self.daemon.kill()
        for server in (DNS, DNS6, LOCAL):
            for ns in (self.client, self.node):
                for tcp in (False, True):
                    with self.subTest("killed", server=server, ns=ns.short, tcp=tcp):
                        self.assertEqual(self.who(ns, server, tcp), THEM)

    def test_added_addresses_are_not_the_nodes(self):
        self.folder.put("ports", manifests.service("ports", "10.96.0.7", [manifests.port(80, node_port=30080)], type="NodePort"),
                        manifests.slice("ports", ["10.244.0.77"], [8080]))
        self.run_daemon("--dns-listen", "192.168.0.2", "--dns-local-address", LOCAL, "--nodeport-addresses", "all")
        self.wait_steered(DNS, LOCAL)
        self.assertEqual(Client(self.node, DNS).ask("ns.dns.cluster.local").answer, ["ns.dns.cluster.local. 5 IN A 192.168.0.2"])
        self.assertNotIn(DNS, self.node.run("ip", "addr").stdout)
        taken = json.dumps(self.node.elements("dispatch4"))
        self.assertIn("30080", taken)
        for addr in (DNS, LOCAL):
            self.assertNotIn("30080", json.dumps([e for e in self.node.elements("dispatch4") if addr in json.dumps(e)]))

    def test_the_kernel_closes_the_owner_of_the_table_first(self):
        """The files of a killed process are closed from the highest down, and inotify's take long."""
        self.run_daemon()
        self.wait_steered(DNS)
        folder = Path(f"/proc/{self.daemon.process.pid}/fd")
        files = {int(entry): os.readlink(folder / entry) for entry in os.listdir(folder)}
        self.assertIn("anon_inode:inotify", files.values())
        inode = files[max(files)].removeprefix("socket:[").removesuffix("]")
        with self.node.inside():
            netlink = [line.split() for line in Path("/proc/net/netlink").read_text().splitlines()]
        self.assertIn((NETLINK_NETFILTER, inode), {(row[1], row[-1]) for row in netlink}, files)

    def test_another_port_of_the_address_is_not_the_nodes(self):
        with self.node.inside():
            server = socket.create_server(("0.0.0.0", 2222))
        self.addCleanup(server.close)
        self.run_daemon()
        self.wait_steered(DNS)
        self.assertEqual(traffic.connect(self.client, "192.168.0.2", 2222, limit_s=1).outcome, "timeout")  # it says nothing
        self.assertEqual(traffic.connect(self.client, DNS, 2222).outcome, "refused")

    def test_the_service_is_followed(self):
        self.folder.remove("dns")
        self.run_daemon()
        self.assertEqual(self.steered(), set())
        for addr in (DNS, "10.96.0.11", DNS):
            self.put_dns(addr)
            self.wait_steered(addr)
            self.assertEqual([self.who(server=addr, tcp=tcp) for tcp in (False, True)], [US, US])
        self.assertEqual(self.routes(), [DNS])
        self.folder.remove("dns")
        self.wait_steered()
        self.assertEqual(self.routes(), [])
        self.assertEqual(self.node.elements("steered4", "fairlead-dns"), [])

    def routes(self):
        shown = self.node.run("ip", "-j", "route", "show", "table", "local", "proto", "102").stdout
        return [route["dst"] for route in json.loads(shown)]

    def test_given_addresses_and_none(self):
        self.run_daemon("--cluster-dns", "10.99.0.10")
        self.wait_steered("10.99.0.10")
        self.assertEqual([self.who(server="10.99.0.10"), self.who()], [US, THEM])
        self.daemon.stop()
        self.run_daemon("--cluster-dns", "none")
        self.assertEqual((self.who(), self.node.table("fairlead-dns")), (THEM, None))

    def test_a_route_that_another_program_deletes_is_back(self):
        self.run_daemon()
        self.wait_steered(DNS)
        self.node.ip(f"route del local {DNS} dev lo table local")
        lab.equals_within(self.routes, [DNS])
        lab.equals_within(self.who, US)

    def test_a_renewal_is_no_transaction(self):
        """A program that lists a large ruleset would begin anew after each."""
        self.run_daemon()
        self.wait_steered(DNS)
        monitor = self.node.popen("nft", "monitor", stdout=subprocess.PIPE)
        os.set_blocking(monitor.stdout.fileno(), False)

        def seen(table):
            """What the monitor has told since the last time, once it has told of that table."""
            told = b""
            def complete():
                nonlocal told
                self.node.nft("add", "table", "inet", table)
                self.node.nft("delete", "table", "inet", table)
                told += monitor.stdout.read() or b""
                return b"delete table inet " + table.encode() in told
            lab.wait_until(complete, every_s=0.1)
            return told.decode()

        seen("first")
        time.sleep(1.5)  # six renewals; without them steering would have ended
        self.assertEqual(self.who(), US)
        self.assertNotIn("fairlead", seen("last"))

    def test_what_the_daemon_forwards_there_goes_to_the_endpoints(self):
        """CoreDNS behind the Service may be the upstream: no loop."""
        self.run_daemon("--forward", DNS)
        self.wait_steered(DNS)
        self.assertEqual(Client(self.client, DNS).ask("example.org").answer, ["example.org. 60 IN A 192.0.2.1"])

    def test_dns_alone_beside_another_proxy(self):
        """--no-proxy: whose rules translate the address does not matter."""
        self.node.run("nft", "-f", "-", input=f"""table ip other {{ chain prerouting {{ type nat hook prerouting priority dstnat;
            ip daddr {DNS} udp dport 53 dnat to {ENDPOINTS[0]}
            }}
            }}""")
        self.run_daemon("--no-proxy")
        self.wait_steered(DNS)
        self.assertEqual(self.who(), US)
        self.daemon.kill()
        self.assertEqual(self.who(), THEM)

    def test_a_port_in_use_leaves_the_endpoints(self):
        self.node.add_addr(DNS)
        with self.node.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
            other.bind((DNS, 53))
            other.listen()
            self.run_daemon()
            lab.wait_until(lambda: f"{DNS} is not steered: in use by another program" in self.daemon.log())
            self.assertEqual(self.who(), THEM)
            self.assertTrue(self.daemon.status()["ready"], "the cluster's DNS works")
            self.assertIn(f"not steered: {DNS}: in use by another program", self.daemon.call("status").stdout)
        self.wait_steered(DNS)
        self.assertEqual(self.who(), US)

    def test_no_owner_tables(self):
        self.run_daemon(start=False)
        self.daemon.program = str(lab.BUILD / "tests/kernel/fairlead_unowned")
        self.daemon.start()
        self.assertEqual(self.who(), THEM)
        self.assertIn("steering: this kernel has no tables with an owner", self.daemon.log())
        self.assertIn("not steered: this kernel has no tables with an owner", self.daemon.call("status").stdout)
        self.assertEqual((self.node.table("fairlead-dns"), self.routes()), (None, []))

    def test_cleanup(self):
        self.run_daemon("--dns-local-address", LOCAL)
        self.wait_steered(DNS, LOCAL)
        self.daemon.stop()
        self.assertEqual(self.who(), THEM)
        self.assertEqual(sorted(self.routes()), [DNS, LOCAL])
        self.assertIn("2 local routes", self.daemon.call("cleanup").stdout)
        self.assertEqual((self.routes(), self.node.table("fairlead-dns")), ([], None))


class OnlyDns(SteeringTest):
    """The Service leads to fairlead itself, on two nodes: the component deploy/kubernetes/dns."""

    OTHER = "192.168.0.3"

    def setUp(self):
        super().setUp()
        self.other = self.lab.host(self.node, "other", self.OTHER)
        upstream = Upstream(self.other, 53, self.OTHER)  # its answer says that it was another node
        self.addCleanup(upstream.close)

    def slice_of(self, *nodes):
        self.folder.put("dns", dns_service(DNS), dns_slice(nodes))

    def test_a_node_whose_process_is_gone_is_served_by_the_others(self):
        self.slice_of("192.168.0.2", self.OTHER)
        self.run_daemon("--dns-listen", "192.168.0.2")
        self.wait_steered(DNS)
        self.assertEqual(self.who(), US)
        self.assertIn("this process, steered", self.daemon.call("endpoints", "kube-system/kube-dns").stdout)
        self.daemon.kill()
        self.assertEqual({self.who(tcp=tcp) for _ in range(20) for tcp in (False, True)}, {THEM})

    def test_the_only_endpoint_stays_one(self):
        self.slice_of("192.168.0.2")
        self.run_daemon("--dns-listen", "192.168.0.2")
        self.wait_steered(DNS)
        self.assertIn("192.168.0.2", json.dumps(self.node.elements("endpoints4")))

    def test_other_services_lead_to_this_process(self):
        self.folder.put("public", manifests.service("public", "10.96.0.12", [manifests.port(53, "dns", "UDP")]),
                        manifests.slice("public", ["192.168.0.2", self.OTHER], [("dns", 53, "UDP")]))
        self.run_daemon("--dns-listen", "192.168.0.2")
        lab.wait_until(lambda: {self.who(server="10.96.0.12") for _ in range(30)} == {US, THEM})


class Loss(SteeringTest):
    """A client asks all the time while the process dies, hangs and returns."""

    def setUp(self):
        super().setUp()
        self.limit = memory.Limit(LIMIT_MB)
        self.addCleanup(self.limit.end)
        self.run_daemon(start=False)
        self.addCleanup(lambda: self.daemon.process.poll() is None and self.daemon.kill())
        self.daemon.launcher = self.limit.launcher if "out_of_memory" in self.id() else ()
        self.daemon.start()
        self.wait_steered(DNS)
        self.load = Load(self.client, DNS, RATE / patience.FACTOR, WEB)
        time.sleep(0.5)

    def back(self):
        """Restarted: the client is served by the daemon again; all queries."""
        self.daemon.start()
        self.wait_steered(DNS)
        time.sleep(0.3)
        return self.load.stop()

    def assert_lost_only(self, rows, since, until):
        lost = [round(row.sent - since, 4) for row in rows if row.answered is None]
        self.assertEqual([s for s in lost if s < -IN_FLIGHT_S or s > until], [], f"of {len(rows)}, {len(lost)} lost")
        self.assertEqual({row.by for row in rows if row.answered}, {US, THEM})
        self.assertEqual(rows[-1].by, US)
        answered = [row for row in rows if row.answered and row.by == THEM]
        self.assertGreater(len(answered), 100)
        print(f"{self.id().split('.')[-1]}: {len(lost)} of {len(rows)} lost, first answer of an endpoint "
              f"{(answered[0].answered - since) * 1000:.1f} ms after the signal")

    def test_killed(self):
        since = time.monotonic()
        self.daemon.kill()
        gone = time.monotonic() - since  # its sockets and its table went before
        time.sleep(1)
        self.assert_lost_only(self.back(), since, gone + IN_FLIGHT_S)

    def test_out_of_memory(self):
        """The kernel kills it: another process of its control group takes the memory, and the daemon is the first to go."""
        if self.limit.folder is None:
            self.skipTest("no control group for memory can be made here")
        Path(f"/proc/{self.daemon.process.pid}/oom_score_adj").write_text("1000")
        since = time.monotonic()
        hungry = self.node.popen(*self.limit.launcher, sys.executable, "-c", f"held = b'x' * {2 * LIMIT_MB * memory.MB}",
                                 stderr=subprocess.DEVNULL)
        self.assertEqual(self.daemon.process.wait(lab.LIMIT_S), -signal.SIGKILL)
        until = time.monotonic() - since
        hungry.wait(lab.LIMIT_S)
        time.sleep(0.5)
        self.daemon.launcher = ()
        self.assert_lost_only(self.back(), since, until + KILLED_S)

    def test_stopped_for_5_s(self):
        since = time.monotonic()
        self.daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(5)
        self.daemon.process.send_signal(signal.SIGCONT)
        self.wait_steered(DNS)
        time.sleep(0.3)
        self.assert_lost_only(self.load.stop(), since, STOPPED_S)
        self.assertGreater(self.daemon.status()["dns"]["steering"]["lapses"], 0)
        page = traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body
        self.assertRegex(page, rf'(?m)^fairlead_dns_steered{{address="{DNS}"}} 1$')
        self.assertRegex(page, r"(?m)^fairlead_dns_steering_lapses_total [1-9]")
        self.assertNotIn("stuck", self.daemon.log())

    def test_stopped_by_sigterm(self):
        """What is asked while it leaves is answered: by it or by an endpoint."""
        self.daemon.stop()
        rows = self.back()
        self.assertEqual([row for row in rows if row.answered is None], [])
        self.assertEqual({row.by for row in rows}, {US, THEM})


if __name__ == "__main__":
    unittest.main()
