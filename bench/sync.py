#!/usr/bin/env python3
"""
How fast manifests become kernel state: time from the start of the daemon to the full state, time from the rename of a
file to the kernel commit of one endpoint flip, and memory. Prints one table. usage: bench/sync.py [--services N]

Measured from outside: the full state is there when a connection to the last service works (the daemon commits all or
nothing) and the number of elements is checked afterwards; a flip is over when the kernel announces the generation that
has it (nf_tables notification). The baseline of the same run is the nft program with the same endpoint elements in one map, loaded
right after each start of the daemon; the bar is the ratio of the best such pair. Also: nft with the whole table.
"""
import argparse
import json
import os
import re
import statistics
import time

import scale  # first: finds the rest
import lab
import manifests as m
import traffic

LAST_VIP, LAST_POD = "10.99.255.1", "10.244.0.10"

FORMS = ("file-per-service.json", "file-per-service.yaml", "one-list.json", "one-list.yaml", "one-file.yaml")


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


class Run(scale.Followed):
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
            objects = [o for n in range(self.count) for o in scale.make_service(n)]
            write(self.path / f"{self.single}{self.suffix}", objects + list(last_service()))
            return
        for n in range(self.count):
            write(self.path / f"service-{n}{self.suffix}", list(scale.make_service(n)))
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

    def change(self, number, lost):
        objects, name = list(scale.make_service(number, lost)), f"service-{number}"
        if self.single:
            objects = [o for n in range(self.count) for o in scale.make_service(n, lost if n == number else None)]
            objects += list(last_service())
            name = self.single
        return write(self.path / f"{name}{self.suffix}", objects)


def endpoint_map(text):
    """A table with the map of endpoints alone, without the counters that fairlead asks for."""
    block = re.search(r"\tmap endpoints4 \{\n.*?\n\t\}\n", text, re.S)[0]
    block = re.sub(r"\n\t\tcounter(?=\n)| counter packets \d+ bytes \d+", "", block)
    return "table inet fairlead {\n" + block + "}\n"


def without_rules(text):
    """nft 1.0.6 prints some rules that it cannot read back."""
    return re.sub(r"(\tchain [\w-]+ \{\n).*?(\n\t\}\n)", r"\1\2", text, flags=re.S)


class Baseline:
    """The nft program with what fairlead had in the kernel."""

    def __init__(self, the_lab):
        self.ns, self.path = the_lab.ns("baseline"), the_lab.folder / "baseline.nft"

    def load(self, text):
        """Seconds to load a table; it stays."""
        self.ns.run("nft", "flush", "ruleset")
        self.path.write_text(text)
        begin = time.perf_counter()
        self.ns.run("nft", "-f", self.path, limit_s=600)
        return time.perf_counter() - begin

    def flips(self, text, count):
        """Milliseconds to replace one element of the loaded table."""
        match = re.search(r"(10\.\d+\.\d+\.\d+ \. tcp \. 80 \. \d+)[^:,]* : (10[\d.]+ \. \d+)",
                          endpoint_map(text), re.S)
        key, value, times = match[1], match[2], []
        for _ in range(count):
            begin = time.perf_counter()
            self.ns.run("nft", f"delete element inet fairlead endpoints4 {{ {key} }}; "
                        f"add element inet fairlead endpoints4 {{ {key} : {value} }}")
            times.append((time.perf_counter() - begin) * 1000)
        return times


def starts(run, baseline, repeats):
    """Starts the daemon with an empty kernel, again and again, each time with the baseline behind it. → ([(seconds, seconds
    of the baseline)], the table's listing); the daemon runs at the end."""
    pairs, text = [], None
    for n in range(repeats):
        if n:
            run.daemon.stop()
            run.node.run(run.daemon.program, "cleanup")
        start_s = run.start()
        run.daemon.wait_ready()
        if text is None:
            found, text = run.elements()
            if found != run.count * 10 + 1:
                raise SystemExit(f"{run.form}: {found} endpoint elements in the kernel, {run.count * 10 + 1} expected")
        pairs.append((start_s, baseline.load(endpoint_map(text))))
    return pairs, text


def main():
    parser = argparse.ArgumentParser(description="How fast manifests become kernel state.")
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3, help="starts of each form; the best counts")
    parser.add_argument("--only", default="", help="only the forms of manifests whose name has this word")
    options = parser.parse_args()
    count, worst = options.services, 0
    print(scale.machine("libnftnl11", "libmnl0", "libyaml-0-2", "libcjson1", "nftables"))
    print(f"{count} services x 10 endpoints, one node, from --manifests\n")
    print(f"{'manifests':28} {'full state':>11} {'its CPU':>8} {'of nft':>7} {'flip p50':>9} {'p90':>8} {'p99':>8} {'RSS':>8} "
          f"{'peak':>8}   n")
    with lab.Lab() as the_lab:
        baseline = Baseline(the_lab)
        for form in FORMS:
            if options.only not in form:
                continue
            run = Run(the_lab, form, count)
            run.write_all()
            pairs, text = starts(run, baseline, options.repeats)
            start_s, nft_s = min(pairs, key=lambda pair: pair[0] / pair[1])
            cpu_s = scale.cpu_s(run.daemon)
            rss, peak = scale.memory_mb(run.daemon)
            times = run.flips(options.flips if not run.single else 6)
            print(f"{form:28} {start_s:9.2f} s {cpu_s:6.2f} s {start_s / nft_s:7.2f} {statistics.median(times):6.2f} ms "
                  f"{scale.quantile(times, .9):5.2f} ms {scale.quantile(times, .99):5.2f} ms {rss:5.1f} MB {peak:5.1f} MB {len(times):3}", flush=True)
            run.daemon.stop()
            run.node.run(run.daemon.program, "cleanup")
            worst = max(worst, start_s / nft_s)
        load_s = baseline.load(without_rules(text))
        nft_ms = statistics.median(baseline.flips(text, 5))
    print(f"{'baseline: nft, one map':28} {nft_s:9.2f} s")
    print(f"{'          nft, same table':28} {load_s:9.2f} s {'':>16} {nft_ms:6.2f} ms")
    print(f"\nfull state against nft -f with the same endpoint elements in one map: {worst:.2f} (bar 1.5: "
          f"{'met' if worst <= 1.5 else 'not met'})")


if __name__ == "__main__":
    main()
