"""Our YAML reader beside libyaml (python3-yaml's C loader), on generated documents and on shapes of real projects.

  test_yaml_reader.py COUNT [SEED]   compares COUNT generated documents and says how many differ
"""
import json
import os
import random
import re
import subprocess
import sys
import unittest
from pathlib import Path

import yaml

BUILD = Path(os.environ.get("FAIRLEAD_BUILD", Path(__file__).resolve().parents[2] / "build")).resolve()
SHAPES = Path(__file__).parent / "yaml"
COUNT = 3000

# ---- what sigs.k8s.io/yaml makes of a scalar, written from go-yaml v2's resolve.go ----

# yes, no, on, off, y, n: booleans only where a field asks for one (decode_field.c)
TRUE, FALSE = {"true", "True", "TRUE"}, {"false", "False", "FALSE"}
NULL = {"", "~", "null", "Null", "NULL"}
REAL = {sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")} | {".nan", ".NaN", ".NAN"}
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INTEGER = re.compile(r"([-+]?)(?:(0[xX][0-9a-fA-F]+)|(0[bB][01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")


def integer(text):
    match = INTEGER.fullmatch(text)
    if match is None:
        return None
    sign, hexadecimal, binary, octal, decimal = match.groups()
    number = int(hexadecimal or "0", 16) + int(binary or "0", 2) + int(octal or "0", 8) + int(decimal or "0")
    number = -number if sign == "-" else number
    return number if -2**63 <= number < 2**63 else None


def scalar(text):
    if text in NULL:
        return ["n"]
    if text in TRUE | FALSE:
        return ["b", text in TRUE]
    if text in REAL:
        return ["f"]
    if text[0] not in "+-.0123456789":
        return ["s", text]
    plain = text if text[0] == "." else text.replace("_", "")
    number = integer(plain) if text[0] != "." else None
    if number is None and DECIMAL.fullmatch(plain):
        real = float(plain)
        if not (abs(real) < 9e15 and real == int(real)):
            return ["f"]
        number = int(real)
    return ["s", text] if number is None else ["i", str(number)]


# ---- libyaml's nodes as the tree that yaml_tree prints ----

class Loader(yaml.CLoader):  # pylint: disable=too-many-ancestors
    """Composes only; a plain scalar keeps the tag "?" so that we resolve it."""

    def resolve(self, kind, value, implicit):
        return "?" if kind is yaml.ScalarNode and implicit[0] else "!"


def tree(node):
    if isinstance(node, yaml.SequenceNode):
        return ["l", *map(tree, node.value)]
    if isinstance(node, yaml.MappingNode):
        entries, merged = [], []
        for key, value in node.value:
            if key.value == "<<" and key.tag == "?":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            else:
                entries.append([scalar_key(key), *tree(value)])
        have = {key for key, *_ in entries}
        for other in merged:
            for key, *value in tree(other)[1:]:
                if key not in have:
                    have.add(key)
                    entries.append([key, *value])
        return ["m", *entries]
    if node.tag == "?" or node.tag in {f"tag:yaml.org,2002:{t}" for t in ("int", "float", "bool", "null")}:
        return scalar(node.value)
    return ["s", node.value]


def scalar_key(node):
    kind, *value = tree(node)
    return ("true" if value[0] else "false") if kind == "b" else value[0] if value else node.value


# ---- documents in random styles ----

WORDS = ["a", "web", "10.1.2.3", "80", "0x1F", "0b101", "-0b11", "0o17", "010", "089", "1_000", "+7", "-5", "1e3", "80.0",
         ".5", "yes", "No", "on", "off", "y", "n", "true", "~", "null", "", " lead", "trail ", "it's", 'say "x"', "a: b",
         "a #b", "#c", "- x", "x\ny", "x\n\ny\n", "\n", "x\n\n", " x\n  y\n", "é€😀", "\t", "tab\there", "1.2.3.4", "::1",
         "fd00::1", "2026-01-01", "a,b", "[x]", "{x}", "&a", "*a", "!x", "|", ">", "%", "@x", "`x", "\\", "x" * 90,
         "long words " * 12, "\x07", "\x85", "\u2028", "9223372036854775807", "9223372036854775808", "1__0", "0x", "<<"]
TAGS = ["!!str ", "!own "]


class Writer:
    """One document as text, with all the freedom that YAML gives to who writes it."""

    def __init__(self, rng):
        self.rng, self.anchors, self.names = rng, [], 0

    def double(self, text):
        escapes = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\", "\x07": "\\a", "\x85": "\\N", "\u2028": "\\L"}
        out = "".join(escapes.get(c, c) if c in escapes else
                      f"\\u{ord(c):04x}" if ord(c) < 0x10000 and self.rng.random() < .1 else c for c in text)
        return f'"{out}"'

    def quoted(self, text, indent):
        if "\n" in text or text != text.strip() or not text.isprintable() or self.rng.random() < .5:
            return self.double(text)
        fold = f"\n{indent}  " if self.rng.random() < .3 and "  " not in text else " "
        return "'" + text.replace("'", "''").replace(" ", fold) + "'"

    def block(self, text, indent):
        style = self.rng.choice("|>") + self.rng.choice(["", "-", "+"])
        hint = "2" if text[:1] in " \n\t" else ""
        lines = text.split("\n")
        body = "".join(f"{indent}  {line}\n" if line else "\n" for line in lines)
        return f"{style}{hint}\n{body}" if text else f"{style}\n"

    def scalar(self, indent, flow):
        text = self.rng.choice(WORDS)
        choice = self.rng.random()
        if not flow and choice < .2 and text.replace("\n", "").isprintable():
            return self.block(text, indent)
        tag = self.rng.choice(TAGS) if choice > .95 else ""
        plain = re.fullmatch(r"[\w./+~-][\w./ +-]*(?<! )|", text) and not text.startswith("- ")
        if plain and choice < .7 and (text or not (flow or tag)):
            return tag + text
        return tag + self.quoted(text, indent)

    def anchor(self):
        if self.rng.random() < .1:
            self.names += 1
            return f"&a{self.names} ", f"a{self.names}"
        return "", None

    def flow(self, depth, indent):
        choice = self.rng.random()
        if depth == 0 or choice < .5:
            return self.scalar(indent, True)
        space = self.rng.choice(["", " ", f"\n{indent}   "])
        if choice < .75:
            return "[" + ("," + (space or " ")).join(self.flow(depth - 1, indent)
                                                     for _ in range(self.rng.randrange(4))) + "]"
        return "{" + ", ".join(f"k{i}: {self.flow(depth - 1, indent)}" for i in range(self.rng.randrange(4))) + space + "}"

    def value(self, depth, indent):
        """What follows "key:" or "-": with its own separator, up to the end of its last line."""
        choice = self.rng.random()
        if self.anchors and choice < .05:
            return f" *{self.rng.choice(self.anchors)}\n"
        mark, name = self.anchor()
        if depth == 0 or choice < .5:
            text = self.scalar(indent, False)
            out = f" {mark}{text}"
            out = out if text[:1] in ("|", ">") and out.endswith("\n") else out + self.rng.choice(["", " ", "  # c"]) + "\n"
        elif choice < .6:
            out = f" {mark}{self.flow(2, indent)}\n"
        else:
            out = f" {mark}".rstrip() + "\n" + self.collection(depth - 1, indent)
        if name is not None:
            self.anchors.append(name)
        return out

    def collection(self, depth, indent):
        deeper = indent + " " * self.rng.choice([2, 2, 4])
        count = self.rng.randrange(1, 5)
        noise = ["", "", "", "\n", f"{deeper}# comment\n"]
        if self.rng.random() < .4:
            return "".join(self.rng.choice(noise[:3]) + f"{deeper}-{self.value(depth, deeper)}" for _ in range(count))
        keys = [self.rng.choice([f"k{i}", f'"q {i}"', f"'s{i}'", f"{i}", f"? x{i}\n{deeper}"]) for i in range(count)]
        return "".join(f"{deeper}{key}:{self.value(depth, deeper)}" for key in keys)

    def document(self):
        depth = self.rng.choice([1, 2, 3, 4, 30])
        if depth == 30:
            text = "".join(f"{' ' * i}k:\n" for i in range(self.rng.randrange(10, 50))) + " " * 50 + "v\n"
        else:
            text = re.sub("^  ", "", self.collection(depth, ""), flags=re.M) if self.rng.random() < .3 else \
                self.collection(depth, "")
        head = self.rng.choice(["", "", "---\n", "--- # c\n", "%YAML 1.1\n---\n", "# first\n"])
        text = head + text
        return text.replace("\n", "\r\n") if self.rng.random() < .1 else text


def theirs(text):
    """The expected tree, or None where libyaml refuses."""
    try:
        loader = Loader(text.encode())
        node = loader.get_single_node()
        loader.dispose()
        return ["n"] if node is None else tree(node)
    except (yaml.YAMLError, RecursionError):
        return None


def ours(texts):
    data = b"".join(b"%d\n%s" % (len(t.encode()), t.encode()) for t in texts)
    out = subprocess.run([BUILD / "tests/kernel/yaml_tree"], input=data, stdout=subprocess.PIPE, check=True).stdout
    lines = out.decode().split("\n")
    return [json.loads(line[3:]) if line.startswith("ok ") else None for line in lines[:len(texts)]]


def differences(texts):
    """(text, expected, read), and how many both readers took."""
    expected, read = [theirs(t) for t in texts], ours(texts)
    return [(t, e, r) for t, e, r in zip(texts, expected, read) if e != r], sum(e is not None for e in expected)


def generated(count, seed):
    return [Writer(random.Random(f"{seed}.{i}")).document() for i in range(count)]


class Reader(unittest.TestCase):
    def compare(self, texts, least):
        wrong, good = differences(texts)
        for text, expected, read in wrong[:1]:
            self.fail(f"{len(wrong)} of {len(texts)} differ\n{text!r}\nlibyaml: {expected}\nours:    {read}")
        self.assertGreater(good, least)

    def test_generated(self):
        self.compare(generated(COUNT, "suite"), COUNT * 8 // 10)

    def test_shapes(self):
        texts = [path.read_bytes().decode() for path in sorted(SHAPES.glob("*.yaml"))]
        self.compare(texts, len(texts) - 1)

    def test_scalars(self):
        self.compare([f"k: {word}\n" for word in WORDS if re.fullmatch(r"[\w.+~-]*", word)], 20)


if __name__ == "__main__":
    found, readable = differences(generated(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "run"))
    for row in found[:3]:
        print(*map(repr, row), sep="\n")
    print(f"{sys.argv[1]} documents, {readable} readable, {len(found)} differences")
