#!/usr/bin/env python3
"""
What the rules cost in the kernel: a cold load, one changed endpoint, one added service, and the first packet of a new
connection through a ClusterIP beside the same connection to the endpoint. Prints one table. usage: bench/proxy.py

Loads and commits run on the door to nf_tables alone (tests/kernel/nft_driver), without the daemon. First packets are
paired: short rounds of new flows to the VIP and to the endpoint in turn, on one CPU, in CPU time, so that a busy
machine disturbs both alike; the figure is the median of the pairs' ratios. A flow is what a program does: a UDP socket,
bound, one datagram that reaches the server's socket, closed. "Packet only" leaves the client's socket out (prepared
datagrams from a raw socket). Beside it one hand-written DNAT rule. Needs root; everything is in network namespaces.
"""
import os
import platform
import socket
import statistics
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests/kernel"))
import lab  # noqa: E402
from driver import Driver  # noqa: E402

BUILD = Path(os.environ.get("FAIRLEAD_BUILD", TOP / "build"))
SIZES = (10, 10000, 30000)
ENDPOINTS, LOADS, CHANGES, SERVICES = 10, 3, 2000, 50
FLOWS, PAIRS = 512, 400
BARS = {("load", 10000): 150, ("load", 30000): 500, "change": 0.5, "service": 5, "first": 1.08}


def row(what, *cells):
    print(f"{what:44}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


def head():
    versions = []
    for package in ("nftables", "libnftnl11", "libmnl0"):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
        versions.append(f"{package} {done.stdout or '?'}")
    commit = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], capture_output=True, text=True)
    print(f"fairlead {commit.stdout.strip() or '?'}, Linux {platform.release()}, {', '.join(versions)}, "
          f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {ENDPOINTS} endpoints per service")
    row("", *(f"{size} services" for size in SIZES), "bar")


def number(line, word):
    words = line.split()
    return float(words[words.index(word) + 1])


def fill(driver, size):
    driver("forget")
    driver("element local-sources 10.244.0.0/16")
    driver("element local-sources 10.200.0.0/16")
    driver(f"generate {size} {ENDPOINTS}")


def timed(driver, command):
    driver.send(command)
    lines = []
    for line in driver.process.stdout:
        if line.startswith(("ok", "error")):
            assert line.startswith("ok"), line
            return lines
        lines.append(line)
    raise AssertionError("driver ended")


def loads(options):
    """Fastest of some cold loads: (ms passed, ms of CPU) per size."""
    out = []
    for size in SIZES:
        took = []
        for _ in range(LOADS):
            with lab.Lab() as here, Driver(here.ns("load"), "sources", *options) as driver:
                fill(driver, size)
                line = timed(driver, "load")[-1]
                took.append((number(line, "took_ms"), number(line, "cpu_ms")))
        out.append((min(t[0] for t in took), min(t[1] for t in took)))
    return out


def changes():
    """Median ms of one replaced endpoint and of one added service, per size."""
    endpoint, service = [], []
    for size in SIZES:
        with lab.Lab() as here, Driver(here.ns("change"), "sources") as driver:
            fill(driver, size)
            driver("load")
            endpoint.append(number(driver(f"replace {CHANGES}")[0], "median_us") / 1000)
            service.append(number(driver(f"service {ENDPOINTS} {SERVICES}")[0], "median_us") / 1000)
    return endpoint, service


class Way:
    """A client, a node in between, and a server that has every endpoint address."""

    def __init__(self, here):
        self.node = here.node()
        self.client = here.pod(self.node, "client", "10.244.0.10")
        server = here.pod(self.node, "server", "10.244.0.11")
        way = self.node.run("ip", "-o", "route", "get", "10.244.0.11").stdout.split(" dev ")[1].split()[0]
        mac = server.run("cat", "/sys/class/net/eth0/address").stdout.strip()
        self.node.ip(f"neigh add 10.244.0.11 lladdr {mac} dev {way}",
                     f"route add 172.0.0.0/8 via 10.244.0.11 dev {way} onlink")
        server.ip("route add local 172.0.0.0/8 dev lo")
        self.sink = server.socket(socket.AF_INET, socket.SOCK_DGRAM)  # nobody reads: what is too much is dropped there
        self.sink.bind(("", 8080))

    def ratio(self, size, mode):
        middle = size // 2
        low = f"{(middle >> 8) & 255}.{middle & 255}"
        done = self.client.run(BUILD / "bench/proxy_flows", f"/run/netns/{self.node.name}", "10.200.0.1", f"172.{low}.3",
                               f"10.{128 + (middle >> 16)}.{low}", 8080, 80, FLOWS, PAIRS, os.cpu_count() - 1, mode,
                               limit_s=600)
        pairs = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
        self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        return statistics.median(vip / direct for direct, vip in pairs), statistics.median(d for d, _ in pairs)


def first_packets(mode, *options):
    """(ratio, ns of the direct flow) per size."""
    out = []
    for size in SIZES:
        with lab.Lab() as here:
            way = Way(here)
            with Driver(way.node, "sources", *options) as driver:
                fill(driver, size)
                driver("load")
                out.append(way.ratio(size, mode))
    return out


def hand_written(mode):
    with lab.Lab() as here:
        way = Way(here)
        way.node.nft("add table ip hand; add chain ip hand in { type nat hook prerouting priority -100; };"
                     "add chain ip hand out { type nat hook postrouting priority 100; };"
                     "add rule ip hand in ip daddr 10.128.0.5 udp dport 80 dnat to 172.0.5.4:8080")
        return way.ratio(10, mode)[0]


def main():
    head()
    for name, options in (("", ()), (", counters", ("counters",))):
        took = loads(options)
        bars = [f"{BARS[('load', size)]}" for size in SIZES[1:]] if not options else ["none"]
        row(f"cold load{name}: ms", *(f"{passed:.0f}" for passed, _ in took), "/".join(bars))
        row(f"cold load{name}: ms of CPU", *(f"{cpu:.0f}" for _, cpu in took), "")
    endpoint, service = changes()
    row("one endpoint replaced: ms, median", *(f"{ms:.4f}" for ms in endpoint), BARS["change"])
    row("one service added: ms, median", *(f"{ms:.3f}" for ms in service), BARS["service"])
    for name, mode, bar in (("first packet, VIP / endpoint", "socket", BARS["first"]), ("  packet only", "raw", "")):
        for more, options in (("", ()), (", counters", ("counters",))):
            took = first_packets(mode, *options)
            row(f"{name}{more}", *(f"{ratio:.3f}" for ratio, _ in took), bar)
        row("  one hand-written DNAT rule", f"{hand_written(mode):.3f}", "", "", "")
        row("  endpoint directly: ns of CPU", *(f"{ns:.0f}" for _, ns in took), "")


if __name__ == "__main__":
    main()
