"""The API server source against a server that restarts: it forgets every version, and starts as real ones do. How long
each takes at worst, also after minutes: unit/test_apiserver_restart, in simulated time."""
import socket
import time

from follow import SOON_S, Case, at_once, service, wait_until

AWAY_S, STARTS_S = 2, 3


class Restart(Case):
    def restarts(self, says=None, **more):
        server, f = self.follow_one()
        server.stop()
        server.put(service("two", 81), service("one", 83))
        server.delete("EndpointSlice", "default", "one")
        f.wait(lambda: f.logged("trying again"), "the outage is told")
        time.sleep(AWAY_S)
        self.assertNotIn("default/two", f.names("Service"))
        server.start(says, STARTS_S if says not in (None, "cut") else 0, **more)
        # what is ready sooner is in sync sooner: all of it counts
        wait_until(lambda: time.monotonic() >= server.not_ready_until, what="the server is ready")
        self.expect_in_sync(f, server)
        wait_until(lambda: server.watching() == 6, what="six watches")
        self.assertLess(time.monotonic() - server.not_ready_until, SOON_S)
        self.assertTrue(f.logged("services", "no longer has version"))
        return server, f

    def test_starts_as_real_ones_do(self):
        results = at_once(lambda how: self.restarts(how, cut=how == "cut"), (None, 503, 429, 403, "caches", "hang", "cut"))
        self.assertTrue(results[None][1].logged("reachable again after"))
        self.assertTrue(results[503][1].logged("answer 503: starting"))
        server = results[429][0]
        asked = sum(1 for at, *_ in server.requests if server.begin <= at < server.not_ready_until)
        self.assertLess(asked, 3 * STARTS_S, "Retry-After counts for all kinds together")

    def test_restarts_twice(self):
        server, f = self.restarts(503)
        server.stop()
        server.put(service("three", 84))
        server.start()
        self.expect_in_sync(f, server)
        self.assertLess(time.monotonic() - server.begin, SOON_S)

    def test_one_request_a_second_while_nothing_answers(self):
        """Whatever takes connections and says nothing: a load balancer without servers behind it."""
        server, f = self.follow_one()
        server.stop()
        f.wait(lambda: f.logged("trying again"), "the outage is told")
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            deaf.bind((server.host, server.port))
            deaf.listen(100)
            deaf.setblocking(False)
            taken, end = [], time.monotonic() + 6
            while time.monotonic() < end:
                try:
                    taken.append(deaf.accept()[0])
                except BlockingIOError:
                    time.sleep(0.02)
            for connection in taken:
                connection.close()
        self.assertIn(len(taken), range(3, 14))
        server.start()
        start = time.monotonic()
        self.expect_in_sync(f, server)
        self.assertLess(time.monotonic() - start, SOON_S)
