#!/usr/bin/env python3
"""
What probes cost, and how long a result takes to the kernel. 1 000 endpoints of 100 Services, all in one namespace of this machine,
each probed once a second: the CPU of all threads of the daemon, beside that of a bare loop that connects as often at the same
time, from sockets of the same kind. Both include what the kernel does within their calls (veth delivers in the call that sends):
connection tracking, and the server's side of the handshake. Then the time from the answer that decides (503, or 200 again) to the
commit of that endpoint. usage: bench/probes.py [--probes N] [--seconds N]
"""
import argparse
import contextlib
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


def services(kind, count, each):
    """Services whose endpoints are `count` addresses in a row."""
    for n in range(0, count, each):
        item = m.service(f"probed-{n}", scale.vip_of(n), [m.port(80, "http", target=PORT)])
        item["metadata"]["annotations"] = {"fairlead/endpoints": ", ".join(str(FIRST + n + i) for i in range(min(each, count - n))),
                                           "fairlead/probe": f"{kind} every 1s failures 1 timeout 2s"}
        yield item


def threads_s(daemon):
    """CPU seconds of each kind of thread so far."""
    found = {}
    for task in os.scandir(f"/proc/{daemon.process.pid}/task"):
        with open(f"{task.path}/comm") as comm, open(f"{task.path}/schedstat") as schedstat:
            name = comm.read().strip()
            found[name] = found.get(name, 0) + int(schedstat.read().split()[0]) / 1e9
    return found


def cost(daemon, node, kind, options):
    """Microseconds of CPU a probe: of all threads, of each kind of thread; of the bare loop, which runs at the same time."""
    time.sleep(3)  # the second probe of each comes somewhere within its period
    before, begin = threads_s(daemon), time.perf_counter()
    bare = node.run(PROGRAM, "bare", kind, FIRST, PORT, options.probes, options.seconds)
    done, after = (time.perf_counter() - begin) * options.probes, threads_s(daemon)
    parts = {name: (after[name] - before.get(name, 0)) / done * 1e6 for name in after}
    return sum(parts.values()), parts, int(bare.stdout) / 1000


def flips(node, targets, count):
    """Milliseconds from the answer that decides to the commit."""
    commits, times = scale.Commits(node), []
    for turn in range(count):
        time.sleep(.1)  # the last change may have several commits
        commits.drain()
        answered = targets.fail(FIRST + turn if turn % 2 == 0 else None)
        times.append((commits.wait() - answered) * 1000)
    return times


@contextlib.contextmanager
def probed(kind, count, each):
    with lab.Lab() as the_lab:
        node = the_lab.node()
        targets = Targets(the_lab, node)
        folder = m.Folder(the_lab.folder / "manifests")
        folder.put("probed", *services(kind, count, each))
        yield node, targets, the_lab.daemon(node, folder, "--dns-listen", "127.0.0.1")


def main():
    parser = argparse.ArgumentParser(description="What probes cost, and how long a result takes to the kernel.")
    parser.add_argument("--probes", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--flips", type=int, default=40)
    options = parser.parse_args()
    print(scale.machine("libcurl4", "libev4"))
    print(f"{options.probes} endpoints, each probed once a second\n")
    for kind in ("tcp", "http"):
        with probed(kind, options.probes, 10) as (node, _, daemon):
            each_us, parts, bare_us = cost(daemon, node, kind, options)
            threads = ", ".join(f"{name} {us:.1f}" for name, us in sorted(parts.items(), key=lambda i: -i[1]) if us >= .5)
            print(f"{kind:5} {each_us:5.1f} us a probe, {each_us * options.probes / 1e4:.2f} % of a core ({threads} us); the bare loop "
                  f"{bare_us:.1f} us, {bare_us * options.probes / 1e4:.2f} %; ratio {each_us / bare_us:.2f}", flush=True)
    print("\nfrom the answer that decides to the commit of its endpoint (bar 10 ms)")
    for each in (10, options.probes):
        with probed("http", options.probes, each) as (node, targets, _):
            times = flips(node, targets, options.flips)
            print(f"Services of {each:4} endpoints: median {statistics.median(times):5.2f} ms, 90 % {scale.quantile(times, .9):5.2f} ms, "
                  f"most {max(times):5.2f} ms of {len(times)}", flush=True)


if __name__ == "__main__":
    main()
