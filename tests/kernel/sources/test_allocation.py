"""Services in manifests without addresses and ports: they are given some, which work, and which stay."""
import json
import unittest
from ipaddress import ip_address, ip_network

import lab
import manifests as m
import traffic
from cluster import DOMAIN, PODS

POOL = "192.0.2.16/29"


def slices(name, *pods, port=8080):
    return m.slice(name, [PODS[p][0] for p in pods], [port])


class Allocation(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        self.pods = {name: self.lab.pod(self.node, name, *PODS[name]) for name in "ab"}
        self.client = self.lab.host(self.node, "client", "192.168.0.1", "fd00:0::1")
        for name, pod in self.pods.items():
            self.lab.servers.tcp(pod, name, 8080)
        self.folder = m.Folder(self.lab.folder / "manifests")

    def start(self):
        self.daemon = self.lab.daemon(self.node, self.folder, "--lb-pool", POOL, "--dns-listen", "192.168.0.2", "--node-ip",
                                      "192.168.0.2", "--nodeport-addresses", "primary")

    def frontends(self, name):
        """kind to the set of (address, port), from `fairlead services`; nothing while the Service is not there."""
        done = self.daemon.call("services", f"default/{name}", "-o", "json", check=False)
        if done.returncode != 0:
            return {}
        found = {}
        for frontend in json.loads(done.stdout)[0]["frontends"]:
            found.setdefault(frontend["kind"], set()).add((frontend["address"], frontend["port"]))
        return found

    def known(self, name):
        return lab.wait_until(lambda: self.frontends(name), what=f"default/{name} in `fairlead services`")

    def test_what_is_allocated_works(self):
        self.folder.put("web", m.service("web", ports=[80], type="LoadBalancer", externalTrafficPolicy="Local"),
                        m.slice("web", [m.endpoint(PODS["a"][0], nodeName=self.lab_node_name())], [8080]))
        self.start()
        found = self.known("web")
        (vip, _), = found["cluster-ip"]
        (balancer, _), = found["load-balancer"]
        (address, node_port), = found["node-port"]
        self.assertIn(ip_address(vip), ip_network("10.96.0.0/16"))
        self.assertIn(ip_address(balancer), ip_network(POOL))
        self.assertTrue(30000 <= node_port <= 32767)
        for target, port in ((vip, 80), (balancer, 80), (address, node_port)):
            self.assertEqual(traffic.connect(self.client, target, port).server, "a", (target, port))
        self.assertEqual([r.data for r in traffic.dig(self.client, "192.168.0.2", f"web.default.{DOMAIN}", "A").answer], [vip])
        line = next(line for line in self.daemon.call("services").stdout.splitlines() if "health check" in line)
        reply = traffic.curl(self.client, f"http://192.168.0.2:{line.split()[-1]}/")
        self.assertEqual((reply.code, json.loads(reply.body)["localEndpoints"]), (200, 1))
        # an address of the range that no Service has is dropped, not routed away
        unused = next(str(a) for a in ip_network("10.96.0.0/16").hosts() if str(a) != vip)
        self.assertEqual(traffic.connect(self.client, unused, 80, limit_s=1).outcome, "timeout")

    def lab_node_name(self):
        return self.node.run("hostname").stdout.strip().lower()

    def test_it_stays(self):
        """Restart, edit, another file, another name, with and without --state-dir's file."""
        self.folder.put("a", m.service("web", ports=[80], type="NodePort"), slices("web", "a"))
        self.folder.put("b", m.service("other", ports=[80]))
        self.start()
        before = self.known("web")
        self.folder.put("a", m.service("web", ports=[81], type="NodePort"), slices("web", "b"))
        (vip, _), = before["cluster-ip"]
        (address, node_port), = before["node-port"]
        lab.wait_until(lambda: self.frontends("web").get("cluster-ip") == {(vip, 81)}, what="the edit")
        self.assertEqual(self.frontends("web")["node-port"], before["node-port"])
        for forget in (False, True):
            self.daemon.stop()
            if forget:
                (self.daemon.folder / "state" / "allocations.json").unlink()
            (self.folder.path / "a.json").rename(self.folder.path / f"c-{forget}.json")
            (self.folder.path / f"c-{forget}.json").rename(self.folder.path / "a.json")
            self.daemon.start()
            self.assertEqual(self.frontends("web"), {"cluster-ip": {(vip, 81)}, "node-port": {(address, node_port)}})
        self.folder.put("a", m.service("site", ports=[81], type="NodePort"), slices("site", "b"))
        self.assertEqual(self.known("site"), {"cluster-ip": {(vip, 81)}, "node-port": {(address, node_port)}})
        lab.wait_until(lambda: not self.frontends("web"), what="the old name is gone")
        self.assertEqual(traffic.connect(self.client, vip, 81).server, "b")
        self.daemon.stop()
        self.daemon.start()  # the name that it was derived from is not there any more: it was kept
        self.assertEqual(self.frontends("site")["cluster-ip"], {(vip, 81)})

    def test_conflicts_are_told(self):
        self.folder.put("a", m.service("web", ports=[80]))
        self.start()
        (vip, _), = self.known("web")["cluster-ip"]
        self.folder.put("b", m.service("fixed", vip, [80]))
        lab.wait_until(lambda: self.frontends("fixed").get("cluster-ip") == {(vip, 80)}, what="what is written")
        (moved, _), = self.known("web")["cluster-ip"]
        self.assertNotEqual(moved, vip)
        said = [line for line in self.daemon.log().splitlines() if "which was allocated here" in line]
        self.assertEqual(len(said), 1, said)
        self.assertRegex(said[0], rf"a\.json:\d+: Service default/web: spec: Service default/fixed asks for {vip}, ")

    def test_flags(self):
        for flag, value in (("--service-node-port-range", "30000"), ("--service-node-port-range", "5-4"),
                            ("--service-node-port-range", "1-70000"), ("--lb-pool", "192.0.2.0/33")):
            done = self.node.run(lab.BUILD / "fairlead", "run", "--manifests", self.folder.path, flag, value, check=False)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
            self.assertIn(flag, done.stderr)
        done = self.node.run(lab.BUILD / "fairlead", "run", "--apiserver", "http://192.0.2.1", "--lb-pool", "192.0.2.0/24",
                             check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--lb-pool: only with --manifests", done.stderr)


if __name__ == "__main__":
    unittest.main()
