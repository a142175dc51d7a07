"""POP3 sessions where the world moves: slow clients, failing stores, new passwords."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient
from twisted.internet.defer import Deferred

from mailhub.core import maildrop
from mailhub.model.errors import Corrupt, Unavailable
from mailhub.model.flags import SEEN
from mailhub.model.message import BlobRef
from tests.pop3.visits import Visits, names, put
from tests.support import run
from tests.transcript import Conversation
from tests.world import ACTOR, PASSWORD, World, world

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"
LOGIN = f"USER {JOE}\r\nPASS {PASSWORD}\r\n".encode()


def logged_in(here: World, **changes: Any) -> Conversation:
    visit = Visits(here, implicit=True, **changes)("1")
    visit.send(LOGIN)
    assert visit.read().endswith(b" octets)\r\n")
    return visit


def said(visit: Conversation, command: bytes) -> bytes:
    visit.send(command + b"\r\n")
    return visit.read()


def read_whole(answer: bytes) -> bytes:
    """The message of one RETR answer, as RFC 1939 section 3 says to read it."""
    status, _, rest = answer.partition(b"\r\n")
    assert status.startswith(b"+OK")
    assert rest.endswith(b".\r\n")
    return (b"\r\n" + rest[:-3]).replace(b"\r\n.", b"\r\n")[2:]


@settings(derandomize=True, max_examples=50, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n", b".", b"\r\n."])))
    .map(b"".join)
    .filter(lambda message: b"\n.\n" not in message and b"\n.\r\n" not in message)
)
def test_a_message_comes_back_byte_for_byte(message: bytes) -> None:
    here = world()
    put(here, JOE, message or b"\r\n")
    stored = message or b"\r\n"
    got = read_whole(said(logged_in(here), b"RETR 1"))
    assert got in (stored, stored + b"\r\n")
    assert got.endswith(b"\r\n")


def large(size: int = 3_000_000) -> bytes:
    line = b".dots and more of them.............................................\r\n"
    return b"Subject: large\r\n\r\n" + line * (size // len(line))


def test_a_large_message_waits_for_a_slow_client() -> None:
    here = world()
    message = large()
    put(here, JOE, message)
    visit = logged_in(here)
    server: Any = visit.protocol
    write = visit.transport.write

    def full(data: bytes) -> None:
        write(data)
        server.pauseProducing()

    visit.transport.write = full  # type: ignore[method-assign]
    visit.send(b"RETR 1\r\nNOOP\r\n")
    got, turns = visit.read(), 0
    while not got.endswith(b"\r\n.\r\n+OK\r\n"):
        server.resumeProducing()
        visit.settle()
        more = visit.read()
        assert 0 < len(more) <= 2 * maildrop.SLICE
        got += more
        turns += 1
    assert turns >= 3_000_000 // (2 * maildrop.SLICE)
    assert read_whole(got.removesuffix(b"+OK\r\n")) == message


def test_a_client_that_goes_in_the_middle_frees_the_lock() -> None:
    here = world()
    put(here, JOE, large())
    visits = Visits(here, implicit=True)
    first = visits("1")
    first.send(LOGIN)
    server: Any = first.protocol
    server.pauseProducing()
    first.send(b"RETR 1\r\n")
    first.drop()
    second = visits("2")
    second.send(LOGIN)
    assert b"[IN-USE]" not in second.read()


def test_top_of_a_large_message_reads_no_more_than_it_needs() -> None:
    here = world()
    put(here, JOE, large())
    visit = logged_in(here)
    reads: list[int] = []
    inner = here.store.blobs.read

    async def read(refs: list[BlobRef]) -> object:
        reads.append(sum(ref.length for ref in refs))
        return await inner(refs)

    here.store.blobs.read = read  # type: ignore[method-assign,assignment]
    answer = read_whole(said(visit, b"TOP 1 2"))
    assert answer.startswith(b"Subject: large\r\n\r\n.dots")
    assert answer.count(b"\r\n") == 4
    assert len(reads) == 1
    everything = read_whole(said(visit, b"TOP 1 9999999999"))
    assert everything == large()


def test_a_message_that_cannot_be_read_is_an_error_before_it_begins() -> None:
    here = world()
    put(here, JOE, b"a\r\n", b"b\r\n")
    visit = logged_in(here)

    async def read(refs: list[BlobRef]) -> object:
        raise Corrupt

    here.store.blobs.read = read  # type: ignore[method-assign,assignment]
    assert said(visit, b"RETR 1") == b"-ERR [SYS/PERM] Stored data is damaged\r\n"
    assert said(visit, b"TOP 1 0") == b"-ERR [SYS/PERM] Stored data is damaged\r\n"
    assert said(visit, b"STAT") == b"+OK 2 6\r\n"


def test_a_message_that_breaks_off_ends_the_connection_without_its_end() -> None:
    here = world()
    put(here, JOE, large())
    visit = logged_in(here)
    inner = here.store.blobs.read
    reads = 0

    async def read(refs: list[BlobRef]) -> object:
        nonlocal reads
        reads += 1
        if reads > 3:
            raise Corrupt
        return await inner(refs)

    here.store.blobs.read = read  # type: ignore[method-assign,assignment]
    answer = said(visit, b"RETR 1\r\nNOOP")
    assert answer.startswith(b"+OK")
    assert b"\r\n.\r\n" not in answer
    assert b"-ERR" not in answer
    assert visit.transport.disconnecting


def test_a_failed_commit_deletes_nothing_and_says_so() -> None:
    here = world()
    put(here, JOE, b"a\r\n")
    visit = logged_in(here)

    async def expunge(*_: object, **__: object) -> object:
        raise Unavailable

    here.store.messages.expunge = expunge  # type: ignore[method-assign,assignment]
    answer = said(visit, b"DELE 1\r\nQUIT")
    assert answer.startswith(b"+OK Marked\r\n-ERR [SYS/TEMP] Messages were not removed")
    assert visit.transport.disconnecting
    assert names(here, JOE) == [1]


def test_a_commit_under_way_is_not_cut_short_by_the_client() -> None:
    """A client that sends QUIT and goes at once (Outlook) has its deletions done, and the lock is
    held until they are."""
    here = world()
    put(here, JOE, b"a\r\n")
    visits = Visits(here, implicit=True)
    visit = visits("1")
    visit.send(LOGIN)
    inner, gate = here.store.messages.expunge, Deferred[None]()

    async def expunge(*args: Any, **keywords: Any) -> object:
        await gate
        return await inner(*args, **keywords)

    here.store.messages.expunge = expunge  # type: ignore[method-assign,assignment]
    visit.send(b"DELE 1\r\nQUIT\r\n")
    visit.drop()
    second = visits("2")
    second.send(LOGIN)
    assert second.read().endswith(b"-ERR [IN-USE] The maildrop is in use by another session\r\n")
    gate.callback(None)
    assert names(here, JOE) == []
    second.send(LOGIN)
    assert second.read().endswith(b"+OK 0 messages (0 octets)\r\n")


@pytest.mark.parametrize("what", ["password", "disabled", "removed"])
def test_a_session_ends_with_its_login(what: str) -> None:
    here = world()
    put(here, JOE, b"a\r\n")
    visit = logged_in(here)
    visit.send(b"DELE 1\r\n")
    number = here.people[JOE].number
    if what == "password":
        run(here.accounts.set_password(number, "another one", ACTOR))
    elif what == "disabled":
        run(here.accounts.update(replace(here.people[JOE], disabled=True), ACTOR))
    else:
        run(here.accounts.remove(number, ACTOR))
    assert visit.transport.disconnecting
    if what != "removed":
        assert names(here, JOE) == [1]


def test_a_change_of_name_ends_no_session() -> None:
    here = world()
    visit = logged_in(here)
    run(here.accounts.update(replace(here.people[JOE], name="Joe"), ACTOR))
    assert said(visit, b"NOOP") == b"+OK\r\n"


def test_shutdown_says_so_between_two_answers() -> None:
    visit = logged_in(world())
    visit.protocol.retire()  # type: ignore[attr-defined]
    assert visit.read() == b"-ERR [SYS/TEMP] The server is shutting down\r\n"
    assert visit.transport.disconnecting


def test_a_defect_is_an_internal_failure_and_ends_the_session() -> None:
    here = world()
    visit = logged_in(here)

    def explode(self: object) -> int:
        raise ZeroDivisionError("secret detail")

    server: Any = visit.protocol
    server.talk._maildrop.unique_id = explode
    put(here, JOE, b"a\r\n")
    assert said(visit, b"UIDL 1") == b"-ERR [SYS/TEMP] Internal failure, try again later\r\n"
    assert visit.transport.disconnecting


def test_scram() -> None:
    """RFC 5802 over RFC 5034; the server's signature is checked before the login is believed."""
    visit = Visits(world(), implicit=True)("1")
    visit.read()
    client = ScramClient(["SCRAM-SHA-256"], JOE, PASSWORD)
    challenge = said(visit, b"AUTH SCRAM-SHA-256 " + b64encode(client.get_client_first().encode()))
    client.set_server_first(b64decode(challenge.removeprefix(b"+ ")).decode())
    challenge = said(visit, b64encode(client.get_client_final().encode()))
    client.set_server_final(b64decode(challenge.removeprefix(b"+ ")).decode())
    assert said(visit, b"") == b"+OK 0 messages (0 octets)\r\n"


def test_scram_with_a_wrong_password() -> None:
    visit = Visits(world(), implicit=True)("1")
    visit.read()
    client = ScramClient(["SCRAM-SHA-256"], JOE, "wrong")
    challenge = said(visit, b"AUTH SCRAM-SHA-256 " + b64encode(client.get_client_first().encode()))
    client.set_server_first(b64decode(challenge.removeprefix(b"+ ")).decode())
    answer = said(visit, b64encode(client.get_client_final().encode()))
    assert answer == b"-ERR [AUTH] Authentication failed\r\n"
    assert said(visit, b"STAT") == b"-ERR Log in first\r\n"


def test_what_was_retrieved_is_seen_after_quit() -> None:
    here = world()
    put(here, JOE, b"a\r\n", b"b\r\n")
    visit = logged_in(here)
    said(visit, b"RETR 1\r\nTOP 2 9\r\nQUIT")
    account = here.people[JOE].number
    box = run(here.mailboxes.get(account, "INBOX")).number
    assert [code & SEEN for code in run(here.store.messages.index(account, box)).flags] == [1, 0]


def test_long_listings_wait_for_a_slow_client() -> None:
    here = world()
    put(here, JOE, *[b"a\r\n"] * 3000)
    visit = logged_in(here)
    server: Any = visit.protocol
    server.pauseProducing()
    visit.send(b"UIDL\r\n")
    assert visit.read().count(b"\r\n") <= 1001
    server.resumeProducing()
    visit.settle()
    assert visit.read().endswith(b".3000\r\n.\r\n")


def test_long_listings_let_other_sessions_run() -> None:
    here = world()
    put(here, JOE, *[b"a\r\n"] * 3000)
    visit = logged_in(here)
    before = here.clock.pauses
    assert said(visit, b"LIST").count(b"\r\n") == 3002
    assert here.clock.pauses - before == 3


def test_the_log_tells_a_session_and_no_secret() -> None:
    here = world()
    put(here, JOE, b"Subject: hush\r\n\r\n")
    visit = logged_in(here)
    said(visit, b"RETR 1\r\nDELE 1\r\nQUIT")
    visit.drop()
    mine = [fields for _, fields in here.log.events if fields.get("session") == "p1"]
    assert [verb for verb, fields in here.log.events if fields in mine] == [
        "connect",
        "session",
        "disconnect",
    ]
    event = mine[-1]
    assert (event["account"], event["outcome"]) == (JOE, "quit")
    assert (event["retrieved"], event["deleted"], event["octets"]) == (1, 1, 17)
    text = repr(here.log.events)
    assert PASSWORD not in text
    assert "hush" not in text


def test_too_many_wrong_passwords_close_the_connection() -> None:
    visit = Visits(world(), implicit=True, errors=3)("1")
    visit.read()
    wrong = f"USER {JOE}\r\nPASS wrong\r\n".encode()
    visit.send(wrong * 5)
    answer = visit.read()
    assert answer.count(b"-ERR [AUTH] Authentication failed\r\n") == 3
    assert answer.endswith(b"-ERR Too many errors, closing\r\n")
    assert visit.transport.disconnecting


@settings(derandomize=True, max_examples=50, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [LOGIN, b"RETR 1\r\n", b"DELE 1\r\n", b"QUIT\r\n", b"AUTH PLAIN\r\n", b"STLS\r\n",
                 b"TOP 1 1\r\n", b"UIDL\r\n", b"LIST\r\n", b"RSET\r\n", b"CAPA\r\n", b"*\r\n"]
            ),
        ),
        max_size=20,
    ),
    st.integers(1, 30),
)  # fmt: skip
def test_any_bytes_get_whole_lines_back_and_never_a_failure(data: list[bytes], piece: int) -> None:
    here = world()
    put(here, JOE, b"Subject: x\r\n\r\nbody\r\n")
    visit = Visits(here, plaintext_auth=True)("1")
    visit.send(b"".join(data), piece)
    answer = visit.read()
    assert answer.endswith(b"\r\n")
    assert b"Internal failure" not in answer


def test_an_accounts_own_limits() -> None:
    here = world()
    account = here.people[JOE]
    limits = replace(account.limits, pop3_messages=2, pop3_download=3)
    run(here.accounts.update(replace(account, limits=limits), ACTOR))
    put(here, JOE, b"a\r\n", b"b\r\n", b"c\r\n")
    visit = logged_in(here)
    assert said(visit, b"STAT") == b"+OK 2 6\r\n"
    assert read_whole(said(visit, b"RETR 1")) == b"b\r\n"
    assert said(visit, b"RETR 2") == b"-ERR [SYS/TEMP] The daily limit of bytes is reached\r\n"
    assert said(visit, b"NOOP") == b"+OK\r\n"


def test_how_long_mail_stays_is_told_after_the_login() -> None:
    here = world()
    assert b"\r\nEXPIRE NEVER\r\n" in said(logged_in(here), b"CAPA")
    week = 7 * 86_400_000 + 5
    other = world()
    box = run(other.mailboxes.get(other.people[JOE].number, "INBOX"))
    run(other.mailboxes.set_options(other.people[JOE].number, box, ACTOR, retention=week))
    assert b"\r\nEXPIRE 7\r\n" in said(logged_in(other), b"CAPA")
