"""Servers that accounts name for their own mail: in their targets, and in filters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailhub.core.srs import SRS
from mailhub.model.account import Limits
from mailhub.model.errors import AllowanceUsed, Invalid
from mailhub.model.filter import Actions
from mailhub.model.outbound import Answer, Stage
from mailhub.model.route import TLSLevel
from tests.core.test_rules_delivery import names, rule
from tests.core.test_sealing import INNER, KEY, MESSAGE, seal
from tests.queue_bench import ACTOR, REFUSED, QueueBench, bench
from tests.support import run

JOE, ANN = "joe@example.org", "ann@example.org"
SENDER = "s@sender.example"
URL = "smtp://mx.example.net"
SECRET = "smtps://joe:word@mx.example.net"


def aims(b: QueueBench, *targets: str, who: str = JOE, **more: object) -> None:
    account = run(b.world.store.accounts.get(b.world.people[who].number))
    assert account is not None
    changed = replace(account, targets=targets, **more)  # type: ignore[arg-type]
    run(b.world.accounts.update(changed, ACTOR))


def test_a_relay_gets_the_accounts_own_address_from_the_first_sender() -> None:
    b = bench(srs=SRS(b"secret", "example.org"))
    aims(b, URL, "x@far.example")
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    relayed, passed_on = sorted(b.outbound.calls, key=lambda call: call.sender.address != SENDER)
    assert relayed.sender.address == SENDER
    assert [one.recipient for one in relayed.recipients] == [JOE]
    assert [hop.host for hop in relayed.hops] == ["mx.example.net"]
    assert b"Delivered-To: joe@example.org\r\nReceived: " in relayed.data
    assert relayed.data.endswith(MESSAGE)
    assert [one.recipient for one in passed_on.recipients] == ["x@far.example"]
    assert names(b.world) == {"INBOX": [0]}
    [(_, route, _)] = [asked for asked in b.finding.asked if asked[0] == URL]
    assert route is not None
    assert (route.port, route.tls, route.guarded) == (25, TLSLevel.OPPORTUNISTIC, True)


def test_a_password_is_in_no_lane_and_shown_over_verified_tls_alone() -> None:
    b = bench()
    aims(b, SECRET)
    b.outbound.says[JOE] = [Answer(451, "4.3.0", "later", Stage.RCPT)]
    b.submit(JOE, sender=SENDER)
    [entry] = b.waiting()
    assert entry.lane == "smtps://mx.example.net"
    [(_, route, _)] = b.finding.asked
    assert route is not None
    assert (route.username, route.password) == ("joe", "word")
    assert (route.port, route.implicit, route.tls) == (465, True, TLSLevel.VERIFIED)
    rows = run(b.world.store.journal.since(0, limit=1000))
    assert not [row.kind for row in rows if "word" in row.detail.replace("password", "")]
    assert not any("word" in str(event) for event in b.world.log.events)


def test_relays_of_two_accounts_at_one_server_are_two_ways() -> None:
    b = bench(people=(JOE, ANN))
    aims(b, "smtp://joe:one@mx.example.net")
    aims(b, "smtp://ann:two@mx.example.net", who=ANN)
    b.submit(JOE, ANN, sender=SENDER)
    logins = {
        (call.recipients[0].recipient, asked[1].username)
        for call, asked in zip(b.outbound.calls, b.finding.asked, strict=True)
        if asked[1] is not None
    }
    assert logins == {(JOE, "joe"), (ANN, "ann")}


def test_a_filter_relays_and_drops() -> None:
    b = bench()
    rule(b.world, Actions(delete=True, uploads=(URL,)), subject="offer")
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    assert b.outbound.recipients == [[JOE]]
    assert names(b.world) == {}


def test_what_a_relay_refuses_is_told_and_suppresses_nobody() -> None:
    b = bench()
    aims(b, URL)
    b.outbound.says[JOE] = [REFUSED]
    b.submit(JOE, sender=SENDER)
    assert not run(b.world.store.routes.suppressions())
    assert SENDER in {one for call in b.outbound.recipients for one in call}


def test_spam_and_what_passes_the_limit_is_relayed_nowhere() -> None:
    b = bench()
    aims(b, URL, limits=Limits(forwards=1))
    for _ in range(3):
        b.submit(JOE, sender=SENDER)
    assert len(b.outbound.calls) == 1
    assert len(b.world.log.named("not-forwarded")) == 2
    aims(b, URL, spam_level=0)
    b.submit(JOE, sender=SENDER)
    assert len(b.outbound.calls) == 1


def test_a_relay_gets_it_encrypted_where_that_is_asked_for() -> None:
    b = bench()
    aims(b, URL)
    seal(b.world, forwarded=True)
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    [call] = b.outbound.calls
    assert KEY.opened(call.data.removeprefix(b"X-Signed: yes\r\n")) == INNER


# -- of addresses that are nobody's own


def leads(b: QueueBench, address: str, *targets: str, **more: Any) -> None:
    run(b.world.addresses.create(address, ACTOR, targets=targets, **more))


def test_an_address_leads_to_a_relay_beside_others() -> None:
    b = bench(srs=SRS(b"secret", "example.org"))
    leads(b, "info@example.org", "smtp://joe:word@mx.example.net:587", JOE, "x@far.example")
    b.submit("info@example.org", sender=SENDER, message=MESSAGE)
    relayed, passed_on = sorted(b.outbound.calls, key=lambda call: call.sender.address != SENDER)
    assert [one.recipient for one in relayed.recipients] == ["info@example.org"]
    assert [one.recipient for one in passed_on.recipients] == ["x@far.example"]
    [route] = [asked[1] for asked in b.finding.asked if asked[0] == "smtp://mx.example.net:587"]
    assert route is not None
    assert (route.username, route.password, route.guarded) == ("joe", "word", True)
    assert names(b.world) == {"INBOX": [0]}


def test_a_relay_alone_is_enough_and_its_alias_counts() -> None:
    b = bench()
    leads(b, "in.fo@example.org", URL, forwards=1)
    leads(b, "both@example.org", "in.fo@example.org")
    b.submit("both@example.org", sender=SENDER)
    assert b.outbound.recipients == [["in.fo@example.org"]]
    with pytest.raises(AllowanceUsed):
        b.submit("both@example.org", sender=SENDER)


@pytest.mark.parametrize("url", ["https://example.net/in", "smtp://mx.example.net:22"])
def test_where_an_address_cannot_lead(url: str) -> None:
    b = bench()
    with pytest.raises(Invalid) as caught:
        leads(b, "info@example.org", url)
    assert caught.value.field == "targets"


@pytest.mark.parametrize("url", ["smtp://mx.example.net:22", "smtp://joe@mx", "smtp://127.1"])
def test_relays_that_cannot_be_are_refused(url: str) -> None:
    b = bench()
    with pytest.raises(Invalid) as caught:
        aims(b, url)
    assert caught.value.field == "targets"
    with pytest.raises(Invalid) as caught:
        rule(b.world, Actions(uploads=(url,)))
    assert caught.value.field == "uploads"
