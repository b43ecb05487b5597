"""
What a steady stream of changes costs the daemon: 100 endpoints a second that go or come back, for a minute, in a cluster
of 10 000 services with 10 endpoints each, told by manifests and by an API server. The CPU is the whole process's, user
and system, and so has what the kernel does for its commits and notifications.
"""
import random
import statistics
import time

import scale  # first: finds the rest
import lab
import sync
import watch

SERVICES, CHURNING = 10000, 1000  # services; those of them that change
PER_SECOND, SECONDS = 100, 60


class Stream:
    """Changes to one followed daemon: a random endpoint of a random service goes, or the one that is gone comes back."""

    def __init__(self, run):
        self.run, self.commits = run, scale.Commits(run.node)
        self.random, self.lost = random.Random(4), {}
        self.ms = []  # from each change to its commit

    def change(self):
        number = self.random.randrange(CHURNING) * (self.run.count // CHURNING)
        lost = self.random.randrange(scale.ENDPOINTS) if self.lost.get(number) is None else None
        self.lost[number] = lost
        self.commits.drain()
        begin = self.run.change(number, lost)
        self.ms.append((self.commits.wait(limit_s=10) - begin) * 1000)

    def flow(self, count):
        """So many changes, evenly spaced, or later where the machine is too busy."""
        begin = time.perf_counter()
        for turn in range(count):
            time.sleep(max(0, begin + turn / PER_SECOND - time.perf_counter()))
            self.change()
        time.sleep(max(0, begin + count / PER_SECOND - time.perf_counter()))

    def check(self):
        """The kernel has what the source says now, and nothing else."""
        wanted = {scale.vip_of(n): sorted(scale.endpoint_of(n, e) for e in range(scale.ENDPOINTS)
                                          if e != self.lost.get(n)) for n in range(self.run.count)}
        found = {vip: sorted(addrs) for vip, addrs in self.run.endpoints().items() if vip != sync.LAST_VIP}
        wrong = [vip for vip in wanted.keys() | found.keys() if wanted.get(vip) != found.get(vip)]
        if wrong:
            raise SystemExit(f"{len(wrong)} services are wrong in the kernel, {wrong[0]} has {found.get(wrong[0])}")


def measure(run):
    """→ (% of a core at the full rate, median ms from a change to its commit)."""
    stream, count = Stream(run), PER_SECOND * SECONDS
    stream.flow(PER_SECOND)
    stream.ms.clear()
    before, before_s = run.daemon.status()["kernel"], scale.cpu_s(run.daemon)
    stream.flow(count)
    cpu_s, after = scale.cpu_s(run.daemon) - before_s, run.daemon.status()["kernel"]
    stream.check()
    if after["syncs"] - before["syncs"] != count or after["repairs"] != before["repairs"]:
        raise SystemExit(f"{count} changes: status says {before}, then {after}")
    return cpu_s / count * PER_SECOND * 100, statistics.median(stream.ms)


def from_manifests():
    with lab.Lab() as here:
        run = sync.Run(here, "file-per-service.json", SERVICES)
        run.write_all()
        run.start()
        run.daemon.wait_ready()
        return measure(run)


def from_api_server():
    with lab.Lab() as here:
        run = watch.Run(here, SERVICES)
        run.start()
        return measure(run)
