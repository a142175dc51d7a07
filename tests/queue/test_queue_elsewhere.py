"""Mail for accounts that another server still keeps: it goes on there once, or comes home once."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from mailhub.core.elsewhere import PATIENCE, ElsewhereOrder
from mailhub.model.elsewhere import Elsewhere, Phase
from mailhub.model.envelope import ForwardPath
from mailhub.model.errors import MailLoop, OverQuota, Unavailable
from mailhub.model.outbound import Answer, Stage
from mailhub.model.route import TLSLevel
from mailhub.queue.elsewhere import recipient
from mailhub.wire import door
from tests.queue_bench import MESSAGE, QueueBench, bench
from tests.support import run
from tests.world import ACTOR, DOMAIN

JOE, ANN = f"joe@{DOMAIN}", f"ann@{DOMAIN}"
LANE = "elsewhere://old.example:24"
REMOTE = "a@remote.example"


def away(desk: QueueBench, address: str = ANN, **order: str) -> None:
    given = {"mail": "lmtp://old.example", **order}
    account = desk.world.people[address]
    run(desk.world.elsewheres.set(account, ElsewhereOrder(**given), ACTOR))


def phase(desk: QueueBench, phase: Phase, address: str = ANN) -> None:
    run(desk.world.elsewheres.change(desk.world.people[address].number, phase, ACTOR))


@pytest.fixture
def desk() -> QueueBench:
    made = bench(people=(JOE, ANN))
    away(made)
    return made


def test_it_goes_on_to_the_other_server(desk: QueueBench) -> None:
    desk.submit(ANN, sender=REMOTE)
    desk.clock.advance(1)
    (sent,) = desk.outbound.calls
    assert [one.recipient for one in sent.recipients] == [ANN]
    assert sent.sender.address == REMOTE
    _, route, _ = desk.finding.asked[0]
    assert route is not None
    assert (route.host, route.port, route.lmtp) == ("old.example", 24, True)
    assert (route.tls, route.implicit, route.guarded) == (TLSLevel.OPPORTUNISTIC, False, False)
    assert b"@elsewhere.invalid\r\n" in sent.data
    assert desk.mail(ANN) == desk.waiting() == []


def test_it_waits_while_the_account_moves_and_comes_home_then(desk: QueueBench) -> None:
    phase(desk, Phase.MOVING)
    desk.submit(ANN, sender=REMOTE)
    desk.clock.advance(1)
    (entry,) = desk.waiting()
    assert (entry.lane, entry.status, entry.attempts) == (LANE, "4.2.1", 1)
    phase(desk, Phase.HERE)
    desk.clock.advance(1)
    assert desk.outbound.calls == desk.waiting() == []
    (mail,) = desk.mail(ANN)
    assert f"Delivered-To: {ANN}".encode() in mail
    assert b"elsewhere.invalid" not in mail


def test_a_server_that_is_down_holds_no_mail_back_from_home(desk: QueueBench) -> None:
    desk.outbound.says[ANN] = [Answer(0, "4.4.1", "refused", Stage.CONNECT)]
    desk.submit(ANN, sender=REMOTE)
    desk.clock.advance(1)
    assert len(desk.waiting()) == 1
    phase(desk, Phase.HERE)
    desk.clock.advance(1)
    assert len(desk.mail(ANN)) == 1
    assert desk.waiting() == []


def test_however_many_accounts_it_is_one_server_that_is_down() -> None:
    people = tuple(f"p{number}@{DOMAIN}" for number in range(5))
    desk = bench(people=people)
    for one in people:
        away(desk, one)
        desk.outbound.says[one] = [Answer(0, "4.4.1", "refused", Stage.CONNECT)]
    desk.submit(*people, sender=REMOTE)
    desk.clock.advance(1)
    assert len(desk.outbound.calls) == 1
    assert {one.status for one in desk.waiting()} == {"4.4.1"}


def test_recipients_of_one_message_do_not_see_each_other() -> None:
    desk = bench(people=(JOE, ANN))
    away(desk)
    away(desk, JOE)
    desk.submit(ANN, JOE, sender=REMOTE)
    desk.clock.advance(1)
    assert sorted(desk.outbound.recipients) == [[ANN], [JOE]]
    assert all(call.data.count(b"elsewhere.invalid") == 1 for call in desk.outbound.calls)


def test_only_those_who_are_elsewhere_go_on(desk: QueueBench) -> None:
    desk.submit(ANN, JOE, sender=REMOTE)
    desk.clock.advance(1)
    assert desk.outbound.recipients == [[ANN]]
    assert len(desk.mail(JOE)) == 1


def test_what_comes_back_goes_round_no_further(desk: QueueBench) -> None:
    desk.submit(ANN, sender=REMOTE)
    desk.clock.advance(1)
    (sent,) = desk.outbound.calls
    with pytest.raises(MailLoop):
        desk.submit(ANN, sender=REMOTE, message=sent.data)
    phase(desk, Phase.HERE)  # the old server sends all on to here by now
    desk.submit(ANN, sender=REMOTE, message=sent.data)
    assert len(desk.mail(ANN)) == 1


def test_a_mailbox_that_is_full_here_is_none_of_the_other_servers_business() -> None:
    desk = bench(people=(JOE, ANN), quota=2000)
    desk.submit(ANN, sender=REMOTE, message=MESSAGE + b"x" * 1500)
    desk.clock.advance(60)  # what was known of the room is looked up anew
    with pytest.raises(OverQuota):
        run(desk.world.intake.recipient(ForwardPath(ANN), None, False, size=1500))
    away(desk)
    desk.submit(ANN, sender=REMOTE, message=MESSAGE + b"x" * 1500)
    desk.clock.advance(1)
    assert desk.outbound.recipients == [[ANN]]


def test_what_waited_for_the_mailbox_before_goes_on_too() -> None:
    desk = bench(people=(JOE, ANN))
    later = int(desk.clock.now()) + 100
    desk.submit(ANN, sender=REMOTE, hold_until=later)
    away(desk)
    desk.clock.advance(101)
    desk.clock.advance(2)
    assert desk.outbound.recipients == [[ANN]]
    assert desk.mail(ANN) == desk.waiting() == []


def test_a_message_that_is_not_finished_when_the_account_moves_is_not_finished(
    desk: QueueBench,
) -> None:
    desk.outbound.stops.add(ANN)
    desk.submit(ANN, sender=REMOTE)
    desk.clock.advance(1)
    (sent,) = desk.outbound.calls
    assert sent.holds()
    ann = desk.world.people[ANN].number
    moving = Deferred.fromCoroutine(desk.world.elsewheres.change(ann, Phase.MOVING, ACTOR))
    desk.clock.advance(1)
    assert not sent.holds()
    assert not moving.called
    desk.outbound.release()
    desk.clock.advance(1)
    assert moving.called
    assert desk.waiting() == []


def test_what_is_put_off_while_its_account_moves_is_tried_again_soon(desk: QueueBench) -> None:
    """Who changed the phase made due what waited, and this one did not yet."""
    desk.outbound.stops.add(ANN)
    desk.outbound.says[ANN] = [Answer(451, "4.3.0", "later", Stage.RCPT)]
    desk.submit(ANN, sender=REMOTE)
    desk.clock.advance(1)
    ann = desk.world.people[ANN].number
    moving = Deferred.fromCoroutine(desk.world.elsewheres.change(ann, Phase.MOVING, ACTOR))
    desk.outbound.release()
    for _ in range(5):
        desk.clock.advance(1)
    assert moving.called
    (entry,) = desk.waiting()
    assert (entry.status, entry.attempts) == ("4.2.1", 2)
    phase(desk, Phase.HERE)
    for _ in range(5):
        desk.clock.advance(1)
    assert len(desk.mail(ANN)) == 1
    assert desk.waiting() == []


def test_who_waits_too_long_for_it_is_told(desk: QueueBench) -> None:
    desk.outbound.stops.add(ANN)
    desk.submit(ANN, sender=REMOTE)
    desk.clock.advance(1)
    ann = desk.world.people[ANN].number
    moving = Deferred.fromCoroutine(desk.world.elsewheres.change(ann, Phase.MOVING, ACTOR))
    failures: list[object] = []
    moving.addErrback(lambda failure: failures.append(failure.value))
    desk.clock.advance(PATIENCE + 1)
    assert isinstance(failures[0], Unavailable)
    assert run(desk.world.elsewheres.known(ann)).phase is Phase.MOVING


def test_without_a_way_there_mail_waits() -> None:
    desk = bench(people=(JOE, ANN))
    away(desk, mail="", imap="imaps://old.example")
    desk.submit(ANN, sender=REMOTE)
    desk.clock.advance(1)
    (entry,) = desk.waiting()
    assert (entry.lane, entry.status) == ("elsewhere://", "4.4.4")


def test_a_refusal_there_suppresses_nobody_here(desk: QueueBench) -> None:
    desk.outbound.says[ANN] = [Answer(550, "5.1.1", "who?", Stage.RCPT)]
    desk.submit(ANN, sender=JOE)
    desk.clock.advance(1)
    assert run(desk.world.store.routes.suppressions()) == []
    assert b"who?" in desk.mail(JOE)[0]


def test_notifications_to_who_is_elsewhere_go_there(desk: QueueBench) -> None:
    desk.outbound.says["gone@remote.example"] = [Answer(550, "5.1.1", "who?", Stage.RCPT)]
    desk.submit("gone@remote.example", sender=ANN, message=MESSAGE.replace(b"joe@", b"ann@"))
    desk.clock.advance(1)
    desk.clock.advance(2)
    assert desk.outbound.recipients[-1] == [ANN]
    assert desk.mail(ANN) == []


NAMES = (
    (ANN, f"ann+list@{DOMAIN}", f"ann+list@{DOMAIN}"),
    (ANN, f"info@{DOMAIN}", ANN),
    (ANN, f"anna@{DOMAIN}", ANN),
    (ANN, "ann+x@other.example", ANN),
    ("u7", f"info@{DOMAIN}", "u7"),
)


@pytest.mark.parametrize(("name", "given", "wanted"), NAMES)
def test_the_address_there(name: str, given: str, wanted: str) -> None:
    lmtp = door.parse("lmtp://old.example", ("lmtp",), "mail")
    assert recipient(Elsewhere(1, name, mail=lmtp), lmtp, given) == wanted
    smtp = door.parse("smtp://old.example", ("smtp",), "mail")
    if name == "u7":
        assert recipient(Elsewhere(1, name, mail=smtp), smtp, given) == given
