"""A DNS client by hand: queries with every odd field set at will, replies as presentation text."""
import ipaddress
import socket
import struct

import patience

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
         "NAPTR": 35, "DS": 43, "DNSKEY": 48, "SVCB": 64, "HTTPS": 65, "IXFR": 251, "AXFR": 252, "ANY": 255, "CAA": 257}
CLASSES = {"IN": 1, "CH": 3, "ANY": 255}
OPCODES = {"QUERY": 0, "IQUERY": 1, "STATUS": 2, "NOTIFY": 4, "UPDATE": 5}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 16: "BADVERS"}
TYPE_NAMES = {number: name for name, number in TYPES.items()}


def number(table, name, prefix):
    return table[name] if name in table else int(name.removeprefix(prefix))


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def query(name, kind="A", qclass="IN", opcode="QUERY", serial=0x1234, rd=True, cd=False, edns=None, edns_version=0,
          do=False, options=b""):
    """edns: the UDP size that the client offers, None: no OPT record."""
    flags = OPCODES[opcode] << 11 | rd << 8 | cd << 4
    message = struct.pack("!6H", serial, flags, 1, 0, 0, edns is not None) + encode_name(name)
    message += struct.pack("!2H", number(TYPES, kind, "TYPE"), number(CLASSES, qclass, "CLASS"))
    if edns is not None:
        message += b"\0" + struct.pack("!2H2BHH", 41, edns, 0, edns_version, do << 15, len(options)) + options
    return message


class Reply:
    """flags: a set of aa tc rd ra ad cd; sections as lists of "owner TTL IN TYPE data"; opt as a dict or None."""

    def __init__(self, message):
        self.message, self.at = message, 12
        self.id, flags, questions, *counts = struct.unpack_from("!6H", message)
        names = {0x400: "aa", 0x200: "tc", 0x100: "rd", 0x80: "ra", 0x20: "ad", 0x10: "cd"}
        self.flags = {name for bit, name in names.items() if flags & bit}
        self.opt, self.rcode_number = None, flags & 15
        self.question = [self._question() for _ in range(questions)]
        self.answer, self.ns, self.extra = ([r for r in (self._record() for _ in range(n)) if r] for n in counts)
        self.rcode = RCODES.get(self.rcode_number, str(self.rcode_number))
        assert self.at == len(message), "bytes behind the message"

    def _name(self):
        labels, at, jumped = [], self.at, False
        while True:
            length = self.message[at]
            if length >= 0xC0:
                target = struct.unpack_from("!H", self.message, at)[0] & 0x3FFF
                assert target < at, "a pointer forward"
                if not jumped:
                    self.at, jumped = at + 2, True
                at = target
            elif length == 0:
                if not jumped:
                    self.at = at + 1
                return ".".join(labels) + "."
            else:
                labels.append(self.message[at + 1:at + 1 + length].decode())
                at += 1 + length

    def _question(self):
        name = self._name()
        kind, qclass = struct.unpack_from("!2H", self.message, self.at)
        self.at += 4
        return name, kind, qclass

    def _record(self):
        owner = self._name()
        kind, qclass, ttl, length = struct.unpack_from("!HHIH", self.message, self.at)
        self.at += 10
        end = self.at + length
        if kind == 41:
            self._opt(qclass, ttl, self.message[self.at:end])
            text = None
        else:
            text = f"{owner} {ttl} {'IN' if qclass == 1 else qclass} {TYPE_NAMES.get(kind, kind)} {self._data(kind, end)}"
        self.at = end
        return text

    def _opt(self, size, ttl, data):
        assert self.opt is None, "two OPT records"
        self.opt = {"size": size, "version": ttl >> 16 & 255, "do": bool(ttl & 0x8000), "options": {}}
        self.rcode_number |= ttl >> 24 << 4
        while data:
            code, length = struct.unpack_from("!2H", data)
            self.opt["options"][code] = data[4:4 + length]
            data = data[4 + length:]

    def _data(self, kind, end):
        data = self.message[self.at:end]
        if kind == 1:
            return str(ipaddress.IPv4Address(data))
        if kind == 28:
            return str(ipaddress.IPv6Address(data))
        if kind in (2, 5, 12):
            return self._name()
        if kind == 6:
            names = f"{self._name()} {self._name()}"
            return f"{names} {' '.join(map(str, struct.unpack_from('!5I', self.message, self.at)))}"
        if kind == 33:
            numbers = struct.unpack_from("!3H", self.message, self.at)
            self.at += 6
            return f"{' '.join(map(str, numbers))} {self._name()}"
        if kind in (13, 16):
            texts = []
            while data:
                texts.append('"' + data[1:1 + data[0]].decode() + '"')
                data = data[1 + data[0]:]
            return " ".join(texts)
        return data.hex()


def read_tcp(sock):
    """One message from a stream, None at its end."""
    data = b""
    while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
        more = sock.recv(65537 if len(data) < 2 else 2 + struct.unpack_from("!H", data)[0] - len(data)) \
            if len(data) >= 2 else sock.recv(2 - len(data))
        if not more:
            return None
        data += more
    return data[2:]


class Client:
    """Asks one server from inside a namespace."""

    def __init__(self, ns, server="127.0.0.1", port=53, limit_s=5 * patience.FACTOR, source=None):
        self.ns, self.to, self.limit_s, self.source = ns, (server, port), limit_s, source
        self.family = socket.AF_INET6 if ":" in server else socket.AF_INET

    def _socket(self, kind):
        sock = self.ns.socket(self.family, kind)
        sock.settimeout(self.limit_s)
        if self.source:
            sock.bind((self.source, 0))
        sock.connect(self.to)
        return sock

    def send(self, message, tcp=False):
        """The reply to raw bytes."""
        with self._socket(socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as sock:
            if not tcp:
                sock.send(message)
                return Reply(sock.recv(65536))
            sock.sendall(struct.pack("!H", len(message)) + message)
            return Reply(read_tcp(sock))

    def ask(self, name, kind="A", tcp=False, **fields):
        return self.send(query(name, kind, **fields), tcp)

    def stream(self):
        """A TCP connection, for pipelining and transfers."""
        return self._socket(socket.SOCK_STREAM)
