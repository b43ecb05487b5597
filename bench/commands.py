#!/usr/bin/env python3
"""
What the asking commands cost beside a large cluster: median and worst of each, from the start of the process to its end,
and the bar of 50 ms. usage: bench/commands.py [--services N] [--rounds N]
"""
import argparse
import statistics
import subprocess
import time

import scale  # first: finds the rest
import lab
import manifests as m

BAR_MS = 50


def once_ms(daemon, words):
    """One run, without what starting a program costs the bench itself."""
    begin = time.perf_counter()
    done = subprocess.run([daemon.program, *words, "--control", daemon.control], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    took = (time.perf_counter() - begin) * 1000
    if done.returncode > 1:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode} {done.stderr.decode()}")
    return took


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
                times = [once_ms(daemon, words) for _ in range(options.rounds)]
                median = statistics.median(times)
                print(f"{' '.join(words):60} median {median:6.1f} ms, worst {max(times):6.1f} ms   "
                      f"{'ok' if median <= BAR_MS else 'ABOVE'} (bar {BAR_MS} ms)", flush=True)


if __name__ == "__main__":
    main()
