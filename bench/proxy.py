#!/usr/bin/env python3
"""
The bars of the Service proxy, in one table: a cold load, one changed endpoint, one added service, the first packet of a
new flow through a ClusterIP beside the same flow to the endpoint, and the CPU of the daemon under a steady stream of
changes. Ends with 1 when a bar is missed. usage: bench/proxy.py [--rounds N] [--without-changes]

Rows with a bar have counters, as the daemon always has. Loads and commits run on the door to nf_tables alone
(tests/kernel/nft_driver). First packets: bench/firstpacket.py and proxy_flows.c say how; in CPU time, as the median of
paired rounds, so that a busy machine disturbs both sides alike. Stream of changes: bench/changes.py, the whole daemon.
Needs root; everything is in network namespaces. Takes five minutes.
"""
import argparse
import statistics
import sys

import scale  # first: finds the rest
import changes
import firstpacket
import lab
from driver import Driver

SIZES = (10, 10000, 30000)
COUNTERS, PLAIN = ("counters",), ()
LOADS, COMMIT_ROUNDS, CHANGES, SERVICES = 3, 3, 2000, 50
SOCKET, PACKET, ALL_SERVICES = ("socket", False), ("raw", False), ("socket", True)
# What issue and README promise. Times in ms, "flat" and "cpu" in %.
BARS = {"load": 1500, "endpoint": 0.5, "larger": 1.2, "service": 5, "first": 1.08, "flat": 3, "cpu": 5}


class Table:
    """Prints row by row; knows whether a bar was missed."""

    def __init__(self):
        self.missed = 0
        self.line("", [f"{size} services" for size in SIZES], "bar", "")

    @staticmethod
    def line(what, cells, bar, verdict):
        print(f"{what:40}" + "".join(f"{cell:>15}" for cell in cells) + f"{bar:>8}  {verdict}".rstrip(), flush=True)

    def row(self, what, values, form="{:.3f}", bar=None, judged=None):
        """values: one a size, None where there is none. bar: what each of them (of `judged`) may be at the most."""
        worst = max(v for v in (values if judged is None else judged) if v is not None)
        over = bar is not None and worst > bar
        self.missed += over
        verdict = "" if bar is None else "over" if over else "PASS"
        self.line(what, ["" if v is None else form.format(v) for v in values], "" if bar is None else bar, verdict)


def number(line, word):
    words = line.split()
    return float(words[words.index(word) + 1])


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
    """Median of some cold loads: (ms passed, ms of CPU) per size."""
    out = []
    for size in SIZES:
        took = []
        for _ in range(LOADS):
            with lab.Lab() as here, Driver(here.ns("load"), firstpacket.SOURCES, *options) as driver:
                firstpacket.fill(driver, size)
                line = timed(driver, "load")[-1]
                took.append((number(line, "took_ms"), number(line, "cpu_ms")))
        out.append([statistics.median(column) for column in zip(*took)])
    return [list(column) for column in zip(*out)]


def commits(options):
    """Median ms of one replaced endpoint and of one added service, per size: medians of rounds, sizes in turn."""
    endpoint, service = {size: [] for size in SIZES}, {size: [] for size in SIZES}
    for _ in range(COMMIT_ROUNDS):
        for size in SIZES:
            with lab.Lab() as here, Driver(here.ns("change"), firstpacket.SOURCES, *options) as driver:
                firstpacket.fill(driver, size)
                driver("load")
                endpoint[size].append(number(driver(f"replace {CHANGES}")[0], "median_us") / 1000)
                answer = driver(f"service {firstpacket.ENDPOINTS} {SERVICES}")[0]
                service[size].append(number(answer, "median_us") / 1000)
    return [[statistics.median(times[size]) for size in SIZES] for times in (endpoint, service)]


def kernel_rows(table):
    passed, cpu = loads(COUNTERS)
    table.row("cold load: ms", passed, "{:.0f}", BARS["load"])
    table.row("  of CPU", cpu, "{:.0f}")
    table.row("  without counters", loads(PLAIN)[0], "{:.0f}")
    endpoint, service = commits(COUNTERS)
    plain_endpoint, plain_service = commits(PLAIN)
    table.row("one endpoint replaced: ms, median", endpoint, "{:.4f}", BARS["endpoint"])
    table.row("  30000 services against 10000", [None, None, endpoint[2] / endpoint[1]], bar=BARS["larger"])
    table.row("  without counters", plain_endpoint, "{:.4f}")
    table.row("one service added: ms, median", service, bar=BARS["service"])
    table.row("  without counters", plain_service)


def first_packet_rows(table, count):
    kinds = {"": (COUNTERS, (SOCKET, PACKET, ALL_SERVICES)), "plain": (PLAIN, (SOCKET, PACKET)),
             "hand": (None, (SOCKET, PACKET))}
    found = firstpacket.rounds(count, SIZES, kinds)

    def figures(kind, aim, column=0, of=statistics.median):
        return [of([figure[column] for figure in found[(size, kind, aim)]]) for size in SIZES]

    ratios = figures("", SOCKET)
    table.row("first packet, ClusterIP / endpoint", ratios, bar=BARS["first"])
    spread = list(zip(figures("", SOCKET, of=min), figures("", SOCKET, of=max)))
    table.row("  lowest and highest round", spread, "{0[0]:.3f}–{0[1]:.3f}")
    flat = [(ratio / ratios[0] - 1) * 100 for ratio in ratios]
    table.row("  against 10 services: %", flat, "{:+.1f}", BARS["flat"], judged=[abs(percent) for percent in flat])
    table.row("  endpoint directly: ns of CPU", figures("", SOCKET, column=1), "{:.0f}")
    table.row("  flows to all services in turn", figures("", ALL_SERVICES))
    table.row("  without counters", figures("plain", SOCKET))
    table.row("  packet only", figures("", PACKET))
    table.row("  packet only, without counters", figures("plain", PACKET))
    for name, aim in (("", SOCKET), (", packet only", PACKET)):
        table.row(f"  one DNAT rule by hand{name}", [statistics.median(r for r, _ in found[(0, "hand", aim)])])


def stream_rows(table):
    for name, source in (("manifests", changes.from_manifests), ("API server", changes.from_api_server)):
        percent, ms = source()
        what = f"{changes.PER_SECOND} changes/s, {changes.SECONDS} s, {name}"
        table.row(f"{what}: % CPU", [None, percent], "{:.2f}", BARS["cpu"])
        table.row("  change to commit: ms, median", [None, ms], "{:.2f}")


def main():
    parser = argparse.ArgumentParser(description="The bars of the Service proxy.")
    parser.add_argument("--rounds", type=int, default=5, help="of first packets")
    parser.add_argument("--without-changes", action="store_true", help="leave out the daemon, which takes two minutes")
    options = parser.parse_args()
    print(f"{scale.machine('nftables', 'libnftnl11', 'libmnl0')}; {firstpacket.ENDPOINTS} endpoints per service")
    table = Table()
    kernel_rows(table)
    first_packet_rows(table, options.rounds)
    if not options.without_changes:
        stream_rows(table)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
