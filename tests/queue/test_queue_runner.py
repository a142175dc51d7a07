from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.memory_schedule import MemorySchedule
from mailhub.model.change import Change, Queued
from mailhub.model.errors import Corrupt, Unavailable
from mailhub.model.outbound import Answer, Stage
from mailhub.model.queue import Attempt, AttemptResult, QueueEntry, QueueFilter, Slot
from mailhub.model.route import Hop, Route
from mailhub.model.settings import QueueSettings
from mailhub.ports import Clock
from mailhub.queue.destination import Destination, refused
from mailhub.queue.runner import CARE, LOOK, Runner
from tests.queue_bench import (
    ACTOR,
    LATER,
    MESSAGE,
    REFUSED,
    TAKEN,
    UNKNOWN,
    UNREACHED,
    QueueBench,
    bench,
)
from tests.support import run

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"
HOUR = 3600


def dsn(message: bytes) -> dict[str, str]:
    """Fields of the one recipient that a notification tells of."""
    parsed = email.message_from_bytes(message, policy=email.policy.SMTP)
    part: Any = parsed.get_payload(1)
    _, recipient = part.get_payload()
    return {name: str(value) for name, value in recipient.items()}


def test_mail_leaves_at_once_signed_and_is_gone() -> None:
    b = bench()
    b.submit("a@example.net")
    [call] = b.outbound.calls
    assert b.outbound.recipients == [["a@example.net"]]
    assert call.hops[0].host == "mx.example.net"
    assert call.sender.address == JOE
    assert call.data.startswith(b"X-Signed: yes\r\nReceived: ")
    assert call.data.endswith(MESSAGE)
    assert b.waiting() == []
    assert b.mail(JOE) == []
    assert run(b.schedule.size()) == 0
    [event] = b.world.log.named("delivery")
    assert (event["outcome"], event["remote"]) == (
        "delivered",
        "mx.example.net [192.0.2.1]",
    )
    [detail] = b.journal("delivered")
    assert '"reply": "250 Ok"' in detail


def test_recipients_of_one_domain_share_a_transaction() -> None:
    b = bench(QueueSettings(jitter=0, recipients=2))
    b.submit("a@example.net", "b@example.net", "c@example.net", "d@example.com")
    assert sorted(map(sorted, b.outbound.recipients)) == [
        ["a@example.net", "b@example.net"],
        ["c@example.net"],
        ["d@example.com"],
    ]
    # A message is signed once, however many transactions it takes.
    assert len(b.departure.asked) == 1


def test_later_is_tried_later_until_it_is_taken() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [LATER, LATER, TAKEN]
    b.submit("a@example.net")
    [entry] = b.waiting()
    assert (entry.attempts, entry.status, entry.reply) == (1, "4.3.0", "451 later")
    b.clock.advance(290)
    assert len(b.outbound.calls) == 1
    b.clock.advance(12)
    assert len(b.outbound.calls) == 2
    b.clock.advance(590)
    assert len(b.outbound.calls) == 2
    b.clock.advance(15)
    assert len(b.outbound.calls) == 3
    assert b.waiting() == []
    assert b.mail(JOE) == []


def test_a_refusal_comes_back_to_its_sender() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [REFUSED]
    b.submit("a@example.net", "b@example.net")
    assert b.waiting() == []
    [notice] = b.mail(JOE)
    assert notice.startswith(b"Return-Path: <>\r\nDelivered-To: joe@example.org\r\n")
    assert dsn(notice) == {
        "Final-Recipient": "rfc822; a@example.net",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.net",
        "Diagnostic-Code": "smtp; 550 nobody of that name",
        "Last-Attempt-Date": "Fri, 15 Jan 2027 08:00:00 +0000",
    }
    assert notice.endswith(b"body\r\n\r\n--" + notice.rpartition(b"\r\n--")[2])


def test_one_notification_for_all_that_failed_alike() -> None:
    b = bench()
    b.outbound.says["example.net"] = [REFUSED]
    b.submit("a@example.net", "b@example.net", "c@example.net")
    [notice] = b.mail(JOE)
    assert notice.count(b"Final-Recipient: ") == 3


def test_unknown_after_the_dot_is_tried_again() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [UNKNOWN, TAKEN]
    b.submit("a@example.net")
    assert len(b.waiting()) == 1
    b.clock.advance(310)
    assert len(b.outbound.calls) == 2
    assert b.waiting() == []


def test_a_delay_is_told_once_and_the_end_too() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [LATER]
    b.submit("a@example.net")
    b.clock.advance(4 * HOUR)
    assert b.mail(JOE) == []
    b.clock.advance(4 * HOUR)
    [notice] = b.mail(JOE)
    assert dsn(notice)["Action"] == "delayed"
    assert dsn(notice)["Will-Retry-Until"] == "Wed, 20 Jan 2027 08:00:00 +0000"
    b.clock.advance(5 * 24 * HOUR)
    [_, end] = b.mail(JOE)
    assert (dsn(end)["Action"], dsn(end)["Status"]) == ("failed", "5.4.7")
    assert b.waiting() == []


def test_success_is_told_where_the_remote_will_not() -> None:
    b = bench()
    b.submit("a@example.net", notify=("SUCCESS",))
    [notice] = b.mail(JOE)
    assert dsn(notice)["Action"] == "relayed"
    b.outbound.dsn = True
    b.submit("a@example.net", notify=("SUCCESS",))
    assert len(b.mail(JOE)) == 1


def test_success_of_a_local_delivery_is_told_too() -> None:
    b = bench(people=(JOE, "jane@example.org"))
    b.submit("jane@example.org", notify=("SUCCESS",))
    assert len(b.mail("jane@example.org")) == 1
    [notice] = b.mail(JOE)
    assert dsn(notice)["Action"] == "delivered"


def test_notifications_go_to_senders_elsewhere_and_end_in_silence() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [REFUSED]
    b.outbound.says["s@example.com"] = [REFUSED]
    b.submit("a@example.net", sender="s@example.com")
    assert b.outbound.recipients == [["a@example.net"], ["s@example.com"]]
    notice = b.outbound.calls[1]
    assert notice.sender.address == ""
    assert notice.sender.local
    assert notice.recipients[0].notify == ("NEVER",)
    assert b.waiting() == []
    assert [event["outcome"] for event in b.world.log.named("delivery")] == ["failed", "discarded"]


def test_a_full_sender_gets_the_notification_later() -> None:
    b = bench(people=())
    joe = b.world.account(JOE, storage=600)
    b.outbound.says["a@example.net"] = [REFUSED]
    b.submit("a@example.net")
    [waits] = b.waiting()
    assert (waits.recipient, waits.sender.address, waits.status) == (JOE, "", "4.2.2")
    assert b.mail(JOE) == []
    run(b.world.accounts.update(replace(joe, limits=replace(joe.limits, storage=1_000_000)), ACTOR))
    b.clock.advance(310)
    [notice] = b.mail(JOE)
    assert dsn(notice)["Status"] == "5.1.1"
    assert b.waiting() == []


def test_a_copy_without_room_waits_for_its_mailbox_alone() -> None:
    b = bench(people=(JOE,))
    jane = b.world.account("jane@example.org", storage=1000)
    filler = MESSAGE + b"x" * 500 + b"\r\n"
    b.world.deliver("jane@example.org", filler)
    b.submit(JOE, "jane@example.org", message=filler)
    assert len(b.mail(JOE)) == 1
    [waits] = b.waiting()
    assert (waits.home, waits.recipient) == (jane.number, "jane@example.org")
    b.clock.advance(310)
    assert len(b.waiting()) == 1
    run(
        b.world.accounts.update(
            replace(jane, limits=replace(jane.limits, storage=1_000_000)), ACTOR
        )
    )
    b.clock.advance(700)
    assert b.waiting() == []
    assert len(b.mail("jane@example.org")) == 2
    assert len(b.mail(JOE)) == 1


def test_a_domain_that_became_local() -> None:
    b = bench()
    b.outbound.says["example.net"] = [LATER]
    b.submit("jane@example.net", "nobody@example.net")
    assert len(b.waiting()) == 2
    b.world.account("jane@example.net")
    b.clock.advance(310)
    assert b.waiting() == []
    [mail] = b.mail("jane@example.net")
    assert mail.startswith(b"Return-Path: <joe@example.org>\r\nDelivered-To: jane@example.net")
    [notice] = b.mail(JOE)
    assert dsn(notice)["Final-Recipient"] == "rfc822; nobody@example.net"
    assert dsn(notice)["Status"] == "5.1.1"


def test_a_destination_that_is_away_is_let_alone_and_others_go_on() -> None:
    b = bench(QueueSettings(jitter=0, batch=2))
    b.outbound.says["example.net"] = [UNREACHED]
    for number in range(6):
        b.submit(f"r{number}@example.net")
    b.submit("a@example.com")
    assert b.outbound.recipients == [["r0@example.net"], ["a@example.com"]]
    b.clock.advance(61)
    # One transaction a lease finds that it is still away; its lease-mates are not tried.
    assert len(b.outbound.calls) <= 2 + 3
    untried = [entry for entry in b.waiting() if entry.attempts == 0]
    assert untried == []
    lanes = [event for event in b.world.log.named("lane") if event["outcome"] == "backs off"]
    assert lanes[0]["lane"] == "example.net"
    b.outbound.says["example.net"] = [TAKEN]
    b.clock.advance(700)
    assert b.waiting() == []


def test_the_wait_for_a_destination_doubles() -> None:
    b = bench(QueueSettings(jitter=0, retry=(1,), backoff=60, backoff_most=200))
    b.outbound.says["example.net"] = [UNREACHED]
    b.submit("a@example.net")
    tried = []
    for second in range(1000):
        before = len(b.outbound.calls)
        b.clock.advance(1)
        if len(b.outbound.calls) > before:
            tried.append(second + 1)
    waits = [later - earlier for earlier, later in zip([0, *tried], tried, strict=False)]
    wanted = [60, 120, 200, 200, 200, 200]
    assert [
        wait for wait, most in zip(waits, wanted, strict=False) if not most <= wait <= most + 3
    ] == []
    assert 4 <= len(tried) <= 6


def test_a_domain_without_mail_bounces_at_once_and_a_sick_dns_does_not() -> None:
    b = bench()
    b.finding.says["gone.example"] = refused("5.1.2", "The domain gone.example does not exist")
    b.finding.says["sick.example"] = refused("4.4.3", "The MX records cannot be looked up")
    b.submit("a@gone.example", "b@gone.example")
    b.submit("c@sick.example")
    assert b.outbound.calls == []
    [notice] = b.mail(JOE)
    assert notice.count(b"Status: 5.1.2") == 2
    assert b"X-mailhub; The domain gone.example does not exist" in notice
    assert [entry.recipient for entry in b.waiting()] == ["c@sick.example"]


def test_routes_lead_elsewhere_and_a_chosen_one_wins() -> None:
    b = bench()
    smart = run(b.world.store.routes.add(Route(0, "*", "smart.example"), ACTOR))
    other = run(b.world.store.routes.add(Route(0, "*", "other.example", priority=9), ACTOR))
    b.outbound.says["a@example.net"] = [LATER, TAKEN]
    b.submit("a@example.net")
    assert [hop.host for hop in b.outbound.calls[0].hops] == ["smart.example", "other.example"]
    run(b.world.store.queue.reroute([b.waiting()[0].number], other.number, ACTOR))
    b.clock.advance(310)
    assert [hop.host for hop in b.outbound.calls[1].hops] == ["other.example"]
    assert smart.number != other.number


def test_what_must_be_encrypted_says_so_when_servers_are_looked_for() -> None:
    b = bench()
    b.submit("a@example.net", require_tls=True)
    assert b.finding.asked == [("example.net", None, True)]
    assert b.outbound.calls[0].sender.require_tls


OPTIONAL = b"TLS-Required: No\r\nFrom: joe@example.org\r\nSubject: x\r\n\r\nAnyhow.\r\n"


def test_a_message_can_say_that_it_goes_without_tls_too() -> None:
    b = bench()
    b.submit("a@example.net", message=OPTIONAL)
    b.submit("a@example.net", message=OPTIONAL.replace(b"No", b"Yes"))
    b.submit("a@example.net", message=b"TLS-Required: No\r\n" + OPTIONAL)
    b.submit("a@example.net", message=OPTIONAL, require_tls=True)
    assert b.finding.optional == [True, False, False, False]
    assert [call.sender.tls_optional for call in b.outbound.calls] == b.finding.optional


def test_what_is_told_of_such_a_message_says_so_too() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [REFUSED]
    b.submit("a@example.net", sender="far@example.com", message=OPTIONAL)
    bounce = b.outbound.calls[-1]
    assert (bounce.sender.address, bounce.sender.tls_optional) == ("", True)


def test_what_is_told_of_a_protected_message_is_protected_alike() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [REFUSED]
    b.submit("a@example.net", sender="far@example.com", require_tls=True)
    bounce = b.outbound.calls[-1].sender
    assert (bounce.address, bounce.require_tls) == ("", True)


def test_a_dead_address_is_written_to_once_a_month() -> None:
    b = bench()
    b.outbound.says["dead@example.net"] = [REFUSED]
    b.submit("dead@example.net")
    b.submit("Dead@example.net")
    assert len(b.outbound.calls) == 1
    [_, second] = b.mail(JOE)
    assert "Nothing is sent to this recipient any more" in dsn(second)["Diagnostic-Code"]
    b.clock.leap(31 * 24 * HOUR)
    b.submit("dead@example.net")
    assert len(b.outbound.calls) == 2


def test_policy_refusals_suppress_nobody() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [Answer(550, "5.7.1", "no spam", Stage.RCPT)]
    b.submit("a@example.net")
    b.submit("a@example.net")
    assert len(b.outbound.calls) == 2


def test_mail_is_held_back_until_its_time() -> None:
    b = bench(people=(JOE, "jane@example.org"))
    until = int(b.clock.now()) + 7 * 24 * HOUR
    b.submit("a@example.net", "jane@example.org", hold_until=until)
    b.clock.leap(7 * 24 * HOUR - 10)
    assert b.outbound.calls == []
    assert b.mail("jane@example.org") == []
    b.outbound.says["a@example.net"] = [LATER, TAKEN]
    b.clock.advance(20)
    assert len(b.outbound.calls) == 1
    assert len(b.mail("jane@example.org")) == 1
    b.clock.advance(310)  # its lifetime began when its time had come
    assert b.waiting() == []
    assert b.mail(JOE) == []


def test_programs_run_the_command_of_their_alias() -> None:
    b = bench(people=("joe@example.org",))
    run(b.world.addresses.create("bot@example.org", ACTOR, program=("bot", "-x")))
    b.submit("bot@example.org")
    assert b.programs.ran == [(("bot", "-x"), "bot@example.org")]
    assert b.waiting() == []


# -- leases, stops, and coordination that goes away


def test_a_lease_that_was_lost_records_nothing() -> None:
    b = bench()
    b.outbound.stops.add("a@example.net")
    b.submit("a@example.net")
    [call] = b.outbound.calls
    [work] = b.runner._working.values()
    assert call.holds()
    # Another runner takes the entry over and finishes it.
    run(b.schedule.end(work.lease.token, ()))
    claim = run(b.schedule.claim([b.waiting()[0].number], 600))
    run(b.world.store.queue.hold(claim.entries, True, ACTOR))
    attempt = Attempt(
        claim.entries[0], 1, AttemptResult.DEFERRED, "4.0.0", "theirs", due=2_000_000_000
    )
    run(b.world.store.queue.record(claim.token, [attempt], (), ACTOR))
    b.clock.advance(25)
    assert not call.holds()
    b.outbound.release()
    [entry] = b.waiting()
    assert (entry.reply, entry.attempts) == ("theirs", 1)
    assert b.world.log.named("queue")[-1]["outcome"] == "stale"


def test_what_is_under_way_is_not_sent_beside_itself_when_the_schedule_forgets_it() -> None:
    b = bench()
    b.outbound.stops.add("a@example.net")
    b.submit("a@example.net")
    b.clock.advance(1)  # tokens come from the clock
    b.schedule.__init__(b.clock)  # type: ignore[misc]
    b.submit("b@example.net")
    b.clock.advance(120)
    # `a` may be past its dot; `b`, which shares its lane, waits no longer than until it is over.
    assert b.outbound.recipients == [["a@example.net"], ["b@example.net"]]
    b.outbound.release()
    b.clock.advance(10)
    assert b.outbound.recipients == [["a@example.net"], ["b@example.net"]]
    assert b.waiting() == []
    assert run(b.schedule.size()) == 0


def test_leases_are_renewed_while_a_remote_is_slow() -> None:
    b = bench()
    b.outbound.stops.add("a@example.net")
    b.submit("a@example.net")
    b.clock.advance(20 * 60)
    assert len(b.outbound.calls) == 1
    assert b.outbound.calls[0].holds()
    b.outbound.release()
    assert b.waiting() == []


def test_stop_lets_the_transaction_under_way_end_and_begins_no_other() -> None:
    b = bench()
    b.outbound.stops.add("a@example.net")
    b.submit("a@example.net")
    b.submit("b@example.com")
    ended: list[object] = []
    Deferred.fromCoroutine(b.runner.stop()).addBoth(ended.append)
    b.clock.advance(1)
    assert not ended
    b.submit("c@example.com")
    b.outbound.release()
    b.clock.advance(1)
    assert ended == [None]
    assert [entry.recipient for entry in b.waiting()] == ["c@example.com"]


def test_a_runner_that_drained_can_be_stopped() -> None:
    b = bench()
    run(b.runner.stop())
    run(b.runner.stop())
    b.submit("late@example.com")
    b.clock.advance(60)
    assert not b.outbound.calls


def test_stop_gives_up_what_hangs_and_returns_its_lease() -> None:
    b = bench()
    b.outbound.stops.add("a@example.net")
    b.submit("a@example.net")
    ended: list[object] = []
    Deferred.fromCoroutine(b.runner.stop()).addBoth(ended.append)
    b.clock.advance(6)
    assert ended == [None]
    assert not b.outbound.calls[0].holds()
    [lease] = run(b.schedule.take(1, 1, 60))  # at once, and not when the old lease runs out
    assert lease.entries == (b.waiting()[0].number,)


def test_a_schedule_that_lost_everything_is_filled_again() -> None:
    b = bench()
    b.outbound.says["example.net"] = [LATER]
    for number in range(5):
        b.submit(f"r{number}@example.net")
    b.schedule.__init__(b.clock)  # type: ignore[misc]
    assert run(b.schedule.size()) == 0
    b.clock.advance(10)
    assert run(b.schedule.size()) == 5
    b.outbound.says.clear()
    b.clock.advance(310)
    assert b.waiting() == []


class Pausing(MemorySchedule):
    """Writes down what it was told, in order."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.told: list[object] = []

    async def pause(self, newest: int) -> None:
        self.told.append(newest)

    async def put(self, slots: Sequence[Slot]) -> None:
        self.told += [slot.number for slot in slots]

    async def rebuilt(self) -> None:
        self.told.append("rebuilt")


@pytest.mark.parametrize("recipients", [0, 1, 3])
def test_the_newest_entry_is_told_before_a_schedule_is_filled(recipients: int) -> None:
    """One that is held, too: it has no turn, but may have been on its way before."""
    b = bench(start=False)
    if recipients:
        b.submit(*(f"{name}@example.net" for name in "abc"[:recipients]))
    numbers = [entry.number for entry in b.waiting()]
    if numbers:
        run(b.means.storage.queue.hold(numbers[-1:], True, ACTOR))
    schedule = Pausing(b.clock)
    run(Runner(replace(b.means, schedule=schedule)).start())
    newest = numbers[-1] if numbers else 0
    assert schedule.told == [newest, *numbers[:-1], "rebuilt"]


def test_mail_that_waits_from_before_a_start_is_tried() -> None:
    b = bench(start=False)
    b.submit("a@example.net", "b@example.com")
    assert b.outbound.calls == []
    b.start()
    assert len(b.outbound.calls) == 2


class Away:
    """Coordination that can be switched off."""

    def __init__(self, schedule: object) -> None:
        self.schedule = schedule
        self.away = False

    def __getattr__(self, name: str) -> object:
        found = getattr(self.schedule, name)
        if name == "watch":
            return found

        async def call(*arguments: object) -> object:
            if self.away:
                raise Unavailable("Redis is away")
            return await found(*arguments)

        return call


def test_without_coordination_mail_is_taken_and_waits() -> None:
    b = bench(start=False)
    away = Away(b.schedule)
    object.__setattr__(b.means, "schedule", away)
    b.start()
    b.submit("a@example.net")
    away.away = True
    b.submit("b@example.net")
    b.submit("c@example.net")
    b.clock.advance(120)
    assert len(b.waiting()) == 2
    paused = [event for event in b.world.log.named("queue") if event["outcome"] == "paused"]
    assert len(paused) == 1  # said once, not with every try
    away.away = False
    b.clock.advance(12)
    assert b.waiting() == []
    assert len(b.outbound.calls) == 3


def test_a_thousand_recipients_in_as_many_domains() -> None:
    b = bench(QueueSettings(jitter=0, concurrency=7))
    for start in range(0, 300, 100):
        b.submit(*(f"a@d{number}.example" for number in range(start, start + 100)))
    assert len(b.outbound.calls) == 300
    assert b.waiting() == []
    assert b.runner.working == 0


def test_failover_hops_stand_behind_each_other() -> None:
    b = bench()
    hops = (Hop("one.example", ("192.0.2.1",)), Hop("two.example", ("192.0.2.2",)))
    b.finding.says["example.net"] = Destination(hops)
    b.submit("a@example.net")
    assert b.outbound.calls[0].hops == hops


def recipients(entries: list[QueueEntry]) -> list[str]:
    return [entry.recipient for entry in entries]


def test_an_entry_that_was_put_off_meanwhile_is_not_tried() -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [LATER]
    b.submit("a@example.net")
    [entry] = b.waiting()
    held = run(b.world.store.queue.hold([entry.number], True, ACTOR))
    assert held == 1
    b.clock.advance(3 * HOUR)
    assert len(b.outbound.calls) == 1
    assert recipients(b.waiting()) == ["a@example.net"]


def test_a_message_that_brings_out_a_defect_holds_up_no_other() -> None:
    b = bench(start=False)
    b.submit("a@example.net")
    b.submit("b@example.net")
    b.outbound.breaks.add("a@example.net")
    b.start()
    [entry] = b.waiting()
    assert (entry.recipient, entry.attempts, entry.status) == ("a@example.net", 1, "4.3.0")
    assert b.outbound.recipients == [["a@example.net"], ["b@example.net"]]
    [event] = [one for one in b.world.log.named("queue") if one["outcome"] == "broken"]
    assert event["reason"] == "KeyError: 'broken'"


def test_a_damaged_message_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    b = bench(start=False)
    b.submit("a@example.net")
    b.submit("b@example.net")
    blobs = b.world.store.blobs
    read = type(blobs).read
    damaged = min(one.message for one in b.waiting())
    [first] = run(b.world.store.queue.messages([damaged]))

    async def reading(self: Any, refs: Any) -> Any:
        if any(ref.offset == first.blob.offset for ref in refs):
            raise Corrupt
        return await read(self, refs)

    monkeypatch.setattr(type(blobs), "read", reading)
    b.start()
    assert b.outbound.recipients == [["b@example.net"]]
    [entry] = b.waiting()
    assert (entry.attempts, entry.reply) == (1, "Stored data is damaged")


def test_a_new_route_holds_for_the_next_message() -> None:
    b = bench()
    b.submit("a@example.net")
    run(b.world.store.routes.add(Route(0, "example.net", "hub.example"), ACTOR))
    b.submit("b@example.net")
    assert [route.host if route else "" for _, route, _ in b.finding.asked] == ["", "hub.example"]


# -- several processes


def taken_far(change: Change) -> Change:
    return replace(change, far=True) if isinstance(change, Queued) else change


def beside_another(monkeypatch: pytest.MonkeyPatch) -> QueueBench:
    """All mail that comes is another process's."""
    b = bench(start=False)
    inner = b.world.store.watch

    def watch(listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        def far(changes: Sequence[Change]) -> None:
            listener([taken_far(one) for one in changes])

        return inner(far)

    monkeypatch.setattr(b.world.store, "watch", watch)
    b.start()
    return b


def test_new_mail_of_another_process_is_its_own_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    b = beside_another(monkeypatch)
    b.submit("a@example.net")
    b.clock.advance(CARE - 1)
    assert run(b.schedule.size()) == 0
    [entry] = b.waiting()
    run(b.schedule.put([Slot(entry.number, entry.due, entry.lane)]))
    assert b.outbound.recipients == [["a@example.net"]], "any process takes what is due"


def test_new_mail_of_a_process_that_died_is_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    b = beside_another(monkeypatch)
    b.submit("a@example.net")
    b.clock.advance(CARE + LOOK)
    assert b.outbound.recipients == [["a@example.net"]]
    assert b.waiting() == []


def test_what_the_other_process_put_off_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    b = beside_another(monkeypatch)
    b.submit("a@example.net")
    [entry] = b.waiting()
    later = int(b.clock.now()) + HOUR
    run(b.schedule.put([Slot(entry.number, later, entry.lane)]))
    b.clock.advance(CARE + LOOK)
    assert b.outbound.calls == []
    b.clock.advance(HOUR)
    assert len(b.outbound.calls) == 1


def test_what_is_over_by_then_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    b = beside_another(monkeypatch)
    b.submit("a@example.net", "b@example.net")
    run(b.queue.discard(QueueFilter(recipient="a@example.net"), ACTOR))
    b.clock.advance(CARE + LOOK)
    assert b.outbound.recipients == [["b@example.net"]]


def test_the_queue_is_counted_now_and_then_and_not_at_each_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    b = bench()
    b.outbound.says["slow@example.net"] = [LATER]
    b.submit("slow@example.net")
    queue = b.world.store.queue
    real, asked = queue.count, list[float]()

    def count() -> Any:
        asked.append(b.clock.seconds())
        return real()

    monkeypatch.setattr(queue, "count", count)
    for number in range(5):
        b.submit(f"a{number}@example.net")
    assert len(b.outbound.calls) == 6
    assert asked == []
    b.clock.advance(LOOK + 2)
    assert len(asked) == 1
    assert b.runner.size == 1


def test_what_there_was_no_room_for_is_begun_as_soon_as_there_is() -> None:
    b = bench(QueueSettings(jitter=0, concurrency=1))
    b.outbound.stops.add("a@example.net")
    b.submit("a@example.net")
    for number in range(4):
        b.submit(f"r{number}@{number}.example")
    assert len(b.outbound.calls) == 1
    b.outbound.release()
    assert b.waiting() == []


def test_what_its_lane_had_no_room_for_is_begun_as_soon_as_there_is() -> None:
    b = bench(QueueSettings(jitter=0, batch=1), limits=ScheduleLimits(lane=1))
    b.outbound.stops.add("r0@example.net")
    for number in range(4):
        b.submit(f"r{number}@example.net")
    assert len(b.outbound.calls) == 1
    b.outbound.release()
    assert b.waiting() == []


def test_the_schedule_is_not_asked_for_more_at_the_end_of_each_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    b = bench()
    real, asked = b.schedule.take, list[int]()

    def take(leases: int, entries: int, seconds: float) -> Any:
        asked.append(leases)
        return real(leases, entries, seconds)

    monkeypatch.setattr(b.schedule, "take", take)
    for number in range(5):
        b.submit(f"r{number}@{number}.example")
    assert b.waiting() == []
    assert len(asked) == 5
