"""A bucket that has no room any more, met by many clients at once: each is told so, and told again
until there is room; what is small goes on into the database."""

from __future__ import annotations

import imaplib
import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.faults.acts import NO_ROOM
from tests.live.faults.nodes import DOMAIN, PASSWORD, Kind, Nodes

pytestmark = pytest.mark.scale
USER = f"joe@{DOMAIN}"
LARGE = "long line of a long message\r\n" * 3000
CLIENTS = 8


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    made = Nodes(tmp_path_factory.mktemp("full"), 2, ["joe"], Kind(s3=True))
    try:
        made.begin()
        yield made
    finally:
        made.end()


def deliver(nodes: Nodes, number: int, body: str) -> str:
    """By one of the nodes; the reply, or a word for success."""
    port = nodes.all[number % len(nodes.all)].server.port("smtp")
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as smtp:
        try:
            smtp.sendmail("a@example.org", [USER], f"Subject: {number}\r\n\r\n{body}")
        except smtplib.SMTPDataError as refused:
            return f"{refused.smtp_code} {refused.smtp_error!r}"
    return "taken"


def mailbox(nodes: Nodes) -> imaplib.IMAP4:
    imap = imaplib.IMAP4("127.0.0.1", nodes.all[0].server.port("imap"), timeout=60)
    imap.login(USER, PASSWORD)
    return imap


def kept(nodes: Nodes) -> int:
    with mailbox(nodes) as imap:
        return int(imap.select("INBOX")[1][0] or b"0")


@pytest.mark.parametrize("answer", NO_ROOM[:2], ids=["507", "403"])
def test_everybody_is_told_and_nothing_is_kept_of_it(nodes: Nodes, answer: bytes) -> None:
    before = kept(nodes)
    ways = [node.gates["bucket"] for node in nodes.all]
    for way in ways:
        way.refuse(answer)
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            heard = list(pool.map(lambda one: deliver(nodes, one, LARGE), range(CLIENTS)))
        assert {reply[:9] for reply in heard} == {"452 b'4.3"}, heard
        assert all(way.refused for way in ways)
        with mailbox(nodes) as imap:
            answered, (text,) = imap.append("INBOX", None, None, LARGE.encode())
            assert (answered, b"OVERQUOTA" in text) == ("NO", False), text
        assert deliver(nodes, 0, "short") == "taken"
    finally:
        for way in ways:
            way.open()
    assert kept(nodes) == before + 1
    with ThreadPoolExecutor(CLIENTS) as pool:
        heard = list(pool.map(lambda one: deliver(nodes, one, LARGE), range(CLIENTS)))
    assert set(heard) == {"taken"}
    assert kept(nodes) == before + 1 + CLIENTS
