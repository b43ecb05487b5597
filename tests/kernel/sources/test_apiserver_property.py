"""Random changes and faults: in the end the follower knows what the server has, and it never showed an object that the
server never had, nor brought back what was gone. Seeds are fixed; a failure names its seed."""
import concurrent.futures
import random
import time
import unittest

import apiserver
from follow import Follow, service, slice_of

SEEDS = range(1, 9)
STEPS = 120
DISTURBANCES = ("close", "reset", "truncate", "garbage", "gone", "error", "hang")
REFUSALS = ("reset", "html", "cut", 401, 403, 410, 429, 500, 503, 504)


class World:
    """A server, its follower and the dice. Every version of an object has a port of its own, so each is recognised."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.server = apiserver.Server(bookmark_s=0.3, streaming=self.dice.random() < 0.7)
        self.server.put({"kind": "Node", "metadata": {"name": "node-a"}})
        self.serial = 0
        for _ in range(self.dice.choice((3, 30, 1100))):
            self.change()
        self.follower = Follow("--apiserver", self.server.url, "--watch-quiet-ms", "1000", "--list-quiet-ms", "1000")

    def change(self):
        self.serial += 1
        make = self.dice.choice((service, slice_of))
        self.server.put(make(f"n{self.dice.randrange(1200)}", port=self.serial, namespace=f"ns{self.dice.randrange(2)}"))

    def delete(self):
        kind = self.dice.choice(("Service", "EndpointSlice"))
        names = sorted(self.server.state(kind))
        if names:
            self.server.delete(kind, *self.dice.choice(names))

    def plural(self):
        return self.dice.choice((None, "services", "endpointslices"))

    def outage(self):
        self.server.stop()
        for _ in range(self.dice.randrange(5)):
            self.dice.choice((self.change, self.delete))()
        time.sleep(self.dice.random())
        if self.dice.random() < 0.3:
            self.server.compact(keep=True)
        self.server.start()

    def step(self):
        roll = self.dice.random()
        if roll < 0.55:
            self.change()
        elif roll < 0.75:
            self.delete()
        elif roll < 0.87:
            self.server.disturb(self.dice.choice(DISTURBANCES), self.plural())
        elif roll < 0.94:
            self.server.refuse(self.dice.choice(REFUSALS), self.plural(), times=self.dice.randrange(1, 3))
        elif roll < 0.97:
            self.server.compact(keep=True)
        elif roll < 0.99:
            self.server.streaming = not self.server.streaming
        else:
            self.outage()
        time.sleep(self.dice.choice((0, 0, 0.002, 0.1)))

    def server_objects(self):
        return {("Service", f"{ns}/{name}", f"10.96.0.1 {o['spec']['ports'][0]['port']}")
                for (ns, name), o in self.server.state("Service").items()} | {
               ("EndpointSlice", f"{ns}/{name}", f"{o['ports'][0]['port']} 10.244.0.1")
                for (ns, name), o in self.server.state("EndpointSlice").items()}

    def known_objects(self):
        return {(kind, name, detail) for kind in ("Service", "EndpointSlice")
                for name, detail in dict(self.follower.objects.get(kind, {})).items()}

    def ever(self):
        return {(kind, f"{ns}/{name}", f"10.96.0.1 {o['spec']['ports'][0]['port']}" if kind == "Service"
                 else f"{o['ports'][0]['port']} 10.244.0.1")
                for (kind, (ns, name)), versions in self.server.ever.items() if kind in ("Service", "EndpointSlice")
                for o in versions}

    def backwards(self):
        """Objects of which an older version was told after a newer one, or the last one again after its end."""
        newest, found = {}, []
        for line in self.follower.lines:
            words = line.split()
            if words[0] == "upsert" and words[1] in ("Service", "EndpointSlice"):
                serial = int(words[4] if words[1] == "Service" else words[3])
                if serial < newest.get(tuple(words[1:3]), 0):
                    found.append(line)
                newest[tuple(words[1:3])] = serial
            elif words[0] == "remove" and tuple(words[1:3]) in newest:
                newest[tuple(words[1:3])] += 1
        return found

    def end(self):
        self.follower.stop()
        self.server.stop()


def live(seed):
    """→ what is wrong, None when nothing is."""
    world = World(seed)
    try:
        for _ in range(STEPS):
            world.step()
        with world.server.lock:
            world.server.refusals.clear()
        limit = time.monotonic() + 60
        while not (world.follower.complete and world.known_objects() == world.server_objects()):
            if time.monotonic() > limit:
                lost = world.server_objects() - world.known_objects()
                kept = world.known_objects() - world.server_objects()
                return f"not in sync: lacks {list(lost)[:5]}, has {list(kept)[:5]}\n" + "\n".join(world.follower.log[-30:])
            time.sleep(0.05)
        invented = {shown for shown in world.follower.shown if shown[0] in ("Service", "EndpointSlice")} - world.ever()
        if invented:
            return f"showed what the server never had: {list(invented)[:5]}"
        if world.backwards():
            return f"went back in time: {world.backwards()[:5]}"
        return None
    finally:
        world.end()


class Property(unittest.TestCase):
    def test_random_changes_and_faults(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for seed, wrong in zip(SEEDS, pool.map(live, SEEDS)):
                with self.subTest(seed=seed):
                    self.assertIsNone(wrong)


if __name__ == "__main__":
    unittest.main()
