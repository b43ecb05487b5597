"""The lab of the kernel tests: network namespaces joined by veth pairs, and the daemon inside one of them.

    with Lab() as lab:
        node = lab.node()                                  # forwards; 192.168.0.2, fd00:0::2
        pod = lab.pod(node, "web-0", "10.244.0.10", "fd00:244::10")
        client = lab.host(node, "client", "192.168.0.1", "fd00:0::1")
        daemon = lab.daemon(node, manifests)               # fairlead run …, waits for the first full sync

Everything that crosses the kernel happens in namespaces named fl-PID-…, so tests can run side by side and the host's
own tables and addresses stay as they are. A Lab removes what it made when it is left, at exit and on signals; what a
killed test left behind is swept by the next one. Traffic is in traffic.py, objects are in manifests.py.
"""
import atexit
import contextlib
import ctypes
import ipaddress
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import patience
import traffic

LIMIT_S = 30 * patience.FACTOR  # generous: for conditions that come true within milliseconds on an idle machine
BUILD = Path(os.environ.get("FAIRLEAD_BUILD", Path(__file__).resolve().parents[2] / "build"))
CLONE_NEWNET = 0x40000000
GATEWAY4, GATEWAY6 = "169.254.1.1", "fe80::1"
_libc = ctypes.CDLL(None, use_errno=True)


def wait_until(condition, limit_s=LIMIT_S, what="condition", every_s=0.01):
    """Calls condition until it returns something true, and returns that."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not true within {limit_s} s, last value {value!r}")
        time.sleep(every_s)


def equals_within(get, want, limit_s=LIMIT_S):
    """Waits until get() == want; the message of the failure shows what it was instead."""
    last = []

    def same():
        last[:] = [get()]
        return last[0] == want

    try:
        wait_until(same, limit_s)
    except AssertionError:
        raise AssertionError(f"within {limit_s} s: wanted {want!r}, still {last[0]!r}") from None


class Namespace:
    """One network namespace. run() and popen() start programs in it, socket() makes sockets in it."""

    def __init__(self, lab, short):
        self.lab, self.short = lab, short
        self.name = f"fl-{os.getpid()}-{lab.serial}-{short}"
        self.addrs = []  # as text, in order of adding
        call("ip", "netns", "add", self.name)
        self.ip("link set lo up")

    @contextlib.contextmanager
    def inside(self):
        """The calling thread is in this namespace while the block runs."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            yield self
        finally:
            _setns(home)
            os.close(there)
            os.close(home)

    def run(self, *command, check=True, limit_s=2 * LIMIT_S, input=None):
        """Runs a program here; returns the finished process with text stdout and stderr."""
        with self.inside():
            done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  errors="replace", timeout=limit_s, input=input,
                                  stdin=subprocess.DEVNULL if input is None else None)
        if check and done.returncode != 0:
            raise AssertionError(f"in {self.short}: {' '.join(map(str, command))}: exit {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def popen(self, *command, **kwargs):
        """Starts a program here; the Lab ends it."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        with self.inside():
            process = subprocess.Popen([str(c) for c in command], **kwargs)
        self.lab.processes.append(process)
        return process

    def ip(self, *lines):
        """Runs `ip` command lines here, in one batch."""
        call("ip", "-n", self.name, "-batch", "-", input="\n".join(lines) + "\n")

    def socket(self, family, kind, proto=0):
        with self.inside():
            return socket.socket(family, kind, proto)

    def sysctl(self, name, value):
        with self.inside():
            Path("/proc/sys", name.replace(".", "/")).write_text(str(value))

    def add_addr(self, addr, dev="lo", prefix=None):
        self.ip(_addr_line("add", addr, dev, prefix))
        self.addrs.append(addr)

    def del_addr(self, addr, dev="lo", prefix=None):
        self.ip(_addr_line("del", addr, dev, prefix))
        self.addrs.remove(addr)

    def nft(self, *command):
        """Stock nft here; returns what it prints."""
        return self.run("nft", *command).stdout

    def table(self, name="fairlead"):
        """What stock `nft -j list table inet NAME` prints, or None when there is no such table."""
        done = self.run("nft", "-j", "list", "table", "inet", name, check=False)
        if done.returncode != 0 and "No such file" in done.stderr:
            return None
        assert done.returncode == 0, f"nft list table inet {name}: exit {done.returncode} {done.stderr}"
        return json.loads(done.stdout)["nftables"]

    def elements(self, set_name, table="fairlead"):
        """The elements of one set or map as nft -j prints them."""
        done = self.run("nft", "-j", "list", "map", "inet", table, set_name, check=False)
        if done.returncode != 0:
            done = self.run("nft", "-j", "list", "set", "inet", table, set_name)
        for item in json.loads(done.stdout)["nftables"]:
            for kind in ("map", "set"):
                if kind in item:
                    return item[kind].get("elem", [])
        return []


class Daemon:
    """`fairlead run` in a namespace. Its log is kept and shown when something about it fails."""

    def __init__(self, ns, flags, folder, program=None):
        self.ns, self.flags, self.folder = ns, [str(f) for f in flags], Path(folder)
        if "--forward" not in self.flags:  # the host's resolv.conf is of no use in a namespace
            self.flags += ["--forward", "none"]
        if "--apiserver" in self.flags and "--dns-listen" not in self.flags:  # tests ask there; by itself only what is steered
            self.flags += ["--dns-listen", "127.0.0.1"]
        self.program = str(program or BUILD / "fairlead")
        self.control = str(self.folder / "control.sock")
        self.log_path = self.folder / "daemon.log"
        self.process, self.kept_log = None, ""
        self.launcher = ()  # what `run` is started with: a command in front of the program

    def start(self, ready=True):
        """Starts it; with ready, returns after the first full sync is in the kernel and DNS answers."""
        with open(self.log_path, "ab") as log:
            self.process = self.ns.popen(*self.launcher, self.program, "run", "--control", self.control,
                                         "--state-dir", self.folder / "state", *self.flags,
                                         stdout=log, stderr=log)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, limit_s=LIMIT_S):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"daemon ended with {self.process.returncode}\n{self.log()}")
            return self.call("status", "--wait", "1s", check=False).returncode == 0

        try:
            wait_until(ready, limit_s, "daemon ready")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log()}") from None

    def call(self, *command, check=True):
        """One of the daemon's other commands against this daemon: call("status", "-o", "json")."""
        return self.ns.run(self.program, *command, "--control", self.control, check=check)

    def status(self):
        """What `status -o json` says, in sync or not."""
        return json.loads(self.call("status", "-o", "json", check=False).stdout)

    def log(self):
        """All it wrote so far; also after the lab has ended."""
        if self.log_path.exists():
            self.kept_log = self.log_path.read_text(errors="replace")
        return self.kept_log

    def stop(self, limit_s=LIMIT_S):
        """SIGTERM; the exit code must be 0."""
        if self.process.poll() is None:
            ended = os.pidfd_open(self.process.pid)  # Popen.wait with a limit looks every 50 ms only
            self.process.send_signal(signal.SIGTERM)
            select.select([ended], [], [], limit_s)
            os.close(ended)
        code = self.process.wait(1)
        assert code == 0, f"daemon stopped with {code}, not 0\n{self.log()}"

    def kill(self):
        self.process.kill()
        self.process.wait(LIMIT_S)

    def hup(self):
        self.process.send_signal(signal.SIGHUP)

    def rss_kb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def peak_kb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


class Lab:
    """Owns namespaces, servers, processes and a temporary folder; see the head of this file."""

    count = 0
    living = []

    def __init__(self):
        assert os.geteuid() == 0, "kernel tests need root (they make network namespaces)"
        if Lab.count == 0:
            sweep()
            atexit.register(_end_all)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
            signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
        Lab.count += 1
        self.serial = Lab.count
        self.folder = Path(tempfile.mkdtemp(prefix=f"fairlead-lab-{os.getpid()}-"))
        self.namespaces, self.processes, self.daemons = [], [], []
        self.servers = traffic.Servers()
        Lab.living.append(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.show_logs()
        self.end()

    def show_logs(self):
        for daemon in self.daemons:
            print(f"--- log of the daemon in {daemon.ns.short}:\n{daemon.log()[-8000:]}---", file=sys.stderr)

    def end(self):
        """Ends processes and removes namespaces; may be called twice."""
        if self in Lab.living:
            Lab.living.remove(self)
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for daemon in self.daemons:
            daemon.log()
        self.servers.close()
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "del", ns.name], stderr=subprocess.DEVNULL, check=False)
        self.namespaces, self.processes = [], []
        shutil.rmtree(self.folder, ignore_errors=True)

    def ns(self, short):
        ns = Namespace(self, short)
        self.namespaces.append(ns)
        return ns

    def node(self, short="node", addrs=("192.168.0.2/24", "fd00:0::2/64")):
        """A node: forwards both families; `eth0` is a bridge that host() plugs into and that holds the addresses."""
        node = self.ns(short)
        for name in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            node.sysctl(f"net.{name}", 1)
        for where in ("all", "default"):
            node.sysctl(f"net.ipv4.conf.{where}.send_redirects", 0)
            node.sysctl(f"net.ipv4.conf.{where}.rp_filter", 0)
        node.ip("link add eth0 type bridge", "link set eth0 up")
        for text in addrs:
            node.add_addr(text.split("/")[0], "eth0", int(text.split("/")[1]))
        for version in (4, 6):
            # a way out, which --node-ip reads its default from: by the first address of the first subnet
            ways = [ipaddress.ip_interface(a) for a in addrs if ipaddress.ip_interface(a).version == version]
            if ways:
                node.ip(f"route add default via {next(ways[0].network.hosts())} dev eth0 src {ways[0].ip}")
        return node

    def host(self, node, short, *addrs, prefix4=24, prefix6=64):
        """Another machine on the node's network; the node is its default route (a lab gateway)."""
        host = self.ns(short)
        port = f"p{len(self.namespaces)}"
        node.ip(f"link add {port} type veth peer name eth0 netns {host.name}", f"link set {port} master eth0 up")
        host.ip("link set eth0 up")
        for addr in addrs:
            host.add_addr(addr, "eth0", prefix6 if ":" in addr else prefix4)
            via = [a for a in node.addrs if (":" in a) == (":" in addr)][0]
            host.ip(f"route add default via {via} dev eth0 onlink")
        return host

    def pod(self, node, short, *addrs):
        """
        A pod: a namespace on its own veth pair, routed (never bridged: bridged answers would bypass NAT). The node has
        a route to each address, the pod's default route is the node's end.
        """
        pod = self.ns(short)
        port = f"v{len(self.namespaces)}"
        node.ip(f"link add {port} type veth peer name eth0 netns {pod.name}", f"link set {port} up",
                f"addr add {GATEWAY6}/64 dev {port} nodad scope link")
        pod.ip("link set eth0 up")
        mac = json.loads(call("ip", "-n", node.name, "-j", "link", "show", "dev", port))[0]["address"]
        pod.ip(f"route add {GATEWAY4} dev eth0 scope link", f"neigh add {GATEWAY4} lladdr {mac} dev eth0")
        for addr in addrs:
            pod.add_addr(addr, "eth0", 128 if ":" in addr else 32)
            node.ip(f"route add {addr} dev {port}")
        for version, gateway in ((4, GATEWAY4), (6, GATEWAY6)):
            if any((":" in a) == (version == 6) for a in addrs):
                pod.ip(f"route add default via {gateway} dev eth0")
        return pod

    def daemon(self, ns, manifests, *flags, start=True, ready=True):
        """`fairlead run --manifests …` in ns. manifests: a folder (or a manifests.Folder)."""
        folder = Path(tempfile.mkdtemp(prefix=f"{ns.short}-", dir=self.folder))
        daemon = Daemon(ns, ["--manifests", getattr(manifests, "path", manifests), *flags], folder)
        self.daemons.append(daemon)
        return daemon.start(ready) if start else daemon


class LabTest(unittest.TestCase):
    """A test with a `lab` of its own or of its class; when it fails, the logs of the daemons are shown."""

    lab = None
    maxDiff = None

    def run(self, result=None):
        before = (len(result.failures), len(result.errors)) if result else None
        out = super().run(result)
        if result and self.lab and (len(result.failures), len(result.errors)) != before:
            print(f"--- {self.id()}", file=sys.stderr)
            self.lab.show_logs()
        return out


def call(*command, input=None):
    """Runs a program of the host; its standard output. Fails loudly."""
    done = subprocess.run(command, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          stdin=subprocess.DEVNULL if input is None else None)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}\n{input or ''}")
    return done.stdout


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _addr_line(verb, addr, dev, prefix):
    wide = 128 if ":" in addr else 32
    nodad = " nodad" if ":" in addr and verb == "add" else ""
    return f"addr {verb} {addr}/{wide if prefix is None else prefix} dev {dev}{nodad}"


def sweep():
    """Removes namespaces and folders of test processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob("fairlead-lab-*"):
        match = re.match(r"fairlead-lab-(\d+)-", folder.name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            shutil.rmtree(folder, ignore_errors=True)
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        match = re.fullmatch(r"fl-(\d+)-.*", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)


def _end_all():
    for lab in list(Lab.living):
        lab.end()
