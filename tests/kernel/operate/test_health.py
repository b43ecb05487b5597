"""The health pages and health check node ports of a running daemon, asked with real curl from other machines."""
import json
import select
import socket
import subprocess
import unittest

import apiserver
import lab
import manifests
import scenes
import traffic
from manifests import endpoint

CHECK_BODY = '{\n\t"service": {\n\t\t"namespace": "prod",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": %d,\n' \
             '\t"serviceProxyHealthy": %s\n}'
FLAGS = ("--node-name", "node-a", "--no-dns", "--node-ip", "192.168.0.2,fd00::2")


class HealthCase(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.client = self.lab.host(self.node, "client", "192.168.0.1", "fd00:0::1")

    def page(self, path, host="192.168.0.2", port=10256):
        got = traffic.curl(self.client, f"http://{host}:{port}{path}")
        return got.code, json.loads(got.body) if got.body.startswith("{") else got.body

    def code(self, path, **kwargs):
        return self.page(path, **kwargs)[0]


class HealthPages(HealthCase):
    def test_pages_of_a_healthy_node(self):
        self.lab.daemon(self.node, self.folder, *FLAGS)
        for host in ("192.168.0.2", "[fd00:0::2]"):
            code, body = self.page("/healthz", host)
            self.assertEqual(code, 200)
            self.assertEqual((body["healthy"], body["nodeEligible"]), (True, True))
            self.assertEqual(body["lastUpdated"], body["currentTime"])
            self.assertEqual({f: s["healthy"] for f, s in body["status"].items()}, {"IPv4": True, "IPv6": True})
            code, body = self.page("/livez", host)
            self.assertEqual(code, 200)
            self.assertNotIn("nodeEligible", body)
            code, body = self.page("/readyz", host)
            self.assertEqual((code, body["ready"]), (200, True))
            self.assertEqual(self.code("/other", host=host), 404)
        head = traffic.curl(self.client, "http://192.168.0.2:10256/healthz", "-I").body.lower()
        self.assertIn("content-type: application/json", head)
        self.assertIn("x-content-type-options: nosniff", head)

    def test_node_that_leaves_is_not_eligible_but_alive(self):
        node = manifests.node("node-a", "192.168.0.2")
        self.folder.put("node", node)
        self.lab.daemon(self.node, self.folder, *FLAGS)
        self.assertEqual(self.code("/healthz"), 200)
        node["spec"] = {"taints": [{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]}
        self.folder.put("node", node)
        lab.equals_within(lambda: self.code("/healthz"), 503)
        code, body = self.page("/healthz")
        self.assertEqual((body["nodeEligible"], body["healthy"]), (False, True))
        self.assertEqual((self.code("/livez"), self.code("/readyz")), (200, 200))
        del node["spec"]
        node["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self.folder.put("node", node)
        lab.equals_within(lambda: self.code("/healthz"), 503)
        del node["metadata"]["deletionTimestamp"]
        self.folder.put("node", node)
        lab.equals_within(lambda: self.code("/healthz"), 200)

    def test_node_object_of_an_api_server(self):
        """Where the source has nodes, a node that is not there is not eligible."""
        with self.node.inside():
            server = apiserver.Server()
        self.addCleanup(server.stop)
        daemon = lab.Daemon(self.node, [*FLAGS, "--apiserver", server.url], self.lab.folder)
        self.lab.daemons.append(daemon)
        daemon.start()
        self.assertEqual([self.code(path) for path in ("/livez", "/readyz", "/healthz")], [200, 200, 503])
        self.assertFalse(self.page("/healthz")[1]["nodeEligible"])
        node = manifests.node("node-a", "192.168.0.2")
        server.put(node)
        lab.equals_within(lambda: self.code("/healthz"), 200)
        node["spec"] = {"taints": [{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]}
        server.put(node)
        lab.equals_within(lambda: self.code("/healthz"), 503)
        del node["spec"]
        server.put(node)
        lab.equals_within(lambda: self.code("/healthz"), 200)
        server.delete("Node", "", "node-a")
        lab.equals_within(lambda: self.code("/healthz"), 503)
        self.assertEqual(self.code("/livez"), 200)

    def test_not_ready_while_the_kernel_refuses(self):
        """A table of our name that another process owns: every transaction of ours gets EPERM."""
        daemon = self.lab.daemon(self.node, self.folder, *FLAGS, "--table", "other", start=False)
        owner = self.node.popen("nft", "-i", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(owner.stdin.close)
        owner.stdin.write("add table inet other { flags owner; }\n")
        owner.stdin.flush()
        lab.wait_until(lambda: self.node.run("nft", "list", "table", "inet", "other", check=False).returncode == 0,
                       what="table with an owner")
        daemon.start(ready=False)
        lab.equals_within(lambda: self.code("/readyz"), 503)
        lab.wait_until(lambda: "warning" in daemon.log(), what="a line about the refusal")
        self.assertEqual((self.code("/readyz"), self.code("/livez")), (503, 200))
        owner.stdin.close()
        owner.wait(lab.LIMIT_S)
        lab.equals_within(lambda: self.code("/readyz"), 200)

    def test_other_addresses_and_none(self):
        daemon = self.lab.daemon(self.node, self.folder, *FLAGS, "--healthz-bind-address", "[fd00::2]:9999",
                                 "--metrics-bind-address", "")
        self.assertEqual(self.code("/healthz", host="[fd00::2]", port=9999), 200)
        self.assertEqual(traffic.curl(self.client, "http://192.168.0.2:9999/healthz").exit, 7)
        self.assertEqual(traffic.curl(self.node, "http://127.0.0.1:10249/metrics").exit, 7)
        daemon.stop()
        for flag, value in (("--healthz-bind-address", "nowhere"), ("--metrics-bind-address", "1.2.3.4:99999")):
            done = self.node.run(daemon.program, "run", "--manifests", self.folder.path, flag, value, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(f"{flag} {value}", done.stderr)

    def idle(self, ns, count, port=10256):
        """Connections that ask for nothing, in order."""
        socks = [ns.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
        for sock in socks:
            self.addCleanup(sock.close)
            sock.settimeout(lab.LIMIT_S)
            sock.connect(("192.168.0.2", port))
        return socks

    def closed(self, socks):
        """How many of them the daemon has closed."""
        return sum(bool(select.select([sock], [], [], 0)[0]) for sock in socks)

    def test_connections_of_one_address_make_room_for_its_next(self):
        """The one idle for longest goes, none of another address; the node's own address may have them all."""
        other = self.lab.host(self.node, "other", "192.168.0.3")
        self.lab.daemon(self.node, self.folder, *FLAGS)
        first = self.idle(other, 1)
        socks = self.idle(self.client, 40)
        lab.equals_within(lambda: self.closed(socks[:8]), 8)
        self.assertEqual((self.closed(socks[8:]), self.closed(first)), (0, 0))
        first[0].sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b" 200 ", first[0].recv(100))
        for sock in socks:
            sock.close()
        self.assertEqual(self.code("/livez"), 200)  # the daemon has seen them go
        own = self.idle(self.node, 60)
        self.assertEqual(self.code("/livez"), 200)
        self.assertEqual(self.closed(own), 0)

    def test_taken_port_is_warned_about_once_and_taken_later(self):
        holder = self.lab.servers.tcp(self.node, "holder", 10256)
        daemon = self.lab.daemon(self.node, self.folder, *FLAGS)
        self.assertIn("healthz: cannot listen on :10256: in use by another program; retrying", daemon.log())
        holder.close()
        lab.equals_within(lambda: self.code("/healthz"), 200)
        self.assertEqual(daemon.log().count("cannot listen"), 1)


class HealthCheckNodePorts(HealthCase):
    def service(self, **spec):
        spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000,
                "ipFamilies": ["IPv4", "IPv6"], **spec}
        return manifests.service("web", ["10.96.0.1", "fd00:96::1"], [manifests.port(80, node_port=30080)], ns="prod",
                                 **spec)

    def slice(self, *endpoints, **kwargs):
        return manifests.slice("web", endpoints, [80], ns="prod", **kwargs)

    def here(self, address, **conditions):
        return endpoint(address, nodeName="node-a", **conditions)

    def there(self, address, **conditions):
        return endpoint(address, nodeName="node-b", **conditions)

    def check(self, host="192.168.0.2"):
        got = traffic.curl(self.client, f"http://{host}:32000/whatever", "-i")
        head, _, body = got.body.partition("\n\n")
        fields = dict(line.split(": ", 1) for line in head.lower().split("\n")[1:])
        return got.code, fields.get("x-load-balancing-endpoint-weight"), body

    def test_weight_is_the_number_of_ready_local_addresses(self):
        self.folder.put("web", self.service(),
                        self.slice(self.here("10.244.0.10"), self.here("10.244.0.11"),
                                   self.here("10.244.0.12", ready=False),
                                   self.here("10.244.0.13", ready=False, serving=True, terminating=True),
                                   self.there("10.244.1.10")),
                        manifests.slice("web", [self.here("10.244.0.10")], [("more", 81)], ns="prod", name="web-2"),
                        self.slice(self.there("fd00:244::1:10")))
        daemon = self.lab.daemon(self.node, self.folder, *FLAGS)
        self.assertEqual(self.check(), (200, "2", CHECK_BODY % (2, "true")))
        self.assertEqual(self.check("[fd00:0::2]"), (503, "0", CHECK_BODY % (0, "true")))
        head = traffic.curl(self.client, "http://192.168.0.2:32000/", "-I").body.lower()
        self.assertIn("content-type: application/json", head)
        self.assertIn("x-content-type-options: nosniff", head)

        self.folder.put("web", self.service(), self.slice(self.there("10.244.1.10")))
        lab.equals_within(self.check, (503, "0", CHECK_BODY % (0, "true")))
        self.folder.put("web", self.service(), self.slice(self.here("10.244.0.10")))
        lab.equals_within(self.check, (200, "1", CHECK_BODY % (1, "true")))
        self.assertNotIn("cannot listen", daemon.log())

    def test_ports_come_and_go_with_services(self):
        self.folder.put("web", self.service(), self.slice(self.here("10.244.0.10")))
        self.lab.daemon(self.node, self.folder, *FLAGS)
        url = "http://192.168.0.2:%d/"
        self.assertEqual(traffic.curl(self.client, url % 32000).code, 200)
        self.folder.put("web", self.service(healthCheckNodePort=32001), self.slice(self.here("10.244.0.10")))
        lab.equals_within(lambda: traffic.curl(self.client, url % 32001).code, 200)
        self.assertEqual(traffic.curl(self.client, url % 32000).exit, 7)
        self.folder.put("web", self.service(externalTrafficPolicy="Cluster"), self.slice(self.here("10.244.0.10")))
        lab.equals_within(lambda: traffic.curl(self.client, url % 32001).exit, 7)
        self.folder.put("web", self.service(), self.slice(self.here("10.244.0.10")))
        lab.equals_within(lambda: traffic.curl(self.client, url % 32000).code, 200)
        self.folder.remove("web")
        lab.equals_within(lambda: traffic.curl(self.client, url % 32000).exit, 7)

    def test_node_port_addresses_are_followed(self):
        self.node.add_addr("192.168.0.3", "eth0", 24)
        self.folder.put("web", self.service(), self.slice(self.here("10.244.0.10")))
        daemon = self.lab.daemon(self.node, self.folder, *FLAGS, "--nodeport-addresses", "192.168.0.3/32")
        self.assertEqual(self.check("192.168.0.3")[0], 200)
        self.assertEqual(traffic.curl(self.client, "http://192.168.0.2:32000/").exit, 7)
        daemon.stop()
        self.lab.daemon(self.node, self.folder, *FLAGS, "--nodeport-addresses", "all")
        for host in ("192.168.0.2", "192.168.0.3"):
            self.assertEqual(self.check(host)[0], 200)
        self.node.add_addr("192.168.0.4", "eth0", 24)
        lab.equals_within(lambda: self.check("192.168.0.4")[0], 200)

    def test_a_check_under_way_outlives_a_new_address(self):
        self.folder.put("web", self.service(), self.slice(self.here("10.244.0.10")))
        self.lab.daemon(self.node, self.folder, *FLAGS, "--nodeport-addresses", "192.168.0.0/24")
        asking = self.client.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(asking.close)
        asking.settimeout(traffic.ANSWER_S)
        asking.connect(("192.168.0.2", 32000))
        asking.sendall(b"GET / HTTP/1.1\r\n")
        self.node.add_addr("192.168.0.4", "eth0", 24)
        lab.equals_within(lambda: self.check("192.168.0.4")[0], 200)
        asking.sendall(b"Host: x\r\n\r\n")
        self.assertIn(b" 200 OK", asking.recv(4096))
        self.node.del_addr("192.168.0.4", "eth0", 24)
        self.assertEqual(self.check()[0], 200)


if __name__ == "__main__":
    unittest.main()
