#!/usr/bin/env python3
"""
How fast manifests become kernel state: time from the start of the daemon to the full state, time from the rename of a
file to the kernel commit of one endpoint flip, and memory. Prints one table. usage: bench/sync.py [--services N]

Measured from outside: the full state is there when a connection to the last service works (the daemon commits all or
nothing) and the number of elements is checked afterwards; a flip is over when the kernel announces the generation that
has it (nf_tables notification). The baseline of the same run is the nft program with the same elements.
"""
import argparse
import json
import os
import platform
import re
import socket
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests/kernel"))
import lab  # noqa: E402
import manifests as m  # noqa: E402
import traffic  # noqa: E402

NFNLGRP_NFTABLES, NFT_MSG_NEWGEN, NFNL_SUBSYS_NFTABLES = 7, 15, 10
LAST_VIP, LAST_POD = "10.99.255.1", "10.244.0.10"

FORMS = ("file-per-service.json", "file-per-service.yaml", "one-list.json", "one-list.yaml", "one-file.yaml")


def make_service(number, ready=True):
    """Service N with ten endpoints; addresses are never dialled, but for those of the last service."""
    vip = f"10.{100 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
    endpoints = [m.endpoint(f"10.{200 + n}.{number // 250}.{number % 250 + 1}", ready=ready or n > 0,
                            nodeName=f"node-{n}") for n in range(10)]
    return (m.service(f"service-{number}", vip, [m.port(80, "http", target=8080)], selector={"app": f"a-{number}"}),
            m.slice(f"service-{number}", endpoints, [("http", 8080)]))


def last_service():
    return m.service("last", LAST_VIP, [80]), m.slice("last", [LAST_POD], [8080])


def yaml_of(value, indent=0):
    """As kubectl would write it, near enough: block style, sorted keys."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{k}:{block(v, indent)}" for k, v in sorted(value.items()))
    return "".join(f"{pad}-{yaml_of(v, indent + 1)[len(pad) + 1:]}" if isinstance(v, dict) else f"{pad}- {scalar(v)}\n"
                   for v in value)


def block(value, indent):
    if isinstance(value, dict) and value:
        return "\n" + yaml_of(value, indent + 1)
    if isinstance(value, list) and value:
        return "\n" + yaml_of(value, indent)
    return f" {scalar(value)}\n"


def scalar(value):
    if isinstance(value, str) and (not value or re.search(r"[:{}\[\],&*#?|<>=!%@`\"']|^[\d.]+$|^(true|false|null|None)$", value)):
        return json.dumps(value)
    return json.dumps(value) if not isinstance(value, str) else value


def write(path, objects):
    """Replaces a file by rename; returns the moment of the rename."""
    if path.suffix == ".json":  # a List, as `kubectl get -o json` prints
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    elif path.stem == "list":
        text = yaml_of({"apiVersion": "v1", "kind": "List", "items": objects})
    else:
        text = "---\n".join(yaml_of(o) for o in objects)
    temporary = path.parent.parent / "new"
    temporary.write_text(text)
    moment = time.perf_counter()
    os.rename(temporary, path)
    return moment


class Commits:
    """Kernel commits in a namespace, as the kernel announces them."""

    def __init__(self, ns):
        self.sock = ns.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12)
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.sock.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))

    def drain(self):
        self.sock.setblocking(False)
        try:
            while True:
                self.sock.recv(1 << 20)
        except (BlockingIOError, OSError):
            pass

    def wait(self, limit_s=120):
        """The moment at which a new generation was announced."""
        self.sock.setblocking(True)
        self.sock.settimeout(limit_s)
        while True:
            data, at = self.sock.recv(1 << 20), 0
            now = time.perf_counter()
            while at + 16 <= len(data):
                size, kind = struct.unpack_from("=IH", data, at)
                if kind == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN):
                    return now
                at += (size + 3) & ~3


class Run:
    """One daemon on one form of the manifests."""

    def __init__(self, the_lab, form, services):
        self.lab, self.form, self.count = the_lab, form, services
        self.node = the_lab.node(f"node-{form.replace('.', '-')}")
        self.pod = the_lab.pod(self.node, f"pod-{form.replace('.', '-')}", LAST_POD)
        the_lab.servers.tcp(self.pod, "last", 8080)
        self.path = the_lab.folder / form / "manifests"
        self.path.mkdir(parents=True)
        self.suffix = "." + form.rsplit(".")[-1]
        self.single = {"one-file": "all", "one-list": "list"}.get(form.split(".")[0])

    def write_all(self):
        if self.single:
            objects = [o for n in range(self.count) for o in make_service(n)]
            write(self.path / f"{self.single}{self.suffix}", objects + list(last_service()))
            return
        for n in range(self.count):
            write(self.path / f"service-{n}{self.suffix}", list(make_service(n)))
        write(self.path / f"zz-last{self.suffix}", list(last_service()))

    def start(self):
        """Seconds from the start of the process to a connection through the last service."""
        self.daemon = self.lab.daemon(self.node, self.path, "--node-name", "node-0", "--nodeport-addresses", "primary",
                                      "--dns-listen", "127.0.0.1", start=False)
        begin = time.perf_counter()
        self.daemon.start(ready=False)
        while traffic.connect(self.node, LAST_VIP, 80, limit_s=0.05).outcome != "ok":
            if time.perf_counter() - begin > 120 or self.daemon.process.poll() is not None:
                raise SystemExit(f"{self.form}: no full state\n{self.daemon.log()[-3000:]}")
            time.sleep(0.002)
        return time.perf_counter() - begin

    def elements(self):
        text = self.node.nft("list", "table", "inet", "fairlead")
        return len(re.findall(r"10\.\d+\.\d+\.\d+ \. tcp \. 80 \. \d+", text)), text

    def flips(self, count):
        """Milliseconds from rename to commit, for one endpoint of one service that turns not ready and ready again."""
        commits, times = Commits(self.node), []
        for turn in range(count):
            number, ready = (turn // 2 * 37) % self.count, bool(turn % 2)
            objects = list(make_service(number, ready))
            name = f"service-{number}"
            if self.single:
                objects = [o for n in range(self.count) for o in make_service(n, ready or n != number)]
                objects += list(last_service())
                name = self.single
            commits.drain()
            begin = write(self.path / f"{name}{self.suffix}", objects)
            times.append((commits.wait() - begin) * 1000)
        return times

    def cpu_s(self):
        """User and system time of the daemon so far: unlike the clock, the same on a busy machine."""
        fields = Path(f"/proc/{self.daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self):
        status = Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return [int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024 for field in ("VmRSS", "VmHWM")]


def quantile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def nft_baseline(the_lab, text, flips):
    """The nft program with the same maps: seconds to load them, milliseconds to replace one element."""
    ns = the_lab.ns("baseline")
    path = the_lab.folder / "baseline.nft"
    # without the rules: nft 1.0.6 prints some that it cannot read back
    path.write_text(re.sub(r"(\tchain [\w-]+ \{\n).*?(\n\t\}\n)", r"\1\2", text, flags=re.S))
    begin = time.perf_counter()
    ns.run("nft", "-f", path, limit_s=600)
    load_s = time.perf_counter() - begin
    match = re.search(r"map (endpoints4) \{.*?(10\.\d+\.\d+\.\d+ \. tcp \. 80 \. \d+)[^:,]* : (10[\d.]+ \. \d+)", text, re.S)
    name, key, value = match[1], match[2], match[3]
    times = []
    for _ in range(flips):
        begin = time.perf_counter()
        ns.run("nft", f"delete element inet fairlead {name} {{ {key} }}; add element inet fairlead {name} {{ {key} : {value} }}")
        times.append((time.perf_counter() - begin) * 1000)
    return load_s, times


def version_of(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], stdout=subprocess.PIPE, text=True)
    return f"{package} {done.stdout or 'not installed'}"


def main():
    parser = argparse.ArgumentParser(description="How fast manifests become kernel state.")
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--only", default="", help="only the forms of manifests whose name has this word")
    options = parser.parse_args()
    count = options.services
    print(f"kernel {platform.release()}, {os.cpu_count()} cores, " +
          ", ".join(map(version_of, ("libnftnl11", "libmnl0", "libfyaml0", "libcjson1", "nftables"))))
    print(f"{count} services x 10 endpoints, one node, from --manifests; load of the machine {os.getloadavg()[0]:.1f}\n")
    print(f"{'manifests':28} {'full state':>11} {'its CPU':>8} {'flip p50':>9} {'p90':>8} {'p99':>8} {'RSS':>8} {'peak':>8}   n")
    text = ours = None
    with lab.Lab() as the_lab:
        for form in FORMS:
            if options.only not in form:
                continue
            run = Run(the_lab, form, count)
            run.write_all()
            start_s = run.start()
            run.daemon.wait_ready()
            cpu_s = run.cpu_s()
            rss, peak = run.memory_mb()
            found, listing = run.elements()
            if found != count * 10 + 1:
                raise SystemExit(f"{form}: {found} endpoint elements in the kernel, {count * 10 + 1} expected")
            text = text or listing
            times = run.flips(options.flips if not run.single else 6)
            print(f"{form:28} {start_s:9.2f} s {cpu_s:6.2f} s {statistics.median(times):6.2f} ms {quantile(times, .9):5.2f} ms "
                  f"{quantile(times, .99):5.2f} ms {rss:5.1f} MB {peak:5.1f} MB {len(times):3}", flush=True)
            run.daemon.stop()
            run.node.run(run.daemon.program, "cleanup")
            ours = ours or (form, start_s, statistics.median(times))
        load_s, times = nft_baseline(the_lab, text, 5)
    print(f"{'baseline: nft, same table':28} {load_s:9.2f} s {'':>8} {statistics.median(times):6.2f} ms")
    print(f"\n{ours[0]} against the baseline: full state in {ours[1] / load_s:.2f} of its time, with reading the "
          f"manifests; one flip in {ours[2] / statistics.median(times):.3f}")


if __name__ == "__main__":
    main()
