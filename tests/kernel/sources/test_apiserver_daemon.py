"""The daemon on a node that follows an API server: kernel and DNS are what the server says, whatever happens to it."""
import random
import socket
import time
from pathlib import Path

import apiserver
import lab
import manifests as m
import traffic
from follow import SOON_S

VIP, POD_A, POD_B, NODE = "10.96.0.10", "10.244.0.10", "10.244.0.11", "192.168.0.2"
PROXY_LABEL = "service.kubernetes.io/service-proxy-name"


def web(**labels):
    obj = m.service("web", VIP, [m.port(80, "http", node_port=30080)], type="NodePort")
    obj["metadata"]["labels"] = labels
    return obj


class ApiserverDaemon(lab.LabTest):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        self.node = self.lab.node()
        for name, addr in (("a", POD_A), ("b", POD_B)):
            self.lab.servers.tcp(self.lab.pod(self.node, name, addr), name, 8080)
        self.client = self.lab.host(self.node, "client", "192.168.0.1")
        with self.node.inside():
            self.server = apiserver.Server()
        self.addCleanup(self.server.stop)
        self.server.put(m.namespace("default"), m.node("node-a", NODE), web(), m.slice("web", [POD_A], [("http", 8080)]))

    def daemon(self, *flags, ready=True):
        folder = self.lab.folder / f"daemon-{len(self.lab.daemons)}"
        folder.mkdir()
        daemon = lab.Daemon(self.node, ["--apiserver", self.server.url, "--node-name", "node-a", "--state-dir", folder,
                                        *flags], folder)
        self.lab.daemons.append(daemon)
        return daemon.start(ready=ready)

    def test_ends_while_a_name_does_not_resolve(self):
        """The C library waits 5 s and more for a name server that is silent; SIGTERM does not."""
        with self.node.inside():
            silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 53))
        silent.settimeout(30)
        resolv = self.lab.folder / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\n")
        folder = self.lab.folder / "unresolved"
        folder.mkdir()
        log = open(folder / "log", "wb")
        self.addCleanup(log.close)
        process = self.node.popen(
            "unshare", "-m", "sh", "-c", f"mount --bind {resolv} /etc/resolv.conf && exec {lab.BUILD}/fairlead run --no-dns "
            f"--apiserver http://api.example.test:6443 --node-name node-a --control {folder}/control.sock",
            stdout=log, stderr=log)
        silent.recv(512)
        begin = time.monotonic()
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        self.assertLess(time.monotonic() - begin, 1)

    def reaches(self, dst, port, want):
        lab.equals_within(lambda: traffic.connect(self.client, dst, port, limit_s=0.5).server, want)

    def kernel_endpoints(self):
        """{(VIP, endpoint port)} of the endpoint map."""
        found = set()
        for key, value in self.node.elements("endpoints4"):
            key = key.get("elem", {}).get("val", key)
            found.add((key["concat"][0], value["concat"][1]))
        return found

    def restart_server(self):
        with self.node.inside():
            self.server.start()

    def test_follows(self):
        daemon = self.daemon()
        self.reaches(VIP, 80, "a")
        self.server.put(m.slice("web", [POD_B], [("http", 8080)]))
        self.reaches(VIP, 80, "b")
        self.server.delete("Service", "default", "web")
        lab.wait_until(lambda: traffic.connect(self.client, VIP, 80, limit_s=0.3).outcome != "ok")
        source = daemon.status()["source"]
        self.assertEqual((source["kind"], source["server"], source["reachable"]), ("apiserver", self.server.url, True))
        self.assertIn(f"API server {self.server.url}, reachable", daemon.call("status").stdout)
        page = traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body
        self.assertIn('fairlead_watch_lists_total{resource="endpointslices"} 1\n', page)
        self.assertRegex(page, r'fairlead_watch_events_total\{resource="services"\} [3-9]\n')
        self.server.disturb("close")
        lab.wait_until(lambda: f'rest_client_requests_total{{code="200",host="{self.server.url[7:]}",method="GET"}} '
                       in traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body)
        daemon.stop()
        self.assertIsNotNone(self.node.table(), "the rules stay")

    def test_slices_with_the_headless_label_are_for_names_only(self):
        """kube-proxy does not ask for them; with DNS we do."""
        self.daemon()
        labelled = m.slice("web", [POD_B], [("http", 8099)], name="labelled")
        labelled["metadata"]["labels"]["service.kubernetes.io/headless"] = ""
        self.server.put(labelled, m.service("after", "10.96.0.11", [80]), m.slice("after", [POD_B], [("", 8080)]))
        self.reaches("10.96.0.11", 80, "b")
        self.assertEqual(self.kernel_endpoints(), {(VIP, 8080), (NODE, 8080), ("10.96.0.11", 8080)})
        del labelled["metadata"]["labels"]["service.kubernetes.io/headless"]
        self.server.put(labelled)
        lab.wait_until(lambda: (VIP, 8099) in self.kernel_endpoints())

    def test_names(self):
        self.daemon()
        self.server.put(m.service("db", "None", [m.port(5432, "sql")]), m.slice("db", [POD_A, POD_B], [("sql", 5432)]))
        lab.equals_within(
            lambda: sorted(traffic.dig(self.node, "127.0.0.1", "+short", "db.default.svc.cluster.local").text.split()),
            [POD_A, POD_B])

    def test_verified_pods_are_those_of_every_node(self):
        self.server.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
                         "spec": {"nodeName": "node-b"},
                         "status": {"phase": "Running", "podIP": "10.244.1.9", "podIPs": [{"ip": "10.244.1.9"}]}})
        self.daemon("--dns-pods", "verified")
        name = "10-244-1-9.default.pod.cluster.local"
        lab.equals_within(lambda: traffic.dig(self.node, "127.0.0.1", "+short", name).text.split(), ["10.244.1.9"])

    def test_nothing_before_everything_is_listed(self):
        self.server.forbidden.add(("endpointslices", "watch"))
        daemon = self.daemon(ready=False)
        lab.wait_until(lambda: "the role needs the verb watch on endpointslices" in daemon.log())
        self.assertNotIn("table inet fairlead", self.node.nft("list", "tables"))
        self.server.forbidden.clear()
        daemon.wait_ready()
        self.reaches(VIP, 80, "a")

    def test_outage(self):
        self.daemon()
        self.reaches(VIP, 80, "a")
        before = self.node.elements("dispatch4"), self.node.elements("endpoints4")
        self.server.stop()
        self.server.put(m.slice("web", [POD_B], [("http", 8080)]))
        time.sleep(6)
        self.assertEqual((self.node.elements("dispatch4"), self.node.elements("endpoints4")), before)
        self.reaches(VIP, 80, "a")
        self.assertNotIn("unreachable", self.dig_web())
        lab.wait_until(lambda: "EDE: 3 (Stale Answer): (API server unreachable for 3" in self.dig_web(), limit_s=90)
        self.restart_server()
        start = time.monotonic()
        self.reaches(VIP, 80, "b")
        self.assertLess(time.monotonic() - start, SOON_S)
        lab.wait_until(lambda: "unreachable" not in self.dig_web())

    def dig_web(self):
        return traffic.dig(self.node, "127.0.0.1", "web.default.svc.cluster.local").text

    def test_another_proxys_label_comes_and_goes(self):
        self.daemon()
        self.reaches(VIP, 80, "a")
        self.server.put(web(**{PROXY_LABEL: "other"}))
        lab.wait_until(lambda: traffic.connect(self.client, VIP, 80, limit_s=0.3).outcome != "ok")
        self.server.put(web())
        self.reaches(VIP, 80, "a")

    def test_proxy_half_alone_with_a_name_of_its_own(self):
        self.server.put(web(**{PROXY_LABEL: "ours"}), m.service("not-ours", "10.96.0.11", [80]))
        daemon = self.daemon("--no-dns", "--service-proxy-name", "ours")
        self.reaches(VIP, 80, "a")
        counts = daemon.status()
        self.assertEqual(counts["objects"]["Service"], 1)

    def test_own_node_changes_take_effect_at_once(self):
        self.daemon()
        self.reaches(NODE, 30080, "a")
        self.node.add_addr("192.168.0.77", "lo", 32)
        self.server.put(m.node("node-a", "192.168.0.77"))
        lab.wait_until(lambda: traffic.connect(self.node, "192.168.0.77", 30080, limit_s=0.5).server == "a")
        lab.wait_until(lambda: traffic.connect(self.client, NODE, 30080, limit_s=0.3).outcome != "ok")

    def test_with_no_more_rights_than_the_daemonset_gives(self):
        """Two capabilities, no new privileges, a root file system that cannot be written but for two folders."""
        folder = self.lab.folder / "restricted"
        folder.mkdir()
        script = folder / "fairlead"
        script.write_text(f"""#!/bin/sh
[ "$1" = run ] || exec {lab.BUILD}/fairlead "$@"
exec unshare -m sh -c 'mount --bind {folder} {folder} && mount -o remount,bind,ro / && ! touch /written 2>/dev/null &&
	exec setpriv --bounding-set=-all,+net_admin,+net_bind_service --inh-caps=-all --no-new-privs {lab.BUILD}/fairlead "$@"' "$0" "$@"
""")
        script.chmod(0o755)
        daemon = lab.Daemon(self.node, ["--apiserver", self.server.url, "--node-name", "node-a", "--state-dir", folder,
                                        "--cluster-cidr", "10.244.0.0/16"], folder, script)
        self.lab.daemons.append(daemon)
        daemon.start()
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        self.assertIn("CapEff:\t0000000000001400\n", status, "NET_ADMIN (12); NET_BIND_SERVICE (10) for kube-dns")
        self.reaches(VIP, 80, "a")
        self.reaches(NODE, 30080, "a")
        self.server.put(m.slice("web", [POD_B], [("http", 8080)]))
        self.reaches(VIP, 80, "b")
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "+short", "web.default.svc.cluster.local").text.split(), [VIP])
        for word in ("Permission denied", "Operation not permitted", "Read-only file system"):
            self.assertNotIn(word, daemon.log())

    def test_restart_without_the_server_leaves_the_rules(self):
        daemon = self.daemon()
        self.reaches(VIP, 80, "a")
        self.server.stop()
        daemon.kill()
        daemon.start(ready=False)
        lab.wait_until(lambda: "trying again" in daemon.log())
        time.sleep(1)
        self.reaches(VIP, 80, "a")
        self.restart_server()
        daemon.wait_ready()
        self.reaches(VIP, 80, "a")

    def test_random_changes_and_faults_end_in_the_kernel(self):
        dice = random.Random(7)
        self.daemon()
        for serial in range(20000, 20150):
            number = dice.randrange(20)
            name, roll = f"n{number}", dice.random()
            if roll < 0.6:
                self.server.put(m.service(name, f"10.96.1.{number}", [m.port(80, "http")]),
                                m.slice(name, [POD_A], [("http", serial)]))
            elif roll < 0.8 and ("default", name) in self.server.state("Service"):
                self.server.delete("Service", "default", name)
            elif roll < 0.95:
                self.server.disturb(dice.choice(("close", "reset", "truncate", "garbage", "gone", "error")))
            else:
                self.server.refuse(dice.choice(("reset", 500, 410)), times=2)
            time.sleep(dice.choice((0, 0.01, 0.05)))
        services = self.server.state("Service")
        want = {(services[key]["spec"]["clusterIP"], o["ports"][0]["port"])
                for o in self.server.state("EndpointSlice").values()
                if (key := ("default", o["metadata"]["labels"]["kubernetes.io/service-name"])) in services}
        lab.equals_within(self.kernel_endpoints, want | {(NODE, 8080)})
