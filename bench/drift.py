#!/usr/bin/env python3
"""
How fast a foreign change of the table is repaired: from the foreign commit to the daemon's last one, both as the kernel
announces them to us (a repair may be over before we are awake: then 0.0), and the sync alone by the daemon's own clock.
Prints one table. usage: bench/drift.py [--services N] [--repeats N] [--only WORD]

Repairs soon after each other wait on purpose (proxy/sync.c, FOREIGN_QUIET_MS), so there is a pause before each.
"""
import argparse
import ctypes
import re
import select
import socket
import statistics
import struct
import time

import scale  # first: finds the rest
import lab
import manifests as m

NEWGEN = scale.NFNL_SUBSYS_NFTABLES << 8 | scale.NFT_MSG_NEWGEN
SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
QUIET_S = 11
KEY = "10.100.0.8 . tcp . 80"  # of service 7

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


class Generations:
    """Moments at which a commit in a namespace was announced."""

    def __init__(self, ns):
        self.sock = ns.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12)
        # nothing but NEWGEN: load half-word 4 (nlmsg_type; loads are in network order), compare, keep or drop
        kind = socket.ntohs(NEWGEN)
        code = b"".join(struct.pack("=HBBI", *op) for op in ((0x28, 0, 0, 4), (0x15, 0, 1, kind), (0x06, 0, 0, 0xffffffff),
                                                             (0x06, 0, 0, 0)))
        self.code = bytearray(code)
        address = (ctypes.c_char * len(code)).from_buffer(self.code)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                             struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(address)))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.sock.bind((0, 1 << (scale.NFNLGRP_NFTABLES - 1)))
        self.sock.setblocking(False)

    def until(self, done, limit_s=60):
        """All of them until done(), which is asked when none came for a while."""
        moments, end = [], time.perf_counter() + limit_s
        while True:
            if select.select([self.sock], [], [], 0.02)[0]:
                self.sock.recv(65536)
                moments.append(time.perf_counter())
            elif done():
                return moments
            elif time.perf_counter() > end:
                raise SystemExit("not repaired")


def measure(node, daemon, lines):
    """Milliseconds, how many commits the repair took, CPU milliseconds of the daemon, milliseconds of its sync."""
    def repairs():
        return re.findall(r"repaired with.*", daemon.log())

    before, cpu_s = len(repairs()), scale.cpu_s(daemon)
    generations = Generations(node)
    path = daemon.folder / "change.nft"
    path.write_text(lines + "\n")
    nft = node.popen("nft", "-f", path)
    moments = generations.until(lambda: len(repairs()) > before)
    nft.wait()
    cpu_s = scale.cpu_s(daemon) - cpu_s
    return (moments[-1] - moments[0]) * 1000, len(moments) - 1, cpu_s * 1000, float(repairs()[-1].split()[-2])


def main():
    parser = argparse.ArgumentParser(description="How fast a foreign change is repaired.")
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="only the changes whose name has this word")
    options = parser.parse_args()
    print(f"{scale.machine('nftables', 'libnftnl11', 'libmnl0')}; {options.services} services x 10 endpoints\n")
    print(f"{'foreign change':28} {'repaired':>11} {'slowest':>11} {'its sync':>10} {'its CPU':>9} {'commits':>8}")
    with lab.Lab() as the_lab:
        node = the_lab.node()
        folder = m.Folder(the_lab.folder / "m")
        folder.put("all", *[o for n in range(options.services) for o in scale.make_service(n)])
        daemon = the_lab.daemon(node, folder)
        for name, lines in CASES:
            if options.only not in name:
                continue
            runs = []
            for _ in range(options.repeats):
                time.sleep(QUIET_S)
                runs.append(measure(node, daemon, lines))
            times = [run[0] for run in runs]
            print(f"{name:28} {statistics.median(times):8.1f} ms {max(times):8.1f} ms "
                  f"{statistics.median(run[3] for run in runs):7.2f} ms {statistics.median(run[2] for run in runs):6.0f} ms {runs[-1][1]:8}", flush=True)


if __name__ == "__main__":
    main()
