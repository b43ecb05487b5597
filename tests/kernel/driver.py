"""nft/ without the daemon: the program nft_driver inside a namespace, its commands as methods.

    with Driver(node, "sources:10.244.0.0/16", "counters") as d:
        d.elements("cluster-ips 10.96.0.1", "dispatch 10.96.0.1 tcp 80 cluster 1", …)
        d("load")              # the lines it printed; Refused when it answered "error …"
"""
import subprocess
from pathlib import Path

import lab


class Refused(Exception):
    pass


class Driver:
    def __init__(self, ns, *options, prefix=()):
        program = lab.BUILD / "tests/kernel/nft_driver"
        assert Path(program).exists(), f"{program} is missing: make programs"
        self.process = ns.popen(*prefix, program, *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                bufsize=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def send(self, command):
        """Starts a command; answer() must follow."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self):
        lines = []
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line == "ok":
                return [text for text in lines if not text.startswith("took_ms ")]
            if line.startswith("error "):
                raise Refused(line[6:])
            lines.append(line)
        raise AssertionError(f"driver ended with {self.process.wait()} after {lines}")

    def __call__(self, command):
        self.send(command)
        return self.answer()

    def elements(self, *lines):
        """What the next load has."""
        self("forget")
        for line in lines:
            self("element " + line)

    def commit(self, *operations):
        """add/del lines, then commit."""
        for operation in operations:
            self(operation)
        return self("commit")

    def state(self):
        return self("state")[0]
