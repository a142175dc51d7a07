"""A server that is killed while rules run: what was taken is filed, passed on and posted, all of
that or nothing, as it stands in one commit."""

from __future__ import annotations

import contextlib
import random
import re
import smtplib
import threading
import time

import pytest

from tests.live.outgoing import HOME, hub
from tests.live.peers import ROOT, Sink, running, until
from tests.live.test_wildduck_filters import MORE, Web
from tests.live.web import PASSWORD, call, make
from tests.live.wire import IMAP

pytestmark = [pytest.mark.live, ROOT]
KILLS = 2
SENDERS = 4
ID = re.compile(rb"Message-ID: <([a-z]\d+)@origin\.test>")


def numbers(data: list[bytes]) -> list[str]:
    """Names of the messages in these, sorted."""
    return sorted(one.decode() for text in data for one in ID.findall(text))


class Load:
    """Hands over one message after the other, over several sessions, until the `with` ends;
    `taken`: those that were answered with 250."""

    def __init__(self, port: int, recipient: str, first: int) -> None:
        self.taken: list[str] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(port, recipient, letter, first))
            for letter in "abcdefgh"[:SENDERS]
        ]

    def _run(self, port: int, recipient: str, letter: str, number: int) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            smtp = smtplib.SMTP("127.0.0.1", port, timeout=10)
            while not self._over.is_set():
                name = f"{letter}{number}"
                text = f"From: c@origin.test\r\nMessage-ID: <{name}@origin.test>\r\n\r\n{name}\r\n"
                smtp.sendmail("c@origin.test", [recipient], text)
                self.taken.append(name)
                number += 1

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)


def test_all_of_a_message_or_nothing() -> None:
    chance = random.Random(7)
    with hub(more=MORE) as ours:
        server = ours.server
        sink, web = Sink(server.folder), Web()
        ours.dns.load("far.test", sink.zone)
        joe = f"joe@{HOME}"
        id = make(server, joe)
        box = call(server, "POST", f"/users/{id}/mailboxes", {"path": "Filed"})["id"]
        targets = ["x@far.test", web.url]
        order = {"action": {"mailbox": box, "targets": targets}}
        call(server, "POST", f"/users/{id}/filters", order)
        taken: list[str] = []
        with running(sink), contextlib.closing(web):
            for turn in range(KILLS):
                with Load(server.port("smtp"), joe, 1000 * turn) as load:
                    assert until(lambda load=load: load.taken)  # type: ignore[misc]
                    time.sleep(0.1 + chance.random() * 0.2)
                    server.kill()
                taken += load.taken
                server.start()
            with IMAP(server.port("imap", "starttls"), joe, PASSWORD) as session:
                session.say(b"SELECT Filed")
                filed = numbers(session.say(b"FETCH 1:* BODY.PEEK[HEADER]"))

            def forwarded() -> list[str]:
                return numbers([one.message for one in sink.received()])

            def posted() -> list[str]:
                return numbers([body for _, body in list(web.posted)])

            # Handing over to others may happen twice where the server died before it wrote down
            # that it had happened, and never less than once.
            everywhere = until(
                lambda: set(posted()) == set(filed) == set(forwarded()), 60, each=0.3
            )
            assert everywhere, ours.tail()
        assert len(taken) > KILLS
        assert len(filed) == len(set(filed))
        assert set(taken) <= set(filed)
        # What was taken and not answered: at most one for each session of each turn.
        assert len(filed) - len(taken) <= KILLS * SENDERS
        with IMAP(server.port("imap", "starttls"), joe, PASSWORD) as session:
            assert b"* 0 EXISTS" in session.say(b"SELECT INBOX")
