"""What the IMAP library gives or raises becomes values, or one of three kinds of fault."""

from __future__ import annotations

import imaplib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from mailhub.switching import fetched, remote
from mailhub.switching.fetched import PIECE, TOGETHER, Facts
from mailhub.switching.pace import Pace
from mailhub.switching.remote import Away, Damaged, Remote, Suspects
from mailhub.switching.source import Imap

FAR = datetime(2017, 7, 14, 4, 40, tzinfo=timezone(timedelta(hours=2)))


class Client:
    """`IMAPClient` with messages. `breaks`: the connection is gone when one of them is asked for;
    `refuses`: NO to a command that names one of them; `empty`: nothing of it is given."""

    def __init__(self, **messages: bytes) -> None:
        self.messages = {int(name[1:]): data for name, data in messages.items()}
        self.breaks: set[int] = set()
        self.refuses: set[int] = set()
        self.empty: set[int] = set()
        self.commands: list[tuple[tuple[int, ...], str]] = []

    def select_folder(self, name: str, readonly: bool) -> dict[bytes, Any]:
        assert readonly
        return {b"UIDVALIDITY": 9, b"UIDNEXT": 7, b"HIGHESTMODSEQ": 5, b"EXISTS": 3}

    def fetch(
        self, uids: Sequence[int], items: Sequence[str], modifiers: object = None
    ) -> dict[int, dict[bytes, Any]]:
        self.commands.append((tuple(uids), items[0]))
        if self.breaks & set(uids):
            raise imaplib.IMAP4.abort("BYE Internal error")
        if self.refuses & set(uids):
            raise imaplib.IMAP4.error("FETCH failed")
        return {uid: self._row(uid, items[0]) for uid in uids if uid in self.messages}

    def _row(self, uid: int, item: str) -> dict[bytes, Any]:
        data = self.messages[uid]
        row: dict[bytes, Any] = {b"SEQ": 1, b"FLAGS": (b"\\Seen", b"Todo")}
        if item.startswith("BODY.PEEK[]<"):
            start, count = map(int, item[12:-1].split("."))
            return {f"BODY[]<{start}>".encode(): data[start : start + count]}
        if item == "BODY.PEEK[]":
            return {b"BODY[]": None if uid in self.empty else data}
        return {**row, b"RFC822.SIZE": len(data), b"INTERNALDATE": FAR}


def opened(client: Client, suspects: Suspects | None = None) -> Remote:
    made = Remote(
        Imap(host="h"), "joe", "s", Pace(0), suspects if suspects is not None else Suspects()
    )
    made._client = client
    made.open("INBOX")
    return made


def bodies(one: Remote, uids: Sequence[int]) -> dict[int, bytes | str]:
    found: dict[int, bytes | str] = {}
    for body in one.bodies(uids, one.facts(uids)):
        found[body.uid] = body.why or b"".join(body.pieces())
        assert body.why or body.size == len(found[body.uid])
        body.close()
    return found


def test_facts_are_those_of_the_message() -> None:
    one = opened(Client(m1=b"abc"))
    assert one.facts([1, 2]) == {1: Facts(("\\Seen", "Todo"), 3, 1_500_000_000)}
    assert one.facts([1])[1].flags == ("\\seen", "todo")


def test_small_messages_come_together_and_large_ones_in_pieces() -> None:
    large = b"x" * (TOGETHER + 5)
    even = b"y" * (3 * PIECE)
    client = Client(m1=b"a", m2=b"b", m3=large, m4=even, m5=b"c")
    assert bodies(opened(client), [1, 2, 3, 4, 5]) == {1: b"a", 2: b"b", 3: large, 4: even, 5: b"c"}
    asked = [uids for uids, item in client.commands if item == "BODY.PEEK[]"]
    assert asked == [(1, 2), (5,)]


def test_a_digest_can_be_taken_before_the_pieces() -> None:
    large = b"x" * (TOGETHER + 5)
    one = opened(Client(m3=large))
    (body,) = one.bodies([3], one.facts([3]))
    first = body.digest()
    assert b"".join(body.pieces()) == large
    assert body.digest() == first
    body.close()


def test_one_message_that_cannot_be_read_hinders_no_other() -> None:
    client = Client(m1=b"a", m2=b"b", m3=b"c")
    client.refuses = {2}
    one = opened(client)
    facts = {uid: Facts((), 1, 0) for uid in (1, 2, 3)}
    found = {body.uid: body.why for body in one.bodies([1, 2, 3], facts)}
    assert found == {1: "", 2: "FETCH failed", 3: ""}
    assert set(one.facts([1, 2, 3])) == {1, 3}


def test_a_message_of_which_nothing_is_given_is_damaged() -> None:
    client = Client(m1=b"a", m2=b"b")
    client.empty = {2}
    assert bodies(opened(client), [1, 2, 9]) == {1: b"a", 2: remote.NOTHING}


def test_a_message_at_which_connections_break_is_found_and_left_out() -> None:
    suspects = Suspects()
    client = Client(m1=b"a", m2=b"b", m3=b"c")
    facts = {uid: Facts((), 1, 0) for uid in (1, 2, 3)}
    client.breaks = {2}
    for _ in range(2):
        with pytest.raises(Away, match="BYE"):
            list(opened(client, suspects).bodies([1, 2, 3], facts))
    found = {body.uid: body.why for body in opened(client, suspects).bodies([1, 2, 3], facts)}
    assert found == {1: "", 2: "the server breaks the connection at it", 3: ""}


def test_what_a_connection_broke_at_by_chance_is_no_suspect_for_long() -> None:
    suspects = Suspects()
    client = Client(m1=b"a", m2=b"b")
    client.breaks = {1, 2}
    with pytest.raises(Away):
        opened(client, suspects).facts([1, 2])
    client.breaks = set()
    assert bodies(opened(client, suspects), [1, 2]) == {1: b"a", 2: b"b"}
    assert suspects.total() == 0


def test_faults_of_the_network_and_of_grammar_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client(m1=b"a")
    one = opened(client)
    monkeypatch.setattr(client, "select_folder", _raising(TimeoutError("timed out")))
    with pytest.raises(Away, match="timed out"):
        one.open("x")
    monkeypatch.setattr(client, "select_folder", _raising(ValueError("bad")))
    with pytest.raises(Damaged, match="ValueError"):
        one.open("x")
    one._client = None
    with pytest.raises(Away):
        one.uids()


def _raising(error: Exception) -> Any:
    def act(*words: object, **more: object) -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5), (b"7", 7), ((8,), 8), (None, 0), (b"", 0), ([], 0)],
)
def test_modseqs(value: object, expected: int) -> None:
    assert fetched.modseq_of(value) == expected


def test_dates() -> None:
    assert fetched.date_of(datetime(1970, 1, 2, tzinfo=UTC)) == 86400
    assert fetched.date_of(None) == fetched.UNREADABLE


def test_runs_are_bounded() -> None:
    facts = {uid: Facts((), TOGETHER // 2, 0) for uid in range(1, 6)}
    assert list(fetched.runs([1, 2, 3, 4, 5, 9], facts, ())) == [[1, 2], [3, 4], [5]]
    small = {uid: Facts((), 1, 0) for uid in range(1, fetched.RUN + 2)}
    assert [len(run) for run in fetched.runs(list(small), small, ())] == [fetched.RUN, 1]
    assert list(fetched.runs([1, 2, 3], small, {2})) == [[1], [2], [3]]
