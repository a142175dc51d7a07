from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.model.account import Limits
from mailhub.model.errors import AllowanceUsed, InUse, Invalid, NotFound
from mailhub.model.queue import QueueFilter
from mailhub.model.route import Route
from tests.queue_bench import ACTOR, LATER, QueueBench, bench
from tests.support import run

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"


def stuck(*recipients: str) -> QueueBench:
    """A queue whose mail was tried once and waits."""
    b = bench(people=(JOE, "jane@example.org"))
    for domain in ("example.net", "example.com"):
        b.outbound.says[domain] = [LATER]
    for recipient in recipients or ("a@example.net", "b@example.net", "c@example.com"):
        b.submit(recipient)
    b.outbound.says.clear()
    b.outbound.calls.clear()
    return b


def waiting(b: QueueBench) -> list[str]:
    return [entry.recipient for entry in b.waiting()]


def test_pages_and_single_entries() -> None:
    b = stuck()
    entries, total = run(b.queue.page(QueueFilter(domain="example.net"), limit=1))
    assert ([one.recipient for one in entries], total) == (["a@example.net"], 2)
    entries, _ = run(b.queue.page(QueueFilter(domain="example.net"), after=entries[0].number))
    assert [one.recipient for one in entries] == ["b@example.net"]
    assert run(b.queue.get(entries[0].number)) == entries[0]
    assert run(b.queue.count()) == 3
    with pytest.raises(NotFound):
        run(b.queue.get(999))


def test_held_mail_stays_until_it_is_released() -> None:
    b = stuck()
    assert run(b.queue.hold(QueueFilter(domain="example.net"), ACTOR)).done == 2
    b.clock.advance(400)
    assert waiting(b) == ["a@example.net", "b@example.net"]
    assert [one.held for one in b.waiting()] == [True, True]
    assert run(b.queue.release(QueueFilter(recipient="b@example.net"), ACTOR)).done == 1
    b.clock.advance(2)
    assert waiting(b) == ["a@example.net"]


def test_retry_is_at_once_even_where_the_destination_rests() -> None:
    b = stuck()
    run(b.schedule.back_off("example.com", int(b.clock.now()) + 1000))
    assert run(b.queue.retry(QueueFilter(query="example"), ACTOR)).done == 3
    b.clock.advance(1)
    assert waiting(b) == []


def test_retry_of_held_mail_leaves_it_held() -> None:
    b = stuck("a@example.net")
    run(b.queue.hold(QueueFilter(sender=JOE), ACTOR))
    run(b.queue.retry(QueueFilter(sender=JOE), ACTOR))
    b.clock.advance(1000)
    assert waiting(b) == ["a@example.net"]


def test_bounce_tells_the_sender_at_once() -> None:
    b = stuck()
    assert run(b.queue.bounce(QueueFilter(domain="example.net"), ACTOR)).done == 2
    assert waiting(b) == ["c@example.com"]
    first, _ = b.mail(JOE)
    assert b"Action: failed\r\nStatus: 5.0.0\r\n" in first
    assert b"Diagnostic-Code: X-mailhub; Bounced by the administrator\r\n" in first
    assert run(b.schedule.size()) == 1


def test_discard_and_purge_tell_nobody() -> None:
    b = stuck()
    assert run(b.queue.discard(QueueFilter(recipient="A@Example.net"), ACTOR)).done == 1
    assert waiting(b) == ["b@example.net", "c@example.com"]
    run(b.queue.hold(QueueFilter(domain="example.com"), ACTOR))
    assert run(b.queue.purge(ACTOR)).done == 2
    assert waiting(b) == []
    assert b.mail(JOE) == []
    assert run(b.schedule.size()) == 0


def test_what_would_hit_everything_has_to_say_what_it_means() -> None:
    b = stuck()
    with pytest.raises(Invalid):
        run(b.queue.bounce(QueueFilter(), ACTOR))
    with pytest.raises(Invalid):
        run(b.queue.discard(QueueFilter(), ACTOR))
    assert len(b.waiting()) == 3


def test_reroute_sends_over_a_route_that_exists() -> None:
    b = stuck("a@example.net")
    route = run(b.world.store.routes.add(Route(0, "other.example", "relay.example"), ACTOR))
    with pytest.raises(NotFound):
        run(b.queue.reroute(QueueFilter(sender=JOE), route.number + 1, ACTOR))
    run(b.queue.reroute(QueueFilter(sender=JOE), route.number, ACTOR))
    b.clock.advance(400)
    assert b.outbound.calls[0].hops[0].host == "relay.example"


@pytest.mark.parametrize("act", ["hold", "release", "retry", "bounce", "discard"])
def test_what_is_being_tried_is_in_use(act: str) -> None:
    b = bench()
    b.outbound.stops.add("a@example.net")
    b.submit("a@example.net")
    with pytest.raises(InUse):
        run(getattr(b.queue, act)(QueueFilter(domain="example.net"), ACTOR))
    b.outbound.release()
    with pytest.raises(NotFound):
        run(getattr(b.queue, act)(QueueFilter(domain="example.net"), ACTOR))


def test_others_are_not_left_out_for_one_that_is_being_tried() -> None:
    b = stuck()
    b.outbound.stops.add("d@example.net")
    b.submit("d@example.net")
    acted = run(b.queue.hold(QueueFilter(domain="example.net"), ACTOR))
    assert (acted.done, acted.busy) == (2, 1)


def test_daily_limits_of_recipients() -> None:
    b = bench(people=())
    b.world.account(JOE)
    joe = b.world.people[JOE]
    run(b.world.accounts.update(replace(joe, limits=Limits(recipients=2)), ACTOR))
    b.submit("a@example.net", "b@example.net")
    with pytest.raises(AllowanceUsed):
        b.submit("c@example.net")
    b.clock.advance(86_400)
    b.submit("c@example.net")
    assert len(b.outbound.calls) == 2


def test_daily_limits_of_forwards() -> None:
    b = bench(people=("jane@example.org",))
    jane = b.world.people["jane@example.org"]
    run(b.world.accounts.update(replace(jane, limits=Limits(forwards=1)), ACTOR))
    row = run(b.world.addresses.get("jane@example.org"))
    run(b.world.addresses.update(replace(row, targets=("jane@example.net",)), ACTOR))
    b.submit("jane@example.org", sender="s@example.com")
    b.submit("jane@example.org", sender="s@example.com")
    assert b.outbound.recipients == [["jane@example.net"]]
    assert len(b.mail("jane@example.org")) == 2
