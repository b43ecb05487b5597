"""deploy/lab/examples: each file as it stands, in a lab where the servers that it names are there."""
import json
import unittest
from pathlib import Path

import lab
import manifests as m
import traffic
from cluster import PODS

EXAMPLES = Path(__file__).resolve().parents[3] / "deploy/lab/examples"
POOL, NODE = "192.0.2.0/28", "192.168.0.2"
SERVED = {"tcp": (8080, 8443, 5432, 9042, 5353, 1883, 8883, 9100, 3000, 8096, 2222, 6379, 3306), "udp": (5353, 19132)}


class Examples(lab.LabTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.end)
        cls.node = cls.lab.node()
        cls.client = cls.lab.host(cls.node, "client", "192.168.0.1", "fd00:0::1")
        for name, addresses in PODS.items():
            pod = cls.lab.pod(cls.node, name, *addresses)
            for port in SERVED["tcp"]:
                cls.lab.servers.tcp(pod, name, port)
            for port in SERVED["udp"]:
                cls.lab.servers.udp(pod, name, port)

    def start(self, name):
        """A daemon with this example alone."""
        self.folder = m.Folder(self.lab.folder / name)
        self.folder.put(f"{name}.yaml", (EXAMPLES / f"{name}.yaml").read_text())
        check = self.node.run(lab.BUILD / "fairlead", "check", "--strict", "--lb-pool", POOL, self.folder.path)
        self.assertIn("good", check.stdout)
        self.daemon = self.lab.daemon(self.node, self.folder, "--dns-listen", NODE, "--lb-pool", POOL, "--nodeport-addresses",
                                      "primary")
        self.addCleanup(self.node.run, lab.BUILD / "fairlead", "cleanup")
        self.addCleanup(self.daemon.stop)
        warned = [line for line in self.daemon.log().splitlines() if " warning: " in line]
        self.assertEqual(warned, [])

    def names(self, name, kind="A"):
        return sorted(r.data for r in traffic.dig(self.client, NODE, f"{name}.svc.cluster.local", kind).answer if r.type == kind)

    def address(self, name, kind="A"):
        found, = self.names(name, kind)
        return found

    def balancer(self, name):
        """The load balancer address of NS/NAME."""
        frontends = json.loads(self.daemon.call("services", name, "-o", "json").stdout)[0]["frontends"]
        found, = {f["address"] for f in frontends if f["kind"] == "load-balancer"}
        return found

    def reached(self, address, port, proto="tcp"):
        return {traffic.connect(self.client, address, port, proto).server for _ in range(30)}

    def test_web_app_with_database(self):
        self.start("web-app-with-database")
        self.assertEqual(self.reached(self.address("web.shop"), 80), {"a", "b"})
        self.assertEqual(self.reached(self.address("postgres.shop"), 5432), {"c"})

    def test_ingress_controller(self):
        self.start("ingress-controller")
        vip = self.balancer("ingress-nginx/ingress-nginx-controller")
        for port in (80, 443):
            self.assertEqual(self.reached(vip, port), {"a", "b"})

    def test_statefulset_headless(self):
        self.start("statefulset-headless")
        everyone = sorted(addresses[0] for addresses in PODS.values())
        self.assertEqual(self.names("cassandra.default"), everyone)
        self.assertEqual(self.address("cassandra-2.cassandra.default"), PODS["c"][0])
        self.assertEqual(self.reached(self.address("cassandra-read.default"), 9042), {"a", "b"})

    def test_dns_server(self):
        self.start("dns-server")
        vip = self.balancer("default/adguard-dns")
        for proto in ("udp", "tcp"):
            self.assertEqual(self.reached(vip, 53, proto), {"a", "b"})

    def test_game_server(self):
        self.start("game-server")
        self.assertEqual(len(self.reached(NODE, 30132, "udp")), 1)  # it stays where it was

    def test_dual_stack(self):
        self.start("dual-stack")
        for kind in ("A", "AAAA"):
            self.assertEqual(self.reached(self.address("nginx.default", kind), 80), {"a", "b"})

    def test_mqtt_broker(self):
        self.start("mqtt-broker")
        vip = self.balancer("default/mosquitto")
        self.assertEqual(len(self.reached(vip, 1883)), 1)
        self.assertEqual(self.reached(vip, 8883), {"a"})

    def test_monitoring(self):
        self.start("monitoring")
        self.assertEqual(self.names("node-exporter.monitoring"), [PODS["a"][0], PODS["b"][0]])
        self.assertEqual(self.reached(self.address("grafana.monitoring"), 80), {"c"})

    def test_media_server(self):
        self.start("media-server")
        self.assertEqual(self.reached(NODE, 30096), {"a"})

    def test_git_server(self):
        self.start("git-server")
        vip = self.balancer("default/gitea")
        for port in (80, 22):
            self.assertEqual(self.reached(vip, port), {"a"})

    def test_redis_leader_and_followers(self):
        self.start("redis-leader-and-followers")
        vip = self.address("redis-leader.default")
        self.assertEqual(self.reached(vip, 6379), {"a"})
        self.assertEqual(self.reached(self.address("redis-follower.default"), 6379), {"b", "c"})
        text = (EXAMPLES / "redis-leader-and-followers.yaml").read_text()
        swapped = text.replace("name: redis-0", "name: redis-x").replace("name: redis-1", "name: redis-0").replace("redis-x", "redis-1")
        self.folder.put("redis-leader-and-followers.yaml", swapped.replace("10.244.0.10", "10.244.0.x").replace(
            "10.244.0.11", "10.244.0.10").replace("10.244.0.x", "10.244.0.11"))
        lab.wait_until(lambda: self.reached(vip, 6379) == {"b"}, what="the follower that leads now")

    def test_external_database(self):
        self.start("external-database")
        self.assertEqual(self.reached(self.address("mysql.default"), 3306), {"a", "b"})
        self.assertEqual(self.names("mysql-by-name.default", "CNAME"), ["mysql.default.svc.cluster.local."])

    def test_each_has_a_test(self):
        tests = {name[len("test_"):].replace("_", "-") for name in dir(self) if name.startswith("test_")}
        examples = {path.stem for path in EXAMPLES.glob("*.yaml")}
        self.assertGreaterEqual(len(examples), 10)
        self.assertEqual(examples - tests, set())


if __name__ == "__main__":
    unittest.main()
