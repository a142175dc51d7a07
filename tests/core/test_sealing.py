"""Encryption of what is kept and goes on: delivered, appended, imported, forwarded, posted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mailhub.core.messages import NewMessage
from mailhub.core.transfer import Transfers
from mailhub.model.account import Encryption, Limits
from mailhub.model.errors import OverQuota, Unavailable
from mailhub.model.filter import Actions
from mailhub.model.flags import DRAFT, SEEN, Flags
from mailhub.model.message import Arrival
from mailhub.model.uids import UidSet
from tests.core.test_rules_delivery import SECRET, journal, lmtp, mailbox, names, rule
from tests.pgpkeys import Key
from tests.queue_bench import ACTOR, bench
from tests.spentkeys import EXPIRED
from tests.support import run
from tests.world import World, world

JOE, ANN, MAX = "joe@example.org", "ann@example.org", "max@example.org"
KEY, OTHER = Key(), Key("Ann <ann@example.org>")
PLAIN = b"Secret words\r\n"
MESSAGE = (
    b"From: s@far.example\r\nTo: joe@example.org\r\nSubject: Offer\r\nMessage-ID: <1@far>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + PLAIN
)
INNER = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + PLAIN
LARGE = MESSAGE + b"x" * 70 + b"\r\n" + b"y" * 100_000 + b"\r\n"


def seal(people: World, who: str = JOE, key: Key = KEY, **wanted: bool) -> None:
    account = run(people.store.accounts.get(people.people[who].number))
    assert account is not None
    given = wanted or {"stored": True}
    encryption = Encryption(key.public, **given)
    run(people.accounts.update(replace(account, encryption=encryption), ACTOR))


def kept(people: World, arrival: Arrival) -> bytes:
    uids = UidSet(((arrival.uid, arrival.uid),))
    [found] = run(people.store.messages.contents(arrival.account, arrival.mailbox, uids))
    return found.prefix + run(people.store.blobs.read([found.blob]))[0]


def append(people: World, data: bytes, flags: int = 0) -> Arrival:
    box = run(people.mailboxes.get(people.people[JOE].number, "INBOX"))
    body = people.store.spools.open(data).finish()
    new = NewMessage(body, Flags(flags))
    return run(people.mailroom.messages.append(box, [new], ACTOR))[0]


# -- what is kept


def test_what_arrives_is_stored_sealed_and_known_by_its_header() -> None:
    people = world()
    seal(people)
    arrival = people.deliver(JOE, MESSAGE)
    data = kept(people, arrival)
    assert data.startswith(b"Return-Path: <a@remote.example>\r\nDelivered-To: joe@example.org\r\n")
    assert KEY.opened(data) == INNER
    assert b"Secret" not in data
    uids = UidSet(((1, 1),))
    [(_, shown)] = run(people.store.messages.rendered(arrival.account, arrival.mailbox, uids))
    assert (shown.subject, shown.message_id, shown.preview) == ("Offer", "<1@far>", "")
    assert b'"PGP-ENCRYPTED"' in shown.bodystructure.upper()
    index = run(people.store.messages.index(arrival.account, arrival.mailbox))
    assert list(index.sizes) == [len(data)]
    account = run(people.store.accounts.get(arrival.account))
    assert account is not None
    assert account.used_storage == len(data)


def test_everybody_gets_a_message_of_their_own() -> None:
    people = world(people=(JOE, ANN, MAX))
    seal(people)
    seal(people, ANN, OTHER)
    [joe, ann, other] = lmtp(people, JOE, ANN, MAX)
    assert isinstance(joe, Arrival)
    assert isinstance(ann, Arrival)
    assert isinstance(other, Arrival)
    assert KEY.opened(kept(people, joe)).endswith(b"\r\n\r\nHello\r\n")
    assert OTHER.opened(kept(people, ann)).endswith(b"\r\n\r\nHello\r\n")
    assert kept(people, other).endswith(b"\r\n\r\nHello\r\n")


def test_filters_see_the_message_as_it_came() -> None:
    people = world()
    seal(people)
    box = mailbox(people, "Shop")
    rule(people, Actions(mailbox=box, seen=True), text="secret words")
    arrival = people.deliver(JOE, MESSAGE)
    assert arrival.mailbox == box
    assert names(people) == {"Shop": [SEEN]}
    assert KEY.opened(kept(people, arrival)) == INNER


def test_a_script_that_edits_and_copies_makes_a_message_for_each_header() -> None:
    people = world()
    seal(people)
    account = people.people[JOE]
    source = (
        'require ["fileinto", "mailbox", "copy", "editheader"];\n'
        'fileinto :copy :create "One"; fileinto :copy :create "Two";\n'
        'addheader "X-Seen" "yes"; keep;\n'
    )
    run(people.scripts.put(account.number, "main", source, ACTOR))
    run(people.scripts.activate(account.number, "main", ACTOR))
    people.deliver(JOE, MESSAGE)
    found = {}
    for box in run(people.store.mailboxes.all(account.number)):
        uids = UidSet(((1, 1),))
        for content in run(people.store.messages.contents(account.number, box.number, uids)):
            found[box.name] = run(people.store.blobs.read([content.blob]))[0]
    assert sorted(found) == ["INBOX", "One", "Two"]
    assert found["One"] == found["Two"] != found["INBOX"]
    assert b"X-Seen: yes\r\n" in found["INBOX"].partition(b"\r\n\r\n")[0]
    assert {KEY.opened(data) for data in found.values()} == {INNER}


@pytest.mark.parametrize("data", [MESSAGE, LARGE], ids=["small", "large"])
def test_what_its_owner_stores_is_sealed(data: bytes) -> None:
    people = world()
    seal(people)
    stored = kept(people, append(people, data))
    assert KEY.opened(stored) == INNER + data[len(MESSAGE) :]
    assert b"Subject: Offer\r\n" in stored


def test_what_an_application_keeps_has_the_size_that_is_stored() -> None:
    people = world()
    seal(people)
    box = run(people.mailboxes.get(people.people[JOE].number, "INBOX"))
    body = people.store.spools.open(MESSAGE).finish()
    done = run(people.mailing.keep(box, NewMessage(body, Flags()), ACTOR))
    stored = kept(people, done.arrival)
    assert (done.size, KEY.opened(stored)) == (len(stored), INNER)


def test_a_draft_stays_as_it_is() -> None:
    people = world()
    seal(people)
    assert kept(people, append(people, MESSAGE, DRAFT)) == MESSAGE


def test_what_is_sealed_already_stays_as_it_is() -> None:
    people = world()
    seal(people)
    sealed = kept(people, append(people, MESSAGE))
    assert kept(people, append(people, sealed)) == sealed
    arrival = people.deliver(JOE, sealed)
    assert kept(people, arrival).endswith(sealed)


def test_an_import_is_sealed_and_still_done_once() -> None:
    people = world()
    seal(people)
    box = run(people.mailboxes.get(people.people[JOE].number, "INBOX"))
    messages = people.mailroom.messages
    transfers = Transfers(people.store, people.mailboxes, messages, people.clock)
    arrivals = []
    for _ in range(2):
        body = people.store.spools.open(MESSAGE).finish()
        arrivals.append(run(transfers.take(box, body, Flags(), None, 0, ACTOR)))
        body.close()
    assert arrivals[0] == arrivals[1]
    assert KEY.opened(kept(people, arrivals[0])) == INNER


def test_a_repeated_hand_over_is_recognised() -> None:
    people = world()
    seal(people)
    envelope = replace(people.envelope(JOE), again=True)
    arrivals: list[Arrival] = []
    for _ in range(2):
        recipients = [run(people.intake.recipient(envelope.forward_paths[0], None, False))]
        spool = people.intake.spool(envelope)
        spool.write(MESSAGE)
        arrivals += run(people.intake.accept(envelope, recipients, spool))
    assert arrivals[0] == arrivals[1]
    assert names(people) == {"INBOX": [0]}


def test_off_again_stores_plain() -> None:
    people = world()
    seal(people)
    people.deliver(JOE, MESSAGE)
    seal(people, stored=False)
    assert kept(people, people.deliver(JOE, MESSAGE)).endswith(MESSAGE)


def test_a_switch_without_a_key_does_nothing() -> None:
    people = world()
    account = people.people[JOE]
    encryption = Encryption("", stored=True, forwarded=True)
    run(people.accounts.update(replace(account, encryption=encryption), ACTOR))
    assert kept(people, people.deliver(JOE, MESSAGE)).endswith(MESSAGE)
    assert kept(people, append(people, MESSAGE)) == MESSAGE


def test_the_quota_counts_what_is_stored() -> None:
    people = world(people=())
    people.account(JOE, storage=len(LARGE) + 5000)
    seal(people)
    with pytest.raises(OverQuota):
        append(people, LARGE)
    with pytest.raises(OverQuota):
        people.deliver(JOE, LARGE)
    assert names(people) == {}


def test_the_copy_of_who_is_full_for_its_sealed_size_waits_beside_the_others() -> None:
    b = bench()
    people = b.world
    people.account(ANN, storage=len(LARGE) + 5000)
    seal(people, ANN, OTHER)
    b.submit(JOE, ANN, sender="s@sender.example", message=LARGE)
    assert names(people) == {"INBOX": [0]}
    account = run(people.store.accounts.get(people.people[ANN].number))
    assert account is not None
    run(people.accounts.update(replace(account, limits=Limits(storage=10**7)), ACTOR))
    b.clock.leap(86_400)
    [data] = b.mail(ANN)
    assert OTHER.opened(data).endswith(b"y\r\n")


# -- what goes wrong


def spoil(people: World, stored: bool = True, forwarded: bool = True) -> None:
    """The account's key is over since it was set."""
    account = people.people[JOE]
    bad = replace(account, encryption=Encryption(EXPIRED, stored, forwarded))
    run(people.store.accounts.replace(bad, ACTOR))


def test_a_key_that_cannot_be_used_any_more_costs_no_message() -> None:
    b = bench(srs=SECRET)
    people = b.world
    spoil(people)
    rule(people, Actions(forwards=("x@far.example",)))
    b.submit(JOE, sender="s@sender.example", message=MESSAGE)
    [call] = b.outbound.calls
    assert call.data.endswith(MESSAGE)
    assert names(people) == {"INBOX": [0]}
    assert kept(people, append(people, MESSAGE)) == MESSAGE
    events = people.log.named("not-encrypted")
    assert len(events) == 3
    assert "has expired" in str(events[0]["reason"])
    [first, second] = journal(people, "unencrypted")
    assert first == second == {"reason": events[0]["reason"]}


def test_what_cannot_be_sealed_now_is_not_taken_in_the_clear() -> None:
    people = world()
    seal(people)

    async def busy(*_: object) -> None:
        raise Unavailable

    people.owners.sealing._encrypting.encrypt = busy  # type: ignore[method-assign,assignment]
    with pytest.raises(Unavailable):
        people.deliver(JOE, LARGE)
    with pytest.raises(Unavailable):
        append(people, LARGE)
    assert names(people) == {}
    assert kept(people, people.deliver(JOE, MESSAGE)).find(PLAIN) < 0


# -- what goes on


def test_forwards_are_sealed_for_who_forwards_and_only_where_asked() -> None:
    b = bench(srs=SECRET)
    people = b.world
    seal(people, forwarded=True)
    rule(people, Actions(forwards=("x@far.example", "y@other.example")))
    b.submit(JOE, sender="s@sender.example", message=MESSAGE)
    for call in b.outbound.calls:
        assert KEY.opened(call.data.removeprefix(b"X-Signed: yes\r\n")) == INNER
        assert b"Delivered-To: joe@example.org\r\n" in call.data.partition(b"\r\n\r\n")[0]
        assert call.sender.body == "7BIT"
    assert b.outbound.recipients == [["x@far.example"], ["y@other.example"]]
    account = people.people[JOE].number
    box = run(people.mailboxes.get(account, "INBOX"))
    assert kept(people, Arrival(account, box.number, 1, 1, 1)).endswith(MESSAGE)
    assert json.dumps(journal(people, "unencrypted")) == "[]"


def test_targets_of_the_account_get_it_sealed_too_and_what_is_posted() -> None:
    b = bench(srs=SECRET)
    people = b.world
    seal(people, stored=True, forwarded=True)
    account = run(people.store.accounts.get(people.people[JOE].number))
    assert account is not None
    targets = ("x@far.example", "https://hook.example/in")
    run(people.accounts.update(replace(account, targets=targets), ACTOR))
    b.submit(JOE, sender="s@sender.example", message=MESSAGE)
    [call] = b.outbound.calls
    assert KEY.opened(call.data.removeprefix(b"X-Signed: yes\r\n")) == INNER
    [(request, posted)] = people.web.asked
    assert request.url == "https://hook.example/in"
    assert KEY.opened(posted) == INNER
    assert names(people) == {"INBOX": [0]}
