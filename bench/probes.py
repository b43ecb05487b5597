#!/usr/bin/env python3
"""
What probes cost, and how long a result takes to the kernel. 1 000 endpoints on this machine, one in a namespace for all, each
probed once a second: the daemon's CPU, beside that of a bare loop that connects as often, from sockets of the same kind. Both
include what the kernel does within their calls: connection tracking, and the server's side of the handshake. Then the time from
the answer that decides (503, or 200 again) to the commit of that endpoint. usage: bench/probes.py [--probes N] [--seconds N]
"""
import argparse
import ipaddress
import os
import statistics
import subprocess
import time

import scale  # first: finds the rest
import lab
import manifests as m

FIRST, PORT = ipaddress.ip_address("10.250.0.1"), 8080
PROGRAM = lab.BUILD / "bench/probes"


class Targets:
    """Every address of 10.250.0.0/16 in a namespace, behind a program that answers on all of them."""

    def __init__(self, the_lab, node):
        pod = the_lab.pod(node, "targets", "10.244.0.10")
        pod.ip("route add local 10.250.0.0/16 dev lo")
        node.ip("route add 10.250.0.0/16 via 10.244.0.10 onlink dev " + self.device(node))
        self.process = pod.popen(PROGRAM, "serve", PORT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    @staticmethod
    def device(node):
        return node.run("ip", "-o", "route", "get", "10.244.0.10").stdout.split(" dev ")[1].split()[0]

    def fail(self, addr):
        """That address fails from now on (None: none); the moment of the first answer of that kind."""
        self.process.stdin.write(f"{addr or ''}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()) / 1e9


def service(kind, count):
    item = m.service("probed", "10.96.0.1", [m.port(80, "http", target=PORT)])
    item["metadata"]["annotations"] = {"fairlead/endpoints": ", ".join(str(FIRST + n) for n in range(count)),
                                       "fairlead/probe": f"{kind} every 1s failures 1 timeout 2s"}
    return item


def threads_s(daemon):
    """CPU seconds of each kind of thread so far."""
    found = {}
    for task in os.scandir(f"/proc/{daemon.process.pid}/task"):
        with open(f"{task.path}/comm") as comm, open(f"{task.path}/schedstat") as schedstat:
            name = comm.read().strip()
            found[name] = found.get(name, 0) + int(schedstat.read().split()[0]) / 1e9
    return found


def cost(daemon, seconds):
    """CPU in per cent of a core: of all threads, of those that take most."""
    time.sleep(3)  # the second probe of each comes somewhere within its period
    before, begin = threads_s(daemon), time.perf_counter()
    time.sleep(seconds)
    took, after = time.perf_counter() - begin, threads_s(daemon)
    parts = {name: (after[name] - before.get(name, 0)) / took * 100 for name in after}
    return sum(parts.values()), {name: part for name, part in parts.items() if part >= .05}


def flips(daemon, node, targets, count):
    """Milliseconds from the answer that decides to the commit."""
    commits, times = scale.Commits(node), []
    for turn in range(count):
        commits.drain()
        answered = targets.fail(FIRST + turn if turn % 2 == 0 else None)
        times.append((commits.wait() - answered) * 1000)
    return times


def main():
    parser = argparse.ArgumentParser(description="What probes cost, and how long a result takes to the kernel.")
    parser.add_argument("--probes", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--flips", type=int, default=40)
    options = parser.parse_args()
    print(scale.machine("libcurl4", "libev4"))
    print(f"{options.probes} endpoints, each probed once a second\n")
    for kind in ("tcp", "http"):
        with lab.Lab() as the_lab:
            node = the_lab.node()
            targets = Targets(the_lab, node)
            folder = m.Folder(the_lab.folder / "manifests")
            folder.put("probed", service(kind, options.probes))
            daemon = the_lab.daemon(node, folder, "--dns-listen", "127.0.0.1")
            bare = node.run(PROGRAM, "bare", kind, FIRST, PORT, options.probes, options.seconds // 2)
            all_of_it, parts = cost(daemon, options.seconds)
            each_us, bare_us = all_of_it / 100 / options.probes * 1e6, int(bare.stdout) / 1000
            print(f"{kind:5} {all_of_it:5.2f} % of a core, {each_us:5.1f} us a probe; a bare loop {bare_us * options.probes / 1e4:5.2f} %, "
                  f"{bare_us:5.1f} us; " + ", ".join(f"{n} {p:.2f} %" for n, p in sorted(parts.items(), key=lambda i: -i[1])), flush=True)
            if kind == "http":
                times = flips(daemon, node, targets, options.flips)
                print(f"\nfrom the answer that decides to the commit: median {statistics.median(times):.2f} ms, 90 % "
                      f"{scale.quantile(times, .9):.2f} ms, most {max(times):.2f} ms of {len(times)} (bar 10 ms)")


if __name__ == "__main__":
    main()
