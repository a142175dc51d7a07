"""The fuzz targets hold on their seeds and on what a few seeds become under plain mutation.

That keeps them from rotting; `make fuzz` looks for defects.
"""

from __future__ import annotations

import random
from itertools import islice
from typing import Any

import pytest

from fuzz import imap, managesieve, mime, nameserver, pop3, sieve, smtp
from fuzz.sessions import spelled
from mailhub.core.intake import Intake
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.maildrop import Maildrop
from mailhub.core.scripts import Scripts

pytestmark = pytest.mark.thorough

TARGETS: dict[str, Any] = {
    "imap": imap,
    "managesieve": managesieve,
    "mime": mime,
    "nameserver": nameserver,
    "pop3": pop3,
    "sieve": sieve,
    "smtp": smtp,
}
MUTANTS = 100


def mutant(target: Any, seeds: list[bytes], chance: random.Random) -> bytes:
    """A seed with bytes changed, words put in and pieces of another seed put in or taken out."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                data[at:at] = chance.choice(target.WORDS)
            case 2:
                del data[at : at + chance.randrange(30)]
            case _:
                data[at:at] = chance.choice(seeds)[chance.randrange(100) :][:200]
    return bytes(data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds(name: str) -> None:
    target = TARGETS[name]
    seeds = list(target.seeds())
    assert len(seeds) > 100
    for data in islice(seeds, 0, None, len(seeds) // 60):
        target.one(data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_mutants(name: str) -> None:
    target = TARGETS[name]
    seeds, chance = list(target.seeds()), random.Random(name)
    for _ in range(MUTANTS):
        target.one(mutant(target, seeds, chance))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_anything_short(name: str) -> None:
    for data in (b"", b"\0", b"\0\0", b"\xff\xff\xff", bytes(range(256)), bytes(300)):
        TARGETS[name].one(data)


@pytest.mark.parametrize(
    ("name", "owner", "method", "wire"),
    [
        ("smtp", Intake, "recipient", b"MAIL FROM:<>\r\nRCPT TO:<joe@example.org>\r\n"),
        ("imap", Mailboxes, "all", b'a LIST "" *\r\n'),
        ("pop3", Maildrop, "unique_id", b"UIDL\r\n"),
        ("managesieve", Scripts, "all", b"LISTSCRIPTS\r\n"),
    ],
)
def test_a_defect_in_an_answer_is_noticed(
    name: str, owner: type, method: str, wire: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = spelled({"smtp": 8, "imap": 2, "pop3": 3, "managesieve": 3}[name], 0, wire)
    TARGETS[name].one(session)

    def broken(*_: object, **__: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(owner, method, broken)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        TARGETS[name].one(session)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("smtp", b"250 ok\r\n25 short\r\n"),
        ("smtp", b"250-a\r\n251 b\r\n"),
        ("smtp", b"250-a\r\n"),
        ("smtp", b"250 a\nb\r\n"),
        ("smtp", b"250 %b\r\n" % (b"x" * 507)),
        ("pop3", b"hello\r\n"),
        ("pop3", b"+OK\r\n+OK\r\nline\r\n.x\r\n.\r\n"),
        ("pop3", b"+OK\r\n+OK\r\nline\r\n"),
        ("managesieve", b"hello\r\n"),
        ("managesieve", b'"a'),
        ("managesieve", b"{5}\r\nabc\r\nOK\r\n"),
        ("imap", b"* OK\r\nhello\r\n"),
        ("imap", b"a YES done\r\n"),
        ("imap", b"* 1 FETCH (BODY[] {9}\r\nabc)\r\n"),
        ("imap", b"* a\nb\r\n"),
        ("imap", b"* OK unended"),
    ],
)
def test_a_wrong_answer_is_noticed(name: str, said: bytes) -> None:
    with pytest.raises(AssertionError):
        TARGETS[name].check(said)
