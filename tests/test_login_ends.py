"""What becomes of logins over every protocol when their account changes: meanwhile, and later."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.account import Account, Service
from mailhub.model.errors import NotFound
from tests.imap.listener import IMAPListener
from tests.managesieve.sievers import Sievers
from tests.pop3.visits import Visits
from tests.smtp.reception import Reception
from tests.support import run
from tests.transcript import Conversation
from tests.world import ACTOR, PASSWORD, World, world

JOE = "joe@example.org"
PLAIN = base64.b64encode(f"\0{JOE}\0{PASSWORD}".encode())
OPEN: dict[str, Callable[[World], Conversation]] = {
    "smtp": lambda here: Reception(here, Service.SUBMISSION, plaintext_auth=True).greeted(),
    "imap": lambda here: IMAPListener(here)(""),
    "pop3": lambda here: Visits(here, plaintext_auth=True)(""),
    "managesieve": lambda here: Sievers(here, plaintext_auth=True)(""),
}
LOGIN = {
    "smtp": b"AUTH PLAIN %b\r\n" % PLAIN,
    "imap": b"a LOGIN %b {%d+}\r\n%b\r\n" % (JOE.encode(), len(PASSWORD), PASSWORD.encode()),
    "pop3": b"USER %b\r\nPASS %b\r\n" % (JOE.encode(), PASSWORD.encode()),
    "managesieve": b'AUTHENTICATE "PLAIN" "%b"\r\n' % PLAIN,
}
IN = {"smtp": "235 ", "imap": "a OK", "pop3": "+OK 0 messages", "managesieve": "OK "}
OUT = {"smtp": "535 ", "imap": "a NO", "pop3": "-ERR [AUTH]", "managesieve": "NO "}
GOODBYE = {
    "smtp": "421 4.7.0 ",
    "imap": "* BYE ",
    "pop3": "",
    "managesieve": "BYE ",
}


def disabled(here: World, account: Account) -> None:
    run(here.accounts.update(replace(account, disabled=True), ACTOR))


def suspended(here: World, account: Account) -> None:
    run(here.accounts.update(replace(account, suspended=True), ACTOR))


def removed(here: World, account: Account) -> None:
    run(here.accounts.remove(account.number, ACTOR))


def new_password(here: World, account: Account) -> None:
    run(here.accounts.set_password(account.number, "another one", ACTOR))


def logged_out(here: World, account: Account) -> None:
    run(here.accounts.end_sessions(account.number, ACTOR))


def second_factor(here: World, account: Account) -> None:
    here.second_factor(account.address)


CHANGES = [disabled, suspended, removed, new_password, logged_out, second_factor]


def entered(here: World, face: str) -> tuple[Conversation, str]:
    """A connection, and the last line of what it says to the right password."""
    conversation = OPEN[face](here)
    conversation.read()
    conversation.send(LOGIN[face])
    return conversation, conversation.read().decode().splitlines()[-1]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("face", OPEN)
def test_a_session_ends_with_its_login(face: str, change: Callable[[World, Account], None]) -> None:
    here = world()
    conversation, answer = entered(here, face)
    assert answer.startswith(IN[face]), answer
    change(here, here.people[JOE])
    conversation.settle()
    assert conversation.transport.disconnecting
    assert conversation.read().decode().startswith(GOODBYE[face])


@pytest.mark.parametrize("face", OPEN)
def test_its_owner_sees_a_session_and_ends_it(face: str) -> None:
    here = world()
    joe, logins = here.people[JOE].number, here.watch.logins
    conversation, _ = entered(here, face)
    (one,) = logins.of_account(joe)
    assert one.principal.address == conversation.transport.getPeer().host
    assert (one.since, one.principal.means) == (int(here.clock.now()), "")
    logins.end(joe, one.number)
    conversation.settle()
    assert conversation.transport.disconnecting
    assert conversation.read().decode().startswith(GOODBYE[face])
    assert not logins.of_account(joe)
    with pytest.raises(NotFound):
        logins.end(joe, one.number)


@pytest.mark.parametrize("face", OPEN)
def test_a_session_that_went_by_itself_is_not_listed(face: str) -> None:
    here = world()
    joe, logins = here.people[JOE].number, here.watch.logins
    conversation, _ = entered(here, face)
    conversation.drop()
    assert not logins.of_account(joe)


def test_what_let_it_in_is_told() -> None:
    here = world()
    joe = here.people[JOE]
    made, password = run(here.identity.app_passwords.create(joe, "phone", frozenset(), ACTOR))
    conversation = OPEN["imap"](here)
    conversation.send(f'a LOGIN {JOE} "{password}"\r\n'.encode())
    (one,) = here.watch.logins.of_account(joe.number)
    assert one.principal.means == made.description == "phone"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("face", OPEN)
def test_what_changes_while_a_password_is_looked_at_keeps_it_out(
    monkeypatch: pytest.MonkeyPatch, face: str, change: Callable[[World, Account], None]
) -> None:
    here = world()
    verify = here.directory.verify

    async def slowly(account: Account, password: str) -> bool:
        right = await verify(account, password)
        change(here, account)
        return right

    monkeypatch.setattr(type(here.directory), "verify", lambda _, *words: slowly(*words))
    _, answer = entered(here, face)
    assert answer.startswith(OUT[face]), answer
    assert here.watch.listening(here.people[JOE].number) == 0
    assert run(here.sessions.count(here.people[JOE].number)) == 0


def test_nobody_else_is_dismissed() -> None:
    here = world(people=(JOE, "ann@example.org"))
    conversation, _ = entered(here, "smtp")
    new_password(here, here.people["ann@example.org"])
    run(here.accounts.update(replace(here.people[JOE], name="Joe"), ACTOR))
    conversation.settle()
    assert not conversation.transport.disconnecting


def test_a_message_that_is_on_its_way_is_nowhere_when_its_login_ends() -> None:
    here = world()
    conversation, _ = entered(here, "smtp")
    lines = (f"MAIL FROM:<{JOE}>", f"RCPT TO:<{JOE}>", "DATA")
    conversation.send("".join(f"{line}\r\n" for line in lines).encode())
    assert "\r\n354 " in conversation.read().decode()
    conversation.send(b"From: <joe@example.org>\r\n\r\nhalf\r\n")
    new_password(here, here.people[JOE])
    conversation.settle()
    assert conversation.transport.disconnecting
    assert conversation.read().startswith(b"421 4.7.0 ")
    account = run(here.accounts.get(here.people[JOE].number))
    assert account.used_messages == 0


def test_a_message_that_is_being_stored_is_acknowledged_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = world()
    conversation, _ = entered(here, "smtp")
    accept = here.intake.accept

    async def meanwhile(*words: Any) -> Any:
        made = await accept(*words)
        new_password(here, here.people[JOE])
        return made

    monkeypatch.setattr(here.intake, "accept", meanwhile)
    body = f"From: <{JOE}>\r\n\r\nwhole\r\n.\r\n"
    lines = f"MAIL FROM:<{JOE}>\r\nRCPT TO:<{JOE}>\r\nDATA\r\n"
    conversation.send(lines.encode())
    conversation.read()
    conversation.send(body.encode())
    first, last = conversation.read().decode().splitlines()
    assert first.startswith("250 ")
    assert last.startswith("421 4.7.0 ")
    assert conversation.transport.disconnecting
