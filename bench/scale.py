"""
What the benches of the whole daemon share: the services they fill a cluster with, one changed endpoint at a time, and
what is measured from outside: kernel commits, CPU, memory. sync.py, watch.py and changes.py follow different sources.
"""
import os
import platform
import re
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOP / "tests"), str(TOP / "tests/kernel")]
import manifests as m  # noqa: E402

NFNLGRP_NFTABLES, NFT_MSG_NEWGEN, NFNL_SUBSYS_NFTABLES = 7, 15, 10
ENDPOINTS = 10


def vip_of(number):
    return f"10.{100 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"


def endpoint_of(number, n):
    """Address of the n-th endpoint of a service; never dialled."""
    return f"10.{200 + n}.{number // 250}.{number % 250 + 1}"


def make_service(number, lost=None):
    """Service and slice of the service with this number; its endpoint `lost` is not ready."""
    endpoints = [m.endpoint(endpoint_of(number, n), ready=n != lost, nodeName=f"node-{n}") for n in range(ENDPOINTS)]
    return (m.service(f"service-{number}", vip_of(number), [m.port(80, "http", target=8080)],
                      selector={"app": f"a-{number}"}),
            m.slice(f"service-{number}", endpoints, [("http", 8080)]))


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


class Followed:
    """
    One daemon that follows a source with `count` services. Who inherits has `node`, `daemon` and `change(number, lost)`,
    which tells the source of a service and returns the moment at which it did.
    """

    def flips(self, count):
        """Milliseconds from a change to the commit, for one endpoint of a service that goes and comes back."""
        commits, times = Commits(self.node), []
        for turn in range(count):
            commits.drain()
            begin = self.change(turn // 2 * 37 % self.count, None if turn % 2 else 0)
            times.append((commits.wait() - begin) * 1000)
        return times

    def endpoints(self):
        """{VIP: addresses of its endpoints} in the kernel."""
        text, out = self.node.run("nft", "list", "map", "inet", "fairlead", "endpoints4", limit_s=300).stdout, {}
        for vip, addr in re.findall(r"(10\.\d+\.\d+\.\d+) \. tcp \. 80 \. \w+[^:,]* : (10\.[\d.]+) \.", text):
            out.setdefault(vip, []).append(addr)
        return out


def cpu_s(daemon):
    """User and system time of a daemon so far: unlike the clock, the same on a busy machine."""
    tasks = Path(f"/proc/{daemon.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory_mb(daemon):
    """Resident, and at its peak."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return [int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024 for field in ("VmRSS", "VmHWM")]


def quantile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def version_of(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL)
    return f"{package} {done.stdout or 'not installed'}"


def machine(*packages):
    """Whose figures these are: kernel, cores, load and versions."""
    commit = subprocess.run(["git", "-C", TOP, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return (f"fairlead {commit.stdout.strip() or '?'}, kernel {platform.release()}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f}, " + ", ".join(map(version_of, packages)))
