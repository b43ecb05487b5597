"""The API server source against every fault a server, its network or its administrator can show it."""
import time

from follow import SOON_S, Case, at_once, cluster, service, slice_of, wait_until


class Endless(Case):
    """An answer that never ends costs one line and the next try, never the watch."""

    def ends(self, what, *words):
        server = cluster()
        self.addCleanup(server.stop)
        server.refuse(what, "services")
        f = self.follow(server)
        f.wait_complete()
        self.expect_in_sync(f, server)
        self.assertEqual(server.count("services"), 2)
        self.assertTrue(f.logged(*words), f.log)

    def test_refusal(self):
        self.ends("endless-refusal", "warning", "services: answer 503")

    def test_refusal_that_trickles(self):
        self.ends("trickling-refusal", "warning", "services: answer 503")

    def test_headers(self):
        self.ends("endless-headers", "warning", "KiB of headers")

    def test_object(self):
        self.ends("endless-object", "warning", "object larger than 64 MiB")


class Lists(Case):
    def test_streaming_list_then_changes(self):
        server, f = self.follow_one()
        self.assertEqual(server.count("services", "list"), 0)
        self.assertEqual(f.objects["Service"], {"default/one": "10.96.0.1 80"})
        self.assertEqual(f.objects["EndpointSlice"], {"default/one": "80 10.244.0.1"})
        server.put(service("two", 81), service("one", 82))
        server.delete("EndpointSlice", "default", "one")
        self.expect_in_sync(f, server)
        self.assertEqual(server.count("services"), 1, "changes must not cost requests")

    def test_only_what_concerns_this_node(self):
        server, f = self.follow_one()
        server.put({"kind": "Pod", "metadata": {"name": "here", "namespace": "default"},
                    "spec": {"nodeName": "node-a"}, "status": {"podIPs": [{"ip": "10.244.0.9"}]}},
                   {"kind": "Pod", "metadata": {"name": "there", "namespace": "default"},
                    "spec": {"nodeName": "node-b"}, "status": {"podIPs": [{"ip": "10.244.1.9"}]}})
        f.wait(lambda: f.names("Pod") == {"default/here"}, "the pod of this node")
        self.assertEqual(f.objects["Node"], {"/node-a": "10.244.0.0/24"})
        self.assertEqual(f.objects["ServiceCIDR"], {"/kubernetes": "10.96.0.0/16"})
        self.assertEqual(f.names("Namespace"), {"/default"})

    def test_pages(self):
        server = cluster(streaming=False)
        self.addCleanup(server.stop)
        server.put(*[service(f"s{i}", 1000 + i) for i in range(1300)])
        f = self.follow(server)
        f.wait_complete()
        self.expect_in_sync(f, server)
        self.assertEqual((server.count("services", "list"), server.count("services", "page")), (1, 2))
        server.put(service("late", 7))
        self.expect_in_sync(f, server)

    def test_page_fails_and_is_asked_for_again(self):
        for what in (500, "cut", "reset"):
            with self.subTest(what):
                server = cluster(streaming=False)
                server.put(*[service(f"s{i}", 1000 + i) for i in range(700)])
                server.refuse(what, "services", "page")
                f = self.follow(server)
                f.wait_complete()
                self.expect_in_sync(f, server)
                self.assertEqual((server.count("services", "list"), server.count("services", "page")), (1, 2))
                server.stop()

    def test_page_token_expired(self):
        server = cluster(streaming=False)
        self.addCleanup(server.stop)
        server.put(*[service(f"s{i}", 1000 + i) for i in range(1300)])
        server.refuse(410, "services", "page")
        f = self.follow(server)
        f.wait_complete()
        self.expect_in_sync(f, server)
        self.assertEqual(server.count("services", "list"), 2)

    def test_servicecidrs_unknown_to_an_old_server(self):
        server = cluster()
        self.addCleanup(server.stop)
        server.by_plural["servicecidrs"].absent = True
        f = self.follow(server)
        f.wait_complete()
        self.assertEqual(f.names("ServiceCIDR"), set())
        self.assertTrue(f.logged("servicecidrs", "taken as none"))

    def test_proxy_only_follows_the_label(self):
        server = cluster()
        self.addCleanup(server.stop)
        server.put(service("headless", spec={"clusterIP": "None"}))
        f = self.follow(server, "--proxy-only", "yes")
        f.wait_complete()
        self.assertEqual(f.names("Service"), {"default/one"})
        self.assertEqual(f.names("Namespace"), set())
        label = {"labels": {"service.kubernetes.io/service-proxy-name": "other"}}
        server.put(service("one", **label))
        f.wait(lambda: f.names("Service") == set(), "left to the other proxy")
        server.put(service("one"))
        f.wait(lambda: f.names("Service") == {"default/one"}, "taken back")
        other = self.follow(server, "--proxy-only", "yes", "--proxy-name", "other")
        server.put(service("two", **label))
        other.wait(lambda: other.names("Service") == {"default/two"}, "the other proxy's view")


class BrokenWatches(Case):
    def disturbed(self, what, plural="services", **more):
        server, f = self.follow_one(**more)
        shown = len(f.shown)
        server.disturb(what, plural)
        server.put(service("two", 81), service("one", 83))
        server.delete("EndpointSlice", "default", "one")
        self.expect_in_sync(f, server)
        server.delete("Service", "default", "two")
        self.expect_in_sync(f, server)
        self.assertGreater(len(f.shown), shown)
        return server, f

    def test_server_timeout(self):
        server, f = self.disturbed("close")
        self.assertEqual(server.count("services", "stream"), 1)

    def test_reset(self):
        server, f = self.disturbed("reset")
        self.assertEqual(server.count("services", "stream"), 1, "the version is still good: no new list")

    def test_truncated_event(self):
        self.disturbed("truncate")

    def test_malformed_event(self):
        server, f = self.disturbed("garbage")
        self.assertTrue(f.logged("services", "malformed answer: control character in a string"))

    def test_gone_event_lists_again(self):
        server, f = self.disturbed("gone")
        self.assertEqual(server.count("services", "stream"), 2)
        self.assertTrue(f.logged("services", "no longer has version"))

    def test_error_event(self):
        self.disturbed("error")

    def test_gone_answer_sweeps_what_was_deleted_meanwhile(self):
        server, f = self.follow_one()
        server.put(service("two", 81))
        self.expect_in_sync(f, server)
        server.refuse("reset", times=12)
        server.disturb("reset")
        server.delete("Service", "default", "two")
        server.put(service("three", 82))
        server.compact()
        self.expect_in_sync(f, server)
        self.assertEqual(f.names("Service"), {"default/one", "default/three"})
        self.assertEqual(server.count("services", "stream"), 2)

    def test_version_from_before_a_restore(self):
        """etcd was restored from a backup: the server's versions are behind ours."""
        server, f = self.follow_one()
        server.put(*[service("two", 81 + i) for i in range(50)])
        self.expect_in_sync(f, server)
        with server.lock:
            server.version -= 45
            c = server.by_plural["services"]
            c.history.clear()
            del c.objects["default", "two"]
        server.disturb("reset", "services")
        self.expect_in_sync(f, server, 60)

    def test_half_closed(self):
        """The peer holds the connection and says nothing: no bookmark for longer than expected."""
        server = cluster(bookmark_s=0.3)
        self.addCleanup(server.stop)
        f = self.follow(server, "--watch-quiet-ms", "4000")
        f.wait_complete()
        time.sleep(5)
        self.assertEqual(server.count("services"), 1, "bookmarks keep a quiet watch")
        server.disturb("hang", "services")
        wait_until(lambda: not any(w.orders for w in list(server.watches)), what="the watch hangs")
        server.put(service("two", 81))
        self.expect_in_sync(f, server)
        self.assertEqual(server.count("services", "watch"), 1)

    def test_list_never_answered(self):
        server = cluster()
        self.addCleanup(server.stop)
        server.refuse("hang", "services", "stream")
        f = self.follow(server, "--list-quiet-ms", "1000")
        f.wait_complete()

    def test_events_that_are_no_events(self):
        server, f = self.follow_one()
        watch = [w for w in server.watches if w.collection.plural == "services"]
        with server.lock:
            watch[0].orders.append(b'{"type":"LATER","object":{"metadata":{"resourceVersion":"1"}}}\n')
            watch[0].orders.append(b'{"type":"ADDED","object":{"kind":"Widget","apiVersion":"example.com/v1",'
                                   b'"metadata":{"name":"w","namespace":"default","resourceVersion":"1"}}}\n')
            server.lock.notify_all()
        server.put(service("two", 81, spec={"newField": {"deep": [1, {}]}}))
        self.expect_in_sync(f, server)
        self.assertTrue(f.logged("Widget"))


class Objects(Case):
    def test_unusable_object_keeps_its_last_good_version(self):
        server, f = self.follow_one()
        bad = service("one")
        bad["spec"] = "none"
        server.put(bad, service("two", 81))
        f.wait(lambda: "default/two" in f.names("Service"), "the good one")
        self.assertEqual(f.objects["Service"]["default/one"], "10.96.0.1 80")
        server.compact()
        server.disturb("gone", "services")
        wait_until(lambda: server.count("services", "stream") == 2)
        server.put(service("three", 82))
        f.wait(lambda: "default/three" in f.names("Service"), "listed again")
        self.assertEqual(f.names("Service"), {"default/one", "default/two", "default/three"})
        self.assertEqual(f.objects["Service"]["default/one"], "10.96.0.1 80")
        stays = [line for line in f.log if "Service default/one: " in line and "last good version stays" in line]
        self.assertEqual(len(stays), 1, "logged once")

    def test_a_bad_slice_is_one_line(self):
        server, f = self.follow_one()
        server.put(slice_of("one", ["10.0.0.1"] + ["x"] * 50), service("two", 81))
        f.wait(lambda: "default/two" in f.names("Service"), "what came after it")
        wait_until(lambda: f.logged("EndpointSlice default/one: "))
        lines = [line for line in f.log if "EndpointSlice default/one: " in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("endpoints[1].addresses[0]: ", lines[0])
        self.assertIn("; and 49 more: endpoints[2].addresses[0], ", lines[0])

    def test_a_part_that_is_skipped_is_one_warning(self):
        server, f = self.follow_one()
        server.put(service("two", 81, annotations={"fairlead/lb": "fastest"}))
        f.wait(lambda: "default/two" in f.names("Service"), "it counts all the same")
        server.compact()
        server.disturb("gone", "services")
        wait_until(lambda: server.count("services", "stream") == 2)
        server.put(service("three", 82))
        f.wait(lambda: "default/three" in f.names("Service"), "listed again")
        told = [line for line in f.log if "fairlead/lb" in line]
        self.assertEqual(len(told), 1, told)
        self.assertRegex(told[0], r'warning: Service default/two: .*"fastest" is none of random, maglev')

    def test_object_too_large(self):
        server, f = self.follow_one()
        server.put(service("one", 81, annotations={"fill": "x" * (9 << 20)}), service("two", 82))
        f.wait(lambda: "default/two" in f.names("Service"), "the one after it")
        self.assertEqual(f.objects["Service"]["default/one"], "10.96.0.1 80")
        self.assertTrue(f.logged("default/one", "larger than 8 MiB"))
        server.put(service("one", 83))
        self.expect_in_sync(f, server)
        server.put(service("one", 84, annotations={"fill": "x" * (9 << 20)}))
        server.delete("Service", "default", "one")
        f.wait(lambda: f.names("Service") == {"default/two"}, "its end is understood from the front alone")

    def test_object_of_too_many_values(self):
        """8 MiB of small values would hold up everything for 0.7 s and take 500 MB. One line, however often it comes."""
        server, f = self.follow_one()
        for extra in (1, 2, 3):
            server.put({**service("one", 81), "more": [extra] * 250000}, service("two", 81 + extra))
            f.wait(lambda: f.objects["Service"].get("default/two", "").endswith(f" {81 + extra}"), "the one after it")
        self.assertEqual(f.objects["Service"]["default/one"], "10.96.0.1 80")
        told = [line for line in f.log if "more than 200000 values" in line]
        self.assertEqual(len(told), 1, told)
        self.assertIn("Service default/one", told[0])
        server.delete("Service", "default", "one")
        f.wait(lambda: f.names("Service") == {"default/two"}, "its end")

    def test_slice_without_its_label(self):
        """It stays, as one of no Service, so that `fairlead explain` can name it."""
        server, f = self.follow_one()
        server.put(slice_of("one", labels=False))
        f.wait(lambda: f.logged("EndpointSlice default/one", "belongs to no Service"), "named")
        self.expect_in_sync(f, server)
        server.put(slice_of("one"))
        self.expect_in_sync(f, server)


class Refusals(Case):
    def refused(self, what, plural="services", mode="stream", **detail):
        server = cluster()
        self.addCleanup(server.stop)
        server.refuse(what, plural, mode, **detail)
        f = self.follow(server)
        f.wait_complete()
        self.expect_in_sync(f, server)
        return server, f

    def test_server_errors(self):
        def tell(code):
            server, f = self.refused(code, message=f"reason of {code}")
            return f.logged("services", f"answer {code}: reason of {code}")

        for code, told in at_once(tell, (429, 500, 502, 503, 504, 404, 409)).items():
            self.assertTrue(told, code)

    def test_retry_after(self):
        server, f = self.refused(429, retry_after=3)
        first, second = [at for at, plural, _, _ in server.requests if plural == "services"][:2]
        self.assertGreaterEqual(second - first, 3)

    def test_page_that_is_no_json(self):
        server, f = self.refused("html")
        self.assertTrue(f.logged("malformed answer"))

    def test_forbidden(self):
        server = cluster()
        self.addCleanup(server.stop)
        server.forbidden.add(("endpointslices", "watch"))
        f = self.follow(server)
        f.wait(lambda: f.logged("the role needs the verb watch on endpointslices of API group discovery.k8s.io"))
        self.assertFalse(f.complete)
        server.forbidden.clear()
        f.wait_complete()
        self.expect_in_sync(f, server)

    def test_pods_forbidden_does_not_block(self):
        server = cluster()
        self.addCleanup(server.stop)
        server.forbidden.add(("pods", "watch"))
        f = self.follow(server)
        f.wait_complete()
        self.expect_in_sync(f, server)

    def test_never_busy(self):
        """Whatever a server does at once, for ever: a handful of requests in three seconds, not thousands."""
        def requests_in_three_seconds(what):
            with cluster() as server:
                if what != "close at once":
                    server.refuse(what, "services", times=10000)
                f = self.follow(server)
                f.wait(lambda: server.count("services"), "the first request")
                end = time.monotonic() + 3
                while time.monotonic() < end:
                    if what == "close at once":
                        server.disturb("close", "services")
                    time.sleep(0.005)
                f.stop()
                return server.count("services")

        for what, count in at_once(requests_in_three_seconds,
                                   (401, 410, 500, "reset", "html", "close at once")).items():
            self.assertIn(count, range(2, 7), what)


class Outage(Case):
    def test_nothing_changes_and_back_in_sync(self):
        server, f = self.follow_one()
        server.put(*[service(f"s{i}", 1000 + i) for i in range(50)])
        self.expect_in_sync(f, server)
        before = {kind: dict(objects) for kind, objects in f.objects.items()}
        server.stop()
        lines = len(f.lines)
        f.wait(lambda: f.logged("the last state stays, trying again"), "the outage is told")
        server.put(service("one", 99), service("new", 98))
        server.delete("Service", "default", "s7")
        time.sleep(8)
        self.assertEqual(f.lines[lines:], [])
        self.assertEqual(f.objects, before)
        server.start()
        start = time.monotonic()
        self.expect_in_sync(f, server)
        self.assertLess(time.monotonic() - start, SOON_S)
        self.assertTrue(f.logged("reachable again after"))

    def test_started_before_the_server(self):
        server = cluster()
        self.addCleanup(server.stop)
        server.stop()
        f = self.follow(server)
        f.wait(lambda: f.logged("nothing known yet, trying again"))
        time.sleep(3)
        self.assertEqual(f.lines, [])
        server.start()
        f.wait_complete()
