"""
A limit on a daemon's memory: a control group that the test makes below the root of the memory hierarchy (version 1, or
version 2 where the root gives its children a memory controller), removed at the end. Such a group counts what the kernel
keeps for the daemon, too, and its members are killed at the limit. Where no group can be made (no memory hierarchy, or a
read-only one, as in most containers) RLIMIT_DATA stands in: the daemon's own memory only.
"""
import os
import re
from pathlib import Path

import lab

MB = 1 << 20


def hierarchies():
    """(root folder, file of the limit, file of the peak) of each memory hierarchy that can be used."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, kind = line.split(" - ")
        root, (kind, _, options) = Path(fields.split()[4]), kind.split()
        if kind == "cgroup" and "memory" in options.split(","):
            yield root, "memory.limit_in_bytes", "memory.max_usage_in_bytes"
        elif kind == "cgroup2" and "memory" in (root / "cgroup.subtree_control").read_text().split():
            yield root, "memory.max", "memory.peak"


class Limit:
    count = 0

    def __init__(self, limit_mb):
        self.folder = self.peak_file = None
        Limit.count += 1
        for root, limit, peak in hierarchies():
            sweep(root)
            folder = root / f"fairlead-lab-{os.getpid()}-{Limit.count}"
            try:
                folder.mkdir()
                (folder / limit).write_text(str(limit_mb * MB))
            except OSError:
                if folder.is_dir():
                    folder.rmdir()
                continue
            self.folder, self.peak_file = folder, folder / peak
            break
        # what a daemon is started with (lab.Daemon.launcher)
        self.launcher = ("prlimit", f"--data={limit_mb * MB}")
        if self.folder is not None:
            self.launcher = ("sh", "-c", f'echo $$ >{self.folder}/cgroup.procs && exec "$@"', "sh")

    def peak_mb(self):
        """The most that group had; None: not known here."""
        if self.peak_file is None or not self.peak_file.exists():
            return None
        return int(self.peak_file.read_text()) / MB

    def end(self):
        if self.folder is None:
            return
        lab.wait_until(lambda: not (self.folder / "cgroup.procs").read_text(), what="group empty")
        self.folder.rmdir()


def sweep(root):
    """Groups of test processes that were killed before they could remove them."""
    for folder in root.glob("fairlead-lab-*"):
        match = re.match(r"fairlead-lab-(\d+)-", folder.name)
        if match and not os.path.exists(f"/proc/{match[1]}") and not (folder / "cgroup.procs").read_text():
            folder.rmdir()
