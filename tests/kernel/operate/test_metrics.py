"""The metrics port of a running daemon: well-formed Prometheus text, and figures that move with what happens."""
import datetime
import os
import re
import unittest

import lab
import manifests
import scenes
import traffic

LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)$')

# what dashboards and alert rules of kube-proxy and CoreDNS look for
EXPECTED = """
kubeproxy_sync_proxy_rules_duration_seconds kubeproxy_sync_full_proxy_rules_duration_seconds
kubeproxy_sync_partial_proxy_rules_duration_seconds kubeproxy_network_programming_duration_seconds
kubeproxy_sync_proxy_rules_last_timestamp_seconds kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds
kubeproxy_sync_proxy_rules_endpoint_changes_pending kubeproxy_sync_proxy_rules_endpoint_changes_total
kubeproxy_sync_proxy_rules_service_changes_pending kubeproxy_sync_proxy_rules_service_changes_total
kubeproxy_sync_proxy_rules_no_local_endpoints_total kubeproxy_sync_proxy_rules_nftables_sync_failures_total
kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total kubeproxy_conntrack_reconciler_sync_duration_seconds
kubeproxy_conntrack_reconciler_deleted_entries_total
kubeproxy_proxy_healthz_total kubeproxy_proxy_livez_total process_cpu_seconds_total process_resident_memory_bytes
process_virtual_memory_bytes process_open_fds process_max_fds process_start_time_seconds fairlead_build_info
""".split()


def parse(text):
    """{name{labels}: value}; fails on anything that the text format does not allow."""
    kinds, values, order = {}, {}, []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, f"{name} stands in two places"
            kinds[name] = kind
            order.append(name)
            continue
        match = LINE.match(line)
        assert match, f"not a sample: {line!r}"
        name, labels, value = match.groups()
        family = re.sub("_(bucket|sum|count)$", "", name) if name not in kinds else name
        assert family == order[-1], f"{name} stands among the samples of {order[-1]}"
        key = f"{name}{{{labels}}}" if labels else name
        assert key not in values, f"{key} twice"
        values[key] = float(value)
    for name, kind in kinds.items():
        assert kind in ("counter", "gauge", "histogram"), (name, kind)
    return kinds, values


def caused_now(changed):
    """The slice with the annotation of the endpoint slice controller."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=1)
    changed["metadata"]["annotations"] = {
        "endpoints.kubernetes.io/last-change-trigger-time": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    return changed


class WebNode(scenes.NodeTest):
    def setUp(self):
        super().setUp()
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80]), manifests.slice("web", ["10.244.0.10"], [80]))


class Metrics(WebNode):
    def scrape(self):
        got = traffic.curl(self.node, "http://127.0.0.1:10249/metrics")
        self.assertEqual(got.code, 200)
        return parse(got.body)

    def value(self, key):
        return self.scrape()[1].get(key)

    def test_other_pages_and_who_may_ask(self):
        self.lab.daemon(self.node, self.folder, "--no-dns")
        client = self.lab.host(self.node, "client", "192.168.0.1")
        self.assertEqual(traffic.curl(self.node, "http://127.0.0.1:10249/proxyMode").body, "nftables")
        self.assertEqual(traffic.curl(self.node, "http://127.0.0.1:10249/healthz").body, "ok")
        self.assertEqual(traffic.curl(self.node, "http://127.0.0.1:10249/").code, 404)
        self.assertEqual(traffic.curl(client, "http://192.168.0.2:10249/metrics").exit, 7)
        head = traffic.curl(self.node, "http://127.0.0.1:10249/metrics", "-I").body
        self.assertIn("Content-Type: text/plain; version=0.0.4; charset=utf-8", head)

    def test_sync_figures(self):
        self.lab.daemon(self.node, self.folder, "--no-dns")
        kinds, values = self.scrape()
        self.assertEqual([name for name in EXPECTED if name not in kinds], [])
        self.assertEqual(values['kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}'], 1)
        self.assertEqual(values["kubeproxy_sync_proxy_rules_service_changes_total"], 1)
        self.assertEqual(values["kubeproxy_sync_proxy_rules_endpoint_changes_pending"], 0)
        self.assertEqual(values['kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"}'], 0)

        changed = caused_now(manifests.slice("web", ["10.244.0.10", "10.244.0.11"], [80]))
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80]), changed)
        partial = 'kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv6"}'
        lab.equals_within(lambda: self.value(partial), 1)
        full = 'kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}'
        self.node.nft("delete table inet fairlead")
        lab.equals_within(lambda: self.value(full), 2)  # all of it is loaded again
        kinds, values = self.scrape()
        self.assertEqual(values[partial], 1)
        self.assertEqual(values["kubeproxy_sync_proxy_rules_endpoint_changes_total"], 2)
        self.assertEqual(values['kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"}'], 1)
        self.assertEqual(values['kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="60"}'], 1)
        self.assertEqual(values['kubeproxy_network_programming_duration_seconds_count{ip_family="IPv6"}'], 0)

    def test_dns_programming_latency(self):
        """Of headless services: there an endpoint shows in DNS."""
        count = 'coredns_kubernetes_dns_programming_duration_seconds_count{service_kind="headless_with_selector"}'
        self.folder.put("db", manifests.service("db", "None", [80]), manifests.slice("db", ["10.244.0.20"], [80]))
        self.lab.daemon(self.node, self.folder)
        self.assertEqual(self.value(count), 0)
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80]),
                        caused_now(manifests.slice("web", ["10.244.0.11"], [80])))
        network = 'kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"}'
        lab.equals_within(lambda: self.value(network), 1)
        self.folder.put("db", manifests.service("db", "None", [80]),
                        caused_now(manifests.slice("db", ["10.244.0.21"], [80])))
        lab.equals_within(lambda: self.value(network), 2)
        self.assertEqual(self.value(count), 1)

    def test_local_policy_without_endpoint_is_counted(self):
        self.lab.daemon(self.node, self.folder, "--no-dns", "--node-name", "node-a")
        gauge = 'kubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy="internal",ip_family="IPv4"}'
        self.assertEqual(self.value(gauge), 0)
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80], internalTrafficPolicy="Local"),
                        manifests.slice("web", ["10.244.0.10"], [80]))
        lab.equals_within(lambda: self.value(gauge), 1)
        self.folder.remove("web")
        lab.equals_within(lambda: self.value(gauge), 0)

    def test_affinity_fill_level(self):
        pod = self.lab.pod(self.node, "a", "10.244.0.10")
        self.lab.servers.tcp(pod, "a", 80)
        self.lab.daemon(self.node, self.folder, "--no-dns")
        gauge = 'fairlead_affinity_entries{ip_family="IPv4"}'
        values = self.scrape()[1]
        self.assertGreater(values['fairlead_affinity_entries_limit{ip_family="IPv4"}'], 1000)
        if gauge not in values:
            self.skipTest("this kernel does not count the elements of a set")
        self.assertEqual(values[gauge], 0)
        self.folder.put("web", manifests.service("web", "10.96.0.1", [80], sessionAffinity="ClientIP"),
                        manifests.slice("web", ["10.244.0.10"], [80]))

        def remembered():
            self.assertEqual(traffic.connect(self.node, "10.96.0.1", 80).outcome, "ok")
            return self.value(gauge)

        lab.equals_within(remembered, 1)

    def test_conntrack_fix_up_is_counted(self):
        pods = [self.lab.pod(self.node, name, addr) for name, addr in (("a", "10.244.0.10"), ("b", "10.244.0.11"))]
        for pod in pods:
            self.lab.servers.udp(pod, pod.short, 53)
        ports = [manifests.port(53, "dns", "UDP")]

        def put(address):
            self.folder.put("web", manifests.service("web", "10.96.0.1", ports),
                            manifests.slice("web", [address], [("dns", 53, "UDP")]))

        put("10.244.0.10")
        self.lab.daemon(self.node, self.folder, "--no-dns")
        flow = traffic.open_flow(self.node, "10.96.0.1")
        self.addCleanup(flow.close)
        self.assertEqual(traffic.exchange(flow, "10.96.0.1", 53).server, "a")
        put("10.244.0.11")
        deleted = "kubeproxy_conntrack_reconciler_deleted_entries_total"
        lab.equals_within(lambda: self.value(deleted + '{ip_family="IPv4"}'), 1)
        self.assertEqual(self.value(deleted + '{ip_family="IPv6"}'), 0)
        self.assertEqual(traffic.exchange(flow, "10.96.0.1", 53).server, "b")
        runs = self.value('kubeproxy_conntrack_reconciler_sync_duration_seconds_count{ip_family="IPv4"}')
        self.assertGreaterEqual(runs, 1)

    def test_health_answers_are_counted(self):
        self.lab.daemon(self.node, self.folder, "--no-dns")
        for _ in range(3):
            traffic.curl(self.node, "http://127.0.0.1:10256/healthz")
        traffic.curl(self.node, "http://127.0.0.1:10256/livez")
        kinds, values = self.scrape()
        self.assertEqual(values['kubeproxy_proxy_healthz_total{code="200"}'], 3)
        self.assertEqual(values['kubeproxy_proxy_livez_total{code="200"}'], 1)

    def test_dns_figures(self):
        self.lab.daemon(self.node, self.folder)
        name = "web.default.svc.cluster.local"
        for args in ((name, "A"), (name, "AAAA"), (f"no.{name}", "A"), (name, "A", "+tcp")):
            self.assertIsNotNone(traffic.dig(self.node, "127.0.0.1", *args).status)
        family = 'server="dns://:53",zone=".",view=""'
        # what took how long is noted after the reply has left
        lab.equals_within(lambda: self.value(f"coredns_dns_request_duration_seconds_count{{{family}}}"), 4)
        kinds, values = self.scrape()
        self.assertEqual(values[f'coredns_dns_requests_total{{{family},proto="udp",family="1",type="A"}}'], 2)
        self.assertEqual(values[f'coredns_dns_requests_total{{{family},proto="udp",family="1",type="AAAA"}}'], 1)
        self.assertEqual(values[f'coredns_dns_requests_total{{{family},proto="tcp",family="1",type="A"}}'], 1)
        self.assertEqual(values[f'coredns_dns_responses_total{{{family},rcode="NOERROR",plugin="kubernetes"}}'], 3)
        self.assertEqual(values[f'coredns_dns_responses_total{{{family},rcode="NXDOMAIN",plugin="kubernetes"}}'], 1)
        self.assertEqual(values["fairlead_dns_nodata_total"], 1)
        self.assertGreater(values[f"coredns_dns_request_duration_seconds_sum{{{family}}}"], 0)
        for proto, messages in (("udp", 3), ("tcp", 1)):
            for kind in ("request", "response"):
                sizes = f'coredns_dns_{kind}_size_bytes_%s{{{family},proto="{proto}"%s}}'
                self.assertEqual(values[sizes % ("count", "")], messages)
                self.assertEqual(values[sizes % ("bucket", ',le="0"')], 0)
                self.assertEqual(values[sizes % ("bucket", ',le="511"')], messages)
                self.assertGreater(values[sizes % ("sum", "")], messages * len(name))


class QueryLog(WebNode):
    def test_a_line_for_every_query(self):
        daemon = self.lab.daemon(self.node, self.folder, "--dns-log")
        for args in (("web.default.svc.cluster.local", "A"), ("no.svc.cluster.local", "SRV", "+tcp")):
            traffic.dig(self.node, "127.0.0.1", "+noedns", *args)
        want = (r'Z query: 127\.0\.0\.1:\d+ - \d+ "A IN web\.default\.svc\.cluster\.local\. udp 47 false 512" NOERROR '
                r'qr,aa,rd,ra 63 0\.\d{9}s',
                r'Z query: 127\.0\.0\.1:\d+ - \d+ "SRV IN no\.svc\.cluster\.local\. tcp 38 false 512" NXDOMAIN qr,aa')
        for pattern in want:
            lab.wait_until(lambda p=pattern: re.search(p, daemon.log()), what=pattern)

    def test_off_by_default(self):
        daemon = self.lab.daemon(self.node, self.folder)
        self.assertEqual(traffic.dig(self.node, "127.0.0.1", "web.default.svc.cluster.local", "A").status, "NOERROR")
        self.assertNotIn("query:", daemon.log())

    def test_a_reader_that_stands_still_stops_nothing(self):
        """The log goes to a pipe that is not read: queries are answered, lines are dropped and counted."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        daemon = self.lab.daemon(self.node, self.folder, "--dns-log", start=False)
        daemon.process = self.node.popen(daemon.program, "run", "--control", daemon.control, "--state-dir", "",
                                         *daemon.flags, stderr=writer)
        os.close(writer)
        daemon.wait_ready()
        sock = traffic.open_flow(self.node, "127.0.0.1")
        self.addCleanup(sock.close)
        sock.settimeout(lab.LIMIT_S)
        name = b"".join(bytes([len(p)]) + p for p in b"web.default.svc.cluster.local".split(b".")) + b"\0"
        for number in range(2000):
            header = number.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0"
            sock.sendto(header + name + b"\0\1\0\1", ("127.0.0.1", 53))
            self.assertEqual(int.from_bytes(sock.recv(512)[:2], "big"), number)
        page = traffic.curl(self.node, "http://127.0.0.1:10249/metrics").body
        dropped = re.search(r"^fairlead_dns_log_dropped_total (\d+)$", page, re.M)
        self.assertGreater(int(dropped[1]), 100)
        daemon.stop()  # its own last lines still find room in the pipe


if __name__ == "__main__":
    unittest.main()
