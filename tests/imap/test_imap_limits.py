"""An account's own limits in IMAP: sessions at one time, bytes a day; and why a session ended."""

from __future__ import annotations

from dataclasses import replace

from tests.imap.listener import JOE, LOGGED_IN, SELECTED, IMAPListener
from tests.support import run
from tests.world import ACTOR, World, world

MESSAGE = b"Subject: x\r\n\r\n0123456789\r\n"


def limited(**limits: int) -> World:
    here = world()
    account = here.people[JOE]
    changed = replace(account, limits=replace(account.limits, **limits))
    here.people[JOE] = run(here.accounts.update(changed, ACTOR))
    return here


def test_a_session_is_told_why_it_ends() -> None:
    here = world()
    conversation = IMAPListener(here, steps=SELECTED)()
    run(here.accounts.end_sessions(here.people[JOE].number, ACTOR, "Moving to another house"))
    assert conversation.read().endswith(b"* BYE Moving to another house\r\n")
    assert conversation.transport.disconnecting


def test_an_account_has_so_many_sessions_at_one_time() -> None:
    here = limited(imap_connections=2)
    listener = IMAPListener(here, steps=LOGGED_IN)
    first, _ = listener(), listener()
    third = IMAPListener(here, steps=b"")()
    third.read()
    third.send(LOGGED_IN)
    assert third.read() == b"i0 NO [LIMIT] This account has too many sessions\r\n"
    first.drop()
    third.send(LOGGED_IN)
    assert third.read().startswith(b"i0 OK")
    assert run(here.sessions.count(here.people[JOE].number)) == 2


def test_what_is_read_and_appended_a_day_is_limited() -> None:
    here = limited(imap_download=10, imap_upload=10)
    here.deliver(JOE, MESSAGE)
    conversation = IMAPListener(here, steps=SELECTED)()
    conversation.send(b"a FETCH 1 BODY.PEEK[TEXT]\r\n")
    assert conversation.read().endswith(b"a OK Fetch completed\r\n")
    conversation.send(b"b FETCH 1 BODY.PEEK[TEXT]\r\n")
    assert conversation.read() == b"b NO [LIMIT] The daily limit of bytes is reached\r\n"
    conversation.send(b"c FETCH 1 ENVELOPE\r\n")
    assert conversation.read().endswith(b"c OK Fetch completed\r\n")
    for tag, answer in ((b"d", b"d OK [APPENDUID"), (b"e", b"e NO [LIMIT]")):
        conversation.send(b"%b APPEND INBOX {%d+}\r\n%b\r\n" % (tag, len(MESSAGE), MESSAGE))
        assert answer in conversation.read()
