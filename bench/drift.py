#!/usr/bin/env python3
"""
How fast another program's change of the table is repaired: from its commit, as the kernel announces it, to the first
connection through a ClusterIP, and to the daemon's line about the repair; and the sync alone by the daemon's own clock.
Prints one table.
usage: bench/drift.py [--services N] [--repeats N] [--only WORD]

Repairs soon after each other wait on purpose (proxy/drift.c, QUIET_MS), so there is a pause before each.
"""
import argparse
import ctypes
import datetime
import socket
import statistics
import struct
import time

import scale  # first: finds the rest
import lab
import manifests as m

NEWGEN = scale.NFNL_SUBSYS_NFTABLES << 8 | scale.NFT_MSG_NEWGEN
SO_ATTACH_FILTER = 26
QUIET_S = 11
KEY = "10.100.0.8 . tcp . 80"  # of service 7
VIP = "10.250.0.1"  # of a service on the node itself; the last one in every map
CONNECT_S = 0.004  # an answer takes a tenth of a millisecond; without rules there is none

# name, lines for `nft -f`
CASES = (
    ("element deleted", f"delete element inet fairlead endpoints4 {{ {KEY} . 4 }}"),
    ("element changed", f"delete element inet fairlead dispatch4 {{ {KEY} }}\n"
                        f"add element inet fairlead dispatch4 {{ {KEY} : drop }}"),
    ("element added", "add element inet fairlead cluster-ips4 { 10.96.9.9 }"),
    ("1000 elements deleted", "".join(f"delete element inet fairlead endpoints4 {{ 10.100.{n // 250}.{n % 250 + 1} "
                                      f". tcp . 80 . 3 }}\n" for n in range(1000))),
    ("rule added", "insert rule inet fairlead prerouting counter"),
    ("all rules flushed", "flush table inet fairlead"),
    ("map flushed: cluster-ips4", "flush set inet fairlead cluster-ips4"),
    ("map flushed: dispatch4", "flush map inet fairlead dispatch4"),
    ("map flushed: endpoints4", "flush map inet fairlead endpoints4"),
    ("table deleted", "delete table inet fairlead"),
    ("ruleset flushed", "flush ruleset"),
)


def next_commit(ns, act):
    """The wall clock's time of the first commit that is announced after act(). We listen no longer than that:
    for listeners the kernel makes a notification of every element, which costs a third of a load."""
    with ns.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12) as sock:
        # nothing but NEWGEN: load half-word 4 (nlmsg_type; loads are in network order), compare, keep or drop
        ops = ((0x28, 0, 0, 4), (0x15, 0, 1, socket.ntohs(NEWGEN)), (0x06, 0, 0, 0xffffffff), (0x06, 0, 0, 0))
        code = bytearray(b"".join(struct.pack("=HBBI", *op) for op in ops))
        address = ctypes.addressof((ctypes.c_char * len(code)).from_buffer(code))
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxP", len(ops), address))
        sock.bind((0, 1 << (scale.NFNLGRP_NFTABLES - 1)))
        sock.settimeout(60)
        act()
        sock.recv(65536)
        return time.time()


def first_connection(ns):
    """The wall clock's time of it."""
    while True:
        with ns.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(CONNECT_S)
            if sock.connect_ex((VIP, 80)) == 0:
                return time.time()


def measure(node, daemon, lines):
    """Milliseconds to the first connection, to the repair, of the sync by its own clock, and of CPU."""
    def repairs():
        return [line for line in daemon.log().splitlines() if "repaired with" in line]

    before, cpu_s = len(repairs()), scale.cpu_s(daemon)
    path = daemon.folder / "change.nft"
    path.write_text(lines + "\n")
    changed = next_commit(node, lambda: node.popen("nft", "-f", path))
    connected = first_connection(node)
    line = lab.wait_until(lambda: (x := repairs()) and len(x) > before and x[-1], every_s=0.05)
    repaired = datetime.datetime.fromisoformat(line.split()[0]).timestamp()
    return ((connected - changed) * 1000, max(0, repaired - changed) * 1000, float(line.split()[-2]),
            (scale.cpu_s(daemon) - cpu_s) * 1000)


def main():
    parser = argparse.ArgumentParser(description="How fast an external change is repaired.")
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="only the changes whose name has this word")
    options = parser.parse_args()
    print(f"{scale.machine('nftables', 'libnftnl11', 'libmnl0')}; {options.services} services x 10 endpoints\n")
    print(f"{'external change':28} {'connected':>10} {'repaired':>10} {'slowest':>10} {'its sync':>11} {'its CPU':>9}")
    with lab.Lab() as the_lab:
        node = the_lab.node()
        folder = m.Folder(the_lab.folder / "m")
        folder.put("all", *[o for n in range(options.services) for o in scale.make_service(n)],
                   m.service("here", VIP, [m.port(80, "http", target=8080)]),
                   m.slice("here", [node.addrs[0]], [("http", 8080)]))
        the_lab.servers.tcp(node, "here", 8080)
        daemon = the_lab.daemon(node, folder)
        for name, lines in CASES:
            if options.only not in name:
                continue
            runs = []
            for _ in range(options.repeats):
                time.sleep(QUIET_S)
                runs.append(measure(node, daemon, lines))
            connects, times, syncs, cpus = zip(*runs)
            print(f"{name:28} {statistics.median(connects):7.0f} ms {statistics.median(times):7.0f} ms {max(times):7.0f} ms "
                  f"{statistics.median(syncs):8.2f} ms {statistics.median(cpus):6.0f} ms", flush=True)


if __name__ == "__main__":
    main()
