"""
Why tests failed, in one short line each, from what unittest, cmocka and the sanitizers print. A reader who sees only a part
of the output of run.py should see these.
"""
import re

MAX_CHARS, MAX_FRAMES = 300, 3  # of one reason
MAX_REASONS = 10  # of one module

# What stands in a line of its own when a program ends instead of failing a test.
ENDINGS = re.compile(r"^.*(?:runtime error: |ERROR: \w+Sanitizer: |Assertion `.*' failed).*$|^(?:ended by|stopped after) .*$",
                     re.M)


def squeezed(text):
    text = " ".join(text.split())
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS] + "..."


def of_unittest(text):
    """From blocks of: ====, FAIL: name, ----, Traceback …, indented frames, what was raised."""
    for block in re.split(r"^={70}\n(?=FAIL: |ERROR: |UNEXPECTED SUCCESS: )", text, flags=re.M)[1:]:
        name, _, rest = block.partition("\n")
        trace = rest.rpartition("Traceback (most recent call last):\n")[2]
        frames, raised = re.match(r"((?: .*\n|\n)*)((?:(?!-{70}$).*\n?)*)", trace, re.M).groups()
        places = re.findall(r'^  File ".*?([^/"]+)", line (\d+)', frames, re.M)[-MAX_FRAMES:]
        yield squeezed(" ".join([f"{name}:", *map(":".join, places), raised]))


def of_cmocka(text):
    """From blocks of: [ RUN ] name, [ ERROR ] --- what, [ LINE ] --- where, [ FAILED ] name."""
    for block in text.split("[ RUN      ] ")[1:]:
        name = block.partition("\n")[0]
        if f"[  FAILED  ] {name}\n" in block:
            lines = re.findall(r"^\[ +(?:ERROR|LINE) +\] --- (.*?)(?:: error: Failure!)?$", block, re.M)
            yield squeezed(f"{name}: {' '.join(lines)}")


def of(text):
    """The reasons in the output of one module, at most MAX_REASONS; the last line where nothing is known."""
    found = [*of_unittest(text), *of_cmocka(text), *map(squeezed, ENDINGS.findall(text))]
    found = list(dict.fromkeys(found)) or [squeezed(line) for line in text.splitlines() if line.strip()][-1:]
    more = len(found) - MAX_REASONS
    return found if more <= 0 else [*found[:MAX_REASONS], f"and {more} more"]
