"""Guessing passwords: one count over SMTP, IMAP, POP3 and HTTP, and the owner never locked out."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live import web
from tests.live.doors import DOORS, Outcome, imap, plain, said, smtp
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP

PER_ADDRESS, PER_NETWORK, PER_ACCOUNT = 5, 8, 12
LIMITS = f"""
guesses_per_address = {PER_ADDRESS}
guesses_per_network = {PER_NETWORK}
guesses_per_account = {PER_ACCOUNT}
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on which only 127.0.0.1 may guess as it likes."""
    server = Server(tmp_path_factory.mktemp("hub"), LIMITS + PLAIN, exempt=["127.0.0.1/32"])
    server.start()
    yield server
    assert server.stop() == 0


def test_guesses_over_all_protocols_count_together(guarded: Server) -> None:
    web.make(guarded, "together@live.test")
    for name, door in DOORS.items():
        answer = door(guarded, "together@live.test", "wrong", "127.1.1.1")
        assert said(name, answer, Outcome.WRONG), answer
    for name, door in DOORS.items():
        answer = door(guarded, "together@live.test", PASSWORD, "127.1.1.1")
        assert said(name, answer, Outcome.LIMITED), answer
    for name, door in DOORS.items():
        answer = door(guarded, "together@live.test", PASSWORD, "127.1.2.1")
        assert said(name, answer, Outcome.IN), answer


def test_a_network_is_one_guesser(guarded: Server) -> None:
    web.make(guarded, "network@live.test")
    for number in range(PER_NETWORK):
        answer = smtp(guarded, f"user{number}@live.test", "wrong", f"127.2.1.{1 + number // 2}")
        assert said("smtp", answer, Outcome.WRONG), answer
    answer = smtp(guarded, "network@live.test", PASSWORD, "127.2.1.250")
    assert said("smtp", answer, Outcome.LIMITED), answer
    answer = smtp(guarded, "network@live.test", PASSWORD, "127.2.2.1")
    assert said("smtp", answer, Outcome.IN), answer


def test_an_account_under_attack_still_lets_its_owner_in(guarded: Server) -> None:
    web.make(guarded, "owner@live.test")
    assert said("imap", imap(guarded, "owner@live.test", PASSWORD, "127.3.0.1"), Outcome.IN)
    for number in range(PER_ACCOUNT):
        imap(guarded, "owner@live.test", "wrong", f"127.3.{1 + number}.1")
    answer = imap(guarded, "owner@live.test", PASSWORD, "127.3.200.1")
    assert said("imap", answer, Outcome.LIMITED), answer
    for name, door in DOORS.items():
        answer = door(guarded, "owner@live.test", PASSWORD, "127.3.0.2")
        assert said(name, answer, Outcome.IN), answer


def test_guesses_sent_at_once_count_each(guarded: Server) -> None:
    web.make(guarded, "parallel@live.test")
    guess = b"AUTH PLAIN " + plain("parallel@live.test", "wrong")
    clients = [SMTP(guarded.port("submission"), source="127.4.1.1") for _ in range(16)]
    for client in clients:
        client.send(guess + b"\r\n")
    codes = [client.reply()[:3] for client in clients]
    for client in clients:
        client.close()
    assert sorted(codes) == [b"454"] * (16 - PER_ADDRESS) + [b"535"] * PER_ADDRESS


def test_pipelined_guesses_count_each(guarded: Server) -> None:
    with IMAP(guarded.port("imap"), source="127.4.2.1") as client:
        client.send(b"".join(b"g%d LOGIN nobody wrong%d\r\n" % (n, n) for n in range(10)))
        answers = [client.until(b"g%d" % number)[-1] for number in range(10)]
    assert sum(b"[AUTHENTICATIONFAILED]" in answer for answer in answers) == PER_ADDRESS
    assert sum(b"[LIMIT]" in answer for answer in answers) == 10 - PER_ADDRESS


@pytest.mark.parametrize("user", ["scram@live.test", "nobody-at-all@live.test"])
def test_an_exchange_given_up_half_way_is_a_guess_too(guarded: Server, user: str) -> None:
    if user.startswith("scram"):
        web.make(guarded, user)
    source = f"127.5.{len(user)}.1"
    first = base64.b64encode(f"n,,n={user},r=fyko+d2lbbFgONRv9qkxdawL".encode())
    for _ in range(PER_ADDRESS):
        with SMTP(guarded.port("submission"), source=source) as client:
            assert client.say(b"AUTH SCRAM-SHA-256 " + first).startswith(b"334 ")
    with SMTP(guarded.port("submission"), source=source) as client:
        assert client.say(b"AUTH SCRAM-SHA-256 " + first).startswith(b"454 4.7.0")


def test_right_passwords_use_nothing_up(guarded: Server) -> None:
    web.make(guarded, "busy@live.test")

    def enter(number: int) -> bytes:
        return imap(guarded, "busy@live.test", PASSWORD, "127.6.1.1")

    enter(0)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(enter, range(3 * PER_NETWORK)))
    assert all(said("imap", answer, Outcome.IN) for answer in answers), answers


@pytest.mark.parametrize("door", DOORS)
def test_unknown_and_known_names_are_refused_in_the_same_words(guarded: Server, door: str) -> None:
    known = f"known-{door}@live.test"
    web.make(guarded, known)
    answers = [DOORS[door](guarded, name, "wrong", "127.0.0.1") for name in (known, f"un{known}")]
    if door == "http":  # the operator's own application, which may see every user, is told the id
        answers = [answer.partition(b',"id"')[0].rstrip(b"}") for answer in answers]
    assert answers[0] == answers[1]
    assert said(door, answers[0], Outcome.WRONG)
