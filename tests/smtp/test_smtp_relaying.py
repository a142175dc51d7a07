"""Networks that a command lets relay: they count from the next transaction on."""

from __future__ import annotations

from mailhub.model.account import Service
from tests.smtp.reception import Reception, said
from tests.support import run
from tests.world import ACTOR, world

MAIL, RCPT = "MAIL FROM:<printer@example.org>", "RCPT TO:<bob@elsewhere.example>"
DENIED, TAKEN = ["550 5.7.1 Relaying denied"], ["250 2.1.5 Recipient ok"]


def test_a_network_that_was_allowed_may_relay_and_then_not_any_more() -> None:
    here = world()
    client = Reception(here).greeted()
    said(client, MAIL)
    assert said(client, RCPT) == DENIED
    run(here.relays.allow("192.0.2.0/24", ACTOR))
    said(client, "RSET", MAIL)
    assert said(client, RCPT) == TAKEN
    run(here.relays.disallow("192.0.2.0/24", ACTOR))
    said(client, "RSET", MAIL)
    assert said(client, RCPT) == DENIED


def test_what_a_trusted_client_sends_counts_as_ours() -> None:
    here = world()
    run(here.relays.allow("192.0.2.7", ACTOR))
    client = Reception(here).greeted()
    said(client, MAIL, RCPT, "DATA")
    said(client, "Subject: x", "", "hi", ".")
    (entry,) = run(here.store.queue.page())[0]
    assert entry.sender.local


def test_a_stranger_s_mail_to_a_relay_domain_is_forwarded() -> None:
    here = world()
    run(here.domains.add("elsewhere.example", ACTOR, relay=True))
    client = Reception(here).greeted()
    assert said(client, "MAIL FROM:<a@remote.example>", RCPT, "DATA")[1:2] == TAKEN
    said(client, "Subject: x", "", "hi", ".")
    (entry,) = run(here.store.queue.page())[0]
    assert (entry.recipient, entry.lane) == ("bob@elsewhere.example", "elsewhere.example")
    assert not entry.sender.local


def test_submission_from_an_allowed_network_needs_no_login() -> None:
    here = world()
    client = Reception(here, Service.SUBMISSION).greeted()
    assert said(client, MAIL)[0].startswith("530 ")
    run(here.relays.allow("192.0.2.7", ACTOR))
    assert said(client, MAIL) == ["250 2.1.0 Sender ok"]
