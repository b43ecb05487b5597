"""`fairlead explain`: prepared faults, each named in the first line."""
import json
import unittest

import cluster
import explaining
import lab
import manifests
from manifests import endpoint

SHOP = "shop"


class Explain(explaining.Explaining, cluster.ClusterTest):
    flags = (*cluster.ClusterTest.flags, "--service-cidr", "10.96.0.0/16", "--nodeport-addresses", "192.168.0.2/32",
             "--dns-negative-ttl", "0")
    CLIENT = "10.244.0.99"

    def put_web(self, *, ip="10.96.1.1", pods="ab", ns=SHOP, **spec):
        self.put("web", *cluster.pair("web", ip, pods, ns=ns, **spec))

    def tearDown(self):
        for file in list(self.folder.path.glob("*.json")):
            if not file.name.startswith("zz-"):
                file.unlink()
        self.settle()

    # ---- nothing wrong ----

    def test_no_fault(self):
        self.put_web()
        for words in (("web.shop",), ("web", "--namespace", SHOP), ("10.96.1.1:80", "--from", self.CLIENT),
                      ("10.96.1.1:80/tcp",), ("web.shop:80", "--from", "192.168.0.1")):
            done = self.explain(*words, code=0)
            self.assertTrue(done.stdout.startswith("no fault found: "), done.stdout)
            self.assertIn("elements, all as the daemon wants them", done.stdout)
            self.assertIn("10.244.0.10:8080 used", done.stdout)
        told = json.loads(self.explain("web.shop", "-o", "json", code=0).stdout)
        self.assertEqual((told["fault"], told["findings"], told["services"]), (False, [], ["shop/web"]))
        self.assertEqual(told["addresses"], ["10.96.1.1"])

    # ---- endpoints ----

    def test_not_ready(self):
        self.put("web", manifests.service("web", "10.96.1.1", [manifests.port(80, "http")], ns=SHOP),
                 manifests.slice("web", [endpoint("10.244.0.10", ready=False)], [("http", 8080)], ns=SHOP))
        self.names(["web.shop"], "0 of 1 endpoints of Service shop/web are ready")
        told = json.loads(self.explain("web.shop", "-o", "json", code=1).stdout)
        self.assertEqual(told["findings"][0]["rule"], "not-ready")

    def test_probe_is_failing(self):
        def pod(**status):
            return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": SHOP},
                    "spec": {"nodeName": "node", "containers": [{"name": "app", "image": "app"}]},
                    "status": {"phase": "Running", "podIPs": [{"ip": "10.244.0.10"}], "containerStatuses": [
                        {"name": "app", "ready": False, "started": True, "state": {"running": {}}, **status}]}}

        service = manifests.service("web", "10.96.1.1", [manifests.port(80, "http")], ns=SHOP)
        behind = manifests.slice("web", [endpoint("10.244.0.10", ready=False)], [("http", 8080)], ns=SHOP)
        self.put("web", service, behind, pod())
        self.names(["web.shop"], "0 of 1 endpoints", "pod web-0: the readiness probe of container app fails")
        self.put("web", service, behind, pod(started=False))
        self.names(["web.shop"], "pod web-0: container app has not passed its startup probe")
        self.put("web", service, behind, pod(state={"waiting": {"reason": "CrashLoopBackOff"}}))
        self.names(["web.shop"], "pod web-0: container app waits: CrashLoopBackOff")

    def test_wrong_port(self):
        self.put_web()
        self.names(["web.shop:81"], "wrong port", "no port 81", "80/TCP")
        self.names(["10.96.1.1:81"], "wrong port", "no port 81", "80/TCP")
        self.names(["10.96.1.1:80/udp"], "wrong port", "no port 80/UDP", "80/TCP")

    def test_target_port_name(self):
        self.put("web", manifests.service("web", "10.96.1.1", [manifests.port(80, "http", target="htpp")], ns=SHOP),
                 manifests.slice("web", ["10.244.0.10"], [], ns=SHOP))
        self.names(["web.shop"], 'target port name "htpp"', "not in the pods")

    def test_port_name_mismatch(self):
        self.put("web", manifests.service("web", "10.96.1.1", [manifests.port(80, "http")], ns=SHOP),
                 manifests.slice("web", ["10.244.0.10"], [("web", 8080)], ns=SHOP))
        self.names(["web.shop"], "port name mismatch", "web-ipv4", '"web"', "http/TCP")

    def test_slice_in_another_namespace(self):
        web = cluster.pair("web", "10.96.1.1", "a", ns=SHOP)[0]
        self.put("web", web, cluster.pair("web", "10.96.1.1", "a", ns="other")[1])
        self.names(["web.shop"], "web-ipv4 is in namespace other", "in shop")

    def test_selector_matches_nothing(self):
        self.put("web", manifests.service("web", "10.96.1.1", [80], ns=SHOP, selector={"app": "wbe"}),
                 manifests.slice("web", [], [("", 8080)], ns=SHOP, family="IPv4"))
        self.names(["web.shop"], "no endpoints", "its selector matches no pod")

    def test_slice_label_missing(self):
        web, pods = cluster.pair("web", "10.96.1.1", "a", ns=SHOP)
        del pods["metadata"]["labels"]
        self.put("web", web, pods)
        self.names(["web.shop"], "slice web-ipv4 lacks a label", "kubernetes.io/service-name: web")
        self.assertIn("it has no label", self.daemon.call("endpoints", "shop/web").stdout)

    # ---- policies ----

    def test_local_policy_without_endpoint(self):
        self.put("web", manifests.service("web", "10.96.1.1", [manifests.port(80, "http", node_port=30080)], ns=SHOP,
                                          type="NodePort", externalTrafficPolicy="Local"),
                 manifests.slice("web", [endpoint("10.244.0.10", nodeName="another")], [("http", 8080)], ns=SHOP))
        self.names(["192.168.0.2:30080", "--from", "192.168.0.1"], "externalTrafficPolicy: Local", "on this node")
        self.explain("192.168.0.2:30080", "--from", "10.244.0.99", code=0)
        self.put("web", manifests.service("web", "10.96.1.1", [80], ns=SHOP, internalTrafficPolicy="Local"),
                 manifests.slice("web", [endpoint("10.244.0.10", nodeName="another")], [("", 8080)], ns=SHOP))
        self.names(["web.shop"], "internalTrafficPolicy: Local")

    def test_source_range(self):
        self.put_web(type="LoadBalancer", loadBalancerSourceRanges=["203.0.113.0/24"])
        service = cluster.pair("web", "10.96.1.1", "a", ns=SHOP, type="LoadBalancer",
                               loadBalancerSourceRanges=["203.0.113.0/24"])
        service[0]["status"] = {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}
        self.put("web", *service)
        self.names(["198.51.100.7:80", "--from", "192.168.0.1"], "192.168.0.1 is in no source range")
        self.explain("198.51.100.7:80", "--from", "203.0.113.5", code=0)

    # ---- addresses ----

    def test_unallocated_address(self):
        self.names(["10.96.77.77:80"], "10.96.77.77:80 is an unallocated address", "10.96.0.0/16")

    def test_port_owned_by_another_service(self):
        first = manifests.service("first", "10.96.1.1", [80], ns=SHOP, externalIPs=["203.0.113.9"])
        first["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
        self.put("web", first, *cluster.pair("second", "10.96.1.2", "a", ns=SHOP, externalIPs=["203.0.113.9"]),
                 cluster.pair("first", "10.96.1.1", "a", ns=SHOP)[1])
        first = self.explain("203.0.113.9:80", code=0).stdout.split("\n", 1)[0]
        self.assertIn("leads to Service shop/first; but 203.0.113.9:80/TCP is owned by another Service", first)
        self.put("web", *cluster.pair("a", "10.96.1.1", "a", ns=SHOP), *cluster.pair("b", "10.96.1.1", "b", ns=SHOP))
        self.names(["b.shop"], "10.96.1.1:80/TCP is owned by another Service, shop/a", "shop/b does not get it")

    def test_node_port_on_another_address(self):
        self.put("web", manifests.service("web", "10.96.1.1", [manifests.port(80, node_port=30080)], ns=SHOP,
                                          type="NodePort"), cluster.pair("web", "10.96.1.1", "a", ns=SHOP)[1])
        self.explain("192.168.0.2:30080", code=0)
        self.names(["192.168.0.77:30080"], "30080 is a node port of Service shop/web, but not on 192.168.0.77",
                   "node ports on 192.168.0.2")

    def test_headless_asked_for_a_vip(self):
        self.put("db", *cluster.pair("db", "None", "ab", number=80, target=8080, ns=SHOP))
        self.names(["db.shop:80"], "headless", "dial the endpoints' port 8080, not 80")
        self.explain("db.shop:8080", code=0)
        self.explain("db.shop", code=0)

    # ---- names ----

    def test_name_in_another_namespace(self):
        self.put_web(ns="prod")
        self.names(["web", "--namespace", SHOP], "no Service web in namespace shop", "in namespace prod", "ask web.prod")

    def test_trailing_dot(self):
        self.put_web()
        self.names(["web.", "--namespace", SHOP], "the dot at the end", "switches the search list off", "ask web ")
        self.names(["web.shop."], "the dot at the end", "web.shop.svc.cluster.local")

    def test_ndots(self):
        self.put_web()
        conf = self.lab.folder / "ndots"
        conf.write_text(f"nameserver {cluster.DNS4}\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\n"
                        "options ndots:1\n")
        self.names(["web.shop", "--resolver", "musl", "--resolv-conf", conf], "ndots:1", "musl",
                   "ask web.shop.svc.cluster.local")
        self.names(["web.shop", "--resolver", "glibc", "--resolv-conf", conf], "glibc skips the rest of the search list")

    def test_search_list_too_long(self):
        self.put_web()
        conf = self.lab.folder / "long"
        conf.write_text(f"nameserver {cluster.DNS4}\nsearch shop.svc.cluster.local " +
                        " ".join(f"{'x' * 30}{i}.example" for i in range(8)) + "\noptions ndots:5\n")
        self.names(["web", "--namespace", SHOP, "--resolver", "musl", "--resolv-conf", conf], "search list is too long")

    def test_another_dns_server(self):
        self.put_web()
        conf = self.lab.folder / "other"
        conf.write_text("nameserver 127.0.0.7\nsearch shop.svc.cluster.local\n")
        self.names(["web", "--namespace", SHOP, "--resolv-conf", conf], "DNS server 127.0.0.7", "not this fairlead")

    def test_no_such_name(self):
        self.put_web()
        self.names(["wev", "--namespace", SHOP], "did you mean web.shop.svc.cluster.local")

    # ---- the kernel ----

    def test_another_table_drops(self):
        self.put_web()
        self.node.run("nft", "-f", "-", input="""table ip filter {
            chain forward { type filter hook forward priority 0; policy accept;
                ct state established accept
                ip daddr 10.244.0.0/24 tcp dport 8080 jump stop
            }
            chain stop {
                counter drop
            }
        }""")
        self.addCleanup(self.node.nft, "delete", "table", "ip", "filter")
        self.names(["web.shop", "--from", self.CLIENT], "another table drops", "table ip filter", "chain forward")
        self.assertIn("another table", self.verdict("web.shop"))
        self.node.nft("flush", "chain", "ip", "filter", "stop")
        self.explain("web.shop", "--from", self.CLIENT, code=0)
        self.node.nft("add", "rule", "ip", "filter", "stop", "limit rate 1/second drop")
        done = self.explain("web.shop", "--from", self.CLIENT, code=0)
        self.assertIn("but another table may drop", done.stdout)

    def test_forwarding_off(self):
        self.put_web()
        self.node.sysctl("net.ipv4.ip_forward", 0)
        self.addCleanup(self.node.sysctl, "net.ipv4.ip_forward", 1)
        self.names(["web.shop", "--from", self.CLIENT], "forwarding is off", "net.ipv4.ip_forward")

    def test_kernel_out_of_sync(self):
        self.put_web()
        # repairs back off while another program does not stop
        def broken():
            self.node.run("nft", "delete", "element", "inet", "fairlead", "dispatch4", "{ 10.96.1.1 . tcp . 80 }",
                          check=False)
            done = self.explain("web.shop")
            return done.stdout.split("\n", 1)[0] if done.returncode == 1 else None
        first = lab.wait_until(broken, what="explain in front of the repair")
        self.assertIn("the kernel is out of sync", first)
        self.assertIn("dispatch4", first)

    # ---- usage ----

    def test_usage(self):
        for words in (("a..b",), ("10.96.0.1:99999",), ("web/icmp",), ("web:x",), ("web", "--namespace", "A"), ()):
            done = self.explain(*words, code=2)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("no pod that the daemon knows", self.explain("web", "--from", "nothing").stderr)


if __name__ == "__main__":
    unittest.main()
