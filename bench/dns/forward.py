#!/usr/bin/env python3
"""`make bench-dns-forward`: names outside the cluster, beside unbound, knot-resolver and dnsmasq, in a network namespace of its own.

Every server forwards to the same upstream, which knows every name. The server is pinned to core 0; dnsperf and the upstream share
core 1. As in run.py what counts is CPU time per query, of all threads of the server.
"""
import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import run

UPSTREAM = "127.0.0.1:5353"
TTL = 3600
NAMES = 10_000
CACHE_BYTES = 32 << 20
FEW_BYTES = 4 << 20  # for the Zipf trace: fewer names than are asked for
MANY = 100_000
ZIPF_NAMES, ZIPF_QUERIES = 100_000, 300_000
SERVERS = ("fairlead", "unbound", "knot-resolver", "dnsmasq")


def fairlead(folder, program, cache):
    (folder / "manifests").mkdir(exist_ok=True)
    (folder / "manifests/web.yaml").write_text("""\
apiVersion: v1
kind: Service
metadata: {name: svc-1, namespace: ns-1}
spec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}
""")
    return [str(program), "run", "--no-proxy", "--manifests", str(folder / "manifests"), "--state-dir", "", "--control",
            str(folder / "control.sock"), "--dns-listen", f"127.0.0.1:{run.PORT}", "--forward", UPSTREAM, "--dns-cache-size",
            str(cache), "--healthz-bind-address", "", "--metrics-bind-address", "", "-v", "0"]


def unbound(folder, cache):
    (folder / "unbound.conf").write_text(f"""server:
  interface: 127.0.0.1@{run.PORT}
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  do-not-query-localhost: no
  msg-cache-size: {cache // 2}
  rrset-cache-size: {cache // 2}
  outgoing-range: 4096
  num-queries-per-thread: 2048
  local-data: "svc-1.ns-1.svc.cluster.local. A 10.96.0.9"
forward-zone:
  name: "."
  forward-addr: {UPSTREAM.replace(":", "@")}
remote-control:
  control-enable: no
""")
    return ["unbound", "-d", "-p", "-c", str(folder / "unbound.conf")]


def knot_resolver(folder, cache):
    (folder / "kresd").mkdir(exist_ok=True)
    (folder / "kresd.conf").write_text(f"""net.listen('127.0.0.1', {run.PORT}, {{ kind = 'dns' }})
modules = {{ 'policy', 'hints > iterate' }}
trust_anchors.remove('.')
hints['svc-1.ns-1.svc.cluster.local'] = '10.96.0.9'
policy.add(policy.all(policy.STUB('{UPSTREAM.replace(":", "@")}')))
cache.size = {max(cache, 8 << 20)}
""")
    return ["kresd", "-n", "-c", str(folder / "kresd.conf"), str(folder / "kresd")]


def dnsmasq(_folder, cache):
    return ["dnsmasq", "--no-daemon", "--user=root", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            f"--port={run.PORT}", "--listen-address=127.0.0.1", "--bind-interfaces", f"--server={UPSTREAM.replace(':', '#')}",
            f"--cache-size={cache // 320}", "--dns-forward-max=2000", "--address=/svc-1.ns-1.svc.cluster.local/10.96.0.9"]


def commands(folder, program, cache=CACHE_BYTES):
    makers = {"unbound": unbound, "knot-resolver": knot_resolver, "dnsmasq": dnsmasq}
    all_ = {"fairlead": fairlead(folder, program, cache)}
    for name, make in makers.items():
        if shutil.which({"knot-resolver": "kresd"}.get(name, name)):
            all_[name] = make(folder, cache)
    return all_


class Upstream:
    """The upstream on core 1 for the length of a `with` block; `answered` is there behind it."""

    def __init__(self, tools):
        self.command, self.answered = [*run.FIRST, "taskset", "-c", "1", str(tools / "upstream"), UPSTREAM, str(TTL)], 0

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.answered = int(self.process.communicate(timeout=10)[0])


def write_names(path, names):
    path.write_text("".join(f"{name} A\n" for name in names))


def whole(folder, kind, *flags):
    """Each line of the file once."""
    return run.dnsperf(folder, kind, 60, "-n", "1", *flags)


class Misses:
    """A new file of names each time: nothing of it is cached."""

    def __init__(self, folder):
        self.folder, self.turn = folder, 0

    def write(self, count):
        self.turn += 1
        write_names(self.folder / "miss", (f"m{self.turn}-{n}.example.net" for n in range(count)))


def one_round(server, folder, misses, seconds, results, name):
    write_names(folder / "cached", (f"c{n}.example.org" for n in range(NAMES)))
    whole(folder, "cached")
    results.setdefault((name, "cached"), []).append(run.measure(server, folder, "cached", seconds)[0])
    misses.write(int(40_000 * seconds))
    before = run.cpu_s(server.process.pid)
    done = run.completed(whole(folder, "miss"))
    results.setdefault((name, "miss"), []).append((run.cpu_s(server.process.pid) - before) / done * 1e6)


def compare_servers(folder, options):
    results, misses = {}, Misses(folder)
    write_names(folder / "bare", (f"c{n}.example.org" for n in range(NAMES)))
    for _ in range(options.rounds):
        with run.Server([str(options.tools / "bare"), f"127.0.0.1:{run.PORT}"]) as server:
            results.setdefault("bare", []).append(run.measure(server, folder, "bare", options.seconds)[0])
        for name, command in commands(folder, options.program).items():
            with Upstream(options.tools), run.Server(command) as server:
                one_round(server, folder, misses, options.seconds, results, name)
    bare = results["bare"]
    print(f"CPU µs per query (best of {options.rounds}, median in brackets; against bare in the same rounds)")
    print(f"  bare {min(bare):.2f} ({statistics.median(bare):.2f})")
    for kind in ("cached", "miss"):
        cells = []
        for name in (n for n in SERVERS if (n, kind) in results):
            values = results[name, kind]
            ratio = statistics.median(v / b for v, b in zip(values, bare))
            cells.append(f"{name} {min(values):.2f} ({statistics.median(values):.2f}) {ratio:.2f}x")
        print(f"  {kind:7}" + "   ".join(cells))
    best = min(results["fairlead", "miss"])
    print(f"  miss, fairlead: {1e6 / best:.0f} q/s per core")


def memory(folder, options):
    """100 000 names in a cache that they fill: what the process grew by, against the flag."""
    write_names(folder / "many", (f"n{n}.example.com" for n in range(MANY)))
    with Upstream(options.tools) as upstream, run.Server(fairlead(folder, options.program, options.cache)) as server:
        before = run.rss_kib(server.process.pid)
        whole(folder, "many")
        grown = run.rss_kib(server.process.pid) - before
        asked = run.completed(whole(folder, "many"))
    kept = max(0, asked - (upstream.answered - MANY))
    print(f"memory: {kept} of {MANY} names kept; grew by {grown / 1024:.1f} MB, "
          f"{grown * 1024 / options.cache:.2f} of --dns-cache-size {options.cache >> 20}M")


def zipf_names(seed):
    weights = [1 / rank for rank in range(1, ZIPF_NAMES + 1)]
    return (f"z{n}.example.com" for n in random.Random(seed).choices(range(ZIPF_NAMES), weights, k=ZIPF_QUERIES))


def zipf(folder, options):
    write_names(folder / "zipf", zipf_names(1))
    cells = []
    for name, command in commands(folder, options.program, FEW_BYTES).items():
        if name not in ("fairlead", "unbound"):
            continue
        with Upstream(options.tools) as upstream, run.Server(command):
            asked = run.completed(whole(folder, "zipf", "-q", "20"))
        cells.append(f"{name} {(1 - upstream.answered / asked) * 100:.1f} %")
    print(f"hit ratio, Zipf, {ZIPF_QUERIES} queries of {ZIPF_NAMES} names, {FEW_BYTES >> 20} MB of cache: " + ", ".join(cells))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", type=Path, required=True, help="folder of bare and upstream")
    parser.add_argument("--program", type=Path, required=True, help="fairlead")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--cache", type=int, default=19 << 20, help="bytes, for the memory: what 100 000 names fill")
    parser.add_argument("--only", choices=["servers", "memory", "zipf"], action="append")
    options = parser.parse_args()
    if os.environ.get("FAIRLEAD_BENCH_NETNS") is None:
        os.environ["FAIRLEAD_BENCH_NETNS"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    parts = {"servers": compare_servers, "memory": memory, "zipf": zipf}
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in options.only or parts:
            parts[part](folder, options)


if __name__ == "__main__":
    main()
