"""What RFC 9110 and RFC 9112 demand of an origin server, asked of a running daemon byte by byte (docs/http-conformance.md)."""
import email.utils
import re
import socket
import time
import unittest
from pathlib import Path

import lab
import manifests

HOST = b"Host: node-a\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"


PAGE = Path(__file__).resolve().parents[3] / "docs" / "http-conformance.md"


class Page(unittest.TestCase):
    def test_it_names_the_tests_that_there_are(self):
        rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| section")]
        named = set(re.findall(r"`([a-z0-9_]+)`", " ".join(row.rsplit("|", 2)[1] for row in rows)))
        self.assertEqual(named - {name.removeprefix("test_") for name in dir(Http)}, set())
        for row in rows:
            self.assertRegex(row.rsplit("|", 2)[1], r"`\w+`|not needed", row)


class Answer:
    def __init__(self, text, head_only):
        head, _, rest = text.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.line, self.status = lines[0], int(lines[0].split()[1])
        self.fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = 0 if head_only or self.status < 200 else int(self.fields["content-length"])
        self.body, self.rest = rest[:length], rest[length:]


class Http(lab.LabTest):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.end)
        cls.node = cls.lab.node()
        folder = manifests.Folder(cls.lab.folder / "manifests")
        cls.lab.daemon(cls.node, folder, "--node-name", "node-a", "--no-dns", "--node-ip", "192.168.0.2")

    def connect(self):
        sock = self.node.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(sock.close)
        sock.settimeout(lab.LIMIT_S)
        sock.connect(("127.0.0.1", 10256))
        return sock

    def read(self, sock, count, head_only=False):
        """The next answers on the connection; None for one that does not come before its end."""
        text, answers = b"", []
        while len(answers) < count:
            try:
                answers.append(Answer(text, head_only))
                text = answers[-1].rest
                continue
            except (IndexError, KeyError, ValueError):
                pass
            more = sock.recv(65536)
            if not more:
                answers.append(None)
            text += more
        return answers

    def ask(self, *pieces, count=1, head_only=False):
        """Answers to bytes that are sent with a short pause between the pieces, and whether the connection ended then."""
        sock = self.connect()
        for i, piece in enumerate(pieces):
            time.sleep(0.02 if i else 0)
            sock.sendall(piece)
        answers = self.read(sock, count, head_only)
        sock.settimeout(0.3 if answers[-1] and answers[-1].fields.get("connection") != "close" else lab.LIMIT_S)
        try:
            answers[-1].closed = sock.recv(1000) == b""
        except socket.timeout:
            answers[-1].closed = False
        return answers if count > 1 else answers[0]

    def served(self, *pieces):
        answer = self.ask(*pieces)
        self.assertEqual(answer.status, 200, pieces)
        self.assertFalse(answer.closed, pieces)
        return answer

    def refused(self, status, *shapes):
        """One answer with this status and Connection: close, and the end, whatever follows."""
        for shape in shapes:
            with self.subTest(shape=shape[:200]):
                answer = self.ask(shape + GET)
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.fields["connection"], "close")
                self.assertTrue(answer.closed)

    def get(self, *fields, line=b"GET /livez HTTP/1.1"):
        return line + b"\r\n" + HOST + b"".join(field + b"\r\n" for field in fields) + b"\r\n"

    def post(self, *fields):
        return self.get(*fields, line=b"POST /livez HTTP/1.1")

    # ---- messages ----

    def test_a_head_may_arrive_in_pieces(self):
        self.served(*(bytes([byte]) for byte in GET))

    def test_lines_may_end_with_a_lone_lf(self):
        self.served(b"GET /livez HTTP/1.1\nHost: a\n\n")

    def test_a_lone_cr_is_refused(self):
        self.refused(400, self.get(b"X: a\rb"), b"GET /livez HTTP/1.1\r\r\n" + HOST + b"\r\n")

    def test_empty_lines_in_front_are_skipped(self):
        self.served(b"\r\n\r\n" + GET)

    def test_blanks_in_front_of_the_first_field_are_refused(self):
        self.refused(400, b"GET /livez HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n")

    def test_versions(self):
        self.served(GET.replace(b"1.1", b"1.2"))
        self.refused(505, GET.replace(b"1.1", b"2.0"), GET.replace(b"1.1", b"0.9"), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.refused(400, GET.replace(b"1.1", b"1.10"), GET.replace(b"HTTP", b"http"), b"GET /livez\r\n\r\n")

    def test_request_lines(self):
        self.refused(400, GET.replace(b"GET ", b"GET  "), GET.replace(b"GET ", b"GET\t"), GET.replace(b"1.1", b"1.1 "),
                     GET.replace(b"livez", b"livez x"), GET.replace(b"GET", b"G(T"), GET.replace(b"GET", b""))

    def test_long_request_line(self):
        self.assertEqual(self.ask(self.get(line=b"GET /" + b"a" * 8000 + b" HTTP/1.1")).status, 404)
        self.refused(414, self.get(line=b"GET /" + b"a" * 20000 + b" HTTP/1.1"))

    def test_large_heads(self):
        self.served(self.get(b"X: " + b"a" * 8000))
        self.refused(431, self.get(b"X: " + b"a" * 20000), self.get(*(b"X%d: a" % i for i in range(5000))))

    # ---- targets ----

    def test_origin_form(self):
        self.served(self.get(line=b"GET /live%7a?a=b HTTP/1.1"))
        self.refused(400, *(self.get(line=b"GET " + target + b" HTTP/1.1") for target in (
            b"livez", b"/livez#x", b"/livez%zz", b"/livez%7", b"/livez%00", b"/livez\xff", b"/liv\x7fez", b"*")))

    def test_absolute_form(self):
        for target in (b"http://node-a/livez", b"HTTP://other:80/livez?x", b"https://[::1]/livez"):
            self.served(self.get(line=b"GET " + target + b" HTTP/1.1"))
        self.assertEqual(self.ask(self.get(line=b"GET http://node-a HTTP/1.1")).status, 404)  # the path is /
        self.refused(400, self.get(line=b"GET ftp://node-a/livez HTTP/1.1"), self.get(line=b"GET http:///livez HTTP/1.1"))

    def test_asterisk_form(self):
        for target in (b"*", b"http://node-a"):
            answer = self.served(self.get(line=b"OPTIONS " + target + b" HTTP/1.1"))
            self.assertEqual(answer.body, b"")

    def test_connect_and_trace_are_not_implemented(self):
        self.refused(501, self.get(line=b"CONNECT node-a:80 HTTP/1.1"), self.get(line=b"TRACE /livez HTTP/1.1"))

    # ---- methods ----

    def test_head_is_get_without_content(self):
        for path in (b"/livez", b"/nowhere"):
            got = self.ask(self.get(line=b"GET " + path + b" HTTP/1.1"))
            answer = self.ask(self.get(line=b"HEAD " + path + b" HTTP/1.1"), head_only=True)
            self.assertEqual((answer.status, answer.fields["content-length"], answer.rest),
                             (got.status, got.fields["content-length"], b""))

    def test_any_method_gets_the_page(self):
        for method in (b"POST", b"OPTIONS", b"PUT", b"PROPFIND", b"get"):
            self.assertIn(b"currentTime", self.served(self.get(line=method + b" /livez HTTP/1.1")).body)

    # ---- fields ----

    def test_host(self):
        self.served(GET.replace(HOST, b"Host:\r\n"), )
        self.served(GET.replace(HOST, b"hOST:\t[fd00::1]:80 \r\n"))
        self.refused(400, GET.replace(HOST, b""), GET.replace(HOST, HOST * 2), GET.replace(HOST, b"Host: a b\r\n"),
                     GET.replace(HOST, b"Host: a/b\r\n"))

    def test_malformed_fields(self):
        self.refused(400, self.get(b"X : a"), self.get(b"X"), self.get(b": a"), self.get(b"a b: c"), self.get(b"a\0b: c"),
                     self.get(b"X: a\0b"), self.get(b"X: a\x0bb"), self.get(b"X: a\x7f"))

    def test_folded_fields_are_refused(self):
        self.refused(400, self.get(b"X: a\r\n b"), self.get(b"X: a\r\n\tb"))

    def test_a_date_and_a_length_are_sent(self):
        for answer in (self.ask(GET), self.ask(self.get(line=b"GET /nowhere HTTP/1.1")), self.ask(b"\0\r\n\r\n")):
            then = email.utils.parsedate_to_datetime(answer.fields["date"])
            self.assertLess(abs(then.timestamp() - time.time()), 60)
            self.assertRegex(answer.fields["date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
            self.assertEqual(int(answer.fields["content-length"]), len(answer.body))

    # ---- content ----

    def test_counted_content(self):
        first, second = self.ask(self.post(b"Content-Length: 3") + b"abc", GET, count=2)
        self.assertEqual((first.status, second.status), (200, 200))
        first, second = self.ask(self.get(b"Content-Length: 3"), b"a", b"bc" + GET, count=2)
        self.assertEqual((first.status, second.status), (200, 200))

    def test_malformed_lengths(self):
        self.refused(400, *(self.post(b"Content-Length: " + value) + b"abc" for value in (
            b"-3", b"+3", b"0x3", b"3x", b"", b"3, 3", b"3, 4", b"3.0")))
        self.refused(400, self.post(b"Content-Length: 3", b"Content-Length: 4") + b"abc",
                     self.post(b"Content-Length: 3", b"Content-Length: 3") + b"abc")

    def test_large_content_is_refused(self):
        self.served(self.post(b"Content-Length: 60000") + b"a" * 60000)
        for shape in (self.post(b"Content-Length: 100000") + b"a" * 100000, self.post(b"Content-Length: " + b"9" * 30),
                      self.post(b"Transfer-Encoding: chunked") + b"1\r\na\r\n" * 20000,
                      self.post(b"Transfer-Encoding: chunked") + b"fffffffff\r\n"):
            answer = self.ask(shape)
            self.assertEqual((answer.status, answer.closed), (413, True))

    def test_two_lengths_are_refused(self):
        """Request smuggling: a proxy in front may have believed the other one."""
        smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
        self.refused(400, self.post(b"Content-Length: 6", b"Transfer-Encoding: chunked") + smuggled,
                     self.post(b"Transfer-Encoding: chunked", b"Content-Length: 6") + smuggled,
                     self.post(b"Transfer-Encoding : chunked") + smuggled,
                     self.post(b"Transfer-Encoding: \x0bchunked") + smuggled,
                     self.post(b"X: a\nTransfer-Encoding: chunked", b"Content-Length: 6") + smuggled)

    def test_transfer_codings(self):
        for value in (b"chunked", b"Chunked", b"\tchunked ", b", chunked"):
            self.served(self.post(b"Transfer-Encoding: " + value) + b"0\r\n\r\n")
        self.refused(501, self.post(b"Transfer-Encoding: gzip, chunked"),
                     self.post(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"))
        self.refused(400, *(self.post(b"Transfer-Encoding: " + value) for value in (
            b"gzip", b"chunked, gzip", b"chunked, chunked", b"xchunked", b"", b"identity")))
        self.refused(400, b"POST /livez HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    def test_chunks(self):
        chunked = self.post(b"Transfer-Encoding: chunked")
        for content in (b"3\r\nabc\r\n0\r\n\r\n", b"3;x=\"y\"\r\nabc\r\n000\r\nT: x\r\nU: y\r\n\r\n",
                        b"A ;x\r\n0123456789\r\n0\r\n\r\n"):
            first, second = self.ask(chunked + content + GET, count=2)
            self.assertEqual((first.status, second.status), (200, 200))
        self.served(chunked, *(bytes([byte]) for byte in b"3;x\r\nabc\r\n0\r\nT: x\r\n\r\n"))

    def test_malformed_chunks(self):
        chunked = self.post(b"Transfer-Encoding: chunked")
        self.refused(400, *(chunked + content for content in (
            b"-3\r\nabc\r\n0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"zz\r\n", b"\r\n", b"3\nabc\n0\n\n",
            b"3\r\nabcd\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\n\r\n", b"3;x\nabc\r\n0\r\n\r\n", b"3\rxabc\r\n",
            b"3\r\nabc\n0\r\n\r\n", b"0\r\nT: x\n\r\n")))

    def test_expectations(self):
        sock = self.connect()
        sock.sendall(self.post(b"Content-Length: 3", b"Expect: 100-Continue"))
        self.assertEqual(sock.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
        sock.sendall(b"abc")
        self.assertEqual(self.read(sock, 1)[0].status, 200)
        self.served(self.post(b"Content-Length: 3", b"Expect: 100-continue") + b"abc")  # it is there already
        self.served(self.post(b"Expect: 100-continue"))  # no content
        old = self.ask(b"POST /livez HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", b"abc")
        self.assertEqual(old.status, 200)
        self.assertEqual(self.ask(self.post(b"Content-Length: 100000", b"Expect: 100-continue")).status, 413)
        self.refused(417, self.post(b"Expect: 200-ok"))

    # ---- connections ----

    def test_connections_persist(self):
        sock = self.connect()
        for _ in range(3):
            sock.sendall(GET)
            answer = self.read(sock, 1)[0]
            self.assertEqual(answer.status, 200)
            self.assertNotIn("connection", answer.fields)

    def test_requests_sent_ahead_are_answered_in_order(self):
        paths = (b"livez", b"nowhere", b"healthz") * 20
        answers = self.ask(b"".join(GET.replace(b"livez", path) for path in paths), count=60)
        self.assertEqual([a.status for a in answers], [200, 404, 200] * 20)
        answers = self.ask(GET + self.get(b"Connection: close") + GET, count=2)
        self.assertTrue(answers[-1].closed)

    def test_close_is_obeyed(self):
        for value in (b"close", b"foo, Close", b"keep-alive, close"):
            answer = self.ask(self.get(b"Connection: " + value))
            self.assertEqual((answer.status, answer.fields["connection"], answer.closed), (200, "close", True))

    def test_http_1_0(self):
        answer = self.ask(b"GET /livez HTTP/1.0\r\n\r\n")
        self.assertEqual((answer.status, answer.fields["connection"], answer.closed), (200, "close", True))
        self.assertTrue(answer.line.startswith("HTTP/1.1 "))
        answer = self.ask(b"GET /livez HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        self.assertEqual((answer.status, answer.fields["connection"], answer.closed), (200, "keep-alive", False))

    def test_upgrade_is_ignored(self):
        self.served(self.get(b"Connection: Upgrade", b"Upgrade: h2c"))

    def test_an_answer_survives_what_was_not_read(self):
        """The connection is closed in two steps, so that no reset overtakes the answer."""
        for _ in range(20):
            answer = self.ask(self.post(b"Content-Length: 1000000") + b"a" * 30000)
            self.assertEqual(answer.status, 413)

    def test_a_client_may_end_its_side_first(self):
        sock = self.connect()
        sock.sendall(GET)
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read(sock, 1)[0].status, 200)
        self.assertEqual(sock.recv(1), b"")

    def test_slow_requests_end(self):
        """10 s from the first byte on, however many follow."""
        sock = self.connect()
        start = time.monotonic()
        sock.settimeout(0.5)
        for byte in GET[:-1] * 2:
            try:
                sock.sendall(bytes([byte]))
                if sock.recv(1) == b"":
                    break
            except socket.timeout:
                continue
            except ConnectionError:
                break
        self.assertGreater(time.monotonic() - start, 8)
        self.assertLess(time.monotonic() - start, 25)


if __name__ == "__main__":
    unittest.main()
