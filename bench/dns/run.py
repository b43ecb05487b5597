#!/usr/bin/env python3
"""`make bench-dns`: our DNS server beside a bare UDP responder, NSD and Knot, in a network namespace of its own.

The server is pinned to core 0 and dnsperf to core 1. What counts is CPU time per query (user and system, from
/proc/PID/task/*/schedstat), because it does not depend on what else the machine does; servers take turns in short rounds and the
best round of each is printed beside the median. Nothing of this touches the host's network.
"""
import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SERVICES, NAMESPACES, PORT = 10_000, 50, 5300
FIRST = ["chrt", "--rr", "10"]  # before whatever else the machine does: this is about us
KINDS = {"hit": ("svc-{n}", "A"), "nodata": ("svc-{n}", "AAAA"), "nxdomain": ("nx-{n}", "A")}


def write_queries(folder):
    for kind, (name, qtype) in KINDS.items():
        lines = [f"{name.format(n=n)}.ns-{n % NAMESPACES}.svc.cluster.local {qtype}" for n in
                 ((i * 7919) % SERVICES for i in range(SERVICES))]
        (folder / kind).write_text("\n".join(lines) + "\n")
    mixed = [line for lines in zip(*((folder / kind).read_text().splitlines() for kind in KINDS)) for line in lines]
    (folder / "mix").write_text("\n".join(mixed) + "\n")


def write_zone(folder):
    lines = ["$ORIGIN cluster.local.", "$TTL 5", "@ SOA ns.dns hostmaster 1 7200 1800 86400 5", "@ NS ns.dns",
             "ns.dns A 192.0.2.1"]
    lines += [f"svc-{n}.ns-{n % NAMESPACES}.svc A 11.{n + 1 >> 16}.{n + 1 >> 8 & 255}.{n + 1 & 255}"
              for n in range(SERVICES)]
    (folder / "zone").write_text("\n".join(lines) + "\n")


def nsd_command(folder):
    (folder / "nsd.conf").write_text(f"""server:
  ip-address: 127.0.0.1@{PORT}
  server-count: 1
  rrl-ratelimit: 0
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zonelist"
  cookie-secret-file: ""
remote-control:
  control-enable: no
zone:
  name: cluster.local
  zonefile: zone
""")
    return ["nsd", "-d", "-c", str(folder / "nsd.conf")]


def knot_command(folder):
    (folder / "knot.conf").write_text(f"""server:
  listen: 127.0.0.1@{PORT}
  rundir: {folder}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: error
database:
  storage: {folder}
zone:
  - domain: cluster.local
    storage: {folder}
    file: zone
    journal-content: none
""")
    return ["knotd", "-c", str(folder / "knot.conf")]


def cpu_s(pid):
    """CPU seconds of a process, its threads and its children (NSD forks), in the kernel's nanoseconds."""
    total, tasks = 0.0, list(Path(f"/proc/{pid}/task").iterdir())
    for task in tasks:
        total += int((task / "schedstat").read_text().split()[0]) / 1e9
        total += sum(cpu_s(child) for child in (task / "children").read_text().split())
    return total


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


class Server:
    """A server on core 0 for the length of a `with` block."""

    def __init__(self, command):
        self.process = subprocess.Popen([*FIRST, "taskset", "-c", "0", *command], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def __enter__(self):
        wait_until_answers()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        time.sleep(0.1)


def wait_until_answers():
    for _ in range(200):
        done = subprocess.run(["dig", "@127.0.0.1", "-p", str(PORT), "+time=1", "+tries=1", "+noedns",
                               "svc-1.ns-1.svc.cluster.local"], stdout=subprocess.PIPE, text=True, check=False)
        if "status: NOERROR" in done.stdout and "ANSWER: 1" in done.stdout:
            return
        time.sleep(0.05)
    sys.exit("bench-dns: a server does not answer")


def dnsperf(folder, kind, seconds, *flags):
    out = subprocess.run([*FIRST, "taskset", "-c", "1", "dnsperf", "-s", "127.0.0.1", "-p", str(PORT), "-d", str(folder / kind),
                          "-l", str(seconds), *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         check=True).stdout
    return out


def completed(out):
    return int(re.search(r"Queries completed:\s+(\d+)", out)[1])


def measure(server, folder, kind, seconds, *flags):
    """(CPU microseconds per query, queries per second)."""
    before = cpu_s(server.process.pid)
    out = dnsperf(folder, kind, seconds, *flags)
    used = cpu_s(server.process.pid) - before
    done = completed(out)
    return used / done * 1e6, done / seconds


def commands(folder, tools):
    at = f"127.0.0.1:{PORT}"
    all_ = {"bare": [str(tools / "bare"), at], "fairlead": serve(tools)}
    if shutil.which("nsd"):
        all_["nsd"] = nsd_command(folder)
    if shutil.which("knotd"):
        all_["knot"] = knot_command(folder)
    return all_


def compare_servers(folder, tools, rounds, seconds):
    results = {}
    for _ in range(rounds):
        for name, command in commands(folder, tools).items():
            with Server(command) as server:
                for kind in KINDS:
                    results.setdefault((name, kind), []).append(measure(server, folder, kind, seconds))
                results[name, "rss"] = rss_kib(server.process.pid)
    names = [n for n in ("bare", "fairlead", "nsd", "knot") if (n, "hit") in results]
    print(f"CPU µs per query (best of {rounds}, median in brackets; against bare in the same rounds)")
    for kind in KINDS:
        cells = []
        for name in names:
            values = [cpu for cpu, _ in results[name, kind]]
            ratio = statistics.median(v / b for v, (b, _) in zip(values, results["bare", kind]))
            cells.append(f"{name} {min(values):.2f} ({statistics.median(values):.2f}) {ratio:.2f}x")
        print(f"  {kind:9}" + "   ".join(cells))
    print("  resident  " + "   ".join(f"{name} {results[name, 'rss'] / 1024:.1f} MB" for name in names))


def serve(tools, headless=0, workers=1, changes=0):
    return [str(tools / "serve"), f"127.0.0.1:{PORT}", str(SERVICES), str(headless), str(workers), str(changes)]


def compare_workers(folder, tools, rounds, seconds):
    """One worker and two on the same core: what two cost more is what they share."""
    ratios, results = [], {1: [], 2: []}
    for _ in range(rounds):
        for workers, values in results.items():
            with Server(serve(tools, workers=workers)) as server:
                values.append(measure(server, folder, "mix", seconds, "-c", "32")[0])
        ratios.append(results[2][-1] / results[1][-1])
    one, two = (statistics.median(values) for values in results.values())
    print(f"workers: 1 {one:.2f} µs/query, 2 {two:.2f} µs/query, median ratio {statistics.median(ratios):.2f}x")


def compare_edns(folder, tools, rounds, seconds):
    """A query with EDNS is told why there is no record; that may cost 1.15 times the query without."""
    ratios = []
    with Server(serve(tools)) as server:
        for _ in range(rounds):
            plain = measure(server, folder, "nxdomain", seconds)[0]
            ratios.append(measure(server, folder, "nxdomain", seconds, "-e")[0] / plain)
    print(f"nxdomain: with EDNS and its reason, against without: best {min(ratios):.2f}x, "
          f"median {statistics.median(ratios):.2f}x")


def latency(folder, tools, seconds):
    """At 50 000 q/s, while endpoints change; the bare responder and no changes tell what the machine adds."""
    runs = {"bare": [str(tools / "bare"), f"127.0.0.1:{PORT}"],
            "fairlead, 0 changes/s": serve(tools, headless=SERVICES),
            "fairlead, 100 changes/s": serve(tools, headless=SERVICES, changes=100)}
    for name, command in runs.items():
        with Server(command) as server:
            out = dnsperf(folder, "mix", seconds, "-Q", "50000", "-v")
            print(f"50 000 q/s, {name}: {percentiles(out)}, {completed(out) / seconds:.0f} q/s done,"
                  f" resident {rss_kib(server.process.pid) / 1024:.1f} MB")


def publish(tools):
    """One changed service must cost the same at any number of services."""
    for count in (100, 10_000, 30_000):
        print("publish at " + subprocess.run([*FIRST, "taskset", "-c", "0", tools / "publish", str(count)],
                                             stdout=subprocess.PIPE, text=True, check=True).stdout, end="")


def percentiles(out):
    """From the lines that dnsperf -v prints for every reply: "> RCODE NAME TYPE SECONDS"."""
    times = sorted(float(line.rsplit(" ", 1)[1]) for line in out.splitlines() if line.startswith("> "))
    return ", ".join(f"p{p} {times[int(len(times) * p / 100)] * 1000:.3f} ms" for p in (50, 99, 99.9))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", type=Path, required=True, help="folder of bare and serve")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--only", choices=["servers", "workers", "edns", "latency", "publish"], action="append")
    options = parser.parse_args()
    if os.environ.get("FAIRLEAD_BENCH_NETNS") is None:
        os.environ["FAIRLEAD_BENCH_NETNS"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for tool in ("dnsperf", "dig", "taskset"):
        if shutil.which(tool) is None:
            sys.exit(f"bench-dns: needs {tool} (apt-get install dnsperf bind9-dnsutils util-linux)")
    only = options.only or ["servers", "workers", "edns", "publish", "latency"]
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_queries(folder)
        write_zone(folder)
        if "servers" in only:
            compare_servers(folder, options.tools, options.rounds, options.seconds)
        if "workers" in only:
            compare_workers(folder, options.tools, options.rounds, options.seconds)
        if "edns" in only:
            compare_edns(folder, options.tools, options.rounds, options.seconds)
        if "publish" in only:
            publish(options.tools)
        if "latency" in only:
            latency(folder, options.tools, 5)


if __name__ == "__main__":
    main()
