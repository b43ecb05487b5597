#!/usr/bin/env python3
"""
How fast an API server's word becomes kernel state, and what it costs: time from start to the full state, time from an
event going out on the server's socket to the kernel commit, memory, CPU when idle, and an outage. Prints one table and
the bars. usage: bench/watch.py [--outage SECONDS] [--idle SECONDS]

The server is tests/apiserver.py in a process of its own on the same machine. A change is over when the kernel announces
the generation that has it. Clocks: one CLOCK_MONOTONIC for all.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

import scale  # first: finds the rest
import lab


class Server:
    """tests/apiserver.py in a namespace."""

    def __init__(self, ns):
        self.process = ns.popen(sys.executable, str(scale.TOP / "tests/apiserver.py"), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


class Run(scale.Followed):
    """One daemon that follows a server with `count` services of ten endpoints."""

    def __init__(self, the_lab, count):
        self.count = count
        self.node = the_lab.node(f"node-{count}")
        self.server = Server(self.node)
        objects = [{"kind": "Namespace", "metadata": {"name": "default"}}, {"kind": "Node", "metadata": {"name": "node-0"}}]
        objects += [o for n in range(count) for o in scale.make_service(n)]
        path = the_lab.folder / f"objects-{count}.json"
        path.write_text(json.dumps(objects))
        self.server.order(load=str(path))
        folder = the_lab.folder / f"daemon-{count}"
        folder.mkdir()
        self.daemon = lab.Daemon(self.node, ["--apiserver", f"http://127.0.0.1:{self.server.port}", "--node-name", "node-0",
                                             "--dns-listen", "127.0.0.1", "--state-dir", folder], folder)
        the_lab.daemons.append(self.daemon)

    def start(self):
        """Seconds from the start of the process to everything in the kernel."""
        begin = time.perf_counter()
        self.daemon.start(ready=False)
        while self.daemon.call("status", "--wait", "60s", check=False).returncode != 0:
            if self.daemon.process.poll() is not None:
                raise SystemExit(self.daemon.log()[-3000:])
        return time.perf_counter() - begin

    def change(self, number, lost):
        """The moment is that of the event on the socket."""
        return self.server.order(put=[scale.make_service(number, lost)[1]]) / 1e9

    def idle_percent(self, seconds):
        time.sleep(2)
        before = scale.cpu_s(self.daemon)
        time.sleep(seconds)
        return (scale.cpu_s(self.daemon) - before) / seconds * 100

    def outage(self, seconds):
        """→ (nothing changed while the server was away, seconds from its return until a change is in the kernel)."""
        before = self.endpoints()
        self.server.order(stop=1)
        back = time.perf_counter() + seconds
        self.change(0, lost=0)
        same = True
        while time.perf_counter() < back:
            time.sleep(min(5, max(0, back - time.perf_counter())))
            same = same and self.endpoints() == before
        commits = scale.Commits(self.node)
        self.server.order(start=1)
        begin = time.perf_counter()
        took_s = commits.wait() - begin
        return same and self.endpoints() != before, took_s


def bar(name, value, limit, unit):
    print(f"{'ok  ' if value <= limit else 'OVER'} {name}: {value:.2f} {unit} (bar {limit} {unit})")


def main():
    parser = argparse.ArgumentParser(description="How fast an API server's word becomes kernel state.")
    parser.add_argument("--outage", type=float, default=60)
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--flips", type=int, default=400)
    options = parser.parse_args()
    print(scale.machine("libcurl4", "libcjson1", "libnftnl11", "libev4"))
    print("services x 10 endpoints each, API server on the same machine, HTTP/1.1 without TLS\n")
    print(f"{'services':>8} {'full state':>11} {'change p50':>11} {'p90':>8} {'p99':>8} {'RSS':>9} {'peak':>9}")
    medians = {}
    with lab.Lab() as the_lab:
        for count in (1000, 30000, 10000):
            run = Run(the_lab, count)
            start_s = run.start()
            found = sum(map(len, run.endpoints().values()))
            if found != count * 10:
                raise SystemExit(f"{found} endpoint elements in the kernel, {count * 10} expected")
            times = run.flips(options.flips)
            rss, peak = scale.memory_mb(run.daemon)
            medians[count] = statistics.median(times)
            print(f"{count:8} {start_s:9.2f} s {medians[count]:8.2f} ms {scale.quantile(times, .9):5.2f} ms "
                  f"{scale.quantile(times, .99):5.2f} ms {rss:6.1f} MB {peak:6.1f} MB", flush=True)
            if count == 10000:
                idle = run.idle_percent(options.idle)
                same, back_s = run.outage(options.outage)
            run.daemon.stop()
            run.server.end()
    print()
    bar("10 000 services: start to everything in the kernel", start_s, 3, "s")
    bar("peak resident memory", peak, 90, "MB")
    bar("steady resident memory", rss, 70, "MB")
    bar("one endpoint change, median", medians[10000], 2, "ms")
    bar("one endpoint change, p99", scale.quantile(times, .99), 5, "ms")
    bar("median at 1 000 and 30 000 against 10 000", max(abs(medians[n] / medians[10000] - 1) * 100 for n in (1000, 30000)),
        20, "%")
    bar("idle CPU", idle, 0.1, "% of a core")
    bar(f"in sync again after {options.outage:.0f} s without server", back_s, 2, "s")
    print(f"{'ok  ' if same else 'OVER'} rules while the server was away: {'unchanged' if same else 'changed'}")


if __name__ == "__main__":
    main()
