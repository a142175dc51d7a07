"""Sessions on a whole server: SCRAM, the end of an account's sessions, and what is written down."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from scramp import ScramClient

from tests.managesieve.sievers import Sievers
from tests.support import run
from tests.transcript import Conversation
from tests.world import ACTOR, PASSWORD, World, world

JOE = "joe@example.org"
PLAIN = base64.b64encode(f"\0{JOE}\0{PASSWORD}".encode())


def opened(here: World) -> Conversation:
    session = Sievers(here, implicit=True)("1")
    session.settle()
    said(session)
    return session


def said(session: Conversation) -> bytes:
    data = bytes(session.transport.value())
    session.transport.clear()
    return data


def asked(session: Conversation, line: bytes) -> bytes:
    session.send(line + b"\r\n")
    return said(session)


def test_scram_ends_with_the_servers_proof_in_the_ok() -> None:
    here = world()
    session = opened(here)
    client = ScramClient(["SCRAM-SHA-256"], JOE, PASSWORD)
    first = base64.b64encode(client.get_client_first().encode())
    challenge = asked(session, b'AUTHENTICATE "SCRAM-SHA-256" "%b"' % first)
    client.set_server_first(base64.b64decode(challenge.strip(b'"\r\n')).decode())
    done = asked(session, b'"%b"' % base64.b64encode(client.get_client_final().encode()))
    assert done.startswith(b'OK (SASL "')
    client.set_server_final(base64.b64decode(done.split(b'"')[1]).decode())
    assert asked(session, b"LISTSCRIPTS") == b"OK\r\n"


@pytest.mark.parametrize("how", ["password", "disabled", "removed"])
def test_a_session_ends_when_its_account_says_so(how: str) -> None:
    here = world()
    session = opened(here)
    assert b"Logged in" in asked(session, b'AUTHENTICATE "PLAIN" "%b"' % PLAIN)
    account = here.people[JOE]
    if how == "removed":
        run(here.accounts.remove(account.number, ACTOR))
    elif how == "password":
        run(here.accounts.set_password(account.number, "another one", ACTOR))
    else:
        run(here.accounts.update(replace(account, disabled=True), ACTOR))
    assert said(session) == b'BYE "The session was ended by the server"\r\n'
    assert session.transport.disconnecting


def test_after_unauthenticate_the_account_is_a_stranger() -> None:
    here = world()
    session = opened(here)
    asked(session, b'AUTHENTICATE "PLAIN" "%b"' % PLAIN)
    asked(session, b"UNAUTHENTICATE")
    run(here.accounts.remove(here.people[JOE].number, ACTOR))
    assert said(session) == b""
    assert here.watch.listening(here.people[JOE].number) == 0


def test_scripts_of_others_are_out_of_reach() -> None:
    here = world(people=(JOE, "ann@example.org"))
    run(here.scripts.put(here.people["ann@example.org"].number, "hers", "keep;", ACTOR))
    session = opened(here)
    asked(session, b'AUTHENTICATE "PLAIN" "%b"' % PLAIN)
    assert asked(session, b"LISTSCRIPTS") == b"OK\r\n"
    assert b"NONEXISTENT" in asked(session, b'GETSCRIPT "hers"')


def test_what_happens_is_written_down() -> None:
    here = world()
    session = opened(here)
    asked(session, b'AUTHENTICATE "PLAIN" "%b"' % PLAIN)
    asked(session, b'PUTSCRIPT "a" "keep;"')
    asked(session, b"LOGOUT")
    session.drop()
    kinds = [verb for verb, fields in here.log.events if fields.get("service") == "managesieve"]
    assert kinds == ["connect", "session", "disconnect"]
    rows = run(here.store.journal.since(0, limit=1000))
    [row] = [row for row in rows if row.kind == "scriptchanged"]
    assert (row.actor.source, row.actor.account) == (
        "managesieve 192.0.2.7",
        here.people[JOE].number,
    )
