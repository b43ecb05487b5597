#!/usr/bin/env python3
"""
What the asking commands cost beside a large cluster: median of the CPU time of the command and of the daemon's answer, and
of the time from start to end, which other programs make longer. The bar, 50 ms, is for the CPU time: on a machine with nothing
else to do both are the same. usage: bench/commands.py [--services N] [--rounds N]
"""
import argparse
import resource
import statistics
import subprocess
import time

import scale  # first: finds the rest
import lab
import manifests as m

BAR_MS = 50


def once_ms(daemon, words):
    """One run: CPU time of both, and time on the clock."""
    usage, daemons, begin = resource.getrusage(resource.RUSAGE_CHILDREN), scale.cpu_s(daemon), time.perf_counter()
    done = subprocess.run([daemon.program, *words, "--control", daemon.control], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    clock, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode > 1:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode} {done.stderr.decode()}")
    cpu = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime + scale.cpu_s(daemon) - daemons
    return cpu * 1000, clock * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    one, vip = f"service-{options.services // 2}", scale.vip_of(options.services // 2)
    commands = (["help"], ["status"], ["services", f"default/{one}"], ["endpoints", f"default/{one}"],
                ["services"], ["services", "-o", "wide"], ["endpoints", "-n", "small"],
                ["explain", f"{one}.default"], ["explain", f"{vip}:80", "--from", "10.244.0.5"],
                ["explain", "nothing.default"], ["query", f"{one}.default.svc.cluster.local", "@127.0.0.1"],
                ["resolvconf", "--namespace", "default"])
    print(scale.machine("nftables"))
    with lab.Lab() as the_lab:
        node = the_lab.node()
        folder = m.Folder(the_lab.folder / "manifests")
        folder.put("all", *(o for n in range(options.services) for o in scale.make_service(n)))
        folder.put("small", m.service("small", "10.99.0.1", [80], ns="small"))
        daemon = the_lab.daemon(node, folder, "--dns-listen", "127.0.0.1", "--cluster-cidr", "10.244.0.0/16", ready=False)
        daemon.wait_ready(300)
        with node.inside():
            for words in commands:
                cpu, clock = map(statistics.median, zip(*(once_ms(daemon, words) for _ in range(options.rounds))))
                print(f"{' '.join(words):60} CPU {cpu:6.1f} ms, clock {clock:6.1f} ms   "
                      f"{'ok' if cpu <= BAR_MS else 'ABOVE'} (bar {BAR_MS} ms)", flush=True)


if __name__ == "__main__":
    main()
