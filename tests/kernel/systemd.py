"""
A real systemd as process 1 of namespaces of its own (processes, mounts, network, cgroups), with what `make install-files`
installs and nothing else of this machine's units: no sysctl is written, no module loaded, no other service started.
"""
import os
import shutil
import signal
import subprocess
from pathlib import Path

import lab
import memory

TOP = Path(__file__).resolve().parents[2]
MANAGER = Path("/lib/systemd/systemd")

# What of this machine's units runs: the journal.
UNITS = ("systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket")
TARGETS = ("basic.target", "shutdown.target", "network-online.target", "sockets.target")

# $1: where the files are installed; $2: a control group of its own, or nothing
BOOT = r"""
set -e
[ -z "$2" ] || echo $$ >"$2/cgroup.procs"
exec unshare --mount --pid --ipc --uts --cgroup --fork --kill-child --mount-proc sh -ec '
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/none /run/over/etc/up /run/over/etc/work
mount -t overlay -o lowerdir="$1/etc":/etc,upperdir=/run/over/etc/up,workdir=/run/over/etc/work overlay /etc
mount -t tmpfs -o mode=755 tmpfs /var
mkdir -p /var/lib /var/log /var/cache /var/tmp
mount -t overlay -o lowerdir="$1/usr/local":/usr/local overlay /usr/local
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /dev
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/zero c 1 5; mknod -m 666 /dev/urandom c 1 9; mknod -m 666 /dev/random c 1 8
mknod -m 666 /dev/full c 1 7; mknod -m 666 /dev/tty c 5 0; mkdir /dev/pts /dev/mqueue /dev/hugepages
mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts; ln -s pts/ptmx /dev/ptmx
mkdir /dev/shm; mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys
umount -R /sys; mount -t sysfs -o ro sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup
: >/etc/machine-id
exec env -i container=test PATH="$PATH" SYSTEMD_GENERATOR_PATH=/run/none SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/none \
	SYSTEMD_UNIT_PATH=/etc/systemd/test:/usr/local/lib/systemd/system \
	/lib/systemd/systemd --unit=basic.target --log-target=journal --show-status=0
' sh "$1"
"""


def why_not():
    """Why no systemd can be started here; None: it can."""
    if not MANAGER.exists():
        return "systemd is not installed"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "this kernel has no overlay"
    return None


class Machine:
    """fairlead installed on a machine that is the network namespace `node`."""

    def __init__(self, node, folder):
        self.node, self.root = node, folder / "installed"
        # from a build of its own: other tests run the programs of this one, which make(1) might link again
        build = folder / "build"
        build.mkdir()
        program = shutil.copy(lab.BUILD / "fairlead", build)
        env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        subprocess.run(["make", "-s", "-C", TOP, "-o", program, "install-files", f"BUILD={build}", f"DESTDIR={self.root}"], check=True,
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env)
        self.units = self.root / "etc/systemd/test"
        self.units.mkdir(parents=True)
        for unit in UNITS:
            shutil.copy(MANAGER.parent / "system" / unit, self.units)
        for unit in TARGETS:
            (self.units / unit).write_text("[Unit]\n")
        (self.units / "sysinit.target").write_text("[Unit]\nWants=systemd-journald.service\n")
        self.group = self.own_group()
        self.process = self.pid = None

    @staticmethod
    def own_group():
        """A control group of version 2; None: none can be made, and systemd uses that of this process."""
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            fields, kind = line.split(" - ")
            if kind.startswith("cgroup2 "):
                memory.sweep(Path(fields.split()[4]))
                group = Path(fields.split()[4]) / f"fairlead-lab-{os.getpid()}-systemd"
                group.mkdir()
                return group
        return None

    def start(self):
        self.process = self.node.popen("sh", "-c", BOOT, "sh", self.root, self.group or "", stdout=subprocess.DEVNULL)
        lab.wait_until(self.boots, what="systemd runs")

    def boots(self):
        child = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        self.pid = next(map(int, Path(child).read_text().split()), None)
        return self.pid and self.run("systemctl", "is-active", "basic.target", check=False).stdout.strip() == "active"

    def run(self, *command, check=True, limit_s=2 * lab.LIMIT_S):
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-a", *map(str, command)], capture_output=True, text=True,
                              timeout=limit_s, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}\n{self.problems()}")
        return done

    def systemctl(self, *words, **kwargs):
        return self.run("systemctl", "--no-pager", *words, **kwargs).stdout

    def property(self, name):
        return self.systemctl("show", "--value", "-p", name, "fairlead").strip()

    def problems(self):
        status = self.run("systemctl", "--no-pager", "status", "fairlead", "systemd-journald", check=False).stdout
        return status + self.run("journalctl", "--no-pager", "-b", check=False).stdout

    def journal(self, *words):
        return self.run("journalctl", "--no-pager", "-u", "fairlead", *words, check=False).stdout

    def end(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)  # the kernel ends all of its process namespace
            self.process.wait(lab.LIMIT_S)
        if self.group is None:
            return
        lab.wait_until(self.without_groups, what="control groups empty")

    def without_groups(self):
        for folder, _, _ in os.walk(self.group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                return False  # its processes are still being taken apart
        return True
