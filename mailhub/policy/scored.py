"""X-Spam-Status: what a filter thinks of a message, for programs of its reader (procmail, Sieve,
mail clients) that know SpamAssassin's field.

Every field of that name that comes from elsewhere says nothing; ours is the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NAME = "X-Spam-Status"
TESTS = 100
"""Most tests that are named."""
_LINE = 76
_TEST = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def field(spam: bool, score: float, needed: float, tests: Iterable[str]) -> bytes:
    """The field with its CRLF, and X-Spam-Flag where it is spam."""
    named = [test for test in tests if _TEST.fullmatch(test)][:TESTS]
    lines = [f"{NAME}: {'Yes' if spam else 'No'}, score={score:.1f} required={needed:.1f}"]
    line = " tests="
    for test in named or ["none"]:
        if len(line) + len(test) + 1 > _LINE:
            lines.append(line)
            line = "\t"
        line += f"{test},"
    lines.append(line.rstrip(","))
    text = "\r\n".join(lines)
    flag = "X-Spam-Flag: YES\r\n" if spam else ""
    return f"{flag}{text}\r\n".encode("ascii")
