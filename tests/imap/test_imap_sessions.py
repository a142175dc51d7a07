"""Sessions over time: revocation, back-pressure, disconnects, faults, shutdown, memory."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest

from mailhub.imap import capabilities, replies
from mailhub.imap.table import VERBS
from mailhub.imap.talk import MAX_ERRORS
from mailhub.model import errors
from mailhub.model.errors import MailhubError, StorageFull
from tests.imap.listener import JOE, LOGGED_IN, SELECTED, IMAPListener
from tests.support import run
from tests.transcript import Conversation
from tests.world import ACTOR, World, world

MESSAGE = b"Subject: x\r\n\r\n."


def opened(
    people: World | None = None, steps: bytes = SELECTED, **changes: Any
) -> tuple[World, Conversation]:
    made = people or world()
    return made, IMAPListener(made, steps=steps, **changes)()


# -- revocation


def test_a_session_ends_when_the_password_changes() -> None:
    people, conversation = opened(steps=SELECTED + b"i IDLE\r\n")
    _, stranger = opened(people, steps=b"")
    stranger.read()
    run(people.accounts.set_password(people.people[JOE].number, "another one entirely", ACTOR))
    assert conversation.read() == b"* BYE The session was ended by the server\r\n"
    assert conversation.transport.disconnecting
    assert stranger.read() == b""
    stranger.send(LOGGED_IN)
    assert stranger.read().startswith(b"i0 NO [AUTHENTICATIONFAILED]")


def test_a_session_ends_when_its_account_is_removed() -> None:
    people, conversation = opened()
    run(people.accounts.remove(people.people[JOE].number, ACTOR))
    assert conversation.read().endswith(b"* BYE The session was ended by the server\r\n")


def test_a_session_goes_on_when_its_account_merely_changed() -> None:
    people, conversation = opened()
    account = run(people.store.accounts.get(people.people[JOE].number))
    assert account is not None
    run(people.store.accounts.replace(account, ACTOR))
    conversation.send(b"n NOOP\r\n")
    assert conversation.read() == b"n OK Done\r\n"


# -- news


def test_news_wait_while_the_peer_does_not_read() -> None:
    people, conversation = opened(steps=SELECTED + b"i IDLE\r\n")
    protocol: Any = conversation.protocol
    protocol.pauseProducing()
    people.deliver(JOE, MESSAGE)
    people.deliver(JOE, MESSAGE)
    assert conversation.read() == b""
    protocol.resumeProducing()
    assert conversation.read() == b"* 2 EXISTS\r\n* 2 RECENT\r\n"


def test_news_stop_with_the_idle() -> None:
    people, conversation = opened(steps=SELECTED + b"i IDLE\r\nDONE\r\n")
    people.deliver(JOE, MESSAGE)
    assert conversation.read() == b""
    conversation.send(b"n NOOP\r\n")
    assert conversation.read() == b"* 1 EXISTS\r\n* 1 RECENT\r\nn OK Done\r\n"


def test_an_idle_session_hears_that_its_mailbox_is_gone() -> None:
    people, conversation = opened(steps=LOGGED_IN + b"a CREATE x\r\nb SELECT x\r\nc IDLE\r\n")
    run(people.mailboxes.remove(people.people[JOE].number, "x", ACTOR))
    assert conversation.read() == b"* BYE The selected mailbox was deleted or renumbered\r\n"
    assert conversation.transport.disconnecting


# -- ends


@pytest.mark.parametrize(
    "steps",
    [
        b"",
        LOGGED_IN,
        SELECTED,
        SELECTED + b"i IDLE\r\n",
        b"a AUTHENTICATE PLAIN\r\n",
        SELECTED + b"a APPEND INBOX {10}\r\nabc",
        SELECTED + b"a APPEND INBOX {3+}\r\nabc {10}\r\nabc",
        SELECTED + b"a BOGUS {10+}\r\nabc",
        SELECTED + b"a SELECT {10}\r\nabc",
    ],
)
def test_a_disconnect_leaves_nothing_behind(steps: bytes) -> None:
    people = world()
    spools = CountingSpools(people)
    conversation = IMAPListener(people, steps=steps)()
    before = listening(people)
    conversation.drop()
    assert spools.open == 0
    assert listening(people) == before - (1 if steps.startswith(LOGGED_IN) else 0)
    other = IMAPListener(people, steps=LOGGED_IN)()
    other.send(b'l LIST "" INBOX\r\n')
    assert other.read().endswith(b"l OK That is all\r\n")


def listening(people: World) -> int:
    """Listeners to joe's account; one of them is what shares its selected mailboxes."""
    return len(people.watch._listeners.get(people.people[JOE].number, {}))


class CountingSpools:
    """Counts spools and bodies that nobody let go of."""

    def __init__(self, people: World) -> None:
        self.open = 0
        real = people.store.spools.open

        def count(head: bytes = b"") -> Any:
            spool = real(head)
            self.open += 1
            finish, abort = spool.finish, spool.abort

            def counted_finish() -> Any:
                body = finish()
                close = body.close

                def counted_close() -> None:
                    self.open -= 1
                    close()

                return Proxy(body, close=counted_close)

            def counted_abort() -> None:
                self.open -= 1
                abort()

            return Proxy(spool, finish=counted_finish, abort=counted_abort)

        people.store.spools.open = count  # type: ignore[method-assign]


class Proxy:
    """An object with some methods replaced."""

    def __init__(self, target: Any, **methods: Any) -> None:
        self.__dict__.update(methods, target=target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)


@pytest.mark.parametrize(
    "text",
    [
        b"a APPEND INBOX {15+}\r\n" + MESSAGE + b"\r\n",
        b"a APPEND INBOX {15+}\r\n" + MESSAGE + b" {15+}\r\n" + MESSAGE + b"\r\n",
        b"a APPEND INBOX {15+}\r\n" + MESSAGE + b" bogus\r\n",
        b"a APPEND INBOX {15+}\r\n" + MESSAGE + b" {0+}\r\n\r\n",
        b"a APPEND INBOX {15+}\r\n" + MESSAGE + b" {0}\r\n",
        b"a APPEND Nowhere {15+}\r\n" + MESSAGE + b"\r\n",
        b"a APPEND INBOX {999999999+}\r\n",
        b"a APPEND INBOX {999999999}\r\n",
    ],
)
def test_every_upload_is_let_go_of(text: bytes) -> None:
    people = world()
    spools = CountingSpools(people)
    _, conversation = opened(people)
    conversation.send(text)
    conversation.send(b"n NOOP\r\n")
    if b"999999999+" in text:
        conversation.drop()
    else:
        assert conversation.read().endswith(b"n OK Done\r\n")
    assert spools.open == 0


def test_a_full_disk_refuses_the_upload_and_not_the_session() -> None:
    people, conversation = opened()
    real = people.store.spools.open

    def full(chunk: bytes) -> None:
        raise StorageFull

    def open_full(head: bytes = b"") -> Any:
        return Proxy(real(head), write=full)

    people.store.spools.open = open_full  # type: ignore[method-assign]
    conversation.send(b"a APPEND INBOX {15+}\r\n" + MESSAGE + b"\r\nn NOOP\r\n")
    said = conversation.read()
    assert said == b"a NO [UNAVAILABLE] Insufficient system storage\r\nn OK Done\r\n"


def test_a_fault_of_ours_costs_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    people, conversation = opened()

    async def fail(*arguments: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(people.mailboxes, "all", fail)
    conversation.send(b'a LIST "" *\r\nn NOOP\r\n')
    said = conversation.read()
    assert said == (
        b"a NO [SERVERBUG] Internal error, the command was not carried out\r\nn OK Done\r\n"
    )
    [event] = people.log.named("imap-command-failed")
    assert event["command"] == "LIST"
    assert "RuntimeError" in str(event["trace"])


def test_shutdown_says_goodbye() -> None:
    _, conversation = opened(steps=SELECTED + b"i IDLE\r\n")
    protocol: Any = conversation.protocol
    protocol.retire()
    assert conversation.read() == b"* BYE The server is shutting down\r\n"
    assert conversation.transport.disconnecting


def test_a_pipelined_batch_is_answered_in_one_write() -> None:
    _, conversation = opened()
    writes: list[bytes] = []
    conversation.transport.write = writes.append  # type: ignore[method-assign]
    conversation.send(b"a NOOP\r\n" * 50)
    assert writes == [b"a OK Done\r\n" * 50]


def test_failed_logins_end_the_session() -> None:
    people, conversation = opened(steps=b"")
    conversation.read()
    for _ in range(MAX_ERRORS):
        people.clock.advance(60)
        conversation.send(b"a LOGIN joe@example.org wrong\r\n")
    assert conversation.read().endswith(b"* BYE Too many errors\r\n")
    assert conversation.transport.disconnecting


# -- the account is a wall

NAMES = (b"Secret", b"Secret/Deeper", b"../2/Secret", b"user.ann/Secret", b"~ann/Secret", b"#2")
WITH_NAME = (
    b"SELECT %b",
    b"EXAMINE %b",
    b"STATUS %b (MESSAGES)",
    b"DELETE %b",
    b"RENAME %b Mine",
    b"COPY 1 %b",
    b"MOVE 1 %b",
    b"UID COPY 1 %b",
    b"UID MOVE 1 %b",
    b"GETQUOTAROOT %b",
    b"APPEND %b {15+}\r\n" + MESSAGE,
    b"REPLACE 1 %b {15+}\r\n" + MESSAGE,
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", WITH_NAME)
def test_no_command_reaches_another_accounts_mailbox(command: bytes, name: bytes) -> None:
    """Attack: another account's mailbox in every command that takes a name (CVE-2026-47027)."""
    people = world(people=(JOE, "ann@example.org"))
    ann = people.people["ann@example.org"].number
    run(people.mailboxes.create(ann, "Secret/Deeper", ACTOR))
    people.deliver(JOE, MESSAGE)
    before = run(people.mailboxes.all(ann))
    _, conversation = opened(people)
    conversation.send(b"x " + command % name + b"\r\n")
    answer = conversation.read().splitlines()[-1]
    assert answer.startswith(b"x NO [")
    assert run(people.mailboxes.all(ann)) == before
    conversation.send(b'l LIST "" *%b*\r\n' % name.rpartition(b"/")[2].strip(b"#"))
    assert b"Secret" not in conversation.read()


# -- tables


def test_the_capabilities_are_one_table() -> None:
    facts = capabilities.Facts(
        authenticated=True, starttls=True, login=True, compress=True, append_limit=5, mechanisms=()
    )
    offered = capabilities.names(facts).decode().split()
    assert len(offered) == len(set(offered))
    assert "APPENDLIMIT=5" in offered
    assert not {"STARTTLS", "SASL-IR", "LOGINDISABLED"} & set(offered)
    needed = """
    IMAP4rev1 IMAP4rev2 IDLE NAMESPACE ENABLE ID UNSELECT UIDPLUS MOVE CHILDREN SPECIAL-USE
    CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE LITERAL+ CONDSTORE QRESYNC ESEARCH
    SEARCHRES WITHIN SORT SORT=DISPLAY ESORT THREAD=REFERENCES THREAD=REFS THREAD=ORDEREDSUBJECT
    BINARY MULTIAPPEND UTF8=ACCEPT COMPRESS=DEFLATE QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE
    OBJECTID PREVIEW SAVEDATE REPLACE PARTIAL INPROGRESS"""
    assert set(needed.split()) <= set(offered)


def test_every_promised_command_exists() -> None:
    """The verbs that the offered capabilities bring along."""
    needed = """CAPABILITY|NOOP|LOGOUT|STARTTLS|AUTHENTICATE|LOGIN|ENABLE|SELECT|EXAMINE|CREATE
    DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|LIST|LSUB|NAMESPACE|STATUS|APPEND|IDLE|CLOSE|UNSELECT
    EXPUNGE|UID EXPUNGE|SEARCH|UID SEARCH|FETCH|UID FETCH|STORE|UID STORE|COPY|UID COPY|MOVE
    UID MOVE|SORT|UID SORT|THREAD|UID THREAD|ID|GETQUOTA|GETQUOTAROOT|SETQUOTA|COMPRESS|CHECK
    REPLACE|UID REPLACE|XLIST"""
    names = {name.strip().encode() for line in needed.splitlines() for name in line.split("|")}
    assert names == set(VERBS)


def test_every_error_kind_has_its_code() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, MailhubError)
    ]
    for kind in kinds:
        reply = replies.of_error(kind())
        assert reply.code
        line = reply.line(b"t")
        assert line == b"t NO [%b] %b\r\n" % (reply.code, kind.default.encode())
        if kind is not MailhubError:
            assert any(issubclass(kind, row[0]) for row in replies.CODES[:-1]), kind


def test_no_text_of_an_error_can_end_a_line() -> None:
    reply = replies.of_error(errors.NotFound("a\r\n* BYE b\0ä"))
    assert reply.line(b"t") == b"t NO [NONEXISTENT] a  * BYE b ?\r\n"


def test_an_idle_session_is_small() -> None:
    """The floor is 20 KiB of a whole connection; a session's own share is a few."""
    people = world()
    listener = IMAPListener(people, steps=SELECTED + b"i IDLE\r\n")
    kept = [listener() for _ in range(20)]
    for one in kept:
        one.transport.clear()
    gc.collect()
    tracemalloc.start()
    try:
        kept += [listener() for _ in range(100)]
        gc.collect()
        traced, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert traced / 100 < 10 * 1024
