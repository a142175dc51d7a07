"""Accounts that must stay out, and quotas that cannot be raced."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live import web
from tests.live.doors import DOORS, Outcome, said
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP, Wire

_numbers = itertools.count(1)


def account(server: Server, **more: object) -> tuple[str, str]:
    """A new user's id and address."""
    address = f"account{next(_numbers)}@live.test"
    return web.make(server, address, **more), address


def pop3(server: Server, address: str) -> Wire:
    """A POP3 session that is logged in."""
    pop = Wire(server.port("pop3"))
    pop.send(b"USER %s\r\nPASS %s\r\n" % (address.encode(), PASSWORD.encode()))
    assert [pop.line()[:3] for _ in range(3)] == [b"+OK"] * 3
    return pop


@pytest.mark.parametrize("how", ["disabled", "suspended"])
@pytest.mark.parametrize("door", DOORS)
def test_a_shut_account_is_refused_with_the_right_password(
    server: Server, door: str, how: str
) -> None:
    id, address = account(server)
    assert said(door, DOORS[door](server, address, PASSWORD, "127.0.0.1"), Outcome.IN)
    web.change(server, id, **{how: True})
    answer = DOORS[door](server, address, PASSWORD, "127.0.0.1")
    assert said(door, answer, Outcome.DISABLED), answer
    answer = DOORS[door](server, address, "wrong", "127.0.0.1")
    assert said(door, answer, Outcome.WRONG), answer
    web.change(server, id, **{how: False})
    assert said(door, DOORS[door](server, address, PASSWORD, "127.0.0.1"), Outcome.IN)


@pytest.mark.parametrize("door", DOORS)
def test_an_old_password_is_forgotten_at_once(server: Server, door: str) -> None:
    """Though it was right a moment ago, and the server remembers that it was."""
    id, address = account(server)
    assert said(door, DOORS[door](server, address, PASSWORD, "127.0.0.1"), Outcome.IN)
    web.change(server, id, password="Quite-An0ther-One")
    assert said(door, DOORS[door](server, address, PASSWORD, "127.0.0.1"), Outcome.WRONG)
    answer = DOORS[door](server, address, "Quite-An0ther-One", "127.0.0.1")
    assert said(door, answer, Outcome.IN), answer


def test_a_disabled_account_takes_no_mail(server: Server) -> None:
    id, address = account(server)
    web.change(server, id, disabled=True)
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<a@example.org>")
        assert smtp.say(b"RCPT TO:<%s>" % address.encode())[:3] in (b"550", b"450")


# -- quotas

QUOTA = 100_000
SIZE = 40_000
MESSAGE = b"Subject: big\r\n\r\n" + b"x" * (SIZE - 18) + b"\r\n"


def used(server: Server, address: str) -> tuple[int, int]:
    """(messages in INBOX, octets of quota in use)."""
    with IMAP(server.port("imap"), address, PASSWORD) as imap:
        status = imap.say(b"STATUS INBOX (MESSAGES)")[0]
        quota = imap.say(b"GETQUOTAROOT INBOX")
    storage = next(line for line in quota if b"STORAGE" in line)
    kilobytes = int(storage.partition(b"STORAGE ")[2].split()[0])
    return int(status.rpartition(b" ")[2].rstrip(b")")), kilobytes


def append(server: Server, address: str) -> bytes:
    with IMAP(server.port("imap"), address, PASSWORD) as imap:
        return imap.say(b"APPEND INBOX {%d+}\r\n%s" % (len(MESSAGE), MESSAGE))[-1]


def by_smtp(server: Server, address: str) -> bytes:
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<a@example.org>")
        answer = smtp.say(b"RCPT TO:<%s>" % address.encode())
        if answer[:3] != b"250":
            return answer
        smtp.say(b"DATA")
        smtp.send(MESSAGE + b".\r\n")
        return smtp.reply()


def by_lmtp(server: Server, address: str) -> bytes:
    with SMTP(server.port("lmtp"), b"LHLO x.example") as lmtp:
        lmtp.say(b"MAIL FROM:<a@example.org>")
        answer = lmtp.say(b"RCPT TO:<%s>" % address.encode())
        if answer[:3] != b"250":
            return answer
        lmtp.say(b"DATA")
        lmtp.send(MESSAGE + b".\r\n")
        return lmtp.reply()


@pytest.mark.parametrize("ways", [(append,), (append, by_smtp, by_lmtp)])
def test_parallel_deliveries_cannot_pass_the_quota(
    server: Server, ways: tuple[Callable[[Server, str], bytes], ...]
) -> None:
    _, address = account(server, quota=QUOTA)
    with ThreadPoolExecutor(12) as pool:
        jobs = [pool.submit(way, server, address) for way in ways for _ in range(12 // len(ways))]
        answers = [job.result() for job in jobs]
    taken = [answer for answer in answers if b" OK" in answer or answer[:3] == b"250"]
    refused = [answer for answer in answers if answer not in taken]
    assert len(taken) == QUOTA // SIZE, answers
    assert all(b"[OVERQUOTA]" in answer or answer[:3] == b"452" for answer in refused), refused
    messages, kilobytes = used(server, address)
    assert messages == len(taken)
    assert kilobytes * 1024 <= QUOTA + 1024


def test_parallel_copies_cannot_pass_the_quota(server: Server) -> None:
    _, address = account(server, quota=QUOTA)
    assert b" OK" in append(server, address)

    def copy(_: int) -> bytes:
        with IMAP(server.port("imap"), address, PASSWORD) as imap:
            imap.say(b"SELECT INBOX")
            return imap.say(b"UID COPY 1 Archive")[-1]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(copy, range(8)))
    assert sum(b" OK" in answer for answer in answers) == 1, answers
    assert sum(b"[OVERQUOTA]" in answer for answer in answers) == 7, answers


def test_a_full_mailbox_can_be_read_and_emptied(server: Server) -> None:
    _, address = account(server, quota=QUOTA)
    assert by_smtp(server, address)[:3] == b"250"
    assert by_smtp(server, address)[:3] == b"250"
    assert by_smtp(server, address).startswith(b"452 4.2.2")
    assert by_lmtp(server, address).startswith(b"452 4.2.2")
    assert b" NO [OVERQUOTA]" in append(server, address)
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<a@example.org> SIZE=%d" % (QUOTA + 1))
        assert smtp.say(b"RCPT TO:<%s>" % address.encode()).startswith(b"452 4.2.2")
    with pop3(server, address) as pop:
        pop.send(b"RETR 1\r\nQUIT\r\n")
        assert pop.line().startswith(b"+OK")
        assert pop.closed()
    with IMAP(server.port("imap"), address, PASSWORD) as imap:
        imap.say(b"SELECT INBOX")
        assert b" OK" in imap.say(b"FETCH 1 BODY.PEEK[TEXT]")[-1]
        assert b" OK" in imap.say(b"MOVE 2 Trash")[-1]
        assert b" OK" in imap.say(b"STORE 1 +FLAGS (\\Deleted $Label)")[-1]
        assert b" OK" in imap.say(b"EXPUNGE")[-1]
        assert b" OK" in imap.say(b"APPEND INBOX {%d+}\r\n%s" % (len(MESSAGE), MESSAGE))[-1]


@pytest.fixture
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that tells senders at once that a mailbox is full."""
    server = Server(
        tmp_path_factory.mktemp("hub"),
        PLAIN.replace("[smtp]", '[smtp]\nover_quota = "permanent"') + "\n[store]\nquota = 50000\n",
    )
    server.start()
    yield server
    assert server.stop() == 0


def test_a_full_mailbox_bounces_at_once_where_configured(firm: Server) -> None:
    _, address = account(firm)
    assert by_smtp(firm, address)[:3] == b"250"
    assert by_smtp(firm, address).startswith(b"552 5.2.2")
    assert by_lmtp(firm, address).startswith(b"552 5.2.2")
    assert b" NO [OVERQUOTA]" in append(firm, address)
