"""
Random changes, then a restart: a daemon that reads the same manifests anew must find nothing to change in the kernel.
Whatever the incremental path forgot, or sent too much of, shows as an operation of the restart.
"""
import random
import time
import unittest

import lab
import manifests
import rawdns
import scenes

STEPS, ROUNDS, NAMES = 150, 4, 9
PORTS = [("a", 80, "TCP"), ("b", 53, "UDP"), ("c", 53, "TCP")]


class RandomTest(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(20)

    def random_service(self, name):
        """Few addresses and node ports for many names, so that claims meet, win, lose and pass on."""
        r = self.random
        node_ports = r.sample([30000, 30001, 30002, None], 3)
        ports = [manifests.port(number, port_name, proto, node_ports.pop())
                 for port_name, number, proto in r.sample(PORTS, r.randrange(1, 4))]
        spec = {"type": r.choice(["ClusterIP", "NodePort", "LoadBalancer"]),
                "internalTrafficPolicy": r.choice(["Cluster", "Cluster", "Local"]),
                "sessionAffinity": r.choice(["None", "ClientIP"])}
        if spec["type"] == "ClusterIP":
            for port in ports:
                port.pop("nodePort", None)
            spec["externalIPs"] = r.sample(["203.0.113.1", "203.0.113.2"], r.randrange(3))
        else:
            spec["externalTrafficPolicy"] = r.choice(["Cluster", "Local"])
        ips = [f"10.96.0.{r.randrange(1, 5)}"] + (["fd00:96::" + str(r.randrange(1, 5))] if r.random() < 0.4 else [])
        service = manifests.service(name, ips, ports, **spec)
        if spec["type"] == "LoadBalancer":
            service["status"] = {"loadBalancer": {"ingress": [{"ip": f"198.51.100.{r.randrange(1, 3)}"}]}}
            if r.random() < 0.5:
                service["spec"]["loadBalancerSourceRanges"] = r.sample(["10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/24"], 2)
        return service

    def random_slices(self, name):
        r = self.random
        for number in range(r.randrange(1, 4)):
            family = r.choice(["10.244.0.", "fd00:244::"])
            endpoints = [manifests.endpoint(f"{family}{r.randrange(1, 30)}", ready=r.random() < 0.7,
                                            serving=r.random() < 0.7, terminating=r.random() < 0.3,
                                            nodeName=r.choice(["n1", "n2"]),
                                            hints={"forZones": [{"name": r.choice("ab")}]} if r.random() < 0.5 else {})
                         for _ in range(r.randrange(8))]
            ports = [(n, 8000 + p, proto) for n, p, proto in r.sample(PORTS, r.randrange(1, 4))]
            yield manifests.slice(name, endpoints, ports, name=f"{name}-{number}",
                                  family="IPv6" if ":" in family else "IPv4")

    def step(self):
        r = self.random
        name = f"s{r.randrange(NAMES)}"
        what = r.random()
        if what < 0.15 and (self.folder.path / f"{name}.json").exists():
            self.folder.remove(name)
        elif what < 0.2:
            self.folder.put("node", manifests.node("n1", "192.168.0.2", zone=r.choice("ab"),
                                                   pod_cidrs=[f"10.244.{r.randrange(3)}.0/24"]))
        else:
            parts = [self.random_service(name)] if r.random() < 0.9 else []
            self.folder.put(name, *parts, *self.random_slices(name))

    def settled(self, daemon):
        """The daemon has read everything when a service that was put last is in DNS."""
        self.serial = getattr(self, "serial", 0) + 1
        self.folder.put("zz-last", manifests.service(f"last{self.serial}", "10.99.0.1", [80]))
        dns = rawdns.Client(self.node)
        lab.wait_until(lambda: (dns.a(f"last{self.serial}.default.svc.cluster.local") or (None, []))[1])
        dns.close()
        status = daemon.status()
        self.assertEqual(status["kernel"]["refused"], 0, daemon.log())
        self.assertEqual(status["kernel"]["repairs"], 0, daemon.log())
        self.assertTrue(status["kernel"]["inSync"])

    def test_a_restart_after_random_changes_finds_nothing_to_do(self):
        flags = ("--node-name", "n1", "--nodeport-addresses", "primary", "--detect-local-mode", "NodeCIDR",
                 "--service-cidr", "10.96.0.0/16", "-v", "4")
        daemon = self.lab.daemon(self.node, self.folder, *flags)
        for round_number in range(ROUNDS):
            for _ in range(STEPS):
                self.step()
                time.sleep(self.random.uniform(0, 0.004))  # else all is one turn
            self.settled(daemon)
            if round_number % 2:
                daemon.kill()
            else:
                daemon.stop()
            daemon.start()
            kernel = daemon.status()["kernel"]
            self.assertEqual((kernel["start"], kernel["startOperations"]), ("adopted", 0), daemon.log()[-3000:])
            self.assertNotRegex(daemon.log(), r"/m/\w+\.json:\d+: ")  # a refused object would make the two differ
            self.assertGreater(len(self.node.elements("dispatch4")), 3)


if __name__ == "__main__":
    unittest.main()
