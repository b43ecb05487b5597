"""
New flows to one service while it shrinks to one endpoint and grows to five again: for proxy/test_new_flows.py and bench/flows.py.

    with lab.Lab() as l:
        run = flows.Run(l, flows=20000, per_second=2500)
        run.whole()         # flips until the load has ended
        run.stats()         # what became of the flows

A client pod opens flows with tests/kernel/flows_client.c, each from a new source address and port; endpoints answer with
their number (flows_server.c). One turn of the service is what a rolling update does to it: endpoints turn terminating
but still serve and are not chosen any more, several times in quick succession; when no flow to them is open they are gone
from the slice, which ends their UDP conntrack entries; then they are back. Endpoints answer at any time, so every flow
must be answered, and none by an endpoint that was gone before the flow began.
"""
import collections
import mmap
import random
import struct
import subprocess
import time

import lab
import manifests

VIP, PORT = "10.96.0.1", 80
ENDPOINTS = [f"10.244.0.{10 + i}" for i in range(5)]
ENDPOINT_PORT = 8080
CLIENT, SOURCES = "10.244.1.1", "10.128.0.0"
FIELDS = ("started", "oldest", "answered", "refused", "lost", "odd", "tcp", "longest_us")
SERVERS_MAX = 16
# of the node's own namespace: a flow is over long before, and the table must hold those of the last seconds
CONNTRACK_S = {"udp_timeout": 2, "tcp_timeout_close": 1, "tcp_timeout_syn_sent": 6, "tcp_timeout_syn_recv": 6}

Stats = collections.namedtuple("Stats", FIELDS + ("by_server",))


class Run:
    def __init__(self, the_lab, flows, per_second=0, window=256):
        self.node = the_lab.node()
        self.pods = the_lab.pod(self.node, "pods", *ENDPOINTS)
        self.client = the_lab.pod(self.node, "client", CLIENT)
        self.client.ip(f"route add local {SOURCES}/16 dev lo")
        port = f"v{len(the_lab.namespaces)}"
        self.node.ip(f"route add {SOURCES}/16 via {CLIENT} dev {port} onlink")
        self.folder = manifests.Folder(the_lab.folder / "manifests")
        server = self.pods.popen(lab.BUILD / "tests/kernel/flows_server", ENDPOINT_PORT, *ENDPOINTS,
                                 stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline() == "ready\n"
        server.stdout.close()
        self.put(range(5))
        self.daemon = the_lab.daemon(self.node, self.folder, "--no-dns")
        self.wait_chosen(range(5))
        for name, seconds in CONNTRACK_S.items():
            self.node.sysctl(f"net.netfilter.nf_conntrack_{name}", seconds)
        self.flips = self.turns = 0
        self.wrong = []  # (endpoint, answers) of endpoints that were gone
        path = the_lab.folder / "stats"
        path.write_bytes(bytes(8 * (len(FIELDS) + SERVERS_MAX)))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.begin = time.monotonic()
        self.process = self.client.popen(lab.BUILD / "tests/kernel/flows_client", VIP, PORT, SOURCES, flows, window,
                                         per_second, path)

    def put(self, ready, terminating=()):
        ends = [manifests.endpoint(ENDPOINTS[n], ready=True) for n in ready]
        ends += [manifests.endpoint(ENDPOINTS[n], ready=False, serving=True, terminating=True) for n in terminating]
        ports = [("u", ENDPOINT_PORT, "UDP"), ("t", ENDPOINT_PORT, "TCP")]
        self.folder.put("web", manifests.service("web", VIP, [manifests.port(PORT, "u", "UDP"), manifests.port(PORT, "t")]),
                        manifests.slice("web", ends, ports))

    def wait_chosen(self, numbers):
        """Until the kernel gives new flows to these endpoints."""
        want = {ENDPOINTS[n] for n in numbers}
        lab.equals_within(lambda: {v["concat"][0] for _, v in self.node.elements("endpoints4")}, want)

    def stats(self):
        words = struct.unpack(f"={len(FIELDS) + SERVERS_MAX}Q", self.map)
        return Stats(*words[:len(FIELDS)], words[len(FIELDS):])

    def running(self):
        code = self.process.poll()
        if code:
            raise AssertionError(f"flows_client ended with {code}")
        return code is None

    def drained(self):
        """No flow is open any more that began before now."""
        begun = self.stats().started
        lab.wait_until(lambda: self.stats().oldest >= begun, what="open flows to end")

    def turn(self, flips=8, every_s=0.03):
        stays = random.randrange(5)
        others = [n for n in range(5) if n != stays]
        for _ in range(flips):
            self.put([stays], others)
            time.sleep(every_s)
            self.put(range(5))
            time.sleep(every_s)
        self.put([stays], others)
        self.wait_chosen([stays])
        self.drained()
        self.put([stays])
        before = self.stats().by_server
        time.sleep(2 * every_s)  # the sweep of their conntrack entries runs meanwhile
        after = self.stats().by_server
        self.wrong += [(n, after[n] - before[n]) for n in others if after[n] != before[n]]
        self.put(range(5))
        self.wait_chosen(range(5))
        self.flips += 2 * flips + 2
        self.turns += 1

    def whole(self):
        """Turns until the load has ended; seconds it took."""
        while self.running():
            self.turn()
        return time.monotonic() - self.begin

    def conntrack(self):
        """Events of the node's conntrack table that cost packets, summed over CPUs."""
        lines = self.node.run("cat", "/proc/net/stat/nf_conntrack").stdout.splitlines()
        names = lines[0].split()
        rows = [[int(word, 16) for word in line.split()] for line in lines[1:]]
        return {name: sum(row[names.index(name)] for row in rows) for name in ("insert_failed", "drop", "early_drop")}
