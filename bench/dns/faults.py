#!/usr/bin/env python3
"""
`make bench-dns-faults`: upstream servers that fail at random in every way of tests/kernel/faulty_upstream.py for ten minutes at
1 000 queries a second, then one that is silent for a minute. Counts wrong answers and queries without a reply, and looks for what
leaks: memory, descriptors, queries that still wait. Exit code 1 when a bar is missed.
"""
import argparse
import os
import re
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tests/kernel")]

import lab  # noqa: E402
import manifests  # noqa: E402
import traffic  # noqa: E402
from dns_client import Client  # noqa: E402
from judged_load import Load  # noqa: E402
from faulty_upstream import FaultyUpstream  # noqa: E402

PORT, TIMEOUT_S, NAMES = 5301, 2, 2000
CACHE = "2M"  # full after the first tenth: what grows then is a leak
RSS_KB_MAX = 4 << 10
DESCRIPTORS_MAX = 8


class Bars:
    def __init__(self):
        self.missed = 0

    def row(self, what, value, good):
        self.missed += not good
        print(f"{what:58} {value:>12}  {'' if good else 'MISSED'}", flush=True)


def waiting(node):
    page = traffic.curl(node, "http://127.0.0.1:10249/metrics").body
    return int(re.search(r"^fairlead_forward_waiting (\d+)$", page, re.M)[1])


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def counted(load, before):
    return {key: load.counts[key] - before[key] for key in ("right", "failed", "lost")}


def random_faults(bars, node, daemon, load, options):
    load.run(options.seconds / 10, options.rate)
    rss_kb, fds = daemon.rss_kb(), descriptors(daemon)
    load.run(options.seconds * 9 / 10, options.rate)
    bars.row("random faults: queries", load.serial, True)
    bars.row("wrong answers", len(load.wrong), not load.wrong)
    for name, why in load.wrong[:10]:
        print(f"  {name}: {why}")
    bars.row("without a reply", load.counts["lost"], load.counts["lost"] == 0)
    bars.row("failures of upstreams passed on, percent", f"{100 * load.counts['failed'] / load.serial:.2f}", True)
    bars.row("slowest reply, s", f"{max(load.slowest_s.values()):.2f}", True)
    time.sleep(2 * TIMEOUT_S)
    bars.row("waiting at the end", waiting(node), waiting(node) == 0)
    bars.row("descriptors, more than after a tenth", descriptors(daemon) - fds, descriptors(daemon) - fds <= DESCRIPTORS_MAX)
    bars.row("memory, KB more than after a tenth", daemon.rss_kb() - rss_kb, daemon.rss_kb() - rss_kb <= RSS_KB_MAX)


def silent(bars, client, load, ups, options):
    """Cached names go on, others fail in time."""
    for up in ups:
        up.share = 0
    time.sleep(1)
    known = [name for name in load.names[:NAMES // 10] if not name.startswith("nx")]
    for name in known:
        client.ask(name)
    before, load.slowest_s = load.counts.copy(), {"right": 0, "failed": 0}
    for up in ups:
        up.dead = True
    load.run(options.silent, options.rate, known)
    cached = counted(load, before)
    bars.row(f"silent upstream, {options.silent:.0f} s: cached names right", cached["right"], cached["right"] > 0)
    bars.row("cached names failed or lost", cached["failed"] + cached["lost"], cached["failed"] + cached["lost"] == 0)
    before, load.slowest_s = load.counts.copy(), {"right": 0, "failed": 0}
    load.run(min(10.0, options.silent), options.rate / 10, [f"never{i}.example.net" for i in range(10_000)])
    others = counted(load, before)
    bars.row("other names failed", others["failed"], others["right"] == others["lost"] == 0)
    bars.row(f"slowest of them, s ({2 * TIMEOUT_S} are stated)", f"{load.slowest_s['failed']:.2f}",
             load.slowest_s["failed"] < 2 * TIMEOUT_S + 0.5)
    bars.row("wrong answers", len(load.wrong), not load.wrong)
    for up in ups:
        up.dead = False
    start = time.monotonic()
    number = 0
    while client.ask(f"back{number}.example.net").rcode != "NOERROR":
        number += 1
    bars.row("answers again after, s", f"{time.monotonic() - start:.2f}", time.monotonic() - start < 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="of random faults")
    parser.add_argument("--silent", type=float, default=60, help="seconds without a reply of any upstream")
    parser.add_argument("--rate", type=float, default=1000, help="queries a second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bars = Bars()
    with lab.Lab() as here:
        node = here.node()
        folder = manifests.Folder(here.folder / "m")
        ups = [FaultyUpstream(node, PORT + i, options.seed + i) for i in range(2)]
        daemon = here.daemon(node, folder, "--no-proxy", "--forward", f"127.0.0.1:{PORT},127.0.0.1:{PORT + 1}",
                             "--forward-timeout", f"{TIMEOUT_S}s", "--dns-cache-size", CACHE)
        load = Load(node, options.seed, NAMES)
        random_faults(bars, node, daemon, load, options)
        silent(bars, Client(node, limit_s=20), load, ups, options)
        print("faults:", ", ".join(f"{fault or 'none'} {n}" for fault, n in sum((up.counts for up in ups[1:]),
                                                                                  ups[0].counts).most_common()))
        for up in ups:
            up.close()
    return 1 if bars.missed else 0


if __name__ == "__main__":
    sys.exit(main())
