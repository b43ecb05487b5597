#!/usr/bin/env python3
"""
What conntrack costs the daemon: CPU of the thread that reads it, as a share of a core, while a UDP service changes all
the time; how soon the table follows a single change; how long a health check waits meanwhile. With an empty table (the
walk over its buckets is what costs) and with UDP flows in it. usage: bench/conntrack.py [--seconds S] [--flows N]

nf_conntrack_buckets is the whole machine's, so it is only read: the cost of a walk is printed for each bucket, too, and
what it makes for 262 144. The share of a core does not depend on it: the thread rests for 54 times what a look took.
"""
import argparse
import socket
import statistics
import sys
import time
from pathlib import Path

import scale  # first: finds the rest
import lab
import manifests as m

VIP, PODS = "10.96.0.1", ["10.244.0.10", "10.244.0.11"]
PER_SECOND, SINGLE, BUCKETS = 50, 5, 262144
FILL = lab.BUILD / "tests/kernel/conntrack_fill"


class Run:
    """A daemon, and one UDP service whose endpoint is one pod or the other."""

    def __init__(self, here, flows, node_port):
        self.node, self.turn, self.node_port = here.node(), 0, node_port
        self.folder = m.Folder(here.folder / "m")
        if flows:
            self.node.run(FILL, flows, "10.99.0.1", 53, "10.99.0.1", 53)
        self.put()
        self.daemon = here.daemon(self.node, self.folder, "--no-dns", "--healthz-bind-address", "127.0.0.1:10256")

    def put(self):
        """One address and port; with a node port two of each: then a large table is walked twice."""
        port, kind = (30053, {"type": "NodePort"}) if self.node_port else (None, {})
        self.folder.put("web", m.service("web", VIP, [m.port(53, "x", "UDP", port)], **kind),
                        m.slice("web", [PODS[self.turn % 2]], [("x", 5353, "UDP")]))

    def change(self):
        self.turn += 1
        self.put()

    def dump_ms(self):
        return min(float(self.node.run(FILL, "dump").stdout.split()[1]) for _ in range(5))

    def thread_s(self, name):
        """CPU seconds of a thread so far."""
        for task in Path(f"/proc/{self.daemon.process.pid}/task").iterdir():
            if (task / "comm").read_text().strip() == name:
                return int((task / "schedstat").read_text().split()[0]) / 1e9
        raise SystemExit(f"no thread {name}")

    def looks(self):
        with self.node.inside():
            page = http("127.0.0.1", 10249, "/metrics")
        line = 'conntrack_reconciler_sync_duration_seconds_count{ip_family="IPv4"} '
        return int(page.split(line)[1].split()[0])

    def steady(self, seconds):
        """Changes at a steady rate: share of a core, looks, and the longest wait for a health check in ms."""
        before_s, before, begin = self.thread_s("conntrack"), self.looks(), time.monotonic()
        longest = 0
        with self.node.inside():
            for number in range(seconds * PER_SECOND):
                time.sleep(max(0, begin + number / PER_SECOND - time.monotonic()))
                self.change()
                asked = time.monotonic()
                http("127.0.0.1", 10256, "/healthz")
                longest = max(longest, time.monotonic() - asked)
        took = time.monotonic() - begin
        return (self.thread_s("conntrack") - before_s) / took * 100, self.looks() - before, longest * 1000

    def single(self):
        """ms from the write of one change, at rest, to the end of a flow that it makes stale."""
        with self.node.inside():
            events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12)
            events.bind((0, 1 << 2))  # NFNLGRP_CONNTRACK_DESTROY; only entries that begin now are told of
        self.node.run(FILL, 1, VIP, 53, PODS[self.turn % 2], 5353)
        events.settimeout(60)
        with events:
            begin = time.monotonic()
            self.change()
            events.recv(65536)
            return (time.monotonic() - begin) * 1000


def http(host, port, path):
    with socket.create_connection((host, port), timeout=60) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        page = b""
        while data := sock.recv(65536):
            page += data
    return page.decode()


def show(what, run, seconds):
    dump_ms, singles = run.dump_ms(), []
    time.sleep(dump_ms * 6 * 60 / 1000)  # the start looked at all protocols
    for _ in range(SINGLE):
        singles.append(run.single())
        time.sleep(dump_ms * 2 * 60 / 1000 + 0.3)
    share, looks, longest_ms = run.steady(seconds)
    rows = ((f"{what}: one dump of all UDP", f"{dump_ms:.1f} ms"),
            ("  one change at rest to the end of its stale flow", f"{statistics.median(singles):.1f} ms"),
            ("    the slowest", f"{max(singles):.1f} ms"),
            (f"  {PER_SECOND} changes a second for {seconds} s: the thread, {looks} looks", f"{share:.2f} % of a core"),
            ("    if each change were a dump", f"{dump_ms * PER_SECOND / 10:.0f} % of a core"),
            ("    longest wait for a health check", f"{longest_ms:.1f} ms"))
    for name, value in rows:
        print(f"{name:60} {value}", flush=True)
    return dump_ms


def main():
    parser = argparse.ArgumentParser(description="What conntrack costs the daemon.")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--flows", type=int, default=20000)
    options = parser.parse_args()
    buckets = int(Path("/proc/sys/net/netfilter/nf_conntrack_buckets").read_text())
    print(f"{scale.machine('libmnl0')}; nf_conntrack_buckets {buckets}\n")
    for what, flows, node_port in (("empty table", 0, False), (f"{options.flows} UDP flows to others", options.flows, False),
                                   ("the same, service with a node port", options.flows, True)):
        with lab.Lab() as here:
            dump_ms = show(what, Run(here, flows, node_port), options.seconds)
        if flows == 0:
            print(f"  one bucket {dump_ms * 1e6 / buckets:.1f} ns: {BUCKETS} take {dump_ms * BUCKETS / buckets:.2f} ms")


if __name__ == "__main__":
    sys.exit(main())
