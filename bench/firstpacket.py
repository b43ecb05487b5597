"""
The first packet of a new flow through a ClusterIP beside the same flow to the endpoint: the lab that proxy_flows runs in,
and rounds of it. One run's figure moves by a few per cent with where in memory things came to lie, so each round has
fresh namespaces, all sizes take turns, and the figure is the median of the rounds.
"""
import json
import os
import statistics

import lab
from driver import Driver

ENDPOINTS, FLOWS, PAIRS = 10, 512, 160
SERVER = "10.244.0.11"
SOURCES = "sources:10.244.0.0/16"
# The one service, as `dnat to` by hand: what any rule costs.
HAND_WRITTEN = """add table ip hand; add chain ip hand in { type nat hook prerouting priority -100; };
add chain ip hand out { type nat hook postrouting priority 100; };
add rule ip hand in ip daddr 10.128.0.5 udp dport 80 dnat to 172.0.5.0:8080"""


def fill(driver, size):
    driver("forget")
    driver(f"generate {size} {ENDPOINTS}")


class Way:
    """A client, a node in between, and a server that has every endpoint address."""

    def __init__(self, here):
        self.node = here.node()
        self.client = here.pod(self.node, "client", "10.244.0.10")
        self.server = here.pod(self.node, "server", SERVER)
        dev = self.node.run("ip", "-o", "route", "get", SERVER).stdout.split(" dev ")[1].split()[0]
        mac = json.loads(self.server.run("ip", "-j", "link", "show", "dev", "eth0").stdout)[0]["address"]
        self.node.ip(f"neigh add {SERVER} lladdr {mac} dev {dev}", f"route add 172.0.0.0/8 via {SERVER} dev {dev} onlink")
        self.server.ip("route add local 172.0.0.0/8 dev lo")

    def pairs(self, mode, first, services, endpoints=ENDPOINTS):
        """(median ratio, ns of the direct flow) of flows to `services` services from the first on."""
        done = self.client.run(lab.BUILD / "bench/proxy_flows", f"/run/netns/{self.node.name}",
                               f"/run/netns/{self.server.name}", mode, first, services, endpoints, FLOWS, PAIRS,
                               os.cpu_count() - 1, limit_s=600)
        pairs = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
        return statistics.median(vip / direct for direct, vip in pairs), statistics.median(direct for direct, _ in pairs)


def through_rules(size, options, aims):
    """{aim: (ratio, ns)} with `size` services; an aim is (mode, whether flows go to all services or to one of them)."""
    with lab.Lab() as here:
        way = Way(here)
        with Driver(way.node, SOURCES, *options) as driver:
            fill(driver, size)
            driver("load")
            return {(mode, spread): way.pairs(mode, *((0, size) if spread else (size // 2, 1))) for mode, spread in aims}


def hand_written(aims):
    with lab.Lab() as here:
        way = Way(here)
        way.node.nft(HAND_WRITTEN)
        return {(mode, spread): way.pairs(mode, 5, 1, endpoints=1) for mode, spread in aims}


def rounds(count, sizes, kinds):
    """
    {(size, kind, aim): [(ratio, ns) of each round]}. kinds: {name: (options of nft_driver, aims)}; options None: the rule
    written by hand, at size 0.
    """
    out = {}
    for _ in range(count):
        for kind, (options, aims) in kinds.items():
            for size in sizes if options is not None else (0,):
                found = through_rules(size, options, aims) if options is not None else hand_written(aims)
                for aim, figures in found.items():
                    out.setdefault((size, kind, aim), []).append(figures)
    return out
