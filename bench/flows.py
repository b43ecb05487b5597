#!/usr/bin/env python3
"""
Opens five million new flows to one service while it shrinks to one endpoint and grows to five again, over and over, and
prints what became of them. Ends with 1 when one was refused or lost. usage: bench/flows.py [--flows N] [--window N]

What is done is described in tests/kernel/flows.py. Client, endpoints, node and daemon share this machine, at nice 5, so
the rate is what one machine does for all of them together and no bar.
"""
import argparse
import os
import sys
import time
from pathlib import Path

import scale  # first: finds the rest
import flows  # of tests/kernel
import lab


def softnet_dropped():
    """Packets that this machine dropped because a CPU's queue was full, of whomever."""
    lines = Path("/proc/net/softnet_stat").read_text().splitlines()
    return sum(int(line.split()[1], 16) for line in lines)


def watch(run):
    """Turns of the service until the load has ended, with a line every ten seconds; seconds it took."""
    told = time.monotonic()
    while run.running():
        run.turn()
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"  {run.stats().answered:,} answered, {run.turns} turns", file=sys.stderr, flush=True)
    return time.monotonic() - run.begin


def main():
    parser = argparse.ArgumentParser(description="New flows to a service that shrinks and grows.")
    parser.add_argument("--flows", type=int, default=5_000_000)
    parser.add_argument("--window", type=int, default=256, help="open flows at a time")
    parser.add_argument("--per-second", type=int, default=0, help="0: as fast as they are answered")
    options = parser.parse_args()
    os.nice(5)
    print(scale.machine("libnftnl11", "libmnl0", "libcjson1", "nftables") + "\n")
    dropped = softnet_dropped()
    with lab.Lab() as the_lab:
        run = flows.Run(the_lab, options.flows, options.per_second, options.window)
        seconds = watch(run)
        stats, conntrack = run.stats(), run.conntrack()
    rows = [("new flows", f"{stats.started:,}", f"{stats.tcp:,} of them TCP"),
            ("answered", f"{stats.answered:,}", "by endpoint: " + " ".join(f"{n:,}" for n in stats.by_server[:5])),
            ("refused", f"{stats.refused:,}", ""),
            ("lost", f"{stats.lost:,}", "no answer within 5 s; nothing is sent twice but by TCP itself"),
            ("answered wrongly", f"{stats.odd + sum(n for _, n in run.wrong):,}", "wrong source, or an endpoint that was gone"),
            ("changes of the service", f"{run.flips:,}", f"1 to 5 to 1 endpoints, {run.turns} times gone and back"),
            ("flows a second", f"{stats.answered / seconds:,.0f}", f"{seconds:.1f} s in all"),
            ("longest wait", f"{stats.longest_us / 1000:.1f} ms", ""),
            ("conntrack", " ".join(f"{k} {v}" for k, v in conntrack.items()), "of the node"),
            ("queues", f"{softnet_dropped() - dropped} dropped", "packets, whole machine")]
    for name, value, remark in rows:
        print(f"{name:24} {value:>12}   {remark}".rstrip())
    return 0 if stats.answered == stats.started == options.flows and not stats.odd and not run.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
