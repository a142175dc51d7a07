"""Filters, forwards and uploads from the first octet to the mailbox, the queue and the web."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from dataclasses import replace

import pytest

from mailhub.core.srs import SRS
from mailhub.core.uploading import Keys
from mailhub.model.account import Limits, Service
from mailhub.model.filter import Actions, Conditions, Filter
from tests.queue_bench import ACTOR, REFUSED, bench
from tests.support import run
from tests.world import World, world

SECRET = SRS(b"secret", "example.org")
JOE, ANN = "joe@example.org", "ann@example.org"
MESSAGE = b"From: s@far.example\r\nTo: joe@example.org\r\nSubject: Offer\r\n\r\nHello\r\n"


def rule(people: World, actions: Actions, who: str = JOE, **conditions: object) -> Filter:
    account = people.people[who]
    wanted = Conditions(**conditions)  # type: ignore[arg-type]
    return run(people.filters.create(account, "", wanted, actions, ACTOR))


def names(people: World, who: str = JOE) -> dict[str, list[int]]:
    """Flag codes of the messages of each mailbox that has any."""
    found = {}
    for box in run(people.store.mailboxes.all(people.people[who].number)):
        index = run(people.store.messages.index(box.account, box.number))
        if len(index.uids):
            found[box.name] = [flag & 0xFF for flag in index.flags]
    return found


def mailbox(people: World, name: str, who: str = JOE) -> int:
    account = people.people[who].number
    return run(people.mailboxes.create(account, name, ACTOR)).number


def journal(people: World, kind: str) -> list[dict[str, object]]:
    rows = run(people.store.journal.since(0, limit=10_000))
    return [json.loads(row.detail) for row in rows if row.kind == kind]


def lmtp(people: World, *recipients: str, sender: str = "s@far.example") -> list[object]:
    intake = people.intake
    envelope = people.envelope(*recipients, sender=sender, service=Service.LMTP)
    resolved = [run(intake.recipient(path, None, False)) for path in envelope.forward_paths]
    spool = intake.spool(envelope)
    spool.write(MESSAGE)
    return list(run(intake.accept_each(envelope, resolved, spool)))


# -- one mailbox


def test_a_message_is_filed_and_flagged_in_the_commit_of_its_arrival() -> None:
    people = world()
    box = mailbox(people, "Shop")
    made = rule(people, Actions(mailbox=box, seen=True, flag=True), subject="offer")
    arrival = people.deliver(JOE, MESSAGE)
    assert (arrival.mailbox, names(people)) == (box, {"Shop": [5]})
    [told] = journal(people, "filtered")
    assert told["by"] == [f"filter {made.id}"]
    people.deliver(JOE, MESSAGE.replace(b"Offer", b"Hello"))
    assert names(people) == {"INBOX": [0], "Shop": [5]}


def test_a_dropped_message_is_taken_kept_nowhere_and_journaled() -> None:
    people = world(people=(JOE, ANN))
    made = rule(people, Actions(delete=True))
    assert lmtp(people, JOE) == [None]
    assert names(people) == {}
    [told] = journal(people, "dropped")
    assert told["by"] == [f"filter {made.id}"]
    [none, arrival] = lmtp(people, JOE, ANN)
    assert none is None
    assert arrival is not None
    assert names(people, ANN) == {"INBOX": [0]}


def test_spam_goes_into_junk_marked_whatever_mailbox_was_chosen() -> None:
    people = world()
    rule(people, Actions(mailbox=mailbox(people, "Shop")))
    rule(people, Actions(spam=True))
    people.deliver(JOE, MESSAGE)
    assert names(people) == {"Junk": [0]}
    account = people.people[JOE].number
    box = run(people.mailboxes.by_special_use(account, "\\Junk"))
    assert box is not None
    index = run(people.store.messages.index(account, box.number))
    assert set(index.keyword_sets.values()) == {("$Junk",)}


def test_filters_are_followed_from_the_next_message_on() -> None:
    people = world()
    people.deliver(JOE, MESSAGE)
    made = rule(people, Actions(seen=True))
    people.deliver(JOE, MESSAGE)
    run(people.filters.update(replace(made, disabled=True), ACTOR))
    people.deliver(JOE, MESSAGE)
    run(people.filters.update(replace(made, actions=Actions(flag=True)), ACTOR))
    people.deliver(JOE, MESSAGE)
    run(people.filters.remove(made.account, made.id, ACTOR))
    people.deliver(JOE, MESSAGE)
    assert names(people) == {"INBOX": [0, 1, 0, 4, 0]}


def test_filters_that_point_at_a_mailbox_go_with_it() -> None:
    people = world()
    box = mailbox(people, "Shop")
    rule(people, Actions(mailbox=box))
    other = rule(people, Actions(seen=True))
    people.deliver(JOE, MESSAGE)
    run(people.store.mailboxes.remove(people.people[JOE].number, box, ACTOR))
    people.deliver(JOE, MESSAGE)
    assert names(people) == {"INBOX": [1]}
    assert [one.id for one in run(people.filters.of_account(other.account))] == [other.id]


def test_accounts_without_rules_ask_the_store_nothing() -> None:
    people = world()
    rule(people, Actions(seen=True), who=JOE)
    people.account(ANN)
    people.deliver(ANN, MESSAGE)  # a new account is looked at once
    asked: list[int] = []
    ruling = people.store.filters.ruling

    def counted(account: int) -> object:
        asked.append(account)
        return ruling(account)

    people.store.filters.ruling = counted  # type: ignore[assignment,method-assign]
    for _ in range(3):
        people.deliver(ANN, MESSAGE)
        people.deliver(JOE, MESSAGE)
    assert asked == [people.people[JOE].number]


def test_a_rule_that_breaks_costs_no_mail() -> None:
    people = world()
    rule(people, Actions(mailbox=mailbox(people, "Shop")), text="hello")
    filtering = people.owners.filtering

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    filtering._containing = broken  # type: ignore[assignment,method-assign]
    people.deliver(JOE, MESSAGE)
    assert names(people) == {"INBOX": [0]}
    assert people.log.named("rule-failed")[0]["rules"] == "filters"


# -- on to others


def test_a_forward_leaves_with_a_sender_of_ours_and_names_who_passed_it_on() -> None:
    b = bench(srs=SECRET)
    rule(b.world, Actions(forwards=("x@far.example",)))
    b.submit(JOE, sender="s@sender.example", message=MESSAGE)
    [call] = b.outbound.calls
    assert call.sender.address == SECRET.forward("s@sender.example", b.clock.now())
    assert not call.sender.local
    assert [one.recipient for one in call.recipients] == ["x@far.example"]
    assert call.recipients[0].orcpt == f"rfc822;{JOE}"
    assert call.data.startswith(b"X-Signed: yes\r\nDelivered-To: joe@example.org\r\nReceived: ")
    assert call.data.endswith(MESSAGE)
    assert names(b.world) == {"INBOX": [0]}


def test_what_is_deleted_and_forwarded_goes_on_alone() -> None:
    b = bench(srs=SECRET)
    rule(b.world, Actions(delete=True, forwards=("x@far.example",)))
    b.submit(JOE, sender="s@sender.example")
    assert b.outbound.recipients == [["x@far.example"]]
    assert names(b.world) == {}


def test_nothing_is_lost_where_an_account_may_not_forward_any_more() -> None:
    b = bench()
    people = b.world
    account = people.people[JOE]
    run(people.accounts.update(replace(account, limits=Limits(forwards=2)), ACTOR))
    rule(people, Actions(delete=True, forwards=("x@far.example",)))
    for _ in range(4):
        b.submit(JOE, sender="s@sender.example")
    assert len(b.outbound.calls) == 2
    assert names(people) == {"INBOX": [0, 0]}
    b.clock.leap(86_400)
    b.submit(JOE, sender="s@sender.example")
    assert len(b.outbound.calls) == 3


def test_spam_is_passed_on_to_nobody() -> None:
    b = bench()
    forwards = Actions(forwards=("x@far.example",), uploads=("https://u.example/",), spam=True)
    rule(b.world, forwards)
    b.submit(JOE, sender="s@sender.example")
    assert not b.outbound.calls
    assert not b.world.web.asked
    assert names(b.world) == {"Junk": [0]}


def test_mutual_forwards_end_after_each_has_it_once() -> None:
    b = bench(people=(JOE, ANN), srs=SECRET)
    rule(b.world, Actions(forwards=(ANN,)), who=JOE)
    rule(b.world, Actions(forwards=(JOE,)), who=ANN)
    b.submit(JOE, sender="s@sender.example")
    assert names(b.world, JOE) == {"INBOX": [0]} == names(b.world, ANN)
    assert not b.outbound.calls
    assert not b.waiting()
    assert b.world.log.named("not-forwarded")[0]["outcome"] == "loop"


def test_a_forward_to_an_own_address_is_no_forward() -> None:
    b = bench()
    account = b.world.people[JOE]
    run(b.world.addresses.create("alias@example.org", ACTOR, account=account.number))
    rule(b.world, Actions(forwards=("alias@example.org", JOE)))
    b.submit(JOE, sender="s@sender.example")
    assert names(b.world) == {"INBOX": [0]}
    assert not b.waiting()


def test_a_forward_that_fails_comes_back_to_who_wrote() -> None:
    b = bench(srs=SECRET)
    rule(b.world, Actions(forwards=("x@far.example",)))
    b.outbound.says["x@far.example"] = [REFUSED]
    b.submit(JOE, sender="s@sender.example")
    _, bounce = b.outbound.calls
    assert (bounce.sender.address, bounce.recipients[0].recipient) == ("", "s@sender.example")


def test_a_notification_is_filtered_like_other_mail() -> None:
    b = bench()
    rule(b.world, Actions(seen=True), subject="undelivered")
    b.outbound.says["x@far.example"] = [REFUSED]
    b.submit("x@far.example", sender=JOE)
    b.clock.advance(10)
    assert b"Auto-Submitted: auto-replied" in b.mail(JOE)[0]
    assert names(b.world) == {"INBOX": [1]}


def test_targets_of_the_account_get_all_its_mail() -> None:
    b = bench()
    account = b.world.people[JOE]
    targets = ("x@far.example", "https://u.example/in")
    run(b.world.accounts.update(replace(account, targets=targets), ACTOR))
    b.submit(JOE, sender="s@sender.example")
    assert b.outbound.recipients == [["x@far.example"]]
    assert [request.url for request, _ in b.world.web.asked] == ["https://u.example/in"]


def test_mail_that_came_home_from_the_queue_is_filtered_too() -> None:
    b = bench(people=(JOE,))
    rule(b.world, Actions(seen=True))
    b.submit(JOE, sender="s@sender.example", notify=("SUCCESS",))
    assert names(b.world) == {"INBOX": [1]}


def test_a_full_mailbox_keeps_its_rules_for_later() -> None:
    b = bench(people=(JOE, ANN))
    account = b.world.people[JOE]
    run(b.world.accounts.update(replace(account, limits=Limits(storage=10)), ACTOR))
    rule(b.world, Actions(forwards=("x@far.example",), seen=True))
    b.submit(JOE, ANN, sender="s@sender.example")
    assert names(b.world, ANN) == {"INBOX": [0]}
    assert not b.outbound.calls
    account = run(b.world.accounts.get(account.number))
    run(b.world.accounts.update(replace(account, limits=Limits()), ACTOR))
    b.clock.advance(3600)
    assert names(b.world) == {"INBOX": [1]}
    assert b.outbound.recipients == [["x@far.example"]]


# -- to the web

URL = "https://hooks.example/mail?key=1"


def test_a_message_is_posted_signed_and_once() -> None:
    b = bench()
    rule(b.world, Actions(uploads=(URL,), delete=True))
    b.submit(JOE, sender="s@sender.example", message=MESSAGE)
    [(request, body)] = b.world.web.asked
    headers = dict(request.headers)
    assert (request.url, request.method) == (URL, "POST")
    assert headers["Content-Type"] == "message/rfc822"
    assert headers["X-Envelope-From"] == "s@sender.example"
    assert headers["X-Envelope-To"] == JOE
    assert body.endswith(MESSAGE)
    key = Keys(b"secret").of(b.world.people[JOE].id)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert not b.waiting()
    assert names(b.world) == {}


def test_a_server_that_is_away_gets_the_message_later() -> None:
    b = bench()
    rule(b.world, Actions(uploads=(URL,)))
    b.world.web.statuses = [0, 500, 404]
    b.submit(JOE, sender="s@sender.example")
    [entry] = b.waiting()
    assert (entry.recipient, entry.lane) == (URL, "https://hooks.example")
    for _ in range(3):
        b.clock.advance(7200)
    assert len(b.world.web.asked) == 4
    assert not b.waiting()
    assert len({dict(request.headers)["webhook-id"] for request, _ in b.world.web.asked}) == 1


@pytest.mark.parametrize("ended", ["gone", "disabled"])
def test_uploads_that_nobody_wants_end_without_a_word(ended: str) -> None:
    b = bench()
    rule(b.world, Actions(uploads=(URL,)))
    b.world.web.statuses = [410] if ended == "gone" else [0]
    b.submit(JOE, sender="s@sender.example")
    if ended == "disabled":
        account = b.world.people[JOE]
        run(b.world.accounts.update(replace(account, disabled=True), ACTOR))
        b.clock.advance(7200)
    assert len(b.world.web.asked) == 1
    assert not b.waiting()
    assert not b.outbound.calls


def test_two_accounts_post_to_one_server_each_for_itself() -> None:
    b = bench(people=(JOE, ANN))
    rule(b.world, Actions(uploads=(URL,)), who=JOE)
    rule(b.world, Actions(uploads=(URL,)), who=ANN)
    b.submit(JOE, ANN, sender="s@sender.example")
    to = [dict(request.headers)["X-Envelope-To"] for request, _ in b.world.web.asked]
    assert sorted(to) == [ANN, JOE]
