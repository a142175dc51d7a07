"""Every script of the corpus, on every message: we do what Pigeonhole does, or say why not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailhub.policy.sieve.outcome import Bounds
from mailhub.wire.sieve.program import Include
from mailhub.wire.sieve.tree import BadScript
from tests.live.pigeonhole import Pigeonhole, Verdict, pigeonhole
from tests.sieve_corpus import INCLUDED, MESSAGES, SCRIPTS, SHARED, TESTS
from tests.sieving import AROUND, play

pytestmark = pytest.mark.live

LIBRARY = {
    **{Include(name, False): source for name, source in INCLUDED.items()},
    **{Include(name, True): source for name, source in SHARED.items()},
}
BOUNDS = Bounds(filings=1000)
CHUNK = 25


@pytest.fixture(scope="module")
def theirs() -> Iterator[Pigeonhole]:
    with pigeonhole() as made:
        for name, source in INCLUDED.items():
            made.include(name, source)
        for name, source in SHARED.items():
            made.include(name, source, shared=True)
        yield made


def ours(source: str, message: bytes) -> Verdict:
    """What we do, in the same words."""
    try:
        outcome = play(source, message, AROUND, BOUNDS, LIBRARY)
    except BadScript:
        return Verdict(refused=True)
    if outcome.error:
        return Verdict(failed=True)
    answered: list[str] = []
    vacation = outcome.vacation
    if vacation is not None:
        answered = [f"=> seconds : {vacation.seconds}"]
        answered += [f"=> subject : {vacation.subject}"] if vacation.subject else []
        answered += [f"=> from    : {vacation.sender}"] if vacation.sender else []
    return Verdict(
        tuple(
            (one.mailbox or "INBOX", tuple(sorted(flag.lower() for flag in one.flags)))
            for one in outcome.filings
        ),
        tuple(one.address for one in outcome.forwardings),
        outcome.rejection.text.replace("\r\n", "??") if outcome.rejection else None,
        tuple(answered),
    )


CASEMAP = (
    "i;ascii-casemap orders as if all were upper case (RFC 4790 9.2.1); Pigeonhole lowers, and so"
    " sees what stands between Z and a on the other side of the letters"
)
FIRST = "Pigeonhole's date test takes the first field, whatever :index says (RFC 5260 section 6)"
DIFFERENT_TESTS: dict[str, str] = {
    'header :value "gt" "subject" "m"': CASEMAP,
    'header :value "ge" "subject" "_"': CASEMAP,
    'address :domain :value "gt" "from" "f"': CASEMAP,
    'date :index 2 :zone "+0000" "received" "hour" "22"': FIRST,
    'date :index 1 :last :originalzone "received" "hour" "22"': FIRST,
    'body :text :contains "hello world"': "Pigeonhole puts a space where an inline tag stood",
}
"""What the two answer differently, and why that is so on purpose."""
DIFFERENT_SCRIPTS: dict[str, str] = {
    "captures kept": "the comparator of the string test is i;ascii-casemap where none is named (RFC"
    " 5228 2.7.3); Pigeonhole takes i;octet there",
    "foreign namespace": "a variable of an unknown namespace is an error (RFC 5229 section 3)",
}
"""`ereject` stands in no script: this Pigeonhole does not know it."""


def groups() -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Tests of the same extensions, so many at a time."""
    found: dict[tuple[str, ...], list[str]] = {}
    for needs, test in TESTS:
        found.setdefault(tuple(needs), []).append(test)
    for extensions, tests in found.items():
        for at in range(0, len(tests), CHUNK):
            yield extensions, tests[at : at + CHUNK]


def asking(extensions: tuple[str, ...], tests: list[str]) -> str:
    """A script that files once for each test that holds."""
    required = ", ".join(f'"{one}"' for one in ("fileinto", *extensions))
    asked = "".join(f'if {test} {{fileinto "{n}";}}\n' for n, test in enumerate(tests))
    return f"require [{required}];\n{asked}"


def test_every_test_on_every_message(theirs: Pigeonhole) -> None:
    different: dict[str, list[str]] = {}
    for extensions, tests in groups():
        source = asking(extensions, tests)
        for name, message in MESSAGES.items():
            mine = ours(source, message)
            other = theirs.play(source, message, AROUND.sender, AROUND.recipient)
            whole = (mine.refused, mine.failed), (other.refused, other.failed)
            assert whole == ((False, False), (False, False)), source
            odd = {box for box, _ in mine.filed} ^ {box for box, _ in other.filed}
            for number in odd - {"INBOX"}:
                different.setdefault(tests[int(number)], []).append(name)
    assert different.keys() == DIFFERENT_TESTS.keys(), different


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_on_every_message(name: str, theirs: Pigeonhole) -> None:
    different = []
    for label, message in MESSAGES.items():
        mine = ours(SCRIPTS[name], message)
        other = theirs.play(SCRIPTS[name], message, AROUND.sender, AROUND.recipient)
        if mine != other:
            different.append((label, mine, other))
        if mine.refused and other.refused:
            break  # no message makes it better
    assert bool(different) is (name in DIFFERENT_SCRIPTS), different
