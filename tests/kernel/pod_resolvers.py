"""The resolvers that programs in pods use, run in a namespace with a resolv.conf of its own."""
import shutil
import subprocess
import sys
from pathlib import Path

MUSL_SOURCE = Path(__file__).resolve().parent / "musl/resolve.c"
CARES = Path(__file__).resolve().parent / "cares_resolve.py"


class PodResolvers:
    """pod: the namespace; conf: what stands in /etc/resolv.conf there."""

    def __init__(self, pod, folder, nameserver, search):
        self.pod, self.conf, self.musl = pod, folder / "resolv.conf", None
        self.conf.write_text(f"nameserver {nameserver}\nsearch {search}\noptions ndots:5\n")
        if shutil.which("musl-gcc"):
            self.musl = folder / "resolve"
            subprocess.run(["musl-gcc", "-static", "-O1", "-o", self.musl, MUSL_SOURCE], check=True)

    def run(self, *command, conf=None):
        """Runs a program that finds our resolv.conf in /etc."""
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return self.pod.run("unshare", "--mount", "sh", "-c", script, conf or self.conf, *command, check=False)

    def glibc(self, name, conf=None):
        done = self.run("getent", "ahosts", name, conf=conf)
        return sorted({line.split()[0] for line in done.stdout.splitlines()}) or None

    def of_musl(self, name):
        """None: not found. Only where self.musl is there."""
        done = self.run(self.musl, name)
        return sorted(done.stdout.split()) if done.returncode == 0 else None

    def c_ares(self, name):
        """One family after the other."""
        done = self.run(sys.executable, CARES, name)
        return sorted(done.stdout.split()) if done.returncode == 0 else None

    def dig(self, name, *words, conf=None):
        return self.run("dig", "+search", "+short", name, *words, conf=conf).stdout.split("\n")[:-1]
