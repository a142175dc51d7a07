"""Sieve scripts of any text, run on messages of the corpus and on any bytes."""

from __future__ import annotations

from collections.abc import Iterator

from mailhub.policy.sieve.outcome import Bounds
from mailhub.wire.sieve.checks import compiled
from mailhub.wire.sieve.tree import FAULTS, BadScript
from mailhub.wire.sieve.vocabulary import COMMANDS, EXTENSIONS, TESTS
from tests.sieve_corpus import MESSAGES, SCRIPTS
from tests.sieve_corpus import TESTS as ASKED
from tests.sieving import AROUND, play

CUT = b"\0\0"
"""Between a script and the message that it runs on; without it one of the corpus is taken."""
BOUNDS = Bounds(steps=2000, work=1 << 22, body=1 << 16)
WORDS = (
    *(f"{word} ".encode() for word in (*COMMANDS, *TESTS, "if", "elsif", "else")),
    *(f'"{name}"'.encode() for name in EXTENSIONS),
    *(
        b":is",
        b":contains",
        b":matches",
        b":count",
        b":value",
        b":comparator",
        b":index 1",
        b":last",
    ),
    *(b":flags", b":copy", b":create", b":over 1K", b":raw", b":content", b"{", b"}", b"(", b")"),
    *(
        b"[",
        b"]",
        b",",
        b";",
        b'"',
        b"text:\r\n",
        b"\r\n.\r\n",
        b"/*",
        b"*/",
        b"#",
        b"${a}",
        b"${1}",
    ),
    *(b"${hex:41}", b"*", b"?", b"\\", b"subject", b"i;octet", b"i;ascii-numeric", b"gt", CUT),
)
REQUIRED = f"require [{', '.join(f'{chr(34)}{name}{chr(34)}' for name in EXTENSIONS)}];\n"


def seeds() -> Iterator[bytes]:
    """The scripts of the corpus, and its tests one by one."""
    for number, source in enumerate(SCRIPTS.values()):
        yield bytes([number % 8]) + source.encode()
    for number, (_, test) in enumerate(ASKED):
        yield bytes([number % 8 | 128]) + f"if {test} {{keep;}} else {{discard;}}".encode()


def one(data: bytes) -> None:
    """The first byte: which message, and whether everything is required before the script."""
    first, rest = data[:1] or b"\0", data[1:]
    script, cut, message = rest.partition(CUT)
    source = script.decode("utf-8", "replace")
    if first[0] & 128:
        source = REQUIRED + source
    if not cut:
        message = list(MESSAGES.values())[first[0] % len(MESSAGES)]
    faults = None
    try:
        program = compiled(source)
    except BadScript as error:
        faults = error.faults
    if faults is not None:
        assert 0 < len(faults) <= FAULTS, "no fault, or too many"
        lines = source.count("\n") + 1
        assert all(0 < one.place.line <= lines for one in faults), "a fault is nowhere"
        assert all(one.text and "\n" not in one.text for one in faults)
        return
    assert program == compiled(source), "a script has two meanings"
    outcome = play(source, message, AROUND, BOUNDS)
    assert outcome == play(source, message, AROUND, BOUNDS), "a run has two outcomes"
    if outcome.error:
        assert [one.implicit for one in outcome.filings] == [True], "an error loses mail"
        assert not outcome.forwardings
    for filing in outcome.filings:
        header = filing.header
        assert header is None or b"\n\n" not in header.rstrip(b"\r\n"), "a header has a hole"
