"""Many new connections at once: what traffic.connect tells of one, for hundreds in the time of the slowest."""
import collections
import contextlib
import itertools
import json
import selectors
import socket
import time

import traffic

Dial = collections.namedtuple("Dial", "ns src dst proto port")
AT_ONCE = 300  # descriptors, and servers answer one after the other


def volley(dials, limit_s=1.0):
    """One new connection for each Dial; the Replies in the same order. Silence for limit_s is a timeout."""
    replies = [None] * len(dials)
    for start in range(0, len(dials), AT_ONCE):
        part = range(start, min(start + AT_ONCE, len(dials)))
        with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
            for number, reply in _open(dials, part, selector, stack):
                replies[number] = reply
            _collect(selector, replies, limit_s)
    return [reply or _failed(TimeoutError()) for reply in replies]


def _failed(error):
    return traffic.Reply(traffic._outcome(error), None, None, None, None, None)


def _open(dials, part, selector, stack):
    """Yields those that fail at once."""
    for ns, numbers in itertools.groupby(sorted(part, key=lambda n: dials[n].ns.name), key=lambda n: dials[n].ns):
        with ns.inside():
            for number in numbers:
                dial = dials[number]
                family = socket.AF_INET6 if ":" in dial.dst else socket.AF_INET
                sock = stack.enter_context(socket.socket(family, traffic.KINDS[dial.proto][0]))
                sock.setblocking(False)
                try:
                    sock.bind((dial.src, 0))
                    with contextlib.suppress(BlockingIOError):
                        sock.connect((dial.dst, dial.port))
                    if dial.proto == "udp":
                        with contextlib.suppress(PermissionError):  # dropped on the way out; a refusal follows as ICMP
                            sock.send(b"?")
                    selector.register(sock, selectors.EVENT_READ, number)
                except OSError as error:
                    yield number, _failed(error)


def _collect(selector, replies, limit_s):
    end = time.monotonic() + limit_s
    while selector.get_map() and time.monotonic() < end:
        for key, _ in selector.select(max(0, end - time.monotonic())):
            replies[key.data] = _read(key.fileobj)
            selector.unregister(key.fileobj)
            end = max(end, time.monotonic() + min(0.3, limit_s))


def _read(sock):
    try:
        seen = json.loads(sock.recv(65536).partition(b"\n")[0])
    except OSError as error:
        return _failed(error)
    return traffic.Reply("ok", *(seen[k] for k in ("server", "client", "client_port", "local", "local_port")))
